#include <base/why.h>
#include <schema/avro_types.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { TYPES_MAX = 4096, MEMBERS_MAX = 4096, NAME_MAX_BYTES = 512, FIXED_MAX = 1 << 20 };

static const char *const primitives[AVRO_PRIMITIVES] = {
    [AVRO_NULL] = "null",   [AVRO_BOOLEAN] = "boolean", [AVRO_INT] = "int",     [AVRO_LONG] = "long",
    [AVRO_FLOAT] = "float", [AVRO_DOUBLE] = "double",   [AVRO_BYTES] = "bytes", [AVRO_STRING] = "string",
};

/* Where the reader is: names that are not qualified belong to space, which may be empty. */
struct reader {
    struct avro_schema *schema;
    const char *space;
};

static pouch_err read_type(const struct reader *r, const json_t *json, struct avro_type **type);

static pouch_err no_memory(void) {
    return pl_fail(POUCH_E_NO_MEMORY, "out of memory for an Avro schema");
}

/* ---- types ---- */

static pouch_err new_type(struct avro_schema *schema, enum avro_kind kind, const char *name, struct avro_type **type) {
    if (schema->n == TYPES_MAX) return pl_fail(POUCH_E_TOO_LARGE, "the Avro schema has more than %d types", TYPES_MAX);
    struct avro_type *t = calloc(1, sizeof *t);
    if (!t || !(t->name = strdup(name))) {
        free(t);
        return no_memory();
    }
    t->kind = kind;
    t->next = schema->all;
    schema->all = t;
    schema->n++;
    *type = t;
    return POUCH_OK;
}

void schema_avro_free(struct avro_schema *schema) {
    if (!schema) return;
    while (schema->all) {
        struct avro_type *t = schema->all;
        schema->all = t->next;
        free(t->name);
        free(t->fields);
        free(t->types);
        json_decref(t->numbers);
        free(t);
    }
    json_decref(schema->json);
    free(schema);
}

/* ---- names ---- */

static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* A string; NULL: it is none, or has a NUL in it, as defaults may and names may not. */
static const char *plain_text(const json_t *json) {
    const char *text = json_string_value(json);
    return text && strlen(text) == json_string_length(json) ? text : NULL;
}

static const char *text_of(const json_t *json, const char *member) {
    return plain_text(json_object_get(json, member));
}

/* Parts of letters, digits and _ with dots between them; without `dots` one part. */
static bool name_is_good(const char *name, bool dots) {
    bool first = true;
    size_t n = 0;
    for (; name[n]; n++) {
        char c = name[n];
        if (dots && !first && c == '.') {
            first = true;
            continue;
        }
        if (!is_letter(c) && (first || c < '0' || c > '9')) return false;
        first = false;
    }
    return !first && n <= NAME_MAX_BYTES;
}

/* The full name in *full, to be freed; a name with a dot is one already. */
static pouch_err qualify(const char *space, const char *name, char **full) {
    bool is_full = !*space || strchr(name, '.');
    size_t n = strlen(name), prefix = is_full ? 0 : strlen(space) + 1;
    if (!(*full = malloc(prefix + n + 1))) return no_memory();
    if (prefix) {
        memcpy(*full, space, prefix - 1);
        (*full)[prefix - 1] = '.';
    }
    memcpy(*full + prefix, name, n + 1);
    return POUCH_OK;
}

static bool is_named(const struct avro_type *t) {
    return t->kind == AVRO_RECORD || t->kind == AVRO_ENUM || t->kind == AVRO_FIXED;
}

static struct avro_type *find(const struct avro_schema *schema, const char *full) {
    for (struct avro_type *t = schema->all; t; t = t->next)
        if (is_named(t) && !strcmp(t->name, full)) return t;
    return NULL;
}

/* A primitive, or a type that was defined further up. */
static pouch_err read_reference(const struct reader *r, const char *name, struct avro_type **type) {
    for (int kind = 0; kind < AVRO_PRIMITIVES; kind++)
        if (!strcmp(name, primitives[kind])) return new_type(r->schema, (enum avro_kind)kind, name, type);
    char *full;
    pouch_err e = qualify(r->space, name, &full);
    if (e) return e;
    *type = find(r->schema, full);
    free(full);
    if (*type) return POUCH_OK;
    return pl_fail(POUCH_E_INVALID_PAYLOAD, "Avro schema: there is no type '%.100s'", name);
}

