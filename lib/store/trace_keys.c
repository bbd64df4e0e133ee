#include <base/why.h>
#include <stdlib.h>
#include <store/sqlite.h>
#include <store/trace_hash.h>
#include <store/trace_keys.h>

void pl_keys_free(struct pl_keys *k) {
    free(k->at);
}

pouch_err pl_keys_add(struct pl_keys *k, int64_t key, int64_t row) {
    if (k->n == k->max) {
        size_t max = k->max ? k->max * 2 : 1024;
        struct pl_key *wider = realloc(k->at, max * sizeof *wider);
        if (!wider) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for the index of traces");
        k->at = wider;
        k->max = max;
    }
    k->at[k->n++] = (struct pl_key){key, row};
    return POUCH_OK;
}

static int by_key(const void *left, const void *right) {
    const struct pl_key *a = left, *b = right;
    if (a->key != b->key) return a->key < b->key ? -1 : 1;
    return (a->row > b->row) - (a->row < b->row);
}

void pl_keys_sort(struct pl_keys *k) {
    if (k->n) qsort(k->at, k->n, sizeof *k->at, by_key);
}

pouch_err pl_keys_load(struct pl_keys *k, int64_t *indexed, sqlite3 *db) {
    sqlite3_stmt *q;
    pouch_err e = pl_sqlite_prepare(db, &q,
                                    "SELECT indexed.row, trace.row, id, request_id FROM indexed"
                                    " LEFT JOIN trace ON trace.row > indexed.row");
    if (e) return e;
    bool row;
    while (!(e = pl_sqlite_step(q, &row)) && row) {
        *indexed = sqlite3_column_int64(q, 0);
        if (sqlite3_column_type(q, 1) == SQLITE_NULL) break; /* the index holds them all */
        struct pl_uuid request_id = pl_sqlite_uuid(q, 3);
        uint64_t key = pl_trace_key(&request_id, (uint64_t)sqlite3_column_int64(q, 2));
        if ((e = pl_keys_add(k, (int64_t)key, sqlite3_column_int64(q, 1)))) break;
    }
    sqlite3_finalize(q);
    return e;
}
