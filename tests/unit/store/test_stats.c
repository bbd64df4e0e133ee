/* How routes do: what is counted, over which files and times, and that nothing counts twice. */
#include <support.h>

#include "stage.h"
#include "traces.h"
#include <signal.h>
#include <sqlite3.h>
#include <store/recent.h>
#include <sys/wait.h>

enum { ROUTES_MAX = 16 };

#define MINUTE_US INT64_C(60000000)

struct seen {
    struct pl_route_stats at[ROUTES_MAX];
    char names[ROUTES_MAX][64]; /* publisher/route */
    size_t n, stop_at;
};

static bool see(const struct pl_route_stats *stats, void *arg) {
    struct seen *s = arg;
    assert_true(s->n < ROUTES_MAX);
    s->at[s->n] = *stats;
    snprintf(s->names[s->n], sizeof s->names[0], "%s/%s", stats->publisher, stats->route);
    return ++s->n != s->stop_at;
}

static struct seen stats_between(const char *publisher, const char *route, int64_t since_us, int64_t until_us) {
    struct seen seen = {0};
    struct pl_stats_query q = {publisher, route, since_us, until_us};
    assert_int_equal(pl_store_stats(store, &q, see, &seen), POUCH_OK);
    return seen;
}

static struct seen all_stats(void) {
    return stats_between(NULL, NULL, 0, INT64_MAX);
}

static uint64_t counted(void) {
    struct seen seen = all_stats();
    uint64_t n = 0;
    for (size_t i = 0; i < seen.n; i++) n += seen.at[i].count;
    return n;
}

/* acceptance: B16 */
static void a_route_has_its_count_failures_times_and_last_row(void **state) {
    (void)state;
    struct pl_tracer *t = test_tracer(&folder);
    for (int64_t n = 0; n < 1000; n++) {
        struct pl_trace row = test_row(n);
        row.took_us = n; /* 0 to 999 */
        row.success = n % 10 != 0;
        pl_tracer_put(t, &row);
    }
    pl_tracer_free(t, TEST_PATIENCE_MS);
    struct seen seen = all_stats();
    assert_int_equal(seen.n, 1);
    assert_string_equal(seen.names[0], "publisher-a/route-publisher-a");
    assert_int_equal(seen.at[0].count, 1000);
    assert_int_equal(seen.at[0].failed, 100);
    assert_int_equal(seen.at[0].average_us, 499);
    assert_int_equal(seen.at[0].p50_us, 499);
    assert_int_equal(seen.at[0].p99_us, 989);
    assert_int_equal(seen.at[0].last_us, test_row(999).at_us);
}

/* acceptance: B16 */
static void routes_are_told_apart_and_listed_by_publisher(void **state) {
    (void)state;
    struct pl_trace rows[8];
    for (int64_t n = 0; n < 8; n++) rows[n] = test_row(n);
    rows[0].publisher = "b";
    rows[1].publisher = rows[2].publisher = "a";
    rows[2].route = "another";
    rows[3].route = NULL;         /* there was none */
    rows[4].publisher = NULL;     /* no envelope */
    rows[5].by = PL_TRACE_WORKER; /* not routed */
    rows[6].publisher = "b";
    rows[6].took_us = -1;
    rows[6].response = true;
    rows[7].publisher = "c";
    rows[7].took_us = -1;
    test_put_and_close(&folder, rows, 8);
    struct seen seen = all_stats();
    assert_int_equal(seen.n, 4);
    assert_string_equal(seen.names[0], "a/another");
    assert_string_equal(seen.names[1], "a/route-publisher-a");
    assert_string_equal(seen.names[2], "b/route-publisher-a");
    assert_int_equal(seen.at[2].count, 2);
    assert_int_equal(seen.at[2].average_us, 250); /* of the one that has a length */
    assert_string_equal(seen.names[3], "c/route-publisher-a");
    assert_int_equal(seen.at[3].average_us, -1);
    assert_int_equal(seen.at[3].p99_us, -1);

    assert_int_equal(stats_between("a", NULL, 0, INT64_MAX).n, 2);
    assert_int_equal(stats_between(NULL, "another", 0, INT64_MAX).n, 1);
    assert_int_equal(stats_between("a", "another", 0, INT64_MAX).n, 1);
    assert_int_equal(stats_between("b", "another", 0, INT64_MAX).n, 0);
    assert_int_equal(stats_between("nobody", NULL, 0, INT64_MAX).n, 0);

    struct seen first = {.stop_at = 1};
    struct pl_stats_query q = {.until_us = INT64_MAX};
    assert_int_equal(pl_store_stats(store, &q, see, &first), POUCH_OK);
    assert_int_equal(first.n, 1);
}

