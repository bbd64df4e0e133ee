#include <base/log.h>
#include <base/why.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <store/recent.h>
#include <store/sqlite.h>
#include <store/sqlite_schema.h>
#include <store/trace_counts.h>
#include <store/trace_folder.h>
#include <string.h>

enum { LENGTHS_MAX = 1 << 21, BUSY_MS = 100 };

#define MINUTE_US INT64_C(60000000)

/* As pl_tally_counts() says it. */
#define COUNTS "made_by = 1 AND route NOT NULL AND publisher NOT NULL"

enum statement { MINUTE, TALLIED, REPLAY, STATEMENTS };

static const char *const sql[STATEMENTS] = {
    [MINUTE] = "INSERT INTO minute VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
    [TALLIED] = "UPDATE tallied SET row = ?",
    [REPLAY] = "INSERT INTO replay VALUES(?)",
};

struct pl_counts {
    sqlite3 *db;
    sqlite3_stmt *do_[STATEMENTS];
    char *path;
    struct pl_tally *tally;   /* of the rows that are not added up yet */
    struct pl_recent *recent; /* NULL until the first row that counts: most writers are no centers */
    struct pl_buf lengths;
    int64_t tallied; /* the last row that is added up */
};

/* ---- reading ---- */

/* Publisher and route are looked up by their index only where the statement names them bare. */
static pouch_err prepare(sqlite3 *db, sqlite3_stmt **s, const char *select, const struct pl_stats_query *q,
                         int64_t unit) {
    char text[512];
    snprintf(text, sizeof text, "%s%s%s", select, q->publisher ? " AND publisher = ?3" : "",
             q->route ? " AND route = ?4" : "");
    pouch_err e = pl_sqlite_prepare(db, s, text);
    if (e) return e;
    sqlite3_bind_int64(*s, 1, q->since_us / unit);
    sqlite3_bind_int64(*s, 2, q->until_us / unit);
    if (q->publisher) pl_sqlite_bind_text(*s, 3, q->publisher);
    if (q->route) pl_sqlite_bind_text(*s, 4, q->route);
    return POUCH_OK;
}

static pouch_err read_minutes(sqlite3 *db, const struct pl_stats_query *q, struct pl_tally *sums) {
    sqlite3_stmt *s;
    pouch_err e = prepare(db, &s,
                          "SELECT publisher, route, minute, count, failed, took_us, last_us, lengths"
                          " FROM minute WHERE minute >= ?1 AND minute < ?2",
                          q, MINUTE_US);
    if (e) return e;
    bool row;
    while (!(e = pl_sqlite_step(s, &row)) && row) {
        const struct pl_minute m = {.publisher = (const char *)sqlite3_column_text(s, 0),
                                    .route = (const char *)sqlite3_column_text(s, 1),
                                    .minute = sqlite3_column_int64(s, 2),
                                    .count = (uint64_t)sqlite3_column_int64(s, 3),
                                    .failed = (uint64_t)sqlite3_column_int64(s, 4),
                                    .took_us = sqlite3_column_int64(s, 5),
                                    .last_us = sqlite3_column_int64(s, 6)};
        const void *lengths = sqlite3_column_blob(s, 7);
        e = m.publisher && m.route ? pl_tally_merge(sums, &m, lengths, (size_t)sqlite3_column_bytes(s, 7))
                                   : pl_sqlite_failed(db);
        if (e) break;
    }
    sqlite3_finalize(s);
    return e;
}

static pouch_err read_rest(sqlite3 *db, const struct pl_stats_query *q, struct pl_tally *sums) {
    sqlite3_stmt *s;
    pouch_err e = prepare(db, &s,
                          "SELECT publisher, route, at_us, took_us, success FROM trace"
                          " WHERE row > (SELECT row FROM tallied) AND at_us >= ?1 AND at_us < ?2 AND " COUNTS
                          " AND NOT EXISTS (SELECT 1 FROM replay WHERE replay.row = trace.row)",
                          q, 1);
    if (e) return e;
    bool there;
    while (!(e = pl_sqlite_step(s, &there)) && there) {
        const struct pl_trace row = {.by = PL_TRACE_CENTER,
                                     .publisher = (const char *)sqlite3_column_text(s, 0),
                                     .route = (const char *)sqlite3_column_text(s, 1),
                                     .at_us = sqlite3_column_int64(s, 2),
                                     .took_us =
                                         sqlite3_column_type(s, 3) == SQLITE_NULL ? -1 : sqlite3_column_int64(s, 3),
                                     .success = sqlite3_column_int(s, 4)};
        e = row.publisher && row.route ? pl_tally_add(sums, &row) : pl_sqlite_failed(db);
        if (e) break;
    }
    sqlite3_finalize(s);
    return e;
}

pouch_err pl_counts_read(sqlite3 *db, const struct pl_stats_query *q, struct pl_tally *sums) {
    pouch_err e = read_minutes(db, q, sums);
    return e ? e : read_rest(db, q, sums);
}

/* ---- the writer ---- */

void pl_counts_free(struct pl_counts *c) {
    if (!c) return;
    for (size_t i = 0; i < STATEMENTS; i++) sqlite3_finalize(c->do_[i]);
    pl_tally_free(c->tally);
    pl_recent_free(c->recent);
    pl_buf_free(&c->lengths);
    free(c->path);
    free(c);
}

