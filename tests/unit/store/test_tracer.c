/* The tracer under bad luck: full queues and disks, locked, damaged and vanished files, writers that are killed. */
#include <support.h>

#include "stage.h"
#include "traces.h"
#include <fcntl.h>
#include <metrics/metrics.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <store/backend.h>
#include <store/trace_pack.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

static size_t count_all(void) {
    struct pl_trace_query q = test_all();
    return test_query(store, &q).n;
}

static uint64_t put(struct pl_tracer *t, int64_t n) {
    struct pl_trace row = test_row(n);
    return pl_tracer_put(t, &row);
}

/* Puts rows one by one, starting with first, until that holds; how many it took. */
typedef bool condition(struct pl_tracer *t);

static int64_t put_until(struct pl_tracer *t, int64_t first, condition *holds) {
    int64_t until = pl_mono_us(&pl_clock_system) + (int64_t)TEST_PATIENCE_MS * 1000, n = 0;
    while (!holds(t)) {
        test_wait_written(t, put(t, first + n++));
        assert_true(pl_mono_us(&pl_clock_system) < until);
    }
    return n;
}

/* acceptance: A20 B17 */
static void tickets_count_up_and_metrics_follow(void **state) {
    (void)state;
    int64_t rows = pl_metric_get(PL_M_TRACE_ROWS);
    struct pl_tracer *t = test_tracer(&folder);
    for (int64_t n = 0; n < 100; n++) assert_int_equal(put(t, n), n + 1);
    test_wait_written(t, 100);
    assert_int_equal(pl_tracer_written(t), 100);
    assert_int_equal(pl_tracer_missing(t), 0);
    assert_int_equal(count_all(), 100);
    pl_tracer_free(t, TEST_PATIENCE_MS);
    assert_int_equal(pl_metric_get(PL_M_TRACE_ROWS), rows + 100);
    assert_int_equal(pl_metric_get(PL_M_TRACE_QUEUE_BYTES), 0);
}

/* acceptance: A20 B17 */
static void rows_that_find_no_room_are_counted_and_their_span_is_written_down(void **state) {
    (void)state;
    int64_t missing = pl_metric_get(PL_M_TRACE_MISSING);
    const struct pl_tracer_settings settings = {
        .url = folder.url, .max_bytes = 4096, .ttl_ms = TEST_TTL_MS, .wake = &test_wake};
    struct pl_tracer *t;
    assert_int_equal(pl_tracer_new(&t, &settings), POUCH_OK);
    char large[4096];
    struct pl_trace row = test_row(7);
    row.payload = large;
    row.payload_n = sizeof large;
    memset(large, 'x', sizeof large);
    assert_int_equal(pl_tracer_put(t, &row), 1);
    test_wait_written(t, 1); /* nothing else comes */
    assert_int_equal(pl_tracer_missing(t), 1);
    assert_int_equal(put(t, 8), 2);
    test_wait_written(t, 2);
    pl_tracer_free(t, TEST_PATIENCE_MS);

    assert_int_equal(count_all(), 1);
    uint64_t rows;
    assert_int_equal(test_missing(store), 1);
    assert_int_equal(pl_store_missing(store, row.at_us, row.at_us + 1, &rows), POUCH_OK);
    assert_int_equal(rows, 1);
    assert_int_equal(pl_store_missing(store, row.at_us + 1, INT64_MAX, &rows), POUCH_OK);
    assert_int_equal(rows, 0);
    assert_int_equal(pl_store_missing(store, 0, row.at_us, &rows), POUCH_OK);
    assert_int_equal(rows, 0);
    assert_int_equal(pl_metric_get(PL_M_TRACE_MISSING), missing + 1);
}

enum { THREADS = 4, ROWS_A_THREAD = 20000 };

static struct pl_tracer *shared;

static void *put_from_a_thread(void *arg) {
    int64_t first = (int64_t)(intptr_t)arg * ROWS_A_THREAD;
    for (int64_t n = first; n < first + ROWS_A_THREAD; n++) put(shared, n);
    return NULL;
}

