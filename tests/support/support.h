/* What every unit test includes first. */
#ifndef POUCH_TESTS_SUPPORT_H
#define POUCH_TESTS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <base/clock.h>
#include <string.h>

/* A clock that stands still until a test moves it. */
struct test_clock {
    struct pl_clock clock;
    int64_t mono_us, wall_ms;
};

static inline int64_t test_clock_mono(void *arg) {
    return ((struct test_clock *)arg)->mono_us;
}

static inline int64_t test_clock_wall(void *arg) {
    return ((struct test_clock *)arg)->wall_ms;
}

static inline void test_clock_init(struct test_clock *c) {
    c->mono_us = 1000000;
    c->wall_ms = 1700000000000;
    c->clock = (struct pl_clock){test_clock_mono, test_clock_wall, c};
}

#endif
