/*
 * Reading traces. Lists by time (trace_by_time) lead to rows (trace_by_request), which say whether they still stand
 * there.
 */
#include <base/why.h>
#include <stdio.h>
#include <stdlib.h>
#include <store/cassandra.h>
#include <store/cassandra_row.h>
#include <store/cassandra_splp.h>
#include <store/cassandra_walk.h>
#include <string.h>

/* ---- of one request ---- */

static pouch_err read_request(struct pl_cassandra *c, const struct pl_uuid *id, struct pl_cassandra_rows *rows) {
    char text[1024];
    const struct pl_cql_statement *statement = NULL;
    const struct pl_cql_value value = pl_cql_uuid(id);
    const struct pl_cql_how how = pl_cassandra_how(c);
    struct pl_cql_cursor *cursor;
    snprintf(text, sizeof text, "%s WHERE request_id = ?", pl_cassandra_row_select);
    pouch_err e = pl_cassandra_prepare(c, &statement, text);
    const struct pl_cql_bound bound = {statement, &value, 1};
    if (!e) e = pl_cql_select(c->session, &cursor, &bound, &how);
    if (e) return e;
    const struct pl_cql_rows *row;
    while (!(e = pl_cql_cursor_next(cursor, &row)) && row) {
        struct pl_cassandra_row *copy;
        e = pl_cassandra_row_read(&copy, row);
        if (!e) e = pl_cassandra_rows_add(rows, copy);
        if (e) break;
    }
    pl_cql_cursor_close(cursor);
    return e;
}

pouch_err pl_cassandra_by_request(struct pl_store *s, const struct pl_uuid *id, pl_trace_visit *fn, void *arg) {
    struct pl_cassandra_rows rows = {0};
    pouch_err e = pl_cassandra_wait(pl_cassandra_of(s));
    if (!e) e = read_request(pl_cassandra_of(s), id, &rows);
    if (!e) e = pl_splp_by_request((struct pl_cassandra_store *)s, id, &rows);
    pl_cassandra_rows_sort(&rows, true);
    for (size_t i = 0; i < rows.n && !e; i++)
        if (!fn(&rows.at[i]->trace, arg)) break;
    pl_cassandra_rows_free(&rows);
    return pl_cassandra_told(e);
}

/* ---- by time ---- */

/* So many rows are asked for at once. */
enum { FETCH = 512 };

struct fetch {
    struct pl_cassandra_row *row; /* NULL: expired, or not there yet */
    pouch_err error;
    char why[256];
};

static void take_row(const struct pl_cql_result *r, void *arg) {
    struct fetch *f = arg;
    f->error = r->error;
    if (!f->error && r->rows && pl_cql_rows_next(r->rows)) f->error = pl_cassandra_row_read(&f->row, r->rows);
    if (f->error) snprintf(f->why, sizeof f->why, "%s", pouch_why());
}

/* Whether what a list leads to still is what it was listed as: a row that was written again stands elsewhere. */
static bool stands(const struct pl_trace_query *q, const struct pl_trace *row, int64_t listed_us) {
    if (row->at_us != listed_us || (q->failed && row->success)) return false;
    return !q->publisher || (row->publisher && !strcmp(row->publisher, q->publisher));
}

struct showing {
    struct pl_cassandra *c;
    const struct pl_trace_query *q;
    pl_trace_visit *fn;
    void *arg;
    struct pl_splp_rows *splp; /* the rows of earlier tables, in order; they go in between */
    size_t shown;
    bool ended;
    struct pl_listed listed[FETCH];
    struct fetch rows[FETCH];
};

static void show(struct showing *s, const struct pl_trace *row) {
    s->ended = !s->fn(row, s->arg) || ++s->shown == s->q->limit;
}

static void show_splp(struct showing *s, const struct pl_trace *upto) {
    const struct pl_trace *old;
    while (!s->ended && (old = pl_splp_next(s->splp, upto, s->q->oldest_first))) show(s, old);
}

static pouch_err ask(struct showing *s, size_t n) {
    char text[1024];
    const struct pl_cql_statement *statement = NULL;
    snprintf(text, sizeof text, "%s WHERE request_id = ? AND row_id = ?", pl_cassandra_row_select);
    pouch_err e = pl_cassandra_prepare(s->c, &statement, text);
    const struct pl_cql_how how = pl_cassandra_how(s->c);
    for (size_t i = 0; i < n && !e; i++) {
        const struct pl_cql_value values[] = {pl_cql_uuid(&s->listed[i].request_id),
                                              pl_cql_number((int64_t)s->listed[i].row_id)};
        const struct pl_cql_bound bound = {statement, values, 2};
        while ((e = pl_cql_execute(s->c->session, &bound, &how, take_row, &s->rows[i])) == POUCH_E_OVERLOADED &&
               pl_cql_pending(s->c->session))
            pl_cql_run(s->c->session, -1);
    }
    while (pl_cql_pending(s->c->session)) pl_cql_run(s->c->session, -1);
    return e;
}

