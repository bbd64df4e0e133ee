/*
 * Records whose route was announced newer than it is known here, while the store cannot be read: they wait, each
 * looked at again now and then, until the routes are known, their deadline passes, or the partition goes to another.
 * Meanwhile nothing more is taken once a quarter of what may be in flight waits so.
 */
#include <base/log.h>
#include <base/why.h>
#include <center/state.h>
#include <metrics/metrics.h>

enum { PART = 4 };

bool center_awaits(const struct center_item *item) {
    struct pl_span name = item->envelope.worker_name;
    return name.at && pl_snapshot_awaits(item->center->view->snapshot, name.at, name.n);
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

static void look_again(struct center_post *p);

static void not_yet(struct center_post *p) {
    if (center_stops(p->leg->center))
        center_post_dropped(p);
    else
        center_post_later(p, look_again);
}

static void look_again(struct center_post *p) {
    struct center_leg *leg = p->leg;
    center_look_up_view(leg->center);
    if (center_expired(leg->item)) {
        center_awaited(leg);
        center_fail(leg, POUCH_E_EXPIRED, "the deadline passed while the request waited for its publisher's new route");
    } else if (center_awaits(leg->item)) {
        tell(leg->center);
        not_yet(p);
    } else if (leg->center->legs_used > leg->center->legs_room) {
        center_post_full(p, look_again); /* one record becomes many legs: those released before it have all the room */
    } else {
        go_on(leg);
    }
}

void center_await(struct center_item *item) {
    struct center_leg *leg = center_leg_new(item, NULL, 0);
    item->open = 1;
    leg->awaits = true;
    leg->forward.open = true;
    item->center->awaiting++;
    pl_metric_add(PL_M_CENTER_AWAITING, 1);
    center_post_later(&leg->forward, look_again);
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
