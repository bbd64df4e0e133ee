/*
 * Answers of a server: opcode and flags, then a body. Whatever it is, reading stays within its bytes; rows that are
 * taken have cells within them, as many as they say; a statement that is taken is described in bounds.
 */
#include <cql/answer.h>
#include <cql/frame.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void require(bool truth) {
    if (!truth) abort();
}

static void touch(const char *at, size_t n, void *arg) {
    for (size_t i = 0; i < n; i++) *(size_t *)arg += (uint8_t)at[i];
}

static void read_rows(struct pl_cql_rows *rows) {
    size_t seen = 0, sum = 0, n;
    struct pl_uuid id;
    for (; pl_cql_rows_next(rows); seen++) {
        for (int i = 0; i < (int)rows->n_columns; i++) {
            const char *at = pl_cql_cell_text(rows, i, &n);
            touch(at, n, &sum);
            pl_cql_cell_texts(rows, i, touch, &sum);
            sum += (size_t)pl_cql_cell_number(rows, i, 0) + pl_cql_cell_uuid(rows, i, &id);
            sum += pl_cql_cell_double(rows, i, 0) > 0;
        }
    }
    require(seen == pl_cql_rows_count(rows) && rows->rest.at == rows->rest.end);
}

static void read_statement(const struct pl_cql_answer *a) {
    struct pl_cql_statement *st;
    if (pl_cql_answer_prepared(&st, a, "text")) return;
    require(st->n_markers <= PL_CQL_COLUMNS_MAX && st->n_key <= st->n_markers);
    for (size_t i = 0; i < st->n_key; i++) require(st->key[i] < st->n_markers);
    require(pl_cql_answer_same(a, st));
    pl_cql_statement_free(st);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static struct pl_cql_rows rows;
    struct pl_cql_answer a;
    if (n < 2) return 0;
    const struct pl_cql_head h = {.op = data[0], .flags = data[1], .length = (uint32_t)(n - 2)};
    if (!pl_cql_answer_read(&a, &rows, &h, (const char *)data + 2)) return 0;
    if (h.op == PL_CQL_OP_RESULT && a.kind == PL_CQL_RESULT_ROWS) read_rows(&rows);
    if (h.op == PL_CQL_OP_RESULT && a.kind == PL_CQL_RESULT_PREPARED) read_statement(&a);
    return 0;
}
