#include <base/clock.h>
#include <base/log.h>
#include <base/thread.h>
#include <base/why.h>
#include <inttypes.h>
#include <metrics/metrics.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <store/gap.h>
#include <store/outlet.h>
#include <string.h>
#include <time.h>

enum {
    SPOOL_RETRY_US = 100000, /* how long a spool that took nothing is left alone */
    TIDY_MOST_US = 60000000, /* how often old files are looked for, at the least */
    TIDY_LEAST_US = 100000,
    TIDY_A_TTL = 8,
    REPLAY_LEAST = 64 * 1024, /* bytes of rows that are brought at once; half as many when that was too much */
    REPLAY_MOST = 1024 * 1024,
    CALM_FORGET_US = 60000000, /* after that long with the store, a failure is the first again */
    TELL_EVERY_US = 60000000,  /* how often it is said why rows stay in the spool */
    FAST_PART = 2              /* the store is fast again when it takes rows in that part of the writer's patience */
};

const struct pl_outlet_pace pl_outlet_pace = {.write = 300,
                                              .replay_least = 1000,
                                              .replay_most = 8000,
                                              .pause_least = 1000,
                                              .pause_most = 5000,
                                              .calm_least = 1000,
                                              .calm_most = 30000,
                                              .adopt_first = 1000,
                                              .adopt_every = 60000};

struct pl_outlet {
    const struct pl_store_kind *kind;
    const struct pl_outlet_pace *pace;
    struct pl_spool_place place;
    struct pl_spool_bounds bounds;
    int64_t tidy_every_us;
    atomic_uint_least64_t missing;
    pthread_t replayer;

    pthread_mutex_t lock; /* holds what follows; never held during I/O */
    pthread_cond_t changed;
    bool spooling;          /* rows go into the spool, and the sink is the replayer's; else the writer's */
    bool writing;           /* the writer is at it: spooling does not change */
    bool news;              /* something was written while spooling */
    struct pl_gap lost;     /* neither in the store nor in the spool, and still growing */
    struct pl_spool *spool; /* NULL: not needed yet */
    bool stop;
    int64_t stop_us;

    struct pl_sink *sink; /* these belong to whose the sink is */
    struct pl_gap gap;    /* the store may have it, or not: it does not grow any more */
    int64_t tidy_us;

    int64_t spool_retry_us; /* the writer's */
    bool overflowed;        /* was said */

    struct pl_spool *adopted; /* the replayer's: of a process that is gone */
    bool unadopted;           /* that one could not be had was said */
    bool brought;             /* rows of the adopted one, so that it is worth looking for another at once */
    int64_t next_us, adopt_us, calm_us, calm_until_us, direct_us, tell_us;
    int64_t pause_us, took_us;
    int timeout_ms;
    size_t bytes;
    bool stopping, failing; /* the last attempt has */
};

static int64_t now_us(void) {
    return pl_mono_us(&pl_clock_system);
}

static int64_t us(int ms) {
    return (int64_t)ms * 1000;
}

static int64_t least(int64_t a, int64_t b) {
    return a < b ? a : b;
}

uint64_t pl_outlet_missing(const struct pl_outlet *o) {
    return atomic_load_explicit(&o->missing, memory_order_relaxed);
}

static void tidy(struct pl_outlet *o) {
    if (now_us() < o->tidy_us) return;
    o->kind->sink_tidy(o->sink);
    o->tidy_us = now_us() + o->tidy_every_us;
}

/* ---- to and fro; with the lock ---- */

static void wait_until(struct pl_outlet *o, int64_t at_us) {
    struct timespec at = {.tv_sec = at_us / 1000000, .tv_nsec = at_us % 1000000 * 1000};
    pthread_cond_timedwait(&o->changed, &o->lock, &at);
}

