/* Snapshots from the store, and from what was kept when the store cannot be read. */
#include <support.h>

#include <fcntl.h>
#include <folder.h>
#include <registry/registry.h>
#include <registry/source.h>
#include <stdio.h>
#include <sys/stat.h>

struct bench {
    struct test_folder folder;
    char url[128];
    struct pl_source source;
};

static void begin(struct bench *b) {
    test_folder_make(&b->folder);
    snprintf(b->url, sizeof b->url, "sqlite://%s", b->folder.path);
    assert_int_equal(pl_source_init(&b->source, b->url), POUCH_OK);
}

static void finish(struct bench *b) {
    pl_source_free(&b->source);
    test_folder_remove(&b->folder);
}

/* Changes the store as another process would. The version it has then. */
static int64_t put(struct bench *b, const char *publisher, const char *target, const char *service, bool enabled) {
    struct pl_store *store;
    char *targets[] = {(char *)target};
    struct pl_route_row r = {.publisher = (char *)publisher,
                             .targets = targets,
                             .n_targets = 1,
                             .service = (char *)service,
                             .enabled = enabled};
    assert_int_equal(pl_store_open(&store, b->url), POUCH_OK);
    assert_int_equal(pl_store_route_put(store, &r, -1), POUCH_OK);
    pl_store_close(store);
    free(r.id);
    return r.version;
}

/* What is newer than `than`, which is dropped; NULL: nothing. */
static struct pl_snapshot *read_newer(struct bench *b, struct pl_snapshot *than) {
    struct pl_snapshot *s;
    assert_int_equal(pl_source_read(&b->source, than, &s), POUCH_OK);
    pl_snapshot_drop(than);
    return s;
}

static void break_store(struct bench *b) {
    test_folder_write(&b->folder, "registry.db",
                      "this is no database, and long enough to be taken for a header of one,"
                      " which the first hundred bytes of a file would have to be");
    unlink(test_folder_file(&b->folder, "registry.db-wal"));
    unlink(test_folder_file(&b->folder, "registry.db-shm"));
}

/* acceptance: B11 */
static void a_route_whose_service_is_missing_is_a_route(void **state) {
    (void)state;
    struct bench b;
    begin(&b);
    int64_t version = put(&b, "orders", "stock", "nobody-registered-this", true);
    struct pl_snapshot *s = read_newer(&b, NULL);
    assert_int_equal(pl_snapshot_version(s), version);
    assert_string_equal(pl_snapshot_find(s, "orders", 6)->targets[0], "stock");
    pl_snapshot_drop(s);
    finish(&b);
}

static void only_what_is_newer_is_read_again(void **state) {
    (void)state;
    struct bench b;
    begin(&b);
    put(&b, "orders", "stock", NULL, true);
    struct pl_snapshot *first = read_newer(&b, NULL);
    pl_snapshot_hold(first);
    assert_null(read_newer(&b, first));
    int64_t version = put(&b, "orders", "stock-2", NULL, false);
    struct pl_snapshot *second = read_newer(&b, first);
    assert_non_null(second);
    assert_int_equal(pl_snapshot_version(second), version);
    assert_string_equal(pl_snapshot_find(second, "orders", 6)->targets[0], "stock-2");
    assert_false(pl_snapshot_find(second, "orders", 6)->enabled);
    pl_snapshot_drop(second);
    finish(&b);
}

static void a_lower_version_is_never_given(void **state) {
    (void)state;
    struct bench b;
    begin(&b);
    for (int i = 0; i < 3; i++) put(&b, "orders", "stock", NULL, true);
    struct pl_snapshot *in_force = read_newer(&b, NULL), *s;
    pl_source_free(&b.source); /* the store is replaced by an older one */
    assert_int_equal(unlink(test_folder_file(&b.folder, "registry.db")), 0);
    assert_int_equal(pl_source_init(&b.source, b.url), POUCH_OK);
    put(&b, "orders", "old-stock", NULL, true);
    assert_int_equal(pl_source_read(&b.source, in_force, &s), POUCH_E_STORE);
    assert_null(s);
    assert_non_null(strstr(pouch_why(), "older"));
    pl_snapshot_drop(in_force);
    finish(&b);
}

/* acceptance: B11 */
static void what_was_read_is_kept_for_a_start_without_the_store(void **state) {
    (void)state;
    struct bench b;
    int64_t read_ms;
    begin(&b);
    int64_t version = put(&b, "orders", "stock", NULL, false);
    struct pl_snapshot *s = read_newer(&b, NULL);
    assert_int_equal(pl_source_keep(&b.source, s, false), INT64_MAX);
    pl_snapshot_drop(s);
    pl_source_free(&b.source);
    break_store(&b);
    assert_int_equal(pl_source_init(&b.source, b.url), POUCH_OK);
    assert_int_not_equal(pl_source_read(&b.source, NULL, &s), POUCH_OK);
    assert_null(s);
    assert_int_equal(pl_source_kept(&b.source, &s, &read_ms), POUCH_OK);
    assert_int_equal(pl_snapshot_version(s), version);
    assert_false(pl_snapshot_find(s, "orders", 6)->enabled); /* a start re-enables nothing */
    pl_snapshot_drop(s);
    finish(&b);
}

