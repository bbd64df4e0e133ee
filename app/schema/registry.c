#include <base/why.h>
#include <schema/registry_call.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_MOST = 2048 };

static pouch_err no_memory(void) {
    return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a schema");
}

void schema_registry_schema_free(struct registry_schema *schema) {
    free(schema->subject);
    free(schema->type);
    free(schema->text);
    *schema = (struct registry_schema){0};
}

/* before, the name quoted, after. */
static pouch_err make_path(struct pl_buf *path, const char *before, const char *name, const char *after) {
    pl_buf_init(path, PATH_MOST);
    pouch_err e = pl_buf_puts(path, before);
    if (!e && name) e = schema_registry_quote(path, name);
    if (!e) e = pl_buf_puts(path, after);
    return e == POUCH_E_TOO_LARGE ? pl_fail(POUCH_E_CONFIG, "a subject's name is longer than any registry takes") : e;
}

static pouch_err get(struct registry *r, const struct pl_buf *path, int timeout_ms, json_t **answer) {
    const struct registry_call call = {.method = "GET", .path = path->at, .timeout_ms = timeout_ms};
    return schema_registry_call(r, &call, answer);
}

/* ---- schemas ---- */

static pouch_err copy(char **to, const json_t *text) {
    *to = text ? strdup(json_string_value(text)) : NULL;
    return text && !*to ? no_memory() : POUCH_OK;
}

/* A registry that does not say the type means Avro. */
static pouch_err fill(const json_t *answer, struct registry_schema *s) {
    const json_t *type = json_object_get(answer, "schemaType");
    s->version = (int)json_integer_value(json_object_get(answer, "version"));
    s->refers = json_array_size(json_object_get(answer, "references")) > 0;
    pouch_err e = copy(&s->subject, json_object_get(answer, "subject"));
    if (!e) e = copy(&s->text, json_object_get(answer, "schema"));
    if (!e && json_is_string(type)) e = copy(&s->type, type);
    if (!e && !s->type && !(s->type = strdup("AVRO"))) e = no_memory();
    if (e) schema_registry_schema_free(s);
    return e;
}

static bool is_id(const json_t *id) {
    return json_is_integer(id) && json_integer_value(id) >= 0 && json_integer_value(id) <= INT32_MAX;
}

pouch_err schema_registry_get(struct registry *r, const char *subject, int version, int timeout_ms,
                              struct registry_schema *schema) {
    *schema = (struct registry_schema){0};
    char after[sizeof "/versions/latest" + 16] = "/versions/latest";
    if (version != REGISTRY_LATEST) snprintf(after, sizeof after, "/versions/%d", version);
    struct pl_buf path;
    json_t *answer = NULL;
    pouch_err e = make_path(&path, "/subjects/", subject, after);
    if (!e) e = get(r, &path, timeout_ms, &answer);
    const json_t *id = json_object_get(answer, "id");
    bool good = is_id(id) && json_is_string(json_object_get(answer, "schema")) &&
                json_is_string(json_object_get(answer, "subject"));
    if (!e && !good) e = schema_registry_nonsense(r, path.at);
    if (!e) schema->id = (uint32_t)json_integer_value(id);
    if (!e) e = fill(answer, schema);
    json_decref(answer);
    pl_buf_free(&path);
    return e;
}

pouch_err schema_registry_get_id(struct registry *r, uint32_t id, struct registry_schema *schema) {
    *schema = (struct registry_schema){0};
    char before[sizeof "/schemas/ids/" + 16];
    snprintf(before, sizeof before, "/schemas/ids/%u", id);
    struct pl_buf path;
    json_t *answer = NULL;
    pouch_err e = make_path(&path, before, NULL, "");
    if (!e) e = get(r, &path, 0, &answer);
    if (!e && !json_is_string(json_object_get(answer, "schema"))) e = schema_registry_nonsense(r, path.at);
    if (!e) {
        json_object_del(answer, "subject"); /* an id may have several */
        schema->id = id;
        e = fill(answer, schema);
        schema->version = 0;
    }
    json_decref(answer);
    pl_buf_free(&path);
    return e;
}

/* ---- lists ---- */

static pouch_err list(struct registry *r, const char *before, const char *name, const char *after, json_t **all) {
    struct pl_buf path;
    *all = NULL;
    pouch_err e = make_path(&path, before, name, after);
    if (!e) e = get(r, &path, 0, all);
    bool good = json_is_array(*all);
    for (size_t i = 0; good && i < json_array_size(*all); i++)
        good = name ? json_is_integer(json_array_get(*all, i)) : json_is_string(json_array_get(*all, i));
    if (!e && !good) e = schema_registry_nonsense(r, path.at);
    if (e) {
        json_decref(*all);
        *all = NULL;
    }
    pl_buf_free(&path);
    return e;
}

