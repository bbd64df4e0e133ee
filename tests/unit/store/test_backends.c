/*
 * What a store does, whichever it is. Run alone, this is about SQLite in a folder; with POUCH_TEST_STORE set to
 * cassandra://…, about that (tests/e2e/test_cassandra.py does so). The store is shared by all tests here, so each has
 * names and a time of its own.
 */
#include <support.h>

#include "routes.h"
#include <folder.h>
#include <pouch/error.h>
#include <stdatomic.h>
#include <store/backend.h>
#include <store/state.h>
#include <store/store.h>
#include <store/trace_pack.h>
#include <sys/wait.h>

enum { TTL_MS = 7 * 24 * 3600 * 1000, WRITE_MS = 60000, TEXT = 512, SEEN = 64 };

static struct test_folder folder;
static const char *url;
static struct pl_store *store;
static struct pl_sink *sink;
static const struct pl_store_kind *kind;
static int64_t start_us; /* of the tests' time: each test has ten minutes of the past */
static int64_t test_number;

static int open_all(void **state) {
    (void)state;
    const char *where;
    url = getenv("POUCH_TEST_STORE");
    test_folder_make(&folder);
    if (!url) url = folder.url;
    start_us = pl_wall_us(&pl_clock_system) / 60000000 * 60000000;
    if (pl_store_open(&store, url)) fail_msg("%s", pouch_why());
    assert_int_equal(pl_store_kind_of(&kind, &where, url), POUCH_OK);
    assert_int_equal(kind->sink_open(&sink, where, TTL_MS), POUCH_OK);
    return 0;
}

static int close_all(void **state) {
    (void)state;
    kind->sink_close(sink);
    pl_store_close(store);
    test_folder_remove(&folder);
    return 0;
}

static int next_test(void **state) {
    (void)state;
    test_number++;
    return 0;
}

/* ---- the registry ---- */

static pouch_err put(const char *publisher, const char *target, int64_t expected, int64_t *version) {
    return test_put_route(store, publisher, target, expected, version);
}

static int64_t version_now(void) {
    int64_t version;
    assert_int_equal(pl_store_version(store, &version), POUCH_OK);
    return version;
}

/* A copy of one route as it is read with all the others; NULL: it is not there. */
static struct pl_route_row *route_of(const char *publisher) {
    struct pl_route_row *all, *found = NULL;
    size_t n, at = SIZE_MAX;
    int64_t version;
    assert_int_equal(pl_store_routes(store, &all, &n, &version), POUCH_OK);
    assert_int_equal(version, version_now());
    for (size_t i = 0; i < n; i++) {
        if (i) assert_true(strcmp(all[i - 1].publisher, all[i].publisher) < 0);
        if (!strcmp(all[i].publisher, publisher)) at = i;
    }
    if (at < n) {
        found = malloc(sizeof *found);
        assert_non_null(found);
        *found = all[at];
        all[at] = all[--n];
    }
    pl_route_free(all, n);
    return found;
}

/* acceptance: B7 B8 B9 */
static void a_route_is_read_as_it_was_written(void **state) {
    (void)state;
    const char *targets[] = {"zeta", "alpha", "mid.topic"};
    struct pl_route_row *r = test_route("written", targets, 3);
    int64_t before = version_now();
    r->service = test_copy("service-b");
    r->enabled = false;
    assert_int_equal(pl_store_route_put(store, r, 0), POUCH_OK);
    assert_string_equal(r->id, "route-written");
    assert_int_equal(r->version, before + 1);

    struct pl_route_row *read = route_of("written");
    assert_non_null(read);
    assert_string_equal(read->id, r->id);
    assert_string_equal(read->service, "service-b");
    assert_false(read->enabled);
    assert_int_equal(read->version, r->version);
    assert_int_equal(read->created_ms, r->created_ms);
    assert_int_equal(read->updated_ms, r->updated_ms);
    assert_int_equal(read->n_targets, 3);
    for (size_t i = 0; i < 3; i++) assert_string_equal(read->targets[i], targets[i]);
    pl_route_free(read, 1);

    free(r->service); /* replaced, it has no service, and keeps its id and its age */
    free(r->id);
    r->service = r->id = NULL;
    int64_t created = r->created_ms;
    assert_int_equal(pl_store_route_put(store, r, r->version), POUCH_OK);
    read = route_of("written");
    assert_null(read->service);
    assert_string_equal(read->id, "route-written");
    assert_int_equal(read->created_ms, created);
    pl_route_free(read, 1);
    pl_route_free(r, 1);
}

