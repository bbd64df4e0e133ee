/* Times that many threads record, their quantiles, and the Prometheus histogram. */
#include <support.h>

#include <base/buf.h>
#include <metrics/timing.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static void every_time_is_in_the_bucket_that_holds_it(void **state) {
    (void)state;
    for (size_t b = 0; b < PL_TIMING_BUCKETS; b++) {
        int64_t top = pl_times_bucket_top(b);
        assert_int_equal(pl_times_bucket(top), b);
        if (b + 1 < PL_TIMING_BUCKETS) assert_int_equal(pl_times_bucket(top + 1), b + 1);
        int64_t low = b ? pl_times_bucket_top(b - 1) + 1 : 0;
        assert_true(8 * (top - low) <= low || top == low);
    }
    assert_int_equal(pl_times_bucket(-1), 0);
    assert_int_equal(pl_times_bucket(INT64_MAX), PL_TIMING_BUCKETS - 1);
}

static void quantiles_are_those_of_the_time_between_two_readings(void **state) {
    (void)state;
    struct pl_times before, now;
    for (int i = 0; i < 1000; i++) pl_timing_record(PL_T_CENTER, 50000);
    pl_timing_read(PL_T_CENTER, &before);
    for (int i = 1; i <= 1000; i++) pl_timing_record(PL_T_CENTER, i);
    pl_timing_read(PL_T_CENTER, &now);
    pl_times_since(&now, &before);
    assert_int_equal(now.count, 1000);
    assert_int_equal(now.sum_us, 500500);
    const struct {
        double q;
        int64_t exact;
    } rows[] = {{0.001, 1}, {0.5, 500}, {0.99, 990}, {1, 1000}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t found = pl_times_quantile(&now, rows[i].q);
        assert_true(found >= rows[i].exact && 8 * (found - rows[i].exact) <= rows[i].exact);
    }
    pl_timing_read(PL_T_CENTER, &before);
    pl_timing_read(PL_T_CENTER, &now);
    pl_times_since(&now, &before);
    assert_int_equal(now.count, 0);
    assert_int_equal(pl_times_quantile(&now, 0.5), 0);
}

enum { SECOND = 1000000 };

static uint64_t recent_count(void) {
    struct pl_times t;
    pl_timing_recent(PL_T_HANDLER, &t);
    return t.count;
}

static void recent_times_go_after_ten_to_twenty_seconds(void **state) {
    (void)state;
    int64_t now = 100 * SECOND;
    pl_timings_tick(now);
    pl_timings_tick(now += 10 * SECOND);
    assert_int_equal(recent_count(), 0);
    for (int i = 0; i < 3; i++) pl_timing_record(PL_T_HANDLER, 7);
    for (int second = 0; second < 19; second++) {
        pl_timings_tick(now += SECOND);
        assert_int_equal(recent_count(), 3);
    }
    pl_timings_tick(now += SECOND);
    assert_int_equal(recent_count(), 0);
    pl_timing_record(PL_T_HANDLER, 7);
    assert_int_equal(recent_count(), 1);
}

static double number_after(const char *text, const char *what) {
    const char *at = strstr(text, what);
    if (!at) fail_msg("no '%s' in:\n%s", what, text);
    return strtod(at + strlen(what), NULL);
}

static void prometheus_is_shown_how_many_took_less_than_each_bound(void **state) {
    (void)state;
    struct pl_buf out;
    pl_buf_init(&out, 1 << 20);
    pl_timing_record(PL_T_HANDLER, 255);
    pl_timing_record(PL_T_HANDLER, 256);
    pl_timing_record(PL_T_HANDLER, 1023);
    pl_timing_record(PL_T_HANDLER, INT64_C(3600000000));
    assert_int_equal(pl_timings_text(&out), POUCH_OK);
    static const char name[] = "\npouch_worker_handler_seconds";
    const struct {
        const char *end;
        double value;
    } rows[] = {{"_bucket{le=\"0.000256\"} ", 1},
                {"_bucket{le=\"0.000512\"} ", 2},
                {"_bucket{le=\"0.001024\"} ", 3},
                {"_bucket{le=\"67.108864\"} ", 3},
                {"_bucket{le=\"+Inf\"} ", 4},
                {"_count ", 4},
                {"_sum ", 3600.001534}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char what[128];
        snprintf(what, sizeof what, "%s%s", name, rows[i].end);
        assert_true(number_after(out.at, what) == rows[i].value);
    }
    assert_non_null(strstr(out.at, "# TYPE pouch_worker_handler_seconds histogram\n"));
    pl_buf_free(&out);
}

enum { THREADS = 4, TIMES = 50000 };

static void *record_often(void *arg) {
    (void)arg;
    for (int i = 0; i < TIMES; i++) pl_timing_record(PL_T_CENTER, i);
    return NULL;
}

static void threads_lose_no_time_while_others_read(void **state) {
    (void)state;
    pthread_t threads[THREADS];
    struct pl_times before, now = {0};
    pl_timing_read(PL_T_CENTER, &before);
    for (int i = 0; i < THREADS; i++) assert_int_equal(pthread_create(&threads[i], NULL, record_often, NULL), 0);
    uint64_t last = before.count;
    do {
        pl_timing_read(PL_T_CENTER, &now);
        assert_true(now.count >= last);
        last = now.count;
    } while (now.count < before.count + TIMES);
    for (int i = 0; i < THREADS; i++) assert_int_equal(pthread_join(threads[i], NULL), 0);
    pl_timing_read(PL_T_CENTER, &now);
    pl_times_since(&now, &before);
    assert_int_equal(now.count, THREADS * TIMES);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prometheus_is_shown_how_many_took_less_than_each_bound), /* counts from zero */
        cmocka_unit_test(every_time_is_in_the_bucket_that_holds_it),
        cmocka_unit_test(quantiles_are_those_of_the_time_between_two_readings),
        cmocka_unit_test(recent_times_go_after_ten_to_twenty_seconds),
        cmocka_unit_test(threads_lose_no_time_while_others_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
