#include <base/why.h>
#include <float.h>
#include <math.h>
#include <schema/avro_types.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* From 2^53 on a number that was read as a double may not be the one that was written. */
#define DOUBLE_EXACT 9007199254740992.0
enum { LONG_BYTES = 10, DEFAULT_STEPS = 10000, STEPS_LEAST = 200000, STEPS_A_BYTE = 16 };

/* Branches of unions are tried in turn, and in each what is below: steps bounds what that may cost. */
struct writer {
    struct pl_buf *out;
    size_t steps;
    bool first_branch; /* of each union: a default is of that */
};

static pouch_err write_value(struct writer *w, const struct avro_type *t, const json_t *value,
                             const struct avro_place *place, int depth);

const char *schema_avro_place_text(const struct avro_place *place, char out[static AVRO_PLACE_MAX]) {
    size_t at = AVRO_PLACE_MAX - 1;
    out[at] = 0;
    for (; place && place->above; place = place->above) {
        char part[AVRO_PLACE_MAX];
        int n = place->name ? snprintf(part, sizeof part, "/%.100s", place->name)
                            : snprintf(part, sizeof part, "/%zu", place->index);
        if (n < 0 || (size_t)n > at) break;
        at -= (size_t)n;
        memcpy(out + at, part, (size_t)n);
    }
    return out[at] ? out + at : "the whole payload";
}

static pouch_err misfit(const struct avro_type *t, const struct avro_place *place) {
    char where[AVRO_PLACE_MAX];
    return pl_fail(POUCH_E_INVALID_PAYLOAD, "%s: not the %.100s that the schema wants",
                   schema_avro_place_text(place, where), t->name);
}

static pouch_err put_long(struct pl_buf *out, int64_t value) {
    uint64_t rest = ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
    char bytes[LONG_BYTES];
    size_t n = 0;
    for (; rest > 0x7f; rest >>= 7) bytes[n++] = (char)(rest | 0x80);
    bytes[n++] = (char)rest;
    return pl_buf_append(out, bytes, n);
}

/* ---- numbers ---- */

/* An integer, also one written as 1.0 or 1e3. */
static bool as_long(const json_t *value, int64_t *out) {
    if (json_is_integer(value)) {
        *out = json_integer_value(value);
        return true;
    }
    double real = json_real_value(value);
    if (!json_is_real(value) || real != floor(real) || fabs(real) >= DOUBLE_EXACT) return false;
    *out = (int64_t)real;
    return true;
}

static bool as_double(const json_t *value, double *out) {
    static const struct {
        const char *text;
        double value;
    } names[] = {{"NaN", NAN}, {"Infinity", INFINITY}, {"-Infinity", -INFINITY}};
    *out = json_number_value(value);
    if (json_is_number(value)) return true;
    const char *text = json_string_value(value);
    for (size_t i = 0; text && i < sizeof names / sizeof names[0]; i++)
        if (!strcmp(text, names[i].text)) {
            *out = names[i].value;
            return true;
        }
    return false;
}

static pouch_err put_bits(struct pl_buf *out, uint64_t bits, size_t n) {
    char bytes[8];
    for (size_t i = 0; i < n; i++) bytes[i] = (char)(bits >> (8 * i));
    return pl_buf_append(out, bytes, n);
}

static pouch_err write_number(struct writer *w, const struct avro_type *t, const json_t *value,
                              const struct avro_place *place) {
    int64_t number;
    double real;
    if (t->kind == AVRO_INT || t->kind == AVRO_LONG) {
        bool fits = as_long(value, &number) && (t->kind == AVRO_LONG || number == (int32_t)number);
        return fits ? put_long(w->out, number) : misfit(t, place);
    }
    if (!as_double(value, &real)) return misfit(t, place);
    uint64_t bits = 0;
    if (t->kind == AVRO_DOUBLE) {
        memcpy(&bits, &real, sizeof real);
        return put_bits(w->out, bits, sizeof real);
    }
    if (isfinite(real) && fabs(real) > (double)FLT_MAX) return misfit(t, place);
    float single = (float)real;
    uint32_t half;
    memcpy(&half, &single, sizeof half);
    return put_bits(w->out, half, sizeof half);
}

/* ---- strings ---- */

/* How many bytes the characters of UTF-8 text stand for; SIZE_MAX: one is beyond U+00FF. */
static size_t count_latin(const unsigned char *text, size_t n) {
    size_t count = 0;
    for (size_t i = 0; i < n; i++, count++) {
        if (text[i] > 0xc3) return SIZE_MAX;
        i += text[i] >= 0x80;
    }
    return count;
}

