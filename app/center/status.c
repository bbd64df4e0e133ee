#include <center/state.h>
#include <inttypes.h>
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

static void tell_target(struct center_report *f, const struct center_target *t) {
    if (!t->in_flight && !t->stalled) return;
    if (f->n_targets < CENTER_TARGETS_TOLD) {
        struct center_target_facts *out = &f->targets[f->n_targets];
        snprintf(out->topic, sizeof out->topic, "%s", t->name);
        out->in_flight = t->in_flight;
        out->bytes = t->bytes;
        out->stalled = t->stalled;
    }
    f->n_targets++;
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
    f->n_targets = 0;
    for (size_t i = 0; i < CENTER_SLOTS; i++)
        for (const struct center_target *t = c->targets.slots[i]; t; t = t->next) tell_target(f, t);
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
    pl_kafka_look(c->health, pl_producer_handle(c->producer), LOOK_MS);
    publish_report(c);
    pl_status_publish(&c->status, &work, c->now_us, c->group, c->health, c->settings.brokers);
}
