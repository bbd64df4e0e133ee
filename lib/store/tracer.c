#include <base/clock.h>
#include <base/log.h>
#include <base/thread.h>
#include <base/why.h>
#include <metrics/metrics.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <store/gap.h>
#include <store/outlet.h>
#include <store/spool_place.h>
#include <store/trace_pack.h>
#include <store/tracer.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    ENOUGH_BYTES = 256 * 1024, /* of rows, some 2,000: more are not waited for */
    SEGMENT_BYTES = 8 << 20    /* of a file of the spool */
};

struct half {
    char *at;
    size_t used;
    struct pl_gap rows; /* what would be missing if they could not be written */
};

struct pl_tracer {
    size_t max;        /* bytes of a half */
    size_t enough;     /* of these, for which the first row of a batch does not wait any longer */
    int64_t linger_us; /* how long it does at most */
    struct pl_wake *wake;
    pthread_t thread;
    atomic_uint_least64_t written, missing;

    pthread_mutex_t lock; /* holds what follows */
    pthread_cond_t filled;
    struct half front;  /* rows are put here */
    uint64_t taken;     /* tickets given */
    struct pl_gap lost; /* rows that found no room */
    bool stop;

    struct pl_outlet *outlet; /* the thread's own from here on */
    struct half back;         /* rows that are being written */
    struct pl_gap gap;        /* those that found no room before them */
    uint64_t upto;            /* the last ticket of those */
};

static int64_t now_us(void) {
    return pl_mono_us(&pl_clock_system);
}

static void count_missing(struct pl_tracer *t) {
    atomic_fetch_add_explicit(&t->missing, 1, memory_order_relaxed);
    pl_metric_add(PL_M_TRACE_MISSING, 1);
}

uint64_t pl_tracer_put(struct pl_tracer *t, const struct pl_trace *row) {
    struct pl_packing packing;
    pl_trace_measure(&packing, row);
    size_t n = packing.bytes;

    pthread_mutex_lock(&t->lock);
    size_t used = t->front.used;
    bool fits = n <= t->max - used;
    bool first = t->taken == t->upto;
    uint64_t ticket = ++t->taken;
    if (fits) {
        pl_trace_pack(t->front.at + used, row, &packing);
        t->front.used = used + n;
        pl_gap_add(&t->front.rows, row->at_us, row->at_us, 1);
    } else {
        pl_gap_add(&t->lost, row->at_us, row->at_us, 1);
    }
    pthread_mutex_unlock(&t->lock);

    if (fits)
        pl_metric_add(PL_M_TRACE_QUEUE_BYTES, (int64_t)n);
    else
        count_missing(t);
    if (first || (used < t->enough && used + n >= t->enough)) pthread_cond_signal(&t->filled);
    return ticket;
}

uint64_t pl_tracer_written(const struct pl_tracer *t) {
    return atomic_load_explicit(&t->written, memory_order_acquire);
}

uint64_t pl_tracer_missing(const struct pl_tracer *t) {
    return atomic_load_explicit(&t->missing, memory_order_relaxed) + pl_outlet_missing(t->outlet);
}

/* ---- the thread ---- */

static void wait_until(struct pl_tracer *t, int64_t us) {
    struct timespec at = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
    pthread_cond_timedwait(&t->filled, &t->lock, &at);
}

/* Waits for rows, or for the time to tidy, and takes what is there. false: it is the last time. */
static bool take(struct pl_tracer *t, int64_t tidy_us) {
    pthread_mutex_lock(&t->lock);
    while (t->taken == t->upto && !t->stop && now_us() < tidy_us) wait_until(t, tidy_us);
    if (t->taken != t->upto) {
        int64_t until = now_us() + t->linger_us;
        while (t->front.used < t->enough && !t->stop && now_us() < until) wait_until(t, until);
    }
    struct half rows = t->front;
    t->front = t->back;
    t->back = rows;
    t->upto = t->taken;
    pl_gap_move(&t->gap, &t->lost);
    bool more = !t->stop;
    pthread_mutex_unlock(&t->lock);
    return more;
}

