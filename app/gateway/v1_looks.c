#include <admin/anytext.h>
#include <admin/health.h>
#include <admin/registry.h>
#include <admin/route_stats.h>
#include <admin/topics.h>
#include <base/clock.h>
#include <base/why.h>
#include <cluster/shape.h>
#include <gateway/state.h>
#include <gateway/stores.h>
#include <gateway/v1_looks.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <top/top.h>

enum { CALL_MS = 10000, EVERY_MS = 1000, IDLE_SPAN_S = 300 };

static pouch_err look_at_health(struct gateway_looks *l, json_t **seen);
static pouch_err look_at_topics(struct gateway_looks *l, json_t **seen);
static pouch_err look_at_stats(struct gateway_looks *l, json_t **seen);

static const struct {
    pouch_err (*look)(struct gateway_looks *l, json_t **seen);
    int64_t fresh_us;
} rows[GATEWAY_LOOKS] = {
    [GATEWAY_LOOK_HEALTH] = {look_at_health, 2000000},
    [GATEWAY_LOOK_TOPICS] = {look_at_topics, 2000000},
    [GATEWAY_LOOK_STATS] = {look_at_stats, EVERY_MS * 1000},
};

struct gateway_looks {
    struct gateway *gateway;
    struct top *top;          /* NULL: no processes are named; of whoever looks at the stats */
    char *names, **processes; /* the setting, taken apart */
    size_t n_processes;
    pthread_mutex_t lock;       /* holds what follows */
    pthread_cond_t changed;     /* somebody has looked */
    struct pl_cluster *cluster; /* NULL: not opened yet */
    struct seen {
        json_t *value; /* NULL: nothing was seen yet */
        int64_t at_us;
        pouch_err failed; /* the last look, and why */
        char why[512];
        bool looking; /* somebody is, without the lock */
    } seen[GATEWAY_LOOKS];
};

/* ---- begin and end ---- */

/* "HOST:PORT,HOST:PORT" */
static pouch_err name_processes(struct gateway_looks *l, const char *list) {
    l->names = strdup(list);
    l->processes = calloc(strlen(list) + 1, sizeof *l->processes);
    if (!l->names || !l->processes) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for the names of processes");
    char *rest = l->names, *name;
    while ((name = strsep(&rest, ", ")))
        if (*name) l->processes[l->n_processes++] = name;
    pouch_err e = top_new(&l->top, (const char *const *)l->processes, l->n_processes, EVERY_MS);
    return e == POUCH_E_CONFIG ? pl_fail(e, "gateway.processes: %s", pouch_why()) : e;
}

pouch_err gateway_looks_new(struct gateway_looks **out, struct gateway *g) {
    struct gateway_looks *l = calloc(1, sizeof *l);
    *out = l;
    if (!l) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for what is looked at");
    l->gateway = g;
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->changed, NULL);
    return g->conf.gateway_processes ? name_processes(l, g->conf.gateway_processes) : POUCH_OK;
}

void gateway_looks_stop(struct gateway_looks *l) {
    if (l && l->top) top_stop(l->top);
}