static pouch_err load(struct pl_counts *c) {
    pouch_err e = pl_sqlite_ask(c->db, "SELECT row FROM tallied", &c->tallied);
    return e ? e : read_rest(c->db, &(struct pl_stats_query){.until_us = INT64_MAX}, c->tally);
}

pouch_err pl_counts_new(struct pl_counts **out, sqlite3 *db, const char *path) {
    struct pl_counts *c = calloc(1, sizeof *c);
    if (!c) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for counting trace rows");
    c->db = db;
    pl_buf_init(&c->lengths, LENGTHS_MAX);
    c->path = strdup(path);
    pouch_err e =
        c->path ? pl_tally_new(&c->tally) : pl_fail(POUCH_E_NO_MEMORY, "out of memory for counting trace rows");
    for (enum statement i = 0; i < STATEMENTS && !e; i++) e = pl_sqlite_prepare(db, &c->do_[i], sql[i]);
    if (!e) e = load(c);
    if (e)
        pl_counts_free(c);
    else
        *out = c;
    return e;
}

/* ---- which rows were written before ---- */

/* The last rows of a file that count; what is not added up in a file without minutes is looked through. */
static pouch_err note_last(struct pl_recent *r, sqlite3 *db) {
    sqlite3_stmt *s;
    pouch_err e = pl_sqlite_prepare(db, &s,
                                    "SELECT id FROM trace WHERE row > max((SELECT max(row) FROM trace) - ?,"
                                    " iif(EXISTS (SELECT 1 FROM minute), 0, (SELECT row FROM tallied))) AND " COUNTS);
    if (e) return e;
    sqlite3_bind_int(s, 1, PL_RECENT_LEAST);
    bool row;
    while (!(e = pl_sqlite_step(s, &row)) && row) pl_recent_again(r, (uint64_t)sqlite3_column_int64(s, 0));
    sqlite3_finalize(s);
    return e;
}

/* A file that cannot be read is left out: of its records, some may be counted again. */
static void note_file(struct pl_recent *r, const char *folder, const struct pl_trace_name *name) {
    char path[PATH_MAX];
    sqlite3 *db = NULL;
    pl_trace_path(path, folder, name);
    pouch_err e = pl_sqlite_open(&db, path, &pl_trace_schema, BUSY_MS);
    if (!e) e = note_last(r, db);
    if (e) PL_LOG(PL_LOG_WARN, "records of a trace file may be counted again", "file", path, "why", pouch_why());
    sqlite3_close(db);
}

/* The newest two files of every writer: what one that died had under way is in the last, or it had just begun that. */
static pouch_err note_others(struct pl_recent *r, const char *path) {
    char copy[PATH_MAX];
    struct pl_trace_name *names;
    size_t n;
    snprintf(copy, sizeof copy, "%s", path);
    const char *folder = dirname(copy);
    pouch_err e = pl_trace_list(&names, &n, folder);
    if (e) return e;
    for (size_t i = 0; i < n; i++)
        if (i + 2 >= n || names[i + 2].slot != names[i].slot) note_file(r, folder, &names[i]);
    free(names);
    return POUCH_OK;
}

static pouch_err know_recent(struct pl_counts *c) {
    if (c->recent) return POUCH_OK;
    pouch_err e = pl_recent_new(&c->recent);
    return e ? e : note_others(c->recent, c->path);
}

pouch_err pl_counts_row(struct pl_counts *c, int64_t number, const struct pl_trace *row) {
    if (!pl_tally_counts(row)) return POUCH_OK;
    pouch_err e = know_recent(c);
    if (e) return e;
    if (!pl_recent_again(c->recent, row->id)) return pl_tally_add(c->tally, row);
    sqlite3_bind_int64(c->do_[REPLAY], 1, number);
    return pl_sqlite_do(c->do_[REPLAY]);
}

/* ---- adding up ---- */

static pouch_err write_minute(const struct pl_minute *m, void *arg) {
    struct pl_counts *c = arg;
    sqlite3_stmt *s = c->do_[MINUTE];
    pl_buf_reset(&c->lengths);
    pouch_err e = pl_sketch_encode(&m->lengths, &c->lengths);
    if (e) return e;
    pl_sqlite_bind_text(s, 1, m->publisher);
    pl_sqlite_bind_text(s, 2, m->route);
    const int64_t numbers[] = {m->minute, (int64_t)m->count, (int64_t)m->failed, m->took_us, m->last_us};
    for (int i = 0; i < 5; i++) sqlite3_bind_int64(s, 3 + i, numbers[i]);
    sqlite3_bind_blob64(s, 8, c->lengths.at, c->lengths.len, SQLITE_STATIC);
    return pl_sqlite_do(s);
}

bool pl_counts_waiting(const struct pl_counts *c) {
    return pl_tally_minutes(c->tally) > 0;
}

pouch_err pl_counts_write(struct pl_counts *c, int64_t last_row, int64_t least) {
    if (last_row - c->tallied < least) return POUCH_OK;
    pouch_err e = pl_tally_each(c->tally, write_minute, c);
    if (e) return e;
    pl_tally_clear(c->tally);
    c->tallied = last_row;
    sqlite3_bind_int64(c->do_[TALLIED], 1, last_row);
    return pl_sqlite_do(c->do_[TALLIED]);
}
