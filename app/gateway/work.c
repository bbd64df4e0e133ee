/*
 * Calls that must wait for something: a few threads, and a bounded queue in front of them; others for what may take
 * long.
 */
#include <base/clock.h>
#include <base/queue.h>
#include <base/thread.h>
#include <base/why.h>
#include <gateway/state.h>
#include <metrics/metrics.h>
#include <stdlib.h>

enum { THREADS = 4, WAITING_MAX = 256, GRACE_MS = 1000 };
enum kind { SHORT, LONG, KINDS };

static const enum pl_metric waiting[KINDS] = {[SHORT] = PL_M_GATEWAY_WORK, [LONG] = PL_M_GATEWAY_WORK_LONG};

struct work {
    struct httpd_call *call;
    pouch_err (*fn)(struct httpd_call *c, struct httpd_answer *a, void *gateway);
};

struct lane {
    struct gateway_pool *pool;
    enum kind kind;
    struct pl_queue *queue;
    pthread_t threads[THREADS];
    size_t n_threads;
};

struct gateway_pool {
    struct gateway *gateway;
    struct lane lanes[KINDS];
    struct pl_queue *ended; /* lanes, one for each thread that has ended */
    size_t n_ended;
    atomic_bool closing;
    atomic_size_t inside; /* threads that are in a call */
};

/* Counted before it looks: once the pool closes and none is counted, none will be. */
static pouch_err do_work(struct gateway_pool *p, const struct work *w, struct httpd_answer *a) {
    atomic_fetch_add(&p->inside, 1);
    pouch_err e =
        atomic_load(&p->closing) ? pl_fail(POUCH_E_CLOSED, "Service is shutting down") : w->fn(w->call, a, p->gateway);
    atomic_fetch_sub(&p->inside, 1);
    return e;
}

static void reply(struct gateway_pool *p, const struct work *w) {
    struct httpd_answer a;
    httpd_answer_init(&a);
    pouch_err e = do_work(p, w, &a);
    if (e && gateway_problem(&a, e, NULL)) a.status = 500;
    httpd_reply(w->call, &a);
}

/* All that waits, and what comes within wait_us. */
static void serve(struct lane *l, int64_t wait_us) {
    void *item;
    while (pl_queue_take(l->queue, &item, 1, wait_us)) {
        pl_metric_add(waiting[l->kind], -1);
        reply(l->pool, item);
        free(item);
    }
}

static void *run(void *arg) {
    struct lane *l = arg;
    serve(l, -1);
    void *item = l;
    (void)!pl_queue_put(l->pool->ended, &item, 1);
    return NULL;
}

static pouch_err start_lane(struct gateway_pool *p, enum kind kind) {
    struct lane *l = &p->lanes[kind];
    *l = (struct lane){.pool = p, .kind = kind};
    pouch_err e = pl_queue_new(&l->queue, WAITING_MAX);
    while (!e && l->n_threads < THREADS) {
        e = pl_thread_start(&l->threads[l->n_threads], "gateway-work", run, l);
        l->n_threads += !e;
    }
    return e;
}

pouch_err gateway_pool_new(struct gateway_pool **out, struct gateway *g) {
    struct gateway_pool *p = *out = calloc(1, sizeof *p);
    if (!p) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a pool of threads");
    p->gateway = g;
    pouch_err e = pl_queue_new(&p->ended, KINDS * THREADS);
    for (enum kind kind = SHORT; !e && kind < KINDS; kind++) e = start_lane(p, kind);
    return e;
}

/* Whether all have ended by then. */
static bool wait_for_threads(struct gateway_pool *p, size_t n, int64_t by_us) {
    void *ended[KINDS * THREADS];
    while (p->n_ended < n) {
        int64_t left_us = by_us - pl_mono_us(&pl_clock_system);
        size_t more = pl_queue_take(p->ended, ended, KINDS * THREADS, left_us > 0 ? left_us : 0);
        if (!more) return false;
        p->n_ended += more;
    }
    return true;
}

/* What waits is told here, since each of the threads may be in a call that does not end. */
static void close_lane(struct lane *l) {
    if (!l->queue) return;
    pl_queue_close(l->queue);
    serve(l, 0);
}

/*
 * A thread that is in no call ends, however long it is kept from a processor: it is no reason to leave anything as it
 * is.
 */
bool gateway_pool_close(struct gateway_pool *p, int ms) {
    size_t n = 0;
    if (!p || !p->ended) return true;
    atomic_store(&p->closing, true);
    for (enum kind kind = SHORT; kind < KINDS; kind++) {
        close_lane(&p->lanes[kind]);
        n += p->lanes[kind].n_threads;
    }
    int64_t by_us = pl_mono_us(&pl_clock_system) + (ms > GRACE_MS ? ms : GRACE_MS) * INT64_C(1000);
    if (!wait_for_threads(p, n, by_us) && atomic_load(&p->inside)) return false;
    for (enum kind kind = SHORT; kind < KINDS; kind++)
        while (p->lanes[kind].n_threads) pthread_join(p->lanes[kind].threads[--p->lanes[kind].n_threads], NULL);
    return true;
}

void gateway_pool_free(struct gateway_pool *p) {
    if (!p) return;
    for (enum kind kind = SHORT; kind < KINDS; kind++) pl_queue_free(p->lanes[kind].queue);
    pl_queue_free(p->ended);
    free(p);
}

/* Another thread may have answered before the queue says that it took it, so the call is taken first. */
static pouch_err work_on(struct gateway *g, enum kind kind, struct httpd_call *c, struct httpd_answer *a,
                         pouch_err (*fn)(struct httpd_call *c, struct httpd_answer *a, void *gateway)) {
    struct work *w = malloc(sizeof *w);
    if (!w) return gateway_problem(a, POUCH_E_NO_MEMORY, "out of memory for a call");
    *w = (struct work){c, fn};
    void *item = w;
    httpd_later(c);
    pl_metric_add(waiting[kind], 1);
    if (pl_queue_put(g->pool->lanes[kind].queue, &item, 1)) return POUCH_OK;
    pl_metric_add(waiting[kind], -1);
    free(w);
    struct httpd_answer full;
    httpd_answer_init(&full);
    bool told = !gateway_problem(&full, POUCH_E_OVERLOADED, "as much is being looked up as may be: ask again");
    if (!told) full.status = 500;
    httpd_reply(c, &full);
    return POUCH_OK;
}

pouch_err gateway_work(struct gateway *g, struct httpd_call *c, struct httpd_answer *a,
                       pouch_err (*fn)(struct httpd_call *c, struct httpd_answer *a, void *gateway)) {
    return work_on(g, SHORT, c, a, fn);
}

pouch_err gateway_work_long(struct gateway *g, struct httpd_call *c, struct httpd_answer *a,
                            pouch_err (*fn)(struct httpd_call *c, struct httpd_answer *a, void *gateway)) {
    return work_on(g, LONG, c, a, fn);
}
