/* Which dead letters are asked for, whoever asks: flags of a command line, or parameters of a call. */
#include <support.h>

#include <admin/letter_filter.h>
#include <string.h>

struct given {
    const char *name, *value;
};

static const char *value(void *arg, const char *name) {
    for (const struct given *g = arg; g->name; g++)
        if (!strcmp(g->name, name)) return g->value;
    return NULL;
}

static struct pl_span span(const char *text) {
    return (struct pl_span){text, strlen(text)};
}

static struct admin_letter letter(void) {
    return (struct admin_letter){.facts = {.code = span("no_route"), .topic = span("orders"), .request_id = span("ID")},
                                 .publisher = span("shop"),
                                 .tenant = span("acme"),
                                 .time_ms = 1700000000000};
}

static void each_member_of_a_filter_lets_only_its_letters_through(void **state) {
    (void)state;
    static const struct {
        const char *name, *value;
        bool matches;
    } rows[] = {
        {"reason", "no_route", true},
        {"reason", "no_rout", false},
        {"topic", "orders", true},
        {"topic", "orders2", false},
        {"publisher", "shop", true},
        {"publisher", "other", false},
        {"tenant", "acme", true},
        {"tenant", "", false},
        {"since", "2023-11-14T22:13:20Z", true},
        {"since", "2023-11-14T22:13:21Z", false},
        {"until", "2023-11-14T22:13:20Z", false},
        {"until", "2023-11-14T22:13:21Z", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct given given[] = {{rows[i].name, rows[i].value}, {0}};
        const struct admin_asked asked = {"", value, given};
        struct admin_letter_filter f;
        struct admin_letter l = letter();
        assert_int_equal(admin_letter_filter_read(&f, &asked), POUCH_OK);
        assert_false(admin_letter_filter_any(&f));
        assert_int_equal(admin_letter_matches(&f, &l), rows[i].matches);
        json_t *told = admin_letter_filter_json(&asked);
        assert_string_equal(json_string_value(json_object_get(told, rows[i].name)), rows[i].value);
        assert_int_equal(json_object_size(told), 1);
        json_decref(told);
    }
}

static void what_is_wrong_is_named_as_it_was_given(void **state) {
    (void)state;
    struct given flags[] = {{"--since", "soon"}, {0}}, parameters[] = {{"status", "gone"}, {0}};
    struct admin_letter_filter f;
    struct admin_letter_wanted w;
    assert_int_equal(admin_letter_filter_read(&f, &(struct admin_asked){"--", value, flags}), POUCH_E_CONFIG);
    assert_non_null(strstr(pouch_why(), "--since: 'soon'"));
    assert_int_equal(admin_letter_wanted_read(&w, &(struct admin_asked){"", value, parameters}), POUCH_E_CONFIG);
    assert_non_null(strstr(pouch_why(), "status: 'gone'"));
}

static void letters_that_were_dismissed_are_shown_when_they_are_asked_for(void **state) {
    (void)state;
    static const struct {
        const char *status;
        bool wanted[ADMIN_LETTER_STATUSES];
    } rows[] = {{NULL, {true, true, false}},
                {"open", {true, false, false}},
                {"redriven", {false, true, false}},
                {"dismissed", {false, false, true}},
                {"all", {true, true, true}}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct given given[] = {{"status", rows[i].status}, {0}};
        struct admin_letter_wanted w;
        assert_int_equal(admin_letter_wanted_read(&w, &(struct admin_asked){"", value, given}), POUCH_OK);
        assert_memory_equal(w.status, rows[i].wanted, sizeof w.status);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_member_of_a_filter_lets_only_its_letters_through),
        cmocka_unit_test(what_is_wrong_is_named_as_it_was_given),
        cmocka_unit_test(letters_that_were_dismissed_are_shown_when_they_are_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
