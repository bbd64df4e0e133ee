/*
 * The rows of a query, page by page. A page is copied out of the connection's buffer when it comes, and read while the
 * next one is on its way.
 */
#include <base/why.h>
#include <cql/request.h>
#include <cql/session.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE_ROWS = 1000 };

struct page {
    struct pl_buf bytes; /* what the rows point into */
    struct pl_cql_rows rows;
};

struct pl_cql_cursor {
    struct pl_cql *session;
    struct pl_cql_how how;
    char *text;                                     /* of a query that was not prepared; else NULL */
    const struct pl_cql_statement *statement;       /* or this one, */
    struct pl_cql_value values[PL_CQL_COLUMNS_MAX]; /* whose bytes are in memory */
    size_t n_values;
    char *memory;
    struct page pages[2], *reading, *coming;
    bool more;    /* there is a page behind the one that is read, and nobody has asked for it */
    bool waiting; /* for a page: the callback holds this cursor */
    bool arrived; /* `coming` has a page that is not yet read */
    bool closed;  /* freed when the page that it waits for has come */
    pouch_err error;
    char why[512];
};

static void cursor_free(struct pl_cql_cursor *c) {
    for (size_t i = 0; i < 2; i++) pl_buf_free(&c->pages[i].bytes);
    free(c->text);
    free(c->memory);
    free(c);
}

static pouch_err out_of_memory(void) {
    return pl_fail(POUCH_E_NO_MEMORY, "out of memory for the rows of a query");
}

static struct pl_cql_cursor *cursor_new(struct pl_cql *s, const struct pl_cql_how *how) {
    struct pl_cql_cursor *c = calloc(1, sizeof *c);
    if (!c) return NULL;
    c->session = s;
    if (how) c->how = *how;
    c->how.idempotent = true;
    if (c->how.page_size <= 0) c->how.page_size = PAGE_ROWS;
    c->reading = &c->pages[0];
    c->coming = &c->pages[1];
    for (size_t i = 0; i < 2; i++) pl_buf_init(&c->pages[i].bytes, s->config.frame_max);
    return c;
}

/* ---- pages ---- */

static pouch_err keep_page(struct pl_cql_cursor *c) {
    struct pl_cql *s = c->session;
    struct page *p = c->coming;
    struct pl_cql_answer unused;
    pl_buf_reset(&p->bytes);
    pouch_err e = pl_buf_append(&p->bytes, s->body, s->head.length);
    if (!e && !pl_cql_answer_read(&unused, &p->rows, &s->head, p->bytes.at))
        e = pl_fail(POUCH_E_STORE, "a page of rows that cannot be read");
    c->arrived = !e;
    return e;
}

static void page_came(const struct pl_cql_result *r, void *arg) {
    struct pl_cql_cursor *c = arg;
    c->waiting = false;
    if (c->closed) {
        cursor_free(c);
        return;
    }
    if (r->error)
        c->error = r->error;
    else if (!r->rows)
        c->error = pl_fail(POUCH_E_STORE, "Cassandra answered a query without rows, not even none");
    else
        c->error = keep_page(c);
    if (c->error) snprintf(c->why, sizeof c->why, "%s", pouch_why());
}

static pouch_err ask(struct pl_cql_cursor *c, const struct pl_cql_how *how) {
    const struct pl_cql_rows *last = &c->reading->rows;
    const struct pl_cql_parameters p = {.consistency = how->consistency,
                                        .serial = how->serial,
                                        .page_size = how->page_size,
                                        .paging = last->paging,
                                        .paging_n = last->paging_n};
    const struct pl_cql_bound b = {c->statement, c->values, c->n_values};
    pouch_err e = c->text ? pl_cql_query_page(c->session, c->text, how, &p, page_came, c)
                          : pl_cql_execute_page(c->session, &b, how, &p, page_came, c);
    c->waiting = !e;
    c->more = e;
    return e;
}

