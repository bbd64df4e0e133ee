#include <base/folder.h>
#include <base/why.h>
#include <stdbool.h>
#include <stdlib.h>
#include <store/seen.h>
#include <store/sqlite.h>
#include <string.h>

/* Others hold the file for the time of one transaction. */
enum { BUSY_MS = 1000 };

static const struct pl_sqlite_schema schema = {
    .what = "dedupe",
    .version = 1,
    .sql = "CREATE TABLE seen(number INTEGER PRIMARY KEY, topic TEXT NOT NULL, request_id BLOB NOT NULL,"
           " tag BLOB NOT NULL, at_ms INTEGER NOT NULL, reply BLOB);"
           "CREATE TABLE owner(name TEXT NOT NULL);",
};

/* What a kill of the process has written stays written; only the host's own end can lose the last transactions. */
static const char *const settings =
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA wal_autocheckpoint=4000";

enum statement { BEGIN, COMMIT, CHANGES, OTHERS, ADD, FORGET, STATEMENTS };

/* The newest row always stays, so that numbers only grow. */
static const char *const statements[STATEMENTS] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [CHANGES] = "PRAGMA data_version",
    [OTHERS] = "SELECT number, topic, request_id, tag, at_ms, reply FROM seen WHERE number > ? ORDER BY number",
    [ADD] = "INSERT INTO seen VALUES(?, ?, ?, ?, ?, ?)",
    [FORGET] = "DELETE FROM seen WHERE number <= ? AND number < (SELECT max(number) FROM seen)",
};

struct pl_seen {
    sqlite3 *db;
    sqlite3_stmt *do_[STATEMENTS];
    int64_t last;    /* the newest row that was read or added */
    int64_t forgot;  /* removed up to here */
    int64_t changes; /* the file's state by others, as SQLite counts it; 0: not looked yet */
};

static pouch_err check_owner(struct pl_seen *s, const char *path, const char *group) {
    static const char *const claim = "INSERT INTO owner SELECT ?1 WHERE NOT EXISTS (SELECT 1 FROM owner)";
    sqlite3_stmt *q = NULL;
    bool row = false, ours = false;
    pouch_err e = pl_sqlite_prepare(s->db, &q, claim);
    if (!e) pl_sqlite_bind_text(q, 1, group);
    if (!e) e = pl_sqlite_do(q);
    sqlite3_finalize(q);
    q = NULL;
    if (!e) e = pl_sqlite_prepare(s->db, &q, "SELECT 1 FROM owner WHERE name = ?");
    if (!e) pl_sqlite_bind_text(q, 1, group);
    if (!e) e = pl_sqlite_step(q, &row);
    ours = row;
    sqlite3_finalize(q);
    if (e || ours) return e;
    return pl_fail(POUCH_E_CONFIG, "%s belongs to another consumer group than %s: set dedupe.file to one of its own",
                   path, group);
}

pouch_err pl_seen_open(struct pl_seen **out, const char *path, const char *group) {
    struct pl_seen *s = calloc(1, sizeof *s);
    if (!s) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a dedupe file");
    pouch_err e = pl_folder_of(path);
    if (!e) e = pl_sqlite_create(path, &schema);
    if (!e) e = pl_sqlite_open(&s->db, path, &schema, BUSY_MS);
    if (!e) e = pl_sqlite_run(s->db, settings);
    if (!e) e = check_owner(s, path, group);
    for (enum statement i = 0; i < STATEMENTS && !e; i++) e = pl_sqlite_prepare(s->db, &s->do_[i], statements[i]);
    if (e)
        pl_seen_close(s);
    else
        *out = s;
    return e;
}

void pl_seen_close(struct pl_seen *s) {
    if (!s) return;
    for (size_t i = 0; i < STATEMENTS; i++) sqlite3_finalize(s->do_[i]);
    sqlite3_close(s->db);
    free(s);
}

