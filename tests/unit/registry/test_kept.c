/* The file that routes are kept in: written whole or not at all, and read only when it can be trusted. */
#include <support.h>

#include "rows.h"
#include <fcntl.h>
#include <folder.h>
#include <oom.h>
#include <registry/kept.h>
#include <sys/stat.h>

enum { ROUTES = 40, NOW = 1700000000000, DAY = 24 * 60 * 60 * 1000 };

static const char NAME[] = "routes.jsonl";

static const char *path_of(const struct test_folder *f) {
    return test_folder_file(f, NAME);
}

static void write_kept(const struct test_folder *f, size_t routes, int64_t version, int64_t time) {
    struct pl_snapshot *s = test_snapshot(routes, version);
    assert_int_equal(pl_kept_write(path_of(f), s, time), POUCH_OK);
    pl_snapshot_drop(s);
}

static pouch_err read_kept(const struct test_folder *f, int64_t now) {
    struct pl_snapshot *s = NULL;
    int64_t time;
    pouch_err e = pl_kept_read(path_of(f), now, &s, &time);
    assert_true((s == NULL) == (e != POUCH_OK));
    pl_snapshot_drop(s);
    return e;
}

/* acceptance: B11 */
static void what_was_kept_is_read_as_it_was(void **state) {
    (void)state;
    struct test_folder f;
    struct pl_snapshot *s;
    int64_t time;
    test_folder_make(&f);
    static const size_t sizes[] = {0, 1, ROUTES, 3000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        write_kept(&f, sizes[i], 7 + (int64_t)i, NOW - 5);
        assert_int_equal(pl_kept_read(path_of(&f), NOW, &s, &time), POUCH_OK);
        test_snapshot_holds(s, sizes[i]);
        assert_int_equal(pl_snapshot_version(s), 7 + i);
        assert_int_equal(time, NOW - 5);
        pl_snapshot_drop(s);
    }
    test_folder_remove(&f);
}

