/* What a run needs, made in the order in which it can fail. */
#include <base/log.h>
#include <base/why.h>
#include <center/state.h>
#include <cluster/cluster.h>
#include <letter/letter.h>
#include <stdlib.h>

/* A first look is cut into steps, so that a stop is noticed while no broker answers. */
enum { STEP_MS = 250, INBOX_PARTITIONS = 3 };

static pouch_err no_broker(struct center *c) {
    char text[512];
    pl_kafka_health_text(c->health, c->settings.brokers, text, sizeof text);
    return pl_fail(POUCH_E_NO_BROKER, "%s", text);
}

static pouch_err find_broker(struct center *c, bool *mock) {
    int timeout = c->settings.connect_timeout_ms, step = timeout < STEP_MS ? timeout : STEP_MS;
    int64_t until = pl_mono_us(c->clock) + (int64_t)timeout * 1000;
    for (;;) {
        pouch_err e = pl_cluster_mock(pl_producer_handle(c->producer), mock, step);
        if (!e || atomic_load(&c->stopping)) return POUCH_OK;
        if (e != POUCH_E_NO_BROKER && e != POUCH_E_TIMEOUT) return e;
        if (pl_mono_us(c->clock) >= until) return no_broker(c);
        pl_producer_poll(c->producer);
    }
}

static pouch_err make_topics(struct center *c) {
    const struct pl_settings *s = &c->settings;
    struct pl_topic_spec inbox = {.name = s->inbox, .partitions = INBOX_PARTITIONS, .replication = -1};
    rd_kafka_t *rk = pl_producer_handle(c->producer);
    bool existed;
    int n;
    pouch_err e = pl_topic_partitions(rk, s->inbox, &n, s->connect_timeout_ms);
    if (e == POUCH_E_TARGET_REFUSED) {
        e = pl_topic_create(rk, &inbox, &existed, s->connect_timeout_ms);
        if (!e && !existed) PL_LOG(PL_LOG_INFO, "the inbox was not there and has been made", "topic", s->inbox);
    }
    if (!e) e = pl_letter_topic(rk, s->dlq_topic, s->connect_timeout_ms);
    return e ? e : pl_tiers_make(&c->tiers, rk, s->connect_timeout_ms);
}

static pouch_err open_store(struct center *c) {
    const struct pl_settings *s = &c->settings;
    const struct pl_tracer_settings traces = {.url = s->store,
                                              .max_bytes = s->trace_queue_bytes,
                                              .ttl_ms = s->trace_ttl_ms,
                                              .keep_bytes = s->trace_max_bytes,
                                              .wake = &c->wake,
                                              .spool = s->trace_spool,
                                              .spool_bytes = s->trace_spool_bytes,
                                              .spool_reserve = s->trace_spool_reserve};
    pouch_err e = pl_registry_open(&c->registry, s, c->client_id);
    return e || s->trace_center_off ? e : pl_tracer_new(&c->tracer, &traces);
}

/* A batch may bring this many more legs than there was room for, each record having as many targets as may be. */
static size_t legs_most(const struct center *c) {
    return c->legs_room + (size_t)CENTER_BATCH * PL_TARGETS_MAX;
}

static pouch_err make_pools(struct center *c) {
    enum { POSTS = 3 };
    c->legs_most = legs_most(c);
    c->items = calloc(c->settings.center_in_flight, sizeof *c->items);
    c->legs = calloc(c->legs_most, sizeof *c->legs);
    c->reasons = calloc(c->legs_most, sizeof *c->reasons);
    if (!c->items || !c->legs || !c->reasons)
        return pl_fail(POUCH_E_NO_MEMORY, "out of memory for %zu requests in flight (center.max_in_flight)",
                       c->settings.center_in_flight);
    return pl_heap_reserve(&c->waiting, POSTS * c->legs_most);
}

static pouch_err join_group(struct center *c, bool mock, const struct pl_group_hooks *hooks) {
    const struct pl_settings *s = &c->settings;
    const char *const topics[] = {s->inbox};
    return pl_group_join(&c->group, s, c->client_id, c->group_id, topics, 1, mock, s->center_in_flight, c->health,
                         &c->wake, hooks);
}

pouch_err center_start(struct center *c, const struct pl_group_hooks *hooks) {
    bool mock = false;
    c->health = pl_kafka_health_new();
    if (!c->health) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a connection");
    pouch_err e = pl_producer_new(&c->producer, &c->settings, c->client_id, c->health, &c->wake, center_delivered, c);
    if (e) return e;
    pl_buf_init(&c->value, pl_producer_limit(c->producer));
    e = find_broker(c, &mock);
    if (e || atomic_load(&c->stopping)) return e;
    e = make_topics(c);
    if (!e) e = open_store(c);
    if (!e) e = make_pools(c);
    if (!e) e = join_group(c, mock, hooks);
    if (e || !c->tiers.n || !c->settings.retry_redeliver) return e;
    return pl_redeliver_start(&c->redeliverer, &c->settings, &c->tiers, c->client_id);
}
