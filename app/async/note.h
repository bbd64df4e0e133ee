/* What is noted of a request: the plaintext of a sealed record. */
#ifndef POUCH_ASYNC_NOTE_H
#define POUCH_ASYNC_NOTE_H

#include <base/buf.h>
#include <base/uuid.h>
#include <stdbool.h>

enum { ASYNC_OWNER_MAX = 512 };

/* Sealed with the rest, or a copy of a note could be made to say something else. */
enum async_fate {
    ASYNC_ASKED, /* it is about to be sent */
    ASYNC_SENT,
    ASYNC_VOID, /* it never was */
};

struct async_note {
    struct pl_uuid id;
    enum async_fate fate;
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
