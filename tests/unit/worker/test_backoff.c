/* How long a worker waits before it tries again. */
#include <support.h>

#include <worker/backoff.h>

static struct pl_backoff backoff_of(const char *const pairs[]) {
    struct pl_settings s;
    struct pl_backoff b;
    pouch_options *o = pouch_options_new();
    assert_non_null(o);
    for (; pairs && *pairs; pairs += 2) assert_int_equal(pouch_options_set(o, pairs[0], pairs[1]), POUCH_OK);
    assert_int_equal(pl_settings_read(&s, o), POUCH_OK);
    pouch_options_free(o);
    pl_backoff_read(&b, &s);
    pl_settings_free(&s);
    return b;
}

/* The wait in the middle of what chance makes of it. */
static int64_t middle(const struct pl_backoff *b, int attempts) {
    return pl_backoff_ms(b, attempts, UINT32_MAX / 2 + 1);
}

static void assert_near(int64_t ms, int64_t wanted) {
    assert_in_range(ms, wanted - wanted / 100 - 1, wanted + wanted / 100 + 1);
}

/* acceptance: A24 C27 D24 */
static void a_profile_says_how_often_and_how_long(void **state) {
    (void)state;
    static const struct {
        const char *pairs[9];
        int attempts;
        int64_t waits[8];
    } rows[] = {
        {{NULL}, 3, {100, 200, 400, 800, 1000, 1000, 1000, 1000}},
        {{"retry.profile", "fast", NULL}, 3, {100, 200, 400, 800, 1000, 1000, 1000, 1000}},
        {{"retry.profile", "standard", NULL}, 5, {500, 1000, 2000, 4000, 5000, 5000, 5000, 5000}},
        {{"retry.profile", "slow", NULL}, 3, {2000, 4000, 8000, 10000, 10000, 10000, 10000, 10000}},
        {{"retry.attempts", "6", "retry.delay", "300ms", "retry.max_delay", "30s", NULL},
         6,
         {300, 600, 1200, 2400, 4800, 9600, 19200, 30000}},
        {{"retry.profile", "slow", "retry.attempts", "1", NULL},
         1,
         {2000, 4000, 8000, 10000, 10000, 10000, 10000, 10000}},
        {{"retry.delay", "1h", NULL}, 3, {1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pl_backoff b = backoff_of(rows[i].pairs);
        assert_int_equal(b.attempts, rows[i].attempts);
        for (int n = 0; n < 8; n++) assert_near(middle(&b, n + 1), rows[i].waits[n]);
    }
}

/* acceptance: A24 */
static void chance_moves_a_wait_by_a_quarter_and_never_past_the_longest(void **state) {
    (void)state;
    const struct pl_backoff b = {3, 400, 1000};
    int64_t least = INT64_MAX, most = 0;
    for (uint64_t chance = 0; chance <= UINT32_MAX; chance += UINT32_MAX / 1024) {
        int64_t ms = pl_backoff_ms(&b, 1, (uint32_t)chance);
        if (ms < least) least = ms;
        if (ms > most) most = ms;
        assert_in_range(pl_backoff_ms(&b, 9, (uint32_t)chance), 750, 1000);
    }
    assert_int_equal(least, 300);
    assert_int_equal(most, 500);
    assert_int_equal(pl_backoff_ms(&b, 1000000, 0), 750); /* doubling ends at the longest */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_profile_says_how_often_and_how_long),
        cmocka_unit_test(chance_moves_a_wait_by_a_quarter_and_never_past_the_longest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
