/* The redeliverer's life: a thread that connects, works, and connects anew when something ends that. */
#include <base/log.h>
#include <base/thread.h>
#include <base/why.h>
#include <cluster/cluster.h>
#include <letter/letter.h>
#include <letter/redeliver.h>
#include <letter/resend.h>
#include <metrics/metrics.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FIRST_MS = 5000,
    AGAIN_MS = 10000,
    TURN_MS = 1000,    /* the group and the clock want to be looked at */
    CALL_MS = 1000,    /* a stop waits for no longer */
    TOPICS_MS = 10000, /* for each */
    REVOKE_MS = 3000,
    FLUSH_MS = 3000
};

/*
 * Few bytes are kept ready, since most of them wait; what a topic without a leader holds is given back soon, so that it
 * can wait in its retry topic. A fetch may be late by half a second: nobody waits for the last one.
 */
static const struct pl_property own[] = {{(char *)"queued.max.messages.kbytes", (char *)"4096"},
                                         {(char *)"queued.min.messages", (char *)"1000"},
                                         {(char *)"fetch.wait.max.ms", (char *)"500"},
                                         {(char *)"message.timeout.ms", (char *)"10000"},
                                         {(char *)"queue.buffering.max.kbytes", (char *)"32768"}};

static pouch_err make_settings(struct pl_redeliverer *r) {
    pouch_err e = pl_settings_insist(&r->settings, r->given, own, sizeof own / sizeof own[0]);
    r->settings.instance_id = NULL; /* that is for the group of the process */
    r->settings.start = PL_START_EARLIEST;
    return e;
}

static bool stops(const struct pl_redeliverer *r) {
    return atomic_load(&r->stopping);
}

/* ---- working ---- */

static int64_t until_next(const struct pl_redeliverer *r) {
    int64_t now = pl_mono_us(r->clock), next = now + (int64_t)TURN_MS * 1000;
    const struct pl_heap_node *first = pl_heap_first(&r->waiting);
    int64_t send = pl_producer_due(r->producer);
    if (first && first->due < next) next = first->due;
    if (send < next) next = send;
    return next < now ? 0 : next - now;
}

static void serve(struct pl_redeliverer *r) {
    pl_clockcheck_tick(&r->clockcheck);
    pl_producer_poll(r->producer);
    pl_resends_due(r);
}

/* What is under way is waited for; the rest is left to the partitions' next owner. */
static void revoke(struct pl_partition *const parts[], size_t n, bool lost, void *owner) {
    struct pl_redeliverer *r = owner;
    int64_t until = pl_mono_us(r->clock) + (int64_t)REVOKE_MS * 1000;
    r->revoked = true;
    while (!lost && !r->closing && pl_resends_under_way(r, parts, n) && pl_mono_us(r->clock) < until) {
        pl_wake_wait(&r->wake, until_next(r));
        pl_producer_poll(r->producer);
    }
}

/* What is in hand of partitions that are another's now. */
static void sweep(struct pl_redeliverer *r) {
    if (r->revoked) pl_resends_sweep(r);
    r->revoked = false;
}

/* One at a time, since the first that is not due yet ends the reading of its partition. */
static void take(struct pl_redeliverer *r) {
    struct pl_taken t;
    size_t n = 1;
    while (n && pl_resends_room(r)) {
        n = pl_group_take(r->group, &t, 1);
        sweep(r);
        if (n) pl_resend_take(r, &t);
    }
    if (n) pl_group_take(r->group, &t, 0); /* there is no room, and the group wants to be served */
    sweep(r);
}

static pouch_err work(struct pl_redeliverer *r) {
    while (!stops(r)) {
        pl_wake_wait(&r->wake, until_next(r));
        serve(r);
        take(r);
        pouch_err e = pl_group_failed(r->group);
        if (e) return e;
    }
    return POUCH_OK;
}

/* ---- connecting ---- */

/* Calls are short, and made again while it is of use. */
static bool again(const struct pl_redeliverer *r, pouch_err e, int64_t until_us) {
    return (e == POUCH_E_NO_BROKER || e == POUCH_E_TIMEOUT) && !stops(r) && pl_mono_us(r->clock) < until_us;
}

static pouch_err find_broker(struct pl_redeliverer *r, bool *mock) {
    pouch_err e;
    while (again(r, e = pl_cluster_mock(pl_producer_handle(r->producer), mock, CALL_MS), INT64_MAX))
        pl_producer_poll(r->producer);
    return e;
}

static pouch_err make_topic(struct pl_redeliverer *r, const struct pl_tier *tier) {
    rd_kafka_t *rk = pl_producer_handle(r->producer);
    int64_t until = pl_mono_us(r->clock) + (int64_t)TOPICS_MS * 1000;
    pouch_err e;
    do e = tier ? pl_tier_make(tier, rk, CALL_MS) : pl_letter_topic(rk, r->settings.dlq_topic, CALL_MS);
    while (again(r, e, until));
    return e;
}

