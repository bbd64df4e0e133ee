/* include/pouch/health.h over this room. */
#include <base/clock.h>
#include <base/why.h>
#include <cluster/cluster.h>
#include <cluster/lag.h>
#include <cluster/shape.h>
#include <pouch/health.h>
#include <stdlib.h>

struct pouch_cluster {
    struct pl_cluster *cluster;
};

struct pouch_health {
    struct pl_shape *shape;
    int64_t time_ms;
};

struct pouch_lag {
    struct pl_lag_report *report;
};

static pouch_err open(struct pl_cluster **c, const pouch_options *o) {
    struct pl_settings s;
    pouch_err e = pl_settings_read(&s, o);
    if (e) return e;
    e = pl_cluster_open(c, &s, s.client_id ? s.client_id : "pouch-health");
    pl_settings_free(&s);
    return e;
}

pouch_err pouch_cluster_open(pouch_cluster **out, const pouch_options *o) {
    *out = NULL;
    pouch_cluster *c = calloc(1, sizeof *c);
    pouch_err e = c ? open(&c->cluster, o) : pl_fail(POUCH_E_NO_MEMORY, "out of memory for a connection");
    if (e)
        free(c);
    else
        *out = c;
    return e;
}

void pouch_cluster_close(pouch_cluster *c) {
    if (!c) return;
    pl_cluster_close(c->cluster);
    free(c);
}

pouch_err pouch_cluster_ping(pouch_cluster *c, int timeout_ms, int64_t *took_us) {
    return pl_cluster_ping(pl_cluster_handle(c->cluster), took_us, timeout_ms);
}

/* ---- the cluster ---- */

pouch_err pouch_cluster_health(pouch_cluster *c, int timeout_ms, pouch_health **out) {
    *out = NULL;
    pouch_health *h = calloc(1, sizeof *h);
    pouch_err e = h ? pl_shape_read(pl_cluster_handle(c->cluster), &h->shape, timeout_ms)
                    : pl_fail(POUCH_E_NO_MEMORY, "out of memory for a cluster's health");
    if (e) {
        free(h);
        return e;
    }
    h->time_ms = pl_wall_ms(&pl_clock_system);
    *out = h;
    return POUCH_OK;
}

void pouch_health_free(pouch_health *h) {
    if (!h) return;
    pl_shape_free(h->shape);
    free(h);
}

int pouch_health_is_healthy(const pouch_health *h) {
    return pl_shape_status(h->shape) == PL_SHAPE_HEALTHY;
}

const char *pouch_health_status(const pouch_health *h) {
    return pl_shape_status_name(pl_shape_status(h->shape));
}

int64_t pouch_health_time_ms(const pouch_health *h) {
    return h->time_ms;
}

int64_t pouch_health_latency_us(const pouch_health *h) {
    return h->shape->ping_us;
}

const char *pouch_health_cluster_id(const pouch_health *h) {
    return h->shape->cluster_id;
}

int pouch_health_controller(const pouch_health *h) {
    return h->shape->controller;
}

size_t pouch_health_topics(const pouch_health *h) {
    return h->shape->n_topics - h->shape->n_internal;
}

size_t pouch_health_partitions(const pouch_health *h) {
    return h->shape->partitions;
}

size_t pouch_health_under_replicated(const pouch_health *h) {
    return h->shape->under_replicated;
}

size_t pouch_health_offline(const pouch_health *h) {
    return h->shape->offline;
}

int64_t pouch_health_under_min_insync(const pouch_health *h) {
    return h->shape->min_insync_known ? (int64_t)h->shape->under_min_insync : -1;
}

size_t pouch_health_brokers(const pouch_health *h) {
    return h->shape->n_brokers;
}

int pouch_health_broker_id(const pouch_health *h, size_t i) {
    return h->shape->brokers[i].id;
}

int pouch_health_broker_answers(const pouch_health *h, size_t i) {
    return h->shape->brokers[i].answers;
}

int64_t pouch_health_broker_latency_us(const pouch_health *h, size_t i) {
    return h->shape->brokers[i].took_us;
}

const char *pouch_health_broker_why(const pouch_health *h, size_t i) {
    return h->shape->brokers[i].why;
}

/* ---- lag ---- */

pouch_err pouch_cluster_lag(pouch_cluster *c, const char *const *groups, size_t n, int timeout_ms, pouch_lag **out) {
    *out = NULL;
    pouch_lag *lag = calloc(1, sizeof *lag);
    pouch_err e = lag ? pl_lag_read(pl_cluster_handle(c->cluster), groups, n, &lag->report, timeout_ms)
                      : pl_fail(POUCH_E_NO_MEMORY, "out of memory for the lag of groups");
    if (e)
        free(lag);
    else
        *out = lag;
    return e;
}

void pouch_lag_free(pouch_lag *lag) {
    if (!lag) return;
    pl_lag_free(lag->report);
    free(lag);
}

static const struct pl_group_lag *group_of(const pouch_lag *lag, size_t group) {
    return &lag->report->groups[group];
}

int pouch_lag_is_complete(const pouch_lag *lag) {
    return !lag->report->partial && !lag->report->left_out;
}

size_t pouch_lag_groups(const pouch_lag *lag) {
    return lag->report->n;
}

const char *pouch_lag_group(const pouch_lag *lag, size_t group) {
    return group_of(lag, group)->group;
}

const char *pouch_lag_state(const pouch_lag *lag, size_t group) {
    return group_of(lag, group)->state;
}

size_t pouch_lag_members(const pouch_lag *lag, size_t group) {
    return group_of(lag, group)->members;
}

pouch_err pouch_lag_error(const pouch_lag *lag, size_t group) {
    return group_of(lag, group)->outcome.error;
}

int64_t pouch_lag_total(const pouch_lag *lag, size_t group) {
    return group_of(lag, group)->behind;
}

size_t pouch_lag_rows(const pouch_lag *lag, size_t group) {
    return group_of(lag, group)->n;
}

const char *pouch_lag_topic(const pouch_lag *lag, size_t group, size_t row) {
    return group_of(lag, group)->at[row].topic;
}

int pouch_lag_partition(const pouch_lag *lag, size_t group, size_t row) {
    return group_of(lag, group)->at[row].partition;
}

int64_t pouch_lag_committed(const pouch_lag *lag, size_t group, size_t row) {
    return group_of(lag, group)->at[row].committed;
}

int64_t pouch_lag_end(const pouch_lag *lag, size_t group, size_t row) {
    return group_of(lag, group)->at[row].end;
}

int64_t pouch_lag_behind(const pouch_lag *lag, size_t group, size_t row) {
    return group_of(lag, group)->at[row].behind;
}