/* Waits where all requests are under way. */
static pouch_err ask_for_sure(struct pl_cql_cursor *c) {
    struct pl_cql_attempt a = pl_cql_attempt_begin(c->session, &c->how);
    pouch_err e;
    do e = ask(c, &a.how);
    while (pl_cql_attempt_again(c->session, &a, &e));
    return e;
}

static void read_next_page(struct pl_cql_cursor *c) {
    struct page *read = c->reading;
    c->reading = c->coming;
    c->coming = read;
    c->arrived = false;
    c->more = c->reading->rows.paging;
}

/* The error is what every further call gives. */
static pouch_err give_up(struct pl_cql_cursor *c, pouch_err e) {
    c->more = false;
    c->error = e;
    snprintf(c->why, sizeof c->why, "%s", pouch_why());
    return e;
}

pouch_err pl_cql_cursor_next(struct pl_cql_cursor *c, const struct pl_cql_rows **row) {
    *row = NULL;
    for (;;) {
        if (c->more && ask(c, &c->how)) c->more = true; /* asked again when there is nothing left to read */
        if (pl_cql_rows_next(&c->reading->rows)) {
            *row = &c->reading->rows;
            return POUCH_OK;
        }
        if (c->error) return pl_fail(c->error, "%s", c->why);
        if (c->arrived) {
            read_next_page(c);
        } else if (c->waiting) {
            pl_cql_run(c->session, -1);
        } else if (c->more) {
            pouch_err e = ask_for_sure(c);
            if (e) return give_up(c, e);
        } else {
            return POUCH_OK;
        }
    }
}

void pl_cql_cursor_close(struct pl_cql_cursor *c) {
    if (!c) return;
    c->closed = true;
    if (!c->waiting) cursor_free(c);
}

/* ---- beginning ---- */

static pouch_err begin(struct pl_cql_cursor **out, struct pl_cql_cursor *c) {
    pouch_err e = ask_for_sure(c);
    if (e)
        cursor_free(c);
    else
        *out = c;
    return e;
}

/* Later pages need the values again, so their bytes are copied. */
static pouch_err copy_values(struct pl_cql_cursor *c, const struct pl_cql_bound *b) {
    size_t bytes = 0;
    if (b->n > PL_CQL_COLUMNS_MAX) return pl_fail(POUCH_E_CONFIG, "a query of more than %d values", PL_CQL_COLUMNS_MAX);
    for (size_t i = 0; i < b->n; i++) {
        if (b->values[i].kind == PL_CQL_KIND_BYTES) bytes += b->values[i].bytes.n;
        if (b->values[i].kind == PL_CQL_KIND_TEXTS)
            return pl_fail(POUCH_E_CONFIG, "a cursor takes no list for a value: %s", b->statement->text);
    }
    char *at = c->memory = malloc(bytes + 1);
    if (!at) return out_of_memory();
    for (size_t i = 0; i < b->n; i++) {
        c->values[i] = b->values[i];
        if (b->values[i].kind != PL_CQL_KIND_BYTES) continue;
        size_t n = b->values[i].bytes.n;
        if (n) memcpy(at, b->values[i].bytes.at, n);
        c->values[i].bytes.at = at;
        at += n;
    }
    c->n_values = b->n;
    return POUCH_OK;
}

pouch_err pl_cql_select(struct pl_cql *s, struct pl_cql_cursor **cursor, const struct pl_cql_bound *b,
                        const struct pl_cql_how *how) {
    struct pl_cql_cursor *c = cursor_new(s, how);
    if (!c) return out_of_memory();
    c->statement = b->statement;
    pouch_err e = copy_values(c, b);
    if (!e) return begin(cursor, c);
    cursor_free(c);
    return e;
}

pouch_err pl_cql_select_text(struct pl_cql *s, struct pl_cql_cursor **cursor, const char *text,
                             const struct pl_cql_how *how) {
    struct pl_cql_cursor *c = cursor_new(s, how);
    if (!c) return out_of_memory();
    c->text = strdup(text);
    if (c->text) return begin(cursor, c);
    cursor_free(c);
    return out_of_memory();
}