/* acceptance: B16 */
static void times_are_widened_to_whole_minutes_which_is_told(void **state) {
    (void)state;
    struct pl_trace rows[10];
    const int64_t first = test_row(0).at_us / MINUTE_US * MINUTE_US;
    for (int64_t n = 0; n < 10; n++) {
        rows[n] = test_row(n);
        rows[n].at_us = first + n * MINUTE_US / 2; /* two a minute */
    }
    test_put_and_close(&folder, rows, 10);
    struct pl_stats_query q = {.since_us = rows[3].at_us, .until_us = rows[6].at_us + 1};
    struct seen seen = {0};
    assert_int_equal(pl_store_stats(store, &q, see, &seen), POUCH_OK);
    assert_int_equal(seen.at[0].count, 6); /* 2 to 7 */
    assert_int_equal(seen.at[0].last_us, rows[7].at_us);
    assert_int_equal(q.since_us, rows[2].at_us);
    assert_int_equal(q.until_us, rows[8].at_us);
    assert_int_equal(stats_between(NULL, NULL, rows[2].at_us, rows[4].at_us).at[0].count, 2);
    assert_int_equal(stats_between(NULL, NULL, rows[9].at_us + MINUTE_US, INT64_MAX).n, 0);
    assert_int_equal(stats_between(NULL, NULL, 0, rows[0].at_us).n, 0);
    assert_int_equal(stats_between(NULL, NULL, -5, INT64_MAX).at[0].count, 10);
}

/* Between two writings of the sums, after each of them, and when the writer has ended. */
static void rows_count_from_the_moment_they_are_written(void **state) {
    (void)state;
    static const int64_t steps[] = {0, 1, 100, 8191, 8192, 8193, 20000, 50000};
    struct pl_tracer *t = test_tracer(&folder);
    for (size_t i = 1; i < sizeof steps / sizeof steps[0]; i++) {
        test_put_rows(t, steps[i - 1], steps[i]);
        assert_int_equal(counted(), steps[i]);
    }
    pl_tracer_free(t, TEST_PATIENCE_MS);
    assert_int_equal(counted(), 50000);
}

static void rows_of_many_writers_are_added_up(void **state) {
    (void)state;
    enum { WRITERS = 70, EACH = 30 }; /* more files than a reader holds open */
    struct pl_tracer *writers[WRITERS];
    for (int i = 0; i < WRITERS; i++) writers[i] = test_tracer(&folder);
    for (int64_t n = 0; n < WRITERS * EACH; n++) {
        struct pl_trace row = test_row(n);
        pl_tracer_put(writers[n % WRITERS], &row);
    }
    for (int i = 0; i < WRITERS; i++) pl_tracer_free(writers[i], TEST_PATIENCE_MS);
    assert_int_equal(counted(), WRITERS * EACH);
}

/* acceptance: B16 */
static void what_is_routed_again_counts_once(void **state) {
    (void)state;
    enum { FIRST = 40000, AGAIN_FROM = 30000, END = 60000 };
    struct pl_tracer *a = test_tracer(&folder);
    test_put_rows(a, 0, FIRST);
    struct pl_tracer *b = test_tracer(&folder);
    test_put_rows(b, AGAIN_FROM, END);
    test_put_rows(b, AGAIN_FROM, AGAIN_FROM + 100); /* and again by the same */
    pl_tracer_free(b, TEST_PATIENCE_MS);
    assert_int_equal(counted(), END);
    pl_tracer_free(a, TEST_PATIENCE_MS);
    assert_int_equal(counted(), END);
    struct pl_tracer *c = test_tracer(&folder); /* goes on in the file of a */
    test_put_rows(c, END - 1000, END + 1);
    pl_tracer_free(c, TEST_PATIENCE_MS);
    assert_int_equal(counted(), END + 1);
}

