/* What becomes of a job that has ended without an answer of its handler's. The poll thread's. */
#include <base/log.h>
#include <base/why.h>
#include <crypto/random.h>
#include <metrics/timing.h>
#include <string.h>
#include <worker/worker.h>

enum { AGAIN_MS = 100 };

static bool make_error(struct pouch_job *j, pouch_err code, const char *text, unsigned how) {
    struct pl_desk *desk = j->worker->desk;
    bool sealed = how & PL_TELL_SEALED;
    if (!(how & (PL_TELL_SEALED | PL_TELL_PLAIN)) || !j->readable || !j->reply_topic) return false;
    if (!sealed && j->fallback)
        return false; /* a record that nobody could open names no requester but in its replyTopic */
    pouch_err e = sealed ? pl_answer_error(j, desk, code, text) : pl_answer_plain_error(j, desk, code, text);
    if (e)
        PL_LOG(PL_LOG_ERROR, "an error cannot be told to its requester", "request_id", j->request_id, "code",
               pouch_err_code(code), "reason", pouch_why());
    else
        pl_job_pack(j, desk);
    pl_desk_clear(desk);
    return !e;
}

static void keep_text(struct pouch_job *j, const char *text) {
    if (text == j->text.at) return;
    j->confided = false;
    pl_buf_reset(&j->text);
    if (pl_buf_append(&j->text, text, strnlen(text, PL_ERROR_TEXT_MAX))) pl_buf_reset(&j->text);
}

void pl_job_fail(struct pouch_job *j, pouch_err code, const char *text, unsigned how) {
    if (j->waiting) how &= ~(unsigned)(PL_TELL_SEALED | PL_TELL_PLAIN); /* one answer, and it is under way */
    bool told = make_error(j, code, text, how);
    bool letter = !j->lettered && (how & PL_LETTER || !told);
    j->code = code;
    keep_text(j, text);
    j->waiting += (unsigned)told + (unsigned)letter;
    j->lettered |= letter;
    if (told) pl_post_send(j->answer.given_up ? &j->told : &j->answer);
    if (letter) pl_post_send(&j->letter);
}

void pl_job_end_uncalled(struct pouch_job *j, pouch_err code, const char *text) {
    struct pl_desk *desk = j->worker->desk;
    atomic_store_explicit(&j->state, PL_JOB_OPEN, memory_order_relaxed);
    if (pl_job_known(j, desk)) {
        pl_desk_clear(desk);
        return;
    }
    atomic_store_explicit(&j->state, PL_JOB_ENDED, memory_order_relaxed);
    j->counted = code == POUCH_E_EXPIRED ? PL_M_JOBS_EXPIRED : PL_M_JOBS_SHED;
    pl_job_fail(j, code, text, PL_TELL_SEALED);
}

static void log_end(enum pl_log_level level, const char *what, const struct pouch_job *j, const char *why) {
    PL_LOG(level, what, "code", pouch_err_code(j->code), "request_id", j->readable ? j->request_id : NULL, "source",
           j->source, "reason", why);
}

/* The record is not a request that a handler could be given. What is said of it comes from our own checks. */
static void refuse(struct pouch_job *j) {
    const char *why = j->text.at ? j->text.at : "";
    if (j->code == POUCH_E_EXPIRED) {
        j->counted = PL_M_JOBS_EXPIRED;
        pl_job_fail(j, j->code, why, PL_TELL_SEALED);
        return;
    }
    log_end(PL_LOG_WARN, "a record was refused", j, why);
    j->counted = PL_M_JOBS_REJECTED;
    bool plain = pl_error_may_be_plain(j->code);
    pl_job_fail(j, j->code, why, PL_LETTER | (plain ? PL_TELL_PLAIN : PL_TELL_SEALED));
}

/* What is wrong with it may quote it. */
static void refuse_payload(struct pouch_job *j) {
    log_end(PL_LOG_WARN, "a request is not valid", j, NULL);
    j->counted = PL_M_JOBS_REJECTED;
    pl_job_fail(j, j->code, j->text.at ? j->text.at : "", PL_TELL_SEALED | PL_LETTER);
}

static void failed(struct pouch_job *j, unsigned how) {
    log_end(PL_LOG_WARN, "a handler gave a request up", j, NULL);
    j->counted = PL_M_JOBS_FAILED;
    pl_job_fail(j, POUCH_E_HANDLER_ERROR, j->text.at ? j->text.at : "", how);
}

void pl_job_run(struct pouch_job *j) {
    struct pouch_worker *w = j->worker;
    atomic_store_explicit(&j->started_us, 0, memory_order_relaxed);
    atomic_store_explicit(&j->state, PL_JOB_OPEN, memory_order_relaxed);
    w->queued++;
    pl_queue_put(w->work, (void *[]){j}, 1);
}

