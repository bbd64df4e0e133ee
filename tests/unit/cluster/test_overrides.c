/* Changing some overrides of a topic and keeping all others. */
#include <support.h>

#include <oom.h>

#include <cluster/overrides.h>
#include <stdio.h>

enum { NAMES = 12, ROUNDS = 2000, CHANGES = 8 };

static struct pl_overrides overrides(struct pl_override *at, size_t n) {
    return (struct pl_overrides){at, n};
}

static const char *value_of(const struct pl_overrides *o, const char *name) {
    for (size_t i = 0; i < o->n; i++)
        if (!strcmp(o->at[i].name, name)) return o->at[i].value;
    return NULL;
}

static void assert_in_order(const struct pl_overrides *o) {
    for (size_t i = 1; i < o->n; i++) assert_true(strcmp(o->at[i - 1].name, o->at[i].name) < 0);
}

/* A generator of our own, so that a failure comes again. */
static uint32_t next(uint32_t *seed, uint32_t below) {
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 8) % below;
}

static void what_is_not_named_stays_whatever_is_changed(void **state) {
    (void)state;
    static const char *const names[NAMES] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"};
    static const char *const values[] = {"1", "2", "compact", NULL};
    uint32_t seed = 7;
    for (int round = 0; round < ROUNDS; round++) {
        struct pl_override at[NAMES];
        const char *expected[NAMES] = {0};
        struct pl_config_change changes[CHANGES];
        struct pl_overrides now = {at, 0}, changed;
        size_t n = next(&seed, CHANGES + 1);
        for (size_t i = 0; i < NAMES; i++)
            if (next(&seed, 2)) at[now.n++] = (struct pl_override){names[i], expected[i] = values[next(&seed, 3)]};
        for (size_t i = 0; i < n; i++) {
            size_t which = next(&seed, NAMES);
            changes[i] = (struct pl_config_change){names[which], expected[which] = values[next(&seed, 4)]};
        }
        assert_int_equal(pl_overrides_change(&changed, &now, changes, n), POUCH_OK);
        assert_in_order(&changed);
        for (size_t i = 0; i < NAMES; i++) assert_ptr_equal(value_of(&changed, names[i]), expected[i]);
        pl_overrides_free(&changed);
    }
}

static void only_overrides_of_the_topic_are_written_again(void **state) {
    (void)state;
    struct pl_config at[] = {{"cleanup.policy", "compact", PL_CONFIG_TOPIC, false},
                             {"compression.type", "producer", PL_CONFIG_DEFAULT, false},
                             {"min.insync.replicas", "2", PL_CONFIG_BROKER, false},
                             {"retention.ms", "", PL_CONFIG_TOPIC, false}};
    const struct pl_configs c = {.at = at, .n = sizeof at / sizeof at[0]};
    struct pl_overrides o;
    assert_int_equal(pl_overrides_of(&o, &c, "t"), POUCH_OK);
    assert_int_equal(o.n, 2);
    assert_string_equal(o.at[0].name, "cleanup.policy");
    assert_string_equal(o.at[1].value, "");
    pl_overrides_free(&o);
}

static void what_could_not_be_written_again_is_refused_by_name(void **state) {
    (void)state;
    struct pl_config hidden = {"secret.word", NULL, PL_CONFIG_TOPIC, false},
                     untold = {"retention.ms", "1", PL_CONFIG_UNKNOWN, false},
                     others = {"secret.word", NULL, PL_CONFIG_BROKER, false};
    struct pl_overrides o;
    assert_int_equal(pl_overrides_of(&o, &(struct pl_configs){.at = &hidden, .n = 1}, "topic-1"), POUCH_E_CONFIG);
    assert_non_null(strstr(pouch_why(), "secret.word"));
    assert_non_null(strstr(pouch_why(), "topic-1"));
    assert_int_equal(pl_overrides_of(&o, &(struct pl_configs){.at = &untold, .n = 1}, "topic-1"), POUCH_E_CONFIG);
    assert_non_null(strstr(pouch_why(), "topic-1"));
    assert_int_equal(pl_overrides_of(&o, &(struct pl_configs){.at = &others, .n = 1}, "topic-1"), POUCH_OK);
    pl_overrides_free(&o);
}

static void one_value_may_be_written_in_several_ways(void **state) {
    (void)state;
    static const struct {
        const char *a, *b;
        bool same;
    } rows[] = {
        {"604800000", " 604800000", true},
        {"0100", "100", true},
        {"100", "101", false},
        {"9223372036854775807", "9223372036854775806", false},
        {"0.50", "0.5", true},
        {"0.5", "0.55", false},
        {"TRUE", "true", true},
        {"true", "false", false},
        {"compact, delete", "compact,delete", true},
        {"compact", "compact,delete", false},
        {"", "", true},
        {"", "0", false},
        {"nan", "nan", true},
        {"1e3", "1000", true},
        {"10 s", "10", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pl_override a = {"name", rows[i].a}, b = {"name", rows[i].b};
        const struct pl_overrides x = overrides(&a, 1), y = overrides(&b, 1);
        if (pl_overrides_same(&x, &y) != rows[i].same || pl_overrides_same(&y, &x) != rows[i].same)
            fail_msg("'%s' and '%s'", rows[i].a, rows[i].b);
    }
}

static void overrides_differ_by_name_and_by_number(void **state) {
    (void)state;
    struct pl_override one[] = {{"a", "1"}}, other[] = {{"b", "1"}}, both[] = {{"a", "1"}, {"b", "1"}};
    const struct pl_overrides none = {0}, a = overrides(one, 1), b = overrides(other, 1), ab = overrides(both, 2);
    assert_true(pl_overrides_same(&none, &none));
    assert_true(pl_overrides_same(&ab, &ab));
    assert_false(pl_overrides_same(&none, &a));
    assert_false(pl_overrides_same(&a, &b));
    assert_false(pl_overrides_same(&ab, &a));
}

static void what_differs_is_told_and_nothing_else(void **state) {
    (void)state;
    struct pl_override is[] = {{"a", "1"}, {"c", "3"}, {"d", "4"}}, wanted[] = {{"a", " 1"}, {"b", "2"}, {"d", "5"}};
    const struct pl_overrides x = overrides(is, 3), y = overrides(wanted, 3);
    struct pl_buf out;
    pl_buf_init(&out, 1000);
    assert_int_equal(pl_overrides_tell(&out, &x, &y), POUCH_OK);
    assert_string_equal(out.at, "b is not set, not 2; c is 3, not unset; d is 4, not 5");
    pl_buf_free(&out);
}

static void a_change_without_memory_changes_nothing(void **state) {
    (void)state;
    struct pl_override at[] = {{"a", "1"}};
    const struct pl_overrides now = overrides(at, 1);
    const struct pl_config_change change = {"b", "2"};
    struct pl_overrides o;
    if (!test_oom_works()) skip();
    test_oom_after(0);
    pouch_err e = pl_overrides_change(&o, &now, &change, 1);
    test_oom_after(-1);
    assert_int_equal(e, POUCH_E_NO_MEMORY);
    assert_null(o.at);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_named_stays_whatever_is_changed),
        cmocka_unit_test(only_overrides_of_the_topic_are_written_again),
        cmocka_unit_test(what_could_not_be_written_again_is_refused_by_name),
        cmocka_unit_test(one_value_may_be_written_in_several_ways),
        cmocka_unit_test(overrides_differ_by_name_and_by_number),
        cmocka_unit_test(what_differs_is_told_and_nothing_else),
        cmocka_unit_test(a_change_without_memory_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
