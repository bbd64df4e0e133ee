/* The setting retry.tiers, and how long a record waits in a retry topic. */
#include <support.h>

#include <letter/redeliver.h>
#include <letter/tiers.h>
#include <string.h>

enum { MINUTE = 60000 };

/* acceptance: D8 */
static void the_tiers_are_topics_named_for_their_delays(void **state) {
    (void)state;
    static const struct {
        const char *setting;
        size_t n;
        struct pl_tier tiers[3];
    } rows[] = {
        {"1min,5min,30min",
         3,
         {{"internal.retry.1min", MINUTE}, {"internal.retry.5min", 5 * MINUTE}, {"internal.retry.30min", 30 * MINUTE}}},
        {"1s, 5s , 30s", 3, {{"internal.retry.1s", 1000}, {"internal.retry.5s", 5000}, {"internal.retry.30s", 30000}}},
        {"200ms,1h,2d", 0, {{"", 0}}}, /* a day is the longest */
        {"1d", 1, {{"internal.retry.1d", 1440 * MINUTE}}},
        {"off", 0, {{"", 0}}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pl_tiers t;
        pouch_err e = pl_tiers_read(&t, rows[i].setting);
        if (e) {
            assert_int_equal(rows[i].n, 0);
            continue;
        }
        assert_int_equal(t.n, rows[i].n);
        for (size_t k = 0; k < t.n; k++) {
            assert_string_equal(t.at[k].topic, rows[i].tiers[k].topic);
            assert_int_equal(t.at[k].delay_ms, rows[i].tiers[k].delay_ms);
            assert_ptr_equal(pl_tier_of(&t, rows[i].tiers[k].topic), &t.at[k]);
        }
        assert_null(pl_tier_of(&t, "internal.retry"));
    }
}

static void what_is_no_list_of_delays_is_refused(void **state) {
    (void)state;
    static const char *const bad[] = {"",     "on",        "1min,",       ",1min",    "1min 5min",
                                      "soon", "0s",        "1min,60min,", "2d",       "min",
                                      "-1s",  "1min,1min", "1/min",       "off,1min", "1s,2s,3s,4s,5s,6s,7s,8s,9s"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct pl_tiers t;
        if (pl_tiers_read(&t, bad[i]) != POUCH_E_CONFIG) fail_msg("'%s' was taken", bad[i]);
        assert_memory_equal(pouch_why(), "retry.tiers", 11);
    }
}

/* acceptance: D24 */
static void a_record_never_comes_back_early_and_waits_no_longer_than_its_delay(void **state) {
    (void)state;
    static const struct {
        int64_t at, wall;
        bool trusted;
        int64_t wait;
    } rows[] = {
        {100000, 70000, true, 30000},  /* half of the delay is over */
        {100000, 99999, true, 1},      /* */
        {100000, 100000, true, 0},     /* due */
        {100000, 500000, true, 0},     /* long due */
        {100000, 0, true, 60000},      /* the clock went back, or the header lies: its delay is enough */
        {INT64_MAX, 0, true, 60000},   /* */
        {100000, 500000, false, 60000} /* a clock that cannot be believed says nothing */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(pl_redeliver_wait_ms(rows[i].at, rows[i].wall, MINUTE, rows[i].trusted), rows[i].wait);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_tiers_are_topics_named_for_their_delays),
        cmocka_unit_test(what_is_no_list_of_delays_is_refused),
        cmocka_unit_test(a_record_never_comes_back_early_and_waits_no_longer_than_its_delay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
