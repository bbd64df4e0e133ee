/*
 * The file of a dedupe window: rows come back, to every process of the group and to no other, and a foreign file is
 * left alone.
 */
#include <support.h>

#include <folder.h>
#include <oom.h>
#include <signal.h>
#include <sqlite3.h>
#include <store/seen.h>
#include <sys/resource.h>
#include <sys/stat.h>

static struct test_folder folder;
static char path[128];

static int set_up(void **state) {
    (void)state;
    test_folder_make(&folder);
    snprintf(path, sizeof path, "%s/below/seen.db", folder.path);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    test_folder_remove(&folder);
    return 0;
}

static struct pl_seen *open_file(void) {
    struct pl_seen *s;
    if (pl_seen_open(&s, path, "group")) fail_msg("%s", pouch_why());
    return s;
}

/* What sync gave, one letter a row, from the tag. */
struct taken {
    char text[64];
    size_t n;
};

static void take(const struct pl_seen_row *row, void *arg) {
    struct taken *t = arg;
    assert_string_equal(row->topic, "calculate");
    assert_int_equal(row->id.b[0], row->tag[0]);
    assert_int_equal(row->at_ms, 1000);
    assert_int_equal(row->reply_n, row->tag[0] == 'n' ? 0 : 1);
    if (row->reply_n) assert_memory_equal(row->reply, row->tag, 1);
    t->text[t->n++] = (char)row->tag[0];
    t->text[t->n] = 0;
}

/* One row for each letter; "n" has no answer. */
static pouch_err try_sync(struct pl_seen *s, const char *letters, int64_t forget, struct taken *t, int64_t *number) {
    struct pl_seen_row rows[16];
    size_t n = strlen(letters);
    memset(t, 0, sizeof *t);
    memset(rows, 0, sizeof rows);
    for (size_t i = 0; i < n; i++) {
        rows[i].topic = "calculate";
        rows[i].at_ms = 1000;
        rows[i].id.b[0] = rows[i].tag[0] = (uint8_t)letters[i];
        rows[i].reply = letters + i;
        rows[i].reply_n = letters[i] != 'n';
    }
    pouch_err e = pl_seen_sync(s, rows, n, forget, take, t);
    if (!e && n) *number = rows[n - 1].number;
    return e;
}

/* The number of the last row. */
static int64_t sync_rows(struct pl_seen *s, const char *letters, int64_t forget, const char *others) {
    struct taken t;
    int64_t number = 0;
    if (try_sync(s, letters, forget, &t, &number)) fail_msg("%s", pouch_why());
    assert_string_equal(t.text, others);
    return number;
}

static void rows_are_there_after_a_restart(void **state) {
    (void)state;
    struct pl_seen *s = open_file();
    assert_int_equal(sync_rows(s, "abn", 0, ""), 3);
    sync_rows(s, "", 0, "");
    pl_seen_close(s);
    s = open_file();
    sync_rows(s, "", 0, "abn");
    assert_int_equal(sync_rows(s, "c", 0, ""), 4);
    pl_seen_close(s);
}

static void processes_of_a_group_see_what_the_others_add(void **state) {
    (void)state;
    struct pl_seen *one = open_file(), *two = open_file();
    sync_rows(one, "a", 0, "");
    assert_int_equal(sync_rows(two, "b", 0, "a"), 2);
    assert_int_equal(sync_rows(one, "c", 0, "b"), 3);
    sync_rows(two, "", 0, "c");
    sync_rows(one, "", 0, "");
    pl_seen_close(one);
    pl_seen_close(two);
}

static void what_is_forgotten_is_gone_and_numbers_go_on(void **state) {
    (void)state;
    struct pl_seen *s = open_file();
    sync_rows(s, "abc", 0, "");
    sync_rows(s, "", 2, "");
    pl_seen_close(s);
    s = open_file();
    sync_rows(s, "", 3, "c");
    assert_int_equal(sync_rows(s, "d", 3, ""), 4);
    sync_rows(s, "", 4, "");
    pl_seen_close(s);
    s = open_file();
    assert_int_equal(sync_rows(s, "e", 0, "d"), 5); /* the newest stays, or numbers would begin anew */
    pl_seen_close(s);
}

