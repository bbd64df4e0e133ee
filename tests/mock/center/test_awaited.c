/* Records whose route was announced newer than it can be read wait for it, and are never routed by the old one. */
#include <support.h>

#include "fixture.h"
#include <center/status.h>
#include <metrics/metrics.h>
#include <registry/registry.h>
#include <sqlite3.h>

enum { TIMEOUT_MS = 30000 };

static void run_sql(const struct fixture *f, const char *sql) {
    char path[128];
    sqlite3 *db;
    snprintf(path, sizeof path, "%s/registry.db", f->folder);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, TIMEOUT_MS);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

/* Also from the center that has it open. */
static void take_store_away(const struct fixture *f) {
    run_sql(f, "ALTER TABLE registry RENAME TO away");
}

/* The store is back, and the publisher's route leads to the target; both at once, or the old route could be read. */
static void bring_store_back(const struct fixture *f, const char *publisher, const char *target) {
    char sql[256];
    snprintf(sql, sizeof sql,
             "BEGIN; ALTER TABLE away RENAME TO registry;"
             "UPDATE target SET topic = '%s' WHERE publisher = '%s' AND place = 0; COMMIT",
             target, publisher);
    run_sql(f, sql);
}

static void announce(const struct fixture *f, const char *publisher, int64_t version) {
    const struct pl_announcement a = {.publisher = publisher, .version = version, .enabled = true};
    struct pl_settings settings;
    test_mock_settings(&f->mock, &settings);
    if (pl_registry_announce(&settings, "pouch-cli", &a, 1, TIMEOUT_MS)) fail_msg("%s", pouch_why());
    pl_settings_free(&settings);
}

static size_t waiting(const struct fixture *f) {
    struct center_report report;
    center_report_read(f->center, &report);
    return report.told ? report.awaiting : 0;
}

/* Asks until a request waits, so that from here on every one does. */
static bool one_waits(void *arg) {
    char id[ID_TEXT];
    ask(arg, (struct request){.publisher = "p"}, id);
    return waiting(arg) > 0;
}

static bool none_waits(void *arg) {
    return waiting(arg) == 0;
}

static bool a_quarter_waits(void *arg) {
    return waiting(arg) >= 2500;
}

static void begin(struct fixture *f, const char *const settings[]) {
    char id[ID_TEXT];
    fixture_start(f, 1);
    add_route(f, "p", true, TARGETS("one"));
    add_route(f, "q", true, TARGETS("three"));
    start_center(f, settings);
    ask(f, (struct request){.publisher = "p"}, id);
    find(f, "one", id);
}

/* acceptance: B10 */
static void they_go_by_the_new_route_once_it_can_be_read(void **state) {
    (void)state;
    enum { N = 20 };
    struct fixture f;
    char ids[N][ID_TEXT], other[ID_TEXT];
    begin(&f, NULL);
    take_store_away(&f);
    announce(&f, "p", 100);
    test_until(one_waits, &f);
    assert_true(pl_metric_get(PL_M_CENTER_AWAITING) > 0);
    for (size_t i = 0; i < N; i++) ask(&f, (struct request){.publisher = "p"}, ids[i]);
    ask(&f, (struct request){.publisher = "q"}, other);
    find(&f, "three", other);
    bring_store_back(&f, "p", "two");
    for (size_t i = 0; i < N; i++) find(&f, "two", ids[i]);
    for (size_t i = 0; i < N; i++) assert_null(seen_on(&f, "one", ids[i], 0));
    test_until(none_waits, &f);
    assert_int_equal(pl_metric_get(PL_M_CENTER_AWAITING), 0);
    stop_center(&f);
    fixture_stop(&f);
}

struct row {
    struct fixture *f;
    char ids[400][ID_TEXT];
    size_t n;
};

static bool one_more_goes_on(void *arg) {
    struct row *r = arg;
    assert_true(r->n < sizeof r->ids / sizeof r->ids[0]);
    ask(r->f, (struct request){.publisher = "p"}, r->ids[r->n++]);
    return tap(r->f) && count_on(r->f, "two") > 0;
}

/* What comes once their route is known does not overtake them. */
static void they_go_in_the_order_in_which_they_came(void **state) {
    (void)state;
    enum { N = 20 };
    struct fixture f;
    struct row r = {.f = &f};
    begin(&f, NULL);
    take_store_away(&f);
    announce(&f, "p", 100);
    test_until(one_waits, &f);
    while (r.n < N) ask(&f, (struct request){.publisher = "p"}, r.ids[r.n++]);
    bring_store_back(&f, "p", "two");
    test_until(one_more_goes_on, &r);
    int64_t before = -1;
    for (size_t i = 0; i < r.n; i++) {
        const rd_kafka_message_t *m = find(&f, "two", r.ids[i]);
        assert_true(m->offset > before);
        before = m->offset;
    }
    stop_center(&f);
    fixture_stop(&f);
}

