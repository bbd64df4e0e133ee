/* The calls of pouch/trace.h: what was traced is found by request, publisher and time, and how routes did. */
#include <support.h>

#include "stage.h"
#include "traces.h"
#include <pouch/trace.h>

enum { SEEN_MAX = 32 };

static pouch_trace_store *traces;

static int open_traces(void **state) {
    setup(state);
    pouch_options *o = pouch_options_new();
    assert_non_null(o);
    assert_int_equal(pouch_options_set(o, "store", folder.url), POUCH_OK);
    assert_int_equal(pouch_trace_store_open(&traces, o), POUCH_OK);
    pouch_options_free(o);
    return 0;
}

static int close_traces(void **state) {
    pouch_trace_store_close(traces);
    return teardown(state);
}

struct seen {
    size_t n, stop_at;
    char ids[SEEN_MAX][37];
    int64_t times[SEEN_MAX];
    char line[1024]; /* the last row */
};

static int see(const pouch_trace *row, void *arg) {
    struct seen *s = arg;
    size_t n;
    assert_true(s->n < SEEN_MAX);
    const char *envelope = pouch_trace_envelope(row, &n);
    strcpy(s->ids[s->n], pouch_trace_request_id(row));
    s->times[s->n] = pouch_trace_time_us(row);
    snprintf(s->line, sizeof s->line, "%s %d %d %lld <%s> <%s> <%s> <%s> <%s> <%s> <%.*s>", pouch_trace_by(row),
             pouch_trace_is_response(row), pouch_trace_success(row), (long long)pouch_trace_took_us(row),
             pouch_trace_publisher(row), pouch_trace_topic(row), pouch_trace_target(row), pouch_trace_route(row),
             pouch_trace_code(row), pouch_trace_error(row), (int)n, envelope ? envelope : "");
    return ++s->n != s->stop_at;
}

static void put(const struct pl_trace *rows, size_t n) {
    struct pl_tracer *t = test_tracer(&folder);
    for (size_t i = 0; i < n; i++) pl_tracer_put(t, &rows[i]);
    pl_tracer_free(t, TEST_PATIENCE_MS);
}

/* acceptance: A18 B15 */
static void a_request_is_found_with_all_that_its_rows_say(void **state) {
    (void)state;
    struct pl_trace rows[] = {test_row(1), test_row(1), test_row(2)};
    rows[1].by = PL_TRACE_WORKER;
    rows[1].id++;
    rows[1].at_us++;
    rows[1].response = true;
    rows[1].success = false;
    rows[1].took_us = -1;
    rows[1].publisher = rows[1].target = rows[1].route = NULL;
    rows[1].code = "handler_error";
    rows[1].error = "text";
    rows[1].payload = "{}";
    rows[1].payload_n = 2;
    put(rows, 3);
    struct seen seen = {0};
    char id[37];
    pl_uuid_format(id, &rows[0].request_id);
    assert_int_equal(pouch_trace_by_request(traces, id, see, &seen), POUCH_OK);
    assert_int_equal(seen.n, 2);
    assert_string_equal(seen.ids[0], id);
    assert_int_equal(seen.times[0], rows[0].at_us);
    assert_string_equal(seen.line, "worker 1 0 -1 <> <inbox> <> <> <handler_error> <text> <{}>");
    seen = (struct seen){.stop_at = 1};
    assert_int_equal(pouch_trace_by_request(traces, id, see, &seen), POUCH_OK);
    assert_int_equal(seen.n, 1);
    assert_string_equal(seen.line, "center 0 1 250 <publisher-a> <inbox> <target-a> <route-publisher-a> <> <> <>");
    assert_int_equal(pouch_trace_by_request(traces, "nonsense", see, &seen), POUCH_E_CONFIG);
    assert_non_null(strstr(pouch_why(), "nonsense"));
}

/* Whatever the order they were written in. */
static void a_request_is_told_from_its_beginning(void **state) {
    (void)state;
    struct pl_trace rows[5];
    for (size_t i = 0; i < 5; i++) {
        rows[i] = test_row(1);
        rows[i].id += i;
        rows[i].at_us -= (int64_t)i * 1000;
    }
    put(rows, 5);
    struct seen seen = {0};
    char id[37];
    pl_uuid_format(id, &rows[0].request_id);
    assert_int_equal(pouch_trace_by_request(traces, id, see, &seen), POUCH_OK);
    assert_int_equal(seen.n, 5);
    for (size_t i = 0; i < 5; i++) assert_int_equal(seen.times[i], rows[4 - i].at_us);
}

