/* The end of legs and items: the trace row, then the offset. */
#include <base/log.h>
#include <center/state.h>
#include <metrics/metrics.h>
#include <metrics/timing.h>
#include <string.h>

/* How long offsets wait for a store that writes nothing; then routing goes on without it. */
enum { TRACE_WAIT_US = 5000000 };

static enum pl_metric counter_of(pouch_err code) {
    switch (code) {
    case POUCH_OK: return PL_M_CENTER_ROUTED;
    case POUCH_E_NO_ROUTE: return PL_M_CENTER_NO_ROUTE;
    case POUCH_E_ROUTE_DISABLED: return PL_M_CENTER_DISABLED;
    case POUCH_E_HOP_LIMIT: return PL_M_CENTER_HOP_LIMIT;
    case POUCH_E_BAD_ENVELOPE: return PL_M_CENTER_BAD_ENVELOPE;
    case POUCH_E_EXPIRED: return PL_M_CENTER_EXPIRED;
    case POUCH_E_TOO_LARGE: return PL_M_CENTER_TOO_LARGE;
    case POUCH_E_OVERLOADED: return PL_M_CENTER_SHED;
    default: return PL_M_CENTER_REFUSED;
    }
}

/* What goes to a topic for replies is a response, and so is an error; all else is a request. */
static bool is_response(const struct center_leg *leg) {
    return leg->item->envelope.error_code.at || (leg->target && leg->target->takes_replies);
}

static void put_row(const struct center_leg *leg) {
    struct center *c = leg->center;
    if (!c->tracer) return;
    struct center_item *item = leg->item;
    const rd_kafka_message_t *m = item->taken.message;
    struct pl_span name = item->envelope.worker_name;
    char publisher[PL_NAME_MAX + 1];
    if (name.at) memcpy(publisher, name.at, name.n);
    publisher[name.n] = 0;
    struct pl_trace row = {.by = PL_TRACE_CENTER,
                           .response = is_response(leg),
                           .success = !leg->code,
                           .request_id = item->envelope.id,
                           .at_us = item->at_us,
                           .took_us = c->now_us - item->taken_us,
                           .publisher = name.at ? publisher : NULL,
                           .topic = rd_kafka_topic_name(m->rkt),
                           .partition = m->partition,
                           .offset = m->offset,
                           .target = leg->target ? leg->target->name : NULL,
                           .route = item->route ? item->route->id : NULL,
                           .code = leg->code ? pouch_err_code(leg->code) : NULL,
                           .error = leg->code ? leg->reason : NULL};
    row.id = pl_trace_id(row.topic, row.partition, row.offset, row.target, row.by, row.response);
    item->trace = pl_tracer_put(c->tracer, &row);
}

static void add_to(struct center_count *count, pouch_err code) {
    count->routed += !code;
    count->failed += code != POUCH_OK;
}

static void count(const struct center_leg *leg) {
    const struct center_item *item = leg->item;
    pl_metric_add(leg->later ? PL_M_CENTER_LATER : counter_of(leg->code), 1);
    pl_timing_record(PL_T_CENTER, leg->center->now_us - item->taken_us);
    if (leg->later) return; /* it comes again */
    if (leg->target) add_to(center_count_of(leg->target), leg->code);
    if (item->publisher) add_to(&item->publisher->count, leg->code);
}

static void done(struct center_item *item) {
    pl_group_done(item->center->group, item->taken.partition, item->taken.ticket);
    center_item_recycle(item);
}

static void wait_for_trace(struct center_item *item) {
    struct center *c = item->center;
    if (!c->untraced) c->written_us = c->now_us;
    item->next = NULL;
    *c->untraced_end = item;
    c->untraced_end = &item->next;
}

static void item_over(struct center_item *item) {
    struct center *c = item->center;
    rd_kafka_message_destroy(item->taken.message);
    item->taken.message = NULL;
    c->bytes -= item->bytes;
    center_view_release(c, item->view);
    if (item->publisher) item->publisher->users--;
    if (!item->dropped)
        wait_for_trace(item);
    else if (item->taken.partition->revoked)
        done(item);
    else
        c->items_left++; /* its partition hears of it only when the group has been left, or it would be committed */
}

void center_leg_over(struct center_leg *leg) {
    struct center_item *item = leg->item;
    if (!item->dropped) {
        put_row(leg);
        count(leg);
    }
    center_awaited(leg);
    center_leg_let_go(leg); /* the report of a topic that has stalled may be to come */
    if (--item->open == 0) item_over(item);
}

bool center_leg_holds_inbox(const struct center_leg *leg) {
    if (!leg->item) return false;
    const struct pl_watermark *w = &leg->item->taken.partition->watermark;
    return pl_watermark_full(w) && leg->item->taken.ticket == w->head;
}

static void let_go(struct center *c) {
    struct center_item *item = c->untraced;
    c->untraced = item->next;
    if (!c->untraced) c->untraced_end = &c->untraced;
    done(item);
}

static void note_written(struct center *c, uint64_t written) {
    if (written == c->written) return;
    c->written = written;
    c->written_us = c->now_us;
    if (c->trace_stuck) PL_LOG(PL_LOG_INFO, "the store takes trace rows again");
    c->trace_stuck = false;
}

static void note_stuck(struct center *c) {
    if (c->trace_stuck || c->now_us - c->written_us < TRACE_WAIT_US) return;
    PL_LOG(PL_LOG_ERROR, "the store has taken no trace row for 5 s: offsets do not wait for it any more", "store",
           c->settings.store);
    c->trace_stuck = true;
}

void center_items_traced(struct center *c) {
    if (!c->untraced) return;
    uint64_t written = c->tracer ? pl_tracer_written(c->tracer) : 0;
    note_written(c, written);
    while (c->untraced && c->untraced->trace <= written) let_go(c);
    if (!c->untraced) return;
    note_stuck(c);
    while (c->trace_stuck && c->untraced) {
        pl_metric_add(PL_M_CENTER_UNTRACED, 1);
        let_go(c);
    }
}
