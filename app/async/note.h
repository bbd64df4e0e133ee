/* What is noted of a request before it is sent: the plaintext of a sealed record. */
#ifndef POUCH_ASYNC_NOTE_H
#define POUCH_ASYNC_NOTE_H

#include <base/buf.h>
#include <base/uuid.h>
#include <stdbool.h>

enum { ASYNC_OWNER_MAX = 512 };

struct async_note {
    struct pl_uuid id;
    char owner[ASYNC_OWNER_MAX + 1];
    int64_t asked_ms, deadline_ms;
    bool has_key;
    struct pl_uuid key;  /* a hash of owner and idempotency key */
    struct pl_uuid body; /* a hash of what was asked */
};

POUCH_MUST_CHECK pouch_err async_note_write(struct pl_buf *out, const struct async_note *note); /* NO_MEMORY */
/* INVALID_PAYLOAD: not a note. NO_MEMORY. */
POUCH_MUST_CHECK pouch_err async_note_read(struct async_note *note, const char *text, size_t n);

#endif
