/* Where jobs come from and go to. The poll thread's, except for the two ways back to it. */
#include <base/why.h>
#include <stdlib.h>
#include <string.h>
#include <worker/trace.h>

enum { NAMES_MAX = 1 << 30, PLAIN_MAX = 1 << 30 };

static struct pouch_job *make(struct pouch_worker *w) {
    struct pouch_job *j = calloc(1, sizeof *j);
    if (!j) return NULL;
    j->worker = w;
    j->answer.job = j->told.job = j->letter.job = j;
    pl_buf_init(&j->names, NAMES_MAX);
    pl_buf_init(&j->plain, PLAIN_MAX);
    pl_buf_init(&j->text, PL_ERROR_TEXT_MAX);
    pl_buf_init(&j->kept, w->record_max);
    pl_parcel_init(&j->parcel, w->record_max);
    j->next = w->jobs;
    w->jobs = j;
    w->n_jobs++;
    return j;
}

static void unmake(struct pouch_job *j) {
    pl_headers_free(&j->headers);
    pl_buf_free(&j->names);
    pl_buf_wipe(&j->plain);
    pl_buf_free(&j->text);
    pl_buf_wipe(&j->kept);
    pl_parcel_free(&j->parcel);
    free(j);
}

void pl_jobs_free(struct pouch_worker *w) {
    while (w->jobs) {
        struct pouch_job *j = w->jobs;
        w->jobs = j->next;
        unmake(j);
    }
}

static void clear_post(struct pl_post *p) {
    *p = (struct pl_post){.job = p->job};
}

/* What it was about, secrets first of all; buffers worth keeping are kept. */
static void empty(struct pouch_job *j) {
    j->publisher = "";
    j->reply_topic = NULL;
    j->headers.n = 0;
    pl_buf_recycle(&j->names);
    pl_buf_recycle_secret(&j->plain);
    pl_buf_recycle(&j->text);
    pl_buf_recycle_secret(&j->kept);
    pl_parcel_reset(&j->parcel);
}

/* Nothing of the job before shows in the next one. */
static void clear(struct pouch_job *j) {
    j->opened = j->readable = j->wants_reply = j->fallback = j->validated = j->doubted = false;
    j->passed_on = j->confided = j->lettered = j->dropped = j->let_go = j->is_probe = false;
    j->letter_most = 0;
    j->deadline_ms = 0;
    j->attempt = 1;
    j->tiers = 0;
    j->exhausted = false;
    j->later = NULL;
    j->hop = 0;
    j->waiting = 0;
    j->give_up_us = 0;
    j->ended_us = 0;
    j->code = POUCH_OK;
    clear_post(&j->answer);
    clear_post(&j->told);
    clear_post(&j->letter);
    empty(j);
}

static void recycle(struct pouch_job *j) {
    struct pouch_worker *w = j->worker;
    clear(j);
    j->next_free = w->free_jobs;
    w->free_jobs = j;
    w->in_use--;
}

/*
 * Once neither its record nor its handler needs it any more. While the producer still has something of it, it is kept,
 * empty.
 */
static void recycle_if_free(struct pouch_job *j) {
    bool handled = atomic_load_explicit(&j->state, memory_order_relaxed) == PL_JOB_LATE && !j->let_go;
    if (j->taken.message || handled) return;
    if (j->given_up)
        empty(j);
    else
        recycle(j);
}

size_t pl_jobs_ready(struct pouch_worker *w, size_t n) {
    while (w->n_jobs - w->in_use < n) {
        struct pouch_job *j = make(w);
        if (!j) return w->n_jobs - w->in_use;
        w->in_use++;
        recycle(j);
    }
    return n;
}

struct pouch_job *pl_job_new(struct pouch_worker *w, const struct pl_taken *t) {
    struct pouch_job *j = w->free_jobs;
    w->free_jobs = j->next_free;
    j->route = t->partition->arg;
    j->taken = *t;
    j->bytes = t->bytes;
    atomic_store_explicit(&j->started_us, 0, memory_order_relaxed);
    atomic_store_explicit(&j->state, PL_JOB_OPEN, memory_order_relaxed);
    w->in_use++;
    w->live++;
    w->bytes += j->bytes;
    return j;
}

void pl_job_over(struct pouch_job *j) {
    struct pouch_worker *w = j->worker;
    if (!j->dropped) pl_worker_trace_ended(j);
    if (j->entry) pl_job_remember(j);
    rd_kafka_message_destroy(j->taken.message);
    j->taken.message = NULL;
    if (!j->dropped) w->counts[j->counted]++;
    /*
     * A partition that is still ours hears nothing of a dropped record until the group has been left, or it would be
     * committed.
     */
    if (!j->dropped || j->taken.partition->revoked) {
        pl_group_done(w->group, j->taken.partition, j->taken.ticket);
        j->taken.partition = NULL;
    }
    w->live--;
    w->bytes -= j->bytes;
    pl_pool_release(&w->pool, j->parcel.value.len);
    w->kept += j->given_up > 0;
    pl_gate_over(j);
    recycle_if_free(j);
}

void pl_job_drop(struct pouch_job *j) {
    j->dropped = true;
    pl_job_over(j);
}

void pl_job_collected(struct pouch_job *j) {
    j->let_go = true;
    recycle_if_free(j);
}

void pl_job_reported(struct pouch_job *j) {
    struct pouch_worker *w = j->worker;
    w->given_up--;
    if (--j->given_up || j->taken.message) return;
    w->kept--;
    recycle_if_free(j);
}

void pl_job_hand_over(struct pouch_job *j) {
    struct pouch_worker *w = j->worker;
    pl_queue_put(w->ended, (void *[]){j}, 1);
    pl_wake_signal(&w->wake);
}

void pl_job_let_go(struct pouch_job *j) {
    struct pouch_worker *w = j->worker;
    pl_job_hand_over(j);
    pl_worker_drop(w);
}
