/*
 * A backlog through a center of its own: topics and routes are made for the run, the inbox is filled
 * with sealed envelopes, then the center starts and is timed from its first record to its last.
 */
#include <base/clock.h>
#include <base/why.h>
#include <bench/bench.h>
#include <bench/payload.h>
#include <bus/producer.h>
#include <center/center.h>
#include <cluster/cluster.h>
#include <crypto/random.h>
#include <metrics/metrics.h>
#include <poll.h>
#include <pthread.h>
#include <registry/registry.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wire/sealed.h>

enum { PUBLISHERS = 4, PARTITIONS = 3, TIMEOUT_MS = 30000, NAME_BYTES = 64, LOOK_MS = 1, STALL_US = 120000000 };

struct run {
    const struct bench_route *bench;
    struct pl_settings settings;
    struct pl_cluster *cluster;
    struct pl_store *store;
    char inbox[NAME_BYTES];
    char publishers[PUBLISHERS][NAME_BYTES]; /* each has a target of its own, of the same name */
    size_t n_topics, n_routes;               /* made so far */
    pouch_err undelivered;
};

static void name_all(struct run *r) {
    long long stamp = (long long)pl_wall_ms(&pl_clock_system);
    snprintf(r->inbox, sizeof r->inbox, "pouch-bench-%d-%lld", (int)getpid(), stamp);
    for (int i = 0; i < PUBLISHERS; i++)
        snprintf(r->publishers[i], NAME_BYTES, "pouch-bench-%d-%lld-%d", (int)getpid(), stamp, i);
}

static const char *topic_at(const struct run *r, size_t i) {
    return i ? r->publishers[i - 1] : r->inbox;
}

static pouch_err make_topics(struct run *r) {
    pouch_err e = POUCH_OK;
    for (; !e && r->n_topics <= PUBLISHERS; r->n_topics += !e) {
        struct pl_topic_spec t = {.name = topic_at(r, r->n_topics), .partitions = PARTITIONS, .replication = -1};
        e = pl_topic_create(pl_cluster_handle(r->cluster), &t, NULL, TIMEOUT_MS);
    }
    return e;
}

static pouch_err make_routes(struct run *r) {
    pouch_err e = POUCH_OK;
    for (; !e && r->n_routes < PUBLISHERS; r->n_routes += !e) {
        char *name = r->publishers[r->n_routes];
        struct pl_route_row row = {.publisher = name, .targets = &name, .n_targets = 1, .enabled = true};
        e = pl_store_route_put(r->store, &row, 0);
        free(row.id);
    }
    return e;
}

static void delivered(const struct pl_delivery *d, void *owner) {
    struct run *r = owner;
    if (d->class != PL_KAFKA_OK && !r->undelivered) r->undelivered = pl_kafka_err(d->error);
}

/* Waits while the producer has no room. */
static pouch_err send_one(struct pl_producer *p, struct pl_wake *wake, const struct pl_record *record) {
    pouch_err e;
    while ((e = pl_producer_send(p, record)) == POUCH_E_OVERLOADED) {
        pl_wake_wait(wake, LOOK_MS * 1000);
        pl_producer_poll(p);
    }
    return e;
}

static pouch_err fill_from(struct run *r, struct pl_producer *p, struct pl_wake *wake, struct pl_sealer *sealer,
                           const struct bench_payload *payload) {
    struct pl_buf value;
    pl_buf_init(&value, pl_producer_limit(p));
    pouch_err e = POUCH_OK;
    for (int64_t i = 0; !e && !r->undelivered && i < r->bench->count; i++) {
        char key[37];
        struct pl_seal_to to = {.publisher = r->publishers[i % PUBLISHERS], .iv_bytes = (size_t)r->settings.iv_bytes};
        e = pl_random_uuid(&to.id);
        if (!e) e = pl_sealed_write(&value, sealer, &to, payload->at, payload->n);
        if (e) break;
        pl_uuid_format(key, &to.id);
        const struct pl_record record = {
            .topic = r->inbox, .key = key, .key_n = 36, .value = value.at, .value_n = value.len};
        e = send_one(p, wake, &record);
        if (i % 1000 == 0) pl_producer_poll(p);
    }
    pl_buf_free(&value);
    return e;
}

