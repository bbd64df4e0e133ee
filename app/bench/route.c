/*
 * A backlog through a center of its own: topics and routes are made for the run, the inbox is filled
 * with sealed envelopes, then the center starts and is timed from its first record to its last.
 */
#include <base/clock.h>
#include <base/why.h>
#include <bench/bench.h>
#include <bench/part.h>
#include <bench/payload.h>
#include <bench/scene.h>
#include <bus/producer.h>
#include <crypto/random.h>
#include <metrics/metrics.h>
#include <poll.h>
#include <stdatomic.h>
#include <wire/sealed.h>

enum { PUBLISHERS = BENCH_PUBLISHERS_MAX, FLUSH_MS = 30000, LOOK_MS = 1, STALL_US = 120000000 };

struct run {
    const struct bench_route *bench;
    struct bench_scene scene;
    pouch_err undelivered;
};

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
        struct pl_seal_to to = {.publisher = r->scene.publishers[i % PUBLISHERS],
                                .iv_bytes = (size_t)r->scene.settings.iv_bytes};
        e = pl_random_uuid(&to.id);
        if (!e) e = pl_sealed_write(&value, sealer, &to, payload->at, payload->n);
        if (e) break;
        pl_uuid_format(key, &to.id);
        const struct pl_record record = {
            .topic = r->scene.inbox, .key = key, .key_n = 36, .value = value.at, .value_n = value.len};
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
    e = pl_producer_new(&p, &r->scene.settings, "pouch-bench", NULL, &wake, delivered, r);
    if (!e) e = pl_sealer_new(&sealer, ring, PL_OVER_LIMIT_WARN);
    if (!e) e = bench_payload_init(&payload, r->bench->size);
    if (!e) e = fill_from(r, p, &wake, sealer, &payload);
    pl_producer_free(p, FLUSH_MS); /* waits for what is under way */
    bench_payload_free(&payload);
    pl_sealer_free(sealer);
    pl_wake_free(&wake);
    if (!e && r->undelivered) e = pl_fail(r->undelivered, "the backlog could not be written to %s", r->scene.inbox);
    return e;
}

static int64_t failed_so_far(void) {
    int64_t n = 0;
    for (enum pl_metric m = PL_M_CENTER_NO_ROUTE; m <= PL_M_CENTER_SHED; m++) n += pl_metric_get(m);
    return n;
}

/* Until all are routed; the time between the first record that it holds and then. */
static pouch_err watch(const struct run *r, struct bench_part *center, struct bench_route_result *result) {
    int64_t begin = 0, moved = pl_mono_us(&pl_clock_system), before = 0;
    while (!atomic_load(&center->has_ended)) {
        int64_t now = pl_mono_us(&pl_clock_system), routed = pl_metric_get(PL_M_CENTER_ROUTED);
        if (!begin && (routed || pl_metric_get(PL_M_CENTER_IN_FLIGHT))) begin = now;
        *result = (struct bench_route_result){routed, failed_so_far(), (double)(now - begin) / 1e6};
        if (routed + result->failed >= r->bench->count) return POUCH_OK;
        if (routed != before) moved = now;
        before = routed;
        if (now - moved > STALL_US) return pl_fail(POUCH_E_TIMEOUT, "the center routed nothing for two minutes");
        poll(NULL, 0, LOOK_MS);
    }
    return pl_fail(POUCH_E_CLOSED, "the center has ended");
}

static pouch_err measure(const struct run *r, pouch_options *o, struct bench_route_result *result) {
    struct bench_part center = {0};
    pouch_err e = bench_scene_center(&r->scene, o, &center);
    if (!e) e = watch(r, &center, result);
    pouch_err cause = bench_part_stop(&center);
    return cause ? cause : e;
}

pouch_err bench_route(pouch_options *o, pouch_keyring *ring, const struct bench_route *bench,
                      struct bench_route_result *result) {
    struct run r = {.bench = bench};
    pouch_err e = bench_scene_open(&r.scene, o, PUBLISHERS);
    if (!e) e = fill(&r, ring);
    if (!e) e = measure(&r, o, result);
    bench_scene_close(&r.scene);
    return e;
}
