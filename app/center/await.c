/*
 * Records whose route was announced newer than it is known here, while the store cannot be read: they wait, all looked
 * at again now and then and before more are routed, until the routes are known, their deadline passes, or the partition
 * goes to another. They go on in the order in which they came, or a later record would overtake one of its publisher.
 * Meanwhile nothing more is taken once a quarter of what may be in flight waits so.
 */
#include <base/log.h>
#include <base/why.h>
#include <center/state.h>
#include <metrics/metrics.h>

enum { PART = 4, LOOK_US = 100000 };

bool center_awaits(const struct center_item *item) {
    const struct center *c = item->center;
    struct pl_span name = item->envelope.worker_name;
    return name.at && (c->await_full || pl_snapshot_awaits(c->view->snapshot, name.at, name.n));
}

bool center_awaits_many(const struct center *c) {
    return c->awaiting >= c->settings.center_in_flight / PART;
}

/* At the first look the store may be about to be read; what waits longer is worth telling. */
static void tell(struct center *c) {
    if (c->awaiting_told) return;
    c->awaiting_told = true;
    PL_LOG(PL_LOG_ERROR, "requests wait: their routes have changed, and the store that says how cannot be read",
           "store", c->settings.store);
}

static void go_on(struct center_leg *leg) {
    struct center_item *item = leg->item;
    center_awaited(leg);
    center_leg_recycle(leg);
    center_settle(item, center_look_up(item));
}

static void keep(struct center_leg *leg) {
    struct center *c = leg->center;
    leg->next = NULL;
    *c->awaited_end = leg;
    c->awaited_end = &leg->next;
}

static void look_at(struct center_leg *leg) {
    struct center *c = leg->center;
    bool unknown = center_awaits(leg->item);
    if (center_leg_is_anothers(leg) || (unknown && center_stops(c))) {
        center_post_dropped(&leg->forward);
    } else if (center_expired(leg->item)) {
        center_awaited(leg);
        center_fail(leg, POUCH_E_EXPIRED, "the deadline passed while the request waited for its publisher's new route");
    } else if (unknown) {
        keep(leg);
    } else if (c->legs_used > c->legs_room) {
        c->await_full = true; /* one record becomes many legs: those released before it have all the room */
        keep(leg);
    } else {
        go_on(leg);
    }
}

void center_release_awaited(struct center *c) {
    struct center_leg *leg = c->awaited;
    c->awaited = NULL;
    c->awaited_end = &c->awaited;
    c->await_full = false;
    while (leg) {
        struct center_leg *next = leg->next;
        look_at(leg);
        leg = next;
    }
}

void center_look_at_awaited(struct center *c) {
    if (!c->awaited || c->now_us < c->await_us) return;
    center_look_up_view(c);
    center_release_awaited(c);
    if (c->awaited && !c->await_full) tell(c);
    c->await_us = c->now_us + LOOK_US;
}

void center_await(struct center_item *item) {
    struct center *c = item->center;
    struct center_leg *leg = center_leg_new(item, NULL, 0);
    item->open = 1;
    leg->awaits = true;
    leg->forward.open = true;
    if (!c->awaited) c->await_us = c->now_us + LOOK_US;
    keep(leg);
    c->awaiting++;
    pl_metric_add(PL_M_CENTER_AWAITING, 1);
}

void center_awaited(struct center_leg *leg) {
    struct center *c = leg->center;
    if (!leg->awaits) return;
    leg->awaits = false;
    pl_metric_add(PL_M_CENTER_AWAITING, -1);
    if (--c->awaiting || !c->awaiting_told) return;
    c->awaiting_told = false;
    PL_LOG(PL_LOG_INFO, "no request waits for its route any more");
}
