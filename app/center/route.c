/* Reading a record, and where it goes. */
#include <base/clock.h>
#include <base/log.h>
#include <base/why.h>
#include <center/state.h>
#include <metrics/metrics.h>
#include <stdio.h>
#include <stdlib.h>

void center_view_release(struct center *c, struct center_view *v) {
    if (!v || --v->users) return;
    pl_registry_give(c->registry, v->snapshot);
    free(v);
}

/*
 * A batch is judged by one snapshot. Without memory for a new one it is the one before, once more; the first has none
 * before it.
 */
void center_look_up_view(struct center *c) {
    const struct pl_snapshot *s = pl_registry_take(c->registry);
    bool is_new = !c->view || s != c->view->snapshot;
    struct center_view *v = is_new ? malloc(sizeof *v) : NULL;
    if (!v) {
        pl_registry_give(c->registry, s);
        return;
    }
    *v = (struct center_view){s, 1};
    center_view_release(c, c->view);
    c->view = v;
}

static pouch_err scan(struct center_item *item) {
    const rd_kafka_message_t *m = item->taken.message;
    if (m->len) return pl_envelope_scan(&item->envelope, m->payload, m->len);
    item->envelope = (struct pl_envelope){0};
    return pl_fail(POUCH_E_BAD_ENVELOPE, m->payload ? "the value is empty" : "the record has no value");
}

bool center_expired(const struct center_item *item) {
    const struct center *c = item->center;
    return item->facts.deadline_ms && pl_clockcheck_trusted(&c->clockcheck) &&
           pl_wall_ms(c->clock) - c->settings.deadline_skew_ms > item->facts.deadline_ms;
}

void center_item_source(char out[PL_SOURCE_MAX], const struct center_item *item) {
    const rd_kafka_message_t *m = item->taken.message;
    pl_source_write(out, rd_kafka_topic_name(m->rkt), m->partition, m->offset);
}

/* From here on the item counts for its publisher. */
static pouch_err limit(struct center_item *item) {
    struct center *c = item->center;
    struct center_publisher *p = center_publisher_of(&c->limits, item->route->publisher, c->now_us);
    item->publisher = p;
    p->users++;
    if (center_limit_take(&c->limits, p, c->now_us)) return POUCH_OK;
    p->count.limited++;
    pl_metric_add(PL_M_CENTER_LIMITED, 1);
    return pl_fail(POUCH_E_OVERLOADED,
                   "publisher %s sends more than %zu requests a second; send less, or raise center.publisher_rate",
                   item->route->publisher, c->settings.publisher_rate);
}

pouch_err center_look_up(struct center_item *item) {
    struct pl_span name = item->envelope.worker_name;
    if (!name.at)
        return pl_fail(POUCH_E_NO_ROUTE, "the envelope names no publisher (worker_name), so there is no route for it");
    item->view = item->center->view;
    item->view->users++;
    item->route = pl_snapshot_find(item->view->snapshot, name.at, name.n);
    if (!item->route)
        return pl_fail(POUCH_E_NO_ROUTE, "No route found for publisher: %.*s; `pouch route add` makes one", (int)name.n,
                       name.at);
    if (!item->route->enabled)
        return pl_fail(POUCH_E_ROUTE_DISABLED,
                       "Route disabled for publisher: %.*s; `pouch route enable` lets its requests through",
                       (int)name.n, name.at);
    return limit(item);
}

/* POUCH_OK: its route is to be looked up. */
static pouch_err judge(struct center_item *item) {
    pouch_err e = scan(item);
    item->came = center_headers_of(item->taken.message);
    center_facts_read(&item->facts, item->came);
    if (e) return e;
    if (item->facts.hop >= PL_HOPS_MAX)
        return pl_fail(POUCH_E_HOP_LIMIT, "the request was passed on %d times already; its routes may form a circle",
                       item->facts.hop);
    if (center_expired(item)) return pl_fail(POUCH_E_EXPIRED, "the deadline had passed before the request was routed");
    if (!item->center->view) return pl_fail(POUCH_E_OVERLOADED, "out of memory for the routes");
    return POUCH_OK;
}

size_t center_branches(const struct center_item *item) {
    return item->route->weights ? 1 : item->route->n_targets;
}

static void send_to_targets(struct center_item *item) {
    struct center *c = item->center;
    const struct pl_registry_route *r = item->route;
    size_t n = center_branches(item), first = r->weights ? pl_registry_pick(r, &item->envelope.id) : 0;
    item->open = n; /* before the first can be over */
    for (size_t i = 0; i < n; i++) {
        struct pl_target *target = pl_target_of(&c->targets, r->targets[first + i]);
        struct center_leg *leg = center_leg_new(item, target, i);
        if (target)
            center_forward(leg);
        else
            center_fail(leg, POUCH_E_OVERLOADED, "out of memory for one more target");
    }
}

void center_settle(struct center_item *item, pouch_err e) {
    if (!e) {
        send_to_targets(item);
        return;
    }
    item->open = 1;
    center_fail(center_leg_new(item, NULL, 0), e, pouch_why());
}

static void route_one(struct center *c, const struct pl_taken *t, int64_t wall_us) {
    struct center_item *item = center_item_new(c, t);
    item->taken_us = c->now_us;
    item->at_us = wall_us;
    pouch_err e = judge(item);
    if (!e && center_awaits(item))
        center_await(item);
    else
        center_settle(item, e ? e : center_look_up(item));
}

void center_route(struct center *c, const struct pl_taken taken[], size_t n) {
    int64_t newest = -1, wall = pl_wall_us(c->clock);
    c->now_us = pl_mono_us(c->clock);
    center_look_up_view(c);
    for (size_t i = 0; i < n; i++) {
        rd_kafka_timestamp_type_t type;
        int64_t written = rd_kafka_message_timestamp(taken[i].message, &type);
        if (written > newest) newest = written;
    }
    pl_clockcheck_record(&c->clockcheck, newest);
    if (c->awaited) center_release_awaited(c);
    for (size_t i = 0; i < n; i++) route_one(c, &taken[i], wall);
}
