/* Where `$id` and `$ref` lead. Only what is in the schema itself is ever found. */
#include <base/why.h>
#include <schema/jsonschema_types.h>
#include <stdlib.h>
#include <string.h>

static bool has_scheme(const char *uri) {
    size_t n = strspn(uri, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+.-");
    return n && uri[n] == ':';
}

/* How much of the base stays in front of the reference. */
static size_t kept_of(const char *base, const char *reference) {
    size_t n = strcspn(base, "#");
    if (has_scheme(reference)) return 0;
    if (!*reference || *reference == '#') return n;
    const char *host = strstr(base, "://");
    size_t path = host ? (size_t)(host + 3 - base) + strcspn(host + 3, "/#") : 0;
    if (*reference == '/') return path;
    while (n > path && base[n - 1] != '/') n--;
    return n;
}

char *schema_js_uri(const char *base, const char *reference) {
    size_t kept = kept_of(base, reference), n = strlen(reference);
    char *uri = malloc(kept + n + 1);
    if (!uri) return NULL;
    memcpy(uri, base, kept);
    memcpy(uri + kept, reference, n + 1);
    return uri;
}

static int digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* %41 becomes A, in place. */
static void unquote(char *text) {
    char *to = text;
    for (const char *from = text; *from; from++) {
        if (from[0] == '%' && digit(from[1]) >= 0 && digit(from[2]) >= 0) {
            *to++ = (char)(digit(from[1]) << 4 | digit(from[2]));
            from += 2;
        } else {
            *to++ = *from;
        }
    }
    *to = 0;
}

/*
 * A part of a JSON pointer, up to its end or the next slash, with ~1 and ~0 read, in place. Gives what comes behind it.
 */
static char *next_part(char *part) {
    char *end = part + strcspn(part, "/"), *rest = *end ? end + 1 : NULL, *to = part;
    *end = 0;
    for (const char *from = part; *from; from++) {
        bool escaped = from[0] == '~' && (from[1] == '0' || from[1] == '1');
        *to++ = !escaped ? *from : from[1] == '1' ? '/' : '~';
        from += escaped;
    }
    *to = 0;
    return rest;
}

/* The value that a JSON pointer without its first slash leads to; the text is used up. */
static const json_t *follow(const json_t *json, char *pointer) {
    while (json && pointer) {
        char *part = pointer;
        pointer = next_part(part);
        if (json_is_array(json)) {
            char *end;
            unsigned long i = strtoul(part, &end, 10);
            json = *part && !*end && *part != '-' ? json_array_get(json, i) : NULL;
        } else {
            json = json_object_get(json, part);
        }
    }
    return json;
}

static const struct js_schema *find_resource(const struct jsonschema *all, const char *uri, size_t n) {
    for (const struct js_schema *s = all->all; s; s = s->next)
        if (s->uri && strlen(s->uri) == n && !memcmp(s->uri, uri, n)) return s;
    return NULL;
}

static const json_t *find_anchor(const struct jsonschema *all, const struct js_schema *resource, const char *name) {
    for (const struct js_schema *s = all->all; s; s = s->next)
        if (s->resource == resource && s->anchor && !strcmp(s->anchor, name)) return s->json;
    return NULL;
}

pouch_err schema_js_resolve(struct jsonschema *all, const struct js_schema *from, const char *reference,
                            struct js_schema **target) {
    char *uri = schema_js_uri(from->resource->uri, reference);
    if (!uri) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a JSON Schema");
    size_t n = strcspn(uri, "#");
    const struct js_schema *resource = find_resource(all, uri, n);
    char *fragment = uri + n + (uri[n] == '#');
    unquote(fragment);
    const json_t *json = NULL;
    if (resource && !*fragment)
        json = resource->json;
    else if (resource)
        json = *fragment == '/' ? follow(resource->json, fragment + 1) : find_anchor(all, resource, fragment);
    free(uri);
    if (json) return schema_js_schema_at(all, json, resource, target);
    return pl_fail(POUCH_E_CONFIG, "JSON Schema: '%.200s' is not in the schema, and nothing is fetched from elsewhere",
                   reference);
}

/* ---- loops ---- */

/* Keywords whose subschemas look at the value itself, and not at what is in it. */
static bool is_in_place(const struct js_keyword *k) {
    static const char *const names[] = {"$ref", "allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependencies"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (!strcmp(k->name, names[i])) return true;
    return false;
}

/* *reference gets one that is part of the loop. */
static bool loops(struct js_schema *s, const char **reference) {
    if (s->mark != JS_UNSEEN) return s->mark == JS_ON_THE_WAY;
    bool found = false;
    s->mark = JS_ON_THE_WAY;
    for (size_t i = 0; !found && i < s->n; i++) {
        const struct js_check *c = &s->checks[i];
        for (size_t k = 0; !found && is_in_place(c->keyword) && k < c->n; k++)
            found = c->schemas[k] && loops(c->schemas[k], reference);
        if (found && !*reference && c->keyword->takes == JS_REFERENCE) *reference = json_string_value(c->argument);
    }
    s->mark = JS_SEEN;
    return found;
}

pouch_err schema_js_check_loops(struct jsonschema *all) {
    const char *reference = NULL;
    for (struct js_schema *s = all->all; s; s = s->next)
        if (loops(s, &reference))
            return pl_fail(
                POUCH_E_CONFIG,
                "JSON Schema: the reference '%.200s' leads back to where it stands, so that no check would end",
                reference ? reference : "");
    return POUCH_OK;
}
