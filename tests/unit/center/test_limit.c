/* How many requests a second each publisher may send, and who is remembered. */
#include <support.h>

#include <center/limit.h>
#include <stdio.h>

enum { SECOND = 1000000, BEGIN = 7 * SECOND };

static struct center_limits limits;

static struct center_publisher *of(const char *name, int64_t now_us) {
    return center_publisher_of(&limits, name, now_us);
}

/* How many of n requests that come at once pass. */
static size_t pass(const char *name, size_t n, int64_t now_us) {
    size_t passed = 0;
    while (n--) passed += center_limit_take(&limits, of(name, now_us), now_us);
    return passed;
}

static void a_burst_passes_and_then_the_rate(void **state) {
    (void)state;
    static const struct {
        size_t rate, burst, at_once, in_a_second;
    } rows[] = {{100, 20, 20, 100}, {100, 0, 100, 100}, {1, 1, 1, 1},
                {1, 5, 5, 1},       {10, 30, 30, 10},   {10000, 1, 1, 10000}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        center_limits_init(&limits, rows[i].rate, rows[i].burst);
        assert_int_equal(pass("p", 2 * rows[i].at_once, BEGIN), rows[i].at_once);
        size_t passed = 0;
        int64_t step = SECOND / 20000; /* more come than may pass */
        for (int64_t now = BEGIN + step; now <= BEGIN + SECOND; now += step) passed += pass("p", 1, now);
        assert_int_equal(passed, rows[i].in_a_second);
        center_limits_free(&limits);
    }
}

static void a_bucket_that_was_left_alone_holds_a_burst_and_no_more(void **state) {
    (void)state;
    center_limits_init(&limits, 10, 5);
    assert_int_equal(pass("p", 100, BEGIN), 5);
    assert_int_equal(pass("p", 100, BEGIN + 3600LL * SECOND), 5);
    center_limits_free(&limits);
}

static void no_rate_is_no_limit(void **state) {
    (void)state;
    center_limits_init(&limits, 0, 5);
    assert_int_equal(pass("p", 100000, BEGIN), 100000);
    center_limits_free(&limits);
}

static void one_publisher_takes_nothing_from_another(void **state) {
    (void)state;
    center_limits_init(&limits, 10, 10);
    assert_int_equal(pass("p", 1000, BEGIN), 10);
    assert_int_equal(pass("q", 10, BEGIN), 10);
    center_limits_free(&limits);
}

static struct center_publisher *nth(int i, int64_t now_us) {
    char name[16];
    snprintf(name, sizeof name, "p%d", i);
    return of(name, now_us);
}

static void a_full_table_lets_the_rest_share_a_bucket(void **state) {
    (void)state;
    center_limits_init(&limits, 10, 10);
    for (int i = 0; i < CENTER_PUBLISHERS; i++) assert_ptr_not_equal(nth(i, BEGIN), &limits.others);
    assert_ptr_equal(of("q", BEGIN), &limits.others);
    assert_ptr_equal(of("r", BEGIN), &limits.others);
    assert_int_equal(pass("q", 5, BEGIN) + pass("r", 100, BEGIN), 10);
    assert_int_equal(pass("p1", 100, BEGIN), 10);
    assert_int_equal(limits.n, CENTER_PUBLISHERS);
    center_limits_free(&limits);
}

static void who_has_been_quiet_for_a_minute_makes_room(void **state) {
    (void)state;
    center_limits_init(&limits, 1, 1000);
    for (int i = 0; i < CENTER_PUBLISHERS; i++) nth(i, BEGIN);
    int64_t later = BEGIN + 61 * SECOND;
    nth(0, later);                                   /* is not quiet */
    nth(1, BEGIN)->users = 1;                        /* has a record in flight */
    assert_int_equal(pass("p2", 1000, BEGIN), 1000); /* its bucket is empty for longer */
    assert_ptr_not_equal(of("q", later), &limits.others);
    assert_int_equal(limits.n, 4);
    assert_int_equal(pass("p2", 1000, later), 61);
    center_limits_free(&limits);
}

static void *no_memory(size_t n) {
    (void)n;
    return NULL;
}

static void without_memory_a_publisher_is_one_of_the_others(void **state) {
    (void)state;
    center_limits_init(&limits, 10, 10);
    limits.alloc = no_memory;
    assert_ptr_equal(of("p", BEGIN), &limits.others);
    assert_int_equal(limits.n, 0);
    center_limits_free(&limits);
}

static void what_is_busy_now_counts_more_than_what_was(void **state) {
    (void)state;
    struct center_count was = {.routed = 1000}, is = {0};
    center_count_age(&was);
    for (int i = 0; i < 10; i++) {
        is.routed += 90;
        is.failed += 10;
        center_count_age(&was);
        center_count_age(&is);
    }
    assert_true(is.lately > was.lately);
    assert_true(is.lately < 200);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_burst_passes_and_then_the_rate),
        cmocka_unit_test(a_bucket_that_was_left_alone_holds_a_burst_and_no_more),
        cmocka_unit_test(no_rate_is_no_limit),
        cmocka_unit_test(one_publisher_takes_nothing_from_another),
        cmocka_unit_test(a_full_table_lets_the_rest_share_a_bucket),
        cmocka_unit_test(who_has_been_quiet_for_a_minute_makes_room),
        cmocka_unit_test(without_memory_a_publisher_is_one_of_the_others),
        cmocka_unit_test(what_is_busy_now_counts_more_than_what_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
