#include <base/log.h>
#include <base/why.h>
#include <inttypes.h>
#include <letter/letter.h>
#include <letter/redeliver.h>
#include <letter/resend.h>
#include <metrics/metrics.h>
#include <stdio.h>
#include <stdlib.h>

enum { BACKOFF_FIRST_MS = 500, BACKOFF_MOST_MS = 30000, FULL_MS = 10 };

pouch_err pl_resends_init(struct pl_redeliverer *r) {
    r->all = calloc(PL_RESENDS, sizeof *r->all); /* what is never used costs no memory */
    r->free = NULL;
    r->touched = r->used = r->bytes = r->stuck = 0;
    if (!r->all) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for %d records on their way back", PL_RESENDS);
    return pl_heap_reserve(&r->waiting, PL_RESENDS);
}

void pl_resends_free(struct pl_redeliverer *r) {
    free(r->all);
    r->all = NULL;
    pl_heap_free(&r->waiting);
}

bool pl_resends_room(const struct pl_redeliverer *r) {
    return r->used < PL_RESENDS && r->bytes < PL_RESENDS_BYTES && !r->producer_full;
}

static bool is_held(const struct pl_redeliverer *r, const struct pl_partition *p) {
    for (size_t i = 0; i < r->touched; i++) {
        const struct pl_resend *s = &r->all[i];
        if (s->taken.partition == p && (s->head || s->stuck)) return true;
    }
    return false;
}

/*
 * One that waits until it is due counts no bytes, or large ones with a long delay would leave no room for those of a
 * short one.
 */
static void set_head(struct pl_resend *s, bool head) {
    size_t bytes = s->taken.bytes;
    if (s->head == head) return;
    s->head = head;
    s->owner->bytes += head ? -bytes : bytes;
    s->taken.partition->held = head || (s->owner->stuck && is_held(s->owner, s->taken.partition));
    pl_metric_add(PL_M_RETRY_WAITING, head ? 1 : -1);
}

static void set_stuck(struct pl_resend *s, bool stuck) {
    if (s->stuck == stuck) return;
    s->stuck = stuck;
    s->owner->stuck += stuck ? 1 : (size_t)-1;
    s->taken.partition->held = is_held(s->owner, s->taken.partition);
    pl_metric_add(PL_M_RETRY_BLOCKED, stuck ? 1 : -1);
}

static void wait_ms(struct pl_resend *s, int64_t ms) {
    if (pl_heap_add(&s->owner->waiting, &s->timer, pl_mono_us(s->owner->clock) + ms * 1000))
        abort(); /* room was reserved for all */
}

/* All ways of ending lead here: the record is stored elsewhere, or comes again to the partition's next owner. */
static void end(struct pl_resend *s) {
    struct pl_redeliverer *r = s->owner;
    pl_heap_remove(&r->waiting, &s->timer);
    set_head(s, false);
    set_stuck(s, false);
    r->bytes -= s->taken.bytes;
    rd_kafka_message_destroy(s->taken.message);
    pl_group_done(r->group, s->taken.partition, s->taken.ticket);
    s->taken = (struct pl_taken){0};
    s->next = r->free;
    r->free = s;
    r->used--;
}

/* ---- sending ---- */

static pouch_err write_letter(struct pl_resend *s) {
    const struct pl_letter letter = {.record = s->taken.message,
                                     .target = s->facts.topic[0] ? s->facts.topic : NULL,
                                     .code = s->code,
                                     .reason = s->reason,
                                     .group = PL_REDELIVER_GROUP,
                                     .attempts = s->facts.attempt > 0 ? (int)s->facts.attempt : 1,
                                     .now_ms = pl_wall_ms(s->owner->clock),
                                     .most = s->most,
                                     .arg = s};
    return pl_letter_send(s->owner->producer, s->owner->settings.dlq_topic, &letter);
}

static pouch_err put(struct pl_resend *s) {
    const struct pl_redeliverer *r = s->owner;
    switch (s->way) {
    case PL_RESEND_HOME: return pl_retry_return(r->producer, s->taken.message, &s->facts, s);
    case PL_RESEND_LATER:
        return pl_retry_postpone(r->producer, s->taken.message, s->tier, pl_wall_ms(r->clock) + s->tier->delay_ms, s);
    case PL_RESEND_LETTER: return write_letter(s);
    }
    return POUCH_OK;
}

static void dispatch(struct pl_resend *s);

static void log_failure(const struct pl_resend *s, enum pl_log_level level, const char *what, const char *why) {
    char place[PL_SOURCE_MAX];
    const rd_kafka_message_t *m = s->taken.message;
    pl_source_write(place, rd_kafka_topic_name(m->rkt), m->partition, m->offset);
    PL_LOG(level, what, "source", place, "topic", s->facts.topic, "reason", why);
}

static void back_off(struct pl_resend *s) {
    int64_t ms = s->backoff_ms ? 2 * s->backoff_ms : BACKOFF_FIRST_MS;
    s->backoff_ms = ms < BACKOFF_MOST_MS ? ms : BACKOFF_MOST_MS;
    wait_ms(s, s->backoff_ms);
}

static void give_up(struct pl_resend *s, pouch_err code, const char *why) {
    s->code = code;
    snprintf(s->reason, sizeof s->reason, "%s", why);
    log_failure(s, PL_LOG_WARN, "a record in a retry topic becomes a dead letter", s->reason);
    s->way = PL_RESEND_LETTER;
    dispatch(s);
}