static void write_back(struct pl_tracer *t) {
    struct pl_gap rows = t->back.rows;
    struct pl_trace_batch batch = {.at = t->back.at, .rows = (size_t)rows.rows};
    pl_outlet_write(t->outlet, &batch, &rows, &t->gap);
    pl_metric_add(PL_M_TRACE_QUEUE_BYTES, -(int64_t)t->back.used);
    t->back.used = 0;
    t->back.rows = (struct pl_gap){0};
    if (t->upto == pl_tracer_written(t)) return;
    atomic_store_explicit(&t->written, t->upto, memory_order_release);
    if (t->wake) pl_wake_signal(t->wake);
}

static void *run(void *arg) {
    struct pl_tracer *t = arg;
    int64_t tidy_us = 0;
    while (take(t, tidy_us)) {
        write_back(t);
        tidy_us = pl_outlet_tidy(t->outlet);
    }
    write_back(t);
    return NULL;
}

/* ---- beginning and end ---- */

static void free_memory(struct pl_tracer *t) {
    pthread_cond_destroy(&t->filled);
    pthread_mutex_destroy(&t->lock);
    free(t->front.at);
    free(t->back.at);
    free(t);
}

static bool init_locks(struct pl_tracer *t) {
    pthread_condattr_t attr;
    if (pthread_condattr_init(&attr)) return false;
    bool done = !pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) && !pthread_cond_init(&t->filled, &attr);
    pthread_condattr_destroy(&attr);
    if (done && pthread_mutex_init(&t->lock, NULL)) {
        pthread_cond_destroy(&t->filled);
        done = false;
    }
    return done;
}

/* A system without a place for it has no spool. */
static pouch_err find_spool(struct pl_outlet_settings *out, const struct pl_tracer_settings *s) {
    size_t half = s->spool_bytes / 2;
    out->bounds =
        (struct pl_spool_bounds){.segment = half < SEGMENT_BYTES ? half : SEGMENT_BYTES,
                                 .most = s->spool_bytes,
                                 .reserve = s->spool_reserve < s->spool_bytes ? s->spool_reserve : s->spool_bytes};
    if (!s->spool_bytes) return POUCH_OK;
    pouch_err e = pl_spool_place_find(&out->spool, s->url, s->spool);
    if (!e || e == POUCH_E_NO_MEMORY) return e;
    PL_LOG(PL_LOG_WARN, "there is no spool for trace rows: set trace.spool", "why", pouch_why());
    return POUCH_OK;
}

static pouch_err open_outlet(struct pl_tracer *t, const struct pl_tracer_settings *s) {
    struct pl_outlet_settings out = {.ttl_ms = s->ttl_ms, .keep_bytes = s->keep_bytes, .pace = &pl_outlet_pace};
    pouch_err e = pl_store_kind_of(&out.kind, &out.where, s->url);
    if (!e) t->linger_us = out.kind->linger_us;
    if (!e) e = find_spool(&out, s);
    if (!e) e = pl_outlet_new(&t->outlet, &out);
    free((char *)out.spool.folder);
    return e;
}

pouch_err pl_tracer_new(struct pl_tracer **out, const struct pl_tracer_settings *s) {
    struct pl_tracer *t = calloc(1, sizeof *t);
    if (!t || !init_locks(t)) {
        free(t);
        return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a tracer");
    }
    t->max = s->max_bytes / 2;
    t->enough = t->max / 2 < ENOUGH_BYTES ? t->max / 2 : ENOUGH_BYTES;
    t->wake = s->wake;
    t->front.at = malloc(t->max);
    t->back.at = malloc(t->max);
    pouch_err e = t->front.at && t->back.at
                      ? open_outlet(t, s)
                      : pl_fail(POUCH_E_NO_MEMORY, "out of memory for %zu bytes of traces", s->max_bytes);
    if (!e) e = pl_thread_start(&t->thread, "trace", run, t);
    if (e) {
        pl_outlet_free(t->outlet, 0);
        free_memory(t);
    } else {
        *out = t;
    }
    return e;
}

void pl_tracer_free(struct pl_tracer *t, int ms) {
    if (!t) return;
    pthread_mutex_lock(&t->lock);
    t->stop = true;
    pthread_mutex_unlock(&t->lock);
    pthread_cond_signal(&t->filled);
    pthread_join(t->thread, NULL);
    pl_outlet_free(t->outlet, ms);
    free_memory(t);
}
