/* The center's life, and the polling thread's loop: a short list of phases. */
#include <base/log.h>
#include <base/why.h>
#include <center/state.h>
#include <metrics/metrics.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TURN_MOST_US = 1000000, /* the group wants to be served each second */
    LOOK_US = 250000,
    PRODUCER_FULL_US = 10000, /* deliveries that make room wake us; this is for when memory was short */
    FLUSH_LEAST_MS = 500,
    ASKERS_PART = 4, /* of what may be in flight, for errors on their way to requesters */
    ASKERS_BYTES = 16 * 1024 * 1024,
};

static pouch_err name(struct center *c) {
    c->client_id = c->settings.client_id;
    if (!c->client_id) {
        if (asprintf(&c->own_id, "pouch-center.%s", c->settings.inbox) < 0) {
            c->own_id = NULL;
            return pl_fail(POUCH_E_NO_MEMORY, "out of memory for the client id");
        }
        c->client_id = c->own_id;
    }
    c->group_id = c->settings.group ? c->settings.group : c->client_id;
    return POUCH_OK;
}

pouch_err center_new(struct center **out, const pouch_options *o) {
    struct center *c = calloc(1, sizeof *c);
    if (!c) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a center");
    c->clock = &pl_clock_system;
    c->parked_end = &c->parked;
    c->awaited_end = &c->awaited;
    c->untraced_end = &c->untraced;
    pl_heap_init(&c->waiting);
    center_spans_init(&c->spans);
    pouch_err e = pl_settings_read(&c->settings, o);
    if (e) goto free_center;
    e = pl_wake_init(&c->wake);
    if (e) goto free_settings;
    if (!c->settings.store) e = pl_store_default_url(&c->settings.store);
    /*
     * That a target does not exist is known by the first answer; by default librdkafka asks on while the requester
     * waits.
     */
    if (!e) e = pl_settings_suggest(&c->settings, "topic.metadata.propagation.max.ms", "0");
    if (!e) e = pl_tiers_read(&c->tiers, c->settings.retry_tiers);
    if (!e) e = name(c);
    if (!e) e = pl_status_init(&c->status);
    if (e) goto free_wake;
    if (pthread_mutex_init(&c->report_lock, NULL)) {
        e = pl_fail(POUCH_E_OVERLOADED, "no lock can be had for the status");
        goto free_status;
    }
    *out = c;
    return POUCH_OK;

free_status:
    pl_status_free(&c->status);
free_wake:
    pl_wake_free(&c->wake);
free_settings:
    pl_settings_free(&c->settings);
free_center:
    free(c);
    return e;
}

static bool is_under_way(const struct center *c) {
    return c->targets.in_flight || c->askers.in_flight;
}

/* At the targets, once something has been on its way to one of them for a while. */
static void look(struct center *c) {
    if (!is_under_way(c)) c->look_us = c->now_us + LOOK_US;
    if (c->now_us < c->look_us) return;
    center_look_at_targets(c);
    center_look_at_askers(c);
    c->look_us = c->now_us + LOOK_US;
}

/* All that can end an item. */
static void serve(struct center *c) {
    c->now_us = pl_mono_us(c->clock);
    pl_producer_poll(c->producer);
    center_posts_due(c);
    if (c->parked) center_unpark(c);
    center_look_at_awaited(c);
    look(c);
    center_items_traced(c);
    pl_metric_set(PL_M_CENTER_IN_FLIGHT, (int64_t)c->items_used);
    pl_metric_set(PL_M_CENTER_STALLED, (int64_t)c->targets.stalled);
    pl_metric_set(PL_M_TARGETS_OPEN, (int64_t)(c->targets.stalled + c->askers.stalled));
    pl_metric_set(PL_M_TARGETS_HALF_OPEN, (int64_t)(c->targets.doubted + c->askers.doubted));
    center_publish(c);
}

static void take(struct center *c) {
    struct pl_taken taken[CENTER_BATCH];
    size_t n = pl_group_take(c->group, taken, center_room(c));
    if (n) center_route(c, taken, n);
}

static int64_t until_next(const struct center *c) {
    int64_t now = pl_mono_us(c->clock), next = now + TURN_MOST_US;
    const struct pl_heap_node *first = pl_heap_first(&c->waiting);
    int64_t due = c->producer_full ? now + PRODUCER_FULL_US : first ? first->due : next;
    if (due < next) next = due;
    if (is_under_way(c) && c->look_us < next) next = c->look_us;
    if (c->awaited && c->await_us < next) next = c->await_us;
    int64_t send = pl_producer_due(c->producer);
    if (send < next) next = send;
    return next < now ? 0 : next - now;
}

static void wait_until(struct center *c, int64_t until_us) {
    int64_t us = until_next(c), left = until_us - pl_mono_us(c->clock);
    if (left < us) us = left;
    pl_wake_wait(&c->wake, us > 0 ? us : 0);
}

static bool any_open(struct pl_partition *const parts[], size_t n) {
    for (size_t i = 0; i < n; i++)
        if (pl_watermark_open(&parts[i]->watermark)) return true;
    return false;
}

bool center_stops(const struct center *c) {
    return c->drain_until_us != 0;
}

/* Whether waiting may be of use: something may still end with its outcome stored. */
static bool may_finish(const struct center *c) {
    return c->items_used > c->items_left;
}

