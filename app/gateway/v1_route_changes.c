/* /v1/routes/{publisher}/…: enabled, disabled, rolled back, and what was changed. */
#include <admin/changes.h>
#include <admin/registry.h>
#include <admin/rollback.h>
#include <base/why.h>
#include <gateway/v1_routes.h>

/* ---- enabling ---- */

static pouch_err set_state(struct httpd_call *c, struct httpd_answer *a, struct gateway *g, bool enabled) {
    struct pl_store *store = NULL;
    struct pl_route_row *row = NULL;
    bool as_it_was = false;
    int64_t expected;
    pouch_err told;
    if (!gateway_v1_expected(c, a, false, &expected, &told)) return told;
    pouch_err e = gateway_v1_store(g, c, &store);
    if (!e) e = admin_route_enable(store, httpd_call_param(c, "publisher"), enabled, expected, &row, &as_it_was);
    gateway_v1_store_end(g, store, e);
    e = e ? gateway_v1_conflict(a, e, 0) : gateway_v1_route_put(g, c, a, row, as_it_was);
    pl_route_free(row, row != NULL);
    return e;
}

static pouch_err enable_now(struct httpd_call *c, struct httpd_answer *a, void *g) {
    return set_state(c, a, g, true);
}

static pouch_err disable_now(struct httpd_call *c, struct httpd_answer *a, void *g) {
    return set_state(c, a, g, false);
}

/* ---- history ---- */

static pouch_err history_now(struct httpd_call *c, struct httpd_answer *a, void *gateway) {
    const char *publisher = httpd_call_param(c, "publisher");
    struct pl_audit_query q = {.kind = PL_AUDIT_ROUTE, .name = publisher};
    struct pl_store *store = NULL;
    json_t *changes = NULL;
    pouch_err e = gateway_v1_limit(c, &q.limit);
    if (!e) e = gateway_v1_store(gateway, c, &store);
    if (!e) e = admin_changes_read(store, &q, &changes);
    gateway_v1_store_end(gateway, store, e);
    if (!e && !json_array_size(changes)) {
        json_decref(changes);
        return admin_no_route(publisher);
    }
    return e ? e : gateway_v1_tagged(c, a, json_pack("{s:o}", "changes", changes));
}

static pouch_err roll_back(struct gateway *g, struct httpd_call *c, struct httpd_answer *a, int64_t version,
                           int64_t expected) {
    struct pl_store *store = NULL;
    struct pl_route_row *row = NULL;
    bool as_it_was = false;
    pouch_err e = gateway_v1_store(g, c, &store);
    if (!e) e = admin_rollback(store, httpd_call_param(c, "publisher"), version, expected, &row, &as_it_was);
    gateway_v1_store_end(g, store, e);
    e = e ? gateway_v1_conflict(a, e, 0) : gateway_v1_route_put(g, c, a, row, as_it_was);
    pl_route_free(row, row != NULL);
    return e;
}

static pouch_err rollback_now(struct httpd_call *c, struct httpd_answer *a, void *gateway) {
    static const char *const known[] = {"to", NULL};
    json_t *body;
    int64_t expected;
    pouch_err told;
    if (!gateway_v1_expected(c, a, true, &expected, &told)) return told;
    pouch_err e = gateway_body(c, &body);
    if (!e) e = gateway_v1_known(body, known);
    const json_t *to = json_object_get(body, "to");
    int64_t version = json_integer_value(to);
    if (!e && to && (!json_is_integer(to) || version < 1 || version == INT64_MAX))
        e = pl_fail(POUCH_E_INVALID_PAYLOAD, "the member to of the body is no version such as 17");
    json_decref(body);
    return e ? e : roll_back(gateway, c, a, version, expected);
}

/* ---- endpoints ---- */

static pouch_err enable(struct httpd_call *c, struct httpd_answer *a, void *g) {
    return gateway_work(g, c, a, enable_now);
}

static pouch_err disable(struct httpd_call *c, struct httpd_answer *a, void *g) {
    return gateway_work(g, c, a, disable_now);
}