static pouch_err put_latin(struct pl_buf *out, const unsigned char *text, size_t n) {
    pouch_err e = POUCH_OK;
    for (size_t i = 0; !e && i < n; i++) {
        unsigned c = text[i];
        if (c >= 0x80) c = (c & 0x1f) << 6 | (text[++i] & 0x3f);
        e = pl_buf_putc(out, (char)c);
    }
    return e;
}

static pouch_err write_text(struct writer *w, const struct avro_type *t, const json_t *value,
                            const struct avro_place *place) {
    const char *text = json_string_value(value);
    size_t n = json_string_length(value);
    if (!text) return misfit(t, place);
    if (t->kind == AVRO_STRING) {
        pouch_err e = put_long(w->out, (int64_t)n);
        return e ? e : pl_buf_append(w->out, text, n);
    }
    size_t count = count_latin((const unsigned char *)text, n);
    if (count == SIZE_MAX || (t->kind == AVRO_FIXED && count != t->size)) return misfit(t, place);
    pouch_err e = t->kind == AVRO_FIXED ? POUCH_OK : put_long(w->out, (int64_t)count);
    return e ? e : put_latin(w->out, (const unsigned char *)text, n);
}

static pouch_err write_symbol(struct writer *w, const struct avro_type *t, const json_t *value,
                              const struct avro_place *place) {
    const char *text = json_string_value(value);
    const json_t *i = text && strlen(text) == json_string_length(value) ? json_object_get(t->numbers, text) : NULL;
    return i ? put_long(w->out, json_integer_value(i)) : misfit(t, place);
}

/* ---- what has values in it ---- */

static pouch_err write_record(struct writer *w, const struct avro_type *t, const json_t *value,
                              const struct avro_place *place, int depth) {
    if (!json_is_object(value)) return misfit(t, place);
    size_t known = 0;
    for (size_t i = 0; i < t->n; i++) {
        const struct avro_field *f = &t->fields[i];
        const struct avro_place inside = {place, f->name, 0};
        const json_t *member = json_object_get(value, f->name);
        known += member != NULL;
        char where[AVRO_PLACE_MAX];
        if (!member && !f->fallback)
            return pl_fail(POUCH_E_INVALID_PAYLOAD, "%s: missing, and the schema has no default for it",
                           schema_avro_place_text(&inside, where));
        bool was = w->first_branch;
        w->first_branch = was || !member;
        pouch_err e = write_value(w, f->type, member ? member : f->fallback, &inside, depth);
        w->first_branch = was;
        if (e) return e;
    }
    if (known == json_object_size(value)) return POUCH_OK;
    char where[AVRO_PLACE_MAX];
    return pl_fail(POUCH_E_INVALID_PAYLOAD, "%s: %zu members that %.100s does not have",
                   schema_avro_place_text(place, where), json_object_size(value) - known, t->name);
}

/* One block with everything, and the empty one that ends it. */
static pouch_err write_array(struct writer *w, const struct avro_type *t, const json_t *value,
                             const struct avro_place *place, int depth) {
    if (!json_is_array(value)) return misfit(t, place);
    size_t n = json_array_size(value);
    pouch_err e = n ? put_long(w->out, (int64_t)n) : POUCH_OK;
    for (size_t i = 0; !e && i < n; i++)
        e = write_value(w, t->types[0], json_array_get(value, i), &(struct avro_place){place, NULL, i}, depth);
    return e ? e : put_long(w->out, 0);
}

static pouch_err write_map(struct writer *w, const struct avro_type *t, const json_t *value,
                           const struct avro_place *place, int depth) {
    if (!json_is_object(value)) return misfit(t, place);
    size_t n = json_object_size(value), i = 0;
    pouch_err e = n ? put_long(w->out, (int64_t)n) : POUCH_OK;
    const char *key;
    json_t *member;
    json_object_foreach((json_t *)value, key, member) {
        if (!e) e = put_long(w->out, (int64_t)strlen(key));
        if (!e) e = pl_buf_puts(w->out, key);
        if (!e) e = write_value(w, t->types[0], member, &(struct avro_place){place, NULL, i++}, depth);
    }
    return e ? e : put_long(w->out, 0);
}

/* ---- unions ---- */

static bool is_floating(const struct avro_type *t) {
    return t->kind == AVRO_FLOAT || t->kind == AVRO_DOUBLE;
}

