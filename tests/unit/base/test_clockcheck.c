/* Deadlines must not kill requests while the wall clock is wrong. */
#include <support.h>

#include <base/clockcheck.h>

enum { TOLERANCE_MS = 2000 };

struct fixture {
    struct test_clock time;
    struct pl_clockcheck check;
};

static void pass(struct test_clock *t, int64_t ms) {
    t->mono_us += ms * 1000;
    t->wall_ms += ms;
}

static int start(void **state) {
    static struct fixture fixture;
    test_clock_init(&fixture.time);
    pl_clockcheck_init(&fixture.check, &fixture.time.clock, TOLERANCE_MS);
    *state = &fixture;
    return 0;
}

static void a_steady_clock_is_believed(void **state) {
    struct fixture *f = *state;
    for (int i = 0; i < 1000; i++) {
        pass(&f->time, i * 7);
        pl_clockcheck_tick(&f->check);
        assert_true(pl_clockcheck_trusted(&f->check));
    }
}

static void a_jump_either_way_is_distrusted_for_a_minute(void **state) {
    struct fixture *f = *state;
    const int64_t jumps[] = {TOLERANCE_MS + 1, -TOLERANCE_MS - 1, 86400000, -86400000};
    for (size_t i = 0; i < sizeof jumps / sizeof jumps[0]; i++) {
        f->time.wall_ms += jumps[i];
        pl_clockcheck_tick(&f->check);
        assert_false(pl_clockcheck_trusted(&f->check));
        pass(&f->time, PL_CLOCK_DISTRUST_MS - 1);
        pl_clockcheck_tick(&f->check);
        assert_false(pl_clockcheck_trusted(&f->check));
        pass(&f->time, 1);
        pl_clockcheck_tick(&f->check);
        assert_true(pl_clockcheck_trusted(&f->check));
    }
}

static void a_small_correction_is_no_jump(void **state) {
    struct fixture *f = *state;
    f->time.wall_ms += TOLERANCE_MS;
    pl_clockcheck_tick(&f->check);
    assert_true(pl_clockcheck_trusted(&f->check));
}

static void a_record_from_the_future_is_distrusted(void **state) {
    struct fixture *f = *state;
    pl_clockcheck_record(&f->check, f->time.wall_ms + TOLERANCE_MS);
    assert_true(pl_clockcheck_trusted(&f->check));
    pl_clockcheck_record(&f->check, f->time.wall_ms + TOLERANCE_MS + 1);
    assert_false(pl_clockcheck_trusted(&f->check));
}

static void an_old_record_says_nothing_about_the_clock(void **state) {
    struct fixture *f = *state;
    pl_clockcheck_record(&f->check, f->time.wall_ms - 86400000);
    pl_clockcheck_record(&f->check, -1);
    assert_true(pl_clockcheck_trusted(&f->check));
}

/* A wall clock that moves in whole milliseconds beside a finer one, and other hosts that are nearly in step. */
static void where_no_difference_is_allowed_a_good_clock_is_believed(void **state) {
    struct fixture *f = *state;
    int64_t began_us = f->time.mono_us, began_ms = f->time.wall_ms;
    pl_clockcheck_init(&f->check, &f->time.clock, 0);
    for (int i = 0; i < 1000; i++) {
        f->time.mono_us += 700 + i;
        f->time.wall_ms = began_ms + (f->time.mono_us - began_us + 999) / 1000;
        pl_clockcheck_tick(&f->check);
        pl_clockcheck_record(&f->check, f->time.wall_ms + PL_CLOCK_UNSURE_MS / 2);
        assert_true(pl_clockcheck_trusted(&f->check));
    }
    f->time.wall_ms += PL_CLOCK_UNSURE_MS + 2;
    pl_clockcheck_tick(&f->check);
    assert_false(pl_clockcheck_trusted(&f->check));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_steady_clock_is_believed, start),
        cmocka_unit_test_setup(a_jump_either_way_is_distrusted_for_a_minute, start),
        cmocka_unit_test_setup(a_small_correction_is_no_jump, start),
        cmocka_unit_test_setup(a_record_from_the_future_is_distrusted, start),
        cmocka_unit_test_setup(an_old_record_says_nothing_about_the_clock, start),
        cmocka_unit_test_setup(where_no_difference_is_allowed_a_good_clock_is_believed, start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
