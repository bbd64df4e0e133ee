/* /openapi.json from the tables of endpoints: what is not described there is not served, so it cannot drift. */
#include <base/why.h>
#include <gateway/openapi.h>
#include <gateway/state.h>
#include <pouch/version.h>
#include <stdio.h>
#include <string.h>

static const char problem_schema[] =
    "{\"type\":\"object\",\"description\":\"A problem (RFC 9457).\","
    "\"required\":[\"type\",\"title\",\"status\",\"detail\",\"success\",\"message\",\"timestamp\"],\"properties\":{"
    "\"type\":{\"type\":\"string\"},\"title\":{\"type\":\"string\"},\"status\":{\"type\":\"integer\"},"
    "\"detail\":{\"type\":\"string\",\"description\":\"What is wrong, and what to do.\"},"
    "\"code\":{\"type\":\"string\",\"description\":\"One word for a program to look at.\"},"
    "\"success\":{\"const\":false},\"message\":{\"type\":\"string\"},"
    "\"timestamp\":{\"type\":\"string\",\"format\":\"date-time\"}}}";

static const char about[] =
    "Sends, asks and listens over Apache Kafka for any program that speaks HTTP. What goes to workers is sealed, and "
    "nothing between this gateway and them can read it.";

/* What the gateway answers for any endpoint of that kind, unless the endpoint says so itself. */
static const struct {
    int status;
    const char *about;
} common[] = {
    {400, "What was asked is malformed: the detail says what, and where."},
    {401, "Nobody that is known: send Authorization: Bearer, or X-API-Key."},
    {403, "Known, and not allowed to do this."},
    {408, "The body took too long to come."},
    {413, "The body is larger than this path takes; or sealed, larger than a record may be."},
    {415, "The body must be application/json."},
    {429, "Too often: come back after Retry-After."},
    {500, "The call could not be answered; the log says why."},
    {503, "It cannot be done now: come back after Retry-After."},
};

/* Takes value; a NULL one makes the whole NULL in the end. */
static bool put(json_t *object, const char *name, json_t *value) {
    return !json_object_set_new(object, name, value);
}

static json_t *schema_of(const char *text, const char *name) {
    json_t *schema = NULL;
    char what[128];
    snprintf(what, sizeof what, "the schema of %s", name);
    return pl_json_read(&schema, what, text, strlen(text)) ? NULL : schema;
}

static json_t *reference(const char *name) {
    return json_pack("{s:s+}", "$ref", "#/components/schemas/", name);
}

static json_t *param_of(const struct gateway_param *p) {
    bool in_path = !strcmp(p->in, "path");
    return json_pack("{s:s, s:s, s:s, s:b, s:o}", "name", p->name, "in", p->in, "description", p->about, "required",
                     in_path || p->required, "schema", schema_of(p->schema, p->name));
}

static json_t *params_of(const struct gateway_endpoint *e) {
    json_t *all = json_array();
    for (const struct gateway_param *p = e->params; p && p->name; p++)
        if (json_array_append_new(all, param_of(p))) {
            json_decref(all);
            return NULL;
        }
    return all;
}

static json_t *content_of(const char *type, const char *schema) {
    json_t *as =
        schema ? json_pack("{s:o}", "schema", reference(schema)) : json_pack("{s:{s:s}}", "schema", "type", "string");
    return json_pack("{s:o}", type, as);
}

static json_t *answer_of(const struct gateway_says *says) {
    bool problem = says->schema && !strcmp(says->schema, "Problem");
    const char *type = says->type ? says->type : problem ? "application/problem+json" : "application/json";
    if (!says->schema && !says->type) return json_pack("{s:s}", "description", says->about);
    return json_pack("{s:s, s:o}", "description", says->about, "content", content_of(type, says->schema));
}

static bool is_common(const struct gateway_endpoint *e, int status) {
    switch (status) {
    case 401:
    case 429: return e->need.action != AUTH_OPEN;
    case 403: return e->need.action != AUTH_OPEN && e->need.action != AUTH_KNOWN;
    case 408:
    case 413:
    case 415: return e->body != NULL;
    default: return true;
    }
}