static void open_again(struct pl_post *p) {
    p->job->waiting = 0;
    if (p->job->taken.partition->revoked)
        pl_job_drop(p->job); /* the partition's next owner does it */
    else
        pl_job_run(p->job);
}

/* In a while, in flight meanwhile. */
static bool try_again(struct pouch_job *j) {
    struct pouch_worker *w = j->worker;
    uint32_t chance = 0;
    if (pl_random(&chance, sizeof chance)) chance = UINT32_MAX / 2;
    int64_t ms = pl_backoff_ms(&w->backoff, j->attempt, chance);
    if (j->attempt >= w->backoff.attempts || !pl_job_fits(j, ms)) return false;
    j->attempt++;
    w->counts[PL_M_RETRIES]++;
    j->waiting = 1;
    pl_post_wait(&j->answer, ms, open_again);
    return true;
}

static void retry(struct pouch_job *j) {
    if (j->taken.partition->revoked) {
        pl_job_drop(j); /* the partition's next owner does it */
        return;
    }
    if (try_again(j) || pl_job_put_off(j)) return;
    j->exhausted = true;
    failed(j, PL_TELL_SEALED | PL_LETTER);
}

static void ended(struct pouch_job *j) {
    j->confided = j->opened && (j->end == PL_END_FAIL || j->end == PL_END_RETRY);
    switch (j->end) {
    case PL_END_SEND: pl_post_send(&j->answer); break;
    case PL_END_DONE:
        j->counted = PL_M_JOBS_DONE;
        pl_job_over(j);
        break;
    case PL_END_KNOWN:
        j->counted = PL_M_JOBS_REPEATED;
        pl_job_over(j);
        break;
    case PL_END_FAIL:
        if (!j->opened)
            refuse(j);
        else if (j->code == POUCH_E_INVALID_PAYLOAD)
            refuse_payload(j);
        else
            failed(j, 0);
        break;
    case PL_END_RETRY:
        pl_gate_failed(j);
        retry(j);
        break;
    case PL_END_HOLD: pl_gate_hold_back(j); break;
    case PL_END_UNCHECKED: pl_job_wait_for_check(j); break;
    case PL_END_AGAIN:
        j->waiting = 1;
        pl_post_wait(&j->answer, AGAIN_MS, open_again);
        break;
    }
}

void pl_jobs_collect(struct pouch_worker *w) {
    void *items[PL_BATCH];
    size_t n;
    while ((n = pl_queue_take(w->ended, items, PL_BATCH, 0)) > 0) {
        for (size_t i = 0; i < n; i++) {
            struct pouch_job *j = items[i];
            if (atomic_load_explicit(&j->state, memory_order_acquire) == PL_JOB_LATE)
                pl_job_collected(j);
            else if (w->closing)
                pl_job_drop(j);
            else
                ended(j);
        }
    }
}

bool pl_job_take_over(struct pouch_job *j) {
    int open = PL_JOB_OPEN;
    atomic_fetch_add(&j->worker->holds, 1);
    if (atomic_compare_exchange_strong(&j->state, &open, PL_JOB_LATE)) return true;
    pl_worker_drop(j->worker);
    return false;
}

static void time_out(struct pouch_job *j, int64_t took_us) {
    if (!pl_job_take_over(j)) return;
    pl_timing_record(PL_T_HANDLER, took_us);
    j->code = POUCH_E_HANDLER_TIMEOUT;
    pl_gate_failed(j);
    log_end(PL_LOG_WARN, "a handler took longer than handler.timeout", j, NULL);
    j->counted = PL_M_JOBS_TIMED_OUT;
    pl_job_fail(j, POUCH_E_HANDLER_TIMEOUT, "the handler did not end the request in time", PL_TELL_SEALED);
}

/*
 * All handlers have the same time, so one that starts after this look is due no sooner than that
 * time from now: between looks nothing needs to be kept in order, and a job costs no timer.
 */
void pl_jobs_time_out(struct pouch_worker *w) {
    int64_t now = pl_mono_us(w->clock), most = (int64_t)w->settings.handler_timeout_ms * 1000;
    if (now < w->look_us) return;
    w->look_us = now + most;
    for (struct pouch_job *j = w->jobs; j; j = j->next) {
        int64_t started = atomic_load_explicit(&j->started_us, memory_order_acquire);
        if (!j->taken.message || !started || atomic_load_explicit(&j->state, memory_order_relaxed) != PL_JOB_OPEN)
            continue;
        if (started + most <= now)
            time_out(j, now - started);
        else if (started + most < w->look_us)
            w->look_us = started + most;
    }
}
