/*
 * The load. A closed loop keeps a number of requests open: each answer sends the next one,
 * from the callback. An open loop sends by the clock and counts from when a request was due,
 * so that a stall shows in every request that it delayed (no coordinated omission).
 */
#include <base/clock.h>
#include <base/why.h>
#include <bench/bench.h>
#include <bench/payload.h>
#include <metrics/histogram.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { HIGHEST_US = 120 * 1000 * 1000 };

/* One request's place; a closed loop has in_flight of them and reuses each. */
struct slot {
    struct run *run;
    int64_t since_us; /* monotonic: when it was called, or was due */
    struct slot *next_free;
};

struct run {
    pouch_client *client;
    const struct bench_load *load;
    int64_t count; /* of this phase */
    atomic_llong sent;
    struct bench_payload payload; /* the closed loop's, used on the client's thread once it is under way */

    pthread_mutex_t lock; /* guards what is below */
    pthread_cond_t all_ended;
    int64_t ended, failed;
    pouch_err first_error;
    char why[256];
    struct slot *free_slots; /* the open loop's */
    struct pl_histogram *total, *there, *back;
};

static void request_ended(pouch_err e, const pouch_reply *reply, void *arg);

/* Sends one request; an error is its end. since_us is set before. */
static pouch_err send_one(struct run *r, struct slot *s, struct bench_payload *payload) {
    bench_payload_stamp_sent(payload);
    return pouch_client_request(r->client, r->load->to, payload->at, payload->n, r->load->timeout_ms, NULL,
                                request_ended, s);
}

/* Under the lock. */
static void note_failure(struct run *r, pouch_err e) {
    if (!r->failed++) {
        r->first_error = e;
        snprintf(r->why, sizeof r->why, "%s", pouch_why());
    }
}

/* Under the lock. */
static void note_answer(struct run *r, const struct slot *s, int64_t now, const pouch_reply *reply) {
    size_t n;
    const char *json = pouch_reply_payload(reply, &n);
    struct bench_stamps stamps;
    pl_histogram_record(r->total, now - s->since_us);
    if (bench_payload_stamps(json, n, &stamps)) {
        pl_histogram_record(r->there, stamps.seen_us - stamps.sent_us);
        pl_histogram_record(r->back, pl_wall_us(&pl_clock_system) - stamps.seen_us);
    }
}

static void end_one(struct run *r, struct slot *s) {
    if (++r->ended == r->count) pthread_cond_signal(&r->all_ended);
    s->next_free = r->free_slots;
    r->free_slots = s;
}

static void request_ended(pouch_err e, const pouch_reply *reply, void *arg) {
    struct slot *s = arg;
    struct run *r = s->run;
    int64_t now = pl_mono_us(&pl_clock_system);
    bool closed_loop = r->load->in_flight > 0;
    do {
        pthread_mutex_lock(&r->lock);
        if (e)
            note_failure(r, e);
        else
            note_answer(r, s, now, reply);
        end_one(r, s);
        /* Under the lock: after it the next phase may have begun, or the run be gone. */
        bool more = closed_loop && atomic_fetch_add(&r->sent, 1) < r->count;
        pthread_mutex_unlock(&r->lock);
        if (!more) return;
        s->since_us = pl_mono_us(&pl_clock_system);
        e = send_one(r, s, &r->payload);
    } while (e); /* a request that could not be sent has ended, and its place takes the next */
}

/*
 * The first requests of a closed loop; the callbacks send the rest. Its payload is shared, so these have one of their
 * own.
 */
static pouch_err start_closed(struct run *r, struct slot *slots) {
    struct bench_payload payload;
    pouch_err e = bench_payload_init(&payload, r->load->size);
    for (int64_t i = 0; !e && i < r->load->in_flight && atomic_fetch_add(&r->sent, 1) < r->count; i++) {
        slots[i].since_us = pl_mono_us(&pl_clock_system);
        pouch_err failed = send_one(r, &slots[i], &payload);
        if (failed) request_ended(failed, NULL, &slots[i]);
    }
    bench_payload_free(&payload);
    return e;
}

static void sleep_until(int64_t us) {
    struct timespec t = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL)) {
    }
}

static struct slot *free_slot(struct run *r) {
    pthread_mutex_lock(&r->lock);
    struct slot *s = r->free_slots;
    if (s) r->free_slots = s->next_free;
    pthread_mutex_unlock(&r->lock);
    return s;
}

