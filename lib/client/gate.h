/*
 * What may not go out yet: records that wait, in order, until the client knows enough about
 * the cluster. Once open a gate stays open, and nobody takes its lock any more.
 *
 * THREADS  pl_gate_is_open() and pl_gate_hold() any; the rest the client's thread.
 */
#ifndef POUCH_CLIENT_GATE_H
#define POUCH_CLIENT_GATE_H

#include <bus/producer.h>
#include <pthread.h>
#include <stdatomic.h>

struct pl_held {
    struct pl_held *next;
    struct pl_record record; /* all it points to lies behind this struct */
    int64_t give_up_us;      /* monotonic: when the wait for a broker ends */
    size_t bytes;
};

struct pl_gate {
    pthread_mutex_t lock;
    atomic_bool open;
    struct pl_held *first, **last;
    size_t bytes, max_bytes;
    size_t count, max_count;
};

POUCH_MUST_CHECK pouch_err pl_gate_init(struct pl_gate *g, size_t max_bytes, size_t max_count); /* NO_MEMORY */
void pl_gate_free(struct pl_gate *g);                                                           /* empty */

bool pl_gate_is_open(const struct pl_gate *g);

/* Keeps a copy of r. *held is false when the gate has opened meanwhile: the caller then sends r itself. OVERLOADED at a bound, NO_MEMORY. */
POUCH_MUST_CHECK pouch_err pl_gate_hold(struct pl_gate *g, const struct pl_record *r, int64_t give_up_us, bool *held);

/* The record that has waited longest, NULL when none waits. It stays in until popped. */
struct pl_held *pl_gate_first(struct pl_gate *g);
void pl_gate_pop(struct pl_gate *g);

/* Takes out each record for which fn is true, under the gate's lock. */
typedef bool pl_gate_sift_fn(const struct pl_held *h, void *arg);
void pl_gate_sift(struct pl_gate *g, pl_gate_sift_fn *fn, void *arg);

/* Opens the gate if nothing waits any more; whether it is open. */
bool pl_gate_open_if_empty(struct pl_gate *g);

#endif
