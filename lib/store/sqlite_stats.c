#include <store/sqlite_store.h>
#include <store/trace_counts.h>
#include <store/trace_reader.h>

static pouch_err add_file(struct pl_trace_reader *r, size_t file, const struct pl_stats_query *q,
                          struct pl_tally *sums) {
    sqlite3 *db;
    pouch_err e = pl_trace_reader_file(r, file, &db);
    return e || !db ? e : pl_counts_read(db, q, sums);
}

pouch_err pl_sqlite_stats(struct pl_store *s, const struct pl_stats_query *q, struct pl_tally *sums) {
    struct pl_trace_reader *r;
    pouch_err e = pl_trace_reader_open(&r, ((const struct pl_sqlite_store *)s)->folder);
    if (e) return e;
    for (size_t i = 0; i < pl_trace_reader_files(r) && !e; i++) e = add_file(r, i, q, sums);
    pl_trace_reader_close(r);
    return e;
}