static void only_its_owner_may_read_it(void **state) {
    struct stat st;
    (void)state;
    pl_seen_close(open_file());
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void a_file_of_another_group_is_refused(void **state) {
    struct pl_seen *s;
    (void)state;
    pl_seen_close(open_file());
    assert_int_equal(pl_seen_open(&s, path, "another"), POUCH_E_CONFIG);
    assert_non_null(strstr(pouch_why(), "belongs to another consumer group"));
    pl_seen_close(open_file());
}

static void write_file(const char *text, size_t n) {
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, n, f), n);
    fclose(f);
}

static void what_is_no_file_of_ours_is_left_as_it_is(void **state) {
    struct pl_seen *s;
    char text[64] = {0};
    (void)state;
    pl_seen_close(open_file());
    write_file("these are not the rows", 22);
    assert_int_equal(pl_seen_open(&s, path, "group"), POUCH_E_CONFIG);
    assert_non_null(strstr(pouch_why(), path));
    FILE *f = fopen(path, "r");
    assert_int_equal(fread(text, 1, sizeof text, f), 22);
    fclose(f);
    assert_string_equal(text, "these are not the rows");
}

static void run_sql(const char *sql) {
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void rows_that_make_no_sense_are_passed_over(void **state) {
    (void)state;
    struct pl_seen *s = open_file();
    sync_rows(s, "a", 0, "");
    run_sql("INSERT INTO seen SELECT 2, topic, x'00', tag, at_ms, reply FROM seen WHERE number = 1;"
            "INSERT INTO seen SELECT 3, topic, request_id, x'', at_ms, reply FROM seen WHERE number = 1;"
            "INSERT INTO seen SELECT 4, x'80ff', request_id, zeroblob(17), at_ms, reply FROM seen WHERE number = 1;");
    assert_int_equal(sync_rows(s, "b", 0, ""), 5);
    pl_seen_close(s);
    s = open_file();
    sync_rows(s, "", 0, "ab");
    pl_seen_close(s);
}

static void limit_files(rlim_t bytes) {
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void a_disk_that_is_full_for_a_while_adds_nothing_and_then_all(void **state) {
    struct taken t;
    int64_t number;
    (void)state;
    struct pl_seen *s = open_file();
    sync_rows(s, "a", 0, "");
    limit_files(1);
    pouch_err e = try_sync(s, "b", 0, &t, &number);
    limit_files(RLIM_INFINITY);
    assert_int_equal(e, POUCH_E_STORE);
    assert_int_equal(sync_rows(s, "b", 0, ""), 2);
    pl_seen_close(s);
    s = open_file();
    sync_rows(s, "", 0, "ab");
    pl_seen_close(s);
}

static bool open_and_sync(void) {
    struct pl_seen *s;
    struct taken t;
    int64_t number;
    pouch_err e = pl_seen_open(&s, path, "group");
    if (!e) {
        e = try_sync(s, "a", 0, &t, &number);
        pl_seen_close(s);
    }
    if (e && e != POUCH_E_NO_MEMORY) fail_msg("%s", pouch_why());
    return !e;
}

static void without_memory_it_says_so_and_leaves_nothing(void **state) {
    (void)state;
    if (!test_oom_works()) skip();
    assert_true(open_and_sync());
    assert_true(test_oom_each(open_and_sync) > 5);
}

int main(void) {
    signal(SIGXFSZ, SIG_IGN);
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(rows_are_there_after_a_restart),
        TEST(processes_of_a_group_see_what_the_others_add),
        TEST(what_is_forgotten_is_gone_and_numbers_go_on),
        TEST(only_its_owner_may_read_it),
        TEST(a_file_of_another_group_is_refused),
        TEST(what_is_no_file_of_ours_is_left_as_it_is),
        TEST(rows_that_make_no_sense_are_passed_over),
        TEST(a_disk_that_is_full_for_a_while_adds_nothing_and_then_all),
        TEST(without_memory_it_says_so_and_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