static void begin_spooling(struct pl_outlet *o) {
    int64_t now = now_us();
    bool again = o->calm_us && now - o->direct_us < CALM_FORGET_US;
    o->calm_us = again ? least(o->calm_us * 2, us(o->pace->calm_most)) : us(o->pace->calm_least);
    o->calm_until_us = now + o->calm_us;
    o->next_us = now + us(o->pace->pause_least);
    o->tell_us = now + TELL_EVERY_US;
    o->pause_us = us(o->pace->pause_least);
    o->took_us = 0;
    o->timeout_ms = o->pace->replay_least;
    o->bytes = REPLAY_MOST;
    o->failing = true;
    o->spooling = true;
    pl_metric_add(PL_M_TRACE_SPOOLING, 1);
}

static void end_spooling(struct pl_outlet *o) {
    o->spooling = false;
    o->direct_us = now_us();
    pl_metric_add(PL_M_TRACE_SPOOLING, -1);
}

static void close_lost(struct pl_outlet *o, struct pl_gap *gap) {
    *gap = o->lost;
    o->lost = (struct pl_gap){0};
    if (gap->rows) pl_gap_close(gap);
}

/* ---- the writer ---- */

static bool begin(struct pl_outlet *o, struct pl_gap *lost) {
    pthread_mutex_lock(&o->lock);
    pl_gap_move(&o->lost, lost);
    o->writing = true;
    bool direct = !o->spooling;
    if (direct && !o->gap.rows) close_lost(o, &o->gap);
    pthread_mutex_unlock(&o->lock);
    if (direct) o->overflowed = false;
    return direct;
}

static void end(struct pl_outlet *o, bool failed) {
    pthread_mutex_lock(&o->lock);
    o->writing = false;
    if (failed) begin_spooling(o);
    o->news = o->spooling;
    pthread_cond_broadcast(&o->changed);
    pthread_mutex_unlock(&o->lock);
}

static bool write_directly(struct pl_outlet *o, const struct pl_trace_batch *batch) {
    if (!batch->rows && !o->gap.rows) return true;
    if (o->kind->sink_write(o->sink, batch, &o->gap, o->pace->write)) {
        PL_LOG(PL_LOG_WARN, "trace rows go into the spool: the store does not take them", "why", pouch_why());
        return false;
    }
    o->gap = (struct pl_gap){0};
    pl_metric_add(PL_M_TRACE_ROWS, (int64_t)batch->rows);
    return true;
}

static pouch_err have_spool(struct pl_outlet *o) {
    if (o->spool) return POUCH_OK;
    if (!o->place.folder) return pl_fail(POUCH_E_CONFIG, "there is no folder for a spool: set trace.spool");
    struct pl_spool *s;
    pouch_err e = pl_spool_open(&s, &o->place, &o->bounds);
    if (e) return e;
    pthread_mutex_lock(&o->lock);
    o->spool = s;
    pthread_mutex_unlock(&o->lock);
    return POUCH_OK;
}

static void lose(struct pl_outlet *o, struct pl_gap *left) {
    if (!left->rows) return;
    atomic_fetch_add_explicit(&o->missing, left->rows, memory_order_relaxed);
    pl_metric_add(PL_M_TRACE_MISSING, (int64_t)left->rows);
    pthread_mutex_lock(&o->lock);
    pl_gap_move(&o->lost, left);
    pthread_mutex_unlock(&o->lock);
}

/* A gap that the store may have or not keeps its id. One that the spool does not take waits in memory. */
static void spool_gaps(struct pl_outlet *o, bool was_direct) {
    if (was_direct && o->gap.rows && !pl_spool_put_gap(o->spool, &o->gap)) o->gap = (struct pl_gap){0};
    struct pl_gap gap;
    pthread_mutex_lock(&o->lock);
    close_lost(o, &gap);
    pthread_mutex_unlock(&o->lock);
    if (!gap.rows || !pl_spool_put_gap(o->spool, &gap)) return;
    pthread_mutex_lock(&o->lock);
    pl_gap_move(&o->lost, &gap);
    pthread_mutex_unlock(&o->lock);
}

/* A spool that has taken nothing is left alone for a while: looking for room on a full disk takes time. */
static void spool_failed(struct pl_outlet *o) {
    o->spool_retry_us = now_us() + SPOOL_RETRY_US;
    if (!o->overflowed)
        PL_LOG(PL_LOG_ERROR, "trace rows will be missing: the spool does not take them", "why", pouch_why());
    o->overflowed = true;
}

