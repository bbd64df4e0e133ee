/* What stands in front of a payload in Confluent's wire format: a zero byte and the schema's id, big-endian. */
#ifndef POUCH_SCHEMA_FRAME_H
#define POUCH_SCHEMA_FRAME_H

#include <base/buf.h>
#include <pouch/error.h>
#include <stddef.h>
#include <stdint.h>

enum { SCHEMA_FRAME_BYTES = 5 };

/* Errors as pl_buf_append(). */
POUCH_MUST_CHECK pouch_err schema_frame_put(struct pl_buf *out, uint32_t id);

/* INVALID_PAYLOAD: there is none. */
POUCH_MUST_CHECK pouch_err schema_frame_read(const void *framed, size_t n, uint32_t *id);

#endif
