#include <base/log.h>
#include <base/why.h>
#include <errno.h>
#include <stdlib.h>
#include <store/sqlite.h>
#include <store/sqlite_schema.h>
#include <store/trace_folder.h>
#include <store/trace_hash.h>
#include <store/trace_keys.h>
#include <store/trace_reader.h>
#include <string.h>
#include <unistd.h>

/*
 * A handle takes up to three file descriptors and the cache below. It is in one transaction for as long as it is open:
 * one for each row would cost more than the row.
 */
enum { OPEN_MAX_FILES = 64, BUSY_MS = 1000 };

enum statement { FETCH, FIND, REQUEST, MARKS, MARKED, ID, WRITTEN, STATEMENTS };

static const char *const sql[STATEMENTS] = {
    [FETCH] = ("SELECT id, made_by, response, success, request_id, at_us, took_us, publisher, topic, partition, offset,"
               " target, route, code, error, payload FROM trace WHERE row = ?"),
    [FIND] = "SELECT row FROM request WHERE key = ? AND row <= ?",
    [REQUEST] =
        "SELECT row, id, at_us FROM trace WHERE request_id = ?1 AND (row IN (SELECT row FROM request WHERE key = ?2))"
        " UNION ALL SELECT row, id, at_us FROM trace"
        " WHERE request_id = ?1 AND row > (SELECT row FROM indexed)"
        " AND row < (SELECT coalesce(min(first_row), 9223372036854775807) FROM unindexed)",
    [MARKS] = "SELECT first_row, keys FROM unindexed",
    [MARKED] = "SELECT row, id, at_us FROM trace WHERE request_id = ?1 AND row = ?2",
    [ID] = "SELECT id FROM trace WHERE row = ?",
    [WRITTEN] = "SELECT written_us FROM batch WHERE first_row <= ? ORDER BY first_row DESC LIMIT 1",
};

struct span {
    int64_t source, low, high;
};

/*
 * What was there when the file was first opened is what the query sees: rows up to `indexed` are found by the file's
 * own index, those behind it by keys; what is written later is not looked at.
 */
struct file {
    struct pl_trace_name name;
    sqlite3 *db; /* NULL: not open now */
    sqlite3_stmt *do_[STATEMENTS];
    uint64_t used;            /* the reader's clock at the last use, for choosing which to close */
    bool loaded, bad, unread; /* unread: it is there and cannot be read */
    int64_t indexed, rows;
    struct pl_keys keys; /* ordered */
    struct span *spans;  /* source 0: of any partition */
    size_t n_spans;
};

struct pl_trace_reader {
    const char *folder;
    uint64_t clock;
    size_t pinned; /* the file that a row is being shown from: it stays open */
    size_t open, n;
    struct file at[];
};

pouch_err pl_trace_reader_open(struct pl_trace_reader **out, const char *folder) {
    struct pl_trace_name *names;
    size_t n;
    pouch_err e = pl_trace_list(&names, &n, folder);
    if (e) return e;
    struct pl_trace_reader *r = calloc(1, sizeof *r + n * sizeof r->at[0]);
    if (r) {
        r->folder = folder;
        r->pinned = SIZE_MAX;
        r->n = n;
        for (size_t i = 0; i < n; i++) r->at[i].name = names[i];
        *out = r;
    }
    free(names);
    return r ? POUCH_OK : pl_fail(POUCH_E_NO_MEMORY, "out of memory for reading %zu trace files", n);
}

size_t pl_trace_reader_files(const struct pl_trace_reader *r) {
    return r->n;
}

static void close_file(struct pl_trace_reader *r, struct file *f) {
    if (!f->db) return;
    for (size_t i = 0; i < STATEMENTS; i++) {
        sqlite3_finalize(f->do_[i]);
        f->do_[i] = NULL;
    }
    sqlite3_close(f->db);
    f->db = NULL;
    r->open--;
}

void pl_trace_reader_close(struct pl_trace_reader *r) {
    for (size_t i = 0; i < r->n; i++) {
        close_file(r, &r->at[i]);
        pl_keys_free(&r->at[i].keys);
        free(r->at[i].spans);
    }
    free(r);
}

/* ---- opening a file ---- */

static void make_room(struct pl_trace_reader *r) {
    if (r->open < OPEN_MAX_FILES) return;
    struct file *oldest = NULL;
    for (size_t i = 0; i < r->n; i++)
        if (r->at[i].db && i != r->pinned && (!oldest || r->at[i].used < oldest->used)) oldest = &r->at[i];
    close_file(r, oldest);
}