/* Makes the named type, so that what is inside it can refer to it. *space gets the namespace in it, to be freed. */
static pouch_err define(const struct reader *r, const json_t *json, enum avro_kind kind, struct avro_type **type,
                        char **space) {
    const char *name = text_of(json, "name"), *given = text_of(json, "namespace");
    if (!name || !name_is_good(name, true))
        return pl_fail(POUCH_E_INVALID_PAYLOAD, "Avro schema: a %s without a good name", text_of(json, "type"));
    if (given ? *given && !name_is_good(given, true) : json_is_string(json_object_get(json, "namespace")))
        return pl_fail(POUCH_E_INVALID_PAYLOAD, "Avro schema: %.100s: its namespace is no name", name);
    char *full;
    pouch_err e = qualify(given ? given : r->space, name, &full);
    if (e) return e;
    if (find(r->schema, full))
        e = pl_fail(POUCH_E_INVALID_PAYLOAD, "Avro schema: %.100s is defined twice", full);
    else
        e = new_type(r->schema, kind, full, type);
    char *dot = strrchr(full, '.');
    if (dot) *dot = 0;
    *space = full;
    if (!dot) *full = 0;
    return e;
}

/* ---- complex types ---- */

/* Fields, symbols and branches are compared each with each. */
static pouch_err check_members(const struct avro_type *t, const json_t *list, const char *what) {
    if (!json_is_array(list))
        return pl_fail(POUCH_E_INVALID_PAYLOAD, "Avro schema: %.100s has no list of %s", t->name, what);
    if (json_array_size(list) <= MEMBERS_MAX) return POUCH_OK;
    return pl_fail(POUCH_E_TOO_LARGE, "Avro schema: %.100s has more than %d %s", t->name, MEMBERS_MAX, what);
}

static pouch_err read_field(const struct reader *r, struct avro_type *record, const json_t *json) {
    struct avro_field *f = &record->fields[record->n];
    f->name = text_of(json, "name");
    if (!f->name || !name_is_good(f->name, false))
        return pl_fail(POUCH_E_INVALID_PAYLOAD, "Avro schema: %.100s: a field without a good name", record->name);
    for (size_t i = 0; i < record->n; i++)
        if (!strcmp(record->fields[i].name, f->name))
            return pl_fail(POUCH_E_INVALID_PAYLOAD, "Avro schema: %.100s: two fields named '%.100s'", record->name,
                           f->name);
    f->fallback = json_object_get(json, "default");
    pouch_err e = read_type(r, json_object_get(json, "type"), &f->type);
    if (!e) record->n++;
    return e;
}

static pouch_err read_record(const struct reader *r, const json_t *json, struct avro_type **type) {
    char *space = NULL;
    pouch_err e = define(r, json, AVRO_RECORD, type, &space);
    const struct reader inside = {r->schema, space};
    const json_t *fields = json_object_get(json, "fields");
    size_t n = json_array_size(fields);
    if (!e) e = check_members(*type, fields, "fields");
    if (!e && n && !((*type)->fields = calloc(n, sizeof *(*type)->fields))) e = no_memory();
    for (size_t i = 0; !e && i < n; i++) e = read_field(&inside, *type, json_array_get(fields, i));
    free(space);
    return e;
}

static pouch_err read_enum(const struct reader *r, const json_t *json, struct avro_type **type) {
    char *space = NULL;
    pouch_err e = define(r, json, AVRO_ENUM, type, &space);
    free(space);
    const json_t *symbols = json_object_get(json, "symbols");
    if (!e) e = check_members(*type, symbols, "symbols");
    if (e) return e;
    size_t n = json_array_size(symbols);
    json_t *numbers = (*type)->numbers = json_object();
    if (!numbers) return no_memory();
    for (size_t i = 0; i < n; i++) {
        const char *symbol = plain_text(json_array_get(symbols, i));
        if (!symbol || !name_is_good(symbol, false) || json_object_get(numbers, symbol))
            return pl_fail(POUCH_E_INVALID_PAYLOAD, "Avro schema: %.100s: symbol %zu is no name or comes twice",
                           (*type)->name, i + 1);
        if (json_object_set_new(numbers, symbol, json_integer((json_int_t)i))) return no_memory();
    }
    (*type)->symbols = symbols;
    (*type)->n = n;
    return POUCH_OK;
}

