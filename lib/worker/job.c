/* What a handler can see of its job, and the ways to end it. Any thread. */
#include <base/log.h>
#include <base/why.h>
#include <metrics/timing.h>
#include <stdio.h>
#include <string.h>
#include <wire/dest.h>
#include <worker/worker.h>

const void *pouch_job_payload(const pouch_job *j, size_t *n) {
    if (n) *n = j->payload.n;
    return j->payload.at;
}

const char *pouch_job_request_id(const pouch_job *j) {
    return j->request_id;
}

const char *pouch_job_topic(const pouch_job *j) {
    return j->route->topic;
}

const char *pouch_job_publisher(const pouch_job *j) {
    return j->publisher;
}

const char *pouch_job_source(const pouch_job *j) {
    return j->source;
}

int64_t pouch_job_deadline(const pouch_job *j) {
    return j->deadline_ms;
}

int pouch_job_attempt(const pouch_job *j) {
    return j->attempt;
}

int pouch_job_wants_reply(const pouch_job *j) {
    return j->wants_reply;
}

const void *pouch_job_header(const pouch_job *j, const char *name, size_t *n) {
    const struct pl_header *h = pl_headers_find(&j->headers, name);
    if (n) *n = h ? h->n : 0;
    return h ? h->value : NULL;
}

const char *pouch_job_header_at(const pouch_job *j, size_t i, const void **value, size_t *n) {
    const struct pl_header *h = i < j->headers.n ? &j->headers.at[i] : NULL;
    if (value) *value = h ? h->value : NULL;
    if (n) *n = h ? h->n : 0;
    return h ? h->name : NULL;
}

/*
 * True: this thread has ended the job and is alone with it. well: where a handler has ended it, that speaks for the
 * handler.
 */
static bool win(struct pouch_job *j, bool well) {
    int open = PL_JOB_OPEN;
    if (!atomic_compare_exchange_strong(&j->state, &open, PL_JOB_ENDED)) return false;
    int64_t started = atomic_load_explicit(&j->started_us, memory_order_relaxed);
    j->ended_us = pl_mono_us(j->worker->clock);
    if (!started) return true;
    pl_timing_record(PL_T_HANDLER, j->ended_us - started);
    if (well) pl_gate_ended_well(j);
    return true;
}

static pouch_err late(struct pouch_job *j) {
    pouch_err e = pl_fail(
        POUCH_E_HANDLER_TIMEOUT,
        "the worker has ended request %s already: handler.timeout or, while stopping, drain had passed", j->request_id);
    pl_job_let_go(j);
    return e;
}

void pl_job_pack(struct pouch_job *j, struct pl_desk *desk) {
    struct pl_pool *pool = &j->worker->pool;
    pl_pool_hold(pool, desk->parcel.value.len);
    pl_pool_release(pool, j->parcel.value.len);
    pl_parcel_swap(&j->parcel, &desk->parcel);
}

/* Once the producer has taken it, the job is the poll thread's: its delivery may be reported before this returns. */
static void send_parcel(struct pouch_job *j, struct pl_desk *desk) {
    atomic_store_explicit(&desk->sending, j, memory_order_release);
    atomic_store_explicit(&j->state, PL_JOB_SENT, memory_order_release);
    if (pl_parcel_send(&j->parcel, j->worker->producer, &j->answer)) {
        atomic_store_explicit(&j->state, PL_JOB_ENDED, memory_order_relaxed);
        pl_job_hand_over(j);
    }
    atomic_store_explicit(&desk->sending, NULL, memory_order_release);
}

static bool win_with_parcel(struct pouch_job *j, struct pl_desk *desk, enum pl_metric counted, bool passed_on) {
    if (!win(j, true)) return false;
    j->counted = counted;
    j->passed_on = passed_on;
    pl_job_pack(j, desk);
    j->waiting = 1;
    j->end = PL_END_SEND;
    if (atomic_load_explicit(&j->worker->detour, memory_order_relaxed))
        pl_job_hand_over(j);
    else
        send_parcel(j, desk);
    return true;
}

/*
 * Ends the job with what lies on the desk, unless making it has failed or the worker was faster.
 * Sealed before the swap of states, so that an error can leave the job open.
 */
static pouch_err end_with_parcel(struct pouch_job *j, struct pl_desk *desk, pouch_err e, enum pl_metric counted,
                                 bool passed_on) {
    struct pouch_worker *w = j->worker;
    bool won = !e && win_with_parcel(j, desk, counted, passed_on);
    pl_desk_give(&w->desks, desk);
    return e || won ? e : late(j);
}

/* Ends the job with a text for the poll thread. The desk is given back by the caller. */
static bool end_with_text(struct pouch_job *j, struct pl_desk *desk, enum pl_job_end end, pouch_err code) {
    if (!win(j, end != PL_END_RETRY)) return false;
    j->end = end;
    j->code = code;
    pl_buf_swap(&j->text, &desk->text);
    pl_job_hand_over(j);
    return true;
}

static pouch_err end_by_poll_thread(struct pouch_job *j, enum pl_job_end end, const char *text) {
    struct pouch_worker *w = j->worker;
    struct pl_desk *desk = pl_desk_take(&w->desks);
    if (!desk) return late(j);
    pouch_err e = pl_buf_append(&desk->text, text, strnlen(text, PL_ERROR_TEXT_MAX));
    bool won = !e && end_with_text(j, desk, end, POUCH_E_HANDLER_ERROR);
    pl_desk_give(&w->desks, desk);
    return e || won ? e : late(j);
}