void gateway_looks_free(struct gateway_looks *l) {
    if (!l) return;
    for (size_t i = 0; i < GATEWAY_LOOKS; i++) json_decref(l->seen[i].value);
    pl_cluster_close(l->cluster);
    top_free(l->top);
    free(l->processes);
    free(l->names);
    pthread_cond_destroy(&l->changed);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

pouch_err gateway_looks_cluster(struct gateway *g, rd_kafka_t **rk) {
    struct gateway_looks *l = g->looks;
    pouch_err e = POUCH_OK;
    pthread_mutex_lock(&l->lock);
    if (!l->cluster) e = pl_cluster_open(&l->cluster, &g->conf, admin_client_id(&g->conf));
    *rk = e ? NULL : pl_cluster_handle(l->cluster);
    pthread_mutex_unlock(&l->lock);
    return e;
}

/* ---- looking ---- */

static bool is_fresh(const struct seen *s, int64_t fresh_us) {
    return (s->value || s->failed) && pl_mono_us(&pl_clock_system) - s->at_us < fresh_us;
}

/* With the lock, which it gives up while it looks. A failure is kept as well, lest all who wait look in turn. */
static void look(struct gateway_looks *l, enum gateway_look which) {
    struct seen *s = &l->seen[which];
    json_t *value = NULL;
    s->looking = true;
    pthread_mutex_unlock(&l->lock);
    pouch_err e = rows[which].look(l, &value);
    if (!e && !value) e = pl_fail(POUCH_E_NO_MEMORY, "out of memory for what was seen");
    pthread_mutex_lock(&l->lock);
    s->looking = false;
    s->failed = e;
    snprintf(s->why, sizeof s->why, "%s", e ? pouch_why() : "");
    s->at_us = pl_mono_us(&pl_clock_system);
    if (!e) {
        json_decref(s->value);
        s->value = value;
    }
    pthread_cond_broadcast(&l->changed);
}

pouch_err gateway_look(struct gateway *g, enum gateway_look which, json_t **seen) {
    struct gateway_looks *l = g->looks;
    struct seen *s = &l->seen[which];
    pouch_err e = POUCH_OK;
    *seen = NULL;
    pthread_mutex_lock(&l->lock);
    while (s->looking && !s->value && !s->failed) pthread_cond_wait(&l->changed, &l->lock);
    if (!s->looking && !is_fresh(s, rows[which].fresh_us)) look(l, which);
    if (s->failed)
        e = pl_fail(s->failed, "%s", s->why);
    else
        *seen = json_deep_copy(s->value);
    pthread_mutex_unlock(&l->lock);
    return e || *seen ? e : pl_fail(POUCH_E_NO_MEMORY, "out of memory for what was seen");
}

/* A cluster that does not answer is told in the document. */
static pouch_err look_at_health(struct gateway_looks *l, json_t **seen) {
    struct admin_health h;
    struct admin_health_ask ask = {.lag_alert = (int64_t)l->gateway->conf.lag_alert, .timeout_ms = CALL_MS};
    pouch_err e = gateway_looks_cluster(l->gateway, &ask.rk);
    if (e) return e;
    admin_health_measure(&h, &ask);
    admin_health_measure_lag(&h, &ask);
    *seen = admin_health_json(&h);
    admin_health_free(&h);
    return POUCH_OK;
}

static pouch_err look_at_topics(struct gateway_looks *l, json_t **seen) {
    struct pl_shape *shape = NULL;
    struct admin_ills ills;
    rd_kafka_t *rk;
    pouch_err e = gateway_looks_cluster(l->gateway, &rk);
    if (!e) e = pl_shape_read(rk, &shape, CALL_MS);
    if (e) return e;
    json_t *all = json_array();
    for (size_t i = 0; all && i < shape->n_topics; i++) {
        if (shape->topics[i].internal) continue;
        admin_topic_look(&shape->topics[i], &ills);
        all = admin_array_with(all, admin_topic_health_json(&shape->topics[i], &ills));
    }
    pl_shape_free(shape);
    *seen = all;
    return POUCH_OK;
}

/* ---- rates ---- */

static json_t *rate_json(const struct admin_route_stat *s) {
    uint64_t ok = s->stats.count - s->stats.failed;
    return json_pack("{s:o,s:f,s:f,s:f,s:f,s:I,s:I,s:I}", "publisher", admin_anytext_of(s->publisher), "rate",
                     (double)s->stats.count / IDLE_SPAN_S, "routed_rate", (double)ok / IDLE_SPAN_S, "failed_rate",
                     (double)s->stats.failed / IDLE_SPAN_S, "limited_rate", 0.0, "routed", (json_int_t)ok, "failed",
                     (json_int_t)s->stats.failed, "limited", (json_int_t)0);
}

/* As a view of app/top, of what the centers have written to the store within the last minutes. */
static pouch_err look_at_store(struct gateway_looks *l, json_t **seen) {
    struct gateway_stores *stores = l->gateway->stores;
    struct pl_store *store;
    int64_t now_us = pl_wall_us(&pl_clock_system);
    struct admin_route_stats s = {
        .query = {.since_us = now_us - (int64_t)IDLE_SPAN_S * 1000000, .until_us = INT64_MAX}};
    pouch_err e = gateway_stores_take(stores, &store);
    if (!e) e = admin_route_stats_read(&s, store, gateway_stores_url(stores), l->gateway->conf.trace_spool);
    gateway_stores_give(stores, store, e);
    json_t *publishers = e ? NULL : json_array();
    for (size_t i = 0; publishers && i < s.n; i++) publishers = admin_array_with(publishers, rate_json(&s.at[i]));
    if (!e)
        *seen = json_pack("{s:I,s:f,s:[],s:o,s:[],s:[]}", "at_ms", (json_int_t)(now_us / 1000), "seconds",
                          (double)IDLE_SPAN_S, "processes", "publishers", publishers, "targets", "breakers");
    admin_route_stats_free(&s);
    return e;
}

/* After a while without anybody who asks, rates are those of that while. */
static pouch_err look_at_stats(struct gateway_looks *l, json_t **seen) {
    return l->top ? top_next(l->top, seen) : look_at_store(l, seen);
}
