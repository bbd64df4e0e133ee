/* Routes and services in registry.db: what is written is read, versions only grow, nobody overwrites unseen. */
#include <support.h>

#include "routes.h"
#include "stage.h"
#include <pouch/error.h>
#include <sqlite3.h>
#include <store/store.h>
#include <sys/stat.h>
#include <sys/wait.h>

static int64_t version_now(void) {
    int64_t version;
    assert_int_equal(pl_store_version(store, &version), POUCH_OK);
    return version;
}

static size_t routes_now(struct pl_route_row **routes) {
    size_t n;
    int64_t version;
    assert_int_equal(pl_store_routes(store, routes, &n, &version), POUCH_OK);
    assert_int_equal(version, version_now());
    return n;
}

static void an_empty_registry_has_version_0_and_no_rows(void **state) {
    (void)state;
    struct pl_route_row *routes;
    struct pl_service_row *services;
    size_t n;
    assert_int_equal(version_now(), 0);
    assert_int_equal(routes_now(&routes), 0);
    pl_route_free(routes, 0);
    assert_int_equal(pl_store_services(store, &services, &n), POUCH_OK);
    assert_int_equal(n, 0);
    pl_service_free(services, 0);
}

static void what_are_no_weights_is_refused(void **state) {
    (void)state;
    const char *targets[] = {"stock", "canary"};
    static const uint32_t weights[][2] = {{0, 0}, {PL_WEIGHT_MAX + 1, 1}, {1, UINT32_MAX}};
    for (size_t i = 0; i < sizeof weights / sizeof weights[0]; i++) {
        struct pl_route_row *r = test_weighted("p", targets, weights[i], 2);
        assert_int_equal(pl_store_route_put(store, r, 0), POUCH_E_CONFIG);
        assert_non_null(strstr(pouch_why(), "weight"));
        pl_route_free(r, 1);
    }
    assert_int_equal(version_now(), 0);
}

static void what_is_no_route_is_refused(void **state) {
    (void)state;
    const char *same[] = {"t", "t"}, *bad = "no space", *good = "t", *many[PL_TARGETS_MAX + 1];
    char names[PL_TARGETS_MAX + 1][8];
    for (size_t i = 0; i <= PL_TARGETS_MAX; i++) {
        snprintf(names[i], sizeof names[i], "t%zu", i);
        many[i] = names[i];
    }
    struct pl_route_row *rows[] = {test_route("p", same, 2),
                                   test_route("p", &bad, 1),
                                   test_route("a b", &good, 1),
                                   test_route("", &good, 1),
                                   test_route("p", many, PL_TARGETS_MAX + 1),
                                   test_route("p", &good, 1)};
    rows[5]->n_targets = 0;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(pl_store_route_put(store, rows[i], 0), POUCH_E_CONFIG);
        if (i == 5) rows[i]->n_targets = 1;
        pl_route_free(rows[i], 1);
    }
    assert_int_equal(version_now(), 0);
}

static pouch_err put_service(const char *name, const char *version, const char *const *tags, size_t n,
                             int64_t expected) {
    struct pl_service_row *r = calloc(1, sizeof *r);
    assert_non_null(r);
    r->name = test_copy(name);
    r->version = test_copy(version);
    r->description = test_copy("what it does");
    r->tags = calloc(n + 1, sizeof *r->tags);
    for (size_t i = 0; i < n; i++) r->tags[i] = test_copy(tags[i]);
    r->n_tags = n;
    pouch_err e = pl_store_service_put(store, r, expected);
    if (!e) assert_true(r->created_ms > 0 && r->created_ms <= r->updated_ms);
    pl_service_free(r, 1);
    return e;
}

static void what_is_no_service_is_refused(void **state) {
    (void)state;
    assert_int_equal(put_service("", "2.0", NULL, 0, -1), POUCH_E_CONFIG);
    assert_int_equal(put_service("c", "", NULL, 0, -1), POUCH_E_CONFIG);
    assert_int_equal(version_now(), 0);
}