static int64_t kept_version(struct bench *b) {
    struct pl_source other;
    struct pl_snapshot *s;
    int64_t read_ms;
    assert_int_equal(pl_source_init(&other, b->url), POUCH_OK);
    assert_int_equal(pl_source_kept(&other, &s, &read_ms), POUCH_OK);
    int64_t version = pl_snapshot_version(s);
    pl_snapshot_drop(s);
    pl_source_free(&other);
    return version;
}

static void a_storm_of_changes_is_kept_now_and_then_and_at_the_end(void **state) {
    (void)state;
    struct bench b;
    begin(&b);
    int64_t first = put(&b, "orders", "stock", NULL, true);
    struct pl_snapshot *s = read_newer(&b, NULL);
    assert_int_equal(pl_source_keep(&b.source, s, false), INT64_MAX);
    assert_int_equal(pl_source_keep(&b.source, s, false), INT64_MAX); /* there already */
    b.source.keep_us = INT64_MAX - 1;                                 /* it has just taken long */
    int64_t second = put(&b, "orders", "stock", NULL, false);
    s = read_newer(&b, s);
    assert_int_equal(pl_source_keep(&b.source, s, false), INT64_MAX - 1);
    assert_int_equal(kept_version(&b), first);
    assert_int_equal(pl_source_keep(&b.source, s, true), INT64_MAX);
    assert_int_equal(kept_version(&b), second);
    pl_snapshot_drop(s);
    finish(&b);
}

static bool is_removed(struct bench *b, struct pl_snapshot *s) {
    char path[PATH_MAX];
    const struct timespec old[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
    snprintf(path, sizeof path, "%s.new-aB3dEf", b->source.kept);
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(futimens(fd, old), 0);
    assert_int_equal(close(fd), 0);
    b->source.kept_version = -1;
    assert_int_equal(pl_source_keep(&b->source, s, true), INT64_MAX);
    return access(path, F_OK) != 0;
}

static void what_killed_writers_left_is_looked_for_now_and_then(void **state) {
    (void)state;
    struct bench b;
    begin(&b);
    struct pl_snapshot *s = read_newer(&b, NULL);
    assert_true(is_removed(&b, s));
    assert_false(is_removed(&b, s));
    b.source.tidy_us = 0; /* an hour later */
    assert_true(is_removed(&b, s));
    pl_snapshot_drop(s);
    finish(&b);
}

static void what_is_kept_gets_a_newer_time_before_it_is_too_old(void **state) {
    (void)state;
    struct bench b;
    begin(&b);
    put(&b, "orders", "stock", NULL, true);
    struct pl_snapshot *s = read_newer(&b, NULL);
    assert_int_equal(pl_source_keep(&b.source, s, true), INT64_MAX);
    int64_t kept_ms = b.source.kept_ms;
    assert_int_equal(kept_ms, b.source.read_ms);
    b.source.read_ms += 60 * 60 * 1000; /* read again, an hour later */
    assert_int_equal(pl_source_keep(&b.source, s, true), INT64_MAX);
    assert_int_equal(b.source.kept_ms, kept_ms + 60 * 60 * 1000);
    pl_snapshot_drop(s);
    finish(&b);
}

static void what_cannot_be_kept_is_tried_again_later(void **state) {
    (void)state;
    struct bench b;
    begin(&b);
    struct pl_snapshot *s = read_newer(&b, NULL);
    assert_int_equal(mkdir(b.source.kept, 0700), 0); /* a folder in its place */
    int64_t again_us = pl_source_keep(&b.source, s, false);
    assert_true(again_us > pl_mono_us(&pl_clock_system) && again_us < INT64_MAX);
    assert_int_equal(rmdir(b.source.kept), 0);
    assert_int_equal(pl_source_keep(&b.source, s, true), INT64_MAX);
    pl_snapshot_drop(s);
    finish(&b);
}

static void a_store_that_can_be_read_again_is_opened_anew(void **state) {
    (void)state;
    struct bench b;
    struct pl_snapshot *s;
    begin(&b);
    break_store(&b);
    assert_int_not_equal(pl_source_read(&b.source, NULL, &s), POUCH_OK);
    assert_int_equal(unlink(test_folder_file(&b.folder, "registry.db")), 0);
    put(&b, "orders", "stock", NULL, true);
    s = read_newer(&b, NULL);
    assert_int_equal(pl_snapshot_routes(s), 1);
    pl_snapshot_drop(s);
    finish(&b);
}

static void a_url_of_no_store_is_a_setting_that_is_wrong(void **state) {
    (void)state;
    struct pl_source source;
    struct pl_snapshot *s;
    assert_int_equal(pl_source_init(&source, "mysql://host"), POUCH_OK);
    assert_int_equal(pl_source_read(&source, NULL, &s), POUCH_E_CONFIG);
    pl_source_free(&source);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_route_whose_service_is_missing_is_a_route),
        cmocka_unit_test(only_what_is_newer_is_read_again),
        cmocka_unit_test(a_lower_version_is_never_given),
        cmocka_unit_test(what_was_read_is_kept_for_a_start_without_the_store),
        cmocka_unit_test(a_storm_of_changes_is_kept_now_and_then_and_at_the_end),
        cmocka_unit_test(what_killed_writers_left_is_looked_for_now_and_then),
        cmocka_unit_test(what_is_kept_gets_a_newer_time_before_it_is_too_old),
        cmocka_unit_test(what_cannot_be_kept_is_tried_again_later),
        cmocka_unit_test(a_store_that_can_be_read_again_is_opened_anew),
        cmocka_unit_test(a_url_of_no_store_is_a_setting_that_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
