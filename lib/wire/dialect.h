/*
 * Dialects: how a family of peers wraps plaintext and names its reply topic. The envelope
 * around it is the same for all. One file a dialect, each exporting one const table.
 */
#ifndef POUCH_WIRE_DIALECT_H
#define POUCH_WIRE_DIALECT_H

#include <base/buf.h>
#include <wire/envelope.h>

/*
 * A reply's plaintext, read or to be written. Spans are borrowed. payload is one JSON text or absent, which in a
 * success means null: so splp's peers write a handler that returns nothing.
 */
struct pl_reply_text {
    struct pl_uuid id;
    struct pl_span payload;
    int64_t timestamp; /* ms since the epoch */
    bool success;
    struct pl_span error; /* text: raw JSON string contents when read, plain UTF-8 when written */
    struct pl_span code;  /* Pouch's own member: the error's wire code; absent from peers */
};

struct pl_dialect {
    const char *name;         /* setting value: "splp" */
    const char *reply_suffix; /* the worker's fallback: "<topic>.replies" */

    /* Where the payload lies in a request's plaintext. INVALID_PAYLOAD. */
    pouch_err (*read_request)(struct pl_span *payload, const char *plain, size_t n);
    /* Appends a request's plaintext. NO_MEMORY, TOO_LARGE. */
    pouch_err (*write_request)(struct pl_buf *out, const struct pl_uuid *id, const char *json, size_t n,
                               int64_t now_ms);
    /* INVALID_PAYLOAD: not this dialect's reply. */
    pouch_err (*read_reply)(struct pl_reply_text *reply, const char *plain, size_t n);
    pouch_err (*write_reply)(struct pl_buf *out, const struct pl_reply_text *reply);
};

extern const struct pl_dialect pl_dialect_splp; /* the documents' own, also spoken by Java workers */

#endif
