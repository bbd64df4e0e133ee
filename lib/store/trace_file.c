#include <base/clock.h>
#include <base/why.h>
#include <stdio.h>
#include <stdlib.h>
#include <store/sqlite.h>
#include <store/sqlite_schema.h>
#include <store/trace_counts.h>
#include <store/trace_file.h>
#include <store/trace_folder.h>
#include <store/trace_hash.h>
#include <store/trace_keys.h>
#include <store/trace_pack.h>
#include <store/trace_spans.h>
#include <string.h>

/*
 * Keys are random, so that adding one touches a page of its own; adding many in sorted order touches each page
 * once. So they wait until they are INDEX_EVERY; for those that wait, readers look through their marks.
 */
enum { INDEX_EVERY = 32768, INDEX_AT_END = 1024, COUNT_EVERY = 8192, BUSY_MS = 100 };

/*
 * While it is written to, a file has a write-ahead log, so that readers and the writer do not wait for each
 * other; before and after, it is one plain file, which is the cheapest to read.
 */
static const char *const finished = "PRAGMA journal_mode=DELETE";
static const char *const settings = "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
                                    "PRAGMA wal_autocheckpoint=4000; PRAGMA cache_size=-8000";

enum statement { BEGIN, COMMIT, ROW, ROWS, MARKS, KEY, KEYS, INDEXED, UNMARK, BATCH, SOURCE, GAP, STATEMENTS };

/* Rows that go into a table with one statement take up to a third less time than one by one. */
enum { ROWS_AT_ONCE = 16, KEYS_AT_ONCE = 64, ROW_COLUMNS = 17, KEY_COLUMNS = 2, SQL_MAX = 1024 };

static const struct {
    const char *sql;
    int columns, rows; /* of the VALUES that follow; 0: none do */
} statements[STATEMENTS] = {
    [BEGIN] = {"BEGIN IMMEDIATE", 0, 0},
    [COMMIT] = {"COMMIT", 0, 0},
    [ROW] = {"INSERT INTO trace", ROW_COLUMNS, 1},
    [ROWS] = {"INSERT INTO trace", ROW_COLUMNS, ROWS_AT_ONCE},
    [MARKS] = {"INSERT INTO unindexed", 2, 1},
    [KEY] = {"INSERT INTO request", KEY_COLUMNS, 1},
    [KEYS] = {"INSERT INTO request", KEY_COLUMNS, KEYS_AT_ONCE},
    [INDEXED] = {"UPDATE indexed SET row = ?", 0, 0},
    [UNMARK] = {"DELETE FROM unindexed", 0, 0},
    [BATCH] = {"INSERT INTO batch", 6, 1},
    [SOURCE] = {"REPLACE INTO source", 3, 1},
    [GAP] = {"INSERT INTO gap", 4, 1},
};

struct pl_trace_file {
    char *path;
    sqlite3 *db;
    sqlite3_stmt *do_[STATEMENTS];
    bool broken;         /* a transaction has failed */
    int64_t rows;        /* the last row's number; they begin at 1 */
    struct pl_keys keys; /* of the rows that are not indexed yet */
    struct pl_spans spans;
    struct pl_counts *counts;
    uint32_t marks[INDEX_EVERY]; /* of one transaction's rows */
};

/* What a transaction has written, for its row in batch. */
struct written {
    int64_t first_row, failed, from_us, to_us;
    bool again; /* as in the batch */
};

/* ---- opening ---- */

static void free_file(struct pl_trace_file *f) {
    for (size_t i = 0; i < STATEMENTS; i++) sqlite3_finalize(f->do_[i]);
    pl_counts_free(f->counts);
    if (f->db) sqlite3_exec(f->db, finished, NULL, NULL, NULL); /* fails while somebody reads: then it stays as it is */
    sqlite3_close(f->db);
    pl_keys_free(&f->keys);
    free(f->path);
    free(f);
}

/* What is in the file already: it may be that of a writer that died. */
static pouch_err load(struct pl_trace_file *f) {
    pouch_err e = pl_sqlite_ask(f->db, "SELECT max(row) FROM trace", &f->rows);
    if (!e) e = pl_spans_load(&f->spans, f->db);
    int64_t indexed;
    if (!e) e = pl_keys_load(&f->keys, &indexed, f->db);
    return e ? e : pl_counts_new(&f->counts, f->db, f->path);
}

static pouch_err prepare(struct pl_trace_file *f, enum statement which) {
    char sql[SQL_MAX];
    int n = snprintf(sql, sizeof sql, "%s", statements[which].sql);
    for (int i = 0; i < statements[which].rows * statements[which].columns; i++) {
        const char *before = i % statements[which].columns ? "," : i ? "),(" : " VALUES(";
        n += snprintf(sql + n, sizeof sql - (size_t)n, "%s?", before);
    }
    if (statements[which].rows) snprintf(sql + n, sizeof sql - (size_t)n, ")");
    return pl_sqlite_prepare(f->db, &f->do_[which], sql);
}

