#include <base/why.h>
#include <stdlib.h>
#include <store/sqlite.h>
#include <store/sqlite_store.h>
#include <store/trace_folder.h>
#include <store/trace_hash.h>
#include <store/trace_reader.h>

static const char *folder_of(const struct pl_store *s) {
    return ((const struct pl_sqlite_store *)s)->folder;
}

/* A row by the time it began; ties in the order of file and row, so that every walk has one order. */
struct ref {
    int64_t at_us;
    struct pl_row_at at;
};

struct refs {
    struct ref *at;
    size_t n, max;
};

static int by_age(const struct ref *a, const struct ref *b) {
    if (a->at_us != b->at_us) return a->at_us < b->at_us ? -1 : 1;
    if (a->at.file != b->at.file) return a->at.file < b->at.file ? -1 : 1;
    return (a->at.row > b->at.row) - (a->at.row < b->at.row);
}

static pouch_err add_ref(struct refs *r, const struct ref *ref) {
    if (r->n == r->max) {
        size_t max = r->max ? r->max * 2 : 64;
        struct ref *wider = realloc(r->at, max * sizeof *wider);
        if (!wider) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for reading traces");
        r->at = wider;
        r->max = max;
    }
    r->at[r->n++] = *ref;
    return POUCH_OK;
}

/* ---- of one request ---- */

struct found {
    struct pl_row_found_of *at;
    size_t n, max;
};

static pouch_err keep_found(const struct pl_row_found_of *row, void *arg) {
    struct found *f = arg;
    if (f->n == f->max) {
        size_t max = f->max ? f->max * 2 : 64;
        struct pl_row_found_of *wider = realloc(f->at, max * sizeof *wider);
        if (!wider) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for reading traces");
        f->at = wider;
        f->max = max;
    }
    f->at[f->n++] = *row;
    return POUCH_OK;
}

static int compare_ids(const void *left, const void *right) {
    const struct pl_row_found_of *a = left, *b = right;
    return (a->id > b->id) - (a->id < b->id);
}

static int compare_ages(const void *left, const void *right) {
    const struct pl_row_found_of *a = left, *b = right;
    return by_age(&(struct ref){a->at_us, a->at}, &(struct ref){b->at_us, b->at});
}

/* Leaves the last written of the rows with one id. */
static pouch_err drop_replaced(struct pl_trace_reader *r, struct found *f) {
    if (!f->n) return POUCH_OK;
    qsort(f->at, f->n, sizeof *f->at, compare_ids);
    size_t last = 0;
    for (size_t i = 1; i < f->n; i++) {
        bool later = true;
        if (f->at[i].id != f->at[last].id)
            last++;
        else {
            pouch_err e = pl_trace_reader_later(r, f->at[last].at, f->at[i].at, &later);
            if (e) return e;
        }
        if (later) f->at[last] = f->at[i];
    }
    f->n = last + 1;
    qsort(f->at, f->n, sizeof *f->at, compare_ages);
    return POUCH_OK;
}

pouch_err pl_sqlite_by_request(struct pl_store *s, const struct pl_uuid *id, pl_trace_visit *fn, void *arg) {
    struct pl_trace_reader *r;
    pouch_err e = pl_trace_reader_open(&r, folder_of(s));
    if (e) return e;
    struct found found = {0};
    for (size_t i = 0; i < pl_trace_reader_files(r) && !e; i++)
        e = pl_trace_reader_request(r, i, id, keep_found, &found);
    if (!e) e = drop_replaced(r, &found);
    struct pl_showing showing = {.fn = fn, .arg = arg, .is_newest = true};
    for (size_t i = 0; i < found.n && !e && !showing.ended; i++) e = pl_trace_reader_show(r, found.at[i].at, &showing);
    free(found.at);
    pl_trace_reader_close(r);
    return e;
}

/* ---- by time ---- */

enum { ZONE_ROWS = 4096 };

/*
 * Rows are in their files nearly in the order of time. A zone is a run of them with the times between which they
 * began. Zones are read in order, and a row is shown when no zone to come can hold one that comes before it; so a
 * query reads little more than what it shows.
 */
struct zone {
    size_t file;
    int64_t first_row, last_row, from_us, to_us;
};

struct walk {
    struct pl_trace_reader *r;
    const struct pl_trace_query *q;
    struct zone *zones;
    size_t n_zones, max_zones, next_zone;
    /* read and not yet shown; the one to show next is at[0], at[i] comes before at[2i+1] and at[2i+2] */
    struct refs heap;
};

static bool comes_before(const struct walk *w, const struct ref *a, const struct ref *b) {
    int order = by_age(a, b);
    return w->q->oldest_first ? order < 0 : order > 0;
}

static void swap(struct ref *a, struct ref *b) {
    struct ref c = *a;
    *a = *b;
    *b = c;
}

