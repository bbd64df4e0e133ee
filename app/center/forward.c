/*
 * A leg's way to its target. What the broker may take later is sent again; what it never takes has
 * failed. A leg whose target, or the producer, has no room is parked, and nothing more is taken until it has; one whose
 * target has stalled fails. What is for a target at which one is parked is parked behind that, or a small record would
 * overtake a large one of its key.
 */
#include <base/log.h>
#include <base/why.h>
#include <center/state.h>
#include <cluster/cluster.h>
#include <metrics/metrics.h>
#include <stdio.h>

enum { QUIET_US = 200000, ASK_MS = 100 };

/* The error for the requester; only a party that is asked for something says not_allowed. */
static pouch_err told_as(pouch_err e) {
    return e == POUCH_E_TOO_LARGE ? POUCH_E_TOO_LARGE : POUCH_E_TARGET_REFUSED;
}

static void refused(struct center_leg *leg, pouch_err e, const char *why) {
    char reason[CENTER_REASON_MAX];
    snprintf(reason, sizeof reason, "target %s refuses the request: %s", leg->target->name, why);
    center_fail(leg, told_as(e), reason);
}

static void fail_stalled(struct center_leg *leg) {
    if (center_stops(leg->center) || center_leg_is_anothers(leg)) {
        center_post_dropped(&leg->forward);
        return;
    }
    char reason[CENTER_REASON_MAX];
    snprintf(reason, sizeof reason, "target %s takes nothing at present%s", leg->target->name,
             leg->forward.sent ? "; the request may reach it all the same" : "");
    center_fail(leg, POUCH_E_OVERLOADED, reason);
}

static pouch_err build(struct center *c, struct center_leg *leg, struct pl_record *r) {
    struct center_item *item = leg->item;
    const rd_kafka_message_t *m = item->taken.message;
    const struct center_branch branch = {leg->target->name, leg->index, center_branches(item)};
    center_item_source(c->source, item);
    pl_buf_recycle(&c->value);
    pouch_err e = pl_envelope_set_source(&c->value, &item->envelope, m->payload, m->len, rd_kafka_topic_name(m->rkt));
    if (e == POUCH_E_TOO_LARGE)
        e = pl_fail(e, "with source_topic it has more than %zu bytes (kafka.message.max.bytes of the center)",
                    pl_producer_limit(c->producer));
    if (!e) e = center_headers_forward(&c->headers, item->came, c->source, item->facts.hop + 1, &branch, &c->spans);
    if (e) return e;
    *r = (struct pl_record){.topic = leg->target->name,
                            .key = m->key,
                            .key_n = m->key_len,
                            .value = c->value.at,
                            .value_n = c->value.len,
                            .headers = c->headers.at,
                            .n_headers = c->headers.n,
                            .arg = &leg->forward};
    return POUCH_OK;
}

static void park(struct center_leg *leg) {
    struct center *c = leg->center;
    if (!c->parked) c->look_us = c->now_us; /* at once: nothing more is taken meanwhile */
    ++*center_parked_at(leg->target);
    leg->next = NULL;
    *c->parked_end = leg;
    c->parked_end = &leg->next;
}

static void forward_again(struct center_post *p) {
    struct center_leg *leg = p->leg;
    if (center_leg_is_anothers(leg))
        center_post_dropped(p);
    else if (center_expired(leg->item))
        center_fail(leg, POUCH_E_EXPIRED, "the deadline passed while the request waited for its target");
    else
        center_forward(leg);
}

static void taken_by_producer(struct center_leg *leg) {
    struct center *c = leg->center;
    if (leg->attempts++) pl_metric_add(PL_M_CENTER_RESENT, 1);
    leg->forward.sent = true;
    leg->bytes = leg->item->bytes;
    pl_target_enter(&c->targets, leg->target, leg->bytes);
}

/* The producer has no room. */
static void hold(struct center_leg *leg) {
    leg->center->producer_full = true;
    park(leg);
}

static void put(struct center_leg *leg) {
    struct center *c = leg->center;
    struct pl_record r;
    pouch_err e = build(c, leg, &r);
    if (!e) e = pl_producer_send(c->producer, &r);
    if (!e)
        taken_by_producer(leg);
    else if (e == POUCH_E_OVERLOADED || e == POUCH_E_NO_MEMORY)
        hold(leg);
    else if (e == POUCH_E_BAD_ENVELOPE)
        center_fail(leg, e, pouch_why());
    else
        refused(leg, e, pouch_why());
}