/* acceptance: B7 B10 */
static void a_change_names_the_version_it_expects(void **state) {
    (void)state;
    int64_t first, second;
    assert_int_equal(put("expects", "t1", 7, NULL), POUCH_E_NOT_FOUND);
    assert_int_equal(put("expects", "t1", 0, &first), POUCH_OK);
    assert_int_equal(put("expects", "t2", 0, NULL), POUCH_E_EXISTS);
    assert_non_null(strstr(pouch_why(), "expects"));
    assert_int_equal(put("expects", "t2", first, &second), POUCH_OK);
    assert_true(second > first);
    assert_int_equal(put("expects", "t3", first, NULL), POUCH_E_EXISTS);
    assert_int_equal(version_now(), second);
    assert_int_equal(put("expects", "t4", -1, NULL), POUCH_OK);
    struct pl_route_row *read = route_of("expects");
    assert_string_equal(read->targets[0], "t4");
    pl_route_free(read, 1);

    int64_t removed;
    assert_int_equal(pl_store_route_remove(store, "expects", first, &removed), POUCH_E_EXISTS);
    assert_int_equal(pl_store_route_remove(store, "expects", -1, &removed), POUCH_OK);
    assert_int_equal(removed, version_now());
    assert_int_equal(pl_store_route_remove(store, "expects", -1, &removed), POUCH_E_NOT_FOUND);
    assert_null(route_of("expects"));
    assert_int_equal(put("expects", "t", 0, &second), POUCH_OK);
    assert_true(second > removed);
}

static void assert_targets(const char *publisher, const char *const *targets, const uint32_t *weights, size_t n) {
    struct pl_route_row *read = route_of(publisher);
    assert_non_null(read);
    assert_int_equal(read->n_targets, n);
    assert_true(!read->weights == !weights);
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(read->targets[i], targets[i]);
        if (weights) assert_int_equal(read->weights[i], weights[i]);
    }
    pl_route_free(read, 1);
}

/* acceptance: B9 B29 */
static void targets_have_weights_until_they_are_written_without(void **state) {
    (void)state;
    const char *targets[] = {"zeta", "alpha", "mid.topic"};
    static const uint32_t steps[][3] = {{90, 10, 0}, {10, 90, 0}, {0, 0, PL_WEIGHT_MAX}, {1, 1, 1}};
    struct pl_route_row *r = test_weighted("weighted", targets, steps[0], 3);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        memcpy(r->weights, steps[i], sizeof steps[i]);
        assert_int_equal(pl_store_route_put(store, r, i ? r->version : 0), POUCH_OK);
        assert_targets("weighted", targets, steps[i], 3);
    }
    free(r->weights);
    r->weights = NULL;
    assert_int_equal(pl_store_route_put(store, r, r->version), POUCH_OK);
    assert_targets("weighted", targets, NULL, 3);
    pl_route_free(r, 1);
}

static void an_id_belongs_to_one_route(void **state) {
    (void)state;
    const char *target = "t";
    assert_int_equal(put("owner", "t", 0, NULL), POUCH_OK);
    struct pl_route_row *r = test_route("thief", &target, 1);
    r->id = test_copy("route-owner");
    int64_t before = version_now(), removed;
    assert_int_equal(pl_store_route_put(store, r, 0), POUCH_E_EXISTS);
    assert_non_null(strstr(pouch_why(), "belongs to owner"));
    assert_int_equal(version_now(), before);
    assert_int_equal(pl_store_route_remove(store, "owner", -1, &removed), POUCH_OK);
    assert_int_equal(pl_store_route_put(store, r, 0), POUCH_OK); /* it is free now */
    pl_route_free(r, 1);
}

