/* Calls that must wait for something: a few threads, and a bounded queue in front of them. */
#include <base/queue.h>
#include <base/thread.h>
#include <base/why.h>
#include <gateway/state.h>
#include <metrics/metrics.h>
#include <stdlib.h>

enum { THREADS = 4, WAITING_MAX = 256 };

struct work {
    struct httpd_call *call;
    pouch_err (*fn)(struct httpd_call *c, struct httpd_answer *a, void *gateway);
};

struct gateway_pool {
    struct gateway *gateway;
    struct pl_queue *queue;
    atomic_bool closing;
    pthread_t threads[THREADS];
    size_t n_threads;
};

static pouch_err do_work(struct gateway_pool *p, const struct work *w, struct httpd_answer *a) {
    if (atomic_load(&p->closing)) return pl_fail(POUCH_E_CLOSED, "Service is shutting down");
    return w->fn(w->call, a, p->gateway);
}

static void reply(struct gateway_pool *p, const struct work *w) {
    struct httpd_answer a;
    httpd_answer_init(&a);
    pouch_err e = do_work(p, w, &a);
    if (e && gateway_problem(&a, e, NULL)) a.status = 500;
    httpd_reply(w->call, &a);
}

static void *run(void *arg) {
    struct gateway_pool *p = arg;
    void *item;
    while (pl_queue_take(p->queue, &item, 1, -1)) {
        pl_metric_add(PL_M_GATEWAY_WORK, -1);
        reply(p, item);
        free(item);
    }
    return NULL;
}

pouch_err gateway_pool_new(struct gateway_pool **out, struct gateway *g) {
    struct gateway_pool *p = calloc(1, sizeof *p);
    if (!p) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a pool of threads");
    p->gateway = g;
    pouch_err e = pl_queue_new(&p->queue, WAITING_MAX);
    while (!e && p->n_threads < THREADS) {
        e = pl_thread_start(&p->threads[p->n_threads], "gateway-work", run, p);
        p->n_threads += !e;
    }
    *out = p;
    return e;
}

void gateway_pool_close(struct gateway_pool *p) {
    if (!p) return;
    atomic_store(&p->closing, true);
    if (p->queue) pl_queue_close(p->queue);
    for (size_t i = 0; i < p->n_threads; i++) pthread_join(p->threads[i], NULL);
    p->n_threads = 0;
}

void gateway_pool_free(struct gateway_pool *p) {
    if (!p) return;
    gateway_pool_close(p);
    pl_queue_free(p->queue);
    free(p);
}

/* Another thread may have answered before the queue says that it took it, so the call is taken first. */
pouch_err gateway_work(struct gateway *g, struct httpd_call *c, struct httpd_answer *a,
                       pouch_err (*fn)(struct httpd_call *c, struct httpd_answer *a, void *gateway)) {
    struct work *w = malloc(sizeof *w);
    if (!w) return gateway_problem(a, POUCH_E_NO_MEMORY, "out of memory for a call");
    *w = (struct work){c, fn};
    void *item = w;
    httpd_later(c);
    pl_metric_add(PL_M_GATEWAY_WORK, 1);
    if (pl_queue_put(g->pool->queue, &item, 1)) return POUCH_OK;
    pl_metric_add(PL_M_GATEWAY_WORK, -1);
    free(w);
    struct httpd_answer full;
    httpd_answer_init(&full);
    bool told = !gateway_problem(&full, POUCH_E_OVERLOADED, "as much is being looked up as may be: ask again");
    if (!told) full.status = 500;
    httpd_reply(c, &full);
    return POUCH_OK;
}
