/* Rates: a burst, then one an interval, each name for itself. */
#include <support.h>

#include <auth/rate.h>
#include <stdlib.h>

static const struct auth_rate rate = {.interval_us = 100000, .burst = 5};

static struct auth_rates *fresh(void) {
    struct auth_rates *r = malloc(sizeof *r);
    assert_non_null(r);
    assert_int_equal(auth_rates_init(r), POUCH_OK);
    return r;
}

static void after_a_burst_comes_one_an_interval(void **state) {
    struct auth_rates *r = fresh();
    int64_t now = 1000000;
    (void)state;
    for (int i = 0; i < 5; i++) assert_int_equal(auth_rate_take(r, rate, "a", 1, now), 0);
    assert_int_equal(auth_rate_take(r, rate, "a", 1, now), 100000);
    assert_int_equal(auth_rate_take(r, rate, "a", 1, now + 60000), 40000);
    assert_int_equal(auth_rate_take(r, rate, "a", 1, now + 100000), 0);
    assert_int_equal(auth_rate_take(r, rate, "a", 1, now + 100000), 100000);
    for (int i = 0; i < 5; i++) assert_int_equal(auth_rate_take(r, rate, "a", 1, now + 10000000), 0);
    assert_int_not_equal(auth_rate_take(r, rate, "a", 1, now + 10000000), 0);
    free(r);
}

static void no_rate_is_no_limit(void **state) {
    struct auth_rates *r = fresh();
    (void)state;
    for (int i = 0; i < 1000; i++) assert_int_equal(auth_rate_take(r, (struct auth_rate){0}, "a", 1, 1000000), 0);
    free(r);
}

static void names_do_not_share_a_bucket_but_by_chance(void **state) {
    struct auth_rates *r = fresh();
    size_t shared = 0;
    (void)state;
    for (int i = 0; i < 5; i++) assert_int_equal(auth_rate_take(r, rate, "the one that is busy", 20, 1000000), 0);
    for (int i = 0; i < 200; i++) {
        char name[8] = {(char)('a' + i % 26), (char)('a' + i / 26)};
        if (auth_rate_take(r, rate, name, 2, 1000000)) shared++;
    }
    assert_in_range(shared, 0, 3); /* 200 of 65,536 places: one run in three hundred has one, none has four */
    free(r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(after_a_burst_comes_one_an_interval),
        cmocka_unit_test(no_rate_is_no_limit),
        cmocka_unit_test(names_do_not_share_a_bucket_but_by_chance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