/* Whatever the queue takes: what is shown and what is missing are all that was put. */
/* acceptance: B17 */
static void threads_that_put_at_once_lose_no_count(void **state) {
    (void)state;
    const struct pl_tracer_settings settings = {
        .url = folder.url, .max_bytes = 256 * 1024, .ttl_ms = TEST_TTL_MS, .wake = &test_wake};
    assert_int_equal(pl_tracer_new(&shared, &settings), POUCH_OK);
    pthread_t threads[THREADS];
    for (intptr_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, put_from_a_thread, (void *)i), 0);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    test_wait_written(shared, THREADS * ROWS_A_THREAD);
    uint64_t missing = pl_tracer_missing(shared);
    pl_tracer_free(shared, TEST_PATIENCE_MS);
    assert_int_equal(count_all() + missing, THREADS * ROWS_A_THREAD);
    assert_int_equal(test_missing(store), missing);
}

static bool some_missing(struct pl_tracer *t) {
    return pl_tracer_missing(t) > 0;
}

static uint64_t missing_before;

static bool no_more_missing(struct pl_tracer *t) {
    uint64_t now = pl_tracer_missing(t);
    bool same = now == missing_before;
    missing_before = now;
    return same;
}

static void limit_files(rlim_t bytes) {
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* No file may grow: what a full disk looks like from here. */
/* acceptance: A20 */
static void a_full_disk_costs_rows_and_nothing_else(void **state) {
    (void)state;
    struct pl_tracer *t = test_tracer(&folder);
    test_put_rows(t, 0, 1000);
    limit_files(0);
    int64_t lost = put_until(t, 1000, some_missing);
    assert_int_equal(lost, 1);
    test_wait_written(t, put(t, 1001)); /* dropped at once */
    assert_int_equal(pl_tracer_missing(t), 2);
    limit_files(RLIM_INFINITY);
    missing_before = 0;
    int64_t more = put_until(t, 1002, no_more_missing);
    uint64_t missing = pl_tracer_missing(t);
    pl_tracer_free(t, TEST_PATIENCE_MS);

    assert_int_equal(count_all() + missing, 1002 + more);
    assert_int_equal(test_missing(store), missing);
    uint64_t rows;
    assert_int_equal(pl_store_missing(store, 0, test_row(1000).at_us, &rows), POUCH_OK);
    assert_int_equal(rows, 0);
    assert_int_equal(test_folder_count(&folder, "", ".new-"), 0);
    assert_int_equal(test_request(store, 999).n, 1);
}

/* The gap is written although no further row comes. */
static void the_gap_is_written_when_the_disk_has_room_again(void **state) {
    (void)state;
    struct pl_tracer *t = test_tracer(&folder);
    limit_files(0);
    assert_int_equal(put_until(t, 5, some_missing), 1);
    limit_files(RLIM_INFINITY);
    int64_t until = pl_mono_us(&pl_clock_system) + (int64_t)TEST_PATIENCE_MS * 1000;
    while (test_missing(store) == 0) assert_true(pl_mono_us(&pl_clock_system) < until);
    assert_int_equal(test_missing(store), 1);
    pl_tracer_free(t, TEST_PATIENCE_MS);
    assert_int_equal(count_all(), 0);
}

static sqlite3 *open_trace_file(size_t i) {
    char path[PATH_MAX];
    sqlite3 *db;
    assert_true(test_folder_find(&folder, "trace-", ".db", i, path));
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    return db;
}

/* acceptance: A20 */
static void a_file_that_somebody_holds_locked_is_left_for_another(void **state) {
    (void)state;
    struct pl_tracer *t = test_tracer(&folder);
    test_put_rows(t, 0, 10);
    sqlite3 *db = open_trace_file(0);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    test_wait_written(t, put(t, 10));
    assert_int_equal(pl_tracer_missing(t), 0);
    assert_int_equal(test_folder_count(&folder, "trace-", ".db"), 2);
    sqlite3_close(db);
    pl_tracer_free(t, TEST_PATIENCE_MS);
    assert_int_equal(count_all(), 11);
}

/* acceptance: A20 */
static void a_file_that_is_damaged_while_open_is_left_for_another(void **state) {
    (void)state;
    struct pl_tracer *t = test_tracer(&folder);
    test_put_rows(t, 0, 10);
    sqlite3 *db = open_trace_file(0);
    assert_int_equal(
        sqlite3_exec(db, "DROP VIEW message_logs; DROP VIEW routing_metadata; DROP TABLE batch", NULL, NULL, NULL),
        SQLITE_OK);
    sqlite3_close(db);
    test_wait_written(t, put(t, 10));
    assert_int_equal(pl_tracer_missing(t), 0);
    pl_tracer_free(t, TEST_PATIENCE_MS);
    assert_int_equal(test_folder_count(&folder, "trace-", ".db"), 2);
    assert_int_equal(test_request(store, 10).n, 1);
}

static void a_file_that_was_deleted_is_made_anew(void **state) {
    (void)state;
    struct pl_tracer *t = test_tracer(&folder);
    test_put_rows(t, 0, 10);
    char path[PATH_MAX];
    while (test_folder_find(&folder, "trace-", "", 0, path)) unlink(path);
    test_put_rows(t, 10, 20);
    pl_tracer_free(t, TEST_PATIENCE_MS);
    assert_int_equal(count_all(), 10);
}

static void a_folder_that_was_deleted_is_made_again(void **state) {
    (void)state;
    struct pl_tracer *t = test_tracer(&folder);
    test_put_rows(t, 0, 10);
    pl_store_close(store);
    test_folder_remove(&folder);
    test_put_rows(t, 10, 30);
    assert_int_equal(pl_tracer_missing(t), 0);
    assert_int_equal(pl_store_open(&store, folder.url), POUCH_OK);
    struct pl_tracer *other = test_tracer(&folder); /* takes another slot: ours is locked again */
    test_put_rows(other, 30, 40);
    assert_int_equal(test_folder_count(&folder, "trace-", ".db"), 2);
    pl_tracer_free(other, TEST_PATIENCE_MS);
    pl_tracer_free(t, TEST_PATIENCE_MS);
    assert_int_equal(count_all(), 30);
}

/* What somebody may be making at this moment is left alone. */
static void files_that_a_killed_process_was_making_are_removed(void **state) {
    (void)state;
    const char *const names[] = {"registry.db.new-abc123", "trace-000-1.db.new-ABCdef", "other.new-abc123",
                                 "registry.db.new-abc123x"};
    const struct timespec old[2] = {{.tv_sec = 1700000000}, {.tv_sec = 1700000000}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        test_folder_write(&folder, names[i], "");
        assert_int_equal(utimensat(AT_FDCWD, test_folder_file(&folder, names[i]), old, 0), 0);
    }
    test_folder_write(&folder, "trace-000-2.db.new-abcdef", "");
    pl_tracer_free(test_tracer(&folder), 0);
    assert_int_equal(test_folder_count(&folder, "", ".new-abc123"), 1);
    assert_int_equal(test_folder_count(&folder, "", ".new-ABCdef"), 0);
    assert_int_equal(test_folder_count(&folder, "", ".new-abcdef"), 1);
    assert_int_equal(test_folder_count(&folder, "", "x"), 1);
}

/* A process died after the store had its rows and before the spool knew: another brings them again. */
/* acceptance: A20 */
static void rows_of_no_record_that_come_again_from_a_spool_are_shown_once(void **state) {
    (void)state;
    struct pl_trace row = test_row(1);
    row.by = PL_TRACE_CLIENT;
    row.partition = -1;
    row.offset = -1;
    struct pl_packing packing;
    pl_trace_measure(&packing, &row);
    char *packed = malloc(packing.bytes);
    assert_non_null(packed);
    pl_trace_pack(packed, &row, &packing);
    struct pl_sink *sinks[2];
    const struct pl_gap none = {0};
    for (int i = 0; i < 2; i++) {
        const struct pl_trace_batch batch = {.at = packed, .rows = 1, .again = i > 0};
        assert_int_equal(pl_store_sqlite.sink_open(&sinks[i], folder.path, TEST_TTL_MS), POUCH_OK);
        assert_int_equal(pl_store_sqlite.sink_write(sinks[i], &batch, &none, 1000), POUCH_OK);
    }
    free(packed);
    assert_int_equal(test_request(store, 1).n, 1);
    assert_int_equal(count_all(), 1);
    for (int i = 0; i < 2; i++) pl_store_sqlite.sink_close(sinks[i]);
    assert_int_equal(count_all(), 1);
}

static void a_writer_goes_on_where_the_one_before_it_stopped(void **state) {
    (void)state;
    for (int64_t i = 0; i < 5; i++) {
        struct pl_tracer *t = test_tracer(&folder);
        put(t, i);
        pl_tracer_free(t, TEST_PATIENCE_MS);
    }
    assert_int_equal(test_folder_count(&folder, "trace-", ""), 1); /* and no journal beside it */
    assert_int_equal(count_all(), 5);
}

static int64_t ask(const char *path, const char *sql) {
    sqlite3 *db;
    sqlite3_stmt *q;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &q, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(q), SQLITE_ROW);
    int64_t answer = sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    sqlite3_close(db);
    return answer;
}

