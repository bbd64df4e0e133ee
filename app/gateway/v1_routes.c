/* /v1/routes: what there is, added, replaced and removed. */
#include <admin/anytext.h>
#include <admin/registry.h>
#include <admin/route_stats.h>
#include <admin/when.h>
#include <base/clock.h>
#include <base/log.h>
#include <base/why.h>
#include <gateway/reply.h>
#include <gateway/state.h>
#include <gateway/stores.h>
#include <gateway/v1_routes.h>
#include <stdio.h>
#include <stdlib.h>
#include <store/rows.h>
#include <store/state.h>
#include <string.h>

enum { CREATED = 201 };

/* ---- looking ---- */

/* What `stats` asks for: the numbers of the routes since then. CONFIG: it is no time. */
static pouch_err read_since(const struct httpd_call *c, struct admin_route_stats *stats) {
    const char *since = httpd_call_query(c, "stats");
    int64_t since_ms = 0;
    pouch_err e = since ? admin_when_parse("stats", since, pl_wall_ms(&pl_clock_system), &since_ms) : POUCH_OK;
    *stats = (struct admin_route_stats){.query = {.since_us = since_ms * 1000, .until_us = INT64_MAX}};
    return e;
}

/* Those of one route, whose names stand beside them already; null: it has none. */
static json_t *stats_of(const struct admin_route_stats *stats, const struct pl_route_row *r) {
    for (size_t i = 0; i < stats->n; i++) {
        const struct admin_route_stat *one = &stats->at[i];
        if (strcmp(one->publisher, r->publisher) != 0 || strcmp(one->id, r->id) != 0) continue;
        json_t *o = admin_route_stat_json(one);
        json_object_del(o, "publisher");
        json_object_del(o, "route");
        return o;
    }
    return json_null();
}

static json_t *list_json(const struct httpd_call *c, const struct pl_route_row *routes, size_t n,
                         const struct admin_route_stats *stats) {
    bool with_stats = httpd_call_query(c, "stats") != NULL;
    json_t *all = json_array();
    for (size_t i = 0; all && i < n; i++) {
        if (!gateway_v1_may(c, AUTH_READ_ROUTES, routes[i].publisher)) continue;
        json_t *one = admin_route_json(&routes[i]);
        if (one && with_stats) one = admin_json_with(one, "stats", stats_of(stats, &routes[i]));
        all = admin_array_with(all, one);
    }
    return all;
}

static pouch_err list_now(struct httpd_call *c, struct httpd_answer *a, void *gateway) {
    const struct gateway *g = gateway;
    struct admin_route_stats stats;
    struct pl_store *store = NULL;
    struct pl_route_row *routes = NULL;
    int64_t version;
    size_t n = 0;
    if (read_since(c, &stats)) return gateway_v1_bad(a);
    pouch_err e = gateway_v1_store(gateway, c, &store);
    if (!e && httpd_call_query(c, "stats"))
        e = admin_route_stats_read(&stats, store, gateway_stores_url(g->stores), g->conf.trace_spool);
    if (!e) e = pl_store_routes(store, &routes, &n, &version);
    if (!e)
        e = gateway_v1_tagged(
            c, a, json_pack("{s:I,s:o}", "version", (json_int_t)version, "routes", list_json(c, routes, n, &stats)));
    pl_route_free(routes, n);
    gateway_v1_store_end(gateway, store, e);
    admin_route_stats_free(&stats);
    return e;
}

static json_t *full_json(const struct pl_route_row *r, const struct pl_service_row *service) {
    json_t *o = admin_route_json(r);
    return o ? admin_json_with(o, "service_info", service ? admin_service_json(service) : json_null()) : NULL;
}

static pouch_err get_now(struct httpd_call *c, struct httpd_answer *a, void *gateway) {
    const char *publisher = httpd_call_param(c, "publisher");
    struct pl_store *store = NULL;
    struct pl_route_row *row = NULL;
    struct pl_service_row *service = NULL;
    pouch_err e = gateway_v1_store(gateway, c, &store);
    if (!e) e = admin_route_find(store, publisher, &row);
    if (!e && !row) e = admin_no_route(publisher);
    if (!e && row->service) e = admin_service_find(store, row->service, &service);
    if (!e) e = gateway_v1_versioned(c, a, full_json(row, service), row->version);
    pl_service_free(service, service != NULL);
    pl_route_free(row, row != NULL);
    gateway_v1_store_end(gateway, store, e);
    return e;
}

/* ---- changing ---- */

/* The change stands; centers that are not told look for themselves soon. */
static void announce(const struct gateway *g, const struct pl_announcement *told) {
    if (admin_announce(gateway_conf(g), told, 1))
        PL_LOG(PL_LOG_WARN, "a changed route was not announced: centers see it within 10 s", "why", pouch_why());
}

