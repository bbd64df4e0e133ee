/*
 * Which requests are worth queueing. What is queued is handled in order, so when more comes than handlers can do, all
 * that they get is what has waited for as long as its requester does, and nobody is answered in time. So a request that
 * would wait for more than half of the time that it has left is answered `overloaded` at once: it can be asked again
 * elsewhere or later, and those that are queued are answered in time.
 *
 * One that came in time, and whose time has passed while it waited, is not handled any more when others wait:
 * deadline.skew is for clocks that differ, and in a backlog it would be spent on those that nobody waits for.
 *
 * How long one waits is told from how fast handlers have been called lately, which is only measured while there was
 * always one more to call, and is not known any more once nothing has waited for a while: then everything is queued.
 */
#include <base/why.h>
#include <worker/worker.h>

enum {
    SAMPLE_US = 100000,  /* a sample is no shorter */
    ROUNDS = 2,          /* nor has it fewer calls than that for each thread */
    FORGET_US = 1000000, /* after that long with nothing in the queue */
    WORTH_US = 50000     /* waiting no longer than that is for everybody */
};

static void begin_sample(struct pl_pace *p, size_t called, int64_t now_us) {
    p->from_called = called;
    p->from_us = now_us;
}

void pl_pace_look(struct pouch_worker *w, size_t waiting, int64_t now_us) {
    struct pl_pace *p = &w->pace;
    size_t called = atomic_load_explicit(&w->called, memory_order_relaxed);
    if (!waiting) {
        if (now_us - p->waited_us > FORGET_US) p->call_ns = 0;
        begin_sample(p, called, now_us);
        return;
    }
    p->waited_us = now_us;
    if (pl_pool_is_full(&w->pool)) { /* handlers are not called until outcomes have been stored */
        begin_sample(p, called, now_us);
        return;
    }
    if (now_us - p->from_us < SAMPLE_US || called - p->from_called < ROUNDS * w->pool.n) return;
    int64_t ns = (now_us - p->from_us) * 1000 / (int64_t)(called - p->from_called);
    p->call_ns = p->call_ns ? (p->call_ns + ns) / 2 : ns;
    begin_sample(p, called, now_us);
}

int64_t pl_pace_wait_us(const struct pouch_worker *w, size_t ahead) {
    return (int64_t)ahead * w->pace.call_ns / 1000;
}

bool pl_job_admit(struct pouch_job *j, int64_t wait_us) {
    const struct pouch_worker *w = j->worker;
    if (wait_us <= WORTH_US || !pl_clockcheck_trusted(&w->clockcheck) || pl_job_read(j) || !j->deadline_ms) return true;
    int64_t left_us = (j->deadline_ms - pl_wall_ms(w->clock)) * 1000;
    if (wait_us <= left_us / 2) return true;
    pl_job_end_uncalled(j, POUCH_E_OVERLOADED,
                        "more is waiting for a handler than can be done in half of the time that is left");
    return false;
}

bool pl_job_stale(const struct pouch_job *j) {
    const struct pouch_worker *w = j->worker;
    if (!j->deadline_ms || !pl_clockcheck_trusted(&w->clockcheck)) return false;
    int64_t over_us = (pl_wall_ms(w->clock) - j->deadline_ms) * 1000;
    return over_us > 0 && pl_mono_us(w->clock) - j->taken_us > over_us && pl_queue_length(w->work);
}
