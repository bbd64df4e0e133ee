/* Who changed what, when, and what it was before; changes that expect a version; what other programs write. */
#include <support.h>

#include "routes.h"
#include "stage.h"
#include <pouch/error.h>
#include <sqlite3.h>
#include <store/state.h>
#include <store/store.h>

static char *copy(const char *text) {
    char *out = text ? strdup(text) : NULL;
    assert_true(out || !text);
    return out;
}

/* Writes a route of one target; its version. */
static pouch_err put_route(const char *publisher, const char *target, bool enabled, int64_t expected,
                           int64_t *version) {
    struct pl_route_row *r = calloc(1, sizeof *r);
    assert_non_null(r);
    r->publisher = copy(publisher);
    r->targets = calloc(1, sizeof *r->targets);
    r->targets[0] = copy(target);
    r->n_targets = 1;
    r->enabled = enabled;
    pouch_err e = pl_store_route_put(store, r, expected);
    if (version) *version = r->version;
    pl_route_free(r, 1);
    return e;
}

static pouch_err put_service(const char *name, const char *number, int64_t expected, int64_t *revision) {
    char *tags[] = {"one", "two"};
    struct pl_service_row r = {.name = (char *)name, .version = (char *)number, .tags = tags, .n_tags = 2};
    pouch_err e = pl_store_service_put(store, &r, expected);
    if (revision) *revision = r.revision;
    return e;
}

static int64_t version_now(void) {
    int64_t version;
    assert_int_equal(pl_store_version(store, &version), POUCH_OK);
    return version;
}

/* What a query found, newest first. */
enum { FOUND_MAX = 32 };
struct found {
    size_t n;
    struct pl_audit at[FOUND_MAX];
};

static bool keep(const struct pl_audit *row, void *arg) {
    struct found *f = arg;
    assert_true(f->n < FOUND_MAX);
    struct pl_audit *at = &f->at[f->n++];
    *at = *row;
    at->kind = copy(row->kind);
    at->name = copy(row->name);
    at->who = copy(row->who);
    at->before = copy(row->before);
    at->after = copy(row->after);
    return true;
}

static void look(struct found *f, struct pl_audit_query q) {
    *f = (struct found){0};
    if (!q.limit) q.limit = FOUND_MAX;
    assert_int_equal(pl_store_audit(store, &q, keep, f), POUCH_OK);
}

static void forget(struct found *f) {
    for (size_t i = 0; i < f->n; i++) {
        const char *texts[] = {f->at[i].kind, f->at[i].name, f->at[i].who, f->at[i].before, f->at[i].after};
        for (size_t t = 0; t < sizeof texts / sizeof texts[0]; t++) free((char *)texts[t]);
    }
}

static void assert_state(const char *is, const char *expected) {
    if (!expected)
        assert_null(is);
    else
        assert_string_equal(is, expected);
}

#define ROUTE(target, enabled)                                                                         \
    "{\"publisher\":\"orders\",\"id\":\"route-orders\",\"targets\":[\"" target "\"],\"service\":null," \
    "\"enabled\":" enabled "}"

/* acceptance: B7 B10 */
static void every_change_of_a_route_tells_who_when_before_and_after(void **state) {
    (void)state;
    int64_t versions[4];
    assert_int_equal(put_route("orders", "stock", true, 0, &versions[0]), POUCH_OK);
    assert_int_equal(pl_store_set_author(store, "Ann Öberg (api key 7)"), POUCH_OK);
    assert_int_equal(put_route("orders", "stock", false, -1, &versions[1]), POUCH_OK);
    assert_int_equal(put_route("orders", "stock-2", false, -1, &versions[2]), POUCH_OK);
    assert_int_equal(pl_store_route_remove(store, "orders", -1, &versions[3]), POUCH_OK);
    assert_int_equal(put_route("another", "t", true, -1, NULL), POUCH_OK);

    static const char *const states[] = {NULL, ROUTE("stock", "true"), ROUTE("stock", "false"),
                                         ROUTE("stock-2", "false"), NULL};
    struct found f;
    look(&f, (struct pl_audit_query){.kind = PL_AUDIT_ROUTE, .name = "orders"});
    assert_int_equal(f.n, 4);
    for (size_t i = 0; i < 4; i++) {
        const struct pl_audit *change = &f.at[3 - i];
        assert_int_equal(change->version, versions[i]);
        assert_string_equal(change->kind, "route");
        assert_string_equal(change->name, "orders");
        assert_state(change->before, states[i]);
        assert_state(change->after, states[i + 1]);
        assert_true(change->at_ms > 1600000000000);
        if (i) assert_string_equal(change->who, "Ann Öberg (api key 7)");
    }
    assert_non_null(strchr(f.at[3].who, '@'));
    forget(&f);
}