/* acceptance: B8 B9 B12 */
static void services_are_written_replaced_and_removed(void **state) {
    (void)state;
    char *tags[] = {"gov", "adult, citizen"}; /* told in the order of their bytes */
    struct pl_service_row r = {.name = (char *)"served",
                               .version = (char *)"1.0",
                               .description = (char *)"what it does",
                               .endpoint = (char *)"https://host/path",
                               .tags = tags,
                               .n_tags = 2};
    assert_int_equal(pl_store_service_put(store, &r, 0), POUCH_OK);
    assert_int_equal(pl_store_service_put(store, &r, 0), POUCH_E_EXISTS);
    r.version = (char *)"2.0";
    r.endpoint = NULL;
    assert_int_equal(pl_store_service_put(store, &r, r.revision), POUCH_OK);

    struct pl_service_row *all;
    size_t n, found = 0;
    assert_int_equal(pl_store_services(store, &all, &n), POUCH_OK);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(all[i].name, "served")) continue;
        found++;
        assert_string_equal(all[i].version, "2.0");
        assert_string_equal(all[i].description, "what it does");
        assert_null(all[i].endpoint);
        assert_int_equal(all[i].n_tags, 2);
        assert_string_equal(all[i].tags[0], "adult, citizen");
        assert_string_equal(all[i].tags[1], "gov");
        assert_int_equal(all[i].revision, r.revision);
        assert_int_equal(all[i].created_ms, r.created_ms);
    }
    assert_int_equal(found, 1);
    pl_service_free(all, n);

    int64_t removed, before = version_now();
    assert_int_equal(pl_store_service_remove(store, "served", r.revision, &removed), POUCH_OK);
    assert_int_equal(removed, before + 1);
    assert_int_equal(pl_store_service_remove(store, "served", -1, &removed), POUCH_E_NOT_FOUND);
}

/* What changes were shown: the newest first. */
struct changes {
    size_t n;
    int64_t versions[SEEN];
    char who[TEXT], before[TEXT], after[TEXT]; /* of the first */
};

static bool see_change(const struct pl_audit *row, void *arg) {
    struct changes *c = arg;
    if (c->n) assert_true(row->version < c->versions[c->n - 1]);
    if (!c->n) {
        snprintf(c->who, TEXT, "%s", row->who);
        snprintf(c->before, TEXT, "%s", row->before ? row->before : "(null)");
        snprintf(c->after, TEXT, "%s", row->after ? row->after : "(null)");
    }
    c->versions[c->n++] = row->version;
    return c->n < SEEN;
}

static struct changes changes_of(const struct pl_audit_query *q) {
    struct changes c = {0};
    assert_int_equal(pl_store_audit(store, q, see_change, &c), POUCH_OK);
    return c;
}

static void every_change_says_who_and_what_was_before(void **state) {
    (void)state;
    int64_t first, removed;
    assert_int_equal(pl_store_set_author(store, "anna@desk"), POUCH_OK);
    assert_int_equal(put("noted", "t1", 0, &first), POUCH_OK);
    assert_int_equal(put("noted", "t2", first, NULL), POUCH_OK);
    assert_int_equal(pl_store_route_remove(store, "noted", -1, &removed), POUCH_OK);
    assert_int_equal(pl_store_audit_put(store, PL_AUDIT_KEY, "noted", NULL, "{\"kid\":\"k1\"}"), POUCH_OK);

    struct pl_audit_query q = {.kind = PL_AUDIT_ROUTE, .name = "noted", .limit = SEEN};
    struct changes c = changes_of(&q);
    assert_int_equal(c.n, 3);
    assert_int_equal(c.versions[0], removed);
    assert_int_equal(c.versions[2], first);
    assert_string_equal(c.who, "anna@desk");
    assert_non_null(strstr(c.before, "\"t2\""));
    assert_string_equal(c.after, "(null)");

    q.below = removed;
    q.limit = 1;
    c = changes_of(&q);
    assert_int_equal(c.n, 1);
    assert_non_null(strstr(c.before, "\"t1\""));
    assert_non_null(strstr(c.after, "\"t2\""));

    q = (struct pl_audit_query){.limit = 2}; /* of everything */
    c = changes_of(&q);
    assert_int_equal(c.n, 2);
    assert_int_equal(c.versions[0], version_now());
    assert_string_equal(c.after, "{\"kid\":\"k1\"}");
    assert_int_equal(c.versions[1], removed);
}

