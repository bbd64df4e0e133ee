#include <base/why.h>
#include <cql/answer.h>
#include <cql/frame.h>
#include <stdlib.h>
#include <string.h>

enum { VERSION_ANSWER = 0x80 | PL_CQL_VERSION };
enum { FLAG_COMPRESSED = 0x01, FLAG_TRACED = 0x02, FLAG_PAYLOAD = 0x04, FLAG_WARNINGS = 0x08 };
enum { ROWS_GLOBAL = 0x01, ROWS_MORE_PAGES = 0x02, ROWS_NO_METADATA = 0x04 };
enum { ERROR_UNPREPARED = 0x2500, TRACE_ID_BYTES = 16 };

bool pl_cql_head_read(struct pl_cql_head *h, const char *at) {
    h->flags = (uint8_t)at[1];
    h->stream = (int16_t)pl_cql_big_endian(at + 2, 2);
    h->op = (uint8_t)at[4];
    h->length = (uint32_t)pl_cql_big_endian(at + 5, 4);
    return (uint8_t)at[0] == VERSION_ANSWER && !(h->flags & FLAG_COMPRESSED);
}

static void skip_string(struct pl_cql_read *r) {
    size_t n;
    pl_cql_read_string(r, &n);
}

/* What may stand in front of an answer: a trace's id, warnings, a payload of the server's plug-ins. */
static void skip_preface(struct pl_cql_read *r, uint8_t flags) {
    if (flags & FLAG_TRACED) pl_cql_read_raw(r, TRACE_ID_BYTES);
    if (flags & FLAG_WARNINGS)
        for (unsigned n = pl_cql_read_short(r); n && !r->bad; n--) skip_string(r);
    if (flags & FLAG_PAYLOAD) {
        int32_t n;
        for (unsigned entries = pl_cql_read_short(r); entries && !r->bad; entries--) {
            skip_string(r);
            pl_cql_read_bytes(r, &n);
        }
    }
}

enum { TYPE_DEPTH_MAX = 16 };

/* A column's type; in *element that of its first part, when it is made of others. */
static uint16_t read_type(struct pl_cql_read *r, unsigned depth, uint16_t *element) {
    uint16_t type = pl_cql_read_short(r), unused;
    unsigned parts = 0;
    if (depth > TYPE_DEPTH_MAX) r->bad = true;
    if (type == PL_CQL_CUSTOM) skip_string(r);
    if (type == PL_CQL_LIST || type == PL_CQL_SET) parts = 1;
    if (type == PL_CQL_MAP) parts = 2;
    if (type == PL_CQL_UDT) {
        skip_string(r);
        skip_string(r);
    }
    if (type == PL_CQL_TUPLE || type == PL_CQL_UDT) parts = pl_cql_read_short(r);
    *element = 0;
    for (unsigned i = 0; i < parts && !r->bad; i++) {
        if (type == PL_CQL_UDT) skip_string(r);
        uint16_t part = read_type(r, depth + 1, &unused);
        if (i == 0) *element = part;
    }
    return type;
}

static void read_column(struct pl_cql_read *r, struct pl_cql_column_spec *c, bool global) {
    size_t n;
    if (!global) {
        skip_string(r);
        skip_string(r);
    }
    c->name = pl_cql_read_string(r, &n);
    c->name_n = (uint16_t)n;
    c->type = read_type(r, 0, &c->element);
}

/* ---- rows ---- */

static void null_cells(struct pl_cql_rows *rows) {
    for (size_t i = 0; i < rows->n_columns; i++) rows->cells[i] = (struct pl_cql_cell){NULL, -1};
}

static bool read_rows_metadata(struct pl_cql_rows *rows, struct pl_cql_read *r) {
    int32_t flags = pl_cql_read_int(r), columns = pl_cql_read_int(r), n;
    if (columns < 1 || columns > PL_CQL_COLUMNS_MAX || flags & ROWS_NO_METADATA) return false;
    rows->n_columns = (size_t)columns;
    rows->paging = flags & ROWS_MORE_PAGES ? pl_cql_read_bytes(r, &n) : NULL;
    rows->paging_n = rows->paging ? (size_t)n : 0;
    if (flags & ROWS_MORE_PAGES && !rows->paging) return false; /* what follows could not be asked for */
    if (flags & ROWS_GLOBAL) {
        skip_string(r);
        skip_string(r);
    }
    for (size_t i = 0; i < rows->n_columns; i++) read_column(r, &rows->columns[i], flags & ROWS_GLOBAL);
    return !r->bad;
}

static void read_cells(struct pl_cql_rows *rows, struct pl_cql_read *r) {
    for (size_t i = 0; i < rows->n_columns; i++) rows->cells[i].at = pl_cql_read_bytes(r, &rows->cells[i].n);
}

/* Walks all the cells once, so that nobody need ask again. */
static bool read_rows(struct pl_cql_rows *rows, struct pl_cql_read *r) {
    if (!read_rows_metadata(rows, r)) return false;
    int32_t count = pl_cql_read_int(r);
    if (count < 0 || r->bad) return false;
    rows->count = rows->left = (size_t)count;
    rows->rest = *r;
    for (size_t i = 0; i < rows->count && !r->bad; i++) read_cells(rows, r);
    null_cells(rows);
    return !r->bad && r->at == r->end;
}

size_t pl_cql_rows_count(const struct pl_cql_rows *r) {
    return r->count;
}