static pouch_err open_handle(struct pl_trace_reader *r, struct file *f) {
    char path[PATH_MAX];
    pl_trace_path(path, r->folder, &f->name);
    make_room(r);
    pouch_err e = pl_sqlite_open(&f->db, path, &pl_trace_schema, BUSY_MS);
    if (e) return e;
    r->open++;
    e = pl_sqlite_run(f->db, "PRAGMA cache_size=-8000; BEGIN");
    for (size_t i = 0; i < STATEMENTS && !e; i++) e = pl_sqlite_prepare(f->db, &f->do_[i], sql[i]);
    return e;
}

/* Room for one more of n elements in *array, which has room for a power of two. */
static pouch_err grow(void *array, size_t n, size_t size) {
    if (n & (n - 1)) return POUCH_OK;
    void **at = array;
    void *wider = realloc(*at, (n ? n * 2 : 1) * size);
    if (!wider) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for reading traces");
    *at = wider;
    return POUCH_OK;
}

static pouch_err load_spans(struct file *f) {
    sqlite3_stmt *q;
    pouch_err e = pl_sqlite_prepare(f->db, &q, "SELECT id, low, high FROM source");
    if (e) return e;
    bool row;
    while (!(e = pl_sqlite_step(q, &row)) && row) {
        if ((e = grow(&f->spans, f->n_spans, sizeof *f->spans))) break;
        f->spans[f->n_spans++] =
            (struct span){sqlite3_column_int64(q, 0), sqlite3_column_int64(q, 1), sqlite3_column_int64(q, 2)};
    }
    sqlite3_finalize(q);
    return e;
}

static pouch_err load(struct file *f) {
    f->loaded = true;
    pouch_err e = load_spans(f);
    if (!e) e = pl_keys_load(&f->keys, &f->indexed, f->db);
    f->rows = f->keys.n ? f->keys.at[f->keys.n - 1].row : f->indexed;
    pl_keys_sort(&f->keys);
    return e;
}

/* A file that expired meanwhile is no failure. One of a later pouch is: what it holds would be missed. */
static pouch_err give_up(struct pl_trace_reader *r, struct file *f, pouch_err e) {
    char path[PATH_MAX];
    pl_trace_path(path, r->folder, &f->name);
    close_file(r, f);
    f->bad = true;
    if (e == POUCH_E_NO_MEMORY) return e;
    if (access(path, F_OK) && errno == ENOENT) return POUCH_OK;
    if (pl_sqlite_version_of(path) > pl_trace_schema.version) return e;
    f->unread = true;
    PL_LOG(PL_LOG_WARN, "a trace file cannot be read: its rows are missing here", "file", path, "why", pouch_why());
    return POUCH_OK;
}

pouch_err pl_trace_reader_file(struct pl_trace_reader *r, size_t file, sqlite3 **db) {
    struct file *f = &r->at[file];
    pouch_err e = POUCH_OK;
    if (!f->db && !f->bad) {
        e = open_handle(r, f);
        if (e) e = give_up(r, f, e);
    }
    f->used = ++r->clock;
    *db = f->db;
    return e;
}

bool pl_trace_reader_unread(const struct pl_trace_reader *r, size_t file) {
    return r->at[file].unread;
}

/* What must be known of a file before its rows are looked for; nothing where it cannot be read. */
static pouch_err have_loaded(struct pl_trace_reader *r, size_t file) {
    struct file *f = &r->at[file];
    sqlite3 *db;
    if (f->loaded || f->bad) return POUCH_OK;
    pouch_err e = pl_trace_reader_file(r, file, &db);
    if (e || !db) return e;
    e = load(f);
    return e ? give_up(r, f, e) : POUCH_OK;
}

pouch_err pl_trace_reader_rows(struct pl_trace_reader *r, size_t file, int64_t *rows) {
    pouch_err e = have_loaded(r, file);
    *rows = r->at[file].rows;
    return e;
}

/* The statement, for its next use; NULL as for pl_trace_reader_file(). */
static pouch_err statement(struct pl_trace_reader *r, size_t file, enum statement which, sqlite3_stmt **s) {
    sqlite3 *db;
    pouch_err e = pl_trace_reader_file(r, file, &db);
    *s = r->at[file].do_[which];
    return e;
}

/* ---- finding rows; what is found is looked at in its file at once, before another is opened ---- */

