/* /openapi.json and /docs: made once, when the gateway starts. */
#include <base/why.h>
#include <gateway/openapi.h>
#include <gateway/state.h>
#include <stdlib.h>
#include <string.h>

enum { DOCUMENT_MAX = 4 * 1024 * 1024 };

static pouch_err put_escaped(struct pl_buf *out, const char *text) {
    pouch_err e = POUCH_OK;
    for (; !e && text && *text; text++) {
        const char *as = *text == '&' ? "&amp;" : *text == '<' ? "&lt;" : *text == '>' ? "&gt;" : NULL;
        if (*text == '"') as = "&quot;";
        e = as ? pl_buf_puts(out, as) : pl_buf_putc(out, *text);
    }
    return e;
}

/* An element with text. */
static pouch_err put(struct pl_buf *out, const char *before, const char *text, const char *after) {
    pouch_err e = pl_buf_puts(out, before);
    if (!e) e = put_escaped(out, text);
    return e ? e : pl_buf_puts(out, after);
}

static const char *text_in(const json_t *object, const char *name) {
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

static pouch_err put_json(struct pl_buf *out, const json_t *value) {
    char *text = json_dumps(value, JSON_INDENT(2) | JSON_ENCODE_ANY);
    if (!text) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a page");
    pouch_err e = put(out, "<pre>", text, "</pre>\n");
    free(text);
    return e;
}

static pouch_err put_params(struct pl_buf *out, const json_t *operation) {
    json_t *params = json_object_get(operation, "parameters"), *p;
    size_t i;
    pouch_err e = POUCH_OK;
    if (!json_array_size(params)) return POUCH_OK;
    e = pl_buf_puts(out, "<table><thead><tr><th>Parameter<th>In<th>What it is</thead><tbody>\n");
    json_array_foreach(params, i, p) {
        if (!e) e = put(out, "<tr><td><code>", text_in(p, "name"), "</code>");
        if (!e) e = put(out, "<td>", text_in(p, "in"), "");
        if (!e) e = put(out, "<td>", text_in(p, "description"), "\n");
    }
    return e ? e : pl_buf_puts(out, "</tbody></table>\n");
}

/* "#/components/schemas/NAME" of the first kind of content; "": none. */
static const char *schema_in(const json_t *has_content) {
    json_t *content = json_object_get(has_content, "content");
    void *first = content ? json_object_iter(content) : NULL;
    const char *ref = first ? text_in(json_object_get(json_object_iter_value(first), "schema"), "$ref") : "";
    const char *name = strrchr(ref, '/');
    return name ? name + 1 : "";
}

static pouch_err put_link(struct pl_buf *out, const char *schema) {
    if (!*schema) return POUCH_OK;
    pouch_err e = put(out, "<a href=\"#schema-", schema, "\">");
    return e ? e : put(out, "", schema, "</a>");
}

static pouch_err put_answers(struct pl_buf *out, json_t *operation) {
    json_t *answers = json_object_get(operation, "responses"), *answer;
    const char *status;
    pouch_err e = pl_buf_puts(out, "<table><thead><tr><th>Status<th>When<th>Body</thead><tbody>\n");
    json_object_foreach(answers, status, answer) {
        if (!e) e = put(out, "<tr><td>", status, "");
        if (!e) e = put(out, "<td>", text_in(answer, "description"), "<td>");
        if (!e) e = put_link(out, schema_in(answer));
    }
    return e ? e : pl_buf_puts(out, "</tbody></table>\n");
}

static pouch_err put_operation(struct pl_buf *out, const char *method, const char *path, json_t *operation) {
    const json_t *need = json_object_get(operation, "x-pouch-need"), *body = json_object_get(operation, "requestBody");
    pouch_err e = put(out, "<section><h3 id=\"", text_in(operation, "operationId"), "\"><b>");
    if (!e) e = put(out, "", method, "</b> <code>");
    if (!e) e = put(out, "", path, "</code></h3>\n");
    if (!e) e = put(out, "<p>", text_in(operation, "description"), "</p>\n");
    if (!e) e = put(out, "<p class=\"need\">Takes the scope <code>", text_in(need, "action"), "</code></p>\n");
    if (!e) e = put_params(out, operation);
    if (!e && body) e = pl_buf_puts(out, "<p>Body: ");
    if (!e && body) e = put_link(out, schema_in(body));
    if (!e && body) e = pl_buf_puts(out, "</p>\n");
    if (!e) e = put_answers(out, operation);
    return e ? e : pl_buf_puts(out, "</section>\n");
}

static bool is_method(const char *name) {
    return !strcmp(name, "get") || !strcmp(name, "post") || !strcmp(name, "put") || !strcmp(name, "delete") ||
           !strcmp(name, "patch");
}

static const char *tag_of(const json_t *operation) {
    return json_string_value(json_array_get(json_object_get(operation, "tags"), 0));
}

static pouch_err put_tag(struct pl_buf *out, const json_t *openapi, const char *tag) {
    json_t *paths = json_object_get(openapi, "paths"), *path, *operation;
    const char *at, *method;
    pouch_err e = put(out, "<h2>", tag, "</h2>\n");
    json_object_foreach(paths, at, path) json_object_foreach(path, method, operation) {
        if (e || !is_method(method) || strcmp(tag_of(operation), tag)) continue;
        e = put_operation(out, method, at, operation);
    }
    return e;
}

/* Tags in the order in which the endpoints have them first. */
static pouch_err put_tags(struct pl_buf *out, const json_t *openapi) {
    const struct gateway_endpoint *endpoint, *before;
    pouch_err e = POUCH_OK;
    for (size_t i = 0; !e && (endpoint = gateway_endpoint_at(i)); i++) {
        size_t k = 0;
        while ((before = gateway_endpoint_at(k)) != endpoint && strcmp(before->tag, endpoint->tag)) k++;
        if (before == endpoint) e = put_tag(out, openapi, endpoint->tag);
    }
    return e;
}

static pouch_err put_schemas(struct pl_buf *out, const json_t *openapi) {
    json_t *schemas = json_object_get(json_object_get(openapi, "components"), "schemas"), *schema;
    const char *name;
    pouch_err e = pl_buf_puts(out, "<h2>Schemas</h2>\n");
    json_object_foreach(schemas, name, schema) {
        if (!e) e = put(out, "<section><h3 id=\"schema-", name, "\">");
        if (!e) e = put(out, "", name, "</h3>\n");
        if (!e) e = put_json(out, schema);
        if (!e) e = pl_buf_puts(out, "</section>\n");
    }
    return e;
}

static const char head[] =
    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>Pouch gateway: reference</title>\n"
    "<style>:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:0 "
    "auto;padding:1rem}"
    "code,pre{font:14px/1.45 ui-monospace,monospace}pre{overflow:auto;padding:.75rem;border:1px solid "
    "#8886;border-radius:6px}"
    "section{border-top:1px solid #8886;margin:1rem 0}h3 "
    "b{text-transform:uppercase}table{border-collapse:collapse;width:100%}"
    "th,td{text-align:left;vertical-align:top;padding:.25rem .75rem .25rem 0}.need{opacity:.8}</style></head><body>\n"
    "<main><h1>Pouch gateway</h1>\n";
static const char lead[] = "<p>The same for programs: <a href=\"/openapi.json\">/openapi.json</a> (OpenAPI 3.1).</p>\n";

pouch_err gateway_page(struct pl_buf *out, const json_t *openapi) {
    pouch_err e = pl_buf_puts(out, head);
    if (!e) e = put(out, "<p>", text_in(json_object_get(openapi, "info"), "description"), "</p>\n");
    if (!e) e = pl_buf_puts(out, lead);
    if (!e) e = put_tags(out, openapi);
    if (!e) e = put_schemas(out, openapi);
    return e ? e : pl_buf_puts(out, "</main></body></html>\n");
}

static pouch_err start(struct gateway *g) {
    pl_buf_init(&g->openapi, DOCUMENT_MAX);
    pl_buf_init(&g->docs, DOCUMENT_MAX);
    json_t *openapi = gateway_openapi();
    char *text = openapi ? pl_json_text(openapi, NULL) : NULL;
    pouch_err e = text ? pl_buf_puts(&g->openapi, text) : pl_fail(POUCH_E_NO_MEMORY, "out of memory for /openapi.json");
    if (!e) e = gateway_page(&g->docs, openapi);
    free(text);
    json_decref(openapi);
    return e;
}

static pouch_err openapi(struct httpd_call *c, struct httpd_answer *a, void *gateway) {
    const struct gateway *g = gateway;
    (void)c;
    a->page = (struct httpd_span){g->openapi.at, g->openapi.len};
    return POUCH_OK;
}

static pouch_err docs(struct httpd_call *c, struct httpd_answer *a, void *gateway) {
    const struct gateway *g = gateway;
    (void)c;
    a->type = "text/html; charset=utf-8";
    a->page = (struct httpd_span){g->docs.at, g->docs.len};
    return httpd_answer_field(a, "Content-Security-Policy",
                              "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
                              "frame-ancestors 'none'");
}

static const struct gateway_says openapi_says[] = {
    {200, "OpenAPI 3.1.", "Openapi", NULL},
    {0},
};
static const struct gateway_says docs_says[] = {{200, "A page.", NULL, "text/html; charset=utf-8"}, {0}};

static const struct gateway_endpoint endpoints[] = {
    {
        .method = "GET",
        .path = "/openapi.json",
        .id = "getOpenapi",
        .tag = "Descriptions",
        .about = "This description.",
        .need = {AUTH_OPEN, NULL},
        .says = openapi_says,
        .handle = openapi,
        .when_draining = true,
    },
    {
        .method = "GET",
        .path = "/docs",
        .id = "getDocs",
        .tag = "Descriptions",
        .about = "This description as a page for people.",
        .need = {AUTH_OPEN, NULL},
        .says = docs_says,
        .handle = docs,
        .when_draining = true,
    },
};

static const struct gateway_schema schema = {"Openapi",
                                             "{\"type\":\"object\",\"required\":[\"openapi\",\"info\",\"paths\"]}"};

const struct gateway_part gateway_docs = {
    .endpoints = endpoints,
    .n = sizeof endpoints / sizeof endpoints[0],
    .schemas = &schema,
    .n_schemas = 1,
    .start = start,
};