/* acceptance: B9 B29 */
static void a_change_of_weights_is_kept_as_what_was_before_and_after(void **state) {
    (void)state;
    const char *targets[] = {"stock", "canary"};
    static const uint32_t weights[2] = {90, 10};
    struct pl_route_row *r = test_route("shifted", targets, 2), *back;
    assert_int_equal(pl_store_route_put(store, r, 0), POUCH_OK);
    r->weights = calloc(2, sizeof *r->weights);
    assert_non_null(r->weights);
    memcpy(r->weights, weights, sizeof weights);
    assert_int_equal(pl_store_route_put(store, r, r->version), POUCH_OK);
    struct changes c = changes_of(&(struct pl_audit_query){.kind = PL_AUDIT_ROUTE, .name = "shifted", .limit = 1});
    static const char common[] =
        "{\"publisher\":\"shifted\",\"id\":\"route-shifted\",\"targets\":[\"stock\",\"canary\"],"
        "\"service\":null,\"enabled\":true";
    char with[TEXT];
    snprintf(with, sizeof with, "%s,\"weights\":{\"stock\":90,\"canary\":10}}", common);
    assert_string_equal(c.after, with);
    assert_memory_equal(c.before, common, sizeof common - 1);
    assert_string_equal(c.before + sizeof common - 1, "}");
    char *state_now = pl_route_state(r);
    assert_string_equal(state_now, with);
    assert_int_equal(pl_route_of_state(&back, state_now), POUCH_OK);
    assert_int_equal(back->n_targets, 2);
    assert_memory_equal(back->weights, weights, sizeof weights);
    pl_route_free(back, 1);
    free(state_now);
    pl_route_free(r, 1);
}

enum { PROCESSES = 3, ROUTES_EACH = 8 };

static void write_routes(int who) {
    struct pl_store *own;
    if (pl_store_open(&own, url)) _exit(1);
    for (int i = 0; i < ROUTES_EACH; i++) {
        char publisher[32];
        snprintf(publisher, sizeof publisher, "at-once.%d.%d", who, i);
        if (test_put_route(own, publisher, "t", 0, NULL)) {
            fprintf(stderr, "%s: %s\n", publisher, pouch_why());
            _exit(2);
        }
    }
    pl_store_close(own);
    _exit(0);
}

/* acceptance: B9 B19 */
static void processes_that_write_at_once_lose_nothing(void **state) {
    (void)state;
    int64_t before = version_now();
    pid_t children[PROCESSES];
    pl_store_close(store); /* so that no child has it too */
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
    assert_int_equal(pl_store_open(&store, url), POUCH_OK);
    assert_int_equal(version_now(), before + PROCESSES * ROUTES_EACH);
    struct pl_route_row *routes;
    size_t n, found = 0;
    int64_t version;
    bool used[PROCESSES * ROUTES_EACH] = {false};
    assert_int_equal(pl_store_routes(store, &routes, &n, &version), POUCH_OK);
    for (size_t i = 0; i < n; i++) {
        if (strncmp(routes[i].publisher, "at-once.", 8)) continue;
        int64_t own = routes[i].version - before - 1;
        assert_in_range(own, 0, PROCESSES * ROUTES_EACH - 1);
        assert_false(used[own]);
        used[own] = true;
        found++;
    }
    assert_int_equal(found, PROCESSES * ROUTES_EACH);
    pl_route_free(routes, n);
}

/* ---- traces ---- */

static int64_t base_us(void) {
    return start_us - (test_number + 1) * 600 * INT64_C(1000000);
}

/* The n-th row of this test, a millisecond after the one before. */
static struct pl_trace row_of(int64_t n) {
    struct pl_trace row = {.by = PL_TRACE_CENTER,
                           .success = true,
                           .at_us = base_us() + n * 1000,
                           .took_us = 250,
                           .publisher = "publisher-a",
                           .topic = "inbox",
                           .partition = (int32_t)test_number,
                           .offset = n,
                           .target = "target-a",
                           .route = "route-publisher-a"};
    row.request_id.b[0] = 1;
    row.request_id.b[1] = (uint8_t)test_number;
    memcpy(row.request_id.b + 8, &n, sizeof n);
    row.id = pl_trace_id(row.topic, row.partition, row.offset, row.target, row.by, row.response);
    return row;
}