static pouch_err find_indexed(struct pl_trace_reader *r, size_t file, uint64_t key, pl_row_found *fn, void *arg) {
    sqlite3_stmt *q;
    pouch_err e = statement(r, file, FIND, &q);
    if (e || !q) return e;
    sqlite3_bind_int64(q, 1, (int64_t)key);
    sqlite3_bind_int64(q, 2, r->at[file].indexed);
    bool row;
    while (!(e = pl_sqlite_step(q, &row)) && row)
        if ((e = fn(r, (struct pl_row_at){file, sqlite3_column_int64(q, 0)}, arg))) break;
    sqlite3_reset(q);
    return e;
}

pouch_err pl_trace_reader_find(struct pl_trace_reader *r, size_t file, uint64_t key, pl_row_found *fn, void *arg) {
    pouch_err e = have_loaded(r, file);
    if (!e) e = find_indexed(r, file, key, fn, arg);
    const struct file *f = &r->at[file];
    size_t low = 0, high = f->keys.n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (f->keys.at[middle].key < (int64_t)key)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < f->keys.n && f->keys.at[low].key == (int64_t)key && !e; low++)
        e = fn(r, (struct pl_row_at){file, f->keys.at[low].row}, arg);
    return e;
}

/* The rows that a statement gives for a request and one more number. */
static pouch_err take_found(sqlite3_stmt *q, size_t file, const struct pl_uuid *id, int64_t number,
                            pl_row_of_request *fn, void *arg) {
    sqlite3_bind_blob(q, 1, id->b, sizeof id->b, SQLITE_STATIC);
    sqlite3_bind_int64(q, 2, number);
    pouch_err e;
    bool row;
    while (!(e = pl_sqlite_step(q, &row)) && row) {
        const struct pl_row_found_of found = {
            {file, sqlite3_column_int64(q, 0)}, (uint64_t)sqlite3_column_int64(q, 1), sqlite3_column_int64(q, 2)};
        if ((e = fn(&found, arg))) break;
    }
    sqlite3_reset(q);
    return e;
}

/* Rows that are not indexed yet, by the marks of one transaction. */
static pouch_err take_marked(struct pl_trace_reader *r, size_t file, const struct pl_uuid *id, sqlite3_stmt *marks,
                             pl_row_of_request *fn, void *arg) {
    uint32_t mark = pl_key_mark((int64_t)pl_trace_key(id, 0)), one;
    int64_t row = sqlite3_column_int64(marks, 0);
    const char *at = sqlite3_column_blob(marks, 1);
    if (!at) return pl_sqlite_failed(r->at[file].db);
    size_t n = (size_t)sqlite3_column_bytes(marks, 1) / sizeof one;
    for (size_t i = 0; i < n; i++, row++) {
        memcpy(&one, at + i * sizeof one, sizeof one);
        if (one != mark) continue;
        pouch_err e = take_found(r->at[file].do_[MARKED], file, id, row, fn, arg);
        if (e) return e;
    }
    return POUCH_OK;
}

pouch_err pl_trace_reader_request(struct pl_trace_reader *r, size_t file, const struct pl_uuid *id,
                                  pl_row_of_request *fn, void *arg) {
    sqlite3_stmt *q;
    pouch_err e = statement(r, file, REQUEST, &q);
    if (e || !q) return e;
    e = take_found(q, file, id, (int64_t)pl_trace_key(id, 0), fn, arg);
    if (e) return e;
    sqlite3_stmt *marks = r->at[file].do_[MARKS];
    bool row;
    while (!(e = pl_sqlite_step(marks, &row)) && row)
        if ((e = take_marked(r, file, id, marks, fn, arg))) break;
    sqlite3_reset(marks);
    return e;
}

/* ---- showing rows ---- */

/* What decides whether a row is shown, and what a later one of the same id is found by. */
struct identity {
    struct pl_row_at at;
    uint64_t id;
    struct pl_uuid request_id;
    int64_t source, offset;
    bool replaced; /* a later one was found */
};

static pouch_err read_number(sqlite3_stmt *s, int64_t row, int64_t *number) {
    sqlite3_bind_int64(s, 1, row);
    bool there;
    pouch_err e = pl_sqlite_step(s, &there);
    *number = !e && there ? sqlite3_column_int64(s, 0) : 0;
    sqlite3_reset(s);
    return e;
}

static pouch_err written_us(struct pl_trace_reader *r, struct pl_row_at at, int64_t *us) {
    sqlite3_stmt *s;
    *us = 0;
    pouch_err e = statement(r, at.file, WRITTEN, &s);
    return e || !s ? e : read_number(s, at.row, us);
}