static pouch_err push(struct walk *w, const struct ref *ref) {
    pouch_err e = add_ref(&w->heap, ref);
    if (e) return e;
    struct ref *at = w->heap.at;
    for (size_t i = w->heap.n - 1; i && comes_before(w, &at[i], &at[(i - 1) / 2]); i = (i - 1) / 2)
        swap(&at[i], &at[(i - 1) / 2]);
    return POUCH_OK;
}

static struct ref pop(struct walk *w) {
    struct ref *at = w->heap.at, top = at[0];
    size_t n = --w->heap.n;
    at[0] = at[n];
    for (size_t i = 0;;) {
        size_t child = 2 * i + 1;
        if (child >= n) return top;
        if (child + 1 < n && comes_before(w, &at[child + 1], &at[child])) child++;
        if (!comes_before(w, &at[child], &at[i])) return top;
        swap(&at[i], &at[child]);
        i = child;
    }
}

/* Batches that follow each other become one zone until it is large enough. */
static pouch_err add_batch(struct walk *w, const struct zone *z) {
    struct zone *last = w->n_zones ? &w->zones[w->n_zones - 1] : NULL;
    if (last && last->file == z->file && last->last_row - last->first_row < ZONE_ROWS) {
        last->last_row = z->last_row;
        if (z->from_us < last->from_us) last->from_us = z->from_us;
        if (z->to_us > last->to_us) last->to_us = z->to_us;
        return POUCH_OK;
    }
    if (w->n_zones == w->max_zones) {
        size_t max = w->max_zones ? w->max_zones * 2 : 64;
        struct zone *wider = realloc(w->zones, max * sizeof *wider);
        if (!wider) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for reading traces");
        w->zones = wider;
        w->max_zones = max;
    }
    w->zones[w->n_zones++] = *z;
    return POUCH_OK;
}

static pouch_err list_zones(struct walk *w, size_t file) {
    sqlite3 *db;
    sqlite3_stmt *q = NULL;
    int64_t rows;
    pouch_err e = pl_trace_reader_rows(w->r, file, &rows);
    if (!e) e = pl_trace_reader_file(w->r, file, &db);
    if (e || !db) return e;
    e = pl_sqlite_prepare(db, &q,
                          "SELECT first_row, last_row, from_us, to_us FROM batch"
                          " WHERE last_row <= ? AND to_us >= ? AND from_us < ? AND (failed > 0 OR NOT ?)"
                          " ORDER BY first_row");
    if (e) return e;
    sqlite3_bind_int64(q, 1, rows);
    sqlite3_bind_int64(q, 2, w->q->since_us);
    sqlite3_bind_int64(q, 3, w->q->until_us);
    sqlite3_bind_int(q, 4, w->q->failed);
    bool row;
    while (!(e = pl_sqlite_step(q, &row)) && row) {
        struct zone z = {file, sqlite3_column_int64(q, 0), sqlite3_column_int64(q, 1), sqlite3_column_int64(q, 2),
                         sqlite3_column_int64(q, 3)};
        if ((e = add_batch(w, &z))) break;
    }
    sqlite3_finalize(q);
    return e;
}

static int oldest_zone_first(const void *left, const void *right) {
    const struct zone *a = left, *b = right;
    return (a->from_us > b->from_us) - (a->from_us < b->from_us);
}

static int newest_zone_first(const void *left, const void *right) {
    const struct zone *a = left, *b = right;
    return (a->to_us < b->to_us) - (a->to_us > b->to_us);
}

static pouch_err read_zone(struct walk *w, const struct zone *z) {
    sqlite3 *db;
    sqlite3_stmt *q = NULL;
    pouch_err e = pl_trace_reader_file(w->r, z->file, &db);
    if (e || !db) return e;
    e = pl_sqlite_prepare(db, &q,
                          "SELECT row, at_us FROM trace WHERE row BETWEEN ? AND ? AND at_us >= ? AND at_us < ?"
                          " AND (success = 0 OR NOT ?5) AND (?6 IS NULL OR publisher = ?6)");
    if (e) return e;
    sqlite3_bind_int64(q, 1, z->first_row);
    sqlite3_bind_int64(q, 2, z->last_row);
    sqlite3_bind_int64(q, 3, w->q->since_us);
    sqlite3_bind_int64(q, 4, w->q->until_us);
    sqlite3_bind_int(q, 5, w->q->failed);
    pl_sqlite_bind_text(q, 6, w->q->publisher);
    bool row;
    while (!(e = pl_sqlite_step(q, &row)) && row) {
        struct ref ref = {sqlite3_column_int64(q, 1), {z->file, sqlite3_column_int64(q, 0)}};
        if ((e = push(w, &ref))) break;
    }
    sqlite3_finalize(q);
    return e;
}

