#include <base/why.h>
#include <math.h>
#include <schema/jsonschema_types.h>
#include <stdlib.h>
#include <string.h>

enum { SCHEMAS_MAX = 4096 };

static pouch_err no_memory(void) {
    return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a JSON Schema");
}

static pouch_err misused(const struct js_keyword *k, const char *wanted) {
    return pl_fail(POUCH_E_INVALID_PAYLOAD, "JSON Schema: %s wants %s", k->name, wanted);
}

const struct js_check *schema_js_find(const struct js_schema *schema, const char *keyword) {
    for (size_t i = 0; i < schema->n; i++)
        if (!strcmp(schema->checks[i].keyword->name, keyword)) return &schema->checks[i];
    return NULL;
}

static const struct js_keyword *find_keyword(const char *name) {
    for (const struct js_keyword *k = js_keywords; k->name; k++)
        if (!strcmp(k->name, name)) return k;
    return NULL;
}

/* ---- arguments ---- */

static bool all_strings(const json_t *array) {
    for (size_t i = 0; i < json_array_size(array); i++)
        if (!json_is_string(json_array_get(array, i))) return false;
    return json_is_array(array);
}

/* By another name no value would be of that type, and so every payload invalid. */
static bool all_types(const json_t *a) {
    static const char *const types[] = {"array", "boolean", "integer", "null", "number", "object", "string"};
    const char *type = json_string_value(a);
    for (size_t i = 0; type && i < sizeof types / sizeof types[0]; i++)
        if (!strcmp(types[i], type)) return true;
    for (size_t i = 0; i < json_array_size(a); i++)
        if (!json_is_string(json_array_get(a, i)) || !all_types(json_array_get(a, i))) return false;
    return json_array_size(a) > 0;
}

/* What the arguments of a keyword are that has no subschemas in it. */
static pouch_err check_plain(const struct js_keyword *k, const json_t *a) {
    bool integral = json_is_integer(a) || (json_is_real(a) && json_real_value(a) == floor(json_real_value(a)));
    switch (k->takes) {
    case JS_NUMBER: return json_is_number(a) ? POUCH_OK : misused(k, "a number");
    case JS_POSITIVE: return json_number_value(a) > 0 ? POUCH_OK : misused(k, "a number above 0");
    case JS_COUNT: return integral && json_number_value(a) >= 0 ? POUCH_OK : misused(k, "an integer from 0");
    case JS_FLAG: return json_is_boolean(a) ? POUCH_OK : misused(k, "true or false");
    case JS_LIST: return json_is_array(a) ? POUCH_OK : misused(k, "a list");
    case JS_NAMES: return all_strings(a) ? POUCH_OK : misused(k, "a list of names");
    case JS_TYPE: return all_types(a) ? POUCH_OK : misused(k, "the name of a type, or a list");
    case JS_REFERENCE:
    case JS_REGEX: return json_is_string(a) ? POUCH_OK : misused(k, "a string");
    case JS_SCHEMAS: return json_array_size(a) ? POUCH_OK : misused(k, "a list of schemas");
    case JS_SCHEMA_MAP:
    case JS_REGEX_MAP:
    case JS_DEPENDENCIES: return json_is_object(a) ? POUCH_OK : misused(k, "an object");
    case JS_ANY:
    case JS_SCHEMA:
    case JS_SCHEMA_OR_LIST: break;
    }
    return POUCH_OK;
}

static pouch_err read_regex(const struct js_keyword *k, const char *pattern, size_t n, pcre2_code **regex) {
    int error;
    size_t at;
    const uint32_t options = PCRE2_UTF | PCRE2_ALT_BSUX | PCRE2_MATCH_UNSET_BACKREF | PCRE2_DOLLAR_ENDONLY |
                             PCRE2_NEVER_BACKSLASH_C | PCRE2_AUTO_CALLOUT;
    *regex = pcre2_compile((PCRE2_SPTR)pattern, n, options, &error, &at, NULL);
    if (*regex) return POUCH_OK;
    if (error == PCRE2_ERROR_HEAP_FAILED) return no_memory();
    return pl_fail(POUCH_E_INVALID_PAYLOAD, "JSON Schema: %s: not a regular expression, at character %zu", k->name,
                   at + 1);
}

/* ---- what is inside ---- */

