/*
 * Requests under way, as the seed keeps them in Redis: kafka:pending-requests:ID with {requestId,timestamp,podId}, for
 * 300 s at most, and their ids in the sorted set kafka:pending-requests by when that ends. A request that ends within
 * SHARE_PENDING_AFTER_MS is never written down, which most do.
 *
 * It is for whoever looks. Nothing depends on it: what does not fit, or comes while Redis is away, is left out.
 */
#ifndef POUCH_SHARE_PENDING_H
#define POUCH_SHARE_PENDING_H

#include <base/idmap.h>
#include <pthread.h>
#include <share/share.h>
#include <stdatomic.h>

enum { SHARE_PENDING_AFTER_MS = 100, SHARE_PENDING_TTL_S = 300, SHARE_PENDING_MOST = 65536 };

/* Begins and ends a request; id as 36 characters. Any thread; s may be NULL. Never wait or fail. */
void share_pending_begin(struct share *s, const char *id);
void share_pending_end(struct share *s, const char *id);

/* How many of all gateways are written down, as last seen; -1: not known. s may be NULL. */
int64_t share_pending_all(struct share *s);

/* ---- the share's own ---- */

struct share_pending_entry;
struct share_pending {
    pthread_mutex_t lock;
    struct pl_idmap ids;
    struct share_pending_entry *first, *last; /* not written down yet, oldest first */
    struct share_pending_entry *ended;        /* to be taken out of Redis */
    _Atomic int64_t all;
    char instance[256];
    int64_t counted_us; /* the thread's: when all were last counted */
};
POUCH_MUST_CHECK pouch_err share_pending_init(struct share_pending *p, const char *instance); /* NO_MEMORY */
void share_pending_free(struct share_pending *p);

/* The share's thread: writes down what is due. When to come again, on the monotonic clock. */
int64_t share_pending_turn(struct share *s, int64_t now_us);

#endif
