/* The end of a call that asks several times and shall not take longer than it was told to. Inside the room. */
#ifndef POUCH_CLUSTER_UNTIL_H
#define POUCH_CLUSTER_UNTIL_H

#include <base/clock.h>
#include <stdbool.h>

static inline int64_t pl_until_us(int timeout) {
    return pl_mono_us(&pl_clock_system) + (int64_t)timeout * 1000;
}

static inline bool pl_is_past(int64_t until_us) {
    return pl_mono_us(&pl_clock_system) >= until_us;
}

/* What is left of it, at least 1 ms: librdkafka takes 0 for another meaning in places. */
static inline int pl_left_ms(int64_t until_us) {
    int64_t us = until_us - pl_mono_us(&pl_clock_system);
    return us > 1000 ? (int)(us / 1000) : 1;
}

static inline int pl_at_most(int ms, int most) {
    return ms < most ? ms : most;
}

#endif
