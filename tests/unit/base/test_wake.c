/* The wake-up: it wakes, it stays awake until cleared, and no signal is lost. */
#include <support.h>

#include <base/wake.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct pl_wake *before_read, *after_read;

/* Stands in for the C library's: a signal may come at the worst time of a clear. */
ssize_t read(int fd, void *bytes, size_t n) {
    if (before_read) pl_wake_signal(before_read);
    ssize_t got = syscall(SYS_read, fd, bytes, n);
    if (after_read) pl_wake_signal(after_read);
    return got;
}

static bool readable(const struct pl_wake *w) {
    struct pollfd p = {.fd = w->fd, .events = POLLIN};
    return poll(&p, 1, 0) == 1;
}

static void a_signal_stays_until_cleared(void **state) {
    (void)state;
    struct pl_wake w;
    assert_int_equal(pl_wake_init(&w), POUCH_OK);
    for (int round = 0; round < 3; round++) {
        assert_false(readable(&w));
        pl_wake_signal(&w);
        pl_wake_signal(&w);
        assert_true(readable(&w));
        pl_wake_clear(&w);
        assert_false(readable(&w));
        pl_wake_clear(&w);
    }
    pl_wake_free(&w);
}

static void waiting_ends_with_a_signal_and_clears_it(void **state) {
    (void)state;
    struct pl_wake w;
    assert_int_equal(pl_wake_init(&w), POUCH_OK);
    pl_wake_signal(&w);
    pl_wake_wait(&w, -1);
    assert_false(readable(&w));
    pl_wake_signal(&w);
    pl_wake_wait(&w, INT64_MAX);
    assert_false(readable(&w));
    pl_wake_free(&w);
}

static void waiting_ends_with_the_time(void **state) {
    (void)state;
    struct pl_wake w;
    assert_int_equal(pl_wake_init(&w), POUCH_OK);
    pl_wake_wait(&w, 0);
    int64_t start = pl_mono_us(&pl_clock_system);
    pl_wake_wait(&w, 2500);
    assert_true(pl_mono_us(&pl_clock_system) - start >= 2500);
    pl_wake_free(&w);
}

/* librdkafka writes to the descriptor without our knowing. */
static void a_write_from_outside_wakes_too(void **state) {
    (void)state;
    struct pl_wake w;
    const uint64_t one = 1;
    assert_int_equal(pl_wake_init(&w), POUCH_OK);
    for (int round = 0; round < 3; round++) {
        assert_int_equal(write(w.fd, &one, sizeof one), sizeof one);
        pl_wake_wait(&w, -1);
        pl_wake_signal(&w);
        assert_true(readable(&w));
        pl_wake_wait(&w, -1);
        assert_false(readable(&w));
    }
    pl_wake_free(&w);
}

static void no_descriptor_left_is_told(void **state) {
    (void)state;
    struct rlimit old, none;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    none = (struct rlimit){0, old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    struct pl_wake w;
    pouch_err e = pl_wake_init(&w);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    assert_int_equal(e, POUCH_E_OVERLOADED);
    assert_non_null(strstr(pouch_why(), "limit of open files"));
    pl_wake_free(&w);
}

static void a_signal_amid_a_clear_does_not_silence_later_ones(void **state) {
    (void)state;
    struct pl_wake w;
    assert_int_equal(pl_wake_init(&w), POUCH_OK);
    for (int when = 1; when < 4; when++) {
        pl_wake_signal(&w);
        before_read = when & 1 ? &w : NULL;
        after_read = when & 2 ? &w : NULL;
        pl_wake_clear(&w);
        before_read = after_read = NULL;
        pl_wake_signal(&w);
        assert_true(readable(&w));
        pl_wake_clear(&w);
        assert_false(readable(&w));
    }
    pl_wake_free(&w);
}

enum { SIGNALLERS = 2, SIGNALS = 50000 };

struct work {
    struct pl_wake wake;
    atomic_int todo[SIGNALLERS];
};

struct signaller {
    struct work *work;
    int number;
};

/* Waits after each signal until it was seen, so one that got lost would leave both sides waiting. */
static void *signal_often(void *arg) {
    struct signaller *s = arg;
    atomic_int *mine = &s->work->todo[s->number];
    for (int i = 0; i < SIGNALS; i++) {
        atomic_store_explicit(mine, 1, memory_order_relaxed);
        pl_wake_signal(&s->work->wake);
        if (i % 4 == s->number)
            while (atomic_load_explicit(mine, memory_order_relaxed)) sched_yield();
    }
    atomic_store_explicit(mine, 2, memory_order_relaxed);
    pl_wake_signal(&s->work->wake);
    return NULL;
}

/* Sleeps with no time limit between the looks at its work: the program's time limit is what fails. */
static void no_signal_is_lost_between_threads(void **state) {
    (void)state;
    struct work work = {0};
    struct signaller signallers[SIGNALLERS];
    pthread_t threads[SIGNALLERS];
    assert_int_equal(pl_wake_init(&work.wake), POUCH_OK);
    for (int i = 0; i < SIGNALLERS; i++) {
        signallers[i] = (struct signaller){&work, i};
        assert_int_equal(pthread_create(&threads[i], NULL, signal_often, &signallers[i]), 0);
    }
    for (int ended = 0; ended < SIGNALLERS;) {
        pl_wake_wait(&work.wake, -1);
        for (int i = 0; i < SIGNALLERS; i++) ended += atomic_exchange(&work.todo[i], 0) == 2;
    }
    for (int i = 0; i < SIGNALLERS; i++) assert_int_equal(pthread_join(threads[i], NULL), 0);
    pl_wake_free(&work.wake);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signal_stays_until_cleared),
        cmocka_unit_test(waiting_ends_with_a_signal_and_clears_it),
        cmocka_unit_test(waiting_ends_with_the_time),
        cmocka_unit_test(a_write_from_outside_wakes_too),
        cmocka_unit_test(no_descriptor_left_is_told),
        cmocka_unit_test(a_signal_amid_a_clear_does_not_silence_later_ones),
        cmocka_unit_test(no_signal_is_lost_between_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
