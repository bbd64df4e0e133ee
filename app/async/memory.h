/*
 * The index of one gateway without Redis: bounded by bytes, the oldest go first. Any thread, behind one lock.
 */
#ifndef POUCH_ASYNC_MEMORY_H
#define POUCH_ASYNC_MEMORY_H

#include <base/idmap.h>
#include <pthread.h>
#include <stdbool.h>
#include <wire/envelope.h>

/* What is there of a request; at NULL: nothing. complete: what is not there has never been, or is too old. */
struct async_look {
    struct pl_span note, reply;
    bool sent; /* it is known to have been */
    bool complete;
};

struct async_kept;
struct async_memory {
    pthread_mutex_t lock;
    struct pl_idmap requests, keys;   /* struct async_kept; of keys: of those that have one */
    struct async_kept *oldest, **end; /* in the order in which they came */
    size_t bytes, most;
    bool complete;
};

POUCH_MUST_CHECK pouch_err async_memory_init(struct async_memory *m, size_t most_bytes); /* NO_MEMORY */
void async_memory_free(struct async_memory *m);
void async_memory_set_complete(struct async_memory *m, bool complete);

/* until_ms: when it is to go. What has no room is left out, and counted. NO_MEMORY. key may be NULL. */
POUCH_MUST_CHECK pouch_err async_memory_note(struct async_memory *m, const struct pl_uuid *id,
                                             const struct pl_uuid *key, struct pl_span bytes, int64_t until_ms);
POUCH_MUST_CHECK pouch_err async_memory_reply(struct async_memory *m, const struct pl_uuid *id, struct pl_span bytes,
                                              bool firm, int64_t until_ms);
POUCH_MUST_CHECK pouch_err async_memory_sent(struct async_memory *m, const struct pl_uuid *id, int64_t until_ms);
void async_memory_drop(struct async_memory *m, const struct pl_uuid *id); /* and its key, if that is still its own */
void async_memory_expire(struct async_memory *m, int64_t now_ms);

/* *winner is id when the key is free. STORE: it is not complete. NO_MEMORY. */
POUCH_MUST_CHECK pouch_err async_memory_claim(struct async_memory *m, const struct pl_uuid *key,
                                              const struct pl_uuid *id, int64_t now_ms, int64_t until_ms,
                                              struct pl_uuid *winner);

/* Whether it is the caller's to send until then: nobody else's, and not known to have been sent. */
bool async_memory_take(struct async_memory *m, const struct pl_uuid *id, int64_t now_ms, int64_t until_ms);

/* Calls fn under the lock. */
typedef void async_memory_fn(const struct async_look *look, void *arg);
void async_memory_find(struct async_memory *m, const struct pl_uuid *id, int64_t now_ms, async_memory_fn *fn,
                       void *arg);

#endif