static pouch_err read_fixed(const struct reader *r, const json_t *json, struct avro_type **type) {
    char *space = NULL;
    pouch_err e = define(r, json, AVRO_FIXED, type, &space);
    free(space);
    if (e) return e;
    const json_t *size = json_object_get(json, "size");
    if (!json_is_integer(size) || json_integer_value(size) < 0 || json_integer_value(size) > FIXED_MAX)
        return pl_fail(POUCH_E_INVALID_PAYLOAD, "Avro schema: the size of %.100s is no number from 0 to %d",
                       (*type)->name, FIXED_MAX);
    (*type)->size = (size_t)json_integer_value(size);
    return POUCH_OK;
}

/* An array or a map: the type of what is in it. */
static pouch_err read_items(const struct reader *r, const json_t *json, enum avro_kind kind, struct avro_type **type) {
    const char *name = kind == AVRO_ARRAY ? "array" : "map";
    pouch_err e = new_type(r->schema, kind, name, type);
    if (!e && !((*type)->types = calloc(1, sizeof *(*type)->types))) e = no_memory();
    if (!e) e = read_type(r, json_object_get(json, kind == AVRO_ARRAY ? "items" : "values"), &(*type)->types[0]);
    if (!e) (*type)->n = 1;
    return e;
}

static pouch_err read_union(const struct reader *r, const json_t *json, struct avro_type **type) {
    size_t n = json_array_size(json);
    pouch_err e = new_type(r->schema, AVRO_UNION, "union", type);
    if (!e) e = check_members(*type, json, "branches");
    if (e) return e;
    struct avro_type *u = *type;
    if (n && !(u->types = calloc(n, sizeof *u->types))) return no_memory();
    for (; u->n < n; u->n++) {
        e = read_type(r, json_array_get(json, u->n), &u->types[u->n]);
        if (e) return e;
        const struct avro_type *branch = u->types[u->n];
        bool good = branch->kind != AVRO_UNION;
        for (size_t i = 0; good && i < u->n; i++) good = strcmp(u->types[i]->name, branch->name);
        if (!good)
            return pl_fail(POUCH_E_INVALID_PAYLOAD, "Avro schema: a union has %.100s twice, or in it a union",
                           branch->name);
    }
    return POUCH_OK;
}

static pouch_err read_object(const struct reader *r, const json_t *json, struct avro_type **type) {
    const json_t *inner = json_object_get(json, "type");
    const char *kind = plain_text(inner);
    if (inner && !json_is_string(inner)) return read_type(r, inner, type);
    if (!kind) return pl_fail(POUCH_E_INVALID_PAYLOAD, "Avro schema: an object without a type");
    if (!strcmp(kind, "record")) return read_record(r, json, type);
    if (!strcmp(kind, "enum")) return read_enum(r, json, type);
    if (!strcmp(kind, "fixed")) return read_fixed(r, json, type);
    if (!strcmp(kind, "array")) return read_items(r, json, AVRO_ARRAY, type);
    if (!strcmp(kind, "map")) return read_items(r, json, AVRO_MAP, type);
    return read_reference(r, kind, type);
}

static pouch_err read_type(const struct reader *r, const json_t *json, struct avro_type **type) {
    if (plain_text(json)) return read_reference(r, plain_text(json), type);
    if (json_is_array(json)) return read_union(r, json, type);
    if (json_is_object(json)) return read_object(r, json, type);
    return pl_fail(POUCH_E_INVALID_PAYLOAD, "Avro schema: a type is missing, or neither a name, a list nor an object");
}

/* ---- the whole ---- */

/* Once all types are known: a default that does not fit would make payloads invalid that are not. */
static pouch_err check_fallbacks(const struct avro_schema *schema) {
    for (const struct avro_type *t = schema->all; t; t = t->next)
        for (size_t i = 0; t->kind == AVRO_RECORD && i < t->n; i++) {
            const struct avro_field *f = &t->fields[i];
            pouch_err e = f->fallback ? schema_avro_write_fallback(f->type, f->fallback) : POUCH_OK;
            if (e == POUCH_E_INVALID_PAYLOAD)
                return pl_fail(e, "Avro schema: %.100s: the default of '%.100s' is not of its type", t->name, f->name);
            if (e) return e;
        }
    return POUCH_OK;
}

pouch_err schema_avro_compile(struct avro_schema **schema, const char *text, size_t n) {
    *schema = NULL;
    struct avro_schema *s = calloc(1, sizeof *s);
    if (!s) return no_memory();
    pouch_err e = pl_json_read_payload(&s->json, "Avro schema", text, n);
    if (!e) e = read_type(&(struct reader){s, ""}, s->json, &s->root);
    if (!e) e = check_fallbacks(s);
    if (e)
        schema_avro_free(s);
    else
        *schema = s;
    return e;
}