/* The branch's number and the value; what a branch that does not fit has written is taken back. */
static pouch_err write_branch(struct writer *w, const struct avro_type *t, size_t i, const json_t *value,
                              const struct avro_place *place, int depth) {
    size_t before = w->out->len;
    pouch_err e = put_long(w->out, (int64_t)i);
    if (!e) e = write_value(w, t->types[i], value, place, depth);
    if (e) {
        w->out->len = before;
        if (w->out->at) w->out->at[before] = 0;
    }
    return e;
}

/*
 * floats: whether integers may go into a float now. Where one branch alone comes into question, what it says is the
 * reason.
 */
static pouch_err write_plain(struct writer *w, const struct avro_type *t, const json_t *value,
                             const struct avro_place *place, int depth, bool floats) {
    pouch_err e = POUCH_OK;
    size_t tried = 0;
    for (size_t i = 0; i < t->n; i++) {
        if ((t->types[i]->kind == AVRO_NULL) != json_is_null(value)) continue;
        if (json_is_integer(value) && is_floating(t->types[i]) != floats) continue;
        e = write_branch(w, t, i, value, place, depth);
        if (e != POUCH_E_INVALID_PAYLOAD) return e;
        tried++;
    }
    return tried == 1 ? e : misfit(t, place);
}

static pouch_err write_union(struct writer *w, const struct avro_type *t, const json_t *value,
                             const struct avro_place *place, int depth) {
    if (w->first_branch) return write_branch(w, t, 0, value, place, depth);
    pouch_err e = write_plain(w, t, value, place, depth, false);
    if (e == POUCH_E_INVALID_PAYLOAD && json_is_integer(value)) e = write_plain(w, t, value, place, depth, true);
    if (e != POUCH_E_INVALID_PAYLOAD || json_object_size(value) != 1) return e;
    void *only = json_object_iter((json_t *)value);
    for (size_t i = 0; i < t->n; i++)
        if (!strcmp(t->types[i]->name, json_object_iter_key(only)))
            return write_branch(w, t, i, json_object_iter_value(only), place, depth);
    return e;
}

static pouch_err write_value(struct writer *w, const struct avro_type *t, const json_t *value,
                             const struct avro_place *place, int depth) {
    char where[AVRO_PLACE_MAX];
    if (depth == AVRO_DEPTH_MAX || !w->steps)
        return pl_fail(POUCH_E_INVALID_PAYLOAD, "%s: nested too deep, or takes too long to check",
                       schema_avro_place_text(place, where));
    w->steps--;
    switch (t->kind) {
    case AVRO_NULL: return json_is_null(value) ? POUCH_OK : misfit(t, place);
    case AVRO_BOOLEAN: return json_is_boolean(value) ? pl_buf_putc(w->out, json_is_true(value)) : misfit(t, place);
    case AVRO_INT:
    case AVRO_LONG:
    case AVRO_FLOAT:
    case AVRO_DOUBLE: return write_number(w, t, value, place);
    case AVRO_BYTES:
    case AVRO_FIXED:
    case AVRO_STRING: return write_text(w, t, value, place);
    case AVRO_ENUM: return write_symbol(w, t, value, place);
    case AVRO_RECORD: return write_record(w, t, value, place, depth + 1);
    case AVRO_ARRAY: return write_array(w, t, value, place, depth + 1);
    case AVRO_MAP: return write_map(w, t, value, place, depth + 1);
    case AVRO_UNION: return write_union(w, t, value, place, depth);
    }
    return misfit(t, place);
}

pouch_err schema_avro_write(const struct avro_schema *schema, const json_t *value, size_t n, struct pl_buf *out) {
    size_t before = out->len;
    struct writer w = {.out = out, .steps = STEPS_LEAST + STEPS_A_BYTE * n};
    pouch_err e = write_value(&w, schema->root, value, &(struct avro_place){0}, 0);
    if (e && out->at) {
        out->len = before;
        out->at[before] = 0;
    }
    return e;
}

pouch_err schema_avro_write_fallback(const struct avro_type *type, const json_t *value) {
    struct pl_buf scratch;
    pl_buf_init(&scratch, 1 << 20);
    struct writer w = {.out = &scratch, .steps = DEFAULT_STEPS, .first_branch = true};
    pouch_err e = write_value(&w, type, value, &(struct avro_place){0}, 0);
    pl_buf_free(&scratch);
    return e;
}