pouch_err pl_trace_file_open(struct pl_trace_file **out, const char *path) {
    struct pl_trace_file *f = calloc(1, sizeof *f);
    if (!f || !(f->path = strdup(path))) {
        free(f);
        return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a trace file");
    }
    pouch_err e = pl_sqlite_create(path, &pl_trace_schema);
    if (!e) e = pl_sqlite_open(&f->db, path, &pl_trace_schema, BUSY_MS);
    if (!e) e = pl_sqlite_run(f->db, settings);
    for (enum statement i = 0; i < STATEMENTS && !e; i++) e = prepare(f, i);
    if (!e) e = load(f);
    if (e)
        free_file(f);
    else
        *out = f;
    return e;
}

int64_t pl_trace_file_rows(const struct pl_trace_file *f) {
    return f->rows;
}

const char *pl_trace_file_path(const struct pl_trace_file *f) {
    return f->path;
}

/* ---- appending ---- */

/* The row's values from the place `at` of a statement. */
static void bind_row(sqlite3_stmt *s, int at, int64_t number, const struct pl_trace *row) {
    static const struct pl_uuid none;
    bool from_record = row->offset >= 0;
    sqlite3_bind_int64(s, at, number);
    sqlite3_bind_int64(s, at + 1, (int64_t)row->id);
    sqlite3_bind_int(s, at + 2, (int)row->by);
    sqlite3_bind_int(s, at + 3, row->response);
    sqlite3_bind_int(s, at + 4, row->success);
    bool has_id = memcmp(&row->request_id, &none, sizeof none) != 0;
    sqlite3_bind_blob(s, at + 5, has_id ? row->request_id.b : NULL, sizeof row->request_id.b, SQLITE_STATIC);
    sqlite3_bind_int64(s, at + 6, row->at_us);
    row->took_us >= 0 ? sqlite3_bind_int64(s, at + 7, row->took_us) : sqlite3_bind_null(s, at + 7);
    pl_sqlite_bind_text(s, at + 8, row->publisher);
    pl_sqlite_bind_text(s, at + 9, row->topic);
    from_record ? sqlite3_bind_int(s, at + 10, row->partition) : sqlite3_bind_null(s, at + 10);
    from_record ? sqlite3_bind_int64(s, at + 11, row->offset) : sqlite3_bind_null(s, at + 11);
    pl_sqlite_bind_text(s, at + 12, row->target);
    pl_sqlite_bind_text(s, at + 13, row->route);
    pl_sqlite_bind_text(s, at + 14, row->code);
    pl_sqlite_bind_text(s, at + 15, row->error);
    sqlite3_bind_blob64(s, at + 16, row->payload, row->payload_n, SQLITE_STATIC);
}

static void note(struct pl_trace_file *f, struct written *w, const struct pl_trace *row) {
    if (row->at_us < w->from_us) w->from_us = row->at_us;
    if (row->at_us > w->to_us) w->to_us = row->at_us;
    w->failed += !row->success;
    if (row->offset >= 0)
        pl_spans_add(&f->spans, pl_trace_source(row->topic, row->partition), row->offset, row->offset);
    else if (w->again)
        pl_spans_add(&f->spans, PL_TRACE_SPOOLED, -1, -1);
}

/* Appends n rows, one or ROWS_AT_ONCE; what was bound of them is borrowed until the statement has run. */
static pouch_err append_some(struct pl_trace_file *f, const struct pl_trace *rows, int n, struct written *w) {
    sqlite3_stmt *s = f->do_[n > 1 ? ROWS : ROW];
    for (int i = 0; i < n; i++) {
        bind_row(s, i * ROW_COLUMNS + 1, ++f->rows, &rows[i]);
        pouch_err e = pl_keys_add(&f->keys, (int64_t)pl_trace_key(&rows[i].request_id, rows[i].id), f->rows);
        if (!e) e = pl_counts_row(f->counts, f->rows, &rows[i]);
        if (e) return e;
        note(f, w, &rows[i]);
    }
    return pl_sqlite_do(s);
}

static pouch_err append_rows(struct pl_trace_file *f, const struct pl_trace_batch *batch, struct written *w) {
    pouch_err e = POUCH_OK;
    const char *at = batch->at;
    for (size_t left = batch->rows; left && !e;) {
        struct pl_trace rows[ROWS_AT_ONCE];
        int n = left >= ROWS_AT_ONCE ? ROWS_AT_ONCE : 1;
        for (int i = 0; i < n; i++) at = pl_trace_unpack(at, &rows[i]);
        e = append_some(f, rows, n, w);
        left -= (size_t)n;
    }
    return e;
}

static pouch_err do_with(sqlite3_stmt *s, const int64_t *values, int n) {
    for (int i = 0; i < n; i++) sqlite3_bind_int64(s, i + 1, values[i]);
    return pl_sqlite_do(s);
}

