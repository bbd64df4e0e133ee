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

/*
 * A skip is seen: a program that has skipped a test, and in which none failed, ends with TEST_SKIPPED. Where tests may
 * be skipped ctest shows that (cmake/tests.cmake); elsewhere it is a failure.
 */
enum { TEST_SKIPPED = 77 };
static int test_skips;

static inline int test_ended(int failed) {
    return !failed && test_skips ? TEST_SKIPPED : failed;
}

#undef skip
#define skip() (test_skips++, _skip(__FILE__, __LINE__))
#undef cmocka_run_group_tests
#define cmocka_run_group_tests(tests, setup, teardown) \
    test_ended(_cmocka_run_group_tests(#tests, tests, sizeof(tests) / sizeof((tests)[0]), setup, teardown))

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
