/* Dead letters, counted by what they are. */
#include <support.h>

#include <oom.h>

#include <admin/letter_tally.h>
#include <stdio.h>
#include <string.h>

enum { NOW = 2000000000 };

static struct pl_span span(const char *text) {
    return text ? (struct pl_span){text, strlen(text)} : (struct pl_span){0};
}

static struct admin_letter letter(const char *code, const char *topic, int64_t time_ms) {
    struct admin_letter l = {.time_ms = time_ms, .bytes = 10};
    l.facts.code = span(code);
    l.facts.topic = span(topic);
    return l;
}

static uint64_t letters_of(const struct admin_tally *t, enum admin_tally_by by, const char *value) {
    for (size_t i = 0; i < t->by[by].n; i++) {
        const struct admin_tally_row *row = &t->by[by].rows[i];
        if (value ? row->value && row->n == strlen(value) && !memcmp(row->value, value, row->n) : !row->value)
            return row->count.letters;
    }
    return 0;
}

static void each_letter_counts_once_for_each_thing(void **state) {
    (void)state;
    static const char *const codes[] = {"expired", "no_route", NULL, "no_route"}, *const topics[] = {"a", NULL, "b"};
    struct admin_tally t;
    assert_int_equal(admin_tally_init(&t, NOW), POUCH_OK);
    for (int i = 0; i < 12; i++) {
        const struct admin_letter l = letter(codes[i % 4], topics[i % 3], NOW - i);
        assert_int_equal(admin_tally_add(&t, &l, (enum admin_letter_status)(i % 3)), POUCH_OK);
    }
    admin_tally_order(&t);
    assert_int_equal(t.all.letters, 12);
    assert_int_equal(t.all.bytes, 120);
    assert_int_equal(t.all.newest_ms, NOW);
    assert_int_equal(t.all.oldest_ms, NOW - 11);
    for (size_t i = 0; i < ADMIN_LETTER_STATUSES; i++) assert_int_equal(t.with[i], 4);
    assert_int_equal(letters_of(&t, ADMIN_TALLY_REASON, "no_route"), 6);
    assert_int_equal(letters_of(&t, ADMIN_TALLY_REASON, "expired"), 3);
    assert_int_equal(letters_of(&t, ADMIN_TALLY_REASON, NULL), 3);
    assert_memory_equal(t.by[ADMIN_TALLY_REASON].rows[0].value, "no_route", 8);
    for (size_t i = 0; i < 3; i++) assert_int_equal(letters_of(&t, ADMIN_TALLY_TOPIC, topics[i]), 4);
    assert_int_equal(letters_of(&t, ADMIN_TALLY_PUBLISHER, NULL), 12);
    admin_tally_free(&t);
}

static void ages_stand_from_the_youngest_on(void **state) {
    (void)state;
    static const struct {
        int64_t age_ms;
        const char *name;
    } rows[] = {{-5, "under 1h"},
                {0, "under 1h"},
                {3599999, "under 1h"},
                {3600000, "under 1d"},
                {86399999, "under 1d"},
                {86400000, "under 7d"},
                {604799999, "under 7d"},
                {604800000, "under 30d"},
                {INT64_C(2591999999), "under 30d"},
                {INT64_C(2592000000), "older"}};
    struct admin_tally t;
    assert_int_equal(admin_tally_init(&t, NOW), POUCH_OK);
    for (size_t i = sizeof rows / sizeof rows[0]; i--;) {
        uint64_t before = letters_of(&t, ADMIN_TALLY_AGE, rows[i].name);
        const struct admin_letter l = letter("x", "y", NOW - rows[i].age_ms);
        assert_int_equal(admin_tally_add(&t, &l, ADMIN_LETTER_OPEN), POUCH_OK);
        if (letters_of(&t, ADMIN_TALLY_AGE, rows[i].name) != before + 1)
            fail_msg("an age of %lld ms", (long long)rows[i].age_ms);
    }
    admin_tally_order(&t);
    static const char *const order[] = {"under 1h", "under 1d", "under 7d", "under 30d", "older"};
    assert_int_equal(t.by[ADMIN_TALLY_AGE].n, 5);
    for (size_t i = 0; i < 5; i++) assert_memory_equal(t.by[ADMIN_TALLY_AGE].rows[i].value, order[i], strlen(order[i]));
    admin_tally_free(&t);
}

/* Whoever may write the topic may write any names. */
static void more_values_than_are_listed_count_together(void **state) {
    (void)state;
    struct admin_tally t;
    char name[300];
    assert_int_equal(admin_tally_init(&t, NOW), POUCH_OK);
    for (int i = 0; i < 2 * ADMIN_TALLY_VALUES; i++) {
        snprintf(name, sizeof name, "topic-%d", i % (ADMIN_TALLY_VALUES + 50));
        const struct admin_letter l = letter("x", name, NOW);
        assert_int_equal(admin_tally_add(&t, &l, ADMIN_LETTER_OPEN), POUCH_OK);
    }
    assert_int_equal(t.by[ADMIN_TALLY_TOPIC].n, ADMIN_TALLY_VALUES);
    assert_int_equal(t.by[ADMIN_TALLY_TOPIC].others.letters, 50);
    assert_int_equal(letters_of(&t, ADMIN_TALLY_TOPIC, "topic-0"), 2);
    assert_int_equal(letters_of(&t, ADMIN_TALLY_REASON, "x"), 2 * ADMIN_TALLY_VALUES);

    /* Long ones count by how they begin. */
    memset(name, 'a', sizeof name);
    for (int i = 0; i < 2; i++) {
        struct admin_letter l = letter(NULL, NULL, NOW);
        name[299] = (char)('a' + i);
        l.publisher = (struct pl_span){name, sizeof name};
        assert_int_equal(admin_tally_add(&t, &l, ADMIN_LETTER_OPEN), POUCH_OK);
    }
    assert_int_equal(t.by[ADMIN_TALLY_PUBLISHER].n, 2);
    assert_int_equal(t.by[ADMIN_TALLY_PUBLISHER].rows[1].count.letters, 2);
    admin_tally_free(&t);
}

static bool count_two(void) {
    struct admin_tally t;
    const struct admin_letter one = letter("x", "y", NOW), other = letter("z", NULL, NOW);
    pouch_err e = admin_tally_init(&t, NOW);
    if (!e) e = admin_tally_add(&t, &one, ADMIN_LETTER_OPEN);
    if (!e) e = admin_tally_add(&t, &other, ADMIN_LETTER_OPEN);
    if (e) assert_int_equal(e, POUCH_E_NO_MEMORY);
    admin_tally_free(&t);
    return !e;
}

static void running_out_of_memory_leaves_nothing_behind(void **state) {
    (void)state;
    if (!test_oom_works()) skip();
    assert_true(test_oom_each(count_two) >= ADMIN_TALLY_BYS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_letter_counts_once_for_each_thing),
        cmocka_unit_test(ages_stand_from_the_youngest_on),
        cmocka_unit_test(more_values_than_are_listed_count_together),
        cmocka_unit_test(running_out_of_memory_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
