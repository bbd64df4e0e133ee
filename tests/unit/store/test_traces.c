/* What was traced is found: by request, by time, by publisher, over all files of all writers, and each row once. */
#include <support.h>

#include "batches.h"
#include "stage.h"
#include "traces.h"
#include <sqlite3.h>
#include <store/backend.h>
#include <store/trace_folder.h>

static void an_id_depends_on_every_part(void **state) {
    (void)state;
    const uint64_t ids[] = {
        pl_trace_id("a", 0, 0, "t", PL_TRACE_CENTER, false), pl_trace_id("b", 0, 0, "t", PL_TRACE_CENTER, false),
        pl_trace_id("a", 1, 0, "t", PL_TRACE_CENTER, false), pl_trace_id("a", 0, 1, "t", PL_TRACE_CENTER, false),
        pl_trace_id("a", 0, 0, "u", PL_TRACE_CENTER, false), pl_trace_id("a", 0, 0, NULL, PL_TRACE_CENTER, false),
        pl_trace_id("a", 0, 0, "t", PL_TRACE_WORKER, false), pl_trace_id("a", 0, 0, "t", PL_TRACE_CENTER, true),
        pl_trace_id("at", 0, 0, "", PL_TRACE_CENTER, false),
    };
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++)
        for (size_t j = 0; j < i; j++) assert_int_not_equal(ids[i], ids[j]);
    assert_int_equal(ids[0], pl_trace_id("a", 0, 0, "t", PL_TRACE_CENTER, false));
    assert_int_equal(ids[5], pl_trace_id("a", 0, 0, "", PL_TRACE_CENTER, false));
}

/* acceptance: A18 B13 B14 */
static void a_row_is_read_as_it_was_put(void **state) {
    (void)state;
    struct pl_trace full = test_row(1), bare = {.took_us = -1, .partition = -1, .offset = -1, .at_us = 5};
    full.response = true;
    full.success = false;
    full.took_us = 0;
    full.code = "no_route";
    full.error = "there is none";
    full.payload = "{\"data\":\"00\"}";
    full.payload_n = strlen(full.payload);
    bare.request_id = test_row(2).request_id;
    const struct pl_trace rows[] = {full, bare};
    test_put_and_close(&folder, rows, 2);

    struct test_seen seen = test_request(store, 1);
    assert_int_equal(seen.n, 1);
    assert_true(seen.response && !seen.success);
    assert_int_equal(seen.by, PL_TRACE_CENTER);
    assert_int_equal(seen.took_us, 0);
    assert_int_equal(seen.partition, 3);
    assert_int_equal(seen.last_at_us, full.at_us);
    assert_string_equal(seen.publisher, "publisher-a");
    assert_string_equal(seen.topic, "inbox");
    assert_string_equal(seen.target, "target-a");
    assert_string_equal(seen.route, "route-publisher-a");
    assert_string_equal(seen.code, "no_route");
    assert_string_equal(seen.error, "there is none");
    assert_string_equal(seen.payload, full.payload);

    seen = test_request(store, 2);
    assert_int_equal(seen.n, 1);
    assert_int_equal(seen.took_us, -1);
    assert_int_equal(seen.partition, -1);
    assert_string_equal(seen.payload, "");
    const char *const texts[] = {seen.publisher, seen.topic, seen.target, seen.route, seen.code, seen.error};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) assert_string_equal(texts[i], "(null)");
    assert_int_equal(test_request(store, 3).n, 0);
}

