#include <admin/anytext.h>
#include <admin/health.h>
#include <admin/when.h>
#include <string.h>

/* What is not known is null. */
static json_t *known(int64_t n) {
    return n < 0 ? json_null() : json_integer(n);
}

static json_t *milliseconds(int64_t us) {
    return us < 0 ? json_null() : json_real((double)us / 1000);
}

/* What was cut may end within a character. */
static json_t *why_json(const struct pl_outcome *o) {
    return o->error ? admin_anytext_of(o->why) : json_null();
}

/* ---- the cluster ---- */

static json_t *broker_json(const struct pl_shape_broker *b) {
    return json_pack("{s:i, s:s?, s:o, s:b, s:o, s:I, s:I, s:I, s:o}", "id", b->id, "host", b->host, "port",
                     b->host ? json_integer(b->port) : json_null(), "healthy", b->answers, "latency_ms",
                     milliseconds(b->took_us), "leads", (json_int_t)b->leads, "replicas", (json_int_t)b->replicas,
                     "lagging", (json_int_t)b->lagging, "error", *b->why ? admin_anytext_of(b->why) : json_null());
}

static json_t *brokers_json(const struct pl_shape *s) {
    json_t *all = json_array();
    for (size_t i = 0; i < s->n_brokers; i++) all = admin_array_with(all, broker_json(&s->brokers[i]));
    return all;
}

static json_t *trouble_json(const struct pl_shape_trouble *t) {
    return json_pack("{s:s, s:i, s:s, s:o, s:i, s:i, s:o}", "topic", t->topic, "partition", t->partition, "issue",
                     pl_shape_trouble_name(t->kind), "leader", known(t->leader), "replicas", t->replicas, "in_sync",
                     t->in_sync, "min_in_sync", t->min_in_sync ? json_integer(t->min_in_sync) : json_null());
}

static json_t *partitions_json(const struct pl_shape *s) {
    json_t *troubles = json_array();
    for (size_t i = 0; i < s->n_troubles; i++) troubles = admin_array_with(troubles, trouble_json(&s->troubles[i]));
    return json_pack("{s:I, s:I, s:I, s:o, s:o}", "total", (json_int_t)s->partitions, "under_replicated",
                     (json_int_t)s->under_replicated, "offline", (json_int_t)s->offline, "under_min_insync",
                     known(s->min_insync_known ? (int64_t)s->under_min_insync : -1), "issues", troubles);
}

static json_t *topics_json(const struct pl_shape *s) {
    static const char prefix[] = "platform.";
    size_t platform = 0;
    for (size_t i = 0; i < s->n_topics; i++) platform += !strncmp(s->topics[i].name, prefix, sizeof prefix - 1);
    return json_pack("{s:I, s:I, s:I}", "total", (json_int_t)(s->n_topics - s->n_internal), "platform",
                     (json_int_t)platform, "internal", (json_int_t)s->n_internal);
}

/* ---- lag ---- */

static json_t *row_json(const struct pl_lag *row) {
    return json_pack("{s:s, s:i, s:o, s:o, s:o, s:o}", "topic", row->topic, "partition", row->partition, "committed",
                     known(row->committed), "begin", known(row->begin), "end", known(row->end), "lag",
                     known(row->behind));
}

static json_t *group_json(const struct pl_group_lag *g) {
    json_t *rows = json_array();
    for (size_t i = 0; i < g->n; i++) rows = admin_array_with(rows, row_json(&g->at[i]));
    return json_pack("{s:s, s:s, s:I, s:I, s:I, s:o, s:o}", "group", g->group, "state", g->state, "members",
                     (json_int_t)g->members, "lag", (json_int_t)g->behind, "unknown", (json_int_t)g->unknown, "error",
                     why_json(&g->outcome), "partitions", rows);
}

json_t *admin_health_lag_json(const struct admin_health *h) {
    json_t *groups = h->lag ? json_array() : json_null();
    for (size_t i = 0; h->lag && i < h->lag->n; i++) groups = admin_array_with(groups, group_json(&h->lag->groups[i]));
    return json_pack("{s:I, s:o, s:b, s:o}", "alert", (json_int_t)h->lag_alert, "error", why_json(&h->lagging),
                     "complete", h->lag && !h->lag->partial && !h->lag->left_out, "groups", groups);
}

/* ---- all of it ---- */

static json_t *details_json(const struct admin_health *h) {
    const struct pl_shape *s = h->shape;
    if (!s) return json_pack("{s:s, s:o}", "connection", "down", "error", why_json(&h->cluster));
    return json_pack("{s:s, s:{s:s, s:I, s:o, s:I}, s:o, s:o, s:o, s:o}", "connection", "up", "cluster", "cluster_id",
                     s->cluster_id, "brokers", (json_int_t)s->n_registered, "controller", known(s->controller),
                     "missing", (json_int_t)(s->n_brokers - s->n_registered), "brokers", brokers_json(s), "topics",
                     topics_json(s), "partitions", partitions_json(s), "lag", admin_health_lag_json(h));
}

json_t *admin_health_json(const struct admin_health *h) {
    char when[ADMIN_WHEN_TEXT];
    enum pl_shape_status status = admin_health_status(h);
    return json_pack("{s:b, s:s, s:s, s:o, s:o, s:o}", "healthy", status == PL_SHAPE_HEALTHY, "status",
                     pl_shape_status_name(status), "timestamp", admin_when_text(when, h->time_ms), "latency",
                     milliseconds(h->shape ? h->shape->ping_us : -1), "reasons",
                     admin_health_reasons(h, PL_SHAPE_DEGRADED), "details", details_json(h));
}
