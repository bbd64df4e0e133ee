/*
 * Where notes and replies are found by request id: in Redis, or in the memory of this process. They are kept as they
 * came, sealed. A note is kept for twice as long as a reply, so that one can be told that is gone.
 *
 * Callbacks: of Redis on the share's thread, of memory before the call returns. After an error there is none.
 */
#ifndef POUCH_ASYNC_INDEX_H
#define POUCH_ASYNC_INDEX_H

#include <async/memory.h>
#include <base/clock.h>
#include <pthread.h>
#include <share/share.h>
#include <wire/envelope.h>

/*
 * A record that Kafka has not taken by then is given up, sooner than is usual as a call of HTTP waits for it. What
 * takes longer was to be sent by a gateway that has been killed.
 */
enum { ASYNC_SEND_MS = 10000 };

enum { ASYNC_CLIENT_MAX = PL_NAME_MAX, ASYNC_NONCE_MAX = 37 };

struct async_index {
    struct share *share; /* NULL: memory */
    const struct pl_clock *clock;
    int64_t retention_ms;
    char prefix[ASYNC_CLIENT_MAX + 16]; /* of keys in Redis: one client id's are together */
    struct async_memory memory;
};

/* memory_bytes: what is kept at most without Redis; the oldest go first. NO_MEMORY. */
POUCH_MUST_CHECK pouch_err async_index_init(struct async_index *ix, struct share *share, const char *client_id,
                                            int64_t retention_ms, size_t memory_bytes);
void async_index_free(struct async_index *ix);

/* It is kept, or was too old to be (POUCH_OK); or STORE. */
typedef void async_kept_fn(pouch_err e, void *arg);

/* A record as it came, and when it was written. key: the hash of an idempotency key, or NULL. */
struct async_record {
    struct pl_uuid id;
    struct pl_span bytes;
    int64_t at_ms;
};
POUCH_MUST_CHECK pouch_err async_index_note(struct async_index *ix, const struct async_record *r,
                                            const struct pl_uuid *key, async_kept_fn *done, void *arg);
/* firm: it stands in place of what was there; else it does not, as an error may be followed by a success. */
POUCH_MUST_CHECK pouch_err async_index_reply(struct async_index *ix, const struct async_record *r, bool firm,
                                             async_kept_fn *done, void *arg);
/* The request has been sent. */
POUCH_MUST_CHECK pouch_err async_index_sent(struct async_index *ix, const struct pl_uuid *id, int64_t at_ms,
                                            async_kept_fn *done, void *arg);
/* The request has never been sent: forgets its note and its key (may be NULL), unless that is another one's by now. */
POUCH_MUST_CHECK pouch_err async_index_drop(struct async_index *ix, const struct pl_uuid *id, const struct pl_uuid *key,
                                            async_kept_fn *done, void *arg);

typedef void async_look_fn(pouch_err e, const struct async_look *look_or_null, void *arg);
POUCH_MUST_CHECK pouch_err async_index_find(struct async_index *ix, const struct pl_uuid *id, async_look_fn *done,
                                            void *arg);

/*
 * Takes the key for a request, for ASYNC_CLAIM_MS unless its note is kept meanwhile. *winner is whose it is now; not if
 * it may have been another's before what the index has lost: then STORE.
 */
enum { ASYNC_CLAIM_MS = 30000 };
typedef void async_claimed_fn(pouch_err e, const struct pl_uuid *winner_or_null, void *arg);
POUCH_MUST_CHECK pouch_err async_index_claim(struct async_index *ix, const struct pl_uuid *key,
                                             const struct pl_uuid *id, async_claimed_fn *done, void *arg);

/*
 * Takes it upon oneself to send a request, for as long as that may take. is_ours false: another gateway does so at this
 * moment, or it is known to have been sent.
 */
typedef void async_taken_fn(pouch_err e, bool is_ours, void *arg);
POUCH_MUST_CHECK pouch_err async_index_take(struct async_index *ix, const struct pl_uuid *id, async_taken_fn *done,
                                            void *arg);

/* ---- whether the index has all there is ---- */

/* Of Redis, asked now and then: POUCH_OK and what it says. */
enum async_whole { ASYNC_WHOLE, ASYNC_LOST, ASYNC_BEING_READ };
typedef void async_whole_fn(pouch_err e, enum async_whole whole, void *arg);
/*
 * LOST is told to one gateway at a time, which then reads the topic again under that nonce; the others are told
 * BEING_READ.
 */
POUCH_MUST_CHECK pouch_err async_index_ask(struct async_index *ix, const char *nonce, async_whole_fn *done, void *arg);
/* Still at it, for another while: STORE where another gateway has begun, or Redis was emptied meanwhile. */
POUCH_MUST_CHECK pouch_err async_index_hold(struct async_index *ix, const char *nonce, async_kept_fn *done, void *arg);
/* All has been read. STORE as above, and then it is not whole. */
POUCH_MUST_CHECK pouch_err async_index_whole(struct async_index *ix, const char *nonce, async_kept_fn *done, void *arg);

#endif