pouch_err schema_registry_subjects(struct registry *r, json_t **names) {
    return list(r, "/subjects", NULL, "", names);
}

pouch_err schema_registry_versions(struct registry *r, const char *subject, json_t **versions) {
    return list(r, "/subjects/", subject, "/versions", versions);
}

/* ---- changes ---- */

/* Sends an object, which is taken; NULL: out of memory. */
static pouch_err send(struct registry *r, const char *method, const char *before, const char *name, const char *after,
                      json_t *body, json_t **answer) {
    struct pl_buf path;
    *answer = NULL;
    pouch_err e = make_path(&path, before, name, after);
    if (!e && !body) e = no_memory();
    if (!e)
        e = schema_registry_call(r, &(struct registry_call){.method = method, .path = path.at, .body = body}, answer);
    json_decref(body);
    pl_buf_free(&path);
    return e;
}

/* Avro is what is meant without a type, and older registries know no other. */
static json_t *schema_body(const char *type, const char *text) {
    return strcmp(type, "AVRO") ? json_pack("{s:s,s:s}", "schemaType", type, "schema", text)
                                : json_pack("{s:s}", "schema", text);
}

pouch_err schema_registry_put(struct registry *r, const char *subject, const char *type, const char *text,
                              uint32_t *id) {
    json_t *answer;
    pouch_err e = send(r, "POST", "/subjects/", subject, "/versions", schema_body(type, text), &answer);
    const json_t *number = json_object_get(answer, "id");
    if (!e && !is_id(number)) e = schema_registry_nonsense(r, "/subjects/…/versions");
    *id = e ? 0 : (uint32_t)json_integer_value(number);
    json_decref(answer);
    return e;
}

pouch_err schema_registry_test(struct registry *r, const char *subject, const char *type, const char *text,
                               bool *compatible, json_t **reasons) {
    json_t *answer;
    pouch_err e = send(r, "POST", "/compatibility/subjects/", subject, "/versions/latest?verbose=true",
                       schema_body(type, text), &answer);
    const json_t *is = json_object_get(answer, "is_compatible");
    if (!e && !json_is_boolean(is)) e = schema_registry_nonsense(r, "/compatibility");
    *compatible = !e && json_is_true(is);
    if (reasons) *reasons = e ? NULL : json_incref(json_object_get(answer, "messages"));
    json_decref(answer);
    return e;
}

/* A subject without a mode of its own has the global one, whether the registry says so itself or not. */
pouch_err schema_registry_mode(struct registry *r, const char *subject, char **mode) {
    struct pl_buf path;
    json_t *answer = NULL;
    *mode = NULL;
    pouch_err e = make_path(&path, subject ? "/config/" : "/config", subject, subject ? "?defaultToGlobal=true" : "");
    if (!e) e = get(r, &path, 0, &answer);
    pl_buf_free(&path);
    if (e == POUCH_E_NOT_FOUND && subject) return schema_registry_mode(r, NULL, mode);
    const json_t *level = json_object_get(answer, "compatibilityLevel");
    if (!e && !json_is_string(level)) e = schema_registry_nonsense(r, "/config");
    if (!e) e = copy(mode, level);
    json_decref(answer);
    return e;
}

pouch_err schema_registry_set_mode(struct registry *r, const char *subject, const char *mode) {
    json_t *answer;
    pouch_err e = send(r, "PUT", subject ? "/config/" : "/config", subject, "",
                       json_pack("{s:s}", "compatibility", mode), &answer);
    json_decref(answer);
    return e;
}

/* The registry answers with a number for one version, and a list for all. */
pouch_err schema_registry_delete(struct registry *r, const char *subject, int version, bool permanent,
                                 json_t **versions) {
    char after[64] = "";
    if (version != REGISTRY_LATEST) snprintf(after, sizeof after, "/versions/%d", version);
    if (permanent) strcat(after, "?permanent=true");
    struct pl_buf path;
    json_t *answer = NULL;
    *versions = NULL;
    pouch_err e = make_path(&path, "/subjects/", subject, after);
    const struct registry_call call = {.method = "DELETE", .path = path.at, .once = true};
    if (!e) e = schema_registry_call(r, &call, &answer);
    if (!e && json_is_array(answer))
        *versions = json_incref(answer);
    else if (!e && !(*versions = json_pack("[O]", answer)))
        e = no_memory();
    json_decref(answer);
    pl_buf_free(&path);
    return e;
}
