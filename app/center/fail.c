/*
 * What a leg that has failed ends with: an error for its requester, where it can be told (answer.c), and a dead
 * letter. That is tried until it is stored, and its partition waits meanwhile.
 */
#include <base/log.h>
#include <base/why.h>
#include <center/state.h>
#include <letter/letter.h>
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
                                     .arg = &leg->letter};
    return pl_letter_send(c->producer, c->settings.dlq_topic, &letter);
}

static void send_letter(struct center_post *p);

static void letter_later(struct center_leg *leg, const char *why) {
    hold_partition(leg, why);
    if (center_stops(leg->center))
        center_post_dropped(&leg->letter);
    else
        center_post_later(&leg->letter, send_letter);
}

static void send_letter(struct center_post *p) {
    pouch_err e = write_letter(p->leg);
    if (!e)
        p->sent = true;
    else if (e == POUCH_E_OVERLOADED || e == POUCH_E_NO_MEMORY)
        center_post_full(p, send_letter);
    else
        letter_later(p->leg, pouch_why());
}

void center_letter_reported(struct center_leg *leg, const struct pl_delivery *d) {
    if (d->class == PL_KAFKA_OK)
        center_post_over(&leg->letter);
    else if (leg->center->closing)
        center_post_dropped(&leg->letter);
    else
        letter_later(leg, rd_kafka_err2str(d->error));
}

static void log_failure(const struct center_leg *leg) {
    const struct center_item *item = leg->item;
    char source[PL_SOURCE_MAX], id[37];
    center_item_source(source, item);
    pl_uuid_format(id, &item->envelope.id);
    PL_LOG(PL_LOG_WARN, "a record was not routed", "code", pouch_err_code(leg->code), "request_id",
           item->envelope.request_id.at ? id : NULL, "source", source, "reason", leg->reason);
}

void center_fail(struct center_leg *leg, pouch_err code, const char *reason) {
    struct center *c = leg->center;
    leg->code = code;
    snprintf(leg->reason, CENTER_REASON_MAX, "%s", reason);
    log_failure(leg);
    pl_heap_remove(&c->waiting, &leg->forward.timer);
    leg->forward.open = false;
    leg->letter.open = true;
    center_answer(leg);
    send_letter(&leg->letter);
}