static void changes_of_services_and_keys_are_kept_as_well(void **state) {
    (void)state;
    static const char *const first = "{\"name\":\"shop\",\"version\":\"1.0\",\"description\":null,\"endpoint\":null,"
                                     "\"tags\":[\"one\",\"two\"]}";
    int64_t revision, removed;
    assert_int_equal(put_service("shop", "1.0", 0, NULL), POUCH_OK);
    assert_int_equal(put_service("shop", "2.0", -1, &revision), POUCH_OK);
    assert_int_equal(pl_store_audit_put(store, PL_AUDIT_KEY, "k2", NULL, "{\"place\":2}"), POUCH_OK);
    assert_int_equal(pl_store_service_remove(store, "shop", revision, &removed), POUCH_OK);
    struct found f;
    look(&f, (struct pl_audit_query){0});
    assert_int_equal(f.n, 4);
    for (size_t i = 0; i < f.n; i++) assert_int_equal(f.at[i].version, 4 - (int64_t)i);
    assert_int_equal(f.at[0].version, removed);
    assert_null(f.at[0].after);
    assert_string_equal(f.at[0].before, f.at[2].after);
    assert_string_equal(f.at[1].name, "k2");
    assert_string_equal(f.at[1].after, "{\"place\":2}");
    assert_string_equal(f.at[2].before, first);
    assert_state(f.at[3].before, NULL);
    forget(&f);
}

static void changes_are_found_by_kind_name_time_and_version(void **state) {
    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(put_route("a", i % 2 ? "t1" : "t2", true, -1, NULL), POUCH_OK);
        assert_int_equal(put_route("b", i % 2 ? "t1" : "t2", true, -1, NULL), POUCH_OK);
        assert_int_equal(put_service("a", "1.0", -1, NULL), POUCH_OK);
    }
    static const struct {
        struct pl_audit_query q;
        size_t n;
        int64_t newest;
    } rows[] = {
        {{0}, 9, 9},
        {{.kind = PL_AUDIT_ROUTE}, 6, 8},
        {{.name = "a"}, 6, 9},
        {{.kind = PL_AUDIT_SERVICE, .name = "a"}, 3, 9},
        {{.kind = PL_AUDIT_ROUTE, .name = "a", .below = 7}, 2, 4},
        {{.below = 4, .limit = 2}, 2, 3},
        {{.since_ms = INT64_MAX}, 0, 0},
        {{.kind = PL_AUDIT_KEY}, 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct found f;
        look(&f, rows[i].q);
        assert_int_equal(f.n, rows[i].n);
        if (f.n) assert_int_equal(f.at[0].version, rows[i].newest);
        forget(&f);
    }
}

static void who_lost_is_told_who_won(void **state) {
    (void)state;
    int64_t first, second, revision, removed;
    assert_int_equal(pl_store_set_author(store, "bob@desk"), POUCH_OK);
    assert_int_equal(put_route("p", "t1", true, 0, &first), POUCH_OK);
    assert_int_equal(put_route("p", "t2", true, first, &second), POUCH_OK);
    assert_int_equal(put_route("p", "t3", true, first, NULL), POUCH_E_EXISTS);
    assert_non_null(strstr(pouch_why(), "bob@desk did that at 20"));
    assert_int_equal(pl_store_route_remove(store, "p", first, &removed), POUCH_E_EXISTS);
    assert_int_equal(version_now(), second);
    assert_int_equal(pl_store_route_remove(store, "p", second, &removed), POUCH_OK);
    assert_int_equal(put_route("p", "t3", true, second, NULL), POUCH_E_NOT_FOUND);
    assert_non_null(strstr(pouch_why(), "was removed: bob@desk"));

    assert_int_equal(put_service("s", "1.0", 0, &revision), POUCH_OK);
    assert_int_equal(put_service("s", "2.0", revision, NULL), POUCH_OK);
    assert_int_equal(put_service("s", "3.0", revision, NULL), POUCH_E_EXISTS);
    assert_int_equal(pl_store_service_remove(store, "s", revision, &removed), POUCH_E_EXISTS);
    assert_int_equal(put_service("new", "1.0", 7, NULL), POUCH_E_NOT_FOUND);
}