pouch_err gateway_v1_route_put(struct gateway *g, const struct httpd_call *c, struct httpd_answer *a,
                               const struct pl_route_row *r, bool as_it_was) {
    const struct pl_announcement told = {.publisher = r->publisher, .version = r->version, .enabled = r->enabled};
    if (!as_it_was) announce(g, &told);
    return gateway_v1_versioned(c, a, admin_route_json(r), r->version);
}

static pouch_err not_a(const char *name, const char *kind) {
    return pl_fail(POUCH_E_INVALID_PAYLOAD, "the member %s of the body is no %s", name, kind);
}

static bool is_text(const json_t *value, bool or_null) {
    return !value || json_is_string(value) || (or_null && json_is_null(value));
}

static pouch_err check_types(const json_t *body) {
    const json_t *targets = json_object_get(body, "targets"), *weights = json_object_get(body, "weights");
    const json_t *enabled = json_object_get(body, "enabled");
    if (targets && !json_is_array(targets)) return not_a("targets", "array of texts");
    if (weights && !json_is_object(weights)) return not_a("weights", "object of numbers");
    if (enabled && !json_is_boolean(enabled)) return not_a("enabled", "boolean");
    if (!is_text(json_object_get(body, "publisher"), false)) return not_a("publisher", "text");
    if (!is_text(json_object_get(body, "id"), true)) return not_a("id", "text");
    return is_text(json_object_get(body, "service"), true) ? POUCH_OK : not_a("service", "text");
}

static pouch_err check_members(const json_t *body, const char *publisher) {
    static const char *const known[] = {"publisher", "id", "targets", "weights", "service", "enabled", NULL};
    const json_t *named = json_object_get(body, "publisher");
    pouch_err e = gateway_v1_known(body, known);
    if (!e) e = check_types(body);
    if (e) return e;
    if (publisher && named && strcmp(json_string_value(named), publisher) != 0)
        return pl_fail(POUCH_E_INVALID_PAYLOAD, "the path names another publisher than the body");
    if (!publisher && !named) return pl_fail(POUCH_E_INVALID_PAYLOAD, "the body names no publisher");
    return json_object_get(body, "targets") ? POUCH_OK : pl_fail(POUCH_E_INVALID_PAYLOAD, "the body has no targets");
}

/*
 * The body as a state of store/state.h, freed with free(); id, and whether it is enabled, are those of `now` unless it
 * says so.
 */
static char *state_of(const json_t *body, const char *publisher, const struct pl_route_row *now) {
    const char *id = json_string_value(json_object_get(body, "id"));
    const json_t *given = json_object_get(body, "enabled"), *weights = json_object_get(body, "weights");
    bool enabled = given ? json_is_true(given) : !now || now->enabled;
    char fallback[sizeof "route-" + 256];
    snprintf(fallback, sizeof fallback, "route-%.255s", publisher);
    if (!id) id = now ? now->id : fallback;
    json_t *state = json_pack("{s:s,s:s,s:O,s:s?,s:b}", "publisher", publisher, "id", id, "targets",
                              json_object_get(body, "targets"), "service",
                              json_string_value(json_object_get(body, "service")), "enabled", (int)enabled);
    if (state && weights) state = admin_json_with(state, "weights", json_deep_copy(weights));
    char *text = state ? pl_json_text(state, NULL) : NULL;
    json_decref(state);
    return text;
}

static pouch_err row_of(const json_t *body, const char *publisher, const struct pl_route_row *now,
                        struct pl_route_row **row) {
    char *state = state_of(body, publisher, now);
    if (!state) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a route");
    pouch_err e = pl_route_of_state(row, state);
    free(state);
    if (e == POUCH_E_INVALID_PAYLOAD)
        return pl_fail(e, "targets are 1 to %d texts, each the name of a topic, and weights are numbers by those names",
                       PL_TARGETS_MAX);
    return e ? e : pl_route_check(*row);
}

static pouch_err add_to(struct gateway *g, struct httpd_call *c, struct httpd_answer *a, struct pl_route_row *row) {
    struct pl_store *store = NULL;
    pouch_err e = gateway_v1_store(g, c, &store);
    if (!e) e = pl_store_route_put(store, row, 0);
    gateway_v1_store_end(g, store, e);
    if (e) return e;
    a->status = CREATED;
    return gateway_v1_route_put(g, c, a, row, false);
}

