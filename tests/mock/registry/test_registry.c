/* Centers that follow the routes: from the store, by announcements, and with neither a broker nor a store. */
#include <support.h>

#include <base/log.h>
#include <folder.h>
#include <mock.h>
#include <poll.h>
#include <pthread.h>
#include <registry/registry.h>
#include <sqlite3.h>
#include <stdatomic.h>

enum { TIMEOUT_MS = TEST_UNTIL_MS, REFRESH_S = 10, CALL_MS = 1500 };

struct bench {
    struct test_mock mock;
    struct pl_settings settings;
    struct test_folder folder;
    struct pl_registry *centers[2];
    int64_t wanted; /* version that every center is to have in force */
};

static void begin(struct bench *b) {
    char url[128];
    memset(b, 0, sizeof *b);
    test_mock_start(&b->mock, 1);
    test_folder_make(&b->folder);
    test_mock_settings(&b->mock, &b->settings);
    snprintf(url, sizeof url, "sqlite://%s", b->folder.path);
    b->settings.store = strdup(url);
    assert_non_null(b->settings.store);
}

static void open_center(struct bench *b, size_t i) {
    assert_int_equal(pl_registry_open(&b->centers[i], &b->settings, i ? "center-b" : "center-a"), POUCH_OK);
}

static void finish(struct bench *b) {
    for (size_t i = 0; i < 2; i++) pl_registry_close(b->centers[i]);
    pl_settings_free(&b->settings);
    test_folder_remove(&b->folder);
    test_mock_stop(&b->mock);
}

/* Writes a route to the store, as another process would; the version. */
static int64_t put(struct bench *b, const char *publisher, bool enabled) {
    char target[] = "target", *targets[] = {target};
    struct pl_route_row r = {.publisher = (char *)publisher, .targets = targets, .n_targets = 1, .enabled = enabled};
    struct pl_store *store;
    assert_int_equal(pl_store_open(&store, b->settings.store), POUCH_OK);
    assert_int_equal(pl_store_route_put(store, &r, -1), POUCH_OK);
    pl_store_close(store);
    free(r.id);
    return r.version;
}

static void announce(struct bench *b, const char *publisher, int64_t version) {
    const struct pl_announcement a = {.publisher = publisher, .version = version, .enabled = true};
    assert_int_equal(pl_registry_announce(&b->settings, "pouch-cli", &a, 1, TIMEOUT_MS), POUCH_OK);
}

static int64_t version_of(struct pl_registry *r) {
    const struct pl_snapshot *s = pl_registry_take(r);
    int64_t version = pl_snapshot_version(s);
    pl_registry_give(r, s);
    return version;
}

static bool all_current(void *arg) {
    struct bench *b = arg;
    for (size_t i = 0; i < 2; i++)
        if (b->centers[i] && version_of(b->centers[i]) < b->wanted) return false;
    return true;
}

/* How long it took, in microseconds. */
static int64_t wait_for(struct bench *b, int64_t version) {
    int64_t before = pl_mono_us(&pl_clock_system);
    b->wanted = version;
    test_until(all_current, b);
    return pl_mono_us(&pl_clock_system) - before;
}

static bool is_enabled(struct pl_registry *r, const char *publisher) {
    const struct pl_snapshot *s = pl_registry_take(r);
    const struct pl_registry_route *route = pl_snapshot_find(s, publisher, strlen(publisher));
    assert_non_null(route);
    bool enabled = route->enabled;
    pl_registry_give(r, s);
    return enabled;
}

/* acceptance: B10 */
static void an_announcement_makes_every_center_current(void **state) {
    (void)state;
    enum { CHANGES = 20 };
    struct bench b;
    begin(&b);
    for (size_t i = 0; i < 2; i++) open_center(&b, i);
    int64_t waited_us = 0;
    for (int i = 0; i < CHANGES; i++) {
        int64_t version = put(&b, "orders", i % 2);
        announce(&b, "orders", version);
        waited_us += wait_for(&b, version);
        for (size_t c = 0; c < 2; c++) assert_int_equal(is_enabled(b.centers[c], "orders"), i % 2);
    }
    /* The periodic refresh alone would take about CHANGES times its interval. */
    assert_true(waited_us < (int64_t)CHANGES * REFRESH_S * 1000000 / 2);
    finish(&b);
}

