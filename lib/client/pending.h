/*
 * The open calls: a pool of entries, found by request id and ordered by deadline.
 *
 * An entry has two holders: the call, until its end has been told, and the record, until its
 * delivery report has come. It goes back to the pool when both have let go, so neither a late
 * report nor a late reply can meet an entry that already belongs to another call.
 *
 *   reserve -> (filled in) -> open -> claim -> (its end is told) -> drop, drop
 *                              \-> withdraw, when the record could not be sent
 *
 * THREADS  Any, behind one mutex that is never held across a produce or a callback. Only the
 *          thread that runs the callbacks claims, and what it has claimed is its own.
 */
#ifndef POUCH_CLIENT_PENDING_H
#define POUCH_CLIENT_PENDING_H

#include <base/heap.h>
#include <base/idmap.h>
#include <pouch/client.h>
#include <pthread.h>
#include <stdatomic.h>
#include <wire/envelope.h>

struct pouch_gather;

struct pl_call {
    struct pl_heap_node timer; /* first, so that the heap's node is the call */
    struct pl_uuid id;
    pouch_reply_fn *replied; /* one of these three says what kind of call it is */
    struct pouch_gather *gather;
    pouch_stored_fn *stored;
    void *arg;
    size_t part; /* its goal in that */
    int timeout_ms;
    int iv_bytes;      /* of its record */
    pouch_err failed;  /* what it ends with when it was failed before any answer */
    uint32_t branches; /* of a fan-out, those that have failed; under the lock, as the next three */
    bool is_open;
    unsigned holders;
    struct pl_call *next;            /* in the pool, or among the failed */
    char topic[PL_NAME_MAX + 1];     /* where the record went, for messages */
    char publisher[PL_NAME_MAX + 1]; /* "": none; filled in only where messages are logged or validated */
};

struct pl_pending {
    pthread_mutex_t lock;
    struct pl_idmap calls;
    struct pl_heap timers;
    struct pl_call *pool, *failed;
    struct pl_slab *slabs;
    int64_t watched; /* the deadline that the client's thread waits for */
    bool closed;
    atomic_size_t open; /* reserved and not yet claimed */
    size_t max;
};

POUCH_MUST_CHECK pouch_err pl_pending_init(struct pl_pending *p, size_t max); /* NO_MEMORY */
void pl_pending_free(struct pl_pending *p);                                   /* nothing is open */

/*
 * n entries, all or none, each held by its call and its record. OVERLOADED: more than max would be open; CLOSED,
 * NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err pl_pending_reserve(struct pl_pending *p, struct pl_call *calls[], size_t n);

/*
 * From here on replies and the deadline find the calls, which are filled in by now. *sooner: the deadline
 * comes before the one that the client's thread waits for. After an error (CLOSED, NO_MEMORY) all n are back in the
 * pool.
 */
POUCH_MUST_CHECK pouch_err pl_pending_open(struct pl_pending *p, struct pl_call *const calls[], size_t n, int64_t due,
                                           bool *sooner);

/*
 * A record that was never sent: lets go of both holds. false: the call was claimed before, so its end has been told or
 * will be.
 */
bool pl_pending_withdraw(struct pl_pending *p, struct pl_call *call);

/*
 * A record that was never sent, where the caller is not told: claims the call, which pl_pending_expire() then gives
 * with `failed` = e.
 */
void pl_pending_fail(struct pl_pending *p, struct pl_call *call, pouch_err e);

/* Marks which of the ids belong to open calls. */
void pl_pending_known(struct pl_pending *p, const struct pl_uuid ids[], bool known[], size_t n);

/*
 * The i-th (from 1) of n branches of the call, which is none of a gather, has failed. True: others may still succeed,
 * so the call should wait on.
 */
bool pl_pending_branch_failed(struct pl_pending *p, const struct pl_uuid *id, unsigned i, unsigned n);

/*
 * The open call of that id, which an answer has come to: claimed, but for one of a gather, which may be answered more
 * than once and stays open until it is claimed below. NULL as there.
 */
struct pl_call *pl_pending_answered(struct pl_pending *p, const struct pl_uuid *id);

/* What the open call of that id was asked of, as in struct pl_call. false: there is none (any more). */
bool pl_pending_names(struct pl_pending *p, const struct pl_uuid *id, char topic[PL_NAME_MAX + 1],
                      char publisher[PL_NAME_MAX + 1]);

/* Takes the open call of that id out: it is the claimer's until dropped. NULL: there is none (any more). */
struct pl_call *pl_pending_claim(struct pl_pending *p, const struct pl_uuid *id);

/* Claims up to max calls that failed or whose deadline is not after now. */
size_t pl_pending_expire(struct pl_pending *p, int64_t now, struct pl_call *out[], size_t max);

/*
 * Whether a call to the topic is open that was made before `before`, monotonic. Looks at every open call: not on the
 * message path.
 */
bool pl_pending_waits(struct pl_pending *p, const char *topic, int64_t before);

/* Claims up to max of those. When there may be more, some that are left are found only by the next call. */
size_t pl_pending_claim_topic(struct pl_pending *p, const char *topic, int64_t before, struct pl_call *out[],
                              size_t max);

/* Takes no more calls; claims up to max of those that are open. */
size_t pl_pending_close(struct pl_pending *p, struct pl_call *out[], size_t max);

/* Whether the call has not ended; for one whose record the asker still holds. */
bool pl_pending_is_open(struct pl_pending *p, const struct pl_call *call);

/*
 * The call of a record that is only sent, which nobody finds or claims, ends: it counts no more as open, and its hold
 * is let go.
 */
void pl_pending_settle(struct pl_pending *p, struct pl_call *call);

/* Lets go of one hold on each. */
void pl_pending_drop(struct pl_pending *p, struct pl_call *const calls[], size_t n);

/* The next deadline, INT64_MAX when there is none; noted as the one that is waited for. */
int64_t pl_pending_due(struct pl_pending *p);

#endif