static pouch_err make_room(struct js_check *c, size_t n) {
    if (!n) return POUCH_OK;
    c->schemas = calloc(n, sizeof *c->schemas);
    c->regexes = calloc(n, sizeof *c->regexes);
    c->n = c->schemas && c->regexes ? n : 0;
    return c->n ? POUCH_OK : no_memory();
}

static pouch_err read_list(struct jsonschema *all, struct js_check *c) {
    pouch_err e = make_room(c, json_array_size(c->argument));
    for (size_t i = 0; !e && i < c->n; i++)
        e = schema_js_schema_at(all, json_array_get(c->argument, i), c->owner->resource, &c->schemas[i]);
    return e;
}

static pouch_err read_single(struct jsonschema *all, struct js_check *c) {
    pouch_err e = make_room(c, 1);
    return e ? e : schema_js_schema_at(all, c->argument, c->owner->resource, &c->schemas[0]);
}

static pouch_err read_map(struct jsonschema *all, struct js_check *c) {
    pouch_err e = make_room(c, json_object_size(c->argument));
    const char *name;
    json_t *member;
    size_t i = 0;
    json_object_foreach((json_t *)c->argument, name, member) {
        if (e) return e;
        bool names = c->keyword->takes == JS_DEPENDENCIES && json_is_array(member);
        if (names && !all_strings(member)) e = misused(c->keyword, "schemas or lists of names");
        if (!names) e = schema_js_schema_at(all, member, c->owner->resource, &c->schemas[i]);
        if (!e && c->keyword->takes == JS_REGEX_MAP) e = read_regex(c->keyword, name, strlen(name), &c->regexes[i]);
        i++;
    }
    return e;
}

static pouch_err read_pattern(struct js_check *c) {
    pouch_err e = make_room(c, 1);
    const char *text = json_string_value(c->argument);
    return e ? e : read_regex(c->keyword, text, json_string_length(c->argument), &c->regexes[0]);
}

static pouch_err read_check(struct jsonschema *all, struct js_check *c) {
    pouch_err e = check_plain(c->keyword, c->argument);
    if (e) return e;
    switch (c->keyword->takes) {
    case JS_SCHEMA: return read_single(all, c);
    case JS_SCHEMA_OR_LIST: return json_is_array(c->argument) ? read_list(all, c) : read_single(all, c);
    case JS_SCHEMAS: return read_list(all, c);
    case JS_SCHEMA_MAP:
    case JS_REGEX_MAP:
    case JS_DEPENDENCIES: return read_map(all, c);
    case JS_REGEX: return read_pattern(c);
    case JS_REFERENCE: return make_room(c, 1); /* see read_references() */
    default: return POUCH_OK;
    }
}

/* ---- subschemas ---- */

