/*
 * What a leg that has failed ends with: an error for its requester, where it can be told (answer.c), and a dead
 * letter. That is tried until it is stored, and its partition waits meanwhile. What is for a target that takes nothing
 * at present goes to a retry topic in place of both, where its deadline allows that: then it comes to the inbox once
 * more.
 */
#include <base/log.h>
#include <base/why.h>
#include <center/state.h>
#include <letter/letter.h>
#include <letter/retry.h>
#include <metrics/metrics.h>
#include <stdio.h>

static bool letter_waits_of(const struct center *c, const struct pl_partition *p) {
    for (size_t i = 0; i < c->legs_touched; i++)
        if (c->legs[i].item && c->legs[i].letter.stuck && c->legs[i].item->taken.partition == p) return true;
    return false;
}

static void hold_partition(struct center_leg *leg, const char *why) {
    struct pl_partition *p = leg->item->taken.partition;
    char source[PL_SOURCE_MAX];
    leg->letter.stuck = true;
    if (p->held) return;
    p->held = true;
    pl_metric_add(PL_M_CENTER_BLOCKED, 1);
    center_item_source(source, leg->item);
    PL_LOG(PL_LOG_ERROR, "a dead letter cannot be stored: its partition waits, and it is tried again", "dlq",
           leg->center->settings.dlq_topic, "source", source, "reason", why);
}

void center_letter_let_go(struct center_post *letter) {
    struct pl_partition *p = letter->leg->item->taken.partition;
    letter->stuck = false;
    if (letter_waits_of(letter->leg->center, p)) return;
    p->held = false;
    pl_metric_add(PL_M_CENTER_BLOCKED, -1);
    if (!p->revoked)
        PL_LOG(PL_LOG_INFO, "the dead letter is stored: the partition goes on", "dlq",
               letter->leg->center->settings.dlq_topic, "topic", p->topic);
}

static pouch_err write_letter(struct center_leg *leg) {
    const struct center *c = leg->center;
    const struct center_item *item = leg->item;
    char id[37];
    pl_uuid_format(id, &item->envelope.id);
    const struct pl_letter letter = {.record = item->taken.message,
                                     .request_id = item->envelope.request_id.at ? id : NULL,
                                     .target = leg->target ? leg->target->name : NULL,
                                     .code = leg->code,
                                     .reason = leg->reason,
                                     .group = c->group_id,
                                     .attempts = leg->attempts ? leg->attempts : 1,
                                     .now_ms = pl_wall_ms(c->clock),
                                     .most = leg->letter_most,
                                     .arg = &leg->letter};
    return pl_letter_send(c->producer, c->settings.dlq_topic, &letter);
}

static pouch_err write_later(struct center_leg *leg) {
    const struct center *c = leg->center;
    const struct center_item *item = leg->item;
    struct pl_retry_facts before;
    pl_retry_read(&before, item->came);
    const struct pl_retry r = {.record = item->taken.message,
                               .tier = leg->later,
                               .topic = c->settings.inbox,
                               .reason = leg->reason,
                               .group = c->group_id,
                               .attempt = before.attempt > 0 ? (int)before.attempt + 1 : 1,
                               .tiers = (int)(leg->later - c->tiers.at) + 1,
                               .now_ms = pl_wall_ms(c->clock),
                               .arg = &leg->letter};
    return pl_retry_send(c->producer, &r);
}

static void send_letter(struct center_post *p);

static void letter_later(struct center_leg *leg, const char *why) {
    hold_partition(leg, why);
    if (center_stops(leg->center))
        center_post_dropped(&leg->letter);
    else
        center_post_later(&leg->letter, send_letter);
}

/* Its retry topic does not take it: it has failed. */
static void not_put_off(struct center_leg *leg) {
    leg->later = NULL;
    center_answer(leg);
    send_letter(&leg->letter);
}

static void send_letter(struct center_post *p) {
    struct center_leg *leg = p->leg;
    pouch_err e = leg->later ? write_later(leg) : write_letter(leg);
    if (!e)
        p->sent = true;
    else if (e == POUCH_E_OVERLOADED || e == POUCH_E_NO_MEMORY)
        center_post_full(p, send_letter);
    else if (leg->later)
        not_put_off(leg);
    else
        letter_later(leg, pouch_why());
}

static void letter_refused(struct center_leg *leg, rd_kafka_resp_err_t e) {
    if (pl_kafka_err(e) == POUCH_E_TOO_LARGE) leg->letter_most = pl_letter_less(leg->letter_most);
    letter_later(leg, pl_kafka_refusal(e));
}

void center_letter_reported(struct center_leg *leg, const struct pl_delivery *d) {
    if (d->class == PL_KAFKA_OK)
        center_post_over(&leg->letter);
    else if (leg->center->closing || center_leg_is_anothers(leg))
        center_post_dropped(&leg->letter);
    else if (leg->later)
        not_put_off(leg);
    else
        letter_refused(leg, d->error);
}

/*
 * Whether somebody may still want the outcome; whoever waits without a deadline is taken to wait as our own clients do.
 */
static bool fits(const struct center_item *item, int64_t ms) {
    const struct center *c = item->center;
    bool awaited = item->facts.wants_reply && item->envelope.reply_topic.at;
    if (item->facts.deadline_ms)
        return pl_clockcheck_trusted(&c->clockcheck) && pl_wall_ms(c->clock) + ms < item->facts.deadline_ms;
    return !awaited || ms < c->settings.request_timeout_ms;
}

/*
 * The retry topic for a record whose target takes nothing at present. One of several targets has none: the record would
 * come to the others once more.
 */
static const struct pl_tier *tier_for(const struct center_leg *leg, pouch_err code) {
    const struct center_item *item = leg->item;
    const struct pl_tiers *tiers = &leg->center->tiers;
    struct pl_retry_facts before;
    if (code != POUCH_E_OVERLOADED || !leg->target || center_branches(item) > 1) return NULL;
    pl_retry_read(&before, item->came);
    if (before.attempt >= PL_ATTEMPTS_MAX) return NULL;
    size_t next = before.tier > 0 ? (size_t)before.tier : 0;
    return next < tiers->n && fits(item, tiers->at[next].delay_ms) ? &tiers->at[next] : NULL;
}

static void log_failure(const struct center_leg *leg) {
    const struct center_item *item = leg->item;
    char source[PL_SOURCE_MAX], id[37];
    center_item_source(source, item);
    pl_uuid_format(id, &item->envelope.id);
    PL_LOG(PL_LOG_WARN, leg->later ? "a record is routed later" : "a record was not routed", "code",
           pouch_err_code(leg->code), "request_id", item->envelope.request_id.at ? id : NULL, "source", source,
           "reason", leg->reason);
}

void center_fail(struct center_leg *leg, pouch_err code, const char *reason) {
    struct center *c = leg->center;
    leg->code = code;
    leg->later = tier_for(leg, code);
    snprintf(leg->reason, CENTER_REASON_MAX, "%s", reason);
    log_failure(leg);
    pl_heap_remove(&c->waiting, &leg->forward.timer);
    leg->forward.open = false;
    leg->letter.open = true;
    if (!leg->later) center_answer(leg);
    send_letter(&leg->letter);
}
