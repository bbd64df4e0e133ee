/* /v1/services: what there is, put and removed. */
#include <admin/anytext.h>
#include <admin/registry.h>
#include <base/log.h>
#include <base/why.h>
#include <gateway/v1_routes.h>
#include <stdlib.h>
#include <store/rows.h>
#include <string.h>

enum { CREATED = 201 };

static bool has_tag(const struct pl_service_row *s, const char *tag) {
    for (size_t i = 0; tag && i < s->n_tags; i++)
        if (!strcmp(s->tags[i], tag)) return true;
    return !tag;
}

static pouch_err list_now(struct httpd_call *c, struct httpd_answer *a, void *gateway) {
    struct pl_store *store = NULL;
    struct pl_service_row *services = NULL;
    size_t n = 0;
    json_t *all = NULL;
    pouch_err e = gateway_v1_store(gateway, c, &store);
    if (!e) e = pl_store_services(store, &services, &n);
    if (!e) all = json_array();
    for (size_t i = 0; all && i < n; i++)
        if (has_tag(&services[i], httpd_call_query(c, "tag")))
            all = admin_array_with(all, admin_service_json(&services[i]));
    if (!e) e = gateway_v1_tagged(c, a, json_pack("{s:o}", "services", all));
    pl_service_free(services, n);
    gateway_v1_store_end(gateway, store, e);
    return e;
}

static pouch_err get_now(struct httpd_call *c, struct httpd_answer *a, void *gateway) {
    const char *name = httpd_call_param(c, "name");
    struct pl_store *store = NULL;
    struct pl_service_row *row = NULL;
    char **publishers = NULL;
    size_t n = 0;
    pouch_err e = gateway_v1_store(gateway, c, &store);
    if (!e) e = admin_service_find(store, name, &row);
    if (!e && !row) e = admin_no_service(name);
    if (!e) e = admin_publishers_of(store, name, &publishers, &n);
    if (!e) {
        json_t *o = admin_service_json(row);
        if (o) o = admin_json_with(o, "routes", admin_texts_json(publishers, n));
        e = gateway_v1_versioned(c, a, o, row->revision);
    }
    admin_texts_free(publishers, n);
    pl_service_free(row, row != NULL);
    gateway_v1_store_end(gateway, store, e);
    return e;
}

/* ---- changing ---- */

static void announce(const struct gateway *g, const struct pl_announcement *told) {
    if (admin_announce(gateway_conf(g), told, 1))
        PL_LOG(PL_LOG_WARN, "a changed service was not announced", "why", pouch_why());
}

/* A text of the body; where it is not given the fallback, which may be NULL. */
static pouch_err take_text(const json_t *body, const char *name, const char *fallback, char **text) {
    const json_t *value = json_object_get(body, name);
    if (value && !json_is_null(value) && !json_is_string(value))
        return pl_fail(POUCH_E_INVALID_PAYLOAD, "the member %s of the body is no text", name);
    return admin_text_set(text, json_is_string(value) ? json_string_value(value) : fallback);
}

static pouch_err take_tags(const json_t *body, struct pl_service_row *row) {
    const json_t *tags = json_object_get(body, "tags"), *tag;
    const char *texts[PL_TAGS_MAX];
    size_t i, n = json_array_size(tags);
    if (tags && (!json_is_array(tags) || n > PL_TAGS_MAX))
        return pl_fail(POUCH_E_INVALID_PAYLOAD, "the member tags of the body is no array of at most %d texts",
                       PL_TAGS_MAX);
    json_array_foreach(tags, i, tag) {
        if (!json_is_string(tag)) return pl_fail(POUCH_E_INVALID_PAYLOAD, "a tag in the body is no text");
        texts[i] = json_string_value(tag);
    }
    return n ? admin_texts_set(&row->tags, &row->n_tags, texts, n) : POUCH_OK;
}

static pouch_err row_of(const json_t *body, const char *name, struct pl_service_row **out) {
    struct pl_service_row *row = *out = calloc(1, sizeof *row);
    if (!row) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a service");
    pouch_err e = admin_text_set(&row->name, name);
    if (!e) e = take_text(body, "version", ADMIN_SERVICE_VERSION, &row->version);
    if (!e) e = take_text(body, "description", NULL, &row->description);
    if (!e) e = take_text(body, "endpoint", NULL, &row->endpoint);
    if (!e) e = take_tags(body, row);
    return e ? e : pl_service_check(row);
}

static pouch_err put_in(struct gateway *g, struct httpd_call *c, struct httpd_answer *a, struct pl_service_row *row,
                        int64_t expected) {
    struct pl_store *store = NULL;
    pouch_err e = gateway_v1_store(g, c, &store);
    if (!e) e = pl_store_service_put(store, row, expected);
    gateway_v1_store_end(g, store, e);
    if (e) return gateway_v1_conflict(a, e, expected);
    announce(g, &(struct pl_announcement){.service = row->name, .version = row->revision});
    if (!expected) a->status = CREATED;
    return gateway_v1_versioned(c, a, admin_service_json(row), row->revision);
}

static pouch_err put_now(struct httpd_call *c, struct httpd_answer *a, void *gateway) {
    static const char *const known[] = {"version", "description", "endpoint", "tags", NULL};
    struct pl_service_row *row = NULL;
    json_t *body;
    int64_t expected;
    pouch_err told;
    if (!gateway_v1_expected(c, a, true, &expected, &told)) return told;
    pouch_err e = gateway_body(c, &body);
    if (!e) e = gateway_v1_known(body, known);
    if (!e) e = row_of(body, httpd_call_param(c, "name"), &row);
    json_decref(body);
    if (!e)
        e = put_in(gateway, c, a, row, expected);
    else if (e == POUCH_E_CONFIG)
        e = gateway_v1_bad(a);
    pl_service_free(row, row != NULL);
    return e;
}