static void write_batch(const struct pl_trace *rows, size_t n, const struct pl_gap *gap, bool again) {
    static const struct pl_gap none;
    size_t size = 0, used = 0;
    struct pl_packing packing;
    for (size_t i = 0; i < n; i++) {
        pl_trace_measure(&packing, &rows[i]);
        size += packing.bytes;
    }
    char *at = malloc(size + 1);
    assert_non_null(at);
    for (size_t i = 0; i < n; i++) {
        pl_trace_measure(&packing, &rows[i]);
        pl_trace_pack(at + used, &rows[i], &packing);
        used += packing.bytes;
    }
    const struct pl_trace_batch batch = {at, n, again};
    pouch_err e = kind->sink_write(sink, &batch, gap ? gap : &none, WRITE_MS);
    if (e) print_message("%s\n", pouch_why());
    assert_int_equal(e, POUCH_OK);
    free(at);
}

static void write_rows(const struct pl_trace *rows, size_t n) {
    write_batch(rows, n, NULL, false);
}

/* What a query shows: how many rows, the numbers of the first ones, the texts of the last. */
struct seen {
    size_t n, stop_at; /* stop_at 0: never */
    int64_t numbers[SEEN], last_at_us, last_number;
    bool up, down; /* by time */
    struct pl_trace last;
    char publisher[TEXT], topic[TEXT], target[TEXT], route[TEXT], code[TEXT], error[2048], payload[TEXT];
};

static void keep_text(char *out, size_t size, const char *text) {
    snprintf(out, size, "%s", text ? text : "(null)");
}

static bool see(const struct pl_trace *row, void *arg) {
    struct seen *s = arg;
    int64_t number;
    memcpy(&number, row->request_id.b + 8, sizeof number);
    if (!s->n) s->up = s->down = true;
    if (s->n && row->at_us < s->last_at_us) s->up = false;
    if (s->n && row->at_us > s->last_at_us) s->down = false;
    if (s->n < SEEN) s->numbers[s->n] = number;
    s->last_number = number;
    s->last_at_us = row->at_us;
    s->last = *row;
    keep_text(s->publisher, TEXT, row->publisher);
    keep_text(s->topic, TEXT, row->topic);
    keep_text(s->target, TEXT, row->target);
    keep_text(s->route, TEXT, row->route);
    keep_text(s->code, TEXT, row->code);
    keep_text(s->error, sizeof s->error, row->error);
    snprintf(s->payload, TEXT, "%.*s", (int)row->payload_n, row->payload ? (const char *)row->payload : "");
    return ++s->n != s->stop_at;
}

static struct seen of_request(const struct pl_uuid *id) {
    struct seen seen = {0};
    assert_int_equal(pl_store_by_request(store, id, see, &seen), POUCH_OK);
    return seen;
}

/* The ten minutes of this test. */
static struct pl_trace_query mine(void) {
    return (struct pl_trace_query){
        .since_us = base_us() - 60000000, .until_us = base_us() + 300000000, .oldest_first = true, .limit = SIZE_MAX};
}

static struct seen by_time(const struct pl_trace_query *q) {
    struct seen seen = {0};
    if (pl_store_by_time(store, q, see, &seen)) fail_msg("%s", pouch_why());
    return seen;
}