static pouch_err history(struct httpd_call *c, struct httpd_answer *a, void *g) {
    return gateway_work(g, c, a, history_now);
}

static pouch_err rollback(struct httpd_call *c, struct httpd_answer *a, void *g) {
    return gateway_work(g, c, a, rollback_now);
}

static const struct gateway_says changed[] = {
    {200, "It is so.", "Route", NULL}, GATEWAY_V1_NO_ROUTE, GATEWAY_V1_CONFLICT, GATEWAY_V1_UNCONDITIONAL, {0}};

static const struct gateway_endpoint endpoints[] = {
    {
        .method = "POST",
        .path = "/v1/routes/{publisher}/enable",
        .id = "enableRoute",
        .tag = "Routes",
        .about = "Let a disabled route work again. Centers follow within a second.",
        .need = {AUTH_WRITE_ROUTES, "publisher"},
        .params = GATEWAY_V1_CHANGED,
        .says = changed,
        .handle = enable,
    },
    {
        .method = "POST",
        .path = "/v1/routes/{publisher}/disable",
        .id = "disableRoute",
        .tag = "Routes",
        .about = "Have a publisher's requests answered with route_disabled. It stays so until it is enabled.",
        .need = {AUTH_WRITE_ROUTES, "publisher"},
        .params = GATEWAY_V1_CHANGED,
        .says = changed,
        .handle = disable,
    },
    {
        .method = "GET",
        .path = "/v1/routes/{publisher}/history",
        .id = "listRouteChanges",
        .tag = "Routes",
        .about = "List what was changed of a route, by whom and when, the newest last.",
        .need = {AUTH_READ_ROUTES, "publisher"},
        .params =
            (const struct gateway_param[]){GATEWAY_V1_PATH("publisher", "Whose route."), GATEWAY_V1_LIMIT_PARAM, {0}},
        .says = (const struct gateway_says[]){{200, "They are.", "Changes", NULL}, GATEWAY_V1_NO_ROUTE, {0}},
        .handle = history,
    },
    {
        .method = "POST",
        .path = "/v1/routes/{publisher}/rollback",
        .id = "rollBackRoute",
        .tag = "Routes",
        .about =
            "Make a route again what it was in a version, or before its last change, if it is still of the version of "
            "If-Match, or was removed, with If-None-Match: *. That is a change as any other.",
        .need = {AUTH_WRITE_ROUTES, "publisher"},
        .params =
            (const struct gateway_param[]){GATEWAY_V1_PATH("publisher", "Whose route."),
                                           GATEWAY_V1_IF_MATCH,
                                           GATEWAY_V1_IF_NONE_MATCH("The route was removed, and is to come back."),
                                           {0}},
        .body = "Rollback",
        .body_max = GATEWAY_V1_BODY,
        .says = (const struct gateway_says[]){{200, "It is so.", "Route", NULL},
                                              {404, "There is no such route, or no such version.", "Problem", NULL},
                                              GATEWAY_V1_CONFLICT,
                                              GATEWAY_V1_UNCONDITIONAL,
                                              {0}},
        .handle = rollback,
    },
};

static const struct gateway_schema schemas[] = {
    {"Changes",
     "{\"type\":\"object\",\"required\":[\"changes\"],\"properties\":{\"changes\":{\"type\":\"array\",\"items\":{"
     "\"type\":\"object\",\"properties\":{\"version\":{\"type\":\"integer\"},\"at\":{\"type\":\"string\"},"
     "\"kind\":{\"type\":\"string\"},\"name\":{\"type\":[\"string\",\"null\"]},\"who\":{\"type\":[\"string\",\"null\"]}"
     ","
     "\"before\":{\"type\":[\"object\",\"null\"]},\"after\":{\"type\":[\"object\",\"null\"]}}}}}}"},
    {"Rollback",
     "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"to\":{\"type\":\"integer\",\"minimum\":1,"
     "\"maximum\":9223372036854775806}}}"},
};

const struct gateway_part gateway_v1_route_changes = {
    GATEWAY_TABLES(endpoints, schemas),
};
