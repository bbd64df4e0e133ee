/* A request on its way to being stored. */
#ifndef POUCH_ASYNC_POST_H
#define POUCH_ASYNC_POST_H

#include <async/state.h>
#include <wire/dest.h>

enum { ASYNC_DIGITS_MAX = 20 };

struct async_post {
    struct async *a;
    async_stored_fn *done;
    void *arg;
    struct async_note note;
    char id[37];    /* the note's */
    bool is_before; /* another one's, met by its key */
    bool is_sent;   /* its note is stored; what is reported now is the request */
    struct pl_buf note_sealed, request_sealed;
    struct pl_buf json; /* with a key: what was asked, as it may have to be sealed for the request before */

    /* The request's record; in `block`, or in here. */
    const char *topic, *publisher, *key;
    size_t key_n, iv_bytes;
    struct pl_header *headers;
    size_t n_headers;
    char deadline[ASYNC_DIGITS_MAX];
    void *block;
};

/* TOO_LARGE, INVALID_PAYLOAD, CONFIG (of the key ring, or a name that is too long), NO_MEMORY. */
POUCH_MUST_CHECK pouch_err async_post_make(struct async_post **p, struct async *a, const struct async_ask *ask);
void async_post_free(struct async_post *p);

/* Seals the note alone, with what has become of the request. */
POUCH_MUST_CHECK pouch_err async_post_seal_note(struct async_post *p, enum async_fate fate);

/* Seals note and request, anew where its id is another one by now. */
POUCH_MUST_CHECK pouch_err async_post_seal(struct async_post *p);

#endif