/* acceptance: A17 A18 B13 B14 B15 */
static void a_row_is_read_as_it_was_put(void **state) {
    (void)state;
    struct pl_trace full = row_of(1), bare = row_of(2);
    full.response = true;
    full.success = false;
    full.took_us = 0;
    full.code = "no_route";
    full.error = "there is none";
    full.payload = "{\"data\":\"00\"}";
    full.payload_n = strlen(full.payload);
    bare = (struct pl_trace){.by = PL_TRACE_WORKER,
                             .took_us = -1,
                             .partition = -1,
                             .offset = -1,
                             .at_us = bare.at_us,
                             .id = 77,
                             .request_id = bare.request_id};
    const struct pl_trace rows[] = {full, bare};
    write_rows(rows, 2);

    struct seen seen = of_request(&full.request_id);
    assert_int_equal(seen.n, 1);
    assert_true(seen.last.response && !seen.last.success);
    assert_int_equal(seen.last.by, PL_TRACE_CENTER);
    assert_true(seen.last.id == full.id);
    assert_int_equal(seen.last.took_us, 0);
    assert_int_equal(seen.last.partition, test_number);
    assert_int_equal(seen.last.offset, 1);
    assert_int_equal(seen.last.at_us, full.at_us);
    assert_string_equal(seen.publisher, "publisher-a");
    assert_string_equal(seen.topic, "inbox");
    assert_string_equal(seen.target, "target-a");
    assert_string_equal(seen.route, "route-publisher-a");
    assert_string_equal(seen.code, "no_route");
    assert_string_equal(seen.error, "there is none");
    assert_string_equal(seen.payload, full.payload);

    seen = of_request(&bare.request_id);
    assert_int_equal(seen.n, 1);
    assert_int_equal(seen.last.by, PL_TRACE_WORKER);
    assert_int_equal(seen.last.took_us, -1);
    assert_int_equal(seen.last.partition, -1);
    assert_int_equal(seen.last.offset, -1);
    assert_string_equal(seen.payload, "");
    const char *const texts[] = {seen.publisher, seen.topic, seen.target, seen.route, seen.code, seen.error};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) assert_string_equal(texts[i], "(null)");
    struct pl_trace other = row_of(3);
    assert_int_equal(of_request(&other.request_id).n, 0);
}

enum { MANY = 3000 };

/* acceptance: A19 B15 */
static void rows_are_found_by_time_in_either_order(void **state) {
    (void)state;
    static struct pl_trace rows[MANY]; /* three seconds that begin before a minute ends */
    for (int64_t n = 0; n < MANY; n++) {
        rows[n] = row_of(n);
        rows[n].at_us += 58500000;
    }
    write_rows(rows, MANY);
    struct pl_trace_query q = mine();
    struct seen seen = by_time(&q);
    assert_int_equal(seen.n, MANY);
    assert_true(seen.up);
    assert_int_equal(seen.numbers[0], 0);
    assert_int_equal(seen.last_number, MANY - 1);

    q.since_us = rows[2000].at_us;
    q.until_us = rows[2010].at_us;
    seen = by_time(&q);
    assert_int_equal(seen.n, 10);
    assert_int_equal(seen.numbers[0], 2000);
    assert_int_equal(seen.last_number, 2009);

    q = mine();
    q.oldest_first = false;
    q.limit = 5;
    seen = by_time(&q);
    assert_int_equal(seen.n, 5);
    assert_int_equal(seen.numbers[0], MANY - 1);
    assert_int_equal(seen.last_number, MANY - 5);
    assert_true(seen.down);
    for (int64_t n = 0; n < MANY; n += 499) assert_int_equal(of_request(&rows[n].request_id).last_number, n);
}

/* acceptance: B15 */
static void rows_are_found_by_publisher_and_by_failure(void **state) {
    (void)state;
    struct pl_trace rows[30];
    for (int64_t n = 0; n < 30; n++) {
        rows[n] = row_of(n);
        rows[n].publisher = n % 3 == 0 ? "third" : NULL;
        rows[n].success = n % 10 != 0;
    }
    write_rows(rows, 30);
    struct pl_trace_query q = mine();
    q.publisher = "third";
    struct seen seen = by_time(&q);
    assert_int_equal(seen.n, 10);
    for (int64_t i = 0; i < 10; i++) assert_int_equal(seen.numbers[i], i * 3);
    q.failed = true;
    seen = by_time(&q);
    assert_int_equal(seen.n, 1);
    assert_int_equal(seen.numbers[0], 0);
    q.publisher = NULL;
    q.oldest_first = false;
    seen = by_time(&q);
    assert_int_equal(seen.n, 3);
    assert_int_equal(seen.numbers[0], 20);
    q.publisher = "nobody";
    assert_int_equal(by_time(&q).n, 0);
}

/* acceptance: A18 */
static void all_rows_of_a_request_are_shown_oldest_first(void **state) {
    (void)state;
    struct pl_trace rows[6];
    for (int64_t n = 0; n < 6; n++) {
        rows[n] = row_of(n);
        rows[n].request_id = row_of(0).request_id;
        rows[n].at_us = base_us() + 1000 - n * 10; /* written in another order than they began */
    }
    write_rows(rows, 3);
    write_rows(rows + 3, 3);
    struct seen seen = of_request(&rows[0].request_id);
    assert_int_equal(seen.n, 6);
    assert_true(seen.up);
    seen = (struct seen){.stop_at = 4};
    assert_int_equal(pl_store_by_request(store, &rows[0].request_id, see, &seen), POUCH_OK);
    assert_int_equal(seen.n, 4);
    struct pl_trace_query q = mine();
    seen = (struct seen){.stop_at = 3};
    assert_int_equal(pl_store_by_time(store, &q, see, &seen), POUCH_OK);
    assert_int_equal(seen.n, 3);
}

