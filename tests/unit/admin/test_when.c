/* Points in time as they are typed on a command line. */
#include <support.h>

#include <admin/when.h>
#include <pouch/error.h>

enum { MINUTE = 60000 };
static const int64_t now_ms = 1700000000000; /* 2023-11-14T22:13:20Z */

static void a_duration_is_that_long_ago(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t ago;
    } rows[] = {{"0", 0}, {"500ms", 500}, {"10m", 10 * MINUTE}, {"2h", 120 * MINUTE}, {"1d", 1440 * MINUTE}};
    int64_t ms;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(admin_when_parse("--since", rows[i].text, now_ms, &ms), POUCH_OK);
        assert_int_equal(ms, now_ms - rows[i].ago);
    }
    assert_int_equal(admin_when_parse("--since", "30000d", now_ms, &ms), POUCH_OK);
    assert_int_equal(ms, 0); /* before all records */
}

static void a_time_of_rfc_3339_is_that_time(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } rows[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2023-11-14T22:13:20Z", 1700000000000},
        {"2023-11-14t22:13:20z", 1700000000000},
        {"2023-11-14 22:13:20Z", 1700000000000},
        {"2023-11-14T22:13:20.5Z", 1700000000500},
        {"2023-11-14T22:13:20.123456789Z", 1700000000123},
        {"2023-11-15T00:13:20+02:00", 1700000000000},
        {"2023-11-14T16:43:20-05:30", 1700000000000},
        {"2024-02-29T00:00:00Z", 1709164800000},
        {"9999-12-31T23:59:59Z", 253402300799000},
    };
    int64_t ms;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(admin_when_parse("--since", rows[i].text, now_ms, &ms), POUCH_OK);
        assert_int_equal(ms, rows[i].ms);
    }
}

static void anything_else_is_refused_with_the_flag_named(void **state) {
    (void)state;
    static const char *const rows[] = {
        "",
        "yesterday",
        "-10m",
        "10 m",
        "10x",
        "2023-11-14",
        "2023-11-14T22:13:20",
        "2023-11-14T22:13Z",
        "2023-02-29T00:00:00Z",
        "2023-04-31T00:00:00Z",
        "2023-13-01T00:00:00Z",
        "2023-00-01T00:00:00Z",
        "2023-01-00T00:00:00Z",
        "2023-01-01T24:00:00Z",
        "2023-01-01T00:60:00Z",
        "2023-01-01T00:00:61Z",
        "2023-01-01T00:00:00.Z",
        "2023-01-01T00:00:00+2:00",
        "2023-01-01T00:00:00+24:00",
        "2023-01-01T00:00:00Zx",
        "1969-12-31T23:59:59Z",
        "99999999999999999999d",
    };
    int64_t ms;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(admin_when_parse("--until", rows[i], now_ms, &ms), POUCH_E_CONFIG);
        assert_non_null(strstr(pouch_why(), "--until"));
    }
}

static void what_is_written_is_read_back(void **state) {
    (void)state;
    static const int64_t rows[] = {0, 999, 1700000000001, 1709164800000, 253402300799999};
    char text[ADMIN_WHEN_TEXT];
    int64_t ms;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(admin_when_parse("", admin_when_text(text, rows[i]), now_ms, &ms), POUCH_OK);
        assert_int_equal(ms, rows[i]);
    }
    assert_string_equal(admin_when_text(text, 1700000000001), "2023-11-14T22:13:20.001Z");
    assert_string_equal(admin_when_text(text, -1), "-");
    assert_string_equal(admin_when_text(text, INT64_MAX), "-");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_duration_is_that_long_ago),
        cmocka_unit_test(a_time_of_rfc_3339_is_that_time),
        cmocka_unit_test(anything_else_is_refused_with_the_flag_named),
        cmocka_unit_test(what_is_written_is_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
