/* /v1/schemas: subjects of the schema registry, their versions, and the text of one. */
#include <admin/anytext.h>
#include <base/why.h>
#include <gateway/v1.h>
#include <schema/registry.h>
#include <stdlib.h>
#include <string.h>

/* Without a registry there is nothing to be found, which is no fault of the gateway's. */
static pouch_err open_registry(struct gateway *g, struct registry **r) {
    *r = NULL;
    if (gateway_conf(g)->schema_registry) return schema_registry_open(r, gateway_conf(g), NULL);
    return pl_fail(POUCH_E_NOT_FOUND, "there is no schema registry: the setting schema.registry is unset");
}

static json_t *seen(const struct httpd_call *c, const json_t *names) {
    json_t *all = json_array(), *name;
    size_t i;
    json_array_foreach(names, i, name) {
        const char *text = json_string_value(name);
        if (text && gateway_v1_may(c, AUTH_READ_SCHEMAS, text)) all = admin_array_with(all, json_incref(name));
    }
    return all;
}

static pouch_err list_now(struct httpd_call *c, struct httpd_answer *a, void *gateway) {
    struct registry *r;
    json_t *names = NULL;
    pouch_err e = open_registry(gateway, &r);
    if (!e) e = schema_registry_subjects(r, &names);
    if (!e) e = gateway_v1_tagged(c, a, json_pack("{s:o}", "subjects", seen(c, names)));
    json_decref(names);
    schema_registry_close(r);
    return e;
}

static pouch_err subject_now(struct httpd_call *c, struct httpd_answer *a, void *gateway) {
    const char *subject = httpd_call_param(c, "subject");
    struct registry *r;
    json_t *versions = NULL;
    char *mode = NULL;
    pouch_err e = open_registry(gateway, &r);
    if (!e) e = schema_registry_versions(r, subject, &versions);
    if (!e) e = schema_registry_mode(r, subject, &mode);
    if (!e)
        e = gateway_v1_tagged(
            c, a, json_pack("{s:s,s:O,s:s?}", "subject", subject, "versions", versions, "compatibility", mode));
    json_decref(versions);
    free(mode);
    schema_registry_close(r);
    return e;
}

static pouch_err read_version(const char *text, int *version) {
    char *end;
    long n = strtol(text, &end, 10);
    *version = strcmp(text, "latest") != 0 ? (int)n : REGISTRY_LATEST;
    if (*version == REGISTRY_LATEST && !strcmp(text, "latest")) return POUCH_OK;
    if (*text >= '0' && *text <= '9' && !*end && n > 0 && n <= 1 << 30) return POUCH_OK;
    return pl_fail(POUCH_E_INVALID_PAYLOAD, "'%.32s' is no version: a number, or latest", text);
}

static pouch_err text_now(struct httpd_call *c, struct httpd_answer *a, void *gateway) {
    struct registry *r = NULL;
    struct registry_schema schema = {0};
    int version;
    pouch_err e = read_version(httpd_call_param(c, "version"), &version);
    if (!e) e = open_registry(gateway, &r);
    if (!e) e = schema_registry_get(r, httpd_call_param(c, "subject"), version, 0, &schema);
    if (!e)
        e = gateway_v1_tagged(c, a,
                              json_pack("{s:I,s:s,s:s,s:s?,s:i}", "id", (json_int_t)schema.id, "type", schema.type,
                                        "schema", schema.text, "subject", schema.subject, "version", schema.version));
    schema_registry_schema_free(&schema);
    schema_registry_close(r);
    return e;
}

static pouch_err list(struct httpd_call *c, struct httpd_answer *a, void *g) {
    return gateway_work(g, c, a, list_now);
}

static pouch_err subject(struct httpd_call *c, struct httpd_answer *a, void *g) {
    return gateway_work(g, c, a, subject_now);
}

static pouch_err text(struct httpd_call *c, struct httpd_answer *a, void *g) {
    return gateway_work(g, c, a, text_now);
}

#define SUBJECT GATEWAY_V1_PATH("subject", "Such as orders-value.")
#define VERSION                                                                                                        \
    {                                                                                                                  \
        "version", "path", "{\"type\":\"string\",\"pattern\":\"^([1-9][0-9]{0,8}|latest)$\"}", "A number, or latest.", \
            true                                                                                                       \
    }
#define NONE \
    { 404, "There is no such subject or version, or no registry.", "Problem", NULL }

static const struct gateway_endpoint endpoints[] = {
    {
        .method = "GET",
        .path = "/v1/schemas",
        .id = "listSubjects",
        .tag = "Schemas",
        .about = "List the subjects of the schema registry that may be seen.",
        .need = {AUTH_READ_SCHEMAS, AUTH_EACH},
        .says = (const struct gateway_says[]){{200, "They are.", "Subjects", NULL}, NONE, {0}},
        .handle = list,
    },
    {
        .method = "GET",
        .path = "/v1/schemas/{subject}",
        .id = "getSubject",
        .tag = "Schemas",
        .about = "List the versions of a subject, and what its next one must be compatible with.",
        .need = {AUTH_READ_SCHEMAS, "subject"},
        .params = (const struct gateway_param[]){SUBJECT, {0}},
        .says = (const struct gateway_says[]){{200, "They are.", "Subject", NULL}, NONE, {0}},
        .handle = subject,
    },
    {
        .method = "GET",
        .path = "/v1/schemas/{subject}/versions/{version}",
        .id = "getSchema",
        .tag = "Schemas",
        .about = "Show a schema.",
        .need = {AUTH_READ_SCHEMAS, "subject"},
        .params = (const struct gateway_param[]){SUBJECT, VERSION, {0}},
        .says = (const struct gateway_says[]){{200, "It is.", "Schema", NULL}, NONE, {0}},
        .handle = text,
    },
};

static const struct gateway_schema schemas[] = {
    {"Subjects", "{\"type\":\"object\",\"required\":[\"subjects\"],\"properties\":{\"subjects\":{\"type\":\"array\","
                 "\"items\":{\"type\":\"string\"}}}}"},
    {"Subject", "{\"type\":\"object\",\"required\":[\"subject\",\"versions\"],\"properties\":{\"subject\":{\"type\":"
                "\"string\"},\"versions\":{\"type\":\"array\",\"items\":{\"type\":\"integer\"}},\"compatibility\":{"
                "\"type\":[\"string\",\"null\"]}}}"},
    {"Schema", "{\"type\":\"object\",\"required\":[\"id\",\"type\",\"schema\"],\"properties\":{\"id\":{\"type\":"
               "\"integer\"},\"type\":{\"type\":\"string\"},\"schema\":{\"type\":\"string\"},\"subject\":{\"type\":"
               "[\"string\",\"null\"]},\"version\":{\"type\":\"integer\"}}}"},
};

const struct gateway_part gateway_v1_schemas = {
    GATEWAY_TABLES(endpoints, schemas),
};
