/* What works on a thread of its own until it is told to stop: a center, a worker. */
#ifndef POUCH_BENCH_PART_H
#define POUCH_BENCH_PART_H

#include <pouch/error.h>
#include <pthread.h>
#include <stdatomic.h>

struct bench_kind {
    const char *name;
    pouch_err (*run)(void *it);
    void (*stop)(void *it); /* from any thread, before or during run */
    void (*free)(void *it);
};

/* All zero: not started. Stays where it is while it runs. */
struct bench_part {
    const struct bench_kind *kind;
    void *it;
    pthread_t thread;
    atomic_bool has_ended;
    pouch_err ended_with; /* when has_ended */
    char why[1024];
};

/* Takes `it`, also on error. NO_MEMORY. */
POUCH_MUST_CHECK pouch_err bench_part_start(struct bench_part *p, const struct bench_kind *kind, void *it);

/* Stops, waits and frees; gives the error that it has ended with. One that was not started is OK. */
POUCH_MUST_CHECK pouch_err bench_part_stop(struct bench_part *p);

#endif