void pl_job_give_back(struct pouch_job *j) {
    if (!win(j, false)) {
        pl_job_let_go(j);
        return;
    }
    j->end = PL_END_HOLD;
    pl_job_hand_over(j);
}

void pl_job_refuse(struct pouch_job *j, struct pl_desk *desk, pouch_err code, const char *why) {
    enum pl_job_end end = code == POUCH_E_NO_MEMORY   ? PL_END_AGAIN
                          : code == POUCH_E_UNCHECKED ? PL_END_UNCHECKED
                                                      : PL_END_FAIL;
    pl_buf_reset(&desk->text);
    if (pl_buf_puts(&desk->text, why)) pl_buf_reset(&desk->text); /* then the code alone must do */
    if (!end_with_text(j, desk, end, code)) pl_job_let_go(j);
}

void pl_job_repeat(struct pouch_job *j, struct pl_desk *desk, const void *reply, size_t n) {
    bool tell = n && j->wants_reply && j->reply_topic;
    pouch_err e = tell ? pl_answer_again(j, desk, reply, n) : POUCH_OK;
    if (e) {
        if (e != POUCH_E_NO_MEMORY) j->opened = false; /* it is refused */
        pl_job_refuse(j, desk, e, pouch_why());
        return;
    }
    bool won =
        tell ? win_with_parcel(j, desk, PL_M_JOBS_REPEATED, false) : end_with_text(j, desk, PL_END_KNOWN, POUCH_OK);
    if (!won) pl_job_let_go(j);
}

static pouch_err check_json(const void *json, size_t n, const char *what) {
    if (pl_json_valid(json, n)) return POUCH_OK;
    return pl_fail(POUCH_E_INVALID_PAYLOAD, "the %s is not one JSON text in UTF-8; text must be in quotes", what);
}

/*
 * Ends the job for its handler: the reply goes once it can be checked. Until the job has been won it is this thread's
 * to write. The desk keeps the worker from ending before the job is handed over.
 */
static pouch_err keep_reply(struct pouch_job *j, const void *json, size_t n) {
    struct pouch_worker *w = j->worker;
    pouch_err e = j->kept.len ? POUCH_OK : pl_buf_append(&j->kept, json, n);
    struct pl_desk *desk = e ? NULL : pl_desk_take(&w->desks);
    if (!desk) return e ? e : late(j);
    bool won = win(j, true);
    if (won) {
        j->end = PL_END_UNCHECKED;
        pl_job_hand_over(j);
    }
    pl_desk_give(&w->desks, desk);
    return won ? POUCH_OK : late(j);
}

static pouch_err check_reply(struct pouch_job *j, const void *json, size_t n) {
    pouch_err e = check_json(json, n, "reply");
    if (e || !j->wants_reply) return e;
    e = pl_job_valid_reply(j, json, n);
    if (e == POUCH_E_INVALID_PAYLOAD)
        PL_LOG(PL_LOG_WARN, "a reply is not valid, and its handler is told so", "request_id", j->request_id, "source",
               j->source);
    return e;
}

pouch_err pouch_job_reply(pouch_job *j, const void *json, size_t n) {
    pouch_err e = check_reply(j, json, n);
    if (e == POUCH_E_UNCHECKED) return keep_reply(j, json, n);
    if (e) return e;
    if (!j->wants_reply) return end_by_poll_thread(j, PL_END_DONE, "");
    struct pl_desk *desk = pl_desk_take(&j->worker->desks);
    if (!desk) return late(j);
    return end_with_parcel(j, desk, pl_answer_reply(j, desk, json, n), PL_M_JOBS, false);
}

static bool is_gone(pouch_err e) {
    return !e || e == POUCH_E_HANDLER_TIMEOUT;
}

/* Its handler is done with it, so where the reply cannot go the job fails in its place. */
void pl_job_reply_again(struct pouch_job *j) {
    char why[PL_ERROR_TEXT_MAX];
    if (is_gone(pouch_job_reply(j, j->kept.at, j->kept.len))) return;
    snprintf(why, sizeof why, "%s", pouch_why());
    if (!is_gone(pouch_job_fail(j, why))) (void)!pouch_job_retry(j, NULL); /* which needs no memory */
}

pouch_err pouch_job_fail(pouch_job *j, const char *text) {
    if (!text) text = "";
    if (!j->wants_reply) return end_by_poll_thread(j, PL_END_FAIL, text);
    struct pl_desk *desk = pl_desk_take(&j->worker->desks);
    if (!desk) return late(j);
    return end_with_parcel(j, desk, pl_answer_error(j, desk, POUCH_E_HANDLER_ERROR, text), PL_M_JOBS_FAILED, false);
}

pouch_err pouch_job_retry(pouch_job *j, const char *reason) {
    return end_by_poll_thread(j, PL_END_RETRY, reason ? reason : "");
}

pouch_err pouch_job_forward(pouch_job *j, const pouch_dest *next, const void *json, size_t n) {
    pouch_err e = check_json(json, n, "request to pass on");
    if (e) return e;
    if (j->hop >= PL_HOPS_MAX)
        return pl_fail(POUCH_E_HOP_LIMIT, "request %s has been passed on %d times; look for a circle of forwards",
                       j->request_id, j->hop);
    struct pl_desk *desk = pl_desk_take(&j->worker->desks);
    if (!desk) return late(j);
    return end_with_parcel(j, desk, pl_answer_pass_on(j, desk, next, json, n), PL_M_JOBS_FORWARDED, true);
}
