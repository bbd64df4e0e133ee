#include <base/why.h>
#include <cql/frame.h>
#include <cql/read.h>
#include <limits.h>
#include <string.h>

enum { FLAG_VALUES = 0x01, FLAG_PAGE_SIZE = 0x04, FLAG_PAGING = 0x08, FLAG_SERIAL = 0x10, FLAG_TIMESTAMP = 0x20 };
enum { BATCH_UNLOGGED = 1, BATCH_PREPARED = 1 };

/* Values of a fixed length beside those of pl_cql_value: what the wire has for null and unset. */
enum { LENGTH_NULL = -1, LENGTH_UNSET = -2 };

static char *put_number(char *p, uint64_t v, size_t n) {
    for (size_t i = n; i-- > 0; v >>= 8) p[i] = (char)v;
    return p + n;
}

static char *put_bytes(char *p, const void *at, size_t n) {
    if (n) memcpy(p, at, n);
    return p + n;
}

static char *put_string(char *p, const char *text, size_t n) {
    return put_bytes(put_number(p, n, 2), text, n);
}

/* Room for a frame whose body has at most n bytes; the place of its body. */
static pouch_err begin(struct pl_buf *b, enum pl_cql_op op, size_t n, char **body) {
    pouch_err e = pl_buf_reserve(b, PL_CQL_HEAD + n);
    if (e == POUCH_E_TOO_LARGE)
        return pl_fail(e, "a request of %zu bytes is over the bound of %zu; write less at once", n, b->max);
    if (e) return e;
    char *p = b->at + b->len;
    p = put_number(p, PL_CQL_VERSION, 1);
    p = put_number(p, 0, 3);
    p = put_number(p, op, 1);
    *body = p + 4;
    return POUCH_OK;
}

static void end(struct pl_buf *b, const char *body, char *p) {
    put_number(b->at + b->len + PL_CQL_HEAD - 4, (uint64_t)(p - body), 4);
    b->len += (size_t)(p - (b->at + b->len));
    b->at[b->len] = 0;
}

void pl_cql_frame_set_stream(char *frame, uint16_t stream) {
    put_number(frame + 2, stream, 2);
}

pouch_err pl_cql_frame_startup(struct pl_buf *b) {
    static const char *const options[] = {"CQL_VERSION", "3.0.0", "DRIVER_NAME", "pouch"};
    enum { OPTIONS = sizeof options / sizeof options[0], BYTES = 128 };
    char *body, *p;
    pouch_err e = begin(b, PL_CQL_OP_STARTUP, BYTES, &body);
    if (e) return e;
    p = put_number(body, OPTIONS / 2, 2);
    for (size_t i = 0; i < OPTIONS; i++) p = put_string(p, options[i], strlen(options[i]));
    end(b, body, p);
    return POUCH_OK;
}

pouch_err pl_cql_frame_options(struct pl_buf *b) {
    char *body;
    pouch_err e = begin(b, PL_CQL_OP_OPTIONS, 0, &body);
    if (!e) end(b, body, body);
    return e;
}

/* SASL PLAIN (RFC 4616) without an authorization id: NUL user NUL password. */
pouch_err pl_cql_frame_plain(struct pl_buf *b, const char *user, const char *password) {
    size_t user_n = strlen(user), password_n = strlen(password);
    char *body, *p;
    pouch_err e = begin(b, PL_CQL_OP_AUTH_RESPONSE, 4 + 2 + user_n + password_n, &body);
    if (e) return e;
    p = put_number(body, 2 + user_n + password_n, 4);
    p = put_number(p, 0, 1);
    p = put_bytes(p, user, user_n);
    p = put_number(p, 0, 1);
    p = put_bytes(p, password, password_n);
    end(b, body, p);
    return POUCH_OK;
}

static char *put_long_string(char *p, const char *text, size_t n) {
    return put_bytes(put_number(p, n, 4), text, n);
}

pouch_err pl_cql_frame_prepare(struct pl_buf *b, const char *text) {
    size_t n = strlen(text);
    char *body;
    pouch_err e = begin(b, PL_CQL_OP_PREPARE, 4 + n, &body);
    if (!e) end(b, body, put_long_string(body, text, n));
    return e;
}

/* ---- values ---- */

/* How wide a number is on the wire; 0: the type is no number. */
static size_t number_width(uint16_t type) {
    switch (type) {
    case PL_CQL_BIGINT:
    case PL_CQL_COUNTER:
    case PL_CQL_TIMESTAMP:
    case PL_CQL_TIME: return 8;
    case PL_CQL_INT: return 4;
    case PL_CQL_SMALLINT: return 2;
    case PL_CQL_TINYINT: return 1;
    default: return 0;
    }
}

static bool is_text(uint16_t type) {
    return type == PL_CQL_ASCII || type == PL_CQL_VARCHAR;
}

static bool number_fits(int64_t v, size_t width) {
    if (!width) return false;
    int64_t most = width == 8 ? INT64_MAX : ((int64_t)1 << (8 * width - 1)) - 1;
    return v <= most && v >= -most - 1;
}

