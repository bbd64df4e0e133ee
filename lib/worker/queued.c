/*
 * Jobs that wait for a thread while none comes free, because handlers do not return or take long. So that every request
 * ends, and its partition goes on, the poll thread looks at those in the queue whenever no thread has taken one for a
 * while: one whose deadline has passed is answered for; so is one that has waited for the whole of handler.timeout in
 * which no thread came free, since that is how long a handler may take, and so those that have the threads will not
 * return.
 *
 * Only the poll thread puts jobs into the queue, so what it takes out and puts back stays in order.
 */
#include <base/log.h>
#include <base/why.h>
#include <stdio.h>
#include <worker/worker.h>

enum { LOOK_US = 1000000 };

/* How long no thread has taken a job; 0: some do, none is there to take, or they wait until outcomes are stored. */
static int64_t still_us(struct pouch_worker *w, int64_t now_us) {
    size_t waiting = pl_queue_length(w->work), taken = w->queued - waiting;
    pl_pace_look(w, waiting, now_us);
    if (!waiting || taken != w->unqueued || pl_pool_is_full(&w->pool)) {
        w->unqueued = taken;
        w->moved_us = now_us;
        w->stuck_told = false;
    }
    return now_us - w->moved_us;
}

/*
 * True: it has been ended, or waits for a copy of it that is in hand. What it needs for that is in the record, which
 * may not have been read yet.
 */
static bool ended(struct pouch_job *j, bool stuck, int64_t now_us) {
    int64_t most = (int64_t)j->worker->settings.handler_timeout_ms * 1000;
    pouch_err e = j->opened ? POUCH_OK : pl_job_read(j);
    if (e == POUCH_E_NO_MEMORY) return false;
    if (e) {
        pl_job_refuse(j, j->worker->desk, e, pouch_why());
        pl_desk_clear(j->worker->desk);
    } else if (pl_job_expired(j)) {
        pl_job_end_uncalled(j, POUCH_E_EXPIRED, "the deadline passed before a handler was free");
    } else if (stuck && now_us - j->taken_us >= most) {
        pl_job_end_uncalled(j, POUCH_E_OVERLOADED, "no handler came free within handler.timeout");
    } else {
        return false;
    }
    return true;
}

static void tell(struct pouch_worker *w) {
    char n[24];
    if (w->stuck_told) return;
    w->stuck_told = true;
    snprintf(n, sizeof n, "%zu", w->pool.n);
    PL_LOG(PL_LOG_ERROR,
           "no handler has come free within handler.timeout: they do not return, and what waits for them is answered "
           "overloaded; restart the worker",
           "handlers", n);
}

static void look(struct pouch_worker *w, bool stuck, int64_t now_us) {
    void *job;
    size_t n = pl_queue_length(w->work);
    if (stuck) tell(w);
    for (; n && pl_queue_take(w->work, &job, 1, 0); n--)
        if (!ended(job, stuck, now_us)) pl_queue_put(w->work, &job, 1);
    w->unqueued = w->queued - pl_queue_length(w->work);
}

void pl_jobs_queued_look(struct pouch_worker *w) {
    int64_t now = pl_mono_us(w->clock), still = still_us(w, now);
    if (still < LOOK_US || now < w->queue_look_us) return;
    w->queue_look_us = now + LOOK_US;
    look(w, still >= (int64_t)w->settings.handler_timeout_ms * 1000, now);
}
