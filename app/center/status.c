#include <center/state.h>
#include <inttypes.h>
#include <metrics/metrics.h>
#include <metrics/timing.h>
#include <stdio.h>

enum { LOOK_MS = 100 };

struct pl_status *center_status(struct center *c) {
    return &c->status;
}

void center_report_read(struct center *c, struct center_report *out) {
    pthread_mutex_lock(&c->report_lock);
    *out = c->report;
    pthread_mutex_unlock(&c->report_lock);
}

/* The heaviest that were added, heaviest first. */
struct ranking {
    size_t n;
    struct ranked {
        const void *what;
        uint64_t weight;
    } at[CENTER_TOLD];
};

static void rank(struct ranking *r, const void *what, uint64_t weight) {
    if (r->n == CENTER_TOLD && weight <= r->at[CENTER_TOLD - 1].weight) return;
    size_t i = r->n < CENTER_TOLD ? r->n++ : CENTER_TOLD - 1;
    for (; i && r->at[i - 1].weight < weight; i--) r->at[i] = r->at[i - 1];
    r->at[i] = (struct ranked){what, weight};
}

static void rank_targets(struct ranking *r, struct pl_targets *all) {
    for (size_t i = 0; i < PL_TARGET_SLOTS; i++)
        for (struct pl_target *t = all->slots[i]; t; t = t->next)
            rank(r, t, t->stalled ? UINT64_MAX : center_count_age(center_count_of(t)));
}

static void rank_publishers(struct ranking *r, struct center_limits *all) {
    for (size_t i = 0; i < CENTER_PUBLISHER_SLOTS; i++)
        for (struct center_publisher *p = all->slots[i]; p; p = p->next) rank(r, p, center_count_age(&p->count));
    uint64_t lately = center_count_age(&all->others.count);
    if (all->others.count.told) rank(r, &all->others, lately);
}

static struct center_target_facts facts_of_target(const struct pl_target *t) {
    const struct center_count *count = &((const struct center_target *)t)->count;
    struct center_target_facts f = {.in_flight = t->in_flight,
                                    .bytes = t->bytes,
                                    .stalled = t->stalled,
                                    .routed = count->routed,
                                    .failed = count->failed};
    snprintf(f.topic, sizeof f.topic, "%s", t->name);
    return f;
}

static struct center_publisher_facts facts_of_publisher(const struct center_publisher *p) {
    struct center_publisher_facts f = {
        .routed = p->count.routed, .failed = p->count.failed, .limited = p->count.limited};
    snprintf(f.publisher, sizeof f.publisher, "%s", p->name ? p->name : "");
    return f;
}

static void tell_busiest(struct center *c, struct center_report *f) {
    struct ranking targets = {0}, publishers = {0};
    rank_targets(&targets, &c->targets);
    rank_publishers(&publishers, &c->limits);
    f->n_targets = targets.n;
    f->n_publishers = publishers.n;
    for (size_t i = 0; i < targets.n; i++) f->targets[i] = facts_of_target(targets.at[i].what);
    for (size_t i = 0; i < publishers.n; i++) f->publishers[i] = facts_of_publisher(publishers.at[i].what);
}

static void publish_report(struct center *c) {
    const struct pl_snapshot *routes = pl_registry_take(c->registry);
    pthread_mutex_lock(&c->report_lock);
    struct center_report *f = &c->report;
    f->told = true;
    f->routes_age_ms = pl_registry_age_ms(c->registry);
    f->routes = pl_snapshot_routes(routes);
    f->awaiting = c->awaiting;
    f->trace_stuck = c->trace_stuck;
    f->stalled = c->targets.stalled;
    tell_busiest(c, f);
    pthread_mutex_unlock(&c->report_lock);
    pl_registry_give(c->registry, routes);
}

/* What waits for its trace rows has no record any more, so its offset is not known. */
static void note_oldest(const struct center *c, struct pl_status_work *work) {
    const struct center_item *oldest = NULL;
    for (size_t i = 0; i < c->items_touched; i++) {
        const struct center_item *item = &c->items[i];
        if (item->taken.partition && (!oldest || item->taken_us < oldest->taken_us)) oldest = item;
    }
    if (!oldest) return;
    const struct pl_taken *t = &oldest->taken;
    work->oldest_us = oldest->taken_us;
    int n = snprintf(work->oldest, sizeof work->oldest, "%s/%" PRId32, t->partition->topic, t->partition->id);
    if (t->message) snprintf(work->oldest + n, sizeof work->oldest - (size_t)n, "/%" PRId64, t->message->offset);
}

void center_publish(struct center *c) {
    enum pl_phase phase = c->drain_until_us ? PL_PHASE_STOPPING : PL_PHASE_WORKING;
    if (!pl_status_due(&c->status, phase, c->now_us)) return;
    struct pl_status_work work = {.phase = phase,
                                  .in_flight = c->items_used,
                                  .in_flight_most = c->settings.center_in_flight,
                                  .bytes = c->bytes,
                                  .bytes_most = CENTER_BYTES_MOST,
                                  .resending = c->waiting.count};
    note_oldest(c, &work);
    pl_metric_set(PL_M_CENTER_IN_FLIGHT_LIMIT, (int64_t)work.in_flight_most);
    pl_timings_tick(c->now_us);
    pl_kafka_look(c->health, pl_producer_handle(c->producer), LOOK_MS);
    publish_report(c);
    pl_status_no_breakers(&c->status);
    pl_targets_each(&c->targets, pl_status_target, &c->status);
    pl_targets_each(&c->askers, pl_status_target, &c->status);
    pl_status_publish(&c->status, &work, c->now_us, c->group, c->health, c->settings.brokers);
}
