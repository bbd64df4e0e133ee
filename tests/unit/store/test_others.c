/*
 * What other programs write to the tables of a store, whichever it is; for POUCH_TEST_STORE see test_backends.c. Each
 * test has names of its own.
 */
#include <support.h>

#include "routes.h"
#include <base/log.h>
#include <folder.h>
#include <pouch/error.h>
#include <sqlite3.h>
#include <store/cassandra.h>
#include <store/store.h>

enum { TEXT = 512, MANY = 70 };

static struct test_folder folder;
static struct pl_store *store;

static int open_all(void **state) {
    (void)state;
    const char *url = getenv("POUCH_TEST_STORE");
    test_folder_make(&folder);
    if (pl_store_open(&store, url ? url : folder.url)) fail_msg("%s", pouch_why());
    assert_int_equal(pl_store_set_author(store, "anna@desk"), POUCH_OK);
    return 0;
}

static int close_all(void **state) {
    (void)state;
    pl_store_close(store);
    test_folder_remove(&folder);
    return 0;
}

/* ---- the other program ---- */

static void run_sql(const char *sql) {
    sqlite3 *db;
    char *why = NULL;
    assert_int_equal(sqlite3_open_v2(test_folder_file(&folder, "registry.db"), &db, SQLITE_OPEN_READWRITE, NULL), 0);
    sqlite3_busy_timeout(db, 5000);
    if (sqlite3_exec(db, sql, NULL, NULL, &why)) fail_msg("%s: %s", sql, why);
    sqlite3_close(db);
}

/* cql has a %s for the keyspace. */
static void run_cql(const char *cql) {
    struct pl_cassandra *c = pl_cassandra_of(store);
    char text[TEXT];
    const char *at = strstr(cql, "%s");
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - cql), cql, c->config.keyspace, at + 2);
    if (pl_cql_do(c->session, text, NULL)) fail_msg("%s: %s", text, pouch_why());
}

static void another_program_does(const char *sql, const char *cql) {
    if (store->kind->is_folder)
        run_sql(sql);
    else
        run_cql(cql);
}

#define ROW_OF(publisher) " WHERE part = 'registry' AND kind = 'route' AND change = 0 AND name = '" publisher "'"

static void another_program_disables(const char *publisher) {
    char sql[TEXT], cql[TEXT];
    snprintf(sql, sizeof sql, "UPDATE route SET enabled = 0 WHERE publisher = '%s'", publisher);
    snprintf(cql, sizeof cql, "UPDATE %%s.registry SET enabled = false" ROW_OF("%s"), publisher);
    another_program_does(sql, cql);
}

static void another_program_removes(const char *publisher) {
    char sql[TEXT], cql[TEXT];
    snprintf(sql, sizeof sql, "DELETE FROM route WHERE publisher = '%s'", publisher);
    snprintf(cql, sizeof cql, "DELETE FROM %%s.registry" ROW_OF("%s"), publisher);
    another_program_does(sql, cql);
}

/* With the version of a route that was ours, which a program writes that copies rows, or without. */
static void another_program_adds(const char *publisher, const char *version) {
    char sql[TEXT], cql[TEXT];
    snprintf(sql, sizeof sql,
             "INSERT INTO route VALUES('%s', 'r-%s', NULL, 1, 1, 0, 0, NULL); INSERT INTO target VALUES('%s', 0, 't');",
             publisher, publisher, publisher);
    snprintf(
        cql, sizeof cql,
        "INSERT INTO %%s.registry (part, kind, name, change, row_version, route_id, source_publisher, target_topic,"
        " enabled) VALUES ('registry', 'route', '%s', 0, %s, 'r-%s', '%s', ['t'], true)",
        publisher, version, publisher, publisher);
    another_program_does(sql, cql);
}

/* ---- what is seen of it ---- */

static int64_t version_now(void) {
    int64_t version;
    if (pl_store_version(store, &version)) fail_msg("%s", pouch_why());
    return version;
}

/* Cassandra is looked at every few seconds: as if they had passed. */
static int64_t look_again(void) {
    if (!store->kind->is_folder) ((struct pl_cassandra_store *)store)->looked_us = 0;
    return version_now();
}

/* What was done to a route and by whom, newest first: "anna- unknown* anna+ " */
struct history {
    char text[TEXT];
    size_t n;
};

static bool see_change(const struct pl_audit *row, void *arg) {
    struct history *h = arg;
    const char *who = strcmp(row->who, "unknown") ? "anna" : "unknown";
    const char *did = !row->before ? "+" : row->after ? "*" : "-";
    assert_true(h->n + strlen(who) + 3 < TEXT);
    h->n += (size_t)sprintf(h->text + h->n, "%s%s ", who, did);
    return true;
}