bool pl_cql_rows_next(struct pl_cql_rows *r) {
    if (!r->left) return false;
    r->left--;
    read_cells(r, &r->rest);
    return true;
}

/* ---- answers ---- */

static bool read_error(struct pl_cql_answer *a, struct pl_cql_read *r) {
    a->code = pl_cql_read_int(r);
    a->message = pl_cql_read_string(r, &a->message_n);
    if (a->code == ERROR_UNPREPARED) a->unprepared = pl_cql_read_string(r, &a->unprepared_n);
    return !r->bad && a->code >= 0;
}

static bool read_result(struct pl_cql_answer *a, struct pl_cql_rows *rows, struct pl_cql_read *r) {
    a->kind = (enum pl_cql_result_kind)pl_cql_read_int(r);
    switch (a->kind) {
    case PL_CQL_RESULT_VOID:
    case PL_CQL_RESULT_KEYSPACE:
    case PL_CQL_RESULT_SCHEMA: return !r->bad;
    case PL_CQL_RESULT_PREPARED: a->prepared = *r; return !r->bad;
    case PL_CQL_RESULT_ROWS: return read_rows(rows, r);
    }
    return false;
}

bool pl_cql_answer_read(struct pl_cql_answer *a, struct pl_cql_rows *rows, const struct pl_cql_head *h,
                        const char *body) {
    struct pl_cql_read r = {body, body + h->length, false};
    *a = (struct pl_cql_answer){.code = -1};
    skip_preface(&r, h->flags);
    switch (h->op) {
    case PL_CQL_OP_ERROR: return read_error(a, &r);
    case PL_CQL_OP_RESULT: return read_result(a, rows, &r);
    case PL_CQL_OP_AUTHENTICATE: a->authenticator = pl_cql_read_string(&r, &a->authenticator_n); return !r.bad;
    case PL_CQL_OP_READY:
    case PL_CQL_OP_SUPPORTED:
    case PL_CQL_OP_EVENT:
    case PL_CQL_OP_AUTH_CHALLENGE:
    case PL_CQL_OP_AUTH_SUCCESS: return !r.bad;
    default: return false;
    }
}

/* ---- statements ---- */

void pl_cql_statement_free(struct pl_cql_statement *st) {
    if (!st) return;
    for (size_t i = 0; st->markers && i < st->n_markers; i++) free(st->markers[i].name);
    free(st->markers);
    free(st->text);
    free(st);
}

static pouch_err out_of_memory(void) {
    return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a prepared statement");
}

static pouch_err unreadable(void) {
    return pl_fail(POUCH_E_STORE, "Cassandra described a prepared statement in a form that cannot be read");
}

static pouch_err read_markers(struct pl_cql_statement *st, struct pl_cql_read *r, bool global) {
    st->markers = calloc(st->n_markers ? st->n_markers : 1, sizeof *st->markers);
    if (!st->markers) return out_of_memory();
    if (global && st->n_markers) {
        skip_string(r);
        skip_string(r);
    }
    for (size_t i = 0; i < st->n_markers; i++) {
        struct pl_cql_column_spec c;
        read_column(r, &c, global);
        if (r->bad) return unreadable();
        st->markers[i] = (struct pl_cql_marker){strndup(c.name, c.name_n), c.type, c.element};
        if (!st->markers[i].name) return out_of_memory();
    }
    return POUCH_OK;
}

static pouch_err read_statement(struct pl_cql_statement *st, struct pl_cql_read *r) {
    size_t id_n;
    const char *id = pl_cql_read_string(r, &id_n);
    int32_t flags = pl_cql_read_int(r), markers = pl_cql_read_int(r), key = pl_cql_read_int(r);
    if (r->bad || !id_n || id_n > PL_CQL_ID_MAX || markers < 0 || key < 0 || key > markers) return unreadable();
    if (markers > PL_CQL_COLUMNS_MAX)
        return pl_fail(POUCH_E_TOO_LARGE, "a statement takes %d values; %d is the most: %s", markers,
                       PL_CQL_COLUMNS_MAX, st->text);
    memcpy(st->id, id, id_n);
    st->id_n = (uint8_t)id_n;
    st->n_markers = (size_t)markers;
    st->n_key = (size_t)key;
    for (size_t i = 0; i < st->n_key; i++) {
        unsigned marker = pl_cql_read_short(r);
        if (marker >= st->n_markers) return unreadable();
        st->key[i] = (uint8_t)marker;
    }
    return read_markers(st, r, flags & ROWS_GLOBAL);
}

pouch_err pl_cql_answer_prepared(struct pl_cql_statement **statement, const struct pl_cql_answer *a, const char *text) {
    struct pl_cql_read r = a->prepared;
    struct pl_cql_statement *st = calloc(1, sizeof *st);
    if (!st) return out_of_memory();
    st->text = strdup(text);
    pouch_err e = st->text ? read_statement(st, &r) : out_of_memory();
    if (e) {
        pl_cql_statement_free(st);
        return e;
    }
    *statement = st;
    return POUCH_OK;
}

bool pl_cql_answer_same(const struct pl_cql_answer *a, const struct pl_cql_statement *st) {
    struct pl_cql_read r = a->prepared;
    size_t n;
    const char *id = pl_cql_read_string(&r, &n);
    return !r.bad && n == st->id_n && !memcmp(id, st->id, n);
}