static void a_full_file_is_followed_by_another(void **state) {
    (void)state;
    enum { ROWS_A_FILE = 500000, MORE = 20000 };
    struct pl_tracer *t = test_tracer(&folder);
    test_put_rows(t, 0, ROWS_A_FILE + MORE);
    pl_tracer_free(t, TEST_PATIENCE_MS);
    char paths[2][PATH_MAX];
    assert_int_equal(test_folder_count(&folder, "trace-", ""), 2);
    int64_t rows = 0;
    for (size_t i = 0; i < 2; i++) {
        assert_true(test_folder_find(&folder, "trace-", ".db", i, paths[i]));
        int64_t own = ask(paths[i], "SELECT count(*) FROM trace");
        assert_int_equal(ask(paths[i], "SELECT count(*) FROM request"), own); /* closed, all of it is indexed */
        rows += own;
    }
    assert_int_equal(rows, ROWS_A_FILE + MORE);
    struct pl_trace_query q = test_all();
    q.since_us = test_row(ROWS_A_FILE - 50).at_us;
    assert_int_equal(test_query(store, &q).n, MORE + 50);
    assert_int_equal(test_request(store, 1).n, 1);
    assert_int_equal(test_request(store, ROWS_A_FILE + MORE - 1).n, 1);
}

static void freeing_writes_what_waits_and_counts_what_it_cannot(void **state) {
    (void)state;
    struct pl_tracer *t = test_tracer(&folder);
    for (int64_t n = 0; n < 5000; n++) put(t, n);
    pl_tracer_free(t, TEST_PATIENCE_MS);
    assert_int_equal(count_all(), 5000);

    int64_t missing = pl_metric_get(PL_M_TRACE_MISSING), rows = pl_metric_get(PL_M_TRACE_ROWS);
    t = test_tracer(&folder);
    for (int64_t n = 5000; n < 10000; n++) put(t, n);
    pl_tracer_free(t, 0);
    missing = pl_metric_get(PL_M_TRACE_MISSING) - missing;
    rows = pl_metric_get(PL_M_TRACE_ROWS) - rows;
    assert_int_equal(missing + rows, 5000);
    assert_int_equal(count_all(), 5000 + (size_t)rows);
    pl_tracer_free(NULL, 0);
}

