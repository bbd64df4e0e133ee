/*
 * What may not go out yet: records that wait, in order, until the client knows enough about
 * the cluster. Once open a sluice stays open, and nobody takes its lock any more.
 *
 * THREADS  pl_sluice_is_open() and pl_sluice_hold() any; the rest the client's thread.
 */
#ifndef POUCH_CLIENT_SLUICE_H
#define POUCH_CLIENT_SLUICE_H

#include <bus/producer.h>
#include <pthread.h>
#include <stdatomic.h>

struct pl_held {
    struct pl_held *next;
    struct pl_record record; /* all it points to lies behind this struct */
    int64_t give_up_us;      /* monotonic: when the wait for a broker ends */
    size_t bytes;
};

struct pl_sluice {
    pthread_mutex_t lock;
    atomic_bool open;
    struct pl_held *first, **last;
    size_t bytes, max_bytes;
    size_t count, max_count;
};

POUCH_MUST_CHECK pouch_err pl_sluice_init(struct pl_sluice *g, size_t max_bytes, size_t max_count); /* NO_MEMORY */
void pl_sluice_free(struct pl_sluice *g);                                                           /* empty */

bool pl_sluice_is_open(const struct pl_sluice *g);

/*
 * Keeps a copy of r. *held is false when the sluice has opened meanwhile: the caller then sends r itself. OVERLOADED at
 * a bound, NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err pl_sluice_hold(struct pl_sluice *g, const struct pl_record *r, int64_t give_up_us,
                                          bool *held);

/* The record that has waited longest, NULL when none waits. It stays in until popped. */
struct pl_held *pl_sluice_first(struct pl_sluice *g);
void pl_sluice_pop(struct pl_sluice *g);

/* Takes out each record for which fn is true, under the sluice's lock. */
typedef bool pl_sluice_sift_fn(const struct pl_held *h, void *arg);
void pl_sluice_sift(struct pl_sluice *g, pl_sluice_sift_fn *fn, void *arg);

/* Opens the sluice if nothing waits any more; whether it is open. */
bool pl_sluice_open_if_empty(struct pl_sluice *g);

#endif
