#include <base/why.h>
#include <math.h>
#include <schema/avro_types.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* What a value takes besides its text; without it an array of a billion nulls would be free. */
enum { VALUE_COST = 4 };

struct reader {
    const uint8_t *at, *end;
    size_t room;   /* for the text of what is still to be read */
    size_t memory; /* and for its values */
    pouch_err error;
};

static json_t *read_value(struct reader *r, const struct avro_type *t, int depth);

/* The reader's error, once; NULL, so that `return broken(…)` reads as one thing. */
static json_t *broken(struct reader *r, const struct avro_type *t) {
    if (!r->error)
        r->error =
            pl_fail(POUCH_E_INVALID_PAYLOAD, "the Avro data ends early or is no %.100s as the schema has it", t->name);
    return NULL;
}

static json_t *no_memory(struct reader *r) {
    if (!r->error) r->error = pl_fail(POUCH_E_NO_MEMORY, "out of memory for a payload");
    return NULL;
}

static bool spend(struct reader *r, size_t n) {
    if (n <= r->room) {
        r->room -= n;
        return true;
    }
    if (!r->error) r->error = pl_fail(POUCH_E_TOO_LARGE, "the payload is larger as JSON than it may be");
    return false;
}

static bool take_long(struct reader *r, int64_t *value) {
    uint64_t bits = 0;
    for (unsigned shift = 0; shift < 64 && r->at < r->end; shift += 7) {
        uint8_t byte = *r->at++;
        if (shift == 63 && byte > 1) return false;
        bits |= (uint64_t)(byte & 0x7f) << shift;
        if (byte & 0x80) continue;
        *value = (int64_t)(bits >> 1) ^ -(int64_t)(bits & 1);
        return true;
    }
    return false;
}

static const uint8_t *take_bytes(struct reader *r, size_t n) {
    if (n > (size_t)(r->end - r->at)) return NULL;
    const uint8_t *bytes = r->at;
    r->at += n;
    return bytes;
}

/* A length, and as many bytes; NULL: they are not there. */
static const uint8_t *take_counted(struct reader *r, size_t *n) {
    int64_t length;
    if (!take_long(r, &length) || length < 0 || length > r->end - r->at) return NULL;
    *n = (size_t)length;
    return take_bytes(r, *n);
}

/* ---- numbers and strings ---- */

static json_t *read_integer(struct reader *r, const struct avro_type *t) {
    int64_t value;
    if (!take_long(r, &value) || (t->kind == AVRO_INT && value != (int32_t)value)) return broken(r, t);
    json_t *json = json_integer(value);
    return json ? json : no_memory(r);
}

static json_t *read_real(struct reader *r, const struct avro_type *t) {
    size_t n = t->kind == AVRO_FLOAT ? sizeof(float) : sizeof(double);
    const uint8_t *bytes = take_bytes(r, n);
    if (!bytes) return broken(r, t);
    uint64_t bits = 0;
    for (size_t i = 0; i < n; i++) bits |= (uint64_t)bytes[i] << (8 * i);
    double value;
    if (t->kind == AVRO_FLOAT) {
        uint32_t half = (uint32_t)bits;
        float single;
        memcpy(&single, &half, sizeof single);
        value = (double)single;
    } else {
        memcpy(&value, &bits, sizeof value);
    }
    json_t *json = isnan(value)    ? json_string("NaN")
                   : !isinf(value) ? json_real(value)
                   : value > 0     ? json_string("Infinity")
                                   : json_string("-Infinity");
    return json ? json : no_memory(r);
}

static json_t *read_string(struct reader *r, const struct avro_type *t) {
    size_t n = 0;
    const uint8_t *bytes = take_counted(r, &n);
    if (!bytes) return broken(r, t);
    if (!spend(r, n)) return NULL;
    json_t *json = json_stringn((const char *)bytes, n);
    return json ? json : broken(r, t); /* not UTF-8 */
}

static json_t *read_bytes(struct reader *r, const struct avro_type *t) {
    size_t n = t->size;
    const uint8_t *bytes = t->kind == AVRO_FIXED ? take_bytes(r, n) : take_counted(r, &n);
    if (!bytes) return broken(r, t);
    if (!spend(r, 2 * n)) return NULL;
    struct pl_buf text;
    pl_buf_init(&text, 2 * n);
    json_t *json = NULL;
    pouch_err e = pl_buf_reserve(&text, 2 * n);
    for (size_t i = 0; !e && i < n; i++) {
        if (bytes[i] >= 0x80) e = pl_buf_putc(&text, (char)(0xc0 | bytes[i] >> 6));
        if (!e) e = pl_buf_putc(&text, (char)(bytes[i] < 0x80 ? bytes[i] : 0x80 | (bytes[i] & 0x3f)));
    }
    if (!e) json = json_stringn_nocheck(text.at, text.len);
    pl_buf_wipe(&text);
    return json ? json : no_memory(r);
}

static json_t *read_symbol(struct reader *r, const struct avro_type *t) {
    int64_t i;
    if (!take_long(r, &i) || i < 0 || (uint64_t)i >= t->n) return broken(r, t);
    return json_incref(json_array_get(t->symbols, (size_t)i));
}

/* ---- what has values in it ---- */