/* acceptance: B28 */
static void old_rows_go_by_themselves_and_that_is_counted(void **state) {
    (void)state;
    int64_t expired = pl_metric_get(PL_M_TRACE_EXPIRED);
    const struct pl_tracer_settings settings = {
        .url = folder.url, .max_bytes = TEST_QUEUE_BYTES, .ttl_ms = 500, .wake = &test_wake};
    struct pl_tracer *t;
    assert_int_equal(pl_tracer_new(&t, &settings), POUCH_OK);
    test_wait_written(t, put(t, 1)); /* of years ago */
    int64_t until = pl_mono_us(&pl_clock_system) + (int64_t)TEST_PATIENCE_MS * 1000;
    while (pl_metric_get(PL_M_TRACE_EXPIRED) == expired) assert_true(pl_mono_us(&pl_clock_system) < until);
    assert_int_equal(test_folder_count(&folder, "trace-", ".db"), 0);
    test_wait_written(t, put(t, 2));
    assert_int_equal(pl_tracer_missing(t), 0);
    pl_tracer_free(t, TEST_PATIENCE_MS);
}

/* acceptance: A20 */
static void the_spool_is_where_the_settings_say(void **state) {
    (void)state;
    struct pl_tracer_settings settings = {.url = folder.url,
                                          .max_bytes = TEST_QUEUE_BYTES,
                                          .ttl_ms = TEST_TTL_MS,
                                          .wake = &test_wake,
                                          .spool_bytes = 1 << 20,
                                          .spool_reserve = 1 << 20};
    char elsewhere[PATH_MAX], *here = getcwd(NULL, 0);
    snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", folder.path);
    assert_int_equal(chdir(folder.path), 0);
    const char *const spools[] = {NULL, elsewhere, "elsewhere"};
    for (size_t i = 0; i < sizeof spools / sizeof spools[0]; i++) {
        settings.spool = spools[i];
        struct pl_tracer *t;
        assert_int_equal(pl_tracer_new(&t, &settings), POUCH_OK);
        assert_int_equal(test_folder_count(&folder, "spool-", ".rows"), spools[i] ? 0 : 2);
        struct test_folder other;
        snprintf(other.path, sizeof other.path, "%.50s/elsewhere", folder.path);
        if (spools[i]) assert_int_equal(test_folder_count(&other, "spool-", ".rows"), 2);
        pl_tracer_free(t, 0);
    }
    assert_int_equal(chdir(here), 0);
    free(here);
}