static bool has_nothing(struct pl_outlet *o, const struct pl_trace_batch *batch, bool was_direct) {
    pthread_mutex_lock(&o->lock);
    bool lost = o->lost.rows > 0;
    pthread_mutex_unlock(&o->lock);
    return !batch->rows && !lost && !(was_direct && o->gap.rows);
}

static void spool(struct pl_outlet *o, const struct pl_trace_batch *batch, const struct pl_gap *rows, bool was_direct) {
    struct pl_gap left = *rows;
    if (has_nothing(o, batch, was_direct)) return;
    if (now_us() >= o->spool_retry_us) {
        pouch_err e = have_spool(o);
        if (!e) {
            left = (struct pl_gap){0};
            spool_gaps(o, was_direct);
            e = pl_spool_put(o->spool, batch, &left);
        }
        if (e) spool_failed(o);
    }
    pl_metric_add(PL_M_TRACE_SPOOLED, (int64_t)(batch->rows - left.rows));
    lose(o, &left);
}

void pl_outlet_write(struct pl_outlet *o, const struct pl_trace_batch *batch, const struct pl_gap *rows,
                     struct pl_gap *lost) {
    bool direct = begin(o, lost), stored = direct && write_directly(o, batch);
    if (!stored) spool(o, batch, rows, direct);
    end(o, direct && !stored);
}

int64_t pl_outlet_tidy(struct pl_outlet *o) {
    struct pl_gap none = {0};
    int64_t next_us = now_us() + o->tidy_every_us;
    if (begin(o, &none)) {
        tidy(o);
        next_us = o->tidy_us;
    }
    end(o, false);
    return next_us;
}

/* ---- the replayer ---- */

/*
 * Whether the store was fast, lately. A slow one is given another chance when there has been nothing to write for a
 * while.
 */
static bool is_calm(struct pl_outlet *o) {
    int64_t now = now_us();
    if (o->took_us * FAST_PART > us(o->pace->write)) {
        o->took_us = 0;
        o->calm_until_us = now + o->calm_us;
    }
    return now >= o->calm_until_us;
}

/* The spool was found empty: rows may go to the store again, unless the writer has put some meanwhile. */
static void go_direct(struct pl_outlet *o) {
    pthread_mutex_lock(&o->lock);
    bool calm = is_calm(o) || o->stop;
    while (calm && o->writing) pthread_cond_wait(&o->changed, &o->lock);
    bool done = calm && !o->news;
    if (done) end_spooling(o);
    o->next_us = o->calm_until_us;
    pthread_mutex_unlock(&o->lock);
    if (done) PL_LOG(PL_LOG_INFO, "trace rows go to the store again");
}

/* The sink is given away by the writer alone. */
static void take_sink(struct pl_outlet *o) {
    pthread_mutex_lock(&o->lock);
    while (o->writing) pthread_cond_wait(&o->changed, &o->lock);
    if (!o->spooling) begin_spooling(o);
    o->calm_until_us = o->next_us = 0;
    pthread_mutex_unlock(&o->lock);
}

static void adopt(struct pl_outlet *o) {
    o->adopt_us = now_us() + us(o->pace->adopt_every);
    if (o->adopted || !o->place.folder) return;
    if (pl_spool_adopt(&o->adopted, &o->place)) {
        if (!o->unadopted)
            PL_LOG(PL_LOG_WARN, "trace rows that another process left cannot be had", "why", pouch_why());
        o->unadopted = true;
        return;
    }
    if (!o->adopted) return;
    PL_LOG(PL_LOG_INFO, "trace rows that another process left are brought to the store");
    take_sink(o);
}

/* The next rows of a spool. None: from is NULL, and *rows has the gap that is only in memory, if there is one. */
static pouch_err fetch(struct pl_outlet *o, struct pl_spool **from, struct pl_spool_rows *rows) {
    pthread_mutex_lock(&o->lock);
    o->news = false;
    *from = o->adopted ? o->adopted : o->spool;
    pthread_mutex_unlock(&o->lock);
    *rows = (struct pl_spool_rows){0};
    pouch_err e = *from ? pl_spool_next(*from, o->bytes, rows) : POUCH_OK;
    if (e || rows->batch.rows || rows->gap.rows || o->adopted) return e;
    *from = NULL;
    pthread_mutex_lock(&o->lock);
    if (!o->gap.rows) close_lost(o, &o->gap);
    pthread_mutex_unlock(&o->lock);
    rows->gap = o->gap;
    return POUCH_OK;
}