/* What is not done in time is done twice: what is under way here, and by the partition's next owner. */
static void revoke(struct pl_partition *const parts[], size_t n, bool lost, void *owner) {
    struct center *c = owner;
    int64_t until = pl_mono_us(c->clock) + (int64_t)c->settings.drain_ms * 1000;
    if (c->drain_until_us && c->drain_until_us < until) until = c->drain_until_us;
    while (!lost && !c->closing && any_open(parts, n) && may_finish(c) && pl_mono_us(c->clock) < until) {
        wait_until(c, until);
        serve(c);
    }
}

static pouch_err work(struct center *c) {
    bool joined = false;
    while (!atomic_load(&c->stopping)) {
        pl_wake_wait(&c->wake, until_next(c));
        pl_clockcheck_tick(&c->clockcheck);
        serve(c);
        take(c);
        pouch_err e = pl_group_failed(c->group);
        if (e) return e;
        if (!joined && (joined = pl_group_joined(c->group)))
            PL_LOG(PL_LOG_INFO, "routing", "inbox", c->settings.inbox, "group", c->group_id, "client", c->client_id);
    }
    return POUCH_OK;
}

/* Finishes what is in flight, as far as drain allows, but for what nothing takes. */
static void drain(struct center *c) {
    struct pl_taken none[1];
    c->drain_until_us = pl_mono_us(c->clock) + (int64_t)c->settings.drain_ms * 1000;
    center_publish(c);
    while (may_finish(c) && pl_mono_us(c->clock) < c->drain_until_us) {
        wait_until(c, c->drain_until_us);
        serve(c);
        pl_group_take(c->group, none, 0); /* stay a member meanwhile */
    }
}

static int flush_ms(const struct center *c) {
    int64_t left = (c->drain_until_us - pl_mono_us(c->clock)) / 1000;
    return left < FLUSH_LEAST_MS ? FLUSH_LEAST_MS : (int)left;
}

static void wait_for_traces(struct center *c, int ms) {
    int64_t until = pl_mono_us(c->clock) + (int64_t)ms * 1000;
    center_items_traced(c);
    while (c->untraced && (c->now_us = pl_mono_us(c->clock)) < until) {
        pl_wake_wait(&c->wake, LOOK_US);
        center_items_traced(c);
    }
}

/* What is left ends without an outcome and comes again, to us or to another member. */
static void abandon(struct center *c) {
    size_t left = c->items_used;
    int ms = flush_ms(c), flush = may_finish(c) ? ms : 0; /* else the producer holds nothing that counts any more */
    c->closing = true;
    center_posts_drop(c);
    pl_producer_free(c->producer, flush); /* the rest is reported */
    c->producer = NULL;
    wait_for_traces(c, ms);
    pl_tracer_free(c->tracer, ms);
    c->tracer = NULL;
    if (!left) return;
    char n[24];
    snprintf(n, sizeof n, "%zu", left);
    PL_LOG(PL_LOG_WARN, "requests were not finished; they will be routed again", "requests", n);
}

/* Records that were dropped are told to nobody before the group has been left, or they would be committed. */
static void leave(struct center *c) {
    pl_group_leave(c->group);
    c->group = NULL;
    for (size_t i = 0; i < c->items_touched; i++) {
        struct pl_partition *p = c->items[i].taken.partition;
        if (p) pl_group_done(NULL, p, c->items[i].taken.ticket);
    }
}

/* Undoes as much of center_start() as was done. */
static void end(struct center *c) {
    pl_redeliver_stop(c->redeliverer);
    if (c->group) drain(c);
    abandon(c);
    leave(c);
    pl_redeliver_free(c->redeliverer);
    c->redeliverer = NULL;
    center_view_release(c, c->view);
    c->view = NULL;
    pl_registry_close(c->registry);
    c->registry = NULL;
    pl_kafka_health_free(c->health);
    c->health = NULL;
    pl_metric_set(PL_M_CENTER_IN_FLIGHT, 0);
}

pouch_err center_run(struct center *c) {
    const struct pl_group_hooks hooks = {.revoke = revoke, .owner = c};
    char why[1024];
    if (c->items || c->health) return pl_fail(POUCH_E_CONFIG, "a center runs once; make a new one");
    pl_clockcheck_init(&c->clockcheck, c->clock, c->settings.deadline_skew_ms);
    size_t most = c->settings.center_in_flight;
    pl_targets_init(&c->targets, sizeof(struct center_target), most, CENTER_BYTES_MOST, c->settings.reply_topics);
    pl_targets_init(&c->askers, sizeof(struct pl_target), most / ASKERS_PART, ASKERS_BYTES, c->settings.reply_topics);
    center_limits_init(&c->limits, c->settings.publisher_rate, c->settings.publisher_burst);
    c->legs_room = most + c->askers.room;
    pouch_err e = center_start(c, &hooks);
    if (!e && c->group) e = work(c);
    snprintf(why, sizeof why, "%s", pouch_why());
    end(c);
    return e ? pl_fail(e, "%s", why) : POUCH_OK;
}

void center_stop(struct center *c) {
    atomic_store(&c->stopping, true);
    pl_wake_signal(&c->wake);
}

void center_free(struct center *c) {
    if (!c) return;
    pl_targets_free(&c->targets);
    pl_targets_free(&c->askers);
    center_limits_free(&c->limits);
    center_headers_free(&c->headers);
    pl_buf_free(&c->value);
    pl_heap_free(&c->waiting);
    free(c->items);
    free(c->legs);
    free(c->reasons);
    free(c->own_id);
    pthread_mutex_destroy(&c->report_lock);
    pl_status_free(&c->status);
    pl_wake_free(&c->wake);
    pl_settings_free(&c->settings);
    free(c);
}