static struct history history_of(const char *publisher) {
    const struct pl_audit_query q = {.kind = PL_AUDIT_ROUTE, .name = publisher, .limit = 100};
    struct history h = {.n = 0};
    assert_int_equal(pl_store_audit(store, &q, see_change, &h), POUCH_OK);
    return h;
}

static void assert_history(const char *publisher, const char *expected) {
    const struct history h = history_of(publisher);
    assert_string_equal(h.text, expected);
}

/* SQLite notes each statement, thus a route and its target. */
static void assert_added_by_another_program(const char *publisher) {
    const struct history h = history_of(publisher);
    assert_non_null(strstr(h.text, "unknown+"));
    assert_null(strstr(h.text, "anna"));
}

static bool is_enabled(const char *publisher) {
    struct pl_route_row *routes;
    size_t n;
    int64_t version;
    bool enabled = false;
    assert_int_equal(pl_store_routes(store, &routes, &n, &version), POUCH_OK);
    for (size_t i = 0; i < n; i++)
        if (!strcmp(routes[i].publisher, publisher)) enabled = routes[i].enabled;
    pl_route_free(routes, n);
    return enabled;
}

static pouch_err put(const char *publisher, int64_t expected, int64_t *version) {
    return test_put_route(store, publisher, "t", expected, version);
}

/* A route that was just put, when it was just looked for what others wrote. */
static int64_t put_first(const char *publisher) {
    int64_t version;
    look_again();
    assert_int_equal(put(publisher, 0, &version), POUCH_OK);
    return version;
}

/* ---- tests ---- */

/* acceptance: B7 B10 */
static void who_expects_a_version_does_not_overwrite_what_another_program_wrote(void **state) {
    (void)state;
    int64_t first = put_first("written"), removed;
    another_program_disables("written");
    assert_int_equal(put("written", first, NULL), POUCH_E_EXISTS);
    assert_non_null(strstr(pouch_why(), "unknown did that"));
    assert_int_equal(pl_store_route_remove(store, "written", first, &removed), POUCH_E_EXISTS);
    assert_false(is_enabled("written"));
    int64_t theirs = version_now();
    assert_true(theirs > first);
    assert_history("written", "unknown* anna+ ");
    assert_int_equal(put("written", theirs, NULL), POUCH_OK);

    another_program_disables("written"); /* and who expects none overwrites it, which is seen afterwards */
    assert_int_equal(put("written", -1, &first), POUCH_OK);
    another_program_disables("written");
    assert_int_equal(pl_store_route_remove(store, "written", first, &removed), POUCH_E_EXISTS);
    assert_int_equal(pl_store_route_remove(store, "written", -1, &removed), POUCH_OK);
    assert_history("written", "anna- unknown* anna* unknown* anna* unknown* anna+ ");
}

/* acceptance: B7 B10 */
static void who_expects_no_route_does_not_overwrite_one_that_another_program_added(void **state) {
    (void)state;
    look_again();
    another_program_adds("added", "null");
    assert_int_equal(put("added", 0, NULL), POUCH_E_EXISTS);
    assert_added_by_another_program("added");
}

/* acceptance: B7 B10 */
static void who_expects_a_version_is_told_that_another_program_removed_the_route(void **state) {
    (void)state;
    const char *target = "t";
    int64_t first = put_first("gone");
    another_program_removes("gone");
    assert_int_equal(put("gone", first, NULL), POUCH_E_NOT_FOUND);
    assert_non_null(strstr(pouch_why(), "unknown did that"));
    assert_int_equal(put("gone", 0, NULL), POUCH_OK);
    another_program_removes("gone");
    assert_int_equal(pl_store_route_remove(store, "gone", -1, &first), POUCH_E_NOT_FOUND);
    struct pl_route_row *r = test_route("heir", &target, 1);
    r->id = test_copy("route-gone"); /* its id is free */
    assert_int_equal(pl_store_route_put(store, r, 0), POUCH_OK);
    pl_route_free(r, 1);
    assert_history("gone", "unknown- anna+ unknown- anna+ ");
}

/* acceptance: B10 */
static void a_removal_is_seen_though_there_are_as_many_routes_as_before(void **state) {
    (void)state;
    put_first("replaced");
    another_program_adds("copied", "1");
    another_program_removes("replaced");
    look_again();
    assert_history("replaced", "unknown- anna+ ");
}

