/*
 * Getting the records of a job's end stored. The poll thread's.
 *
 * A record that the broker may take later is sent again: an answer until it is worth nothing any
 * more, a dead letter for ever, with its partition held back meanwhile. A record that it never
 * takes is answered for in another way. So no end is lost.
 */
#include <base/log.h>
#include <base/why.h>
#include <letter/letter.h>
#include <stdio.h>
#include <stdlib.h>
#include <worker/worker.h>

enum { BACKOFF_FIRST_MS = 100, BACKOFF_MOST_MS = 1000, NO_DEADLINE_MS = 10000 };

pouch_err pl_parcel_send(const struct pl_parcel *p, struct pl_producer *producer, void *arg) {
    const struct pl_record r = {.topic = p->topic,
                                .key = p->key,
                                .key_n = p->key_n,
                                .value = p->value.at,
                                .value_n = p->value.len,
                                .headers = p->headers.at,
                                .n_headers = p->headers.n,
                                .arg = arg,
                                .goes = p->goes};
    return pl_producer_send(producer, &r);
}

static bool is_letter(const struct pl_post *p) {
    return p == &p->job->letter;
}

static bool something_holds(const struct pouch_worker *w, const struct pl_partition *partition) {
    for (const struct pouch_job *j = w->jobs; j; j = j->next)
        if ((j->letter.stuck || j->answer.stuck) && j->taken.partition == partition) return true;
    return false;
}

bool pl_post_hold_partition(struct pl_post *p) {
    struct pl_partition *partition = p->job->taken.partition;
    bool held = partition->held;
    p->stuck = partition->held = true;
    if (!held) pl_metric_add(PL_M_BLOCKED, 1);
    return !held;
}

bool pl_post_let_partition_go(struct pl_post *p) {
    struct pl_partition *partition = p->job->taken.partition;
    p->stuck = false;
    if (something_holds(p->job->worker, partition)) return false;
    partition->held = false;
    pl_metric_add(PL_M_BLOCKED, -1);
    return true;
}

static void log_partition(enum pl_log_level level, const struct pl_post *p, const char *what, const char *why) {
    PL_LOG(level, what, "dlq", p->job->worker->settings.dlq_topic, "source", p->job->source, "reason", why);
}

static void hold_partition(struct pl_post *p, const char *why) {
    if (p->stuck || !pl_post_hold_partition(p)) return;
    log_partition(PL_LOG_ERROR, p, "a dead letter cannot be stored: its partition waits, and it is tried again", why);
}

static void let_partition_go(struct pl_post *p) {
    if (!p->stuck || !pl_post_let_partition_go(p)) return;
    if (!p->job->dropped) log_partition(PL_LOG_INFO, p, "the dead letter is stored: the partition goes on", NULL);
}

/* Stored, or no longer needed. */
static void post_over(struct pl_post *p) {
    struct pouch_job *j = p->job;
    if (is_letter(p))
        let_partition_go(p);
    else
        pl_job_wait_over(j);
    if (--j->waiting == 0) pl_job_over(j);
}

/* The record will come again. */
static void post_dropped(struct pl_post *p) {
    p->job->dropped = true;
    post_over(p);
}

void pl_post_wait(struct pl_post *p, int64_t wait_ms, void (*due)(struct pl_post *)) {
    struct pouch_worker *w = p->job->worker;
    p->due = due;
    if (pl_heap_add(&w->waiting, &p->timer, pl_mono_us(w->clock) + wait_ms * 1000))
        abort(); /* room was reserved for all */
}

/* When nobody waits for the answer any longer. */
static int64_t give_up_us(struct pouch_job *j) {
    const struct pouch_worker *w = j->worker;
    if (!j->give_up_us) {
        int64_t left_ms = NO_DEADLINE_MS;
        if (j->deadline_ms && pl_clockcheck_trusted(&w->clockcheck))
            left_ms = j->deadline_ms + w->settings.deadline_skew_ms - pl_wall_ms(w->clock);
        j->give_up_us = pl_mono_us(w->clock) + left_ms * 1000;
    }
    return j->give_up_us;
}

/*
 * The answer will never be stored, as far as we can tell. The requester learns of a request that was not passed on; the
 * rest is for the operator.
 */
static void undeliverable(struct pl_post *p, pouch_err code, const char *why) {
    struct pouch_job *j = p->job;
    bool passed_on = j->passed_on;
    char reason[512];
    snprintf(reason, sizeof reason, "%s undeliverable to %s: %s", passed_on ? "request" : "reply", j->parcel.topic,
             why);
    j->passed_on = false;
    j->counted = PL_M_JOBS_FAILED;
    j->waiting--;
    if (passed_on || !j->lettered) {
        pl_job_fail(j, code, reason, (passed_on ? PL_TELL_SEALED : 0) | PL_LETTER);
    } else {
        PL_LOG(PL_LOG_WARN, "an error could not be told to its requester; the dead letter stands", "source", j->source,
               "reason", reason);
        if (j->waiting == 0) pl_job_over(j);
    }
}