static pouch_err add_now(struct httpd_call *c, struct httpd_answer *a, void *gateway) {
    json_t *body;
    struct pl_route_row *row = NULL;
    pouch_err e = gateway_body(c, &body), told = POUCH_OK;
    if (!e) e = check_members(body, NULL);
    const char *publisher = e ? NULL : json_string_value(json_object_get(body, "publisher"));
    if (!e && !gateway_may(c, a, AUTH_WRITE_ROUTES, publisher, &told)) {
        json_decref(body);
        return told;
    }
    if (!e) e = row_of(body, publisher, NULL, &row);
    if (!e)
        e = add_to(gateway, c, a, row);
    else if (e == POUCH_E_CONFIG)
        e = gateway_v1_bad(a);
    pl_route_free(row, row != NULL);
    json_decref(body);
    return e;
}

static pouch_err replace_in(struct gateway *g, struct httpd_call *c, struct httpd_answer *a, const json_t *body,
                            int64_t expected) {
    const char *publisher = httpd_call_param(c, "publisher");
    struct pl_store *store = NULL;
    struct pl_route_row *now = NULL, *row = NULL;
    pouch_err e = gateway_v1_store(g, c, &store);
    if (!e) e = admin_route_find(store, publisher, &now);
    if (!e) e = row_of(body, publisher, now, &row);
    if (!e && !now && expected < 0) e = admin_no_route(publisher);
    if (!e) e = pl_store_route_put(store, row, expected);
    gateway_v1_store_end(g, store, e);
    a->status = now || e ? a->status : CREATED;
    e = e ? gateway_v1_conflict(a, e, expected) : gateway_v1_route_put(g, c, a, row, false);
    pl_route_free(now, now != NULL);
    pl_route_free(row, row != NULL);
    return e;
}

static pouch_err replace_now(struct httpd_call *c, struct httpd_answer *a, void *gateway) {
    json_t *body;
    int64_t expected;
    pouch_err told;
    if (!gateway_v1_expected(c, a, true, &expected, &told)) return told;
    pouch_err e = gateway_body(c, &body);
    if (!e) e = check_members(body, httpd_call_param(c, "publisher"));
    if (!e) e = replace_in(gateway, c, a, body, expected);
    json_decref(body);
    return e;
}

static pouch_err remove_now(struct httpd_call *c, struct httpd_answer *a, void *gateway) {
    const char *publisher = httpd_call_param(c, "publisher");
    struct pl_store *store = NULL;
    int64_t version, expected;
    pouch_err told;
    if (!gateway_v1_expected(c, a, false, &expected, &told)) return told;
    pouch_err e = gateway_v1_store(gateway, c, &store);
    if (!e) e = pl_store_route_remove(store, publisher, expected, &version);
    if (e == POUCH_E_NOT_FOUND) e = admin_no_route(publisher);
    gateway_v1_store_end(gateway, store, e);
    if (e) return gateway_v1_conflict(a, e, 0);
    announce(gateway, &(struct pl_announcement){.publisher = publisher, .version = version, .removed = true});
    return gateway_json(
        a, json_pack("{s:s,s:b,s:I}", "publisher", publisher, "removed", 1, "version", (json_int_t)version));
}

/* ---- endpoints ---- */

static pouch_err list(struct httpd_call *c, struct httpd_answer *a, void *g) {
    return gateway_work(g, c, a, list_now);
}

static pouch_err get(struct httpd_call *c, struct httpd_answer *a, void *g) {
    return gateway_work(g, c, a, get_now);
}

static pouch_err add(struct httpd_call *c, struct httpd_answer *a, void *g) {
    return gateway_work(g, c, a, add_now);
}

static pouch_err replace(struct httpd_call *c, struct httpd_answer *a, void *g) {
    return gateway_work(g, c, a, replace_now);
}

static pouch_err remove_route(struct httpd_call *c, struct httpd_answer *a, void *g) {
    return gateway_work(g, c, a, remove_now);
}