static json_t *answers_of(const struct gateway_endpoint *e) {
    char status[16];
    json_t *all = json_object();
    bool sound = all != NULL;
    for (size_t i = 0; sound && i < sizeof common / sizeof common[0]; i++) {
        const struct gateway_says says = {common[i].status, common[i].about, "Problem", NULL};
        snprintf(status, sizeof status, "%d", says.status);
        if (is_common(e, says.status)) sound = put(all, status, answer_of(&says));
    }
    for (const struct gateway_says *s = e->says; sound && s->status; s++) {
        snprintf(status, sizeof status, "%d", s->status);
        sound = put(all, status, answer_of(s));
    }
    if (sound) return all;
    json_decref(all);
    return NULL;
}

/* The first sentence of its text. */
static json_t *summary_of(const struct gateway_endpoint *e) {
    const char *end = strstr(e->about, ". ");
    size_t n = end ? (size_t)(end - e->about) : strlen(e->about);
    if (n && e->about[n - 1] == '.') n--;
    return json_stringn(e->about, n);
}

static json_t *security_of(const struct gateway_endpoint *e) {
    if (e->need.action == AUTH_OPEN) return json_array();
    return json_pack("[{s:[]}, {s:[]}]", "bearer", "apiKey");
}

static json_t *operation_of(const struct gateway_endpoint *e) {
    json_t *o = json_pack("{s:s, s:[s], s:o, s:s, s:o, s:o, s:o, s:{s:s, s:s?}}", "operationId", e->id, "tags", e->tag,
                          "summary", summary_of(e), "description", e->about, "parameters", params_of(e), "responses",
                          answers_of(e), "security", security_of(e), "x-pouch-need", "action",
                          auth_action_name(e->need.action), "of", e->need.param);
    if (!o || !e->body) return o;
    if (put(o, "requestBody",
            json_pack("{s:b, s:o}", "required", 1, "content", content_of("application/json", e->body))))
        return o;
    json_decref(o);
    return NULL;
}

static bool put_endpoint(json_t *paths, const struct gateway_endpoint *e) {
    char method[16] = "";
    for (size_t i = 0; e->method[i] && i < sizeof method - 1; i++) method[i] = (char)(e->method[i] | 0x20);
    json_t *path = json_object_get(paths, e->path);
    if (!path) {
        path = gateway_is_doubled(e->path) ? json_pack("{s:[{s:s}, {s:s}]}", "servers", "url", "/", "url", "/api")
                                           : json_object();
        if (!put(paths, e->path, path)) return false;
    }
    return put(path, method, operation_of(e));
}

static json_t *paths(void) {
    const struct gateway_endpoint *e;
    json_t *all = json_object();
    bool sound = all != NULL;
    for (size_t i = 0; sound && (e = gateway_endpoint_at(i)); i++) sound = put_endpoint(all, e);
    if (sound) return all;
    json_decref(all);
    return NULL;
}

static json_t *schemas(void) {
    json_t *all = json_object();
    bool sound = all && put(all, "Problem", schema_of(problem_schema, "Problem"));
    for (const struct gateway_part *const *p = gateway_parts; *p; p++)
        for (size_t i = 0; sound && i < (*p)->n_schemas; i++)
            sound = put(all, (*p)->schemas[i].name, schema_of((*p)->schemas[i].text, (*p)->schemas[i].name));
    if (sound) return all;
    json_decref(all);
    return NULL;
}

json_t *gateway_openapi(void) {
    json_t *all =
        json_pack("{s:s, s:{s:s, s:s, s:s}, s:[{s:s}], s:o, s:{s:o, s:{s:{s:s, s:s}, s:{s:s, s:s, s:s}}}}", "openapi",
                  "3.1.0", "info", "title", "Pouch gateway", "version", POUCH_VERSION, "description", about, "servers",
                  "url", "/", "paths", paths(), "components", "schemas", schemas(), "securitySchemes", "bearer", "type",
                  "http", "scheme", "bearer", "apiKey", "type", "apiKey", "in", "header", "name", "X-API-Key");
    return all;
}
