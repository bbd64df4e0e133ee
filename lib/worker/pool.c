#include <base/thread.h>
#include <base/why.h>
#include <stdlib.h>
#include <worker/trace.h>

void pl_pool_hold(struct pl_pool *p, size_t bytes) {
    atomic_fetch_add_explicit(&p->held, bytes, memory_order_relaxed);
}

void pl_pool_release(struct pl_pool *p, size_t bytes) {
    if (!bytes) return;
    size_t before = atomic_fetch_sub(&p->held, bytes);
    if (before <= p->most || before - bytes > p->most) return;
    pthread_mutex_lock(&p->lock);
    pthread_cond_broadcast(&p->room);
    pthread_mutex_unlock(&p->lock);
}

bool pl_pool_is_full(const struct pl_pool *p) {
    return atomic_load_explicit(&p->held, memory_order_relaxed) > p->most;
}

static void wait_for_room(struct pl_pool *p) {
    if (!pl_pool_is_full(p)) return;
    pthread_mutex_lock(&p->lock);
    while (!p->closed && atomic_load(&p->held) > p->most) pthread_cond_wait(&p->room, &p->lock);
    pthread_mutex_unlock(&p->lock);
}

/* One that was opened before comes here when it has waited for another one's end. */
static pouch_err open_or_look(struct pouch_job *j, struct pl_desk *desk) {
    if (!j->opened) return pl_job_open(j, desk);
    return pl_job_expired(j) ? pl_fail(POUCH_E_EXPIRED, "the deadline passed while the same request was handled")
                             : POUCH_OK;
}

/*
 * Opens the record where this is the first attempt. False: the job has been ended, or waits, and is not this thread's
 * any more.
 */
static bool ready(struct pouch_job *j) {
    struct pouch_worker *w = j->worker;
    bool before = j->opened;
    if (before && (!w->dedupe || j->entry)) return true;
    struct pl_desk *desk = pl_desk_take(&w->desks);
    if (!desk) {
        pl_job_let_go(j);
        return false;
    }
    pouch_err e = open_or_look(j, desk);
    j->opened = !e;
    if (!e && !before) pl_worker_trace_begun(j);
    if (e && (e != POUCH_E_EXPIRED || !pl_job_known(j, desk))) pl_job_refuse(j, desk, e, pouch_why());
    bool handle = !e && (!w->dedupe || pl_job_first(j, desk));
    pl_desk_give(&w->desks, desk);
    return handle;
}

static void run(struct pouch_job *j) {
    if (j->kept.len) {
        atomic_store_explicit(&j->started_us, pl_mono_us(j->worker->clock), memory_order_release);
        pl_job_reply_again(j);
        return;
    }
    if (!ready(j) || !pl_job_valid(j)) return;
    if (atomic_load(&j->state) == PL_JOB_LATE) {
        pl_job_let_go(j);
        return;
    }
    if (!pl_gate_lets(j)) {
        pl_job_give_back(j);
        return;
    }
    atomic_fetch_add_explicit(&j->worker->called, 1, memory_order_relaxed);
    atomic_store_explicit(&j->started_us, pl_mono_us(j->worker->clock), memory_order_release);
    j->route->fn(j, j->route->arg);
}

static void *thread_main(void *arg) {
    struct pouch_worker *w = arg;
    void *job;
    for (;;) {
        wait_for_room(&w->pool);
        if (!pl_queue_take(w->work, &job, 1, -1)) return NULL;
        run(job);
    }
}

pouch_err pl_pool_start(struct pouch_worker *w, size_t threads, size_t most_held) {
    struct pl_pool *p = &w->pool;
    p->most = most_held;
    p->threads = calloc(threads, sizeof *p->threads);
    if (!p->threads) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for %zu handler threads", threads);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->room, NULL);
    for (; p->n < threads; p->n++) {
        if (pl_thread_start(&p->threads[p->n], "pouch-handler", thread_main, w))
            return pl_fail(POUCH_E_NO_MEMORY,
                           "%zu of %zu handlers have a thread; lower worker.concurrency, or raise the "
                           "limit of threads",
                           p->n, threads);
    }
    return POUCH_OK;
}

void pl_pool_close(struct pl_pool *p) {
    if (!p->threads) return;
    pthread_mutex_lock(&p->lock);
    p->closed = true;
    pthread_cond_broadcast(&p->room);
    pthread_mutex_unlock(&p->lock);
}

void pl_pool_join(struct pl_pool *p) {
    if (!p->threads) return;
    for (size_t i = 0; i < p->n; i++) pthread_join(p->threads[i], NULL);
    free(p->threads);
    pthread_cond_destroy(&p->room);
    pthread_mutex_destroy(&p->lock);
    *p = (struct pl_pool){0};
}