static pouch_err fill(struct run *r, pouch_keyring *ring) {
    struct pl_wake wake;
    struct pl_producer *p = NULL;
    struct pl_sealer *sealer = NULL;
    struct bench_payload payload = {0};
    pouch_err e = pl_wake_init(&wake);
    if (e) return e;
    e = pl_producer_new(&p, &r->settings, "pouch-bench", NULL, &wake, delivered, r);
    if (!e) e = pl_sealer_new(&sealer, ring, PL_OVER_LIMIT_WARN);
    if (!e) e = bench_payload_init(&payload, r->bench->size);
    if (!e) e = fill_from(r, p, &wake, sealer, &payload);
    pl_producer_free(p, TIMEOUT_MS); /* waits for what is under way */
    bench_payload_free(&payload);
    pl_sealer_free(sealer);
    pl_wake_free(&wake);
    if (!e && r->undelivered) e = pl_fail(r->undelivered, "the backlog could not be written to %s", r->inbox);
    return e;
}

/* The center, on a thread of its own. */
struct running {
    struct center *center;
    pouch_err ended_with;
    char why[512];
    atomic_bool has_ended;
};

static void *run_center(void *arg) {
    struct running *c = arg;
    c->ended_with = center_run(c->center);
    snprintf(c->why, sizeof c->why, "%s", pouch_why());
    atomic_store(&c->has_ended, true);
    return NULL;
}

static int64_t failed_so_far(void) {
    int64_t n = 0;
    for (enum pl_metric m = PL_M_CENTER_NO_ROUTE; m <= PL_M_CENTER_SHED; m++) n += pl_metric_get(m);
    return n;
}

/* Until all are routed; the time between the first record that it holds and then. */
static pouch_err watch(const struct run *r, struct running *c, struct bench_route_result *result) {
    int64_t begin = 0, moved = pl_mono_us(&pl_clock_system), before = 0;
    while (!atomic_load(&c->has_ended)) {
        int64_t now = pl_mono_us(&pl_clock_system), routed = pl_metric_get(PL_M_CENTER_ROUTED);
        if (!begin && (routed || pl_metric_get(PL_M_CENTER_IN_FLIGHT))) begin = now;
        *result = (struct bench_route_result){routed, failed_so_far(), (double)(now - begin) / 1e6};
        if (routed + result->failed >= r->bench->count) return POUCH_OK;
        if (routed != before) moved = now;
        before = routed;
        if (now - moved > STALL_US) return pl_fail(POUCH_E_TIMEOUT, "the center routed nothing for two minutes");
        poll(NULL, 0, LOOK_MS);
    }
    return c->ended_with ? pl_fail(c->ended_with, "%s", c->why) : pl_fail(POUCH_E_CLOSED, "the center has ended");
}

static pouch_err measure(const struct run *r, pouch_options *o, struct bench_route_result *result) {
    struct running c = {0};
    pthread_t thread;
    pouch_err e = pouch_options_set(o, "center.inbox", r->inbox);
    if (!e) e = pouch_options_set(o, "group", r->inbox);
    if (!e) e = pouch_options_set(o, "start", "earliest");
    if (!e) e = center_new(&c.center, o);
    if (e) return e;
    if (pthread_create(&thread, NULL, run_center, &c)) {
        center_free(c.center);
        return pl_fail(POUCH_E_NO_MEMORY, "no thread for the center");
    }
    e = watch(r, &c, result);
    center_stop(c.center);
    pthread_join(thread, NULL);
    center_free(c.center);
    return e;
}

/* What was made for the run goes again; what cannot be removed, as topics of the mock, stays. */
static void clean_up(struct run *r) {
    int64_t version;
    for (size_t i = 0; i < r->n_routes; i++) (void)!pl_store_route_remove(r->store, r->publishers[i], &version);
    for (size_t i = 0; i < r->n_topics; i++)
        (void)!pl_topic_delete(pl_cluster_handle(r->cluster), topic_at(r, i), TIMEOUT_MS);
    pl_store_close(r->store);
    pl_cluster_close(r->cluster);
    pl_settings_free(&r->settings);
}

pouch_err bench_route(pouch_options *o, pouch_keyring *ring, const struct bench_route *bench,
                      struct bench_route_result *result) {
    struct run r = {.bench = bench};
    pouch_err e = pl_settings_read(&r.settings, o);
    if (e) return e;
    name_all(&r);
    if (!r.settings.store) e = pl_store_default_url(&r.settings.store);
    if (!e) e = pl_store_open(&r.store, r.settings.store);
    if (!e) e = pl_cluster_open(&r.cluster, &r.settings, "pouch-bench");
    if (!e) e = make_topics(&r);
    if (!e) e = make_routes(&r);
    if (!e) e = fill(&r, ring);
    if (!e) e = measure(&r, o, result);
    clean_up(&r);
    return e;
}
