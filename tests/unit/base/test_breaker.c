/* When calls go, and what opens and closes a breaker. */
#include <support.h>

#include <base/breaker.h>

enum { FAILURES = 3, PERIOD = 1000, RECOVERY = 500 };

static const struct pl_breaker_limits limits = {FAILURES, PERIOD, RECOVERY};

struct fixture {
    struct pl_breaker b;
    int64_t now;
};

static int set_up(void **state) {
    static struct fixture f;
    f.now = 10000;
    pl_breaker_init(&f.b, &limits, f.now);
    *state = &f;
    return 0;
}

static bool fail_after(struct fixture *f, int64_t us) {
    f->now += us;
    return pl_breaker_failed(&f->b, false, f->now);
}

static void open_it(struct fixture *f) {
    while (!fail_after(f, 1)) continue;
}

static void half_open_it(struct fixture *f) {
    open_it(f);
    f->now += RECOVERY;
    assert_true(pl_breaker_look(&f->b, f->now));
}

static void assert_state(const struct fixture *f, enum pl_breaker_state state) {
    assert_string_equal(pl_breaker_state_name(f->b.state), pl_breaker_state_name(state));
}

/* acceptance: A24 */
static void so_many_failures_in_a_row_open_it(void **state) {
    struct fixture *f = *state;
    assert_state(f, PL_BREAKER_CLOSED);
    assert_false(fail_after(f, 1));
    assert_false(fail_after(f, 1));
    assert_true(fail_after(f, 1));
    assert_state(f, PL_BREAKER_OPEN);
    assert_int_equal(f->b.failures, FAILURES);
    assert_int_equal(f->b.since_us, f->now);
}

/* acceptance: A24 */
static void a_success_ends_the_row(void **state) {
    struct fixture *f = *state;
    for (int i = 0; i < 10; i++) {
        assert_false(fail_after(f, 1));
        assert_false(fail_after(f, 1));
        assert_false(pl_breaker_succeeded(&f->b, false, f->now));
        assert_int_equal(f->b.failures, 0);
    }
    assert_state(f, PL_BREAKER_CLOSED);
}

/* acceptance: A24 */
static void failures_longer_ago_than_the_period_do_not_count(void **state) {
    struct fixture *f = *state;
    for (int i = 0; i < 20; i++) assert_false(fail_after(f, PERIOD / 2 + 1));
    assert_true(fail_after(f, PERIOD / 2 - 1)); /* the third within one period, and the row has been long */
}

static void the_period_is_whole(void **state) {
    struct fixture *f = *state;
    assert_false(fail_after(f, 1));
    assert_false(fail_after(f, PERIOD / 2));
    assert_true(fail_after(f, PERIOD / 2));
}

/* acceptance: A24 */
static void it_stays_open_for_the_recovery_time(void **state) {
    struct fixture *f = *state;
    assert_int_equal(pl_breaker_due(&f->b), INT64_MAX);
    open_it(f);
    assert_int_equal(pl_breaker_due(&f->b), f->now + RECOVERY);
    assert_false(pl_breaker_look(&f->b, f->now + RECOVERY - 1));
    assert_false(pl_breaker_probe(&f->b));
    assert_true(pl_breaker_look(&f->b, f->now + RECOVERY));
    assert_state(f, PL_BREAKER_HALF_OPEN);
    assert_false(pl_breaker_look(&f->b, f->now + RECOVERY));
    assert_int_equal(pl_breaker_due(&f->b), INT64_MAX);
}

static void calls_that_began_before_it_opened_say_nothing(void **state) {
    struct fixture *f = *state;
    open_it(f);
    assert_false(pl_breaker_succeeded(&f->b, false, f->now));
    assert_false(fail_after(f, 1));
    assert_state(f, PL_BREAKER_OPEN);
    f->now += RECOVERY;
    assert_true(pl_breaker_look(&f->b, f->now));
    assert_true(pl_breaker_probe(&f->b));
    assert_false(pl_breaker_succeeded(&f->b, false, f->now));
    assert_false(fail_after(f, 1));
    assert_state(f, PL_BREAKER_HALF_OPEN);
    assert_int_equal(f->b.failures, FAILURES);
}

/* acceptance: A24 */
static void one_probe_at_a_time_goes(void **state) {
    struct fixture *f = *state;
    assert_false(pl_breaker_probe(&f->b));
    half_open_it(f);
    assert_true(pl_breaker_probe(&f->b));
    assert_false(pl_breaker_probe(&f->b));
    pl_breaker_unknown(&f->b);
    assert_true(pl_breaker_probe(&f->b));
    assert_false(pl_breaker_probe(&f->b));
}

/* acceptance: A24 */
static void a_probe_that_succeeds_closes_it(void **state) {
    struct fixture *f = *state;
    half_open_it(f);
    assert_true(pl_breaker_probe(&f->b));
    assert_true(pl_breaker_succeeded(&f->b, true, ++f->now));
    assert_state(f, PL_BREAKER_CLOSED);
    assert_int_equal(f->b.failures, 0);
    assert_int_equal(f->b.since_us, f->now);
    so_many_failures_in_a_row_open_it(state);
}

/* acceptance: A24 */
static void a_probe_that_fails_opens_it_for_the_whole_time_again(void **state) {
    struct fixture *f = *state;
    half_open_it(f);
    for (int i = 0; i < 5; i++) {
        assert_true(pl_breaker_probe(&f->b));
        f->now += 10 * PERIOD;
        assert_true(pl_breaker_failed(&f->b, true, f->now));
        assert_state(f, PL_BREAKER_OPEN);
        assert_false(pl_breaker_look(&f->b, f->now + RECOVERY - 1));
        f->now += RECOVERY;
        assert_true(pl_breaker_look(&f->b, f->now));
    }
    assert_int_equal(f->b.failures, FAILURES + 5);
}

static void of_one_failure_it_opens_where_one_is_too_many(void **state) {
    struct fixture *f = *state;
    pl_breaker_init(&f->b, &(const struct pl_breaker_limits){1, PERIOD, RECOVERY}, f->now);
    assert_true(fail_after(f, 1));
}

static void with_no_bound_it_never_opens(void **state) {
    struct fixture *f = *state;
    pl_breaker_init(&f->b, &(const struct pl_breaker_limits){0, PERIOD, RECOVERY}, f->now);
    for (int i = 0; i < 1000; i++) assert_false(fail_after(f, 1));
    assert_false(pl_breaker_succeeded(&f->b, false, f->now));
    assert_state(f, PL_BREAKER_CLOSED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(so_many_failures_in_a_row_open_it, set_up),
        cmocka_unit_test_setup(a_success_ends_the_row, set_up),
        cmocka_unit_test_setup(failures_longer_ago_than_the_period_do_not_count, set_up),
        cmocka_unit_test_setup(the_period_is_whole, set_up),
        cmocka_unit_test_setup(it_stays_open_for_the_recovery_time, set_up),
        cmocka_unit_test_setup(calls_that_began_before_it_opened_say_nothing, set_up),
        cmocka_unit_test_setup(one_probe_at_a_time_goes, set_up),
        cmocka_unit_test_setup(a_probe_that_succeeds_closes_it, set_up),
        cmocka_unit_test_setup(a_probe_that_fails_opens_it_for_the_whole_time_again, set_up),
        cmocka_unit_test_setup(of_one_failure_it_opens_where_one_is_too_many, set_up),
        cmocka_unit_test_setup(with_no_bound_it_never_opens, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
