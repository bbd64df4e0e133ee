/* What a task and its reply look like; no I/O. Read at their top level only, which has 64 members at most. */
#ifndef POUCH_PLAIN_MESSAGE_H
#define POUCH_PLAIN_MESSAGE_H

#include <base/buf.h>
#include <plain/plain.h>
#include <wire/envelope.h>

struct plain_task {
    struct pl_span json; /* without the space around it */
    struct pl_span id;   /* raw string contents; at NULL: it has none */
    bool empty;          /* it has no members */
};

/* INVALID_PAYLOAD: not one JSON object, or its id is no string. */
POUCH_MUST_CHECK pouch_err plain_task_read(struct plain_task *t, const void *json, size_t n);

/* Appends the task with that id as its first member; it has none of its own. TOO_LARGE, NO_MEMORY. */
POUCH_MUST_CHECK pouch_err plain_task_write(struct pl_buf *out, const struct plain_task *t, const char *id);

struct plain_answer {
    struct pl_span id;    /* raw string contents */
    bool success;         /* the status is 'success', or there is none */
    struct pl_span error; /* raw string contents; at NULL: no text was given */
};

/* INVALID_PAYLOAD: not a JSON object with an id. */
POUCH_MUST_CHECK pouch_err plain_answer_read(struct plain_answer *a, const void *json, size_t n);

/*
 * Reads escapes. The length, 1 to PLAIN_ID_MAX, with a NUL behind it; 0: no such text can be an id, because it is
 * empty, longer, or has control characters.
 */
size_t plain_id_read(char out[PLAIN_ID_MAX + 1], struct pl_span raw);

/* The same for text that is no JSON: what a header holds. */
size_t plain_id_take(char out[PLAIN_ID_MAX + 1], const void *text, size_t n);

#endif