static void only_its_owner_may_read_it(void **state) {
    (void)state;
    struct test_folder f;
    struct stat st;
    test_folder_make(&f);
    mode_t before = umask(0);
    write_kept(&f, ROUTES, 1, NOW);
    umask(before);
    assert_int_equal(stat(path_of(&f), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    test_folder_remove(&f);
}

static void it_is_used_for_a_day(void **state) {
    (void)state;
    struct test_folder f;
    test_folder_make(&f);
    write_kept(&f, ROUTES, 1, NOW);
    assert_int_equal(read_kept(&f, NOW + DAY), POUCH_OK);
    assert_int_equal(read_kept(&f, NOW + DAY + 1), POUCH_E_STORE);
    assert_non_null(strstr(pouch_why(), "another day"));
    assert_int_equal(read_kept(&f, NOW - DAY), POUCH_OK);
    assert_int_equal(read_kept(&f, NOW - DAY - 1), POUCH_E_STORE); /* the clock was wrong, then or now */
    test_folder_remove(&f);
}

static void nothing_kept_is_told_from_something_broken(void **state) {
    (void)state;
    struct test_folder f;
    test_folder_make(&f);
    assert_int_equal(read_kept(&f, NOW), POUCH_E_NOT_FOUND);
    test_folder_write(&f, NAME, "");
    assert_int_equal(read_kept(&f, NOW), POUCH_E_STORE);
    test_folder_remove(&f);
}

#define FIRST "{\"version\":3,\"time\":1700000000000,\"routes\":1}\n"
#define ROUTE "{\"id\":\"r\",\"publisher\":\"p\",\"targets\":[\"t\"],\"enabled\":true,\"version\":3}\n"
#define WITH(id, publisher, targets, enabled, version)                                              \
    FIRST "{\"id\":" id ",\"publisher\":" publisher ",\"targets\":" targets ",\"enabled\":" enabled \
          ",\"version\":" version "}\n"
#define WEIGHTS(weights) WITH("\"r\"", "\"p\"", "[\"t\",\"u\"]", "true", "3,\"weights\":" weights)

static void a_damaged_file_is_refused_and_says_so(void **state) {
    (void)state;
    static const char *const damaged[] = {
        "\n",
        "{}\n",
        "[]\n" ROUTE,
        "{\"version\":3,\"time\":1700000000000,\"routes\":-1}\n",
        "{\"version\":-3,\"time\":1700000000000,\"routes\":1}\n" ROUTE,
        "{\"version\":3,\"time\":1700000000000,\"routes\":100001}\n" ROUTE,
        "{\"version\":3,\"time\":\"1700000000000\",\"routes\":1}\n" ROUTE,
        "{\"version\":3,\"time\":1700000000000,\"routes\":1,\"more\":1}\n" ROUTE,
        FIRST,
        FIRST "\n",
        FIRST "null\n",
        FIRST ROUTE ROUTE,
        FIRST ROUTE "\n",
        WITH("null", "\"p\"", "[\"t\"]", "true", "3"),
        WITH("\"r\"", "7", "[\"t\"]", "true", "3"),
        WITH("\"r\"", "\"\"", "[\"t\"]", "true", "3"),
        WITH("\"r\"", "\"p q\"", "[\"t\"]", "true", "3"),
        WITH("\"r\"", "\"p\"", "[]", "true", "3"),
        WITH("\"r\"", "\"p\"", "\"t\"", "true", "3"),
        WITH("\"r\"", "\"p\"", "[\"t\",\"\"]", "true", "3"),
        WITH("\"r\"", "\"p\"", "[\"t\",null]", "true", "3"),
        WITH("\"r\"", "\"p\"", "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]", "true", "3"),
        WITH("\"r\"", "\"p\"", "[\"t\"]", "1", "3"),
        WITH("\"r\"", "\"p\"", "[\"t\"]", "true", "\"3\""),
        WEIGHTS("null"),
        WEIGHTS("[]"),
        WEIGHTS("[1]"),
        WEIGHTS("[1,2,3]"),
        WEIGHTS("[0,0]"),
        WEIGHTS("[-1,1]"),
        WEIGHTS("[1,1000001]"),
        WEIGHTS("[1,\"1\"]"),
        WEIGHTS("{\"t\":1,\"u\":1}"),
    };
    struct test_folder f;
    test_folder_make(&f);
    test_folder_write(&f, NAME, FIRST ROUTE);
    assert_int_equal(read_kept(&f, NOW), POUCH_OK);
    test_folder_write(&f, NAME, WEIGHTS("[90,10]"));
    assert_int_equal(read_kept(&f, NOW), POUCH_OK);
    for (size_t i = 0; i < sizeof damaged / sizeof damaged[0]; i++) {
        test_folder_write(&f, NAME, damaged[i]);
        assert_int_equal(read_kept(&f, NOW), POUCH_E_STORE);
        assert_non_null(strstr(pouch_why(), path_of(&f)));
    }
    test_folder_remove(&f);
}

static void a_file_that_was_cut_anywhere_is_refused(void **state) {
    (void)state;
    struct test_folder f;
    struct stat st;
    test_folder_make(&f);
    write_kept(&f, 3, 1, NOW);
    assert_int_equal(stat(path_of(&f), &st), 0);
    for (off_t size = st.st_size - 2; size >= 0; size--) { /* without its last newline it is whole */
        assert_int_equal(truncate(path_of(&f), size), 0);
        assert_int_equal(read_kept(&f, NOW), POUCH_E_STORE);
    }
    test_folder_remove(&f);
}

static void what_killed_writers_left_goes_and_nothing_else(void **state) {
    (void)state;
    struct test_folder f;
    test_folder_make(&f);
    static const char *const names[] = {"routes.jsonl.new-aB3dEf", "routes.jsonl.new", "routes.jsonl.backup",
                                        "other.new-aB3dEf"};
    static const bool stays[] = {false, true, true, true};
    const struct timespec old[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
    for (size_t i = 0; i < 4; i++) {
        test_folder_write(&f, names[i], "half a file");
        assert_int_equal(utimensat(AT_FDCWD, test_folder_file(&f, names[i]), old, 0), 0);
    }
    test_folder_write(&f, "routes.jsonl.new-zY9xWv", "another writes it now");
    pl_kept_tidy(path_of(&f));
    for (size_t i = 0; i < 4; i++) assert_int_equal(access(test_folder_file(&f, names[i]), F_OK) == 0, stays[i]);
    assert_int_equal(access(test_folder_file(&f, "routes.jsonl.new-zY9xWv"), F_OK), 0);
    test_folder_remove(&f);
}

static void what_cannot_be_written_leaves_the_old_one(void **state) {
    (void)state;
    struct test_folder f;
    struct pl_snapshot *s = test_snapshot(ROUTES, 2);
    test_folder_make(&f);
    assert_int_equal(pl_kept_write(test_folder_file(&f, "missing/routes.jsonl"), s, NOW), POUCH_E_STORE);
    assert_non_null(strstr(pouch_why(), "missing/routes.jsonl"));
    assert_int_equal(mkdir(path_of(&f), 0700), 0); /* a folder in its place: the last step fails */
    assert_int_equal(pl_kept_write(path_of(&f), s, NOW), POUCH_E_STORE);
    assert_int_equal(rmdir(path_of(&f)), 0);
    assert_int_equal(rmdir(f.path), 0); /* nothing else was left there */
    pl_snapshot_drop(s);
}

static struct test_folder oom_folder;
static struct pl_snapshot *oom_snapshot;

static bool write_one(void) {
    pouch_err e = pl_kept_write(path_of(&oom_folder), oom_snapshot, NOW);
    if (e) assert_int_equal(e, POUCH_E_NO_MEMORY);
    return !e;
}

static bool read_one(void) {
    struct pl_snapshot *s = NULL;
    int64_t time;
    pouch_err e = pl_kept_read(path_of(&oom_folder), NOW, &s, &time);
    pl_snapshot_drop(s);
    return !e;
}

static void running_out_of_memory_leaks_nothing_and_harms_nothing(void **state) {
    (void)state;
    if (!test_oom_works()) skip();
    test_folder_make(&oom_folder);
    oom_snapshot = test_snapshot(6, 2);
    write_kept(&oom_folder, 6, 1, NOW);
    assert_true(test_oom_each(read_one) > 3);
    assert_true(test_oom_each(write_one) > 3);
    assert_int_equal(unlink(path_of(&oom_folder)), 0);
    assert_int_equal(rmdir(oom_folder.path), 0);
    pl_snapshot_drop(oom_snapshot);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_kept_is_read_as_it_was),
        cmocka_unit_test(only_its_owner_may_read_it),
        cmocka_unit_test(it_is_used_for_a_day),
        cmocka_unit_test(nothing_kept_is_told_from_something_broken),
        cmocka_unit_test(a_damaged_file_is_refused_and_says_so),
        cmocka_unit_test(a_file_that_was_cut_anywhere_is_refused),
        cmocka_unit_test(what_killed_writers_left_goes_and_nothing_else),
        cmocka_unit_test(what_cannot_be_written_leaves_the_old_one),
        cmocka_unit_test(running_out_of_memory_leaks_nothing_and_harms_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
