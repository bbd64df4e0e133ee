/* Measuring again and again on one thread; pages and metrics show the latest on the server's. */
#include <admin/health.h>
#include <base/buf.h>
#include <base/clock.h>
#include <base/wake.h>
#include <httpd/health.h>
#include <metrics/metrics.h>
#include <ops/common.h>
#include <ops/health.h>
#include <ops/member.h>
#include <pthread.h>
#include <stdatomic.h>

/* After so many periods without a measurement what is shown is not how it stands. */
enum { STALE_PERIODS = 4 };

struct watching {
    const struct ops_health_watch *w;
    struct pl_wake wake;
    atomic_bool stopped;
    pthread_mutex_t lock; /* holds latest */
    struct admin_health latest;
    int64_t measured_us; /* when, by the clock that nobody sets; 0: not yet */
};

/* ---- what is shown: on the server's thread ---- */

static void add_all(json_t *to, json_t *texts) {
    json_array_extend(to, texts);
    json_decref(texts);
}

static bool is_stale(const struct watching *g) {
    int64_t most_ms = STALE_PERIODS * (int64_t)g->w->every_ms + g->w->ask.timeout_ms;
    return pl_mono_us(&pl_clock_system) - g->measured_us > most_ms * 1000;
}

/* Why it is as bad as `from`, or worse. */
static void tell(json_t *reasons, struct watching *g, enum pl_shape_status from) {
    pthread_mutex_lock(&g->lock);
    if (!g->measured_us)
        pl_json_say(reasons, "nothing has been measured yet");
    else if (is_stale(g))
        pl_json_say(reasons, "what was measured last is too old");
    else
        add_all(reasons, admin_health_reasons(&g->latest, from));
    pthread_mutex_unlock(&g->lock);
}

static void unready(json_t *reasons, void *arg) {
    tell(reasons, arg, PL_SHAPE_UNHEALTHY);
}

static void unhealthy(json_t *reasons, void *arg) {
    tell(reasons, arg, PL_SHAPE_DEGRADED);
}

static void status(json_t *into, void *arg) {
    struct watching *g = arg;
    pthread_mutex_lock(&g->lock);
    json_object_set_new(into, "cluster", g->measured_us ? admin_health_json(&g->latest) : json_null());
    pthread_mutex_unlock(&g->lock);
}

/* Lines that no longer fit are left out, as the collector's contract has no way to fail. */
static void collect(struct pl_buf *out, void *arg) {
    struct watching *g = arg;
    pthread_mutex_lock(&g->lock);
    pouch_err e = g->measured_us ? ops_health_metrics(out, &g->latest) : POUCH_OK;
    pthread_mutex_unlock(&g->lock);
    (void)e;
}

/* ---- measuring ---- */

/*
 * In place of the latest, whose place it takes; nobody else changes that, so that it may be read here without the lock.
 */
static void show(struct watching *g, const struct admin_health *next) {
    struct admin_health before;
    pthread_mutex_lock(&g->lock);
    before = g->latest;
    g->latest = *next;
    g->measured_us = pl_mono_us(&pl_clock_system);
    pthread_mutex_unlock(&g->lock);
    if (before.shape == next->shape) before.shape = NULL;
    if (before.lag == next->lag) before.lag = NULL;
    admin_health_free(&before);
}

/* Lag takes longer, most of all while a broker is away; until it is there what was known of it stays. */
static bool measure(struct watching *g) {
    struct admin_health next;
    admin_health_measure(&next, &g->w->ask);
    next.lag = g->latest.lag;
    next.lagging = g->latest.lagging;
    if (g->measured_us) show(g, &next);
    next.lag = NULL;
    next.lagging = (struct pl_outcome){0};
    admin_health_measure_lag(&next, &g->w->ask);
    show(g, &next);
    return !g->w->tell || g->w->tell(&g->latest, g->w->arg);
}

/* The first at once; each further one a period after the one before began. */
static void turn(struct watching *g) {
    const int64_t period_us = (int64_t)g->w->every_ms * 1000;
    for (int64_t next_us = pl_mono_us(&pl_clock_system);;) {
        if (!measure(g)) return;
        int64_t now_us = pl_mono_us(&pl_clock_system);
        next_us = next_us + period_us > now_us ? next_us + period_us : now_us;
        pl_wake_wait(&g->wake, next_us - now_us);
        if (atomic_load(&g->stopped)) return;
    }
}

/* From the signal handler. */
static void stop(void *arg) {
    struct watching *g = arg;
    atomic_store(&g->stopped, true);
    pl_wake_signal(&g->wake);
}

static pouch_err serve(struct watching *g) {
    const struct httpd_owner owner = {
        .role = "health", .unready = unready, .unhealthy = unhealthy, .health = status, .status = status, .arg = g};
    struct httpd_health *server;
    pouch_err e = pl_metrics_collect(collect, g);
    if (e) return e;
    e = httpd_health_start(&server, g->w->listen, &owner);
    if (!e) {
        turn(g);
        httpd_health_stop(server);
    }
    pl_metrics_forget(collect, g);
    return e;
}

pouch_err ops_health_watch(const struct ops_health_watch *w) {
    struct watching g = {.w = w, .lock = PTHREAD_MUTEX_INITIALIZER};
    pouch_err e = pl_wake_init(&g.wake);
    if (e) return e;
    e = ops_on_stop(stop, &g);
    if (!e) e = serve(&g);
    ops_no_stop();
    admin_health_free(&g.latest);
    pl_wake_free(&g.wake);
    return e;
}