/* A retry topic that takes nothing leaves its record to be sent back after all. */
static void refused(struct pl_resend *s, pouch_err e, const char *why) {
    char reason[PL_RESEND_REASON];
    switch (s->way) {
    case PL_RESEND_HOME:
        snprintf(reason, sizeof reason, "%s refuses the request: %s", s->facts.topic, why);
        give_up(s, e == POUCH_E_TOO_LARGE ? e : POUCH_E_TARGET_REFUSED, reason);
        break;
    case PL_RESEND_LATER:
        s->way = PL_RESEND_HOME;
        back_off(s);
        break;
    case PL_RESEND_LETTER:
        if (e == POUCH_E_TOO_LARGE) s->most = pl_letter_less(s->most);
        if (!s->stuck)
            log_failure(s, PL_LOG_ERROR, "a dead letter cannot be stored: its partition waits, and it is tried again",
                        why);
        set_stuck(s, true);
        back_off(s);
        break;
    }
}

static void dispatch(struct pl_resend *s) {
    pouch_err e = put(s);
    if (!e) {
        s->sent = true;
    } else if (e == POUCH_E_OVERLOADED || e == POUCH_E_NO_MEMORY) {
        s->owner->producer_full = true;
        wait_ms(s, FULL_MS);
    } else {
        refused(s, e, pouch_why());
    }
}

static void stored(struct pl_resend *s) {
    if (s->way == PL_RESEND_HOME) pl_metric_add(PL_M_REDELIVERED, 1);
    if (s->way == PL_RESEND_LATER) pl_metric_add(PL_M_POSTPONED, 1);
    if (s->stuck) log_failure(s, PL_LOG_INFO, "the dead letter is stored: the partition goes on", NULL);
    end(s);
}

/* The topic may be without a leader for long: its record makes room for others by waiting for its delay once more. */
static void not_yet(struct pl_resend *s, const char *why) {
    if (s->way == PL_RESEND_HOME) {
        s->way = PL_RESEND_LATER;
        back_off(s);
    } else {
        refused(s, POUCH_E_OVERLOADED, why);
    }
}

void pl_resend_reported(const struct pl_delivery *d, void *redeliverer) {
    const struct pl_redeliverer *r = redeliverer;
    struct pl_resend *s = d->arg;
    s->sent = false;
    if (d->class == PL_KAFKA_OK)
        stored(s);
    else if (r->closing)
        return; /* it comes again */
    else if (s->taken.partition->revoked)
        end(s);
    else if (d->class == PL_KAFKA_PERMANENT)
        refused(s, pl_kafka_err(d->error), pl_kafka_refusal(d->error));
    else
        not_yet(s, pl_kafka_refusal(d->error));
}

/* ---- taking and waiting ---- */

int64_t pl_redeliver_wait_ms(int64_t at_ms, int64_t wall_ms, int64_t delay_ms, bool wall_trusted) {
    int64_t left = at_ms > wall_ms ? at_ms - wall_ms : 0;
    return wall_trusted && left < delay_ms ? left : delay_ms;
}

static struct pl_resend *new_resend(struct pl_redeliverer *r, const struct pl_taken *t) {
    struct pl_resend *s = r->free;
    if (s)
        r->free = s->next;
    else
        s = &r->all[r->touched++];
    *s = (struct pl_resend){.owner = r, .taken = *t, .tier = pl_tier_of(r->tiers, t->partition->topic)};
    r->used++;
    r->bytes += t->bytes;
    return s;
}

void pl_resend_take(struct pl_redeliverer *r, const struct pl_taken *t) {
    const char *const own[] = {r->settings.dlq_topic, r->settings.routes_topic, NULL};
    struct pl_resend *s = new_resend(r, t);
    rd_kafka_headers_t *headers;
    pl_retry_read(&s->facts, rd_kafka_message_headers(t->message, &headers) ? NULL : headers);
    pouch_err e = pl_retry_check(&s->facts, own);
    if (e) {
        give_up(s, e, pouch_why());
        return;
    }
    int64_t ms = pl_redeliver_wait_ms(s->facts.at_ms, pl_wall_ms(r->clock), s->tier->delay_ms,
                                      pl_clockcheck_trusted(&r->clockcheck));
    if (!ms) {
        dispatch(s);
        return;
    }
    set_head(s, true);
    wait_ms(s, ms);
}

void pl_resends_due(struct pl_redeliverer *r) {
    int64_t now = pl_mono_us(r->clock);
    struct pl_heap_node *node;
    r->producer_full = false;
    while (!r->producer_full && (node = pl_heap_first(&r->waiting)) && node->due <= now) {
        struct pl_resend *s = (struct pl_resend *)node;
        pl_heap_remove(&r->waiting, node);
        set_head(s, false);
        dispatch(s);
    }
}

/* ---- partitions that go, and the end ---- */

bool pl_resends_under_way(const struct pl_redeliverer *r, struct pl_partition *const parts[], size_t n) {
    for (size_t i = 0; i < r->touched; i++)
        for (size_t k = 0; r->all[i].sent && k < n; k++)
            if (r->all[i].taken.partition == parts[k]) return true;
    return false;
}

void pl_resends_sweep(struct pl_redeliverer *r) {
    for (size_t i = 0; i < r->touched; i++) {
        struct pl_resend *s = &r->all[i];
        if (s->taken.message && !s->sent && s->taken.partition->revoked) end(s);
    }
}

void pl_resends_give_messages(struct pl_redeliverer *r) {
    for (size_t i = 0; i < r->touched; i++) {
        struct pl_resend *s = &r->all[i];
        if (!s->taken.message) continue;
        pl_heap_remove(&r->waiting, &s->timer);
        set_head(s, false);
        set_stuck(s, false);
        rd_kafka_message_destroy(s->taken.message);
        s->taken.message = NULL;
    }
}

void pl_resends_give_partitions(struct pl_redeliverer *r) {
    for (size_t i = 0; i < r->touched; i++)
        if (r->all[i].taken.partition) pl_group_done(NULL, r->all[i].taken.partition, r->all[i].taken.ticket);
}
