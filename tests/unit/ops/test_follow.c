/* A log that is followed: every row is met, and none is read too often. */
#include <support.h>

#include <ops/follow.h>
#include <stdbool.h>

enum { SECONDS = 100 };

#define START_US INT64_C(1700000000000000)

/* Whether a row of that time, readable so much later, is met by the readings of a minute, each taking took_us. */
static bool is_met(int64_t at_us, int64_t late_us, int64_t took_us) {
    struct ops_follow f;
    ops_follow_begin(&f, START_US - OPS_FOLLOW_LATE_US, START_US);
    for (int64_t now = START_US; now < START_US + 60 * 1000000; now += took_us + 1000 * ops_follow_rest_ms(took_us)) {
        int64_t known, since = ops_follow_since(&f, now, &known);
        assert_true(since >= known || since == f.begin_us);
        if (since <= at_us && at_us + late_us <= now) return true;
    }
    return false;
}

static void every_row_is_met_that_comes_within_ten_seconds(void **state) {
    (void)state;
    static const int64_t lengths[] = {0, 1000, 700000, 3000000};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++)
        for (int64_t late = 0; late <= OPS_FOLLOW_LATE_US; late += 250000)
            for (int64_t at = 0; at < 25 * 1000000; at += 137000)
                if (late || at) assert_true(is_met(START_US + at, late, lengths[i]));
}

static void of_each_row_at_most_six_are_read(void **state) {
    (void)state;
    struct ops_follow f;
    int64_t read_us = 0, now = START_US, known;
    ops_follow_begin(&f, START_US - OPS_FOLLOW_LATE_US, START_US);
    for (; now < START_US + SECONDS * INT64_C(1000000); now += 1000 * ops_follow_rest_ms(0))
        read_us += now - ops_follow_since(&f, now, &known);
    assert_true(read_us < 6 * (now - START_US));
}

static void reading_takes_a_quarter_of_the_time_until_it_falls_behind(void **state) {
    (void)state;
    static const struct {
        int64_t took_us;
        int rest_ms;
    } cases[] = {{0, 500}, {100000, 500}, {200000, 600}, {1000000, 3000}, {2000000, 5000}, {INT64_C(1) << 40, 5000}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(ops_follow_rest_ms(cases[i].took_us), cases[i].rest_ms);
}

static void a_clock_that_is_put_back_is_followed(void **state) {
    (void)state;
    struct ops_follow f;
    int64_t known;
    ops_follow_begin(&f, START_US - 5000000, START_US);
    assert_int_equal(ops_follow_since(&f, START_US + 500000, &known), START_US - 1000000);
    int64_t earlier = START_US - INT64_C(3600000000);
    assert_int_equal(ops_follow_since(&f, earlier, &known), earlier);
    assert_int_equal(known, earlier - OPS_FOLLOW_LATE_US);
    assert_int_equal(ops_follow_since(&f, earlier + 500000, &known), earlier);
    assert_int_equal(ops_follow_since(&f, earlier + 9000000, &known), earlier);
    assert_int_equal(ops_follow_since(&f, earlier + 9500000, &known), earlier + 8000000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_met_that_comes_within_ten_seconds),
        cmocka_unit_test(of_each_row_at_most_six_are_read),
        cmocka_unit_test(reading_takes_a_quarter_of_the_time_until_it_falls_behind),
        cmocka_unit_test(a_clock_that_is_put_back_is_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