static pouch_err remove_now(struct httpd_call *c, struct httpd_answer *a, void *gateway) {
    const char *name = httpd_call_param(c, "name");
    struct pl_store *store = NULL;
    int64_t revision, expected;
    pouch_err told;
    if (!gateway_v1_expected(c, a, false, &expected, &told)) return told;
    pouch_err e = gateway_v1_store(gateway, c, &store);
    if (!e) e = pl_store_service_remove(store, name, expected, &revision);
    if (e == POUCH_E_NOT_FOUND) e = admin_no_service(name);
    gateway_v1_store_end(gateway, store, e);
    if (e) return gateway_v1_conflict(a, e, 0);
    announce(gateway, &(struct pl_announcement){.service = name, .version = revision, .removed = true});
    return gateway_json(a, json_pack("{s:s,s:b,s:I}", "name", name, "removed", 1, "revision", (json_int_t)revision));
}

/* ---- endpoints ---- */

static pouch_err list(struct httpd_call *c, struct httpd_answer *a, void *g) {
    return gateway_work(g, c, a, list_now);
}

static pouch_err get(struct httpd_call *c, struct httpd_answer *a, void *g) {
    return gateway_work(g, c, a, get_now);
}

static pouch_err put(struct httpd_call *c, struct httpd_answer *a, void *g) {
    return gateway_work(g, c, a, put_now);
}

static pouch_err remove_service(struct httpd_call *c, struct httpd_answer *a, void *g) {
    return gateway_work(g, c, a, remove_now);
}

#define NAME GATEWAY_V1_PATH("name", "Of the service.")
#define NO_SERVICE \
    { 404, "There is no such service.", "Problem", NULL }

static const struct gateway_endpoint endpoints[] = {
    {
        .method = "GET",
        .path = "/v1/services",
        .id = "listServices",
        .tag = "Routes",
        .about = "List services, all or those with a tag.",
        .need = {AUTH_READ_ROUTES, NULL},
        .params = (const struct gateway_param[]){GATEWAY_V1_TEXT("tag", "Only those with this tag."), {0}},
        .says = (const struct gateway_says[]){{200, "They are.", "Services", NULL}, {0}},
        .handle = list,
    },
    {
        .method = "GET",
        .path = "/v1/services/{name}",
        .id = "getService",
        .tag = "Routes",
        .about = "Show a service and the publishers whose routes name it. Its revision is the ETag.",
        .need = {AUTH_READ_ROUTES, NULL},
        .params = (const struct gateway_param[]){NAME, {0}},
        .says = (const struct gateway_says[]){{200, "It is.", "Service", NULL}, NO_SERVICE, {0}},
        .handle = get,
    },
    {
        .method = "PUT",
        .path = "/v1/services/{name}",
        .id = "putService",
        .tag = "Routes",
        .about = "Register a service with If-None-Match: *, or replace one that is still of the revision of If-Match.",
        .need = {AUTH_WRITE_ROUTES, NULL},
        .params = (const struct gateway_param[]){NAME,
                                                 GATEWAY_V1_IF_MATCH,
                                                 GATEWAY_V1_IF_NONE_MATCH(
                                                     "The service is to be registered, if there is none."),
                                                 {0}},
        .body = "ServiceGiven",
        .body_max = GATEWAY_V1_BODY,
        .says = (const struct gateway_says[]){{200, "It is replaced.", "Service", NULL},
                                              {201, "It is registered.", "Service", NULL},
                                              GATEWAY_V1_CONFLICT,
                                              GATEWAY_V1_UNCONDITIONAL,
                                              {0}},
        .handle = put,
    },
    {
        .method = "DELETE",
        .path = "/v1/services/{name}",
        .id = "removeService",
        .tag = "Routes",
        .about = "Remove a service that is still of the revision of If-Match. Routes that name it go on working.",
        .need = {AUTH_WRITE_ROUTES, NULL},
        .params = (const struct gateway_param[]){NAME, GATEWAY_V1_IF_MATCH, {0}},
        .says =
            (const struct gateway_says[]){
                {200, "It is gone.", "Removed", NULL}, NO_SERVICE, GATEWAY_V1_CONFLICT, GATEWAY_V1_UNCONDITIONAL, {0}},
        .handle = remove_service,
    },
};

#define TEXTS                                                                                                    \
    "\"version\":{\"type\":\"string\"},\"description\":{\"type\":[\"string\",\"null\"]},\"endpoint\":{\"type\":" \
    "[\"string\",\"null\"]},\"tags\":{\"type\":\"array\",\"maxItems\":32,\"items\":{\"type\":\"string\"}}"

static const struct gateway_schema schemas[] = {
    {"Service",
     "{\"type\":\"object\",\"required\":[\"name\",\"revision\"],\"properties\":{\"name\":{\"type\":\"string\"}," TEXTS
     ",\"revision\":{\"type\":\"integer\"},\"created_at\":{\"type\":\"string\"},\"updated_at\":{\"type\":"
     "\"string\"},\"routes\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}}}}"},
    {"ServiceGiven", "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{" TEXTS "}}"},
    {"Services", "{\"type\":\"object\",\"required\":[\"services\"],\"properties\":{\"services\":{\"type\":\"array\","
                 "\"items\":{\"$ref\":\"#/components/schemas/Service\"}}}}"},
};

const struct gateway_part gateway_v1_services = {
    GATEWAY_TABLES(endpoints, schemas),
};
