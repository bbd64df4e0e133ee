/*
 * /livez, /readyz, /health, /metrics and /statusz, as every long-running command has them; here on the one server there
 * is.
 */
#include <base/why.h>
#include <gateway/state.h>
#include <metrics/metrics.h>

static void each_text(json_t *texts, struct gateway *g, size_t at) {
    for (const struct gateway_part *const *p = gateway_parts; *p; p++) {
        void (*tell)(json_t *, struct gateway *) = at ? (*p)->notes : (*p)->unready;
        if (tell) tell(texts, g);
    }
}

/* Start and drain come first: what the parts would ask may not be there yet, or be going already. */
static void unready(json_t *reasons, void *gateway) {
    struct gateway *g = gateway;
    char why[512];
    if (gateway_draining(g)) {
        pl_json_say(reasons, "it is shutting down");
        return;
    }
    if (!atomic_load(&g->serving)) {
        pl_json_say(reasons, "it is starting");
        return;
    }
    if (!gateway_watch_is_well(g->watch, why, sizeof why)) pl_json_say(reasons, "%s", why);
    if (!pouch_client_ready(g->client)) pl_json_say(reasons, "the topic for replies is not read yet");
    each_text(reasons, g, 0);
}

static void notes(json_t *notes, void *gateway) {
    if (!gateway_draining(gateway)) each_text(notes, gateway, 1);
}

static void status(json_t *into, void *gateway) {
    struct gateway *g = gateway;
    json_object_set_new(into, "instance", json_string(g->instance));
    json_object_set_new(into, "open_requests", json_integer((json_int_t)pl_metric_get(PL_M_GATEWAY_OPEN)));
    json_object_set_new(
        into, "waiting_work",
        json_integer((json_int_t)(pl_metric_get(PL_M_GATEWAY_WORK) + pl_metric_get(PL_M_GATEWAY_WORK_LONG))));
    if (gateway_draining(g)) return;
    for (const struct gateway_part *const *p = gateway_parts; *p; p++)
        if ((*p)->status) (*p)->status(into, g);
}

json_t *gateway_reasons(struct gateway *g) {
    json_t *reasons = json_array();
    if (reasons) unready(reasons, g);
    return reasons;
}

pouch_err gateway_pages_make(struct gateway *g) {
    g->owner = (struct httpd_owner){.role = "gateway", .unready = unready, .notes = notes, .status = status, .arg = g};
    return httpd_health_new(&g->pages, &g->owner);
}

static pouch_err show(struct httpd_call *c, struct httpd_answer *a, void *gateway) {
    return httpd_health_page(((struct gateway *)gateway)->pages, httpd_call_route(c)->path, a);
}

#define PAGE(at, name, text, answers, action)                                                                    \
    {                                                                                                            \
        .method = "GET", .path = (at), .id = (name), .tag = "Health", .about = (text), .need = {(action), NULL}, \
        .says = (answers), .handle = show, .when_draining = true                                                 \
    }

static const struct gateway_says verdict[] = {
    {200, "Yes.", "Verdict", NULL}, {503, "No, and why.", "Verdict", "application/json"}, {0}};
static const struct gateway_says numbers[] = {
    {200, "The text format of Prometheus.", NULL, "text/plain; version=0.0.4; charset=utf-8"}, {0}};
static const struct gateway_says state[] = {{200, "How it is.", "Status", NULL}, {0}};

static const struct gateway_endpoint endpoints[] = {
    PAGE("/livez", "isLive", "Whether it lives. If not, only a restart helps.", verdict, AUTH_OPEN),
    PAGE("/readyz", "isReady", "Whether it can answer requests now, and if not, why.", verdict, AUTH_OPEN),
    PAGE("/health", "isHealthy", "Healthy or degraded, in one word.", verdict, AUTH_READ_HEALTH),
    PAGE("/metrics", "getMetrics", "What it counts, for Prometheus.", numbers, AUTH_READ_HEALTH),
    PAGE("/statusz", "getStatus", "What it is at.", state, AUTH_READ_HEALTH),
};

static const struct gateway_schema schemas[] = {
    {"Verdict", "{\"type\":\"object\",\"properties\":{\"live\":{\"type\":\"boolean\"},\"ready\":{\"type\":\"boolean\"},"
                "\"status\":{\"enum\":[\"healthy\",\"degraded\"]},\"role\":{\"type\":\"string\"},"
                "\"reasons\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},"
                "\"notes\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}}}}"},
    {"Status", "{\"type\":\"object\",\"required\":[\"ready\",\"reasons\",\"role\",\"version\"],\"properties\":{"
               "\"ready\":{\"type\":\"boolean\"},\"reasons\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},"
               "\"role\":{\"const\":\"gateway\"},\"version\":{\"type\":\"string\"}}}"},
};

const struct gateway_part gateway_pages = {
    GATEWAY_TABLES(endpoints, schemas),
};
