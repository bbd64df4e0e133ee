#include <cql/answer.h>
#include <string.h>

int pl_cql_column(const struct pl_cql_rows *r, const char *name) {
    size_t n = strlen(name);
    for (size_t i = 0; i < r->n_columns; i++)
        if (r->columns[i].name_n == n && !memcmp(r->columns[i].name, name, n)) return (int)i;
    return -1;
}

bool pl_cql_applied(struct pl_cql_rows *r) {
    int column = pl_cql_column(r, "[applied]");
    if (column < 0 || !pl_cql_rows_next(r)) return true;
    return pl_cql_cell_number(r, column, 1);
}

struct pl_cql_cell pl_cql_cell_bytes(const struct pl_cql_rows *r, int column) {
    if (column < 0 || (size_t)column >= r->n_columns) return (struct pl_cql_cell){NULL, -1};
    return r->cells[column];
}

const char *pl_cql_cell_text(const struct pl_cql_rows *r, int column, size_t *n) {
    struct pl_cql_cell c = pl_cql_cell_bytes(r, column);
    *n = c.n > 0 ? (size_t)c.n : 0;
    return c.at ? c.at : "";
}

bool pl_cql_cell_null(const struct pl_cql_rows *r, int column) {
    return !pl_cql_cell_bytes(r, column).at;
}

int64_t pl_cql_cell_number(const struct pl_cql_rows *r, int column, int64_t otherwise) {
    struct pl_cql_cell c = pl_cql_cell_bytes(r, column);
    if (!c.at) return otherwise;
    uint64_t v = c.n <= 8 ? pl_cql_big_endian(c.at, (size_t)c.n) : 0;
    switch (r->columns[column].type) {
    case PL_CQL_BIGINT:
    case PL_CQL_COUNTER:
    case PL_CQL_TIMESTAMP:
    case PL_CQL_TIME: return c.n == 8 ? (int64_t)v : otherwise;
    case PL_CQL_INT: return c.n == 4 ? (int32_t)v : otherwise;
    case PL_CQL_SMALLINT: return c.n == 2 ? (int16_t)v : otherwise;
    case PL_CQL_TINYINT: return c.n == 1 ? (int8_t)v : otherwise;
    case PL_CQL_BOOLEAN: return c.n == 1 ? v != 0 : otherwise;
    default: return otherwise;
    }
}

double pl_cql_cell_double(const struct pl_cql_rows *r, int column, double otherwise) {
    struct pl_cql_cell c = pl_cql_cell_bytes(r, column);
    if (c.at && c.n == 8 && r->columns[column].type == PL_CQL_DOUBLE) {
        uint64_t bits = pl_cql_big_endian(c.at, 8);
        double real;
        memcpy(&real, &bits, sizeof real);
        return real;
    }
    if (c.at && c.n == 4 && r->columns[column].type == PL_CQL_FLOAT) {
        uint32_t bits = (uint32_t)pl_cql_big_endian(c.at, 4);
        float real;
        memcpy(&real, &bits, sizeof real);
        return (double)real;
    }
    return otherwise;
}

bool pl_cql_cell_uuid(const struct pl_cql_rows *r, int column, struct pl_uuid *id) {
    struct pl_cql_cell c = pl_cql_cell_bytes(r, column);
    if (!c.at || c.n != sizeof id->b) return false;
    uint16_t type = r->columns[column].type;
    if (type != PL_CQL_UUID && type != PL_CQL_TIMEUUID) return false;
    memcpy(id->b, c.at, sizeof id->b);
    return true;
}

static bool of_bytes(uint16_t type) {
    return type == PL_CQL_ASCII || type == PL_CQL_VARCHAR || type == PL_CQL_BLOB;
}

size_t pl_cql_cell_texts(const struct pl_cql_rows *r, int column, pl_cql_text_fn *fn, void *arg) {
    struct pl_cql_cell c = pl_cql_cell_bytes(r, column);
    if (!c.at) return 0;
    const struct pl_cql_column_spec *spec = &r->columns[column];
    if ((spec->type != PL_CQL_LIST && spec->type != PL_CQL_SET) || !of_bytes(spec->element)) return 0;
    struct pl_cql_read in = {c.at, c.at + c.n, false};
    size_t seen = 0;
    for (int32_t left = pl_cql_read_int(&in); left > 0; left--) {
        int32_t n;
        const char *at = pl_cql_read_bytes(&in, &n);
        if (in.bad) break;
        fn(at ? at : "", n > 0 ? (size_t)n : 0, arg);
        seen++;
    }
    return seen;
}
