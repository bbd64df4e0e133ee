/* What a view says of two readings, and how it looks. */
#include <support.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <top/compare.h>

enum { SECOND = 1000000, PAGE_MAX = 1 << 20 };

static struct top_reading reading(int64_t at_us, const char *json) {
    struct top_reading r = {.at_us = at_us};
    if (json && pl_json_read(&r.status, "status", json, strlen(json))) fail_msg("%s", pouch_why());
    return r;
}

static void forget(struct top_process *p) {
    json_decref(p->before.status);
    json_decref(p->now.status);
}

/* "processes.0.rate" */
static const json_t *at(const json_t *value, const char *path) {
    char name[64];
    while (*path) {
        size_t n = strcspn(path, ".");
        snprintf(name, sizeof name, "%.*s", (int)n, path);
        value = json_is_array(value) ? json_array_get(value, (size_t)atoi(name)) : json_object_get(value, name);
        path += n + (path[n] == '.');
    }
    return value;
}

static void assert_number(const json_t *view, const char *path, double wanted) {
    const json_t *value = at(view, path);
    if (!json_is_number(value)) fail_msg("no number at %s", path);
    if (fabs(json_number_value(value) - wanted) > 1e-6)
        fail_msg("%s is %f and not %f", path, json_number_value(value), wanted);
}

static void assert_text(const json_t *view, const char *path, const char *wanted) {
    const json_t *value = at(view, path);
    if (!json_is_string(value)) fail_msg("no text at %s", path);
    assert_string_equal(json_string_value(value), wanted);
}

#define CENTER(uptime, routed, no_route, p, q, one, buckets)                                                     \
    "{\"role\":\"center\",\"phase\":\"working\",\"ready\":true,\"uptime_ms\":" uptime                            \
    ",\"outcomes\":{\"routed\":" routed ",\"no_route\":" no_route "},\"times\":{\"buckets\":[" buckets           \
    "]},\"in_flight\":{\"requests\":3,\"most\":9,\"oldest\":{\"age_ms\":7},\"paused\":null},\"assigned\":2,"     \
    "\"partitions\":[{\"lag\":4},{\"lag\":null},{\"lag\":5}],\"publishers\":[{\"publisher\":\"p\",\"routed\":" p \
    ",\"failed\":0,\"limited\":0},{\"publisher\":\"q\",\"routed\":0,\"failed\":" q ",\"limited\":" q             \
    "}],\"targets\":[{\"topic\":\"one\",\"in_flight\":1,\"bytes\":9,\"stalled\":false,\"routed\":" one           \
    ",\"failed\":0}],\"breakers\":[{\"name\":\"one\",\"state\":\"open\"}]}"

static void rates_and_times_are_those_between_two_readings(void **state) {
    (void)state;
    struct top_process p = {
        "a:1", reading(SECOND, CENTER("1000", "100", "1", "90", "1", "100", "[9,5],[1023,100]")),
        reading(3 * SECOND, CENTER("3000", "300", "5", "290", "5", "300", "[9,5],[1023,298],[4095,2]"))};
    json_t *v = top_compare(&p, 1, 42);
    assert_number(v, "at_ms", 42);
    assert_number(v, "seconds", 2);
    assert_text(v, "processes.0.process", "a:1");
    assert_number(v, "processes.0.seconds", 2);
    assert_number(v, "processes.0.rate", 102);
    assert_number(v, "processes.0.failed_rate", 2);
    assert_number(v, "processes.0.outcomes.no_route.total", 5);
    assert_number(v, "processes.0.outcomes.no_route.rate", 2);
    assert_number(v, "processes.0.times.count", 200);
    assert_number(v, "processes.0.times.p50_us", 1023);
    assert_number(v, "processes.0.times.p99_us", 1023);
    assert_number(v, "processes.0.in_flight", 3);
    assert_number(v, "processes.0.oldest_ms", 7);
    assert_number(v, "processes.0.lag", 9);
    assert_text(v, "publishers.0.publisher", "p");
    assert_number(v, "publishers.0.rate", 100);
    assert_number(v, "publishers.1.rate", 2);
    assert_number(v, "publishers.1.failed_rate", 2);
    assert_number(v, "publishers.1.limited_rate", 2);
    assert_number(v, "targets.0.rate", 100);
    assert_number(v, "targets.0.in_flight", 1);
    assert_text(v, "breakers.0.process", "a:1");
    assert_text(v, "breakers.0.state", "open");
    json_decref(v);
    forget(&p);
}