/* acceptance: A17 */
static void two_rows_of_one_request_in_one_microsecond_are_two(void **state) {
    (void)state;
    struct pl_trace rows[] = {row_of(1), row_of(1)};
    rows[1].target = "target-b";
    rows[1].id = pl_trace_id(rows[1].topic, rows[1].partition, rows[1].offset, rows[1].target, rows[1].by, false);
    write_rows(rows, 2);
    assert_int_equal(of_request(&rows[0].request_id).n, 2);
    struct pl_trace_query q = mine();
    assert_int_equal(by_time(&q).n, 2);
}

static void rows_without_a_request_id_are_kept_apart(void **state) {
    (void)state;
    struct pl_trace rows[3];
    for (int64_t n = 0; n < 3; n++) {
        rows[n] = row_of(n);
        rows[n].request_id = (struct pl_uuid){{0}};
    }
    write_rows(rows, 3);
    struct pl_trace_query q = mine();
    struct seen seen = by_time(&q);
    assert_int_equal(seen.n, 3);
    assert_memory_equal(&seen.last.request_id, &rows[0].request_id, sizeof seen.last.request_id);
    write_rows(rows + 1, 1);
    assert_int_equal(by_time(&q).n, 3);
}

/*
 * The later written of two rows with one id is what is shown, whatever time it names; nothing of the first shines
 * through.
 */
static void a_row_that_is_written_again_replaces_the_first(void **state) {
    (void)state;
    static const int64_t moves[] = {0, 70000000, -5000000};
    for (int64_t i = 0; i < 3; i++) {
        struct pl_trace first = row_of(i * 100), second = row_of(i * 100);
        first.success = false;
        first.code = "expired";
        first.error = "too late";
        first.payload = "{}";
        first.payload_n = 2;
        second.at_us += moves[i];
        write_rows(&first, 1);
        write_rows(&second, 1);
        struct seen seen = of_request(&first.request_id);
        assert_int_equal(seen.n, 1);
        assert_true(seen.last.success);
        assert_int_equal(seen.last.at_us, second.at_us);
        assert_string_equal(seen.error, "(null)");
        assert_string_equal(seen.code, "(null)");
        assert_string_equal(seen.payload, "");
        struct pl_trace_query q = mine();
        assert_int_equal(by_time(&q).n, i + 1);
        q.publisher = "publisher-a";
        assert_int_equal(by_time(&q).n, i + 1);
        q.failed = true; /* what failed first and then did not has not failed */
        assert_int_equal(by_time(&q).n, 0);
    }
}

static void a_replay_from_a_spool_doubles_nothing(void **state) {
    (void)state;
    struct pl_trace rows[100];
    for (int64_t n = 0; n < 100; n++) rows[n] = row_of(n);
    write_rows(rows, 60);
    write_batch(rows + 30, 70, NULL, true);
    struct pl_trace_query q = mine();
    struct seen seen = by_time(&q);
    assert_int_equal(seen.n, 100);
    assert_int_equal(seen.last_number, 99);
}

static void a_text_that_is_no_utf8_costs_no_row(void **state) {
    (void)state;
    struct pl_trace row = row_of(1);
    row.error = "cut in a letter: \xc3";
    write_rows(&row, 1);
    struct seen seen = of_request(&row.request_id);
    assert_int_equal(seen.n, 1);
    assert_memory_equal(seen.error, row.error, strlen("cut in a letter: "));
}

/* From a spool, say. What is a folder takes it, and drops whole files later on. */
static void what_is_past_its_time_is_not_written(void **state) {
    (void)state;
    struct pl_trace rows[] = {row_of(1), row_of(2)};
    rows[0].at_us = start_us - (TTL_MS + 60000) * INT64_C(1000);
    write_batch(rows, 2, NULL, true);
    assert_int_equal(of_request(&rows[0].request_id).n, kind->is_folder ? 1 : 0);
    assert_int_equal(of_request(&rows[1].request_id).n, 1);
}