/* Fetches and shows what the lists have named. */
static pouch_err show_listed(struct showing *s, size_t n) {
    memset(s->rows, 0, sizeof s->rows);
    pouch_err e = ask(s, n);
    for (size_t i = 0; i < n && !e; i++) {
        const struct fetch *f = &s->rows[i];
        if (f->error) e = pl_fail(f->error, "%s", f->why);
        if (e || s->ended || !f->row || !stands(s->q, &f->row->trace, s->listed[i].at_us)) continue;
        show_splp(s, &f->row->trace);
        if (!s->ended) show(s, &f->row->trace);
    }
    for (size_t i = 0; i < n; i++) free(s->rows[i].row);
    return e;
}

static pouch_err walk(struct showing *s, struct pl_walk *w) {
    pouch_err e = POUCH_OK;
    bool more = true;
    while (!e && more && !s->ended) {
        size_t n = 0, most = s->q->limit - s->shown < FETCH ? s->q->limit - s->shown : FETCH;
        while (n < most && !(e = pl_walk_next(w, &s->listed[n], &more)) && more) n++;
        if (!e && n) e = show_listed(s, n);
    }
    if (!e) show_splp(s, NULL);
    return e;
}

/* The list that a query walks. */
static pouch_err list_of(char **list, const struct pl_trace_query *q) {
    const char *kind = q->failed ? "failed" : q->publisher ? "publisher" : "all";
    int n = q->publisher ? asprintf(list, "%s %s", kind, q->publisher) : asprintf(list, "%s", kind);
    return n < 0 ? pl_fail(POUCH_E_NO_MEMORY, "out of memory for a query") : POUCH_OK;
}

pouch_err pl_cassandra_by_time(struct pl_store *s, const struct pl_trace_query *q, pl_trace_visit *fn, void *arg) {
    char *list;
    struct pl_walk *w = NULL;
    pouch_err e = pl_cassandra_wait(pl_cassandra_of(s));
    if (!e) e = list_of(&list, q);
    if (e) return e;
    struct showing *showing = calloc(1, sizeof *showing);
    if (!showing) e = pl_fail(POUCH_E_NO_MEMORY, "out of memory for reading traces");
    if (!e) e = pl_splp_by_time((struct pl_cassandra_store *)s, q, &showing->splp);
    if (!e) e = pl_walk_open(&w, pl_cassandra_of(s), list, q);
    if (!e) {
        showing->c = pl_cassandra_of(s);
        showing->q = q;
        showing->fn = fn;
        showing->arg = arg;
        e = walk(showing, w);
    }
    pl_walk_close(w);
    if (showing) pl_splp_rows_free(showing->splp);
    free(showing);
    free(list);
    return pl_cassandra_told(e);
}

/* ---- what is not there ---- */

static pouch_err add_gaps(struct pl_cassandra *c, int64_t day, int64_t since_us, int64_t until_us, uint64_t *rows) {
    const struct pl_cql_statement *statement = NULL;
    const struct pl_cql_value values[] = {pl_cql_number(day), pl_cql_number(since_us)};
    const struct pl_cql_how how = pl_cassandra_how(c);
    struct pl_cql_cursor *cursor;
    pouch_err e =
        pl_cassandra_prepare(c, &statement, "SELECT from_us, rows FROM %s.trace_gaps WHERE day = ? AND to_us >= ?");
    const struct pl_cql_bound bound = {statement, values, 2};
    if (!e) e = pl_cql_select(c->session, &cursor, &bound, &how);
    if (e) return e;
    const struct pl_cql_rows *row;
    while (!(e = pl_cql_cursor_next(cursor, &row)) && row)
        if (pl_cql_cell_number(row, 0, 0) < until_us) *rows += (uint64_t)pl_cql_cell_number(row, 1, 0);
    pl_cql_cursor_close(cursor);
    return e;
}

/* A gap stands under the day of its end, which may be after the span's. */
pouch_err pl_cassandra_missing(struct pl_store *s, int64_t since_us, int64_t until_us, uint64_t *rows) {
    int64_t first_us = since_us, last_us = INT64_MAX;
    pl_cassandra_span(&first_us, &last_us);
    *rows = 0;
    pouch_err e = pl_cassandra_wait(pl_cassandra_of(s));
    for (int64_t day = first_us / PL_CASSANDRA_DAY_US; day <= last_us / PL_CASSANDRA_DAY_US && !e; day++)
        e = add_gaps(pl_cassandra_of(s), day, since_us, until_us, rows);
    return pl_cassandra_told(e);
}
