#include <store/sqlite.h>
#include <store/trace_spans.h>

enum { MASK = PL_SPANS_MAX * 2 - 1 };

/* The entry of source, or the free one where it belongs. Half of them are always free. */
static size_t find(const struct pl_spans *s, uint64_t source) {
    size_t i = source & MASK;
    while (s->at[i].used && s->at[i].source != source) i = (i + 1) & MASK;
    return i;
}

static struct pl_span *add_to_rest(struct pl_spans *s) {
    s->rest.changed |= !s->rest.used;
    s->rest.used = true;
    s->rest.low = INT64_MIN;
    s->rest.high = INT64_MAX;
    return &s->rest;
}

struct pl_span *pl_spans_add(struct pl_spans *s, uint64_t source, int64_t low, int64_t high) {
    if (source == 0) return add_to_rest(s);
    struct pl_span *span = &s->at[find(s, source)];
    if (!span->used) {
        if (s->n == PL_SPANS_MAX) return add_to_rest(s);
        *span = (struct pl_span){.source = source, .low = low, .high = high, .used = true, .changed = true};
        s->n++;
    }
    if (low < span->low) {
        span->low = low;
        span->changed = true;
    }
    if (high > span->high) {
        span->high = high;
        span->changed = true;
    }
    return span;
}

pouch_err pl_spans_load(struct pl_spans *s, sqlite3 *db) {
    sqlite3_stmt *q;
    pouch_err e = pl_sqlite_prepare(db, &q, "SELECT id, low, high FROM source");
    if (e) return e;
    bool row;
    while (!(e = pl_sqlite_step(q, &row)) && row)
        pl_spans_add(s, (uint64_t)sqlite3_column_int64(q, 0), sqlite3_column_int64(q, 1), sqlite3_column_int64(q, 2))
            ->changed = false;
    sqlite3_finalize(q);
    return e;
}