static uint64_t missing(int64_t since_us, int64_t until_us) {
    uint64_t rows;
    assert_int_equal(pl_store_missing(store, since_us, until_us, &rows), POUCH_OK);
    return rows;
}

static void a_gap_makes_its_time_incomplete(void **state) {
    (void)state;
    struct pl_gap gap = {.from_us = base_us() + 1000, .to_us = base_us() + 2000, .rows = 17, .id = 4711};
    write_batch(NULL, 0, &gap, false);
    write_batch(NULL, 0, &gap, true); /* a writer that is killed may not know that it has written: it counts once */
    assert_int_equal(missing(base_us(), base_us() + 10000), 17);
    assert_int_equal(missing(base_us() + 1500, base_us() + 1600), 17);
    assert_int_equal(missing(base_us() + 3000, base_us() + 10000), 0);
    assert_int_equal(missing(base_us(), base_us() + 900), 0);
}

struct sums {
    size_t n;
    struct pl_route_stats last;
};

static bool see_sum(const struct pl_route_stats *stats, void *arg) {
    struct sums *s = arg;
    s->n++;
    s->last = *stats;
    return true;
}

static struct sums stats_of(const char *publisher, const char *route) {
    struct pl_stats_query q = {
        .publisher = publisher, .route = route, .since_us = mine().since_us, .until_us = mine().until_us};
    struct sums sums = {0};
    assert_int_equal(pl_store_stats(store, &q, see_sum, &sums), POUCH_OK);
    return sums;
}

/* acceptance: B16 B28 */
static void routes_are_counted(void **state) {
    (void)state;
    enum { N = 1000 };
    static struct pl_trace rows[N];
    for (int64_t n = 0; n < N; n++) {
        rows[n] = row_of(n);
        rows[n].publisher = "counted";
        rows[n].route = "route-counted";
        rows[n].success = n % 10 != 0;
        rows[n].took_us = n;
        rows[n].at_us = base_us() + n * 100000; /* over two minutes */
    }
    write_rows(rows, 500);
    write_rows(rows + 500, 500);
    write_rows(rows + 400, 100); /* again, by the same writer */
    struct sums sums = stats_of("counted", NULL);
    assert_int_equal(sums.n, 1);
    assert_int_equal(sums.last.count, N);
    assert_int_equal(sums.last.failed, N / 10);
    assert_int_equal(sums.last.average_us, (N - 1) / 2);
    assert_in_range(sums.last.p50_us, N / 2 - 20, N / 2 + 20);
    assert_in_range(sums.last.p99_us, N - 30, N + 10);
    assert_int_equal(sums.last.last_us, rows[N - 1].at_us);
    assert_int_equal(stats_of(NULL, "route-counted").n, 1);
    assert_int_equal(stats_of("counted", "another").n, 0);
}

#define TEST(name) cmocka_unit_test_setup(name, next_test)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_route_is_read_as_it_was_written),
        TEST(a_change_names_the_version_it_expects),
        TEST(targets_have_weights_until_they_are_written_without),
        TEST(an_id_belongs_to_one_route),
        TEST(services_are_written_replaced_and_removed),
        TEST(every_change_says_who_and_what_was_before),
        TEST(a_change_of_weights_is_kept_as_what_was_before_and_after),
        TEST(processes_that_write_at_once_lose_nothing),
        TEST(a_row_is_read_as_it_was_put),
        TEST(rows_are_found_by_time_in_either_order),
        TEST(rows_are_found_by_publisher_and_by_failure),
        TEST(all_rows_of_a_request_are_shown_oldest_first),
        TEST(two_rows_of_one_request_in_one_microsecond_are_two),
        TEST(rows_without_a_request_id_are_kept_apart),
        TEST(a_row_that_is_written_again_replaces_the_first),
        TEST(a_replay_from_a_spool_doubles_nothing),
        TEST(a_text_that_is_no_utf8_costs_no_row),
        TEST(what_is_past_its_time_is_not_written),
        TEST(a_gap_makes_its_time_incomplete),
        TEST(routes_are_counted),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
