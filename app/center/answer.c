/*
 * The error in clear that a failed request's sender is told, where there is one that may be told; tried only while it
 * may be of use. The dead letter stands in any case.
 *
 * Anybody may name a topic for replies that takes nothing. So what is on its way to all of them is at most a quarter of
 * what may be in flight, and that is shared among them as targets share theirs. An answer for which there is no room
 * waits, and nothing is taken meanwhile, as with a busy target; what is for a topic that has stalled, which is told as
 * of targets, is not told.
 */
#include <base/log.h>
#include <base/why.h>
#include <center/state.h>
#include <metrics/metrics.h>
#include <stdio.h>
#include <string.h>

enum { TELL_MS = 10000 }; /* without a deadline */

struct answer_text {
    char topic[PL_NAME_MAX + 1], id[37];
};

static bool may_tell(const struct center_item *item) {
    const struct pl_envelope *e = &item->envelope;
    /* An error is never answered, or two centers could answer each other for ever. */
    if (!e->request_id.at || !e->reply_topic.at || e->error_code.at || !item->facts.wants_reply) return false;
    return pl_pattern_match(item->center->settings.reply_topics, e->reply_topic.at, e->reply_topic.n);
}

static void untold(struct center_leg *leg, const char *why) {
    char source[PL_SOURCE_MAX];
    center_item_source(source, leg->item);
    pl_metric_add(PL_M_CENTER_UNTOLD, 1);
    PL_LOG(PL_LOG_WARN, "an error could not be told to its requester; the dead letter stands", "source", source, "code",
           pouch_err_code(leg->code), "reason", why);
    center_post_over(&leg->answer);
}

static int64_t give_up_us(struct center_leg *leg) {
    const struct center *c = leg->center;
    const struct center_item *item = leg->item;
    if (leg->give_up_us) return leg->give_up_us;
    int64_t left_ms = TELL_MS;
    if (item->facts.deadline_ms && pl_clockcheck_trusted(&c->clockcheck))
        left_ms = item->facts.deadline_ms + c->settings.deadline_skew_ms - pl_wall_ms(c->clock);
    return leg->give_up_us = pl_mono_us(c->clock) + left_ms * 1000;
}

/* What r points to lies in text and at the center: it is good until the next one is written. */
static pouch_err write_answer(struct center_leg *leg, struct answer_text *text, struct pl_record *r) {
    struct center *c = leg->center;
    const struct center_item *item = leg->item;
    const struct pl_envelope *env = &item->envelope;
    const struct center_branch branch = {leg->target ? leg->target->name : "", leg->index,
                                         leg->target ? center_branches(item) : 1};
    snprintf(text->topic, sizeof text->topic, "%.*s", (int)env->reply_topic.n, env->reply_topic.at);
    pl_uuid_format(text->id, &env->id);
    pouch_err e = pl_envelope_write_error(&c->value, &env->id, leg->code, leg->reason);
    if (!e) e = center_headers_answer(&c->headers, item->came, &branch);
    if (e) return e;
    *r = (struct pl_record){.topic = text->topic,
                            .key = text->id,
                            .key_n = strlen(text->id),
                            .value = c->value.at,
                            .value_n = c->value.len,
                            .headers = c->headers.at,
                            .n_headers = c->headers.n,
                            .arg = &leg->answer,
                            .goes = PL_ANYWHERE};
    return POUCH_OK;
}

static size_t bytes_of(const struct pl_record *r) {
    size_t n = r->key_n + r->value_n;
    for (size_t i = 0; i < r->n_headers; i++) n += strlen(r->headers[i].name) + r->headers[i].n;
    return n;
}

static bool all_full(const struct center *c) {
    return c->askers.in_flight >= c->askers.room;
}

static void send_answer(struct center_post *p);