/* acceptance: A19 B15 */
static void rows_are_found_by_publisher_and_by_time_newest_first(void **state) {
    (void)state;
    struct pl_trace rows[10];
    for (int64_t n = 0; n < 10; n++) {
        rows[n] = test_row(n);
        if (n % 2) rows[n].publisher = "publisher-b";
    }
    put(rows, 10);
    static const struct {
        const char *publisher;
        int64_t first, last;
        size_t limit, n;
        int64_t newest;
    } cases[] = {
        {NULL, 0, 10, 0, 10, 9},         {NULL, 0, 10, 3, 3, 9},         {NULL, 2, 5, 0, 3, 4},
        {"publisher-b", 0, 10, 0, 5, 9}, {"publisher-b", 0, 4, 0, 2, 3}, {"publisher-a", 0, 10, 1, 1, 8},
        {"nobody", 0, 10, 0, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct seen seen = {0};
        int64_t since = rows[0].at_us + cases[i].first * 1000, until = rows[0].at_us + cases[i].last * 1000;
        pouch_err e = cases[i].publisher ? pouch_trace_by_publisher(traces, cases[i].publisher, since, until,
                                                                    cases[i].limit, see, &seen)
                                         : pouch_trace_by_time(traces, since, until, cases[i].limit, see, &seen);
        assert_int_equal(e, POUCH_OK);
        assert_int_equal(seen.n, cases[i].n);
        if (seen.n) assert_int_equal(seen.times[0], rows[cases[i].newest].at_us);
        for (size_t j = 1; j < seen.n; j++) assert_true(seen.times[j] < seen.times[j - 1]);
    }
    uint64_t missing = 1;
    assert_int_equal(pouch_trace_missing(traces, 0, INT64_MAX, &missing), POUCH_OK);
    assert_int_equal(missing, 0);
}

static int see_route(const pouch_route_stats *r, void *arg) {
    char *line = arg;
    snprintf(line, 256, "%s %s %llu %llu %lld %lld %lld %lld", pouch_route_stats_publisher(r),
             pouch_route_stats_route(r), (unsigned long long)pouch_route_stats_count(r),
             (unsigned long long)pouch_route_stats_failed(r), (long long)pouch_route_stats_average_us(r),
             (long long)pouch_route_stats_p50_us(r), (long long)pouch_route_stats_p99_us(r),
             (long long)pouch_route_stats_last_us(r));
    return 0;
}

/* acceptance: B16 */
static void a_route_tells_how_it_did(void **state) {
    (void)state;
    struct pl_trace rows[10];
    for (int64_t n = 0; n < 10; n++) {
        rows[n] = test_row(n);
        rows[n].took_us = 100 * n;
        rows[n].success = n != 4;
    }
    put(rows, 10);
    char line[256] = "";
    assert_int_equal(pouch_trace_routes(traces, "publisher-a", NULL, 0, INT64_MAX, see_route, line), POUCH_OK);
    assert_string_equal(line, "publisher-a route-publisher-a 10 1 450 400 900 1700000000009000");
    line[0] = '\0';
    assert_int_equal(pouch_trace_routes(traces, NULL, "another", 0, INT64_MAX, see_route, line), POUCH_OK);
    assert_string_equal(line, "");
}

static void a_store_that_cannot_be_used_is_told(void **state) {
    (void)state;
    pouch_options *o = pouch_options_new();
    pouch_trace_store *none = NULL;
    assert_int_equal(pouch_options_set(o, "store", "sqlite:///dev/null/x"), POUCH_OK);
    assert_int_equal(pouch_trace_store_open(&none, o), POUCH_E_CONFIG);
    assert_null(none);
    pouch_trace_store_close(NULL);
    pouch_options_free(o);
}

#define WITH_TRACES(name) cmocka_unit_test_setup_teardown(name, open_traces, close_traces)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_TRACES(a_request_is_found_with_all_that_its_rows_say),
        WITH_TRACES(a_request_is_told_from_its_beginning),
        WITH_TRACES(rows_are_found_by_publisher_and_by_time_newest_first),
        WITH_TRACES(a_route_tells_how_it_did),
        cmocka_unit_test(a_store_that_cannot_be_used_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