/* A route that was announced and never known may also be new: then no_route would be wrong as well. */
static void a_publisher_that_is_not_known_yet_waits_too(void **state) {
    (void)state;
    struct fixture f;
    char id[ID_TEXT];
    begin(&f, NULL);
    take_store_away(&f);
    announce(&f, "p", 100);
    announce(&f, "new", 101);
    test_until(one_waits, &f);
    ask(&f, (struct request){.publisher = "new"}, id);
    ask(&f, (struct request){.publisher = "unheard-of"}, id);
    assert_told(&f, id, "no_route");
    ask(&f, (struct request){.publisher = "new"}, id);
    bring_store_back(&f, "p", "two");
    assert_told(&f, id, "no_route"); /* the store has been asked, and has none */
    stop_center(&f);
    fixture_stop(&f);
}

static void their_deadlines_hold(void **state) {
    (void)state;
    static const char *const exact[] = {"deadline.skew", "1ms", NULL};
    struct fixture f;
    char soon[32], id[ID_TEXT];
    begin(&f, exact);
    take_store_away(&f);
    announce(&f, "p", 100);
    test_until(one_waits, &f);
    snprintf(soon, sizeof soon, "%lld", (long long)pl_wall_ms(&pl_clock_system) + 1500);
    ask(&f, (struct request){.publisher = "p", .headers = {PL_H_DEADLINE, soon}}, id);
    assert_told(&f, id, "expired");
    assert_letter(&f, id, "expired");
    bring_store_back(&f, "p", "two");
    stop_center(&f);
    fixture_stop(&f);
}

static void a_stop_leaves_them_to_the_next_center(void **state) {
    (void)state;
    static const char *const patient[] = {LONG_DRAIN, NULL};
    struct fixture f;
    char id[ID_TEXT];
    begin(&f, patient);
    take_store_away(&f);
    announce(&f, "p", 100);
    test_until(one_waits, &f);
    ask(&f, (struct request){.publisher = "p"}, id);
    stop_center_soon(&f);
    start_center(&f, patient); /* by kept routes, and what was announced since is known at once */
    test_until(one_waits, &f);
    assert_null(seen_on(&f, "one", id, 0));
    bring_store_back(&f, "p", "two");
    find(&f, "two", id);
    assert_null(seen_on(&f, "one", id, 0));
    stop_center(&f);
    fixture_stop(&f);
}

/* acceptance: B20 */
static void more_than_may_wait_is_not_taken_and_none_is_lost(void **state) {
    (void)state;
    enum { N = 300 };
    static const char *const few[] = {"center.max_in_flight", "64", NULL};
    static char ids[N][ID_TEXT];
    struct fixture f;
    begin(&f, few);
    take_store_away(&f);
    announce(&f, "p", 100);
    test_until(one_waits, &f);
    for (size_t i = 0; i < N; i++) ask(&f, (struct request){.publisher = "p"}, ids[i]);
    bring_store_back(&f, "p", "two");
    for (size_t i = 0; i < N; i++) find(&f, "two", ids[i]);
    for (size_t i = 0; i < N; i++) assert_null(seen_on(&f, "one", ids[i], 0));
    stop_center(&f);
    fixture_stop(&f);
}

/* Each of them goes to as many targets as a route may have, all at once: that is more than may be in flight. */
static void many_that_are_released_at_once_find_room(void **state) {
    (void)state;
    enum { N = 3000 };
    char names[PL_TARGETS_MAX][16];
    const char *targets[PL_TARGETS_MAX + 1] = {"two"};
    struct fixture f;
    char id[ID_TEXT];
    fixture_start(&f, 1);
    for (size_t i = 1; i < PL_TARGETS_MAX; i++) {
        snprintf(names[i], sizeof names[i], "wide-%zu", i);
        test_mock_topic(&f.mock, targets[i] = names[i], 1);
    }
    add_route(&f, "p", true, targets);
    start_center(&f, NULL);
    ask(&f, (struct request){.publisher = "p"}, id);
    find(&f, "two", id);
    take_store_away(&f);
    announce(&f, "p", 100);
    test_until(one_waits, &f);
    for (size_t i = 0; i < N; i++) ask(&f, (struct request){.publisher = "p"}, id);
    test_until(a_quarter_waits, &f);
    bring_store_back(&f, "p", "two");
    test_until(none_waits, &f);
    find(&f, "two", id);
    stop_center(&f);
    assert_int_equal(committed(&f), given(&f));
    fixture_stop(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_go_by_the_new_route_once_it_can_be_read),
        cmocka_unit_test(they_go_in_the_order_in_which_they_came),
        cmocka_unit_test(a_publisher_that_is_not_known_yet_waits_too),
        cmocka_unit_test(their_deadlines_hold),
        cmocka_unit_test(a_stop_leaves_them_to_the_next_center),
        cmocka_unit_test(more_than_may_wait_is_not_taken_and_none_is_lost),
        cmocka_unit_test(many_that_are_released_at_once_find_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