/* acceptance: B10 */
static void a_change_that_nobody_announced_is_seen_all_the_same(void **state) {
    (void)state;
    struct bench b;
    begin(&b);
    for (size_t i = 0; i < 2; i++) open_center(&b, i);
    wait_for(&b, put(&b, "orders", true));
    wait_for(&b, put(&b, "orders", false));
    finish(&b);
}

static void an_announcement_ahead_of_the_store_is_waited_for(void **state) {
    (void)state;
    enum { CHANGES = 8 };
    struct bench b;
    begin(&b);
    open_center(&b, 0);
    wait_for(&b, put(&b, "orders", true)); /* the control topic is heard after that, or a refresh was due */
    int64_t waited_us = 0, version = version_of(b.centers[0]);
    for (int i = 0; i < CHANGES; i++) {
        announce(&b, "orders", version + 1);
        version = put(&b, "orders", true);
        waited_us += wait_for(&b, version);
    }
    assert_true(waited_us < (int64_t)CHANGES * REFRESH_S * 1000000 / 2);
    finish(&b);
}

/* Records that anybody may have written to the control topic. */
static void write_foreign(struct bench *b) {
    static const char *const values[] = {"",
                                         "not json",
                                         "[]",
                                         "{}",
                                         "{\"version\":\"7\"}",
                                         "{\"version\":-7}",
                                         "{\"version\":0}",
                                         "{\"version\":1,\"version\":2}",
                                         "{\"version\":1e300}"};
    char why[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    assert_int_equal(rd_kafka_conf_set(conf, "bootstrap.servers", b->mock.brokers, why, sizeof why), 0);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    assert_non_null(rk);
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        assert_int_equal(rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(b->settings.routes_topic),
                                           RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                           RD_KAFKA_V_VALUE((void *)values[i], strlen(values[i])), RD_KAFKA_V_END),
                         0);
    assert_int_equal(
        rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(b->settings.routes_topic), RD_KAFKA_V_KEY("orders", 6), RD_KAFKA_V_END),
        0); /* a tombstone */
    assert_int_equal(rd_kafka_flush(rk, TIMEOUT_MS), 0);
    rd_kafka_destroy(rk);
}

static void foreign_records_on_the_control_topic_are_passed_over(void **state) {
    (void)state;
    struct bench b;
    begin(&b);
    open_center(&b, 0);
    int64_t version = put(&b, "orders", true);
    announce(&b, "orders", version);
    wait_for(&b, version);
    write_foreign(&b);
    assert_int_equal(version_of(b.centers[0]), version);
    version = put(&b, "orders", false);
    announce(&b, "orders", version);
    wait_for(&b, version);
    finish(&b);
}

static void an_old_announcement_takes_nothing_back(void **state) {
    (void)state;
    struct bench b;
    begin(&b);
    open_center(&b, 0);
    int64_t first = put(&b, "orders", true), second = put(&b, "orders", false);
    announce(&b, "orders", second);
    wait_for(&b, second);
    announce(&b, "orders", first);
    int64_t third = put(&b, "stock", true);
    announce(&b, "stock", third);
    wait_for(&b, third);
    assert_false(is_enabled(b.centers[0], "orders"));
    finish(&b);
}

/* acceptance: B11 */
static void routes_survive_a_restart_and_what_is_disabled_stays_so(void **state) {
    (void)state;
    struct bench b;
    begin(&b);
    put(&b, "orders", false);
    for (int i = 0; i < 3; i++) {
        open_center(&b, 0);
        assert_false(is_enabled(b.centers[0], "orders"));
        assert_true(pl_registry_age_ms(b.centers[0]) >= 0);
        pl_registry_close(b.centers[0]);
        b.centers[0] = NULL;
    }
    finish(&b);
}