static void what_cannot_be_opened_is_told_at_once(void **state) {
    (void)state;
    char as_file[PATH_MAX];
    snprintf(as_file, sizeof as_file, "sqlite://%s/registry.db", folder.path);
    const char *const urls[] = {"", "nonsense", "sqlite://relative", as_file, "sqlite:///proc/pouch"};
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        const struct pl_tracer_settings settings = {.url = urls[i], .max_bytes = 4096, .ttl_ms = TEST_TTL_MS};
        struct pl_tracer *t = NULL;
        assert_int_equal(pl_tracer_new(&t, &settings), POUCH_E_CONFIG);
        assert_null(t);
        assert_non_null(strstr(pouch_why(), "store"));
    }
    if (!geteuid()) return; /* to root every folder is writable */
    assert_int_equal(chmod(folder.path, 0500), 0);
    const struct pl_tracer_settings settings = {.url = folder.url, .max_bytes = 4096, .ttl_ms = TEST_TTL_MS};
    struct pl_tracer *t = NULL;
    assert_int_equal(pl_tracer_new(&t, &settings), POUCH_E_CONFIG);
    assert_non_null(strstr(pouch_why(), folder.path));
    assert_int_equal(chmod(folder.path, 0700), 0);
}

/* ---- several processes; the parent has no tracer of its own while it forks ---- */

static void wait_for(pid_t child, bool killed) {
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(killed ? WIFSIGNALED(status) : WIFEXITED(status) && WEXITSTATUS(status) == 0, 1);
}

/* A child that ends with its parent and has a wake-up of its own: the counter behind a descriptor would be shared. */
static pid_t fork_without_store(void) {
    pl_store_close(store);
    store = NULL;
    pid_t child = fork();
    assert_true(child >= 0);
    if (!child && (prctl(PR_SET_PDEATHSIG, SIGKILL) || pl_wake_init(&test_wake))) _exit(1);
    return child;
}

static void reopen_store(void) {
    assert_int_equal(pl_store_open(&store, folder.url), POUCH_OK);
}

enum { PROCESSES = 3, ROWS_A_PROCESS = 5000 };

static void processes_share_the_folder(void **state) {
    (void)state;
    pid_t children[PROCESSES];
    for (int i = 0; i < PROCESSES; i++) {
        children[i] = fork_without_store();
        if (children[i]) continue;
        struct pl_tracer *t = test_tracer(&folder);
        test_put_rows(t, (int64_t)i * ROWS_A_PROCESS, (int64_t)(i + 1) * ROWS_A_PROCESS);
        bool complete = pl_tracer_missing(t) == 0;
        pl_tracer_free(t, TEST_PATIENCE_MS);
        _exit(!complete);
    }
    for (int i = 0; i < PROCESSES; i++) wait_for(children[i], false);
    reopen_store();
    assert_int_equal(count_all(), PROCESSES * ROWS_A_PROCESS);
    assert_int_equal(test_request(store, ROWS_A_PROCESS + 1).n, 1);
}

/* Writes for ever, and tells through the pipe up to which row all is on disk. */
static void write_until_killed(int out) {
    struct pl_tracer *t = test_tracer(&folder);
    for (int64_t n = 0;; n++) {
        uint64_t ticket = put(t, n), written = pl_tracer_written(t);
        if (ticket - written > 5000) test_wait_written(t, ticket - 5000);
        if (n % 1000 == 0 && write(out, &written, sizeof written) != sizeof written) _exit(1);
    }
}