/* Whether the next zone may hold a row that comes before all that are read. */
static bool zone_is_due(const struct walk *w) {
    if (w->next_zone == w->n_zones) return false;
    if (!w->heap.n) return true;
    const struct zone *z = &w->zones[w->next_zone];
    return w->q->oldest_first ? z->from_us <= w->heap.at[0].at_us : z->to_us >= w->heap.at[0].at_us;
}

static pouch_err walk(struct walk *w, pl_trace_visit *fn, void *arg) {
    struct pl_showing showing = {.fn = fn, .arg = arg};
    pouch_err e = POUCH_OK;
    while (!e && !showing.ended && showing.shown < w->q->limit) {
        if (zone_is_due(w))
            e = read_zone(w, &w->zones[w->next_zone++]);
        else if (w->heap.n)
            e = pl_trace_reader_show(w->r, pop(w).at, &showing);
        else
            break;
    }
    return e;
}

pouch_err pl_sqlite_by_time(struct pl_store *s, const struct pl_trace_query *q, pl_trace_visit *fn, void *arg) {
    struct walk w = {.q = q};
    pouch_err e = pl_trace_reader_open(&w.r, folder_of(s));
    if (e) return e;
    for (size_t i = 0; i < pl_trace_reader_files(w.r) && !e; i++) e = list_zones(&w, i);
    if (w.n_zones) qsort(w.zones, w.n_zones, sizeof *w.zones, q->oldest_first ? oldest_zone_first : newest_zone_first);
    if (!e) e = walk(&w, fn, arg);
    free(w.heap.at);
    free(w.zones);
    pl_trace_reader_close(w.r);
    return e;
}

/* ---- what is not there ---- */

/*
 * Gaps that have ids, each of which counts once: its writer may have been killed before it knew that it was written. An
 * id from a damaged spool tells the place of the damage, which another spool may have had at another time.
 */
struct known {
    int64_t id, to_us, rows;
};

struct gaps {
    struct known *at;
    size_t n, max;
    uint64_t rows; /* of all others */
};

static pouch_err add_known(struct gaps *g, const struct known *gap) {
    if (g->n == g->max) {
        size_t max = g->max ? g->max * 2 : 64;
        struct known *wider = realloc(g->at, max * sizeof *wider);
        if (!wider) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for reading what is missing");
        g->at = wider;
        g->max = max;
    }
    g->at[g->n++] = *gap;
    return POUCH_OK;
}

static pouch_err add_gaps(struct pl_trace_reader *r, size_t file, int64_t since_us, int64_t until_us, struct gaps *g) {
    sqlite3 *db;
    sqlite3_stmt *q = NULL;
    pouch_err e = pl_trace_reader_file(r, file, &db);
    if (!e && !db) g->rows += pl_trace_reader_unread(r, file);
    if (e || !db) return e;
    e = pl_sqlite_prepare(db, &q, "SELECT coalesce(id, 0), to_us, rows FROM gap WHERE to_us >= ? AND from_us < ?");
    if (e) return e;
    sqlite3_bind_int64(q, 1, since_us);
    sqlite3_bind_int64(q, 2, until_us);
    bool there;
    while (!(e = pl_sqlite_step(q, &there)) && there) {
        const struct known gap = {sqlite3_column_int64(q, 0), sqlite3_column_int64(q, 1), sqlite3_column_int64(q, 2)};
        if (!gap.id) g->rows += (uint64_t)gap.rows;
        if (gap.id && (e = add_known(g, &gap))) break;
    }
    sqlite3_finalize(q);
    return e;
}

static int compare_known(const void *left, const void *right) {
    const struct known *a = left, *b = right;
    int order = (a->id > b->id) - (a->id < b->id);
    return order ? order : (a->to_us > b->to_us) - (a->to_us < b->to_us);
}

static uint64_t count_gaps(const struct gaps *g) {
    uint64_t rows = g->rows;
    if (g->n) qsort(g->at, g->n, sizeof *g->at, compare_known);
    for (size_t i = 0; i < g->n; i++)
        if (!i || compare_known(&g->at[i], &g->at[i - 1])) rows += (uint64_t)g->at[i].rows;
    return rows;
}

pouch_err pl_sqlite_missing(struct pl_store *s, int64_t since_us, int64_t until_us, uint64_t *rows) {
    struct pl_trace_reader *r;
    struct gaps gaps = {.at = NULL};
    *rows = 0;
    pouch_err e = pl_trace_reader_open(&r, folder_of(s));
    if (e) return e;
    for (size_t i = 0; i < pl_trace_reader_files(r) && !e; i++) e = add_gaps(r, i, since_us, until_us, &gaps);
    if (!e) *rows = count_gaps(&gaps);
    free(gaps.at);
    pl_trace_reader_close(r);
    return e;
}

pouch_err pl_sqlite_expire(struct pl_store *s, int64_t before_us) {
    return pl_trace_expire(folder_of(s), before_us, INT64_MAX, -1);
}