static void an_error_text_is_cut_at_a_kibibyte(void **state) {
    (void)state;
    char text[3000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    struct pl_trace row = test_row(1);
    row.error = text;
    test_put_and_close(&folder, &row, 1);
    assert_int_equal(strlen(test_request(store, 1).error), 1024);
}

/* More than an index is filled with at a time, so that rows are found both in the index and behind it. */
enum { MANY = 70000 };

/* acceptance: A18 A19 B15 */
static void rows_are_found_by_request_and_by_time(void **state) {
    (void)state;
    struct pl_tracer *t = test_tracer(&folder);
    test_put_rows(t, 0, MANY);
    for (int64_t n = 0; n < MANY; n += 997) {
        struct test_seen seen = test_request(store, n);
        assert_int_equal(seen.n, 1);
        assert_int_equal(seen.last_number, n);
    }
    struct pl_trace_query q = test_all();
    struct test_seen seen = test_query(store, &q);
    assert_int_equal(seen.n, MANY);
    assert_true(seen.ordered_up);
    assert_int_equal(seen.last_number, MANY - 1);

    q.since_us = test_row(50000).at_us;
    q.until_us = test_row(50010).at_us;
    seen = test_query(store, &q);
    assert_int_equal(seen.n, 10);
    assert_int_equal(seen.numbers[0], 50000);
    assert_int_equal(seen.last_number, 50009);

    q = test_all();
    q.oldest_first = false;
    q.limit = 5;
    seen = test_query(store, &q);
    assert_int_equal(seen.n, 5);
    assert_int_equal(seen.numbers[0], MANY - 1);
    assert_int_equal(seen.last_number, MANY - 5);
    assert_true(seen.ordered_down);
    pl_tracer_free(t, TEST_PATIENCE_MS);
    assert_int_equal(test_missing(store), 0);
}

static void a_visit_that_has_enough_ends_the_walk(void **state) {
    (void)state;
    struct pl_trace rows[10];
    for (int64_t n = 0; n < 10; n++) {
        rows[n] = test_row(n);
        rows[n].request_id = test_row(0).request_id;
    }
    test_put_and_close(&folder, rows, 10);
    struct pl_trace_query q = test_all();
    struct test_seen seen = {.stop_at = 3};
    assert_int_equal(pl_store_by_time(store, &q, test_see, &seen), POUCH_OK);
    assert_int_equal(seen.n, 3);
    seen = (struct test_seen){.stop_at = 4};
    assert_int_equal(pl_store_by_request(store, &rows[0].request_id, test_see, &seen), POUCH_OK);
    assert_int_equal(seen.n, 4);
}

/* acceptance: A18 */
static void all_rows_of_a_request_are_shown_oldest_first(void **state) {
    (void)state;
    struct pl_trace rows[6];
    for (int64_t n = 0; n < 6; n++) {
        rows[n] = test_row(n);
        rows[n].request_id = test_row(0).request_id;
        rows[n].at_us = 1000 - n * 10; /* written in another order than they began */
    }
    test_put_and_close(&folder, rows, 3);
    test_put_and_close(&folder, rows + 3, 3);
    struct test_seen seen = test_request(store, 0);
    assert_int_equal(seen.n, 6);
    assert_true(seen.ordered_up);
}

/* The newer of two rows with one id is what is shown, wherever it was written and whatever time it names. */
static void a_row_that_is_written_again_replaces_the_first(void **state) {
    (void)state;
    static const int64_t moves[] = {0, 5000000, -5000000};
    for (size_t i = 0; i < sizeof moves / sizeof moves[0]; i++) {
        struct pl_tracer *a = test_tracer(&folder), *b = test_tracer(&folder);
        int64_t n = (int64_t)i * 100;
        struct pl_trace first = test_row(n), second = test_row(n);
        first.success = false;
        first.error = "first";
        second.at_us += moves[i];
        second.error = "second";
        /* In b's file before the rows of a: which file is newer does not decide. */
        struct pl_trace other = test_row(n + 1);
        test_wait_written(b, pl_tracer_put(b, &other));
        test_wait_written(a, pl_tracer_put(a, &first));
        test_wait_written(b, pl_tracer_put(b, &second));
        assert_int_equal(test_folder_count(&folder, "trace-", ".db"), 2);

        struct test_seen seen = test_request(store, n);
        assert_int_equal(seen.n, 1);
        assert_string_equal(seen.error, "second");
        struct pl_trace_query q = test_all();
        assert_int_equal(test_query(store, &q).n, 2 * (i + 1));
        q.failed = true; /* what failed first and then did not has not failed */
        assert_int_equal(test_query(store, &q).n, 0);
        pl_tracer_free(a, TEST_PATIENCE_MS);
        pl_tracer_free(b, TEST_PATIENCE_MS);
    }
}

static void a_replay_by_another_writer_changes_no_count(void **state) {
    (void)state;
    enum { FIRST = 40000, AGAIN_FROM = 30000, END = 60000 };
    struct pl_tracer *a = test_tracer(&folder);
    test_put_rows(a, 0, FIRST);
    struct pl_tracer *b = test_tracer(&folder);
    test_put_rows(b, AGAIN_FROM, END);
    test_put_rows(b, AGAIN_FROM, AGAIN_FROM + 100); /* and again by the same */
    pl_tracer_free(b, TEST_PATIENCE_MS);
    pl_tracer_free(a, TEST_PATIENCE_MS);
    struct pl_trace_query q = test_all();
    struct test_seen seen = test_query(store, &q);
    assert_int_equal(seen.n, END);
    assert_true(seen.ordered_up);
    q.oldest_first = false;
    q.since_us = test_row(AGAIN_FROM - 10).at_us;
    q.until_us = test_row(AGAIN_FROM + 10).at_us;
    assert_int_equal(test_query(store, &q).n, 20);
}

static void rows_of_many_writers_come_in_one_order(void **state) {
    (void)state;
    enum { WRITERS = 70, EACH = 5 }; /* more files than a reader holds open */
    struct pl_tracer *writers[WRITERS];
    for (int i = 0; i < WRITERS; i++) writers[i] = test_tracer(&folder);
    for (int64_t n = 0; n < WRITERS * EACH; n++) {
        struct pl_trace row = test_row(n);
        row.partition = (int32_t)(n * 11 % WRITERS);
        pl_tracer_put(writers[row.partition], &row);
    }
    for (int i = 0; i < WRITERS; i++) pl_tracer_free(writers[i], TEST_PATIENCE_MS);
    assert_int_equal(test_folder_count(&folder, "trace-", ".db"), WRITERS);
    struct pl_trace_query q = test_all();
    struct test_seen seen = test_query(store, &q);
    assert_int_equal(seen.n, WRITERS * EACH);
    assert_true(seen.ordered_up);
    for (int64_t n = 0; n < WRITERS * EACH; n += 37) assert_int_equal(test_request(store, n).n, 1);
}

static void run_sql(const char *path, const char *sql) {
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void a_file_of_a_later_version_fails_the_query_and_says_so(void **state) {
    (void)state;
    struct pl_trace row = test_row(1);
    test_put_and_close(&folder, &row, 1);
    char path[PATH_MAX];
    assert_true(test_folder_find(&folder, "trace-", ".db", 0, path));
    run_sql(path, "PRAGMA user_version=99");
    struct pl_trace_query q = test_all();
    struct test_seen seen = {0};
    assert_int_not_equal(pl_store_by_time(store, &q, test_see, &seen), POUCH_OK);
    assert_non_null(strstr(pouch_why(), "update pouch"));
    assert_non_null(strstr(pouch_why(), path));

    /* A writer that finds it goes on in a file of its own. */
    row = test_row(2);
    test_put_and_close(&folder, &row, 1);
    assert_int_equal(test_folder_count(&folder, "trace-", ".db"), 2);
    run_sql(path, "PRAGMA user_version=3");
    assert_int_equal(test_query(store, &q).n, 2);
}

static void a_damaged_file_hides_no_other(void **state) {
    (void)state;
    struct pl_trace rows[] = {test_row(1), test_row(2)};
    test_put_and_close(&folder, rows, 1);
    char path[PATH_MAX];
    assert_true(test_folder_find(&folder, "trace-", ".db", 0, path));
    FILE *f = fopen(path, "r+");
    assert_non_null(f);
    for (int i = 0; i < 4096; i++) fputc('x', f);
    fclose(f);
    test_put_and_close(&folder, rows + 1, 1);
    assert_int_equal(test_folder_count(&folder, "trace-", ".db"), 2);
    struct pl_trace_query q = test_all();
    struct test_seen seen = test_query(store, &q);
    assert_int_equal(seen.n, 1);
    assert_int_equal(seen.last_number, 2);
    assert_int_equal(test_missing(store), 1); /* one at least */
}

/* acceptance: A17 B13 B14 */
static void the_tables_of_earlier_systems_are_readable_with_plain_sqlite(void **state) {
    (void)state;
    struct pl_trace rows[] = {test_row(1), test_row(2), test_row(3), test_row(4)};
    rows[0].took_us = 0;
    rows[1].success = false;
    rows[1].code = "no_route";
    rows[1].request_id = (struct pl_uuid){{0}};
    rows[2].by = PL_TRACE_CLIENT;
    rows[2].response = true;
    rows[2].payload = "{\"sealed\":1}";
    rows[2].payload_n = 12;
    rows[3].by = PL_TRACE_WORKER;
    test_put_and_close(&folder, rows, 4);
    static const char *const expected[][2] = {
        {"SELECT request_id||' '||worker_name||' '||timestamp||' '||source_topic||' '||target_topic||' '||route_id"
         "||' '||message_type||' '||success||' '||coalesce(error,'-')||' '||processing_time_ms FROM routing_metadata"
         " WHERE success",
         "01000000-0000-0000-0100-000000000000 publisher-a 2023-11-14T22:13:20.001Z inbox target-a route-publisher-a"
         " request 1 - 0.0"},
        {"SELECT (request_id IS NULL)||' '||error FROM routing_metadata WHERE NOT success", "1 no_route"},
        {"SELECT request_id||' '||timestamp||' '||type||' '||topic||' '||payload||' '||success||' '||duration_ms"
         " FROM message_logs WHERE type = 'response'",
         "01000000-0000-0000-0300-000000000000 2023-11-14T22:13:20.003Z response inbox {\"sealed\":1} 1 0.25"},
        {"SELECT timestamp_us||' '||processing_time_us FROM routing_metadata WHERE NOT success",
         "1700000000002000 250"},
        {"SELECT timestamp_us||' '||duration_us FROM message_logs WHERE type = 'response'", "1700000000003000 250"},
        {"SELECT count(*) FROM routing_metadata", "2"},
        {"SELECT count(*) FROM message_logs", "2"},
        {"SELECT count(*) FROM pragma_table_info('routing_metadata') WHERE name = 'payload'", "0"},
    };
    char path[PATH_MAX];
    assert_true(test_folder_find(&folder, "trace-", ".db", 0, path));
    sqlite3 *db;
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        sqlite3_stmt *q;
        assert_int_equal(sqlite3_prepare_v2(db, expected[i][0], -1, &q, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_step(q), SQLITE_ROW);
        assert_string_equal((const char *)sqlite3_column_text(q, 0), expected[i][1]);
        sqlite3_finalize(q);
    }
    sqlite3_close(db);
}

/* acceptance: A17 B13 */
static void old_files_are_removed_whole_and_new_ones_stay(void **state) {
    (void)state;
    struct pl_tracer *a = test_tracer(&folder);
    test_put_rows(a, 0, 10);
    struct pl_tracer *b = test_tracer(&folder);
    test_put_rows(b, 1000, 1010);
    pl_tracer_free(b, TEST_PATIENCE_MS);
    pl_tracer_free(a, TEST_PATIENCE_MS);
    assert_int_equal(pl_store_expire(store, test_row(9).at_us), POUCH_OK);
    assert_int_equal(test_folder_count(&folder, "trace-", ""), 2); /* the last row is not older */
    assert_int_equal(pl_store_expire(store, test_row(10).at_us), POUCH_OK);
    assert_int_equal(test_folder_count(&folder, "trace-", ""), 1);
    struct pl_trace_query q = test_all();
    struct test_seen seen = test_query(store, &q);
    assert_int_equal(seen.n, 10);
    assert_int_equal(seen.numbers[0], 1000);
    assert_int_equal(pl_store_expire(store, INT64_MAX), POUCH_OK);
    assert_int_equal(test_folder_count(&folder, "trace-", ""), 0);
    assert_int_equal(test_query(store, &q).n, 0);
}

static void the_file_of_a_living_writer_is_never_removed(void **state) {
    (void)state;
    struct pl_tracer *t = test_tracer(&folder);
    test_put_rows(t, 0, 10);
    assert_int_equal(pl_store_expire(store, INT64_MAX), POUCH_OK);
    struct pl_trace_query q = test_all();
    assert_int_equal(test_query(store, &q).n, 10);
    test_put_rows(t, 10, 20);
    assert_int_equal(test_query(store, &q).n, 20);
    pl_tracer_free(t, TEST_PATIENCE_MS);
}

static size_t bytes_of_files(void) {
    char path[PATH_MAX];
    size_t bytes = 0;
    for (size_t i = 0; test_folder_find(&folder, "trace-", ".db", i, path); i++) bytes += pl_trace_bytes(path);
    return bytes;
}

static void the_oldest_files_go_when_there_is_too_much(void **state) {
    (void)state;
    enum { BOUND = 4 << 20, ROWS = 5000, BATCHES = 16 };
    struct pl_tracer *living = test_tracer(&folder);
    test_put_rows(living, 0, 10);
    struct pl_sink *sink;
    assert_int_equal(pl_store_sqlite.sink_open(&sink, folder.path, TEST_TTL_MS), POUCH_OK);
    pl_store_sqlite.sink_bound(sink, BOUND);
    size_t most = 0;
    for (int64_t i = 1; i <= BATCHES; i++) {
        struct test_batch b = test_batch_of(i * ROWS, (i + 1) * ROWS, 0);
        const struct pl_gap none = {0};
        assert_int_equal(pl_store_sqlite.sink_write(sink, &b.batch, &none, 1000), POUCH_OK);
        pl_store_sqlite.sink_tidy(sink);
        test_batch_free(&b);
        size_t bytes = bytes_of_files();
        if (bytes > most) most = bytes;
    }
    assert_in_range(most, BOUND / 2, BOUND + BOUND / 2); /* with the file that is written to */
    pl_store_sqlite.sink_close(sink);
    struct pl_trace_query q = test_all();
    struct test_seen seen = test_query(store, &q);
    assert_in_range(seen.n, 2 * ROWS, (BATCHES - 2) * ROWS);
    for (int64_t i = 0; i < 10; i++) assert_int_equal(seen.numbers[i], i); /* of the living one */
    assert_true(seen.numbers[10] > 2 * ROWS);
    assert_int_equal(seen.last_number, (BATCHES + 1) * ROWS - 1);
    assert_int_equal(seen.n, 10 + seen.last_number - seen.numbers[10] + 1);
    pl_tracer_free(living, TEST_PATIENCE_MS);
}

/* What a file of version 2 has, where rows that are not indexed are read and gaps have no ids. */
static void make_version_2(const char *path) {
    run_sql(path, "DROP TABLE unindexed; ALTER TABLE gap DROP COLUMN id; PRAGMA user_version=2");
}

/* Version 1 counts nothing either. */
static void make_version_1(const char *path) {
    make_version_2(path);
    run_sql(path, "DROP TABLE minute; DROP TABLE tallied; DROP TABLE replay; DROP VIEW routing_metadata;"
                  "DROP VIEW message_logs; CREATE VIEW routing_metadata AS SELECT id FROM trace;"
                  "CREATE VIEW message_logs AS SELECT id FROM trace; PRAGMA user_version=1");
}

static bool count_all(const struct pl_route_stats *stats, void *arg) {
    *(uint64_t *)arg += stats->count;
    return true;
}

static uint64_t counted(void) {
    struct pl_stats_query all = {.until_us = INT64_MAX};
    uint64_t count = 0;
    assert_int_equal(pl_store_stats(store, &all, count_all, &count), POUCH_OK);
    return count;
}

/* Each row is looked for, too: the last is marked in the file, and the others are not. */
static void is_read_counted_and_written_to(void (*make_earlier)(const char *path), int64_t first) {
    struct pl_trace rows[] = {test_row(first), test_row(first + 1), test_row(first + 2)};
    test_put_and_close(&folder, rows, 2);
    char path[PATH_MAX];
    assert_true(test_folder_find(&folder, "trace-", ".db", 0, path));
    make_earlier(path);
    struct pl_trace_query q = test_all();
    assert_int_equal(test_query(store, &q).n, first + 2);
    assert_int_equal(counted(), first + 2);
    assert_int_equal(test_missing(store), 0);
    run_sql(path, "SELECT processing_time_us, timestamp_us FROM routing_metadata");

    make_earlier(path);
    test_put_and_close(&folder, rows + 2, 1);
    assert_int_equal(test_folder_count(&folder, "trace-", ".db"), 1);
    assert_int_equal(test_query(store, &q).n, first + 3);
    assert_int_equal(counted(), first + 3);
    for (int64_t n = 0; n < first + 3; n++) assert_int_equal(test_request(store, n).n, 1);
}

static void a_file_of_an_earlier_version_is_read_counted_and_written_to(void **state) {
    (void)state;
    is_read_counted_and_written_to(make_version_1, 0);
    is_read_counted_and_written_to(make_version_2, 3);
}

/* A replay that is killed before it knows that it has written goes on elsewhere. */
static void a_gap_in_two_files_counts_once(void **state) {
    (void)state;
    const struct pl_trace_batch none = {.at = ""};
    const struct pl_gap gap = {.from_us = 1000, .to_us = 2000, .rows = 7, .id = 11},
                        other = {.from_us = 1000, .to_us = 2000, .rows = 7, .id = 12},
                        same_place_later = {.from_us = 3000, .to_us = 4000, .rows = 5, .id = 11};
    struct pl_sink *a, *b;
    assert_int_equal(pl_store_sqlite.sink_open(&a, folder.path, TEST_TTL_MS), POUCH_OK);
    assert_int_equal(pl_store_sqlite.sink_open(&b, folder.path, TEST_TTL_MS), POUCH_OK);
    assert_int_equal(pl_store_sqlite.sink_write(a, &none, &gap, 0), POUCH_OK);
    assert_int_equal(pl_store_sqlite.sink_write(b, &none, &gap, 0), POUCH_OK);
    assert_int_equal(test_missing(store), 7);
    assert_int_equal(pl_store_sqlite.sink_write(b, &none, &other, 0), POUCH_OK);
    assert_int_equal(test_missing(store), 14);
    assert_int_equal(pl_store_sqlite.sink_write(a, &none, &same_place_later, 0), POUCH_OK);
    assert_int_equal(test_missing(store), 19);
    pl_store_sqlite.sink_close(a);
    pl_store_sqlite.sink_close(b);
    assert_int_equal(test_folder_count(&folder, "trace-", ".db"), 2);
}

#define WITH_STORE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_id_depends_on_every_part),
        WITH_STORE(a_row_is_read_as_it_was_put),
        WITH_STORE(an_error_text_is_cut_at_a_kibibyte),
        WITH_STORE(rows_are_found_by_request_and_by_time),
        WITH_STORE(a_visit_that_has_enough_ends_the_walk),
        WITH_STORE(all_rows_of_a_request_are_shown_oldest_first),
        WITH_STORE(a_row_that_is_written_again_replaces_the_first),
        WITH_STORE(a_replay_by_another_writer_changes_no_count),
        WITH_STORE(rows_of_many_writers_come_in_one_order),
        WITH_STORE(a_file_of_a_later_version_fails_the_query_and_says_so),
        WITH_STORE(a_file_of_an_earlier_version_is_read_counted_and_written_to),
        WITH_STORE(a_gap_in_two_files_counts_once),
        WITH_STORE(a_damaged_file_hides_no_other),
        WITH_STORE(the_tables_of_earlier_systems_are_readable_with_plain_sqlite),
        WITH_STORE(old_files_are_removed_whole_and_new_ones_stay),
        WITH_STORE(the_file_of_a_living_writer_is_never_removed),
        WITH_STORE(the_oldest_files_go_when_there_is_too_much),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