/* Room comes soon, or when librdkafka gives up what stalled topics have. */
static void no_room(struct center_leg *leg) {
    const struct center *c = leg->center;
    if (all_full(c) && c->askers.stalled)
        untold(leg, "too many errors are on their way to topics that take nothing");
    else
        center_post_full(&leg->answer, send_answer);
}

static void refused(struct center_leg *leg, pouch_err e) {
    if (e == POUCH_E_OVERLOADED || e == POUCH_E_NO_MEMORY)
        center_post_full(&leg->answer, send_answer);
    else
        untold(leg, pouch_why());
}

static void send_to(struct pl_target *asker, struct center_leg *leg, const struct pl_record *r) {
    struct center *c = leg->center;
    size_t bytes = bytes_of(r);
    if (pl_target_refuses(asker)) {
        untold(leg, "its topic takes nothing at present");
    } else if (all_full(c) || pl_target_full(&c->askers, asker, bytes)) {
        no_room(leg);
    } else {
        pouch_err e = pl_producer_send(c->producer, r);
        if (e) {
            refused(leg, e);
            return;
        }
        leg->answer.sent = true;
        leg->asker = asker;
        leg->answer_bytes = bytes;
        pl_target_enter(&c->askers, asker, bytes);
    }
}

static void send_answer(struct center_post *p) {
    struct center_leg *leg = p->leg;
    struct pl_targets *askers = &leg->center->askers;
    struct answer_text text;
    struct pl_record r;
    pouch_err e = write_answer(leg, &text, &r);
    struct pl_target *asker = e ? NULL : pl_target_of(askers, text.topic);
    if (asker) {
        send_to(asker, leg, &r);
        pl_target_forget(askers, asker);
    } else {
        refused(leg, e ? e : POUCH_E_NO_MEMORY);
    }
}

static bool holds_inbox(const struct center *c, const struct pl_target *asker) {
    for (size_t i = 0; i < c->legs_touched; i++) {
        const struct center_leg *leg = &c->legs[i];
        if (leg->answer.sent && leg->asker == asker && center_leg_holds_inbox(leg)) return true;
    }
    return false;
}

static bool is_crowded(const struct pl_target *asker, void *center) {
    const struct center *c = center;
    return all_full(c) || pl_target_full(&c->askers, asker, 0) || holds_inbox(c, asker);
}

static void stalled(struct pl_target *asker, void *center) {
    struct center *c = center;
    pl_metric_add(PL_M_TARGET_STALLED, 1);
    PL_LOG(PL_LOG_ERROR, "a topic for replies takes nothing: errors are not told to it until it does", "topic",
           asker->name);
    for (size_t i = 0; i < c->legs_touched; i++) {
        struct center_leg *leg = &c->legs[i];
        if (leg->item && leg->answer.open && leg->answer.sent && leg->asker == asker)
            untold(leg, "its topic takes nothing at present");
    }
}

void center_look_at_askers(struct center *c) {
    pl_targets_look(&c->askers, is_crowded, stalled, c);
}

void center_answer(struct center_leg *leg) {
    leg->answer.open = may_tell(leg->item);
    if (leg->answer.open) send_answer(&leg->answer);
}

void center_answer_reported(struct center_leg *leg, const struct pl_delivery *d) {
    struct center *c = leg->center;
    pl_target_leave(&c->askers, leg->asker, leg->answer_bytes, d->class == PL_KAFKA_OK);
    pl_target_forget(&c->askers, leg->asker);
    if (!leg->item)
        center_leg_let_go(leg);
    else if (!leg->answer.open)
        return; /* it is not told, and the dead letter is under way */
    else if (d->class == PL_KAFKA_OK)
        center_post_over(&leg->answer);
    else if (c->closing)
        center_post_dropped(&leg->answer);
    else if (d->class == PL_KAFKA_PERMANENT || pl_mono_us(c->clock) > give_up_us(leg))
        untold(leg, pl_kafka_refusal(d->error));
    else
        center_post_later(&leg->answer, send_answer);
}