/* stop_us may only be read without the lock once the stop has been seen. */
static int timeout_ms(const struct pl_outlet *o, int64_t now) {
    if (!o->stopping) return o->timeout_ms;
    int64_t left = (o->stop_us - now) / 1000;
    if (left > o->timeout_ms) return o->timeout_ms;
    return left > 1 ? (int)left : 1;
}

static pouch_err bring(struct pl_outlet *o, const struct pl_spool_rows *rows) {
    int64_t begun = now_us();
    pouch_err e = o->kind->sink_write(o->sink, &rows->batch, &rows->gap, timeout_ms(o, begun));
    o->took_us = now_us() - begun;
    if (e) return e;
    pl_metric_add(PL_M_TRACE_ROWS, (int64_t)rows->batch.rows);
    pl_metric_add(PL_M_TRACE_REPLAYED, (int64_t)rows->batch.rows);
    return POUCH_OK;
}

static void failed(struct pl_outlet *o) {
    int64_t now = now_us();
    if (now >= o->tell_us) {
        PL_LOG(PL_LOG_WARN, "trace rows stay in the spool: they cannot be brought to the store", "why", pouch_why());
        o->tell_us = now + TELL_EVERY_US;
    }
    o->failing = true;
    o->next_us = now + o->pause_us;
    o->pause_us = least(o->pause_us * 2, us(o->pace->pause_most));
    o->timeout_ms = (int)least(o->timeout_ms * 2, o->pace->replay_most);
    if (o->bytes > REPLAY_LEAST) o->bytes /= 2;
}

static void succeeded(struct pl_outlet *o, struct pl_spool *from) {
    o->failing = false;
    o->next_us = 0;
    o->pause_us = us(o->pace->pause_least);
    o->brought = o->brought || (from && from == o->adopted);
    if (o->bytes < REPLAY_MOST) o->bytes *= 2;
    if (from)
        pl_spool_done(from);
    else
        o->gap = (struct pl_gap){0};
}

static void end_adoption(struct pl_outlet *o) {
    pl_spool_close(o->adopted);
    o->adopted = NULL;
    if (o->brought) o->adopt_us = 0;
    o->brought = false;
}

static void replay(struct pl_outlet *o) {
    struct pl_spool *from;
    struct pl_spool_rows rows;
    pouch_err e = fetch(o, &from, &rows);
    bool none = !e && !rows.batch.rows && !rows.gap.rows;
    if (none && o->adopted)
        end_adoption(o);
    else if (none)
        go_direct(o);
    else if (e || bring(o, &rows))
        failed(o);
    else
        succeeded(o, from);
    if (!none) tidy(o);
}

enum turn { END, ADOPT, REPLAY, NOTHING };

static enum turn next_turn(struct pl_outlet *o) {
    int64_t now = now_us();
    if (o->stop && !o->stopping) {
        o->stopping = true;
        o->failing = false;
        o->next_us = 0;
    }
    if (o->stopping && (!o->spooling || o->failing || now >= o->stop_us)) return END;
    if (!o->stopping && now >= o->adopt_us) return ADOPT;
    bool due = now >= o->next_us || (o->news && !o->failing);
    return o->spooling && due ? REPLAY : NOTHING;
}

static enum turn wait_for_turn(struct pl_outlet *o) {
    enum turn turn;
    pthread_mutex_lock(&o->lock);
    while ((turn = next_turn(o)) == NOTHING) {
        int64_t at_us = o->spooling ? least(o->next_us, o->adopt_us) : o->adopt_us;
        wait_until(o, o->stopping ? least(at_us, o->stop_us) : at_us);
    }
    pthread_mutex_unlock(&o->lock);
    return turn;
}