static void not_yet(struct pl_post *p, pouch_err code, const char *why) {
    struct pouch_job *j = p->job;
    const struct pouch_worker *w = j->worker;
    if (j->taken.partition->revoked) {
        post_dropped(p); /* the partition's next owner does it */
        return;
    }
    if (j->later) {
        pl_job_not_put_off(j);
        return;
    }
    int64_t wait_ms = p->backoff_ms ? 2 * p->backoff_ms : BACKOFF_FIRST_MS;
    p->backoff_ms = wait_ms < BACKOFF_MOST_MS ? wait_ms : BACKOFF_MOST_MS;
    if (is_letter(p)) {
        hold_partition(p, why);
    } else if (pl_mono_us(w->clock) + p->backoff_ms * 1000 > give_up_us(j)) {
        undeliverable(p, code, why);
        return;
    }
    pl_post_wait(p, p->backoff_ms, pl_post_send);
}

/* The broker refuses it for good. */
static void refused(struct pl_post *p, pouch_err code, const char *why) {
    struct pouch_job *j = p->job;
    bool no_topic = code == POUCH_E_TARGET_REFUSED;
    if (is_letter(p) && code == POUCH_E_TOO_LARGE && !j->later) j->letter_most = pl_letter_less(j->letter_most);
    if (is_letter(p))
        not_yet(p, code, why);
    else if (no_topic && j->fallback && !j->passed_on)
        post_over(p); /* nobody said that they read it */
    else if (no_topic && !j->passed_on)
        not_yet(p, code, why); /* the requester may be making it again */
    else
        undeliverable(p, code, why);
}

static const char *reason_of(const struct pouch_job *j) {
    if (!j->confided) return j->text.at;
    if (j->code == POUCH_E_INVALID_PAYLOAD) return "the request is not valid";
    return j->exhausted ? "the handler asked for another try each time" : "the handler gave it up";
}

static pouch_err write_letter(struct pl_post *p) {
    const struct pouch_job *j = p->job;
    const struct pouch_worker *w = j->worker;
    struct pl_span words = {0};
    if (j->confided && j->text.len && !pl_answer_words(j, w->desk))
        words = (struct pl_span){w->desk->parcel.value.at, w->desk->parcel.value.len};
    const struct pl_letter letter = {.record = j->taken.message,
                                     .request_id = j->readable ? j->request_id : NULL,
                                     .code = j->code,
                                     .reason = reason_of(j),
                                     .words = words,
                                     .group = w->group_id,
                                     .attempts = j->attempt,
                                     .retriable = j->exhausted,
                                     .now_ms = pl_wall_ms(w->clock),
                                     .most = j->letter_most,
                                     .arg = p};
    pouch_err e = pl_letter_send(w->producer, w->settings.dlq_topic, &letter);
    pl_desk_clear(w->desk);
    return e;
}

void pl_post_give_up(struct pl_post *p) {
    if (p->job->taken.partition->revoked)
        post_dropped(p); /* the partition's next owner does it */
    else
        undeliverable(p, POUCH_E_OVERLOADED, "it takes nothing at present; this may come to it all the same");
}

void pl_post_send(struct pl_post *p) {
    struct pouch_job *j = p->job;
    struct pouch_worker *w = j->worker;
    if (!is_letter(p) && pl_stall_refuses(p)) {
        undeliverable(p, POUCH_E_OVERLOADED, "it takes nothing at present");
        return;
    }
    pouch_err e = !is_letter(p) ? pl_parcel_send(&j->parcel, w->producer, p)
                  : j->later    ? pl_job_send_later(j)
                                : write_letter(p);
    if (e == POUCH_E_OVERLOADED || e == POUCH_E_NO_MEMORY) {
        w->producer_full = true;
        pl_post_wait(p, 0, pl_post_send);
    } else if (e) {
        refused(p, e, pouch_why());
    } else if (!is_letter(p)) {
        pl_stall_sent(p);
    }
}

void pl_posts_due(struct pouch_worker *w) {
    int64_t now = pl_mono_us(w->clock);
    struct pl_heap_node *node;
    w->producer_full = false;
    while (!w->producer_full && (node = pl_heap_first(&w->waiting)) && node->due <= now) {
        pl_heap_remove(&w->waiting, node);
        struct pl_post *p = (struct pl_post *)node;
        p->due(p);
    }
}

void pl_posts_drop(struct pouch_worker *w) {
    struct pl_heap_node *node;
    while ((node = pl_heap_first(&w->waiting))) {
        struct pl_post *p = (struct pl_post *)node;
        pl_heap_remove(&w->waiting, node);
        post_dropped(p);
    }
}

void pl_post_delivered(const struct pl_delivery *d, void *owner) {
    const struct pouch_worker *w = owner;
    struct pl_post *p = d->arg;
    /* Pairs with the store before the send, in another thread perhaps. */
    if (atomic_load_explicit(&p->job->state, memory_order_acquire) == PL_JOB_SENT)
        atomic_store_explicit(&p->job->state, PL_JOB_ENDED, memory_order_relaxed);
    pl_stall_reported(p, d);
    if (p->given_up) {
        p->given_up = false;
        pl_job_reported(p->job);
    } else if (d->class == PL_KAFKA_OK)
        post_over(p);
    else if (w->closing)
        post_dropped(p);
    else if (d->class == PL_KAFKA_PERMANENT)
        refused(p, pl_kafka_err(d->error), pl_kafka_refusal(d->error));
    else
        not_yet(p, pl_kafka_err(d->error), pl_kafka_refusal(d->error));
}