static pouch_err append_batch(struct pl_trace_file *f, const struct written *w) {
    if (f->rows < w->first_row) return POUCH_OK;
    const int64_t values[] = {w->first_row, f->rows, w->failed, w->from_us, w->to_us, pl_wall_us(&pl_clock_system)};
    return do_with(f->do_[BATCH], values, 6);
}

static pouch_err append_span(struct pl_trace_file *f, struct pl_span *span) {
    if (!span->changed) return POUCH_OK;
    span->changed = false;
    const int64_t values[] = {(int64_t)span->source, span->low, span->high};
    return do_with(f->do_[SOURCE], values, 3);
}

static pouch_err append_spans(struct pl_trace_file *f) {
    pouch_err e = append_span(f, &f->spans.rest);
    for (size_t i = 0; i < sizeof f->spans.at / sizeof f->spans.at[0] && !e; i++) e = append_span(f, &f->spans.at[i]);
    return e;
}

static pouch_err append_gap(struct pl_trace_file *f, const struct pl_gap *gap) {
    if (!gap->rows) return POUCH_OK;
    const int64_t values[] = {gap->from_us, gap->to_us, (int64_t)gap->rows, (int64_t)gap->id};
    return do_with(f->do_[GAP], values, 4);
}

/* The keys of the transaction's rows are the last ones, and fewer than INDEX_EVERY. */
static pouch_err append_marks(struct pl_trace_file *f, const struct written *w) {
    size_t n = (size_t)(f->rows + 1 - w->first_row);
    if (!n) return POUCH_OK;
    const struct pl_key *keys = f->keys.at + f->keys.n - n;
    for (size_t i = 0; i < n; i++) f->marks[i] = pl_key_mark(keys[i].key);
    sqlite3_bind_int64(f->do_[MARKS], 1, w->first_row);
    sqlite3_bind_blob64(f->do_[MARKS], 2, f->marks, n * sizeof f->marks[0], SQLITE_STATIC);
    return pl_sqlite_do(f->do_[MARKS]);
}

static pouch_err index_keys(sqlite3_stmt *s, const struct pl_key *keys, int n) {
    for (int i = 0; i < n; i++) {
        sqlite3_bind_int64(s, 2 * i + 1, keys[i].key);
        sqlite3_bind_int64(s, 2 * i + 2, keys[i].row);
    }
    return pl_sqlite_do(s);
}

static pouch_err index_rows(struct pl_trace_file *f) {
    pl_keys_sort(&f->keys);
    pouch_err e = POUCH_OK;
    for (size_t i = 0; i < f->keys.n && !e;) {
        size_t n = f->keys.n - i >= KEYS_AT_ONCE ? KEYS_AT_ONCE : 1;
        e = index_keys(f->do_[n > 1 ? KEYS : KEY], &f->keys.at[i], (int)n);
        i += n;
    }
    f->keys.n = 0;
    if (!e) e = pl_sqlite_do(f->do_[UNMARK]);
    return e ? e : do_with(f->do_[INDEXED], &f->rows, 1);
}

/* What is kept in memory of the file is not what is in it any more. */
static void roll_back(struct pl_trace_file *f) {
    f->broken = true;
    sqlite3_exec(f->db, "ROLLBACK", NULL, NULL, NULL);
}

pouch_err pl_trace_file_append(struct pl_trace_file *f, const struct pl_trace_batch *batch, const struct pl_gap *gap) {
    struct written w = {.first_row = f->rows + 1, .from_us = INT64_MAX, .to_us = INT64_MIN, .again = batch->again};
    pouch_err e = pl_sqlite_do(f->do_[BEGIN]);
    if (!e) e = append_rows(f, batch, &w);
    if (!e) e = append_batch(f, &w);
    if (!e) e = append_spans(f);
    if (!e) e = append_gap(f, gap);
    if (!e) e = f->keys.n < INDEX_EVERY ? append_marks(f, &w) : index_rows(f);
    if (!e) e = pl_counts_write(f->counts, f->rows, COUNT_EVERY);
    if (!e) e = pl_sqlite_do(f->do_[COMMIT]);
    if (e) roll_back(f);
    return e;
}

/* ---- closing ---- */

/* So that readers have little to look through in a file that nobody goes on with. */
static void finish(struct pl_trace_file *f) {
    bool due = f->keys.n >= INDEX_AT_END || pl_counts_waiting(f->counts);
    if (f->broken || !due || pl_sqlite_do(f->do_[BEGIN])) return;
    pouch_err e = f->keys.n < INDEX_AT_END ? POUCH_OK : index_rows(f);
    if (!e) e = pl_counts_write(f->counts, f->rows, 1);
    if (!e) e = pl_sqlite_do(f->do_[COMMIT]);
    if (e) roll_back(f);
}

void pl_trace_file_close(struct pl_trace_file *f) {
    if (!f) return;
    finish(f);
    free_file(f);
}