/* Draft 7 does not know these, and so would let pass what they forbid. */
static bool is_newer(const char *name) {
    static const char *const names[] = {"$anchor",          "$dynamicAnchor",   "$dynamicRef",
                                        "$recursiveAnchor", "$recursiveRef",    "dependentRequired",
                                        "dependentSchemas", "maxContains",      "minContains",
                                        "prefixItems",      "unevaluatedItems", "unevaluatedProperties"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (!strcmp(names[i], name)) return true;
    return false;
}

/* What draft 7 passes over, and the author hardly meant to be passed over. */
static pouch_err check_passed_over(const struct jsonschema *all, const char *name, const struct js_keyword *k) {
    if (!k && is_newer(name))
        return pl_fail(POUCH_E_CONFIG, "JSON Schema: '%s' is of a newer draft than 7; write it in draft 7", name);
    if (k && k->check && !all->draft_named)
        return pl_fail(
            POUCH_E_CONFIG,
            "JSON Schema: '%s' beside $ref does not count in draft 7, and does in newer ones: name the draft by "
            "$schema, or put both into allOf",
            name);
    return POUCH_OK;
}

/* A reference stands alone: what is beside it does not count. */
static pouch_err read_checks(struct jsonschema *all, struct js_schema *s) {
    const json_t *reference = json_object_get(s->json, "$ref");
    s->checks = calloc(json_object_size(s->json) + 1, sizeof *s->checks);
    if (!s->checks) return no_memory();
    const char *name;
    json_t *argument;
    json_object_foreach((json_t *)s->json, name, argument) {
        const struct js_keyword *k = find_keyword(name);
        bool counts = k && (!reference || argument == reference);
        pouch_err e = counts ? POUCH_OK : check_passed_over(all, name, k);
        if (e) return e;
        if (!counts) continue;
        struct js_check *c = &s->checks[s->n++];
        *c = (struct js_check){.keyword = k, .argument = argument, .owner = s};
        e = read_check(all, c);
        if (e) return e;
    }
    return POUCH_OK;
}

/* `$id`: a name in the resource ("#name"), or a resource of its own. */
static pouch_err read_id(struct js_schema *s, const struct js_schema *around) {
    const char *id = json_object_get(s->json, "$ref") ? NULL : json_string_value(json_object_get(s->json, "$id"));
    s->resource = around;
    if (id && *id == '#') s->anchor = id + 1;
    if (around && (!id || *id == '#')) return POUCH_OK;
    s->uri = schema_js_uri(around ? around->uri : "", id && *id != '#' ? id : "");
    if (!s->uri) return no_memory();
    s->uri[strcspn(s->uri, "#")] = 0;
    s->resource = s;
    return POUCH_OK;
}

pouch_err schema_js_schema_at(struct jsonschema *all, const json_t *json, const struct js_schema *resource,
                              struct js_schema **schema) {
    for (*schema = all->all; *schema; *schema = (*schema)->next)
        if ((*schema)->json == json && !json_is_boolean(json)) return POUCH_OK;
    if (!json_is_object(json) && !json_is_boolean(json))
        return pl_fail(POUCH_E_INVALID_PAYLOAD, "JSON Schema: a schema is neither an object nor true or false");
    if (all->n == SCHEMAS_MAX)
        return pl_fail(POUCH_E_TOO_LARGE, "the JSON Schema has more than %d schemas in it", SCHEMAS_MAX);
    struct js_schema *s = calloc(1, sizeof *s);
    if (!s) return no_memory();
    s->json = json;
    s->next = all->all;
    all->all = *schema = s;
    all->n++;
    pouch_err e = read_id(s, resource);
    return e ? e : read_checks(all, s);
}

/* A target may be a schema that nothing else reads, and has references of its own: until none is left. */
static pouch_err read_references(struct jsonschema *all) {
    pouch_err e = POUCH_OK;
    for (bool more = true; !e && more;) {
        more = false;
        for (struct js_schema *s = all->all; !e && s; s = s->next) {
            const struct js_check *c = schema_js_find(s, "$ref");
            if (!c || c->schemas[0]) continue;
            e = schema_js_resolve(all, s, json_string_value(c->argument), &c->schemas[0]);
            more = true;
        }
    }
    return e;
}

/* ---- the whole ---- */

/* Without `$schema` it is the draft that most tools mean. */
static pouch_err check_draft(struct jsonschema *all) {
    static const char *const known[] = {
        "http://json-schema.org/draft-07/schema", "https://json-schema.org/draft-07/schema",
        "http://json-schema.org/draft-06/schema", "https://json-schema.org/draft-06/schema"};
    const char *draft = json_string_value(json_object_get(all->json, "$schema"));
    if (!draft) return POUCH_OK;
    all->draft_named = true;
    size_t n = strcspn(draft, "#");
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strlen(known[i]) == n && !memcmp(known[i], draft, n)) return POUCH_OK;
    return pl_fail(POUCH_E_CONFIG, "JSON Schema: the draft '%.100s' is not known here; write it in draft 7", draft);
}

pouch_err schema_json_read(struct jsonschema **schema, const char *text, size_t n) {
    *schema = NULL;
    struct jsonschema *s = calloc(1, sizeof *s);
    if (!s) return no_memory();
    pouch_err e = pl_json_read_payload(&s->json, "JSON Schema", text, n);
    if (!e) e = check_draft(s);
    if (!e) e = schema_js_schema_at(s, s->json, NULL, &s->root);
    if (!e) e = read_references(s);
    if (!e) e = schema_js_check_loops(s);
    if (e)
        schema_json_free(s);
    else
        *schema = s;
    return e;
}

static void free_check(struct js_check *c) {
    for (size_t i = 0; i < c->n; i++) pcre2_code_free(c->regexes[i]);
    free(c->regexes);
    free(c->schemas);
}

void schema_json_free(struct jsonschema *schema) {
    if (!schema) return;
    while (schema->all) {
        struct js_schema *s = schema->all;
        schema->all = s->next;
        for (size_t i = 0; i < s->n; i++) free_check(&s->checks[i]);
        free(s->checks);
        free(s->uri);
        free(s);
    }
    json_decref(schema->json);
    free(schema);
}
