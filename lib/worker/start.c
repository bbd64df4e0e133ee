/* What a run needs, made in the order in which it can fail. */
#include <base/log.h>
#include <base/why.h>
#include <cluster/cluster.h>
#include <letter/letter.h>
#include <stdlib.h>
#include <worker/worker.h>

/* A first look is cut into steps, so that a stop is noticed while no broker answers. */
enum { STEP_MS = 250 };

/* Desks beside one for each handler thread: the poll thread's, and some for jobs ended by other threads. */
enum { DESKS_MORE = 4 };

static pouch_err no_broker(struct pouch_worker *w) {
    char text[512];
    pl_kafka_health_text(w->health, w->settings.brokers, text, sizeof text);
    return pl_fail(POUCH_E_NO_BROKER, "%s", text);
}

static pouch_err find_broker(struct pouch_worker *w, bool *mock) {
    int64_t until = pl_mono_us(w->clock) + (int64_t)w->settings.connect_timeout_ms * 1000;
    int step = w->settings.connect_timeout_ms < STEP_MS ? w->settings.connect_timeout_ms : STEP_MS;
    for (;;) {
        pouch_err e = pl_cluster_mock(pl_producer_handle(w->producer), mock, step);
        if (!e || atomic_load(&w->stopping)) return POUCH_OK;
        if (e != POUCH_E_NO_BROKER && e != POUCH_E_TIMEOUT) return e;
        if (pl_mono_us(w->clock) >= until) return no_broker(w);
        pl_producer_poll(w->producer);
    }
}

static pouch_err check_topics(struct pouch_worker *w) {
    for (size_t i = 0; i < w->n_routes; i++) {
        const char *topic = w->routes[i].topic;
        pouch_err e = pl_topic_find(pl_producer_handle(w->producer), topic, w->settings.connect_timeout_ms);
        if (e == POUCH_E_TARGET_REFUSED)
            return pl_fail(e, "there is no topic %s to take requests from; make it with `pouch topic create %s`", topic,
                           topic);
        if (e) return e;
    }
    return POUCH_OK;
}

/* A window that cannot be kept in its file is one of memory alone. */
static pouch_err make_window(struct pouch_worker *w) {
    const struct pl_settings *s = &w->settings;
    const struct pl_dedupe_bounds bounds = {s->dedupe_window_ms, s->dedupe_max, s->dedupe_max_bytes};
    if (!bounds.window_ms) return POUCH_OK;
    pouch_err e = pl_dedupe_new(&w->dedupe, &bounds, w->clock);
    if (!e) w->dedupe_file = pl_dedupe_file_start(w->dedupe, s->dedupe_file, w->group_id, w->routes, w->n_routes);
    return e;
}

static pouch_err make_rooms(struct pouch_worker *w) {
    const struct pl_settings *s = &w->settings;
    size_t n = (size_t)s->concurrency;
    pl_stalls_init(w);
    for (size_t i = 0; i < w->n_routes; i++) pl_gate_set_up(&w->routes[i].gate, s, pl_mono_us(w->clock));
    pouch_err e = pl_queue_new(&w->work, s->max_in_flight);
    if (!e) e = pl_queue_new(&w->ended, 2 * s->max_in_flight); /* as many may be kept beside those that hold records */
    if (!e) e = pl_heap_reserve(&w->waiting, 2 * s->max_in_flight); /* an answer and a letter for each job */
    if (!e)
        e = pl_desks_init(&w->desks, n + DESKS_MORE, w->ring,
                          s->over_limit_stop ? PL_OVER_LIMIT_STOP : PL_OVER_LIMIT_WARN, w->record_max);
    if (!e) e = make_window(w);
    if (e) return e;
    w->desk = pl_desk_take(&w->desks);
    return pl_pool_start(w, n, s->max_in_flight_bytes);
}

static pouch_err join_group(struct pouch_worker *w, bool mock, const struct pl_group_hooks *hooks) {
    const char **topics = calloc(w->n_routes, sizeof *topics);
    if (!topics) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for %zu topics", w->n_routes);
    for (size_t i = 0; i < w->n_routes; i++) topics[i] = w->routes[i].topic;
    pouch_err e = pl_group_join(&w->group, &w->settings, w->client_id, w->group_id, topics, w->n_routes, mock,
                                w->settings.max_in_flight, w->health, &w->wake, hooks);
    free(topics);
    return e;
}

pouch_err pl_worker_start(struct pouch_worker *w, const struct pl_group_hooks *hooks) {
    const struct pl_settings *s = &w->settings;
    bool mock = false;
    w->health = pl_kafka_health_new();
    if (!w->health) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a connection");
    pouch_err e = pouch_keyring_follow(w->ring, s->seal_counts);
    if (!e) e = pl_producer_new(&w->producer, s, w->client_id, w->health, &w->wake, pl_post_delivered, w);
    if (e) return e;
    w->record_max = pl_producer_limit(w->producer);
    e = find_broker(w, &mock);
    if (e || atomic_load(&w->stopping)) return e;
    e = check_topics(w);
    if (!e) e = pl_letter_topic(pl_producer_handle(w->producer), s->dlq_topic, s->connect_timeout_ms);
    if (!e) e = pl_tiers_make(&w->tiers, pl_producer_handle(w->producer), s->connect_timeout_ms);
    if (!e) e = make_rooms(w);
    if (!e) e = join_group(w, mock, hooks);
    if (e || !w->tiers.n || !s->retry_redeliver) return e;
    return pl_redeliver_start(&w->redeliverer, s, &w->tiers, w->client_id);
}