/* Bytes of a value behind its length, -1: it does not fit the column. */
static int64_t value_bytes(const struct pl_cql_value *v, const struct pl_cql_marker *m) {
    int64_t n = 4;
    switch (v->kind) {
    case PL_CQL_KIND_UNSET:
    case PL_CQL_KIND_NULL: return 0;
    case PL_CQL_KIND_BYTES: return v->bytes.n > INT32_MAX || number_width(m->type) ? -1 : (int64_t)v->bytes.n;
    case PL_CQL_KIND_NUMBER: return number_fits(v->number, number_width(m->type)) ? (int64_t)number_width(m->type) : -1;
    case PL_CQL_KIND_BOOLEAN: return m->type == PL_CQL_BOOLEAN ? 1 : -1;
    case PL_CQL_KIND_DOUBLE: return m->type == PL_CQL_DOUBLE ? 8 : m->type == PL_CQL_FLOAT ? 4 : -1;
    case PL_CQL_KIND_UUID: return m->type == PL_CQL_UUID || m->type == PL_CQL_TIMEUUID ? (int64_t)sizeof v->uuid.b : -1;
    case PL_CQL_KIND_TEXTS:
        if ((m->type != PL_CQL_LIST && m->type != PL_CQL_SET) || !is_text(m->element)) return -1;
        for (size_t i = 0; i < v->texts.n; i++) n += 4 + (int64_t)strlen(v->texts.at[i]);
        return n > INT32_MAX ? -1 : n;
    }
    return -1;
}

static char *put_real(char *p, double real, size_t width) {
    float narrow = (float)real;
    uint32_t bits = 0;
    uint64_t wide_bits = 0;
    memcpy(&bits, &narrow, sizeof bits);
    memcpy(&wide_bits, &real, sizeof wide_bits);
    return put_number(p, width == 4 ? bits : wide_bits, width);
}

static char *put_value(char *p, const struct pl_cql_value *v, size_t n) {
    switch (v->kind) {
    case PL_CQL_KIND_UNSET: return put_number(p, (uint32_t)LENGTH_UNSET, 4);
    case PL_CQL_KIND_NULL: return put_number(p, (uint32_t)LENGTH_NULL, 4);
    case PL_CQL_KIND_BYTES: return put_long_string(p, v->bytes.at, n);
    case PL_CQL_KIND_NUMBER:
    case PL_CQL_KIND_BOOLEAN: return put_number(put_number(p, n, 4), (uint64_t)v->number, n);
    case PL_CQL_KIND_DOUBLE: return put_real(put_number(p, n, 4), v->real, n);
    case PL_CQL_KIND_UUID: return put_long_string(p, (const char *)v->uuid.b, n);
    case PL_CQL_KIND_TEXTS:
        p = put_number(put_number(p, n, 4), v->texts.n, 4);
        for (size_t i = 0; i < v->texts.n; i++) p = put_long_string(p, v->texts.at[i], strlen(v->texts.at[i]));
        return p;
    }
    return p;
}

/* The bytes of a bound statement's id and values with all their lengths. */
static pouch_err bound_bytes(const struct pl_cql_bound *b, size_t *bytes) {
    const struct pl_cql_statement *st = b->statement;
    if (b->n > st->n_markers)
        return pl_fail(POUCH_E_CONFIG, "%zu values for a statement that takes %zu: %s", b->n, st->n_markers, st->text);
    *bytes += (size_t)2 + st->id_n + 2 + 4 * st->n_markers;
    for (size_t i = 0; i < b->n; i++) {
        int64_t n = value_bytes(&b->values[i], &st->markers[i]);
        if (n < 0)
            return pl_fail(POUCH_E_CONFIG, "value %zu does not fit column %s (type %u) of: %s", i + 1,
                           st->markers[i].name, st->markers[i].type, st->text);
        *bytes += (size_t)n;
    }
    return POUCH_OK;
}

static char *put_values(char *p, const struct pl_cql_bound *b) {
    static const struct pl_cql_value unset = {.kind = PL_CQL_KIND_UNSET};
    const struct pl_cql_statement *st = b->statement;
    p = put_number(p, st->n_markers, 2);
    for (size_t i = 0; i < st->n_markers; i++) {
        const struct pl_cql_value *v = i < b->n ? &b->values[i] : &unset;
        p = put_value(p, v, (size_t)value_bytes(v, &st->markers[i]));
    }
    return p;
}

/* ---- parameters ---- */

/* The protocol's numbers in the order of enum pl_cql_consistency. */
static uint16_t consistency_code(enum pl_cql_consistency c, enum pl_cql_consistency otherwise) {
    static const uint16_t codes[] = {0, 0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a};
    return codes[c == PL_CQL_DEFAULT ? otherwise : c];
}

static size_t parameters_bytes(const struct pl_cql_parameters *p) {
    return 2 + 1 + 4 + 4 + p->paging_n + 2 + 8;
}