static const struct gateway_endpoint endpoints[] = {
    {
        .method = "GET",
        .path = "/v1/routes",
        .id = "listRoutes",
        .tag = "Routes",
        .about = "List the routes that may be seen, by publisher.",
        .need = {AUTH_READ_ROUTES, AUTH_EACH},
        .params =
            (const struct gateway_param[]){{"stats", "query", "{\"type\":\"string\"}",
                                            "With the numbers of each since then: a time ago or RFC 3339.", false},
                                           {0}},
        .says = (const struct gateway_says[]){{200, "They are.", "Routes", NULL}, {0}},
        .handle = list,
    },
    {
        .method = "POST",
        .path = "/v1/routes",
        .id = "addRoute",
        .tag = "Routes",
        .about = "Add the route of a publisher that has none.",
        .need = {AUTH_WRITE_ROUTES, AUTH_EACH},
        .body = "RouteNew",
        .body_max = GATEWAY_V1_BODY,
        .says = (const struct gateway_says[]){{201, "It is there.", "Route", NULL},
                                              {409, "The publisher has a route.", "Problem", NULL},
                                              {0}},
        .handle = add,
    },
    {
        .method = "GET",
        .path = "/v1/routes/{publisher}",
        .id = "getRoute",
        .tag = "Routes",
        .about = "Show a route with its service. Its version is the ETag.",
        .need = {AUTH_READ_ROUTES, "publisher"},
        .params = GATEWAY_V1_PUBLISHER,
        .says = (const struct gateway_says[]){{200, "It is.", "Route", NULL}, GATEWAY_V1_NO_ROUTE, {0}},
        .handle = get,
    },
    {
        .method = "PUT",
        .path = "/v1/routes/{publisher}",
        .id = "replaceRoute",
        .tag = "Routes",
        .about = "Replace a route that is still of the version of If-Match, or make it with If-None-Match: *. "
                 "What the body does not say is gone, but for its id and whether it is enabled.",
        .need = {AUTH_WRITE_ROUTES, "publisher"},
        .params = (const struct gateway_param[]){GATEWAY_V1_PATH("publisher", "Whose route."),
                                                 GATEWAY_V1_IF_MATCH,
                                                 GATEWAY_V1_IF_NONE_MATCH("The route is to be made, if there is none."),
                                                 {0}},
        .body = "RouteGiven",
        .body_max = GATEWAY_V1_BODY,
        .says = (const struct gateway_says[]){{200, "It is replaced.", "Route", NULL},
                                              {201, "It is there.", "Route", NULL},
                                              GATEWAY_V1_NO_ROUTE,
                                              GATEWAY_V1_CONFLICT,
                                              GATEWAY_V1_UNCONDITIONAL,
                                              {0}},
        .handle = replace,
    },
    {
        .method = "DELETE",
        .path = "/v1/routes/{publisher}",
        .id = "removeRoute",
        .tag = "Routes",
        .about = "Remove a route that is still of the version of If-Match.",
        .need = {AUTH_WRITE_ROUTES, "publisher"},
        .params = GATEWAY_V1_CHANGED,
        .says = (const struct gateway_says[]){{200, "It is gone.", "Removed", NULL},
                                              GATEWAY_V1_NO_ROUTE,
                                              GATEWAY_V1_CONFLICT,
                                              GATEWAY_V1_UNCONDITIONAL,
                                              {0}},
        .handle = remove_route,
    },
};

#define TEXT "{\"type\":[\"string\",\"null\"]}"
#define ROUTE_TEXTS \
    "\"publisher\":" GATEWAY_NAME_SCHEMA ",\"id\":" TEXT ",\"service\":" TEXT ",\"enabled\":{\"type\":\"boolean\"}"
#define ROUTE_TOPICS  "\"targets\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":16,\"items\":" GATEWAY_NAME_SCHEMA "}"
#define WEIGHTS(type) "\"weights\":{\"type\":" type ",\"additionalProperties\":{\"type\":\"integer\",\"minimum\":0}}"

static const struct gateway_schema schemas[] = {
    {"Route",
     "{\"type\":\"object\",\"required\":[\"publisher\",\"targets\",\"enabled\",\"version\"],\"properties\":"
     "{" ROUTE_TEXTS "," ROUTE_TOPICS "," WEIGHTS(
         "[\"object\",\"null\"]") ",\"version\":{\"type\":\"integer\"},\"created_at\":{\"type\":\"string\"},"
                                  "\"updated_at\":{\"type\":\"string\"},\"stats\":{\"type\":[\"object\",\"null\"]},"
                                  "\"service_info\":{\"type\":[\"object\",\"null\"]}}}"},
    {"RouteGiven",
     "{\"type\":\"object\",\"required\":[\"targets\"],\"additionalProperties\":false,\"properties\":{" ROUTE_TEXTS
     "," ROUTE_TOPICS "," WEIGHTS("\"object\"") "}}"},
    {"RouteNew", "{\"allOf\":[{\"$ref\":\"#/components/schemas/RouteGiven\"}],\"required\":[\"publisher\"]}"},
    {"Routes", "{\"type\":\"object\",\"required\":[\"version\",\"routes\"],\"properties\":{\"version\":{\"type\":"
               "\"integer\"},\"routes\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/components/schemas/Route\"}}}}"},
    {"Removed", "{\"type\":\"object\",\"required\":[\"removed\"],\"properties\":{\"removed\":{\"const\":true},"
                "\"publisher\":{\"type\":\"string\"},\"name\":{\"type\":\"string\"},\"version\":{\"type\":\"integer\"},"
                "\"revision\":{\"type\":\"integer\"}}}"},
};

const struct gateway_part gateway_v1_routes = {
    GATEWAY_TABLES(endpoints, schemas),
};
