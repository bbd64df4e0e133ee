/*
 * Whether the wall clock can be believed. Deadlines come from other hosts as wall time, so while
 * ours jumps, or while records come from the future, no request may be called late by it. Distrust
 * lasts a minute after the last sign of it. One thread checks; any thread asks.
 */
#ifndef POUCH_BASE_CLOCKCHECK_H
#define POUCH_BASE_CLOCKCHECK_H

#include <base/clock.h>
#include <stdatomic.h>
#include <stdbool.h>

enum {
    PL_CLOCK_DISTRUST_MS = 60000,
    PL_CLOCK_UNSURE_MS =
        100 /* what rounding, slow corrections and a thread that has to wait for a core may make of a good clock */
};

struct pl_clockcheck {
    const struct pl_clock *clock;
    int64_t tolerance_ms;     /* how far the clocks of two hosts may differ; PL_CLOCK_UNSURE_MS at least */
    int64_t wall_ms, mono_us; /* when last checked */
    int64_t trust_from_us;    /* on the monotonic clock; 0: never distrusted */
    atomic_bool trusted;
};

void pl_clockcheck_init(struct pl_clockcheck *c, const struct pl_clock *clock, int64_t tolerance_ms);

/* Compares how far both clocks have moved since the last call. Call it every second or so. */
void pl_clockcheck_tick(struct pl_clockcheck *c);

/* A record that was written at wall time ms has been read. */
void pl_clockcheck_record(struct pl_clockcheck *c, int64_t ms);

static inline bool pl_clockcheck_trusted(const struct pl_clockcheck *c) {
    return atomic_load_explicit(&c->trusted, memory_order_relaxed);
}

#endif
