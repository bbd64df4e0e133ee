/* /v1/health, /v1/lag, /v1/topics, /v1/tenants, /v1/stats and /v1/gateways: how things stand. */
#include <admin/anytext.h>
#include <admin/registry.h>
#include <admin/topics.h>
#include <base/why.h>
#include <gateway/history.h>
#include <gateway/state.h>
#include <gateway/v1.h>
#include <gateway/v1_looks.h>
#include <share/peers.h>
#include <stdlib.h>
#include <string.h>

enum { CALL_MS = 10000 };

/* ---- looked at for all ---- */

static pouch_err health_now(struct httpd_call *c, struct httpd_answer *a, void *g) {
    json_t *seen;
    pouch_err e = gateway_look(g, GATEWAY_LOOK_HEALTH, &seen);
    return e ? e : gateway_v1_tagged(c, a, seen);
}

/* Of a cluster that does not answer there is no lag. */
static pouch_err lag_now(struct httpd_call *c, struct httpd_answer *a, void *g) {
    json_t *seen;
    pouch_err e = gateway_look(g, GATEWAY_LOOK_HEALTH, &seen);
    if (e) return e;
    const json_t *details = json_object_get(seen, "details");
    json_t *lag = json_object_get(details, "lag");
    const char *why = json_string_value(json_object_get(details, "error"));
    e = lag ? gateway_v1_tagged(c, a, json_incref(lag))
            : pl_fail(POUCH_E_NO_BROKER, "%s", why ? why : "the cluster does not answer");
    json_decref(seen);
    return e;
}

static pouch_err stats_now(struct httpd_call *c, struct httpd_answer *a, void *g) {
    json_t *seen;
    pouch_err e = gateway_look(g, GATEWAY_LOOK_STATS, &seen);
    return e ? e : gateway_v1_tagged(c, a, seen);
}

static json_t *topics_json(const struct httpd_call *c, const json_t *topics) {
    json_t *all = json_array(), *one;
    size_t i, healthy = 0;
    json_array_foreach(topics, i, one) {
        const char *name = json_string_value(json_object_get(one, "name"));
        if (!name || !gateway_v1_may(c, AUTH_READ_TOPICS, name)) continue;
        healthy += json_is_true(json_object_get(one, "healthy"));
        all = admin_array_with(all, json_incref(one));
    }
    size_t total = json_array_size(all);
    return json_pack("{s:I,s:I,s:I,s:o}", "total", (json_int_t)total, "healthy", (json_int_t)healthy, "unhealthy",
                     (json_int_t)(total - healthy), "topics", all);
}

static pouch_err topics_now(struct httpd_call *c, struct httpd_answer *a, void *g) {
    json_t *seen;
    pouch_err e = gateway_look(g, GATEWAY_LOOK_TOPICS, &seen);
    if (!e) e = gateway_v1_tagged(c, a, topics_json(c, seen));
    json_decref(seen);
    return e;
}

/* ---- looked at when asked ---- */

static pouch_err topic_now(struct httpd_call *c, struct httpd_answer *a, void *g) {
    struct pl_topic_info *t = NULL;
    rd_kafka_t *rk;
    pouch_err e = gateway_looks_cluster(g, &rk);
    if (!e) e = pl_topic_describe(rk, httpd_call_param(c, "topic"), &t, CALL_MS);
    if (!e) e = gateway_v1_tagged(c, a, admin_topic_json(t, true));
    pl_topic_info_free(t, t ? 1 : 0);
    return e;
}

static json_t *entry_json(const struct pl_catalog_entry *e) {
    json_t *configs = json_object();
    for (size_t i = 0; configs && i < e->n_configs; i++)
        configs = admin_json_with(configs, e->configs[i].name, json_string(e->configs[i].value));
    return json_pack("{s:o,s:b,s:o,s:i,s:o,s:o,s:o,s:o,s:o}", "name", admin_anytext_of(e->name), "pattern",
                     (int)e->pattern, "partitions", e->partitions ? json_integer(e->partitions) : json_null(),
                     "replication", e->replication, "config", configs, "strategy", admin_anytext_of(e->strategy),
                     "schema", admin_anytext_of(e->schema), "owner", admin_anytext_of(e->owner), "description",
                     admin_anytext_of(e->description));
}