/* A request for which no place is free has failed by overload: an open loop never waits. */
static void run_open(struct run *r) {
    int64_t begin = pl_mono_us(&pl_clock_system);
    for (int64_t i = 0; i < r->count; i++) {
        int64_t due = begin + i * 1000000 / r->load->rate;
        if (due > pl_mono_us(&pl_clock_system)) sleep_until(due);
        struct slot *s = free_slot(r);
        pouch_err e =
            s ? POUCH_OK : pl_fail(POUCH_E_OVERLOADED, "more requests are open than the load keeps places for");
        if (s) {
            s->since_us = due;
            e = send_one(r, s, &r->payload);
            if (e) request_ended(e, NULL, s);
        } else {
            pthread_mutex_lock(&r->lock);
            note_failure(r, e);
            if (++r->ended == r->count) pthread_cond_signal(&r->all_ended);
            pthread_mutex_unlock(&r->lock);
        }
    }
}

static void wait_for_all(struct run *r) {
    pthread_mutex_lock(&r->lock);
    while (r->ended < r->count) pthread_cond_wait(&r->all_ended, &r->lock);
    pthread_mutex_unlock(&r->lock);
}

static pouch_err phase(struct run *r, struct slot *slots, size_t n_slots, int64_t count, double *seconds) {
    if (count == 0) return POUCH_OK;
    r->count = count;
    atomic_store(&r->sent, 0);
    r->ended = r->failed = 0;
    pl_histogram_reset(r->total);
    pl_histogram_reset(r->there);
    pl_histogram_reset(r->back);
    r->free_slots = NULL;
    for (size_t i = 0; i < n_slots; i++) slots[i] = (struct slot){r, 0, i ? &slots[i - 1] : NULL};
    r->free_slots = &slots[n_slots - 1];
    int64_t begin = pl_mono_us(&pl_clock_system);
    pouch_err e = POUCH_OK;
    if (r->load->in_flight)
        e = start_closed(r, slots);
    else
        run_open(r);
    if (e) return e;
    wait_for_all(r);
    *seconds = (double)(pl_mono_us(&pl_clock_system) - begin) / 1e6;
    return POUCH_OK;
}

static struct bench_spread spread(const struct pl_histogram *h) {
    return (struct bench_spread){pl_histogram_quantile(h, 0.5), pl_histogram_quantile(h, 0.9),
                                 pl_histogram_quantile(h, 0.99), pl_histogram_quantile(h, 0.999), pl_histogram_max(h)};
}

static void report(const struct run *r, double seconds, struct bench_result *result) {
    *result = (struct bench_result){
        .answered = r->ended - r->failed,
        .failed = r->failed,
        .first_error = r->failed ? r->first_error : POUCH_OK,
        .seconds = seconds,
        .total = spread(r->total),
        .there = spread(r->there),
        .back = spread(r->back),
    };
    if (r->failed) snprintf(result->why, sizeof result->why, "%s", r->why);
}

pouch_err bench_run_load(pouch_client *client, const struct bench_load *load, struct bench_result *result) {
    enum { OPEN_LOOP_SLOTS = 60000 };
    size_t n_slots = load->in_flight ? (size_t)load->in_flight : OPEN_LOOP_SLOTS;
    struct run r = {
        .client = client, .load = load, .lock = PTHREAD_MUTEX_INITIALIZER, .all_ended = PTHREAD_COND_INITIALIZER};
    struct slot *slots = calloc(n_slots, sizeof *slots);
    pouch_err e = slots ? POUCH_OK : pl_fail(POUCH_E_NO_MEMORY, "out of memory");
    if (!e) e = bench_payload_init(&r.payload, load->size);
    if (!e) e = pl_histogram_new(&r.total, HIGHEST_US);
    if (!e) e = pl_histogram_new(&r.there, HIGHEST_US);
    if (!e) e = pl_histogram_new(&r.back, HIGHEST_US);
    double seconds = 0;
    /* Without a broker or a worker every request would sit out its time, one after the other. */
    if (!e) e = phase(&r, slots, n_slots, 1, &seconds);
    if (!e && r.failed) e = pl_fail(r.first_error, "the first request failed: %s", r.why);
    if (!e) e = phase(&r, slots, n_slots, load->warm_up, &seconds);
    if (!e) e = phase(&r, slots, n_slots, load->count, &seconds);
    if (!e) report(&r, seconds, result);
    pl_histogram_free(r.back);
    pl_histogram_free(r.there);
    pl_histogram_free(r.total);
    bench_payload_free(&r.payload);
    free(slots);
    return e;
}