void center_forward(struct center_leg *leg) {
    struct center *c = leg->center;
    leg->forward.open = true;
    if (pl_target_refuses(leg->target))
        fail_stalled(leg);
    else if (*center_parked_at(leg->target) || pl_target_full(&c->targets, leg->target, leg->item->bytes))
        park(leg);
    else
        put(leg);
}

static void leave_target(struct center_leg *leg, bool stored) {
    struct pl_target *target = leg->target;
    enum pl_breaker_state was = pl_target_state(target), is;
    pl_target_leave(&leg->center->targets, target, leg->bytes, stored);
    is = pl_target_state(target);
    if (is != was)
        PL_LOG(PL_LOG_INFO,
               is == PL_BREAKER_CLOSED ? "a target takes records again" : "a target is tried with one record at a time",
               "target", target->name);
}

void center_forward_reported(struct center_leg *leg, const struct pl_delivery *d) {
    bool stored = d->class == PL_KAFKA_OK;
    leave_target(leg, stored);
    if (!leg->item)
        center_leg_let_go(leg);
    else if (!leg->forward.open)
        return; /* it has failed meanwhile, and its error is under way */
    else if (stored)
        center_post_over(&leg->forward);
    else if (leg->center->closing)
        center_post_dropped(&leg->forward);
    else if (d->class == PL_KAFKA_PERMANENT)
        refused(leg, pl_kafka_err(d->error), pl_kafka_refusal(d->error));
    else
        center_post_later(&leg->forward, forward_again);
}

void center_unpark(struct center *c) {
    struct center_leg *leg = c->parked;
    c->parked = NULL;
    c->parked_end = &c->parked;
    for (struct center_leg *one = leg; one; one = one->next) *center_parked_at(one->target) = 0;
    while (leg) {
        struct center_leg *next = leg->next;
        forward_again(&leg->forward);
        leg = next;
    }
}

static bool holds_inbox(const struct center *c, const struct pl_target *target) {
    for (size_t i = 0; i < c->legs_touched; i++) {
        const struct center_leg *leg = &c->legs[i];
        if (leg->target == target && leg->forward.sent && center_leg_holds_inbox(leg)) return true;
    }
    return false;
}

/* The end of a center waits as those do that are parked. */
static bool is_crowded(const struct pl_target *target, void *center) {
    const struct center *c = center;
    if (center_stops(c)) return true;
    for (const struct center_leg *leg = c->parked; leg; leg = leg->next)
        if (leg->target == target) return true;
    return holds_inbox(c, target);
}

/* What is parked for it fails when it is unparked. */
static void stalled(struct pl_target *target, void *center) {
    struct center *c = center;
    pl_metric_add(PL_M_TARGET_STALLED, 1);
    PL_LOG(PL_LOG_ERROR,
           center_stops(c) ? "a target takes nothing: what is for it is left to the next center"
                           : "a target takes nothing while others do: what is for it is refused until it does",
           "target", target->name);
    for (size_t i = 0; i < c->legs_touched; i++) {
        struct center_leg *leg = &c->legs[i];
        if (leg->item && leg->target == target && leg->forward.open && leg->forward.sent) fail_stalled(leg);
    }
}

void center_alive(struct center *c, int64_t now_us) {
    pl_targets_alive(&c->targets, now_us);
    pl_targets_alive(&c->askers, now_us);
}

/*
 * Where nothing is delivered, because nothing else is sent or because nothing is taken while a target is waited for, no
 * delivery tells a bad target from a cluster that is away. Then a broker is asked.
 */
static void look_for_life(struct center *c) {
    int n;
    if (pl_mono_us(c->clock) - c->targets.alive_us < QUIET_US) return;
    pouch_err e = pl_topic_partitions(pl_producer_handle(c->producer), c->settings.inbox, &n, ASK_MS);
    if (e != POUCH_E_NO_BROKER && e != POUCH_E_TIMEOUT) center_alive(c, pl_mono_us(c->clock));
}

void center_look_at_targets(struct center *c) {
    look_for_life(c);
    pl_targets_look(&c->targets, is_crowded, stalled, c);
}