static pouch_err catalog_now(struct httpd_call *c, struct httpd_answer *a, void *g) {
    struct admin_topics t = {0};
    pouch_err e = admin_topics_catalog(&t, gateway_conf(g), 0);
    json_t *all = e ? NULL : json_array();
    for (size_t i = 0; all && i < t.catalog->n; i++) all = admin_array_with(all, entry_json(&t.catalog->entries[i]));
    if (!e)
        e = gateway_v1_tagged(c, a,
                              json_pack("{s:o,s:o}", "topics", all, "tenants",
                                        t.catalog->lists_tenants
                                            ? admin_texts_json(t.catalog->tenants, t.catalog->n_tenants)
                                            : json_null()));
    admin_topics_close(&t);
    return e;
}

static pouch_err plan_now(struct httpd_call *c, struct httpd_answer *a, void *g) {
    struct admin_topics t = {0};
    const struct pl_plan_options o = {0};
    pouch_err e = admin_topics_open(&t, gateway_conf(g), 0);
    if (!e) e = admin_topics_plan(&t, &o);
    if (!e) e = gateway_v1_tagged(c, a, admin_plan_json(&t.plan, false));
    admin_topics_close(&t);
    return e;
}

static json_t *tenants_json(const struct httpd_call *c, const struct admin_topics *t,
                            const struct pl_tenant_state *states, size_t n) {
    json_t *all = json_array();
    for (size_t i = 0; all && i < n; i++)
        if (gateway_v1_may(c, AUTH_READ_TENANTS, states[i].id))
            all = admin_array_with(all, admin_tenant_state_json(t, &states[i]));
    return json_pack("{s:o}", "tenants", all);
}

static pouch_err tenants_now(struct httpd_call *c, struct httpd_answer *a, void *g) {
    struct admin_topics t = {0};
    struct pl_tenant_state *states = NULL;
    size_t n = 0;
    pouch_err e = admin_topics_open(&t, gateway_conf(g), 0);
    if (!e) e = pl_tenant_states(t.catalog, &t.actual, &states, &n);
    if (!e) e = gateway_v1_tagged(c, a, tenants_json(c, &t, states, n));
    free(states);
    admin_topics_close(&t);
    return e;
}

/* Without Redis a gateway knows of itself alone. */
static pouch_err gateways(struct httpd_call *c, struct httpd_answer *a, void *g) {
    struct share *share = gateway_share(g);
    json_t *all = share ? share_gateways(share) : json_pack("[o]", gateway_facts(g));
    return gateway_v1_tagged(c, a, json_pack("{s:b,s:o}", "shared", share != NULL, "gateways", all));
}

/* ---- endpoints ---- */

static pouch_err health(struct httpd_call *c, struct httpd_answer *a, void *g) {
    return gateway_work(g, c, a, health_now);
}

static pouch_err lag(struct httpd_call *c, struct httpd_answer *a, void *g) {
    return gateway_work(g, c, a, lag_now);
}

static pouch_err stats(struct httpd_call *c, struct httpd_answer *a, void *g) {
    return gateway_work(g, c, a, stats_now);
}

static pouch_err topics(struct httpd_call *c, struct httpd_answer *a, void *g) {
    return gateway_work(g, c, a, topics_now);
}

static pouch_err topic(struct httpd_call *c, struct httpd_answer *a, void *g) {
    return gateway_work(g, c, a, topic_now);
}

static pouch_err catalog(struct httpd_call *c, struct httpd_answer *a, void *g) {
    return gateway_work(g, c, a, catalog_now);
}

static pouch_err plan(struct httpd_call *c, struct httpd_answer *a, void *g) {
    return gateway_work(g, c, a, plan_now);
}

static pouch_err tenants(struct httpd_call *c, struct httpd_answer *a, void *g) {
    return gateway_work(g, c, a, tenants_now);
}

#define LOOK(at, name, group, text, action, object, answer, fn)                                                     \
    {                                                                                                               \
        .method = "GET", .path = (at), .id = (name), .tag = (group), .about = (text), .need = {(action), (object)}, \
        .says = (const struct gateway_says[]){{200, "So it is.", (answer), NULL}, {0}}, .handle = (fn)              \
    }

