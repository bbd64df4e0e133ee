/* How values are written: switches, durations, sizes. */
#include <support.h>

#include "environment.h"

#include <base/why.h>

static void durations_have_units(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } rows[] = {{"30s", 30000}, {"500ms", 500}, {"5m", 300000}, {"2h", 7200000}, {"1d", 86400000},
                {"1500", 1500}, {"0", 0},       {"0s", 0},      {"007s", 7000}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t ms = -1;
        assert_int_equal(pl_duration_parse(&ms, rows[i].text, 0, 86400000), POUCH_OK);
        assert_int_equal(ms, rows[i].ms);
    }
}

static void a_malformed_duration_is_refused_with_its_bounds(void **state) {
    (void)state;
    static const char *const bad[] = {"",
                                      "s",
                                      "-1s",
                                      "1.5s",
                                      "1 s",
                                      " 1s",
                                      "1S",
                                      "1M",
                                      "1sec",
                                      "1s1s",
                                      "61s",
                                      "9223372036854775807d",
                                      "9223372036854775808"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int64_t ms = 42;
        assert_int_equal(pl_duration_parse(&ms, bad[i], 100, 60000), POUCH_E_CONFIG);
        assert_int_equal(ms, 42);
        assert_non_null(strstr(pouch_why(), "is not a duration (100ms to 1m)"));
    }
}

static void sizes_have_binary_units(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t bytes;
    } rows[] = {{"64KiB", 65536}, {"32MiB", 33554432}, {"1GiB", 1073741824}, {"4096", 4096}, {"5000B", 5000}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pl_settings s;
        pouch_options *o = new_options();
        assert_int_equal(pouch_options_set(o, "worker.max_in_flight_bytes", rows[i].text), POUCH_OK);
        assert_int_equal(pl_settings_read(&s, o), POUCH_OK);
        assert_int_equal(s.max_in_flight_bytes, rows[i].bytes);
        pl_settings_free(&s);
        pouch_options_free(o);
    }
}

static void a_size_in_other_units_is_refused(void **state) {
    (void)state;
    static const char *const bad[] = {"64KB", "64k", "1 GiB", "1kib", "-5", "17179869185GiB"};
    pouch_options *o = new_options();
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(pouch_options_set(o, "worker.max_in_flight_bytes", bad[i]), POUCH_E_CONFIG);
        assert_non_null(strstr(pouch_why(), "is not a size (4KiB to 64GiB)"));
    }
    pouch_options_free(o);
}

/* The seed systems took any text but the empty one for true, "false" included. */
static void false_means_false(void **state) {
    (void)state;
    static const char *const words[][2] = {{"off", "on"},     {"false", "true"}, {"no", "yes"}, {"0", "1"},
                                           {"FALSE", "TRUE"}, {"Off", "On"},     {"nO", "yEs"}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        for (int value = 0; value < 2; value++) {
            struct pl_settings s;
            setenv("POUCH_CLIENT_THREAD", words[i][value], 1);
            pouch_options *o = new_options();
            assert_int_equal(pl_settings_read(&s, o), POUCH_OK);
            assert_int_equal(s.thread, value);
            pl_settings_free(&s);
            pouch_options_free(o);
        }
    unsetenv("POUCH_CLIENT_THREAD");
}

static void a_choice_becomes_its_meaning(void **state) {
    (void)state;
    struct pl_settings s;
    pouch_options *o = new_options();
    assert_int_equal(pouch_options_set(o, "crypto.iv_bytes", "12"), POUCH_OK);
    assert_int_equal(pouch_options_set(o, "crypto.over_limit", "stop"), POUCH_OK);
    assert_int_equal(pouch_options_set(o, "client.plain_errors", "ignore"), POUCH_OK);
    assert_int_equal(pouch_options_set(o, "start", "latest"), POUCH_OK);
    assert_int_equal(pl_settings_read(&s, o), POUCH_OK);
    assert_int_equal(s.iv_bytes, 12);
    assert_true(s.over_limit_stop);
    assert_false(s.plain_errors);
    assert_int_equal(s.start, PL_START_LATEST);
    pl_settings_free(&s);
    pouch_options_free(o);
}

static void names_are_names_of_topics(void **state) {
    (void)state;
    static const char *const bad[] = {".", "..", "a b", "a/b", "caf\xc3\xa9", "a,b", "*"};
    pouch_options *o = new_options();
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(pouch_options_set(o, "reply.topic", bad[i]), POUCH_E_CONFIG);
        assert_non_null(strstr(pouch_why(), "is not a name (1 to 249 of A-Z a-z 0-9 . _ -)"));
    }
    assert_int_equal(pouch_options_set(o, "reply.topic", "a.b_c-D9"), POUCH_OK);
    pouch_options_free(o);
}

/* The client's reply topic is its id and ".replies", which must itself be a topic's name. */
static void a_client_id_leaves_room_for_its_reply_topic(void **state) {
    (void)state;
    assert_int_equal(pl_option_find("client.id")->most + (int64_t)strlen(".replies"),
                     pl_option_find("reply.topic")->most);
}

static void a_message_quotes_no_control_characters_and_no_novels(void **state) {
    (void)state;
    char value[4096];
    memset(value, 'x', sizeof value);
    memcpy(value, "\x1b[2J\r\n", 6);
    value[sizeof value - 1] = 0;
    pouch_options *o = new_options();
    assert_int_equal(pouch_options_set(o, "start", value), POUCH_E_CONFIG);
    assert_non_null(strstr(pouch_why(), "'?[2J??xxx"));
    assert_non_null(strstr(pouch_why(), "x…'"));
    assert_true(strlen(pouch_why()) < 200);
    for (const char *c = pouch_why(); *c; c++) assert_true((unsigned char)*c >= 0x20);
    pouch_options_free(o);
}

static void a_message_cuts_between_characters(void **state) {
    (void)state;
    for (size_t shift = 0; shift < 3; shift++) {
        char value[256] = "aa";
        for (size_t i = shift; i + 3 < sizeof value; i += 3) memcpy(value + i, "\xe2\x82\xac", 4);
        pouch_options *o = new_options();
        assert_int_equal(pouch_options_set(o, "start", value), POUCH_E_CONFIG);
        const char *end = strstr(pouch_why(), "…'");
        assert_non_null(end);
        assert_memory_equal(end - 3, "\xe2\x82\xac", 3);
        pouch_options_free(o);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_have_units),
        cmocka_unit_test(a_malformed_duration_is_refused_with_its_bounds),
        cmocka_unit_test(sizes_have_binary_units),
        cmocka_unit_test(a_size_in_other_units_is_refused),
        cmocka_unit_test(false_means_false),
        cmocka_unit_test(a_choice_becomes_its_meaning),
        cmocka_unit_test(names_are_names_of_topics),
        cmocka_unit_test(a_client_id_leaves_room_for_its_reply_topic),
        cmocka_unit_test(a_message_quotes_no_control_characters_and_no_novels),
        cmocka_unit_test(a_message_cuts_between_characters),
    };
    return cmocka_run_group_tests(tests, no_environment, NULL);
}
