/* Whether a clock that jumps is believed. */
#include <support.h>

#include <store/steady.h>

static struct test_clock t;
static struct pl_steady steady;

static int setup(void **state) {
    (void)state;
    test_clock_init(&t);
    steady = (struct pl_steady){0};
    return 0;
}

static void pass(int64_t ms) {
    t.mono_us += ms * 1000;
    t.wall_ms += ms;
}

static void a_clock_that_goes_on_is_believed(void **state) {
    (void)state;
    for (int i = 0; i < 1000; i++) {
        assert_true(pl_steady_look(&steady, &t.clock));
        pass(60000);
        t.wall_ms += i % 2 ? 30 : -20; /* it is being adjusted */
    }
}

/* acceptance: A17 */
static void a_clock_that_jumped_is_believed_after_an_hour(void **state) {
    (void)state;
    const int64_t jumps[] = {INT64_C(365) * 86400000, 3600000, 61000, -61000, -3600000};
    for (size_t i = 0; i < sizeof jumps / sizeof jumps[0]; i++) {
        assert_int_equal(setup(NULL), 0);
        assert_true(pl_steady_look(&steady, &t.clock));
        t.wall_ms += jumps[i];
        for (int minute = 0; minute < 60; minute++) {
            assert_false(pl_steady_look(&steady, &t.clock));
            pass(60000);
        }
        assert_true(pl_steady_look(&steady, &t.clock));
    }
}

static void a_clock_that_goes_to_and_fro_is_not_believed(void **state) {
    (void)state;
    assert_true(pl_steady_look(&steady, &t.clock));
    for (int i = 0; i < 200; i++) {
        t.wall_ms += i % 2 ? 3600000 : -3600000;
        assert_false(pl_steady_look(&steady, &t.clock));
        pass(60000);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_clock_that_goes_on_is_believed, setup),
        cmocka_unit_test_setup(a_clock_that_jumped_is_believed_after_an_hour, setup),
        cmocka_unit_test_setup(a_clock_that_goes_to_and_fro_is_not_believed, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
