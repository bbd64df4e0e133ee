#include <base/clock.h>
#include <base/log.h>
#include <base/why.h>
#include <metrics/metrics.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <store/backend.h>
#include <store/trace_pack.h>
#include <store/tracer.h>
#include <time.h>

enum {
    LINGER_US = 5000,        /* how long the first row of a batch waits for others */
    RETRY_US = 1000000,      /* how long rows are dropped unseen after a failed write */
    WRITE_MS = 500,          /* how long a store that is elsewhere may take for a batch */
    TIDY_MOST_US = 60000000, /* how often old files are looked for, at the least */
    TIDY_LEAST_US = 100000,
    TIDY_A_TTL = 8
};

struct half {
    char *at;
    size_t used;
    struct pl_gap rows; /* what would be missing if they could not be written */
};

struct pl_tracer {
    const struct pl_store_kind *kind;
    size_t max; /* bytes of a half */
    struct pl_wake *wake;
    pthread_t thread;
    atomic_uint_least64_t written, missing;

    pthread_mutex_t lock; /* holds what follows */
    pthread_cond_t filled;
    struct half front;  /* rows are put here */
    uint64_t taken;     /* tickets given */
    struct pl_gap lost; /* rows that found no room */
    bool stop;
    int64_t stop_us;

    struct pl_sink *sink; /* the thread's own from here on */
    struct half back;     /* rows that are being written */
    uint64_t upto;        /* the last ticket of those */
    struct pl_gap gap;    /* what is missing and not written down yet */
    bool failing;
    int64_t retry_us, tidy_us, tidy_every_us;
};

static int64_t now_us(void) {
    return pl_mono_us(&pl_clock_system);
}

static void widen(struct pl_gap *gap, int64_t from_us, int64_t to_us, uint64_t rows) {
    if (!gap->rows || from_us < gap->from_us) gap->from_us = from_us;
    if (!gap->rows || to_us > gap->to_us) gap->to_us = to_us;
    gap->rows += rows;
}

static void count_missing(struct pl_tracer *t, uint64_t rows) {
    atomic_fetch_add_explicit(&t->missing, rows, memory_order_relaxed);
    pl_metric_add(PL_M_TRACE_MISSING, (int64_t)rows);
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
        widen(&t->front.rows, row->at_us, row->at_us, 1);
    } else {
        widen(&t->lost, row->at_us, row->at_us, 1);
    }
    pthread_mutex_unlock(&t->lock);

    if (fits)
        pl_metric_add(PL_M_TRACE_QUEUE_BYTES, (int64_t)n);
    else
        count_missing(t, 1);
    if (first || (used < t->max / 2 && used + n >= t->max / 2)) pthread_cond_signal(&t->filled);
    return ticket;
}

uint64_t pl_tracer_written(const struct pl_tracer *t) {
    return atomic_load_explicit(&t->written, memory_order_acquire);
}

uint64_t pl_tracer_missing(const struct pl_tracer *t) {
    return atomic_load_explicit(&t->missing, memory_order_relaxed);
}

/* ---- the thread ---- */

static void wait_until(struct pl_tracer *t, int64_t us) {
    struct timespec at = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
    pthread_cond_timedwait(&t->filled, &t->lock, &at);
}

/* When there is something to do although no row comes. */
static int64_t due_us(const struct pl_tracer *t) {
    return t->gap.rows && t->retry_us < t->tidy_us ? t->retry_us : t->tidy_us;
}

/* Waits for rows, or for something else to be due, and takes what is there. false: it is the last time. */
static bool take(struct pl_tracer *t) {
    pthread_mutex_lock(&t->lock);
    while (t->taken == t->upto && !t->stop && now_us() < due_us(t)) wait_until(t, due_us(t));
    if (t->taken != t->upto) {
        int64_t enough = now_us() + LINGER_US;
        while (t->front.used < t->max / 2 && !t->stop && now_us() < enough) wait_until(t, enough);
    }
    struct half rows = t->front;
    t->front = t->back;
    t->back = rows;
    t->upto = t->taken;
    if (t->lost.rows) widen(&t->gap, t->lost.from_us, t->lost.to_us, t->lost.rows);
    t->lost = (struct pl_gap){0};
    bool more = !t->stop;
    pthread_mutex_unlock(&t->lock);
    return more;
}

static void lose(struct pl_tracer *t, const struct pl_gap *rows) {
    if (!rows->rows) return;
    widen(&t->gap, rows->from_us, rows->to_us, rows->rows);
    count_missing(t, rows->rows);
}

