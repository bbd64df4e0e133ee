/* Every allocation of a call fails in turn, SQLite's too: the error says so, nothing leaks, nothing is half done. */
#include <support.h>

#include <oom.h>

#include "traces.h"
#include <folder.h>
#include <sqlite3.h>
#include <store/audit.h>

enum { WAITING = 2047 };

static struct test_folder folder;

static bool ended(pouch_err e) {
    if (e && e != POUCH_E_NO_MEMORY) fail_msg("%d %s", (int)e, pouch_why());
    if (e) assert_non_null(strstr(pouch_why(), "memory"));
    return !e;
}

static bool open_new(void) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/registry.db", folder.path);
    unlink(path);
    struct pl_store *s = NULL;
    pouch_err e = pl_store_open(&s, folder.url);
    pl_store_close(s);
    return ended(e);
}

/* Opens the store with all memory there is, and gives what is left of it to the call. */
static bool with_store(pouch_err (*call)(struct pl_store *s)) {
    long left = test_oom_left;
    test_oom_after(-1);
    struct pl_store *s;
    assert_int_equal(pl_store_open(&s, folder.url), POUCH_OK);
    test_oom_after(left);
    pouch_err e = call(s);
    test_oom_after(-1);
    pl_store_close(s);
    return ended(e);
}

static pouch_err put_call(struct pl_store *s) {
    char *target = "target";
    struct pl_route_row r = {.publisher = "p", .targets = &target, .n_targets = 1};
    pouch_err e = pl_store_route_put(s, &r, -1);
    free(r.id);
    return e;
}

static pouch_err list_call(struct pl_store *s) {
    struct pl_route_row *routes = NULL;
    size_t n = 0;
    int64_t version;
    pouch_err e = pl_store_routes(s, &routes, &n, &version);
    if (!e) {
        assert_int_equal(n, 1);
        pl_route_free(routes, n);
    }
    return e;
}

static pouch_err query_call(struct pl_store *s) {
    struct test_seen seen = {0};
    struct pl_trace_query q = test_all();
    pouch_err e = pl_store_by_time(s, &q, test_see, &seen);
    if (!e) assert_int_equal(seen.n, 3);
    return e;
}

static pouch_err request_call(struct pl_store *s) {
    struct test_seen seen = {0};
    struct pl_trace row = test_row(1);
    pouch_err e = pl_store_by_request(s, &row.request_id, test_see, &seen);
    if (!e) assert_int_equal(seen.n, 1);
    return e;
}

/* Its mark is one of many, which are read from pages of their own. */
static pouch_err waiting_call(struct pl_store *s) {
    struct test_seen seen = {0};
    struct pl_trace row = test_row(WAITING);
    pouch_err e = pl_store_by_request(s, &row.request_id, test_see, &seen);
    if (!e) assert_int_equal(seen.n, 1);
    return e;
}

static bool count_route(const struct pl_route_stats *stats, void *arg) {
    *(uint64_t *)arg += stats->count;
    return true;
}

static pouch_err stats_call(struct pl_store *s) {
    struct pl_stats_query all = {.until_us = INT64_MAX};
    uint64_t counted = 0;
    pouch_err e = pl_store_stats(s, &all, count_route, &counted);
    if (!e) assert_int_equal(counted, 3);
    return e;
}

static bool count_change(const struct pl_audit *row, void *arg) {
    (void)row;
    ++*(size_t *)arg;
    return true;
}

static pouch_err changes_call(struct pl_store *s) {
    const struct pl_audit_query q = {.kind = PL_AUDIT_ROUTE, .name = "p", .limit = 1};
    size_t n = 0;
    pouch_err e = pl_store_audit(s, &q, count_change, &n);
    if (!e) assert_int_equal(n, 1);
    return e;
}

static bool list_changes(void) {
    return with_store(changes_call);
}

static bool add_up(void) {
    return with_store(stats_call);
}

static bool put_route(void) {
    return with_store(put_call);
}

static bool list_routes(void) {
    return with_store(list_call);
}

static bool query(void) {
    return with_store(query_call);
}

static bool find_request(void) {
    return with_store(request_call);
}

static bool find_waiting(void) {
    return with_store(waiting_call);
}

static void a_row_that_waits_for_the_index_is_not_passed_over(void **state) {
    (void)state;
    if (!test_oom_works()) skip();
    test_folder_make(&folder);
    struct pl_tracer *t = test_tracer(&folder);
    test_put_rows(t, 0, WAITING + 1);
    sqlite3_initialize();
    assert_true(test_oom_each(find_waiting) > 0);
    pl_tracer_free(t, TEST_PATIENCE_MS);
    test_folder_remove(&folder);
}

static void every_failed_allocation_is_an_error_and_no_leak(void **state) {
    (void)state;
    if (!test_oom_works()) skip();
    test_folder_make(&folder);
    struct pl_tracer *t = test_tracer(&folder);
    test_put_rows(t, 0, 3);
    pl_tracer_free(t, TEST_PATIENCE_MS);
    sqlite3_initialize();
    char author[PL_AUTHOR_MAX + 1];
    pl_author_default(author); /* the C library keeps what the first look for a user takes */

    bool (*const steps[])(void) = {open_new, put_route, list_routes, query, find_request, list_changes, add_up};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) assert_true(test_oom_each(steps[i]) > 0);
    assert_int_equal(test_folder_count(&folder, "registry.db.new", ""), 0);
    test_folder_remove(&folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_failed_allocation_is_an_error_and_no_leak),
        cmocka_unit_test(a_row_that_waits_for_the_index_is_not_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