/* acceptance: B10 */
static void an_id_is_free_after_another_program_gave_its_route_another_and_the_route_was_removed(void **state) {
    (void)state;
    const char *target = "t";
    int64_t removed;
    put_first("renamed");
    another_program_does("UPDATE route SET id = 'r9' WHERE publisher = 'renamed'",
                         "UPDATE %s.registry SET route_id = 'r9'" ROW_OF("renamed"));
    look_again();
    assert_int_equal(pl_store_route_remove(store, "renamed", -1, &removed), POUCH_OK);
    look_again();
    struct pl_route_row *r = test_route("next", &target, 1);
    r->id = test_copy("route-renamed");
    assert_int_equal(pl_store_route_put(store, r, 0), POUCH_OK);
    pl_route_free(r, 1);
    int64_t now = look_again();
    assert_int_equal(look_again(), now);
    assert_history("renamed", "anna- unknown* anna+ ");
}

/* acceptance: B10 */
static void a_cell_that_another_program_removed_is_a_change(void **state) {
    (void)state;
    put_first("emptied");
    another_program_does("UPDATE route SET enabled = 0 WHERE publisher = 'emptied'",
                         "DELETE enabled FROM %s.registry" ROW_OF("emptied"));
    look_again();
    assert_history("emptied", "unknown* anna+ ");
    assert_false(is_enabled("emptied"));
}

/* acceptance: B10 */
static void what_another_program_wrote_with_a_clock_that_is_ahead_is_one_change(void **state) {
    (void)state;
    put_first("ahead");
    another_program_does("UPDATE route SET enabled = 0 WHERE publisher = 'ahead'",
                         "UPDATE %s.registry USING TIMESTAMP 9000000000000000 SET enabled = false" ROW_OF("ahead"));
    int64_t theirs = look_again();
    assert_int_equal(look_again(), theirs);
    assert_int_equal(put("ahead", -1, NULL), POUCH_OK);
    look_again();
    assert_non_null(strstr(history_of("ahead").text, "anna* unknown* anna+ "));
}

static void keep_line(const char *json, size_t n, void *arg) {
    snprintf(arg, TEXT, "%.*s", (int)n, json);
}

/* acceptance: B10 */
static void rows_that_are_no_routes_keep_no_route_behind_them_from_being_seen(void **state) {
    (void)state;
    for (int i = 0; i < MANY; i++) { /* they have no target */
        char sql[TEXT], cql[TEXT];
        snprintf(sql, sizeof sql, "INSERT INTO route VALUES('many-%02d', 'm%d', NULL, 1, 1, 0, 0, NULL)", i, i);
        snprintf(cql, sizeof cql,
                 "INSERT INTO %%s.registry (part, kind, name, change, enabled) VALUES"
                 " ('registry', 'route', 'many-%02d', 0, true)",
                 i);
        another_program_does(sql, cql);
    }
    another_program_adds("many-routes", "null");
    look_again();
    look_again();
    assert_added_by_another_program("many-routes");

    char last[TEXT] = "";
    PL_LOG(PL_LOG_WARN, "nothing more is told");
    look_again();
    pl_log_kept(keep_line, last);
    assert_non_null(strstr(last, "nothing more is told"));

    another_program_does("INSERT INTO target VALUES('many-00', 0, 't')",
                         "UPDATE %s.registry SET target_topic = ['t']" ROW_OF("many-00"));
    look_again();
    assert_true(is_enabled("many-00"));
    struct pl_route_row *routes;
    size_t n;
    int64_t version;
    assert_int_equal(pl_store_routes(store, &routes, &n, &version), POUCH_OK);
    for (size_t i = 0; i < n; i++) assert_true(routes[i].version > 0);
    pl_route_free(routes, n);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_removal_is_seen_though_there_are_as_many_routes_as_before),
        cmocka_unit_test(who_expects_a_version_does_not_overwrite_what_another_program_wrote),
        cmocka_unit_test(who_expects_no_route_does_not_overwrite_one_that_another_program_added),
        cmocka_unit_test(who_expects_a_version_is_told_that_another_program_removed_the_route),
        cmocka_unit_test(an_id_is_free_after_another_program_gave_its_route_another_and_the_route_was_removed),
        cmocka_unit_test(a_cell_that_another_program_removed_is_a_change),
        cmocka_unit_test(what_another_program_wrote_with_a_clock_that_is_ahead_is_one_change),
        cmocka_unit_test(rows_that_are_no_routes_keep_no_route_behind_them_from_being_seen),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