static void log_missing(enum pl_log_level level, const char *msg, uint64_t rows) {
    char missing[24];
    snprintf(missing, sizeof missing, "%llu", (unsigned long long)rows);
    PL_LOG(level, msg, "missing", missing);
}

static void succeeded(struct pl_tracer *t, uint64_t rows) {
    if (t->failing) log_missing(PL_LOG_INFO, "traces are written again", t->gap.rows);
    t->failing = false;
    t->gap = (struct pl_gap){0};
    pl_metric_add(PL_M_TRACE_ROWS, (int64_t)rows);
}

static void failed(struct pl_tracer *t, const struct pl_gap *rows) {
    if (!t->failing) PL_LOG(PL_LOG_ERROR, "traces cannot be written and will be missing", "why", pouch_why());
    t->failing = true;
    t->retry_us = now_us() + RETRY_US;
    lose(t, rows);
}

/* Writes the back half; in the second after a failure, drops it instead, so that nobody waits for a store that is away. */
static void write_back(struct pl_tracer *t, bool may_write) {
    struct pl_gap rows = t->back.rows;
    struct pl_trace_batch batch = {.at = t->back.at, .rows = (size_t)rows.rows};
    if (!may_write)
        lose(t, &rows);
    else if (rows.rows || t->gap.rows)
        t->kind->sink_write(t->sink, &batch, &t->gap, WRITE_MS) ? failed(t, &rows) : succeeded(t, rows.rows);

    pl_metric_add(PL_M_TRACE_QUEUE_BYTES, -(int64_t)t->back.used);
    t->back.used = 0;
    t->back.rows = (struct pl_gap){0};
    if (t->upto == pl_tracer_written(t)) return;
    atomic_store_explicit(&t->written, t->upto, memory_order_release);
    if (t->wake) pl_wake_signal(t->wake);
}

static void *run(void *arg) {
    struct pl_tracer *t = arg;
    while (take(t)) {
        write_back(t, !t->failing || now_us() >= t->retry_us);
        if (now_us() < t->tidy_us) continue;
        t->kind->sink_tidy(t->sink);
        t->tidy_us = now_us() + t->tidy_every_us;
    }
    write_back(t, now_us() < t->stop_us);
    if (t->gap.rows) log_missing(PL_LOG_WARN, "traces are missing, and the store does not say so", t->gap.rows);
    return NULL;
}

/* ---- beginning and end ---- */

static void free_memory(struct pl_tracer *t) {
    if (t->sink) t->kind->sink_close(t->sink);
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

/* The application's signals are not for this thread; that a file has reached its limit comes as an error then. */
static int start(struct pl_tracer *t) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failure = pthread_create(&t->thread, NULL, run, t);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failure;
}

static int64_t tidy_every(int64_t ttl_ms) {
    int64_t us = ttl_ms * 1000 / TIDY_A_TTL;
    if (us > TIDY_MOST_US) return TIDY_MOST_US;
    return us < TIDY_LEAST_US ? TIDY_LEAST_US : us;
}

pouch_err pl_tracer_new(struct pl_tracer **out, const struct pl_tracer_settings *s) {
    const char *where;
    struct pl_tracer *t = calloc(1, sizeof *t);
    if (!t || !init_locks(t)) {
        free(t);
        return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a tracer");
    }
    t->max = s->max_bytes / 2;
    t->wake = s->wake;
    t->front.at = malloc(t->max);
    t->back.at = malloc(t->max);
    t->tidy_every_us = tidy_every(s->ttl_ms);
    t->tidy_us = now_us() + t->tidy_every_us;
    pouch_err e = t->front.at && t->back.at
                      ? pl_store_kind_of(&t->kind, &where, s->url)
                      : pl_fail(POUCH_E_NO_MEMORY, "out of memory for %zu bytes of traces", s->max_bytes);
    if (!e) e = t->kind->sink_open(&t->sink, where, s->ttl_ms);
    if (!e && start(t)) e = pl_fail(POUCH_E_NO_MEMORY, "no thread could be had for writing traces");
    if (e)
        free_memory(t);
    else
        *out = t;
    return e;
}

void pl_tracer_free(struct pl_tracer *t, int ms) {
    if (!t) return;
    pthread_mutex_lock(&t->lock);
    t->stop = true;
    t->stop_us = now_us() + (int64_t)ms * 1000;
    pthread_mutex_unlock(&t->lock);
    pthread_cond_signal(&t->filled);
    pthread_join(t->thread, NULL);
    free_memory(t);
}