static json_t *read_record(struct reader *r, const struct avro_type *t, int depth) {
    json_t *object = json_object();
    if (!object) return no_memory(r);
    for (size_t i = 0; !r->error && i < t->n; i++) {
        const struct avro_field *f = &t->fields[i];
        json_t *value = spend(r, strlen(f->name)) ? read_value(r, f->type, depth) : NULL;
        if (value && json_object_set_new_nocheck(object, f->name, value)) no_memory(r);
    }
    return object;
}

/* The number of items in the next block; 0: no more. The size of a block in bytes tells only those who skip it. */
static int64_t next_block(struct reader *r, const struct avro_type *t) {
    int64_t n, size;
    if (!take_long(r, &n) || n == INT64_MIN || (n < 0 && !take_long(r, &size))) {
        broken(r, t);
        return 0;
    }
    return n < 0 ? -n : n;
}

static void read_item(struct reader *r, const struct avro_type *t, json_t *array, int depth) {
    json_t *value = read_value(r, t->types[0], depth);
    if (value && json_array_append_new(array, value)) no_memory(r);
}

static void read_member(struct reader *r, const struct avro_type *t, json_t *object, int depth) {
    size_t n = 0;
    const char *bytes = (const char *)take_counted(r, &n);
    if (!bytes || memchr(bytes, 0, n)) {
        broken(r, t);
        return;
    }
    if (!spend(r, n)) return;
    char *key = strndup(bytes, n);
    if (!key) no_memory(r);
    /* Two of one name: whoever reads on would see one of them. */
    if (key && json_object_get(object, key)) broken(r, t);
    json_t *value = r->error ? NULL : read_value(r, t->types[0], depth);
    if (value && json_object_set_new(object, key, value)) broken(r, t); /* not UTF-8 */
    free(key);
}

static json_t *read_blocks(struct reader *r, const struct avro_type *t, int depth) {
    json_t *all = t->kind == AVRO_ARRAY ? json_array() : json_object();
    if (!all) return no_memory(r);
    for (int64_t n; !r->error && (n = next_block(r, t));)
        for (; !r->error && n; n--)
            if (t->kind == AVRO_ARRAY)
                read_item(r, t, all, depth);
            else
                read_member(r, t, all, depth);
    return all;
}

static json_t *read_branch(struct reader *r, const struct avro_type *t, int depth) {
    int64_t i;
    if (!take_long(r, &i) || i < 0 || (uint64_t)i >= t->n) return broken(r, t);
    return read_value(r, t->types[i], depth);
}

static json_t *read_boolean(struct reader *r, const struct avro_type *t) {
    const uint8_t *byte = take_bytes(r, 1);
    return byte && *byte <= 1 ? json_boolean(*byte) : broken(r, t);
}

static json_t *read_kind(struct reader *r, const struct avro_type *t, int depth) {
    switch (t->kind) {
    case AVRO_NULL: return json_null();
    case AVRO_BOOLEAN: return read_boolean(r, t);
    case AVRO_INT:
    case AVRO_LONG: return read_integer(r, t);
    case AVRO_FLOAT:
    case AVRO_DOUBLE: return read_real(r, t);
    case AVRO_BYTES:
    case AVRO_FIXED: return read_bytes(r, t);
    case AVRO_STRING: return read_string(r, t);
    case AVRO_ENUM: return read_symbol(r, t);
    case AVRO_RECORD: return read_record(r, t, depth + 1);
    case AVRO_ARRAY:
    case AVRO_MAP: return read_blocks(r, t, depth + 1);
    case AVRO_UNION: return read_branch(r, t, depth);
    }
    return broken(r, t);
}

static bool spend_memory(struct reader *r, const struct avro_type *t) {
    bool object = t->kind == AVRO_RECORD || t->kind == AVRO_MAP;
    size_t n = object ? PL_JSON_OBJECT_BYTES : t->kind == AVRO_ARRAY ? PL_JSON_ARRAY_BYTES : PL_JSON_VALUE_BYTES;
    if (n + PL_JSON_VALUE_BYTES <= r->memory) {
        r->memory -= n + PL_JSON_VALUE_BYTES;
        return true;
    }
    if (!r->error)
        r->error = pl_fail(POUCH_E_TOO_LARGE, "so many values would take more than %d MiB of memory as JSON",
                           PL_JSON_TREE_MAX >> 20);
    return false;
}

/* NULL after an error. */
static json_t *read_value(struct reader *r, const struct avro_type *t, int depth) {
    if (!spend(r, VALUE_COST) || !spend_memory(r, t)) return NULL;
    if (depth == AVRO_DEPTH_MAX) return broken(r, t);
    json_t *value = read_kind(r, t, depth);
    if (!r->error) return value;
    json_decref(value);
    return NULL;
}

pouch_err schema_avro_read(const struct avro_schema *schema, const void *data, size_t n, size_t room, json_t **value) {
    struct reader r = {.at = data, .end = (const uint8_t *)data + n, .room = room, .memory = PL_JSON_TREE_MAX};
    *value = read_value(&r, schema->root, 0);
    if (!r.error && r.at != r.end) broken(&r, schema->root);
    if (r.error) {
        json_decref(*value);
        *value = NULL;
    }
    return r.error;
}