/* acceptance: B16 */
static void a_writer_that_was_killed_leaves_no_row_uncounted(void **state) {
    (void)state;
    enum { ROWS = 12345, AGAIN = 12000, END = 13000 };
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        test_put_rows(test_tracer(&folder), 0, ROWS);
        raise(SIGKILL);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(counted(), ROWS);
    struct pl_tracer *t = test_tracer(&folder);
    test_put_rows(t, AGAIN, END);
    assert_int_equal(counted(), END);
    pl_tracer_free(t, TEST_PATIENCE_MS);
    assert_int_equal(test_folder_count(&folder, "trace-", ".db"), 1);
    assert_int_equal(counted(), END);
}

/* A batch that fails is tried again in another file. */
static void a_batch_that_failed_and_was_written_again_counts_once(void **state) {
    (void)state;
    struct pl_tracer *t = test_tracer(&folder);
    test_put_rows(t, 0, 10);
    char path[PATH_MAX];
    assert_true(test_folder_find(&folder, "trace-", ".db", 0, path));
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    test_put_rows(t, 10, 20);
    sqlite3_close(db);
    assert_int_equal(test_folder_count(&folder, "trace-", ".db"), 2);
    pl_tracer_free(t, TEST_PATIENCE_MS);
    assert_int_equal(counted(), 20);
}

static void sums_that_cannot_be_read_are_an_error(void **state) {
    (void)state;
    struct pl_trace row = test_row(1);
    test_put_and_close(&folder, &row, 1);
    char path[PATH_MAX];
    assert_true(test_folder_find(&folder, "trace-", ".db", 0, path));
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "UPDATE minute SET lengths = x'00'", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    struct seen seen = {0};
    struct pl_stats_query q = {.until_us = INT64_MAX};
    assert_int_equal(pl_store_stats(store, &q, see, &seen), POUCH_E_STORE);
    assert_int_equal(seen.n, 0);
}

static void the_last_ids_are_known_again_and_old_ones_forgotten(void **state) {
    (void)state;
    struct pl_recent *r;
    assert_int_equal(pl_recent_new(&r), POUCH_OK);
    enum { MANY = 5 * PL_RECENT_LEAST };
    const uint64_t spread = UINT64_C(0x9e3779b97f4a7c15);
    assert_false(pl_recent_again(r, 0));
    assert_true(pl_recent_again(r, 0));
    for (uint64_t i = 1; i <= MANY; i++) {
        assert_false(pl_recent_again(r, i * spread));
        if (i % PL_RECENT_LEAST) continue;
        for (uint64_t last = i - PL_RECENT_LEAST + 2; last <= i; last += 997) /* each of these is noted again, too */
            assert_true(pl_recent_again(r, last * spread));
    }
    assert_false(pl_recent_again(r, spread));
    pl_recent_clear(r);
    assert_false(pl_recent_again(r, MANY * spread));
    pl_recent_free(r);
}

#define WITH_STORE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_STORE(a_route_has_its_count_failures_times_and_last_row),
        WITH_STORE(routes_are_told_apart_and_listed_by_publisher),
        WITH_STORE(times_are_widened_to_whole_minutes_which_is_told),
        WITH_STORE(rows_count_from_the_moment_they_are_written),
        WITH_STORE(rows_of_many_writers_are_added_up),
        WITH_STORE(what_is_routed_again_counts_once),
        WITH_STORE(a_writer_that_was_killed_leaves_no_row_uncounted),
        WITH_STORE(a_batch_that_failed_and_was_written_again_counts_once),
        WITH_STORE(sums_that_cannot_be_read_are_an_error),
        cmocka_unit_test(the_last_ids_are_known_again_and_old_ones_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