/* False: not a row that a worker writes. */
static bool read_row(sqlite3_stmt *q, struct pl_seen_row *row) {
    *row = (struct pl_seen_row){.number = sqlite3_column_int64(q, 0),
                                .topic = (const char *)sqlite3_column_text(q, 1),
                                .at_ms = sqlite3_column_int64(q, 4),
                                .reply = sqlite3_column_blob(q, 5),
                                .reply_n = (size_t)sqlite3_column_bytes(q, 5)};
    const void *id = sqlite3_column_blob(q, 2), *tag = sqlite3_column_blob(q, 3);
    if (!row->topic || !id || !tag || (row->reply_n && !row->reply)) return false;
    if (sqlite3_column_bytes(q, 2) != sizeof row->id.b || sqlite3_column_bytes(q, 3) != PL_SEEN_TAG) return false;
    memcpy(row->id.b, id, sizeof row->id.b);
    memcpy(row->tag, tag, PL_SEEN_TAG);
    return row->reply_n <= PL_SEEN_REPLY_MAX;
}

static pouch_err take_others(struct pl_seen *s, int64_t *last, void (*take)(const struct pl_seen_row *, void *),
                             void *arg) {
    sqlite3_stmt *q = s->do_[OTHERS];
    struct pl_seen_row row;
    bool more = true;
    pouch_err e = POUCH_OK;
    sqlite3_bind_int64(q, 1, s->last);
    while (!e && more) {
        e = pl_sqlite_step(q, &more);
        if (e || !more) break;
        if (read_row(q, &row)) take(&row, arg);
        *last = row.number;
    }
    sqlite3_reset(q);
    return e;
}

static pouch_err add_rows(struct pl_seen *s, const struct pl_seen_row rows[], size_t n, int64_t first) {
    sqlite3_stmt *q = s->do_[ADD];
    pouch_err e = POUCH_OK;
    for (size_t i = 0; !e && i < n; i++) {
        const struct pl_seen_row *row = &rows[i];
        sqlite3_bind_int64(q, 1, first + (int64_t)i);
        pl_sqlite_bind_text(q, 2, row->topic);
        sqlite3_bind_blob(q, 3, row->id.b, sizeof row->id.b, SQLITE_STATIC);
        sqlite3_bind_blob(q, 4, row->tag, PL_SEEN_TAG, SQLITE_STATIC);
        sqlite3_bind_int64(q, 5, row->at_ms);
        sqlite3_bind_blob64(q, 6, row->reply_n ? row->reply : NULL, row->reply_n, SQLITE_STATIC);
        e = pl_sqlite_do(q);
    }
    sqlite3_clear_bindings(q);
    return e;
}

static pouch_err forget_rows(struct pl_seen *s, int64_t upto) {
    if (upto <= s->forgot) return POUCH_OK;
    sqlite3_bind_int64(s->do_[FORGET], 1, upto);
    return pl_sqlite_do(s->do_[FORGET]);
}

/* Whether another connection has written since the last look. */
static pouch_err look(struct pl_seen *s, int64_t *changes) {
    bool row;
    pouch_err e = pl_sqlite_step(s->do_[CHANGES], &row);
    if (!e && row) *changes = sqlite3_column_int64(s->do_[CHANGES], 0);
    sqlite3_reset(s->do_[CHANGES]);
    return e;
}

pouch_err pl_seen_sync(struct pl_seen *s, struct pl_seen_row rows[], size_t n, int64_t forget,
                       void (*take)(const struct pl_seen_row *, void *), void *arg) {
    int64_t changes = 0, last = s->last;
    pouch_err e = look(s, &changes);
    if (e || (!n && forget <= s->forgot && changes == s->changes)) return e;
    e = pl_sqlite_do(s->do_[BEGIN]);
    if (e) return e;
    e = take_others(s, &last, take, arg);
    if (!e) e = add_rows(s, rows, n, last + 1);
    if (!e) e = forget_rows(s, forget);
    if (!e) e = pl_sqlite_do(s->do_[COMMIT]);
    if (e) {
        sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL); /* there is none when the failure has ended it already */
        return e;
    }
    for (size_t i = 0; i < n; i++) rows[i].number = last + 1 + (int64_t)i;
    s->last = last + (int64_t)n;
    s->forgot = forget > s->forgot ? forget : s->forgot;
    s->changes = changes;
    return POUCH_OK;
}