static void what_several_centers_do_for_one_publisher_is_added_up(void **state) {
    (void)state;
    struct top_process all[2];
    for (int i = 0; i < 2; i++)
        all[i] = (struct top_process){i ? "b:1" : "a:1", reading(SECOND, CENTER("1000", "0", "0", "0", "0", "0", "")),
                                      reading(2 * SECOND, CENTER("2000", "9", "0", "10", "3", "9", ""))};
    json_t *v = top_compare(all, 2, 0);
    assert_int_equal(json_array_size(at(v, "publishers")), 2);
    assert_number(v, "publishers.0.rate", 20);
    assert_number(v, "publishers.0.routed", 20);
    assert_number(v, "publishers.1.failed", 6);
    assert_int_equal(json_array_size(at(v, "targets")), 1);
    assert_number(v, "targets.0.routed", 18);
    assert_number(v, "targets.0.in_flight", 2);
    top_sort(v, TOP_BY_FAILED);
    assert_text(v, "publishers.0.publisher", "q");
    top_sort(v, TOP_BY_NAME);
    assert_text(v, "publishers.0.publisher", "p");
    json_decref(v);
    for (int i = 0; i < 2; i++) forget(&all[i]);
}

static void what_cannot_be_told_is_null(void **state) {
    (void)state;
    struct top_process fresh = {"a:1", {0}, reading(SECOND, CENTER("10", "300", "5", "290", "5", "300", "[9,5]"))};
    struct top_process again = {"a:1", reading(SECOND, CENTER("9000", "900", "0", "0", "0", "0", "[9,5]")),
                                reading(2 * SECOND, CENTER("10", "5", "0", "5", "0", "5", "[9,2]"))};
    /* It was away for a minute, and has run for longer than it had before that. */
    struct top_process later = {"a:1", reading(SECOND, CENTER("5000", "9", "0", "0", "0", "0", "[9,5]")),
                                reading(61 * (int64_t)SECOND, CENTER("50000", "900", "0", "0", "0", "0", "[9,9]"))};
    struct top_process *rows[] = {&fresh, &again, &later};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_t *v = top_compare(rows[i], 1, 0);
        assert_true(json_is_null(at(v, "processes.0.seconds")));
        assert_true(json_is_null(at(v, "processes.0.rate")));
        assert_true(json_is_null(at(v, "processes.0.outcomes.routed.rate")));
        assert_true(json_is_null(at(v, "processes.0.times.p50_us")));
        assert_number(v, "publishers.0.rate", 0);
        json_decref(v);
        forget(rows[i]);
    }
}

static void a_reading_that_took_long_is_of_no_other_process(void **state) {
    (void)state;
    struct top_process p = {"a:1", reading(SECOND, CENTER("1000", "100", "0", "0", "0", "0", "")),
                            reading(9 * SECOND, CENTER("3000", "300", "0", "0", "0", "0", ""))};
    p.now.took_us = 6 * SECOND;
    json_t *v = top_compare(&p, 1, 0);
    assert_number(v, "processes.0.rate", 25);
    json_decref(v);
    forget(&p);
}

static void a_process_that_cannot_be_read_says_why(void **state) {
    (void)state;
    struct top_process p = {"a:1", {0}, {.at_us = SECOND, .error = "no connection"}};
    json_t *v = top_compare(&p, 1, 0);
    struct pl_buf page;
    pl_buf_init(&page, PAGE_MAX);
    assert_text(v, "processes.0.error", "no connection");
    assert_int_equal(top_page(&page, v), POUCH_OK);
    assert_non_null(strstr(page.at, "\nba:1 "));
    assert_non_null(strstr(page.at, "no connection\n"));
    pl_buf_free(&page);
    json_decref(v);
}

