/* Requests as bytes. No I/O. A frame is written whole, with stream 0; its stream is put in when it is sent. */
#ifndef POUCH_CQL_FRAME_H
#define POUCH_CQL_FRAME_H

#include <base/buf.h>
#include <cql/cql.h>
#include <cql/prepared.h>

enum {
    PL_CQL_HEAD = 9, /* bytes of a frame's header: version, flags, stream (2), opcode, length (4) */
    PL_CQL_VERSION = 4
};

enum pl_cql_op {
    PL_CQL_OP_ERROR = 0x00,
    PL_CQL_OP_STARTUP = 0x01,
    PL_CQL_OP_READY = 0x02,
    PL_CQL_OP_AUTHENTICATE = 0x03,
    PL_CQL_OP_OPTIONS = 0x05,
    PL_CQL_OP_SUPPORTED = 0x06,
    PL_CQL_OP_QUERY = 0x07,
    PL_CQL_OP_RESULT = 0x08,
    PL_CQL_OP_PREPARE = 0x09,
    PL_CQL_OP_EXECUTE = 0x0a,
    PL_CQL_OP_EVENT = 0x0c,
    PL_CQL_OP_BATCH = 0x0d,
    PL_CQL_OP_AUTH_CHALLENGE = 0x0e,
    PL_CQL_OP_AUTH_RESPONSE = 0x0f,
    PL_CQL_OP_AUTH_SUCCESS = 0x10
};

/* What stands behind a query's text or id beside its values. */
struct pl_cql_parameters {
    enum pl_cql_consistency consistency, serial;
    int64_t timestamp_us; /* 0: none */
    int32_t page_size;    /* 0: no paging */
    const char *paging;   /* where the page begins; NULL: the first */
    size_t paging_n;
};

/*
 * Each appends one frame to an empty buffer. NO_MEMORY, TOO_LARGE (the buffer's max). Those with values also CONFIG:
 * too many of them, or one that does not fit its column, which the message names.
 */
POUCH_MUST_CHECK pouch_err pl_cql_frame_startup(struct pl_buf *b);
POUCH_MUST_CHECK pouch_err pl_cql_frame_options(struct pl_buf *b);
POUCH_MUST_CHECK pouch_err pl_cql_frame_plain(struct pl_buf *b, const char *user, const char *password);
POUCH_MUST_CHECK pouch_err pl_cql_frame_prepare(struct pl_buf *b, const char *text);
POUCH_MUST_CHECK pouch_err pl_cql_frame_query(struct pl_buf *b, const char *text, const struct pl_cql_parameters *p);
POUCH_MUST_CHECK pouch_err pl_cql_frame_execute(struct pl_buf *b, const struct pl_cql_bound *bound,
                                                const struct pl_cql_parameters *p);
POUCH_MUST_CHECK pouch_err pl_cql_frame_batch(struct pl_buf *b, const struct pl_cql_bound bound[], size_t n,
                                              const struct pl_cql_parameters *p);

void pl_cql_frame_set_stream(char *frame, uint16_t stream);

/*
 * The bytes that Cassandra hashes for the partition of bound, into key (emptied first). *whole: false when the
 * statement does not tell its partition or a part of it is null. NO_MEMORY, TOO_LARGE.
 */
POUCH_MUST_CHECK pouch_err pl_cql_routing_key(struct pl_buf *key, const struct pl_cql_bound *bound, bool *whole);

#endif