static void routes_are_there_without_a_broker(void **state) {
    (void)state;
    struct bench b;
    begin(&b);
    put(&b, "orders", true);
    rd_kafka_mock_broker_set_down(b.mock.cluster, 1);
    open_center(&b, 0);
    assert_true(is_enabled(b.centers[0], "orders"));
    const struct pl_announcement a = {.publisher = "orders", .version = 1, .enabled = true};
    assert_int_equal(pl_registry_announce(&b.settings, "pouch-cli", &a, 1, 100), POUCH_E_NO_BROKER);
    /* Nor is one that is down waited for as long as one that is slow. */
    int64_t begun_us = pl_mono_us(&pl_clock_system);
    assert_int_equal(pl_registry_announce(&b.settings, "pouch-cli", &a, 1, TIMEOUT_MS), POUCH_E_NO_BROKER);
    assert_true(pl_mono_us(&pl_clock_system) - begun_us < (int64_t)TIMEOUT_MS * 1000);
    rd_kafka_mock_broker_set_up(b.mock.cluster, 1);
    int64_t version = put(&b, "orders", false);
    announce(&b, "orders", version);
    wait_for(&b, version);
    finish(&b);
}

/* ---- why nothing is heard of changes ---- */

struct told {
    const char *text;
    bool found;
};

static void find_text(const char *json, size_t n, void *arg) {
    static const char unheard[] = "changes of routes are not heard of";
    struct told *t = arg;
    t->found |= memmem(json, n, unheard, sizeof unheard - 1) && memmem(json, n, t->text, strlen(t->text));
}

static void wait_until_told(const char *text) {
    struct told t = {.text = text};
    for (int64_t end = pl_mono_us(&pl_clock_system) + 2 * TIMEOUT_MS * INT64_C(1000); !t.found; poll(NULL, 0, 10)) {
        pl_log_kept(find_text, &t);
        if (pl_mono_us(&pl_clock_system) > end)
            fail_msg("the log does not say that no changes are heard of, and: %s", text);
    }
}

static void a_reason_that_another_has_hidden_is_told_as_well(void **state) {
    (void)state;
    struct bench b;
    begin(&b);
    rd_kafka_mock_topic_set_error(b.mock.cluster, b.settings.routes_topic,
                                  RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    rd_kafka_mock_broker_set_down(b.mock.cluster, 1);
    open_center(&b, 0);
    wait_until_told(rd_kafka_mock_cluster_bootstraps(b.mock.cluster)); /* which no test before has named */
    rd_kafka_mock_broker_set_up(b.mock.cluster, 1);
    wait_until_told("TOPIC_AUTHORIZATION_FAILED");
    finish(&b);
}

static void move(struct bench *b, const char *from, const char *to) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s", test_folder_file(&b->folder, from));
    assert_int_equal(rename(path, test_folder_file(&b->folder, to)), 0);
}

static bool has_read_the_store(void *arg) {
    return pl_registry_age_ms(arg) >= 0;
}

/* acceptance: B11 */
static void a_start_without_the_store_routes_by_what_was_kept(void **state) {
    (void)state;
    struct bench b;
    begin(&b);
    int64_t version = put(&b, "orders", false);
    open_center(&b, 0);
    pl_registry_close(b.centers[0]);
    move(&b, "registry.db", "away");
    test_folder_write(&b.folder, "registry.db", "no database, and a little longer than nothing");
    open_center(&b, 0);
    assert_int_equal(version_of(b.centers[0]), version);
    assert_false(is_enabled(b.centers[0], "orders"));
    assert_true(pl_registry_age_ms(b.centers[0]) < 0);
    move(&b, "away", "registry.db");
    test_until(has_read_the_store, b.centers[0]);
    version = put(&b, "orders", true);
    announce(&b, "orders", version);
    wait_for(&b, version);
    finish(&b);
}

static bool awaits(struct pl_registry *r, const char *publisher) {
    const struct pl_snapshot *s = pl_registry_take(r);
    bool it_does = pl_snapshot_awaits(s, publisher, strlen(publisher));
    pl_registry_give(r, s);
    return it_does;
}

struct waiting {
    struct pl_registry *registry;
    const char *publisher;
};

static bool is_awaited(void *arg) {
    struct waiting *w = arg;
    return awaits(w->registry, w->publisher);
}

static bool is_not_awaited(void *arg) {
    return !is_awaited(arg);
}