/* acceptance: B9 */
static void the_tables_of_earlier_systems_are_readable_with_plain_sqlite(void **state) {
    (void)state;
    const char *targets[] = {"one", "two"}, *tags[] = {"x", "y"};
    struct pl_route_row *r = test_route("p", targets, 2);
    r->service = test_copy("s");
    assert_int_equal(pl_store_route_put(store, r, 0), POUCH_OK);
    pl_route_free(r, 1);
    assert_int_equal(put_service("s", "1.0", tags, 2, 0), POUCH_OK);

    static const char *const expected[][2] = {
        {"SELECT route_id||' '||source_publisher||' '||target_topic||' '||service_name||' '||enabled FROM routes",
         "route-p p one,two s 1"},
        {"SELECT service_name||' '||version||' '||description||' '||tags FROM services", "s 1.0 what it does x,y"},
        {"SELECT count(*) FROM routes WHERE created_at > 0 AND updated_at >= created_at", "1"},
    };
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/registry.db", folder.path);
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

/* So few that all of them together take less than one of them waits for the others. */
enum { PROCESSES = 4, ROUTES_EACH = 10 };

static void write_routes(int who) {
    struct pl_store *own;
    if (pl_store_open(&own, folder.url)) _exit(1);
    for (int i = 0; i < ROUTES_EACH; i++) {
        char publisher[32];
        snprintf(publisher, sizeof publisher, "p%d.%d", who, i);
        if (test_put_route(own, publisher, "t", 0, NULL)) _exit(2);
    }
    pl_store_close(own);
    _exit(0);
}

/* The folder is new to all of them, so that they also meet while making the file. */
static void processes_that_make_the_store_at_once_lose_nothing(void **state) {
    (void)state;
    pl_store_close(store);
    store = NULL;
    test_folder_remove(&folder);
    pid_t children[PROCESSES];
    for (int i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (!children[i]) write_routes(i);
    }
    for (int i = 0; i < PROCESSES; i++) {
        int status;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
    }
    assert_int_equal(pl_store_open(&store, folder.url), POUCH_OK);
    struct pl_route_row *routes;
    assert_int_equal(routes_now(&routes), PROCESSES * ROUTES_EACH);
    bool used[PROCESSES * ROUTES_EACH + 1] = {false};
    for (size_t i = 0; i < PROCESSES * ROUTES_EACH; i++) {
        assert_in_range(routes[i].version, 1, PROCESSES * ROUTES_EACH);
        assert_false(used[routes[i].version]);
        used[routes[i].version] = true;
    }
    pl_route_free(routes, PROCESSES * ROUTES_EACH);
    assert_int_equal(test_folder_count(&folder, "registry.db.new", ""), 0);
}

static void what_is_kept_is_for_its_owner_alone(void **state) {
    (void)state;
    char path[PATH_MAX];
    struct stat st;
    for (size_t i = 0; test_folder_find(&folder, "registry", "", i, path); i++) {
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
    snprintf(path, sizeof path, "sqlite://%s/a/b/", folder.path);
    struct pl_store *deep;
    assert_int_equal(pl_store_open(&deep, path), POUCH_OK);
    pl_store_close(deep);
    snprintf(path, sizeof path, "%s/a/b", folder.path);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
}

static int run(const char *sql) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/registry.db", folder.path);
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    int failed = sqlite3_exec(db, sql, NULL, NULL, NULL);
    sqlite3_close(db);
    return failed;
}

static void a_look_reads_what_is_there_and_makes_nothing(void **state) {
    (void)state;
    char url[PATH_MAX + 16];
    struct pl_store *seen;
    struct stat st;
    struct pl_route_row *routes;
    int64_t version;
    size_t n;
    snprintf(url, sizeof url, "%s/none", folder.url);
    assert_int_equal(pl_store_look(&seen, url), POUCH_E_NOT_FOUND);
    assert_int_equal(stat(url + strlen("sqlite://"), &st), -1);
    assert_int_equal(pl_store_look(&seen, folder.url), POUCH_OK);
    assert_int_equal(pl_store_routes(seen, &routes, &n, &version), POUCH_OK);
    pl_route_free(routes, n);
    pl_store_close(seen);
}

static void a_registry_of_another_version_is_not_touched(void **state) {
    (void)state;
    static const struct {
        const char *pragma, *says;
    } rows[] = {{"PRAGMA user_version=99", "update pouch"}, {"PRAGMA user_version=0", "not one of ours"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(run(rows[i].pragma), SQLITE_OK);
        struct pl_store *other;
        assert_int_equal(pl_store_open(&other, folder.url), POUCH_E_CONFIG);
        assert_non_null(strstr(pouch_why(), rows[i].says));
        assert_non_null(strstr(pouch_why(), "registry.db"));
    }
}

static void a_registry_that_is_no_database_is_told(void **state) {
    (void)state;
    pl_store_close(store);
    store = NULL;
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/registry.db", folder.path);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    for (int i = 0; i < 1000; i++) fputs("no database ", f);
    fclose(f);
    assert_int_equal(pl_store_open(&store, folder.url), POUCH_E_CONFIG);
    assert_non_null(strstr(pouch_why(), path));
}

static void a_bad_url_says_what_a_good_one_is(void **state) {
    (void)state;
    char under_file[PATH_MAX], as_file[PATH_MAX], long_path[PATH_MAX * 2] = "sqlite:///";
    snprintf(under_file, sizeof under_file, "sqlite://%s/registry.db/x", folder.path);
    snprintf(as_file, sizeof as_file, "sqlite://%s/registry.db", folder.path);
    memset(long_path + 10, 'x', PATH_MAX + 10);
    const char *const urls[] = {"",         "nonsense",   "postgres://x", "sqlite:/tmp/x", "sqlite://relative",
                                "sqlite:/", "sqlite:///", "sqlite://",    under_file,      as_file,
                                long_path,  "/tmp/x"};
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        struct pl_store *s = NULL;
        assert_int_equal(pl_store_open(&s, urls[i]), POUCH_E_CONFIG);
        assert_null(s);
        assert_non_null(strstr(pouch_why(), "store"));
    }
}

static void the_default_is_the_state_directory(void **state) {
    (void)state;
    char *url;
    setenv("XDG_STATE_HOME", "/somewhere/state", 1);
    assert_int_equal(pl_store_default_url(&url), POUCH_OK);
    assert_string_equal(url, "sqlite:///somewhere/state/pouch");
    free(url);
    unsetenv("XDG_STATE_HOME");
    setenv("HOME", folder.path, 1);
    assert_int_equal(pl_store_default_url(&url), POUCH_OK);
    char expected[PATH_MAX];
    snprintf(expected, sizeof expected, "sqlite://%s/.local/state/pouch", folder.path);
    assert_string_equal(url, expected);
    free(url);
    setenv("HOME", "/nonexistent", 1);
    if (access("/var/lib/pouch", W_OK)) {
        assert_int_equal(pl_store_default_url(&url), POUCH_E_CONFIG);
        assert_non_null(strstr(pouch_why(), "--store"));
    }
}

#define WITH_STORE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_STORE(an_empty_registry_has_version_0_and_no_rows),
        WITH_STORE(what_is_no_route_is_refused),
        WITH_STORE(what_are_no_weights_is_refused),
        WITH_STORE(what_is_no_service_is_refused),
        WITH_STORE(the_tables_of_earlier_systems_are_readable_with_plain_sqlite),
        WITH_STORE(processes_that_make_the_store_at_once_lose_nothing),
        WITH_STORE(what_is_kept_is_for_its_owner_alone),
        WITH_STORE(a_look_reads_what_is_there_and_makes_nothing),
        WITH_STORE(a_registry_of_another_version_is_not_touched),
        WITH_STORE(a_registry_that_is_no_database_is_told),
        WITH_STORE(a_bad_url_says_what_a_good_one_is),
        WITH_STORE(the_default_is_the_state_directory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