static void *run(void *arg) {
    struct pl_outlet *o = arg;
    for (enum turn turn; (turn = wait_for_turn(o)) != END;) {
        if (turn == ADOPT)
            adopt(o);
        else
            replay(o);
    }
    return NULL;
}

/* ---- beginning and end ---- */

static void free_memory(struct pl_outlet *o) {
    if (o->sink) o->kind->sink_close(o->sink);
    pl_spool_close(o->adopted);
    pl_spool_close(o->spool);
    pthread_cond_destroy(&o->changed);
    pthread_mutex_destroy(&o->lock);
    free((char *)o->place.folder);
    free(o);
}

static bool init_locks(struct pl_outlet *o) {
    pthread_condattr_t attr;
    if (pthread_condattr_init(&attr)) return false;
    bool done = !pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) && !pthread_cond_init(&o->changed, &attr);
    pthread_condattr_destroy(&attr);
    if (done && pthread_mutex_init(&o->lock, NULL)) {
        pthread_cond_destroy(&o->changed);
        done = false;
    }
    return done;
}

static int64_t tidy_every(int64_t ttl_ms) {
    int64_t every = ttl_ms * 1000 / TIDY_A_TTL;
    if (every > TIDY_MOST_US) return TIDY_MOST_US;
    return every < TIDY_LEAST_US ? TIDY_LEAST_US : every;
}

static pouch_err fill(struct pl_outlet *o, const struct pl_outlet_settings *s) {
    o->kind = s->kind;
    o->pace = s->pace;
    o->place.store = s->spool.store;
    o->bounds = s->bounds;
    o->tidy_every_us = tidy_every(s->ttl_ms);
    o->tidy_us = now_us() + o->tidy_every_us;
    o->adopt_us = now_us() + us(s->pace->adopt_first);
    if (s->spool.folder && !(o->place.folder = strdup(s->spool.folder)))
        return pl_fail(POUCH_E_NO_MEMORY, "out of memory for writing traces");
    return POUCH_OK;
}

/* A reserve must be there before the disk is full. What the slot's last holder left is brought to the store first. */
static void open_reserve(struct pl_outlet *o) {
    if (!o->bounds.reserve || !o->place.folder) return;
    if (have_spool(o)) {
        PL_LOG(PL_LOG_WARN, "there is no spool for trace rows", "why", pouch_why());
        return;
    }
    if (!pl_spool_has_rows(o->spool)) return;
    PL_LOG(PL_LOG_INFO, "trace rows that another process left are brought to the store");
    begin_spooling(o);
    o->calm_until_us = o->next_us = 0;
}

pouch_err pl_outlet_new(struct pl_outlet **out, const struct pl_outlet_settings *s) {
    struct pl_outlet *o = calloc(1, sizeof *o);
    if (!o || !init_locks(o)) {
        free(o);
        return pl_fail(POUCH_E_NO_MEMORY, "out of memory for writing traces");
    }
    pouch_err e = fill(o, s);
    if (!e) e = s->kind->sink_open(&o->sink, s->where, s->ttl_ms);
    if (!e && s->keep_bytes && s->kind->sink_bound) s->kind->sink_bound(o->sink, s->keep_bytes);
    if (!e) open_reserve(o);
    if (!e) e = pl_thread_start(&o->replayer, "trace-replay", run, o);
    if (e)
        free_memory(o);
    else
        *out = o;
    return e;
}

void pl_outlet_free(struct pl_outlet *o, int ms) {
    if (!o) return;
    pthread_mutex_lock(&o->lock);
    o->stop = true;
    o->stop_us = now_us() + us(ms);
    pthread_cond_broadcast(&o->changed);
    pthread_mutex_unlock(&o->lock);
    pthread_join(o->replayer, NULL);
    if (o->gap.rows + o->lost.rows) {
        char missing[24];
        snprintf(missing, sizeof missing, "%" PRIu64, o->gap.rows + o->lost.rows);
        PL_LOG(PL_LOG_WARN, "traces are missing, and the store does not say so", "missing", missing);
    }
    if (o->spooling) end_spooling(o);
    free_memory(o);
}
