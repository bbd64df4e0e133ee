/*
 * Time, injectable. Timers use the monotonic clock; the wall clock is only for what others
 * read (deadlines on the wire, timestamps, logs).
 */
#ifndef POUCH_BASE_CLOCK_H
#define POUCH_BASE_CLOCK_H

#include <stdint.h>

struct pl_clock {
    int64_t (*mono_us)(void *arg); /* microseconds from any fixed point, never back */
    int64_t (*wall_ms)(void *arg); /* milliseconds since the epoch */
    void *arg;
};

extern const struct pl_clock pl_clock_system;

static inline int64_t pl_mono_us(const struct pl_clock *c) {
    return c->mono_us(c->arg);
}
static inline int64_t pl_wall_ms(const struct pl_clock *c) {
    return c->wall_ms(c->arg);
}

/* Microseconds since the epoch; whole milliseconds from a clock that was injected. */
int64_t pl_wall_us(const struct pl_clock *c);

#endif
