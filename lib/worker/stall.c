/*
 * Topics that take nothing while the cluster works: what is for them is given up, so that they hold nobody up. The poll
 * thread's.
 *
 * Handlers' threads send what they end jobs with, and to count each record at its topic (bus/target.h) would cost them
 * a lock. So only records are counted that two looks in a row find under way: of a topic that takes what it is sent
 * there are few. While some topic refuses, everything is sent by the poll thread, which asks before.
 *
 * What was given up may still be stored: the producer cannot take it back. Its job is over for its partition, and is
 * kept until the producer has reported.
 */
#include <base/log.h>
#include <cluster/cluster.h>
#include <worker/worker.h>

enum { LOOK_US = 250000, QUIET_US = 200000, ASK_MS = 100 };

/* An answer is worth waiting for, even with somebody behind it. */
enum { CROWDED_US = 5000000 };

void pl_stalls_init(struct pouch_worker *w) {
    const struct pl_settings *s = &w->settings;
    pl_targets_init(&w->targets, sizeof(struct pl_target), s->max_in_flight, s->max_in_flight_bytes, s->reply_topics);
    w->targets.crowded_us = CROWDED_US;
}

/* Whether the producer has it. A thread that has just marked the job SENT may yet learn that it does not. */
static bool is_under_way(struct pl_post *p) {
    struct pouch_job *j = p->job;
    if (p->given_up) return false;
    if (p->sent) return true;
    if (p != &j->answer || atomic_load_explicit(&j->state, memory_order_acquire) != PL_JOB_SENT) return false;
    p->sent =
        !pl_desks_send(&j->worker->desks, j) && atomic_load_explicit(&j->state, memory_order_acquire) == PL_JOB_SENT;
    return p->sent;
}

static void count_at(struct pl_post *p, struct pl_target *target) {
    p->target = target;
    p->bytes = p->job->parcel.value.len;
    pl_target_enter(&p->job->worker->targets, target, p->bytes);
}

static void watch(struct pl_post *p) {
    if (!is_under_way(p) || p->target) return;
    if (p->seen) {
        struct pl_target *target = pl_target_of(&p->job->worker->targets, p->job->parcel.topic);
        if (target) count_at(p, target); /* else at the next look */
    }
    p->seen = true;
}

/* With each delivery, or where nothing is delivered, when a broker answers. */
static void look_for_life(struct pouch_worker *w) {
    int n;
    if (!w->targets.in_flight || pl_mono_us(w->clock) - w->targets.alive_us < QUIET_US) return;
    pouch_err e = pl_topic_partitions(pl_producer_handle(w->producer), w->routes[0].topic, &n, ASK_MS);
    if (e != POUCH_E_NO_BROKER && e != POUCH_E_TIMEOUT) pl_targets_alive(&w->targets, pl_mono_us(w->clock));
}

static bool holds_partition(const struct pl_post *p, const struct pl_target *target) {
    const struct pl_taken *t = &p->job->taken;
    return p->target == target && pl_watermark_full(&t->partition->watermark) &&
           t->ticket == t->partition->watermark.head;
}

/* Whether something waits because of it: more records, handlers, a partition, or the end of the worker. */
static bool is_crowded(const struct pl_target *target, void *worker) {
    const struct pouch_worker *w = worker;
    if (!pl_worker_room(w) || pl_pool_is_full(&w->pool) || w->drain_until_us) return true;
    for (const struct pouch_job *j = w->jobs; j; j = j->next)
        if (j->taken.message && (holds_partition(&j->answer, target) || holds_partition(&j->told, target))) return true;
    return false;
}

/* No more of them than there are jobs in flight, or those that are kept for their reports could be without number. */
static void give_up(struct pl_post *p, const struct pl_target *target) {
    struct pouch_worker *w = p->job->worker;
    if (p->target != target || p->given_up || !p->job->taken.message || w->given_up >= w->settings.max_in_flight)
        return;
    p->given_up = true;
    p->job->given_up++;
    w->given_up++;
    pl_post_give_up(p);
}

static void stalled(struct pl_target *target, void *worker) {
    struct pouch_worker *w = worker;
    PL_LOG(PL_LOG_ERROR, "a topic takes nothing while the cluster works: what is for it is given up until it does",
           "topic", target->name);
    pl_metric_add(PL_M_TARGET_STALLED, 1);
    for (struct pouch_job *j = w->jobs; j; j = j->next) {
        give_up(&j->answer, target);
        give_up(&j->told, target);
    }
}

/* Handlers' threads read it before they send. */
static void note_refusals(struct pouch_worker *w) {
    pl_metric_set(PL_M_TARGETS_OPEN, (int64_t)w->targets.stalled);
    pl_metric_set(PL_M_TARGETS_HALF_OPEN, (int64_t)w->targets.doubted);
    atomic_store_explicit(&w->detour, w->targets.refusing > 0, memory_order_relaxed);
}

/* What was sent to a topic just before it stalled is counted after that. */
static void give_up_late(struct pl_post *p) {
    if (p->target && p->target->stalled) give_up(p, p->target);
}

void pl_stalls_look(struct pouch_worker *w) {
    int64_t now = pl_mono_us(w->clock);
    if (!w->live || now < w->stall_look_us) return;
    w->stall_look_us = now + LOOK_US;
    for (struct pouch_job *j = w->jobs; j; j = j->next) {
        if (!j->taken.message) continue;
        watch(&j->answer);
        watch(&j->told);
        give_up_late(&j->answer);
        give_up_late(&j->told);
    }
    look_for_life(w);
    pl_targets_look(&w->targets, is_crowded, stalled, w);
    note_refusals(w);
}

bool pl_stall_refuses(struct pl_post *p) {
    struct pouch_worker *w = p->job->worker;
    const struct pl_target *target = w->targets.known ? pl_target_find(&w->targets, p->job->parcel.topic) : NULL;
    return target && pl_target_refuses(target);
}

void pl_stall_sent(struct pl_post *p) {
    struct pouch_worker *w = p->job->worker;
    struct pl_target *target = w->targets.known ? pl_target_find(&w->targets, p->job->parcel.topic) : NULL;
    p->sent = true;
    p->seen = false;
    if (target) count_at(p, target);
}

static void leave(struct pl_post *p, bool stored) {
    struct pl_targets *all = &p->job->worker->targets;
    struct pl_target *target = p->target;
    enum pl_breaker_state was = pl_target_state(target);
    p->target = NULL;
    pl_target_leave(all, target, p->bytes, stored);
    if (was != pl_target_state(target))
        PL_LOG(PL_LOG_INFO, stored ? "a topic takes records again" : "a topic is tried with one record at a time",
               "topic", target->name);
    pl_target_forget(all, target);
}

/* Something that was not counted: its topic takes records. */
static void took(struct pouch_worker *w, const char *topic) {
    struct pl_target *target = pl_target_find(&w->targets, topic);
    if (target) pl_target_took(&w->targets, target);
}

void pl_stall_reported(struct pl_post *p, const struct pl_delivery *d) {
    struct pouch_worker *w = p->job->worker;
    bool stored = d->class == PL_KAFKA_OK;
    p->sent = false;
    if (!w->targets.known) return;
    if (stored) pl_targets_alive(&w->targets, pl_mono_us(w->clock));
    if (p->target)
        leave(p, stored);
    else if (stored)
        took(w, d->topic);
    note_refusals(w);
}