static pouch_err make_topics(struct pl_redeliverer *r) {
    pouch_err e = POUCH_OK;
    for (size_t i = 0; !e && !stops(r) && i < r->tiers->n; i++) e = make_topic(r, &r->tiers->at[i]);
    return e || stops(r) ? e : make_topic(r, NULL);
}

static pouch_err open_up(struct pl_redeliverer *r) {
    const struct pl_group_hooks hooks = {.revoke = revoke, .owner = r};
    const char *topics[PL_TIERS_MAX];
    bool mock = false;
    for (size_t i = 0; i < r->tiers->n; i++) topics[i] = r->tiers->at[i].topic;
    pl_clockcheck_init(&r->clockcheck, r->clock, r->settings.deadline_skew_ms);
    r->closing = r->revoked = r->producer_full = false;
    r->health = pl_kafka_health_new();
    if (!r->health) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a connection");
    pouch_err e = pl_resends_init(r);
    if (!e) e = pl_producer_new(&r->producer, &r->settings, r->client_id, r->health, &r->wake, pl_resend_reported, r);
    if (!e) e = find_broker(r, &mock);
    if (!e) e = make_topics(r);
    if (e || stops(r)) return e;
    return pl_group_join(&r->group, &r->settings, r->client_id, PL_REDELIVER_GROUP, topics, r->tiers->n, mock,
                         PL_RESENDS_OPEN, r->health, &r->wake, &hooks);
}

/* Undoes as much of open_up() as was done. What is in hand comes again. */
static void close_down(struct pl_redeliverer *r) {
    r->closing = true;
    pl_producer_free(r->producer, FLUSH_MS);
    r->producer = NULL;
    if (r->all) pl_resends_give_messages(r);
    pl_group_leave(r->group);
    r->group = NULL;
    if (r->all) pl_resends_give_partitions(r);
    pl_resends_free(r);
    pl_kafka_health_free(r->health);
    r->health = NULL;
}

static void pause_for(struct pl_redeliverer *r, int64_t ms) {
    int64_t until = pl_mono_us(r->clock) + ms * 1000, left;
    while (!stops(r) && (left = until - pl_mono_us(r->clock)) > 0) pl_wake_wait(&r->wake, left);
}

static int64_t first_pause(const struct pl_redeliverer *r) {
    int64_t ms = FIRST_MS;
    for (size_t i = 0; i < r->tiers->n; i++)
        if (r->tiers->at[i].delay_ms < ms) ms = r->tiers->at[i].delay_ms;
    return ms;
}

static pouch_err bring_back(struct pl_redeliverer *r) {
    pl_metric_add(PL_M_RETRY_WORKING, 1);
    pouch_err e = work(r);
    pl_metric_add(PL_M_RETRY_WORKING, -1);
    return e;
}

static void *run(void *arg) {
    struct pl_redeliverer *r = arg;
    pause_for(r, first_pause(r));
    while (!stops(r)) {
        pouch_err e = open_up(r);
        if (!e) e = bring_back(r);
        if (e && !stops(r))
            PL_LOG(PL_LOG_ERROR, "what waits in the retry topics is not brought back by this process at present",
                   "reason", pouch_why());
        close_down(r);
        if (e) pause_for(r, AGAIN_MS);
    }
    return NULL;
}

static void release(struct pl_redeliverer *r) {
    pl_wake_free(&r->wake);
    free(r->settings.kafka);
    free(r->client_id);
    free(r);
}

pouch_err pl_redeliver_start(struct pl_redeliverer **out, const struct pl_settings *s, const struct pl_tiers *tiers,
                             const char *client_id) {
    struct pl_redeliverer *r = calloc(1, sizeof *r);
    if (!r) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for what brings retries back");
    r->given = s;
    r->tiers = tiers;
    r->clock = &pl_clock_system;
    pl_heap_init(&r->waiting);
    pouch_err e = pl_wake_init(&r->wake);
    if (e) {
        free(r);
        return e;
    }
    if (asprintf(&r->client_id, "%s.retries", client_id) < 0) {
        r->client_id = NULL;
        e = pl_fail(POUCH_E_NO_MEMORY, "out of memory for a client id");
    }
    if (!e) e = make_settings(r);
    if (!e) e = pl_thread_start(&r->thread, "retries", run, r);
    if (e) {
        release(r);
        return e;
    }
    *out = r;
    return POUCH_OK;
}

void pl_redeliver_stop(struct pl_redeliverer *r) {
    if (!r) return;
    atomic_store(&r->stopping, true);
    pl_wake_signal(&r->wake);
}

void pl_redeliver_free(struct pl_redeliverer *r) {
    if (!r) return;
    pl_redeliver_stop(r);
    pthread_join(r->thread, NULL);
    release(r);
}