static void run_sql(struct bench *b, const char *sql) {
    sqlite3 *db;
    assert_int_equal(sqlite3_open(test_folder_file(&b->folder, "registry.db"), &db), SQLITE_OK);
    sqlite3_busy_timeout(db, TIMEOUT_MS);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

/* Also from those that have it open. */
static void take_store_away(struct bench *b) {
    run_sql(b, "ALTER TABLE registry RENAME TO away");
}

static void bring_store_back(struct bench *b) {
    run_sql(b, "ALTER TABLE away RENAME TO registry");
}

static int64_t change_and_announce(struct bench *b, const char *publisher, bool enabled) {
    int64_t version = put(b, publisher, enabled);
    announce(b, publisher, version);
    return version;
}

/* The first change may be in what a center reads when it starts; by the second it reads announcements. */
static void wait_until_it_hears(struct bench *b) {
    wait_for(b, change_and_announce(b, "orders", false));
    wait_for(b, change_and_announce(b, "orders", true));
}

/* acceptance: B10 */
static void a_route_announced_while_the_store_is_away_is_awaited_until_it_is_back(void **state) {
    (void)state;
    struct bench b;
    begin(&b);
    put(&b, "idle", true);
    open_center(&b, 0);
    wait_until_it_hears(&b);
    int64_t version = version_of(b.centers[0]);
    take_store_away(&b);
    struct waiting w = {b.centers[0], "orders"};
    announce(&b, "orders", version + 1);
    test_until(is_awaited, &w);
    assert_false(awaits(b.centers[0], "idle"));
    assert_true(is_enabled(b.centers[0], "orders"));
    assert_int_equal(version_of(b.centers[0]), version);
    announce(&b, "orders", version);        /* what is in force already */
    announce(&b, "brand-new", version + 2); /* no route of that name is known here */
    w.publisher = "brand-new";
    test_until(is_awaited, &w);

    bring_store_back(&b);
    put(&b, "orders", false);
    w.publisher = "orders";
    test_until(is_not_awaited, &w);
    wait_for(&b, version + 1);
    assert_false(awaits(b.centers[0], "brand-new"));
    assert_false(is_enabled(b.centers[0], "orders"));
    finish(&b);
}

/* acceptance: B10 B11 */
static void a_start_without_the_store_awaits_what_was_announced_since(void **state) {
    (void)state;
    struct bench b;
    begin(&b);
    change_and_announce(&b, "idle", true);
    int64_t version = change_and_announce(&b, "orders", true);
    open_center(&b, 0);
    pl_registry_close(b.centers[0]);
    announce(&b, "orders", version + 1);
    take_store_away(&b);
    int64_t before = pl_mono_us(&pl_clock_system);
    open_center(&b, 0);
    bool in_time = pl_mono_us(&pl_clock_system) - before < CALL_MS * 1000; /* no broker was given up */
    assert_int_equal(version_of(b.centers[0]), version);
    struct waiting w = {b.centers[0], "orders"};
    if (in_time) assert_true(is_awaited(&w)); /* from the first record on */
    test_until(is_awaited, &w);
    assert_false(awaits(b.centers[0], "idle"));
    bring_store_back(&b);
    test_until(is_not_awaited, &w);
    finish(&b);
}

/* A forged version costs readings, and nothing else while the store answers. */
static void what_the_store_does_not_have_is_not_awaited(void **state) {
    (void)state;
    struct bench b;
    begin(&b);
    put(&b, "idle", true);
    open_center(&b, 0);
    wait_for(&b, change_and_announce(&b, "orders", true));
    announce(&b, "orders", INT64_MAX);
    struct waiting w = {b.centers[0], "orders"};
    wait_for(&b, change_and_announce(&b, "idle", false));
    test_until(is_not_awaited, &w);
    assert_true(is_enabled(b.centers[0], "orders"));
    finish(&b);
}

struct many {
    struct pl_registry *r;
    const struct pl_announcement *told;
    size_t n;
};

/* In whatever order: what the broker did not confirm is told again. */
static bool all_are_awaited(void *arg) {
    const struct many *m = arg;
    for (size_t i = 0; i < m->n; i++)
        if (m->told[i].publisher && !awaits(m->r, m->told[i].publisher)) return false;
    return true;
}

static void many_announcements_at_once_arrive(void **state) {
    (void)state;
    enum { N = 500 };
    struct bench b;
    static char names[N][16];
    static struct pl_announcement told[N];
    begin(&b);
    put(&b, "orders", true);
    open_center(&b, 0);
    wait_until_it_hears(&b);
    take_store_away(&b);
    for (size_t i = 0; i < N; i++) {
        snprintf(names[i], sizeof names[i], "p%zu", i);
        told[i] = (struct pl_announcement){.publisher = names[i], .version = 1000 + (int64_t)i};
    }
    told[7] = (struct pl_announcement){.service = "shop", .version = 2000, .removed = true};
    assert_int_equal(pl_registry_announce(&b.settings, "pouch-cli", told, N, TIMEOUT_MS), POUCH_OK);
    struct many many = {b.centers[0], told, N};
    test_until(all_are_awaited, &many);
    assert_false(awaits(b.centers[0], names[7]) || awaits(b.centers[0], "shop")); /* nobody's route */
    finish(&b);
}

static void with_neither_store_nor_kept_routes_a_start_says_why(void **state) {
    (void)state;
    struct bench b;
    begin(&b);
    test_folder_write(&b.folder, "registry.db", "no database, and a little longer than nothing");
    assert_int_not_equal(pl_registry_open(&b.centers[0], &b.settings, "center-a"), POUCH_OK);
    assert_null(b.centers[0]);
    assert_non_null(strstr(pouch_why(), b.folder.path));
    finish(&b);
}

struct looker {
    struct pl_registry *registry;
    atomic_bool stop;
    atomic_long looks;
    atomic_bool went_back;
};

static void *look(void *arg) {
    struct looker *l = arg;
    int64_t highest = 0;
    while (!l->stop) {
        const struct pl_snapshot *s = pl_registry_take(l->registry);
        const struct pl_registry_route *r = pl_snapshot_find(s, "orders", 6);
        if (pl_snapshot_version(s) < highest || !r || r->version > pl_snapshot_version(s)) l->went_back = true;
        highest = pl_snapshot_version(s);
        pl_registry_give(l->registry, s);
        l->looks++;
    }
    return NULL;
}

static bool has_looked(void *arg) {
    return ((struct looker *)arg)->looks > 1000;
}

static void readers_go_on_while_the_routes_change(void **state) {
    (void)state;
    struct bench b;
    pthread_t threads[2];
    begin(&b);
    put(&b, "orders", true);
    open_center(&b, 0);
    struct looker l = {.registry = b.centers[0]};
    for (size_t i = 0; i < 2; i++) assert_int_equal(pthread_create(&threads[i], NULL, look, &l), 0);
    for (int i = 0; i < 5; i++) {
        int64_t version = put(&b, "orders", i % 2);
        announce(&b, "orders", version);
        wait_for(&b, version);
    }
    test_until(has_looked, &l);
    l.stop = true;
    for (size_t i = 0; i < 2; i++) assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_false(l.went_back);
    finish(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_announcement_makes_every_center_current),
        cmocka_unit_test(a_change_that_nobody_announced_is_seen_all_the_same),
        cmocka_unit_test(an_announcement_ahead_of_the_store_is_waited_for),
        cmocka_unit_test(foreign_records_on_the_control_topic_are_passed_over),
        cmocka_unit_test(an_old_announcement_takes_nothing_back),
        cmocka_unit_test(routes_survive_a_restart_and_what_is_disabled_stays_so),
        cmocka_unit_test(routes_are_there_without_a_broker),
        cmocka_unit_test(a_reason_that_another_has_hidden_is_told_as_well),
        cmocka_unit_test(a_start_without_the_store_routes_by_what_was_kept),
        cmocka_unit_test(a_route_announced_while_the_store_is_away_is_awaited_until_it_is_back),
        cmocka_unit_test(a_start_without_the_store_awaits_what_was_announced_since),
        cmocka_unit_test(what_the_store_does_not_have_is_not_awaited),
        cmocka_unit_test(many_announcements_at_once_arrive),
        cmocka_unit_test(with_neither_store_nor_kept_routes_a_start_says_why),
        cmocka_unit_test(readers_go_on_while_the_routes_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