/*
 * What a killed writer had said is written is there, and the next one, which handles some of it again, doubles nothing.
 */
static void a_writer_killed_in_mid_flight_loses_nothing_it_had_written(void **state) {
    (void)state;
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    pid_t child = fork_without_store();
    if (!child) write_until_killed(pipes[1]);
    close(pipes[1]);
    uint64_t written = 0, last;
    while (written < 50000) assert_int_equal(read(pipes[0], &written, sizeof written), sizeof written);
    kill(child, SIGKILL);
    while (read(pipes[0], &last, sizeof last) == sizeof last) written = last;
    close(pipes[0]);
    wait_for(child, true);

    reopen_store();
    size_t before = count_all();
    assert_true(before >= written);
    struct pl_trace_query q = test_all();
    assert_int_equal(test_query(store, &q).last_number, before - 1); /* no row is left out in between */

    struct pl_tracer *t = test_tracer(&folder);
    int64_t again = (int64_t)before - 3000;
    test_put_rows(t, again, again + 6000);
    assert_int_equal(count_all(), (size_t)again + 6000);
    pl_tracer_free(t, TEST_PATIENCE_MS);
    assert_int_equal(count_all(), (size_t)again + 6000);
    assert_int_equal(test_folder_count(&folder, "trace-", ""), 1); /* the dead writer's file was adopted */
    assert_int_equal(test_missing(store), 0);
}

/* A dead writer's file, read by another process before anybody writes again. */
static void readers_read_while_others_write(void **state) {
    (void)state;
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    pid_t child = fork_without_store();
    if (!child) write_until_killed(pipes[1]);
    close(pipes[1]);
    reopen_store();
    size_t last = 0;
    for (int i = 0; i < 5; i++) {
        uint64_t written;
        assert_int_equal(read(pipes[0], &written, sizeof written), sizeof written);
        struct pl_trace_query q = test_all();
        q.limit = 1000;
        q.oldest_first = false;
        struct test_seen seen = test_query(store, &q);
        assert_true(seen.n == 0 || seen.ordered_down);
        assert_true(seen.n >= (written < 1000 ? written : 1000));
        assert_true(seen.n == 0 || (size_t)seen.numbers[0] + 1 >= last);
        last = seen.n ? (size_t)seen.numbers[0] + 1 : 0;
        if (seen.n) assert_int_equal(test_request(store, (int64_t)last - 1).n, 1);
    }
    kill(child, SIGKILL);
    wait_for(child, true);
    close(pipes[0]);
}

#define WITH_STORE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_STORE(tickets_count_up_and_metrics_follow),
        WITH_STORE(rows_that_find_no_room_are_counted_and_their_span_is_written_down),
        WITH_STORE(threads_that_put_at_once_lose_no_count),
        WITH_STORE(a_full_disk_costs_rows_and_nothing_else),
        WITH_STORE(the_gap_is_written_when_the_disk_has_room_again),
        WITH_STORE(a_file_that_somebody_holds_locked_is_left_for_another),
        WITH_STORE(a_file_that_is_damaged_while_open_is_left_for_another),
        WITH_STORE(a_file_that_was_deleted_is_made_anew),
        WITH_STORE(a_folder_that_was_deleted_is_made_again),
        WITH_STORE(files_that_a_killed_process_was_making_are_removed),
        WITH_STORE(rows_of_no_record_that_come_again_from_a_spool_are_shown_once),
        WITH_STORE(a_writer_goes_on_where_the_one_before_it_stopped),
        WITH_STORE(a_full_file_is_followed_by_another),
        WITH_STORE(freeing_writes_what_waits_and_counts_what_it_cannot),
        WITH_STORE(old_rows_go_by_themselves_and_that_is_counted),
        WITH_STORE(the_spool_is_where_the_settings_say),
        WITH_STORE(what_cannot_be_opened_is_told_at_once),
        WITH_STORE(processes_share_the_folder),
        WITH_STORE(a_writer_killed_in_mid_flight_loses_nothing_it_had_written),
        WITH_STORE(readers_read_while_others_write),
    };
    assert_int_equal(pl_wake_init(&test_wake), POUCH_OK);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