/* Whoever answers at an address can say anything. */
static void what_others_say_is_neither_trusted_nor_printed_as_it_is(void **state) {
    (void)state;
    static const char *const rows[] = {
        "{\"role\":\"x\"}",
        "{\"role\":\"\\u001b[2J\\u0007\\n\",\"phase\":5,\"outcomes\":[1],\"times\":{\"buckets\":[[-1,5],[\"x\"],7]},"
        "\"in_flight\":[],\"partitions\":{\"lag\":1},\"publishers\":[5,{\"publisher\":\"\\u001b]0;x\\u0007\"}],"
        "\"targets\":{\"a\":1},\"breakers\":[3,{\"name\":7,\"state\":\"\\u009b\"}],\"reasons\":[\"\\u001b[31m\",9],"
        "\"notes\":\"x\",\"uptime_ms\":\"y\"}",
        "{\"role\":\"x\",\"outcomes\":{\"\\u001b[1m\":9223372036854775807},\"times\":{\"buckets\":[[9,"
        "9223372036854775807],"
        "[9,9223372036854775807]]},\"partitions\":[{\"lag\":9223372036854775807},{\"lag\":9223372036854775807},{"
        "\"lag\":-1}]}"};
    struct pl_buf page;
    pl_buf_init(&page, PAGE_MAX);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct top_process p = {"a:1", reading(SECOND, rows[i]), reading(2 * SECOND, rows[i])};
        json_t *v = top_compare(&p, 1, 0);
        assert_non_null(v);
        assert_int_equal(top_page(&page, v), POUCH_OK);
        for (const char *c = page.at; *c; c++) assert_true(*c == '\n' || (*c >= ' ' && *c <= '~'));
        json_decref(v);
        forget(&p);
    }
    pl_buf_free(&page);
}

/* One peer that says too much does not end the view of all others. */
static void what_a_peer_says_at_length_is_cut(void **state) {
    (void)state;
    enum { MANY = 5000, LISTED = 64 };
    char text[400];
    struct top_process p = {"a:1", reading(SECOND, "{\"role\":\"x\"}"), reading(2 * SECOND, "{\"role\":\"x\"}")};
    json_t *reasons = json_array(), *targets = json_array(), *outcomes = json_object();
    for (int i = 0; i < MANY; i++) {
        snprintf(text, sizeof text, "%0399d", i);
        json_array_append_new(reasons, json_string(text));
        json_array_append_new(targets, json_pack("{s:s, s:i}", "topic", text, "routed", i));
        json_object_set_new(outcomes, text, json_integer(1));
    }
    json_object_set_new(p.now.status, "reasons", reasons);
    json_object_set_new(p.now.status, "targets", targets);
    json_object_set_new(p.now.status, "outcomes", outcomes);
    struct pl_buf page;
    pl_buf_init(&page, 20000);
    json_t *v = top_compare(&p, 1, 0);
    assert_int_equal(json_array_size(at(v, "targets")), LISTED);
    assert_int_equal(top_page(&page, v), POUCH_OK);
    pl_buf_free(&page);
    json_decref(v);
    forget(&p);
}

static void a_page_has_a_line_for_each_thing_that_is_told(void **state) {
    (void)state;
    static const char *const lines[] = {"hPROCESS ",
                                        " a:1 ",
                                        "bq ",
                                        "hPUBLISHER ",
                                        "hTARGET ",
                                        " one ",
                                        "hPROCESS              BREAKER",
                                        "ba:1                  one",
                                        "hPROCESS              FAILED AS",
                                        " a:1                  no_route"};
    struct top_process p = {"a:1", reading(SECOND, CENTER("1000", "100", "1", "90", "1", "100", "[9,5]")),
                            reading(2 * SECOND, CENTER("2000", "200", "5", "290", "5", "300", "[9,8]"))};
    json_t *v = top_compare(&p, 1, 0);
    struct pl_buf page;
    pl_buf_init(&page, PAGE_MAX);
    assert_int_equal(top_page(&page, v), POUCH_OK);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        char begin[64];
        snprintf(begin, sizeof begin, "\n%s", lines[i]);
        if (strncmp(page.at, lines[i], strlen(lines[i])) != 0 && !strstr(page.at, begin))
            fail_msg("no line '%s' in:\n%s", lines[i], page.at);
    }
    pl_buf_free(&page);
    json_decref(v);
    forget(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rates_and_times_are_those_between_two_readings),
        cmocka_unit_test(what_several_centers_do_for_one_publisher_is_added_up),
        cmocka_unit_test(what_cannot_be_told_is_null),
        cmocka_unit_test(a_reading_that_took_long_is_of_no_other_process),
        cmocka_unit_test(a_process_that_cannot_be_read_says_why),
        cmocka_unit_test(what_others_say_is_neither_trusted_nor_printed_as_it_is),
        cmocka_unit_test(what_a_peer_says_at_length_is_cut),
        cmocka_unit_test(a_page_has_a_line_for_each_thing_that_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