static void what_cannot_be_told_is_refused(void **state) {
    (void)state;
    static const char *const authors[] = {"", "two\nlines", "\xff"};
    char too_long[PL_AUTHOR_MAX + 2] = {0};
    memset(too_long, 'a', sizeof too_long - 1);
    for (size_t i = 0; i < 3; i++) assert_int_equal(pl_store_set_author(store, authors[i]), POUCH_E_CONFIG);
    assert_int_equal(pl_store_set_author(store, too_long), POUCH_E_CONFIG);
    assert_int_equal(pl_store_audit_put(store, "", "k", NULL, NULL), POUCH_E_CONFIG);
    assert_int_equal(pl_store_audit_put(store, PL_AUDIT_KEY, "a b", NULL, NULL), POUCH_E_CONFIG);
    assert_int_equal(pl_store_audit_put(store, PL_AUDIT_KEY, "k", "no json", NULL), POUCH_E_CONFIG);
    assert_int_equal(pl_store_audit_put(store, PL_AUDIT_KEY, "k", NULL, "[]"), POUCH_E_CONFIG);
    assert_int_equal(version_now(), 0);
}

/* ---- states ---- */

static void a_route_is_read_from_its_state(void **state) {
    (void)state;
    char *targets[] = {"zeta", "alpha"};
    const struct pl_route_row r = {
        .id = "r-1", .publisher = "orders", .targets = targets, .n_targets = 2, .service = "shop", .enabled = true};
    char *text = pl_route_state(&r), *again;
    struct pl_route_row *read;
    assert_non_null(text);
    assert_int_equal(pl_route_of_state(&read, text), POUCH_OK);
    assert_non_null(again = pl_route_state(read));
    assert_string_equal(again, text);
    pl_route_free(read, 1);
    free(text);
    free(again);

    static const char *const bad[] = {
        "",
        "[]",
        "{}",
        "{\"publisher\":7}",
        "{\"publisher\":\"p\",\"id\":\"i\",\"targets\":[],\"service\":null,\"enabled\":true}",
        "{\"publisher\":\"p\",\"id\":\"i\",\"targets\":[1],\"service\":null,\"enabled\":true}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(pl_route_of_state(&read, bad[i]), POUCH_E_INVALID_PAYLOAD);
}

static void weights_that_a_state_cannot_have_are_refused(void **state) {
    (void)state;
    static const char *const bad[] = {"null",        "[1]",          "{}", "{\"t\":-1}", "{\"t\":1000001}",
                                      "{\"t\":1.5}", "{\"t\":\"1\"}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char text[256];
        struct pl_route_row *read;
        snprintf(
            text, sizeof text,
            "{\"publisher\":\"p\",\"id\":\"i\",\"targets\":[\"t\"],\"service\":null,\"enabled\":true,\"weights\":%s}",
            bad[i]);
        assert_int_equal(pl_route_of_state(&read, text), POUCH_E_INVALID_PAYLOAD);
    }
}

static void both_ways_to_tell_a_state_tell_the_same(void **state) {
    (void)state;
    struct found f;
    struct pl_service_row *services;
    size_t n;
    assert_int_equal(put_service("shop", "1.0 \"é\"", 0, NULL), POUCH_OK);
    assert_int_equal(pl_store_services(store, &services, &n), POUCH_OK);
    char *told = pl_service_state(services);
    look(&f, (struct pl_audit_query){0});
    assert_string_equal(f.at[0].after, told);
    forget(&f);
    free(told);
    pl_service_free(services, n);
}

/* ---- other programs ---- */

static void run_sql(const char *sql) {
    sqlite3 *db;
    char *why = NULL;
    assert_int_equal(sqlite3_open_v2(test_folder_file(&folder, "registry.db"), &db, SQLITE_OPEN_READWRITE, NULL), 0);
    sqlite3_busy_timeout(db, 5000);
    if (sqlite3_exec(db, sql, NULL, NULL, &why)) fail_msg("%s: %s", sql, why);
    sqlite3_close(db);
}

static void put_weighted(void) {
    const char *targets[] = {"stock", "canary"};
    static const uint32_t weights[] = {10, 90};
    struct pl_route_row *r = test_weighted("orders", targets, weights, 2);
    assert_int_equal(pl_store_route_put(store, r, -1), POUCH_OK);
    pl_route_free(r, 1);
}

/* How many rows a query gives, and the text of the last. */
struct rows {
    int n;
    char text[64];
};

static int take_row(void *arg, int columns, char **values, char **names) {
    struct rows *rows = arg;
    (void)columns, (void)names;
    rows->n++;
    snprintf(rows->text, sizeof rows->text, "%s", values[0]);
    return 0;
}

/* As a program of the version before reads routes. */
/* acceptance: B29 */
static void who_knows_of_no_weights_sees_the_heaviest_target(void **state) {
    (void)state;
    sqlite3 *db;
    struct rows rows = {0};
    put_weighted();
    assert_int_equal(sqlite3_open_v2(test_folder_file(&folder, "registry.db"), &db, SQLITE_OPEN_READWRITE, NULL), 0);
    assert_int_equal(sqlite3_exec(db, "SELECT topic FROM route JOIN target USING(publisher) ORDER BY publisher, place",
                                  take_row, &rows, NULL),
                     SQLITE_OK);
    sqlite3_close(db);
    assert_int_equal(rows.n, 1);
    assert_string_equal(rows.text, "canary");
}

static void assert_one_target(const char *topic) {
    struct pl_route_row *routes;
    size_t n;
    int64_t version;
    assert_int_equal(pl_store_routes(store, &routes, &n, &version), POUCH_OK);
    assert_int_equal(n, 1);
    assert_int_equal(routes->n_targets, 1);
    assert_string_equal(routes->targets[0], topic);
    assert_null(routes->weights);
    pl_route_free(routes, n);
}

/* acceptance: B10 B29 */
static void a_program_that_writes_targets_makes_a_route_without_weights(void **state) {
    (void)state;
    struct found f;
    put_weighted();
    run_sql("UPDATE target SET topic = 'stock-2' WHERE publisher = 'orders'");
    assert_one_target("stock-2");
    look(&f, (struct pl_audit_query){.limit = 1});
    assert_string_equal(f.at[0].who, "unknown");
    assert_non_null(strstr(f.at[0].before, "\"weights\""));
    assert_state(f.at[0].after, ROUTE("stock-2", "true"));
    forget(&f);
}

static void weights_that_another_program_broke_leave_the_target_that_stands_for_them(void **state) {
    (void)state;
    static const char *const bad[] = {"[]", "{}", "{\"stock\":-1}", "{\"stock\":0}", "7"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char sql[128];
        put_weighted();
        snprintf(sql, sizeof sql, "UPDATE route SET weights = '%s'", bad[i]);
        run_sql(sql);
        assert_one_target("canary");
    }
}

/* acceptance: B10 */
static void what_another_program_writes_has_a_version_and_is_noted(void **state) {
    (void)state;
    int64_t before;
    assert_int_equal(put_route("orders", "stock", true, 0, &before), POUCH_OK);
    static const char *const writes[][2] = {
        {"UPDATE target SET topic = 'stock-2' WHERE publisher = 'orders'", ROUTE("stock-2", "true")},
        {"UPDATE route SET enabled = 0", ROUTE("stock-2", "false")},
        {"DELETE FROM route", NULL},
        {"INSERT INTO route(publisher, id, enabled, version, created_ms, updated_ms)"
         " VALUES('orders', 'route-orders', 1, 0, 0, 0)",
         ROUTE("stock-2", "true")},
    };
    for (size_t i = 0; i < sizeof writes / sizeof writes[0]; i++) {
        run_sql(writes[i][0]);
        assert_true(version_now() > before);
        before = version_now();
        struct found f;
        look(&f, (struct pl_audit_query){.limit = 1});
        assert_int_equal(f.at[0].version, before);
        assert_string_equal(f.at[0].who, "unknown");
        assert_state(f.at[0].after, writes[i][1]);
        forget(&f);
    }
    assert_int_equal(put_route("orders", "t", true, 1, NULL), POUCH_E_EXISTS);
    assert_int_equal(put_route("orders", "t", true, before, NULL), POUCH_OK);
    assert_int_equal(version_now(), before + 1);
}

static void what_another_program_writes_of_services_has_a_revision(void **state) {
    (void)state;
    assert_int_equal(put_service("shop", "1.0", 0, NULL), POUCH_OK);
    run_sql("UPDATE tag SET tag = 'three' WHERE place = 1");
    run_sql("INSERT INTO service(name, version, created_ms, updated_ms) VALUES('other', '1', 0, 0)");
    struct pl_service_row *services;
    size_t n;
    assert_int_equal(pl_store_services(store, &services, &n), POUCH_OK);
    assert_int_equal(n, 2);
    assert_int_equal(services[0].revision, 3);
    assert_int_equal(services[1].revision, 2);
    assert_string_equal(services[1].tags[1], "three");
    pl_service_free(services, n);
    assert_int_equal(put_service("shop", "2.0", 1, NULL), POUCH_E_EXISTS);
}

/* ---- files of an earlier version ---- */

static const char *const version_1 =
    "PRAGMA journal_mode=WAL;"
    "CREATE TABLE registry(version INTEGER NOT NULL);"
    "INSERT INTO registry VALUES(7);"
    "CREATE TABLE route(publisher TEXT PRIMARY KEY, id TEXT NOT NULL UNIQUE, service TEXT, enabled INTEGER NOT NULL,"
    " version INTEGER NOT NULL, created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE target(publisher TEXT, place INTEGER, topic TEXT NOT NULL, PRIMARY KEY(publisher, place))"
    " WITHOUT ROWID;"
    "CREATE TABLE service(name TEXT PRIMARY KEY, version TEXT NOT NULL, description TEXT, endpoint TEXT,"
    " created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE tag(service TEXT, place INTEGER, tag TEXT NOT NULL, PRIMARY KEY(service, place)) WITHOUT ROWID;"
    "INSERT INTO route VALUES('orders', 'route-orders', NULL, 0, 6, 1000, 2000);"
    "INSERT INTO target VALUES('orders', 0, 'stock');"
    "INSERT INTO service VALUES('shop', '1.0', NULL, NULL, 1000, 2000);"
    "INSERT INTO service VALUES('mail', '1.0', NULL, NULL, 1000, 2000);"
    "INSERT INTO tag VALUES('shop', 0, 'one');"
    "PRAGMA user_version=1;";

/* acceptance: B11 */
static void a_registry_of_the_first_version_goes_on(void **state) {
    (void)state;
    pl_store_close(store);
    unlink(test_folder_file(&folder, "registry.db"));
    sqlite3 *db;
    assert_int_equal(sqlite3_open(test_folder_file(&folder, "registry.db"), &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, version_1, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    for (int i = 0; i < 2; i++) { /* a look leaves it as it is, as the second one sees */
        struct pl_store *seen;
        assert_int_equal(pl_store_look(&seen, folder.url), POUCH_E_EXISTS);
        assert_non_null(strstr(pouch_why(), "schema version 1"));
    }
    for (int i = 0; i < 2; i++) { /* the second time there is nothing to do */
        if (i) pl_store_close(store);
        assert_int_equal(pl_store_open(&store, folder.url), POUCH_OK);
    }

    struct pl_route_row *routes;
    struct pl_service_row *services;
    size_t n;
    int64_t version;
    assert_int_equal(pl_store_routes(store, &routes, &n, &version), POUCH_OK);
    assert_int_equal(n, 1);
    assert_int_equal(routes->version, 6);
    assert_false(routes->enabled);
    pl_route_free(routes, n);
    assert_int_equal(pl_store_services(store, &services, &n), POUCH_OK);
    assert_int_equal(n, 2);
    assert_int_equal(services[0].revision, 8);
    assert_int_equal(services[1].revision, 9);
    pl_service_free(services, n);
    assert_int_equal(version_now(), 9);

    struct found f;
    look(&f, (struct pl_audit_query){.kind = PL_AUDIT_ROUTE, .name = "orders"});
    assert_int_equal(f.n, 1);
    assert_int_equal(f.at[0].version, 6);
    assert_int_equal(f.at[0].at_ms, 2000);
    assert_string_equal(f.at[0].after, ROUTE("stock", "false"));
    forget(&f);
    assert_int_equal(put_route("orders", "stock", true, 6, NULL), POUCH_OK);
    run_sql("UPDATE route SET enabled = 0");
    assert_int_equal(version_now(), 11);
    put_weighted();
    run_sql("UPDATE target SET topic = 'stock-2'");
    assert_one_target("stock-2");
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_STORE(every_change_of_a_route_tells_who_when_before_and_after),
        WITH_STORE(changes_of_services_and_keys_are_kept_as_well),
        WITH_STORE(changes_are_found_by_kind_name_time_and_version),
        WITH_STORE(who_lost_is_told_who_won),
        WITH_STORE(what_cannot_be_told_is_refused),
        WITH_STORE(a_route_is_read_from_its_state),
        WITH_STORE(weights_that_a_state_cannot_have_are_refused),
        WITH_STORE(both_ways_to_tell_a_state_tell_the_same),
        WITH_STORE(who_knows_of_no_weights_sees_the_heaviest_target),
        WITH_STORE(a_program_that_writes_targets_makes_a_route_without_weights),
        WITH_STORE(weights_that_another_program_broke_leave_the_target_that_stands_for_them),
        WITH_STORE(what_another_program_writes_has_a_version_and_is_noted),
        WITH_STORE(what_another_program_writes_of_services_has_a_revision),
        WITH_STORE(a_registry_of_the_first_version_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