static const struct gateway_endpoint endpoints[] = {
    LOOK("/v1/health", "getClusterHealth", "Cluster",
         "Tell how the cluster stands and how far groups are behind. It is 200 also when it is not well.",
         AUTH_READ_HEALTH, NULL, "ClusterHealth", health),
    LOOK("/v1/lag", "getLag", "Cluster", "Tell how far groups are behind.", AUTH_READ_HEALTH, NULL, "Lag", lag),
    LOOK("/v1/stats", "getStats", "Cluster",
         "Rates of processes, publishers and targets. Those of gateway.processes, or else of what centers wrote to the "
         "store within five minutes.",
         AUTH_READ_HEALTH, NULL, "Stats", stats),
    LOOK("/v1/topics", "listTopics", "Topics", "List the topics that may be seen, and what ails them.",
         AUTH_READ_TOPICS, AUTH_EACH, "Topics", topics),
    LOOK("/v1/catalog", "getCatalog", "Topics", "Show the catalogue: which topics there are to be.", AUTH_READ_TOPICS,
         NULL, "Catalog", catalog),
    LOOK("/v1/catalog/plan", "getPlan", "Topics", "Show what differs between the catalogue and the cluster.",
         AUTH_READ_TOPICS, NULL, "Plan", plan),
    {
        .method = "GET",
        .path = "/v1/topics/{topic}",
        .id = "getTopic",
        .tag = "Topics",
        .about = "Describe a topic: leaders, replicas, offsets and settings.",
        .need = {AUTH_READ_TOPICS, "topic"},
        .params = (const struct gateway_param[]){GATEWAY_V1_PATH("topic", "Its name."), {0}},
        .says = (const struct gateway_says[]){{200, "It is.", "Topic", NULL},
                                              {404, "There is no such topic.", "Problem", NULL},
                                              {0}},
        .handle = topic,
    },
    LOOK("/v1/tenants", "listTenants", "Topics", "List tenants, and what is missing of their topics.",
         AUTH_READ_TENANTS, AUTH_EACH, "Tenants", tenants),
    LOOK("/v1/gateways", "listGateways", "Cluster", "List the gateways that share a Redis, or this one.",
         AUTH_READ_HEALTH, NULL, "Gateways", gateways),
};

#define LIST(name) "\"" name "\":{\"type\":\"array\",\"items\":{\"type\":\"object\"}}"

static const struct gateway_schema schemas[] = {
    {"ClusterHealth",
     "{\"type\":\"object\",\"required\":[\"healthy\",\"status\",\"reasons\",\"details\"],\"properties\":{"
     "\"healthy\":{\"type\":\"boolean\"},\"status\":{\"enum\":[\"healthy\",\"degraded\",\"unhealthy\"]},"
     "\"reasons\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},\"details\":{\"type\":\"object\"}}}"},
    {"Lag", "{\"type\":\"object\",\"required\":[\"alert\",\"complete\",\"groups\"],\"properties\":{\"alert\":{\"type\":"
            "\"integer\"},\"complete\":{\"type\":\"boolean\"},\"groups\":{\"type\":[\"array\",\"null\"]}}}"},
    {"Stats", "{\"type\":\"object\",\"required\":[\"at_ms\",\"processes\",\"publishers\",\"targets\"],\"properties\":{"
              "\"at_ms\":{\"type\":\"integer\"},\"seconds\":{\"type\":[\"number\",\"null\"]}," LIST(
                  "processes") "," LIST("publishers") "," LIST("targets") "}}"},
    {"Topics",
     "{\"type\":\"object\",\"required\":[\"total\",\"healthy\",\"unhealthy\",\"topics\"],\"properties\":{" LIST(
         "topics") "}}"},
    {"Topic", "{\"type\":\"object\",\"required\":[\"topic\",\"partitions\",\"replication\",\"partition\",\"config\"]}"},
    {"Catalog", "{\"type\":\"object\",\"required\":[\"topics\",\"tenants\"],\"properties\":{" LIST("topics") "}}"},
    {"Plan", "{\"type\":\"object\",\"required\":[\"changes\",\"as_they_were\",\"tenants\"],\"properties\":{" LIST(
                 "changes") "}}"},
    {"Tenants", "{\"type\":\"object\",\"required\":[\"tenants\"],\"properties\":{" LIST("tenants") "}}"},
    {"Gateways",
     "{\"type\":\"object\",\"required\":[\"gateways\"],\"properties\":{\"shared\":{\"type\":\"boolean\"}," LIST(
         "gateways") "}}"},
};

static pouch_err start(struct gateway *g) {
    return gateway_looks_new(&g->looks, g);
}

static void drain(struct gateway *g) {
    gateway_looks_stop(g->looks);
}

static void free_looks(struct gateway *g) {
    gateway_looks_free(g->looks);
    g->looks = NULL;
}

const struct gateway_part gateway_v1_cluster = {
    GATEWAY_TABLES(endpoints, schemas),
    .start = start,
    .drain = drain,
    .free = free_looks,
};