pouch_err pl_trace_reader_later(struct pl_trace_reader *r, struct pl_row_at a, struct pl_row_at b, bool *later) {
    *later = b.row > a.row;
    if (a.file == b.file) return POUCH_OK;
    int64_t a_us, b_us;
    pouch_err e = written_us(r, a, &a_us);
    if (!e) e = written_us(r, b, &b_us);
    if (!e) *later = b_us != a_us ? b_us > a_us : b.file > a.file;
    return e;
}

static pouch_err compare(struct pl_trace_reader *r, struct pl_row_at other, void *arg) {
    struct identity *me = arg;
    if (me->replaced || (other.file == me->at.file && other.row == me->at.row)) return POUCH_OK;
    sqlite3_stmt *s;
    int64_t id;
    pouch_err e = statement(r, other.file, ID, &s);
    if (!e && s) e = read_number(s, other.row, &id);
    if (e || !s || (uint64_t)id != me->id) return e;
    return pl_trace_reader_later(r, me->at, other, &me->replaced);
}

/* Before it was opened, nothing is known of a file. */
static pouch_err may_hold(struct pl_trace_reader *r, size_t file, const struct identity *me, bool *may) {
    struct file *f = &r->at[file];
    *may = false;
    pouch_err e = have_loaded(r, file);
    if (e) return e;
    for (size_t i = 0; i < f->n_spans && !*may && !f->bad; i++)
        *may = (f->spans[i].source == me->source || !f->spans[i].source) && f->spans[i].low <= me->offset &&
               me->offset <= f->spans[i].high;
    return POUCH_OK;
}

static pouch_err look_for_later(struct pl_trace_reader *r, struct identity *me) {
    uint64_t key = pl_trace_key(&me->request_id, me->id);
    for (size_t i = 0; i < r->n && !me->replaced; i++) {
        bool may;
        pouch_err e = may_hold(r, i, me, &may);
        if (!e && may) e = pl_trace_reader_find(r, i, key, compare, me);
        if (e) return e;
    }
    return POUCH_OK;
}

static const char *text(sqlite3_stmt *s, int column) {
    return (const char *)sqlite3_column_text(s, column);
}

static int64_t number_or(sqlite3_stmt *s, int column, int64_t none) {
    return sqlite3_column_type(s, column) == SQLITE_NULL ? none : sqlite3_column_int64(s, column);
}

static void read_row(sqlite3_stmt *s, struct pl_trace *row) {
    *row = (struct pl_trace){.id = (uint64_t)sqlite3_column_int64(s, 0),
                             .by = (enum pl_trace_by)sqlite3_column_int(s, 1),
                             .response = sqlite3_column_int(s, 2),
                             .success = sqlite3_column_int(s, 3),
                             .request_id = pl_sqlite_uuid(s, 4),
                             .at_us = sqlite3_column_int64(s, 5),
                             .took_us = number_or(s, 6, -1),
                             .publisher = text(s, 7),
                             .topic = text(s, 8),
                             .partition = (int32_t)number_or(s, 9, -1),
                             .offset = number_or(s, 10, -1),
                             .target = text(s, 11),
                             .route = text(s, 12),
                             .code = text(s, 13),
                             .error = text(s, 14),
                             .payload = sqlite3_column_blob(s, 15),
                             .payload_n = (size_t)sqlite3_column_bytes(s, 15)};
}

static pouch_err show(struct pl_trace_reader *r, struct pl_row_at at, const struct pl_trace *row,
                      struct pl_showing *s) {
    struct identity me = {
        .at = at, .id = row->id, .request_id = row->request_id, .source = PL_TRACE_SPOOLED, .offset = row->offset};
    if (row->offset >= 0) me.source = (int64_t)pl_trace_source(row->topic, row->partition);
    pouch_err e = s->is_newest ? POUCH_OK : look_for_later(r, &me);
    if (e || me.replaced) return e;
    s->shown++;
    s->ended = !s->fn(row, s->arg);
    return POUCH_OK;
}

pouch_err pl_trace_reader_show(struct pl_trace_reader *r, struct pl_row_at at, struct pl_showing *s) {
    sqlite3_stmt *fetch;
    pouch_err e = statement(r, at.file, FETCH, &fetch);
    if (e || !fetch) return e;
    r->pinned = at.file;
    sqlite3_bind_int64(fetch, 1, at.row);
    bool there;
    e = pl_sqlite_step(fetch, &there);
    if (!e && there) {
        struct pl_trace row;
        read_row(fetch, &row);
        e = show(r, at, &row, s);
    }
    sqlite3_reset(fetch);
    r->pinned = SIZE_MAX;
    return e;
}