static uint8_t parameters_flags(const struct pl_cql_parameters *q, bool values) {
    return (uint8_t)((values ? FLAG_VALUES : 0) | (q->page_size ? FLAG_PAGE_SIZE : 0) | (q->paging ? FLAG_PAGING : 0) |
                     FLAG_SERIAL | (q->timestamp_us ? FLAG_TIMESTAMP : 0));
}

static char *put_end(char *p, const struct pl_cql_parameters *q) {
    p = put_number(p, consistency_code(q->serial, PL_CQL_LOCAL_SERIAL), 2);
    return q->timestamp_us ? put_number(p, (uint64_t)q->timestamp_us, 8) : p;
}

static char *put_parameters(char *p, const struct pl_cql_parameters *q, const struct pl_cql_bound *b) {
    p = put_number(p, consistency_code(q->consistency, PL_CQL_LOCAL_ONE), 2);
    p = put_number(p, parameters_flags(q, b && b->statement->n_markers), 1);
    if (b && b->statement->n_markers) p = put_values(p, b);
    if (q->page_size) p = put_number(p, (uint32_t)q->page_size, 4);
    if (q->paging) p = put_long_string(p, q->paging, q->paging_n);
    return put_end(p, q);
}

pouch_err pl_cql_frame_query(struct pl_buf *b, const char *text, const struct pl_cql_parameters *q) {
    size_t n = strlen(text);
    char *body;
    pouch_err e = begin(b, PL_CQL_OP_QUERY, 4 + n + parameters_bytes(q), &body);
    if (!e) end(b, body, put_parameters(put_long_string(body, text, n), q, NULL));
    return e;
}

static char *put_id(char *p, const struct pl_cql_statement *st) {
    return put_string(p, st->id, st->id_n);
}

pouch_err pl_cql_frame_execute(struct pl_buf *b, const struct pl_cql_bound *bound, const struct pl_cql_parameters *q) {
    size_t n = parameters_bytes(q);
    pouch_err e = bound_bytes(bound, &n);
    char *body;
    if (!e) e = begin(b, PL_CQL_OP_EXECUTE, n, &body);
    if (!e) end(b, body, put_parameters(put_id(body, bound->statement), q, bound));
    return e;
}

pouch_err pl_cql_frame_batch(struct pl_buf *b, const struct pl_cql_bound bound[], size_t n,
                             const struct pl_cql_parameters *q) {
    if (!n || n > UINT16_MAX) return pl_fail(POUCH_E_CONFIG, "a batch of %zu statements; 1 to %d go", n, UINT16_MAX);
    size_t bytes = 3 + parameters_bytes(q) + n;
    pouch_err e = POUCH_OK;
    for (size_t i = 0; !e && i < n; i++) e = bound_bytes(&bound[i], &bytes);
    char *body, *p;
    if (!e) e = begin(b, PL_CQL_OP_BATCH, bytes, &body);
    if (e) return e;
    p = put_number(body, BATCH_UNLOGGED, 1);
    p = put_number(p, n, 2);
    for (size_t i = 0; i < n; i++)
        p = put_values(put_id(put_number(p, BATCH_PREPARED, 1), bound[i].statement), &bound[i]);
    p = put_number(p, consistency_code(q->consistency, PL_CQL_LOCAL_ONE), 2);
    p = put_number(p, (uint64_t)(parameters_flags(q, false) & ~(FLAG_PAGE_SIZE | FLAG_PAGING)), 1);
    end(b, body, put_end(p, q));
    return POUCH_OK;
}

/* ---- the partition ---- */

/* A key of one column is that value; of several: each with its length in front and a zero byte behind. */
pouch_err pl_cql_routing_key(struct pl_buf *key, const struct pl_cql_bound *bound, bool *whole) {
    const struct pl_cql_statement *st = bound->statement;
    pl_buf_reset(key);
    *whole = false;
    for (size_t i = 0; i < st->n_key; i++) {
        size_t marker = st->key[i];
        const struct pl_cql_value *v = marker < bound->n ? &bound->values[marker] : NULL;
        if (!v || v->kind == PL_CQL_KIND_UNSET || v->kind == PL_CQL_KIND_NULL) return POUCH_OK;
        int64_t n = value_bytes(v, &st->markers[marker]);
        if (n < 0 || n > UINT16_MAX) return POUCH_OK; /* refused elsewhere */
        pouch_err e = pl_buf_reserve(key, (size_t)n + 4 + 1);
        if (e) return e;
        char *p = key->at + key->len, *last = put_value(p, v, (size_t)n);
        if (st->n_key == 1) {
            memmove(p, p + 4, (size_t)n);
            key->len += (size_t)n;
        } else { /* the value has a length of 4 bytes in front, the key one of 2 */
            memmove(p, p + 2, 2 + (size_t)n);
            put_number(last - 2, 0, 1);
            key->len += 2 + (size_t)n + 1;
        }
    }
    if (key->at) key->at[key->len] = 0;
    *whole = st->n_key > 0;
    return POUCH_OK;
}
