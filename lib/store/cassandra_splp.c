#include <base/log.h>
#include <base/why.h>
#include <stdio.h>
#include <stdlib.h>
#include <store/cassandra_splp.h>
#include <string.h>

/*
 * Tables of two kinds in three keyspaces. Of one, so many rows are looked at for a query by time, and kept for showing.
 */
enum { TABLES_MAX = 6, SCAN_MAX = 1000000, KEEP_MAX = 100000, PAGE = 5000, NAME_MAX_BYTES = 128 };

struct table {
    char name[NAME_MAX_BYTES]; /* "messaging".message_logs */
    bool routing;              /* routing_metadata, else message_logs */
    bool text_id;              /* request_id is a text, not a uuid */
    bool refused;              /* it cannot be read, which was logged */
};

struct pl_splp {
    struct table tables[TABLES_MAX];
    size_t n;
};

static const char *const columns_of[2] = {
    "request_id, timestamp, type, topic, success, error, duration_ms",
    "request_id, timestamp, message_type, source_topic, success, error, processing_time_ms, worker_name, target_topic,"
    " route_id"};

enum column { REQUEST_ID, TIMESTAMP, TYPE, TOPIC, SUCCESS, ERROR, TOOK_MS, PUBLISHER, TARGET, ROUTE };

void pl_splp_free(struct pl_splp *splp) {
    free(splp);
}

/* ---- finding the tables ---- */

static bool cell_is(const struct pl_cql_rows *row, int column, const char *text) {
    size_t n;
    const char *at = pl_cql_cell_text(row, column, &n);
    return n == strlen(text) && !memcmp(at, text, n);
}

static void add_table(struct pl_splp *splp, const char *keyspace, const struct pl_cql_rows *row) {
    bool routing = cell_is(row, 0, "routing_metadata");
    if ((!routing && !cell_is(row, 0, "message_logs")) || !cell_is(row, 1, "request_id")) return;
    if (splp->n == TABLES_MAX) return;
    struct table *t = &splp->tables[splp->n++];
    t->routing = routing;
    t->text_id = !cell_is(row, 2, "uuid");
    snprintf(t->name, sizeof t->name, "\"%s\".%s", keyspace, routing ? "routing_metadata" : "message_logs");
}

static pouch_err look_into(struct pl_cassandra *c, struct pl_splp *splp, const char *keyspace) {
    char text[256];
    struct pl_cql_cursor *cursor;
    const struct pl_cql_how how = pl_cassandra_how(c);
    snprintf(text, sizeof text,
             "SELECT table_name, column_name, type FROM system_schema.columns WHERE keyspace_name = '%s'", keyspace);
    pouch_err e = pl_cql_select_text(c->session, &cursor, text, &how);
    if (e) return e;
    const struct pl_cql_rows *row;
    while (!(e = pl_cql_cursor_next(cursor, &row)) && row) add_table(splp, keyspace, row);
    pl_cql_cursor_close(cursor);
    return e;
}

/* Once for a store. */
static pouch_err look(struct pl_cassandra_store *s) {
    if (s->splp || !s->c.splp) return POUCH_OK;
    struct pl_splp *splp = calloc(1, sizeof *splp);
    if (!splp) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a store");
    const char *const keyspaces[] = {"messaging", "command_center", s->c.config.keyspace};
    pouch_err e = POUCH_OK;
    for (size_t i = 0; i < 3 && !e; i++) {
        bool twice = i == 2 && (!strcmp(keyspaces[2], keyspaces[0]) || !strcmp(keyspaces[2], keyspaces[1]));
        if (!twice) e = look_into(&s->c, splp, keyspaces[i]);
    }
    if (e)
        free(splp);
    else
        s->splp = splp;
    return e;
}

/* A table of another shape, or one that may not be read, is left out: what ours say is still worth showing. */
static pouch_err leave_out(struct table *t, pouch_err e) {
    if (e != POUCH_E_CONFIG && e != POUCH_E_NOT_ALLOWED) return e;
    t->refused = true;
    PL_LOG(PL_LOG_WARN,
           "a table of splp cannot be read, and its rows are not shown; splp=off in the store's URL leaves "
           "these tables alone",
           "table", t->name, "why", pouch_why());
    return POUCH_OK;
}

/* ---- a row ---- */

static const char *text_of(char **to, const struct pl_cql_rows *row, enum column column) {
    struct pl_cql_cell cell = pl_cql_cell_bytes(row, (int)column);
    if (cell.n < 0) return NULL;
    char *at = *to;
    memcpy(at, cell.at, (size_t)cell.n);
    at[cell.n] = '\0';
    *to += cell.n + 1;
    return at;
}

static void read_id(struct pl_trace *t, const struct pl_cql_rows *row) {
    size_t n;
    if (pl_cql_cell_uuid(row, REQUEST_ID, &t->request_id)) return;
    const char *text = pl_cql_cell_text(row, REQUEST_ID, &n);
    if (!pl_uuid_parse(&t->request_id, text, n)) t->request_id = (struct pl_uuid){{0}};
}

static pouch_err read_row(struct pl_cassandra_row **out, const struct table *table, const struct pl_cql_rows *row) {
    static const enum column texts[] = {TOPIC, ERROR, PUBLISHER, TARGET, ROUTE};
    size_t size = 0, n_texts = table->routing ? 5 : 2;
    for (size_t i = 0; i < n_texts; i++) {
        struct pl_cql_cell cell = pl_cql_cell_bytes(row, (int)texts[i]);
        if (cell.n >= 0) size += (size_t)cell.n + 1;
    }
    *out = malloc(sizeof **out + size);
    if (!*out) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a row of the store");
    char *at = (*out)->texts;
    struct pl_trace *t = &(*out)->trace;
    int64_t ms = pl_cql_cell_number(row, TIMESTAMP, 0), took_ms = pl_cql_cell_number(row, TOOK_MS, -1);
    *t = (struct pl_trace){.by = table->routing ? PL_TRACE_CENTER : PL_TRACE_CLIENT,
                           .response = cell_is(row, TYPE, "response"),
                           .success = pl_cql_cell_number(row, SUCCESS, 1),
                           .at_us = ms * 1000,
                           .took_us = took_ms < 0 ? -1 : took_ms * 1000,
                           .partition = -1,
                           .offset = -1,
                           .topic = text_of(&at, row, TOPIC),
                           .error = text_of(&at, row, ERROR)};
    if (table->routing) {
        t->publisher = text_of(&at, row, PUBLISHER);
        t->target = text_of(&at, row, TARGET);
        t->route = text_of(&at, row, ROUTE);
    }
    read_id(t, row);
    char request_id[37];
    pl_uuid_format(request_id, &t->request_id);
    t->id = pl_trace_id(table->name, 0, ms, request_id, t->by, t->response);
    return POUCH_OK;
}

/* ---- of one request ---- */

static pouch_err add_request(struct pl_cassandra *c, const struct table *t, const struct pl_uuid *id,
                             struct pl_cassandra_rows *rows) {
    char text[512], written[37];
    const struct pl_cql_statement *statement;
    struct pl_cql_cursor *cursor;
    const struct pl_cql_how how = pl_cassandra_how(c);
    pl_uuid_format(written, id);
    const struct pl_cql_value value = t->text_id ? pl_cql_text(written) : pl_cql_uuid(id);
    snprintf(text, sizeof text, "SELECT %s FROM %s WHERE request_id = ?", columns_of[t->routing], t->name);
    pouch_err e = pl_cql_prepare(c->session, &statement, text, 0);
    const struct pl_cql_bound bound = {statement, &value, 1};
    if (!e) e = pl_cql_select(c->session, &cursor, &bound, &how);
    if (e) return e;
    const struct pl_cql_rows *row;
    while (!(e = pl_cql_cursor_next(cursor, &row)) && row) {
        struct pl_cassandra_row *copy;
        e = read_row(&copy, t, row);
        if (!e) e = pl_cassandra_rows_add(rows, copy);
        if (e) break;
    }
    pl_cql_cursor_close(cursor);
    return e;
}

pouch_err pl_splp_by_request(struct pl_cassandra_store *s, const struct pl_uuid *id, struct pl_cassandra_rows *rows) {
    pouch_err e = look(s);
    for (size_t i = 0; s->splp && i < s->splp->n && !e; i++) {
        struct table *t = &s->splp->tables[i];
        if (!t->refused) e = leave_out(t, add_request(&s->c, t, id, rows));
    }
    return e;
}

/* ---- by time ---- */

struct pl_splp_rows {
    struct pl_cassandra_rows kept;
    size_t next, most;
    bool cut;
};

void pl_splp_rows_free(struct pl_splp_rows *rows) {
    if (!rows) return;
    pl_cassandra_rows_free(&rows->kept);
    free(rows);
}

/* In order, and no more than the query may show. */
static void settle(struct pl_splp_rows *rows, bool oldest_first) {
    struct pl_cassandra_rows *kept = &rows->kept;
    pl_cassandra_rows_sort(kept, oldest_first);
    rows->cut |= kept->n > rows->most && rows->most == KEEP_MAX;
    while (kept->n > rows->most) free(kept->at[--kept->n]);
}

static bool is_asked_for(const struct pl_trace_query *q, const struct pl_trace *t) {
    if (t->at_us < q->since_us || t->at_us >= q->until_us || (q->failed && t->success)) return false;
    return !q->publisher || (t->publisher && !strcmp(t->publisher, q->publisher));
}

static pouch_err add_row(struct pl_splp_rows *rows, const struct table *t, const struct pl_trace_query *q,
                         const struct pl_cql_rows *row) {
    struct pl_cassandra_row *copy;
    pouch_err e = read_row(&copy, t, row);
    if (e) return e;
    if (!is_asked_for(q, &copy->trace)) {
        free(copy);
        return POUCH_OK;
    }
    e = pl_cassandra_rows_add(&rows->kept, copy);
    if (!e && rows->kept.n >= 2 * rows->most + PAGE) settle(rows, q->oldest_first);
    return e;
}

static pouch_err scan(struct pl_cassandra *c, const struct table *t, const struct pl_trace_query *q,
                      struct pl_splp_rows *rows) {
    char text[512];
    struct pl_cql_cursor *cursor;
    struct pl_cql_how how = pl_cassandra_how(c);
    how.page_size = PAGE;
    snprintf(text, sizeof text, "SELECT %s FROM %s", columns_of[t->routing], t->name);
    pouch_err e = pl_cql_select_text(c->session, &cursor, text, &how);
    if (e) return e;
    const struct pl_cql_rows *row;
    size_t seen = 0;
    while (!(e = pl_cql_cursor_next(cursor, &row)) && row && seen++ < SCAN_MAX)
        if ((e = add_row(rows, t, q, row))) break;
    rows->cut |= row != NULL;
    pl_cql_cursor_close(cursor);
    return e;
}

pouch_err pl_splp_by_time(struct pl_cassandra_store *s, const struct pl_trace_query *q, struct pl_splp_rows **out) {
    pouch_err e = look(s);
    if (e || !s->splp || !s->splp->n) return e;
    struct pl_splp_rows *rows = calloc(1, sizeof *rows);
    if (!rows) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for reading traces");
    *out = rows;
    rows->most = q->limit < KEEP_MAX ? q->limit : KEEP_MAX;
    for (size_t i = 0; i < s->splp->n && !e; i++) {
        struct table *t = &s->splp->tables[i];
        if (!t->refused) e = leave_out(t, scan(&s->c, t, q, rows));
    }
    settle(rows, q->oldest_first);
    if (rows->cut)
        PL_LOG(PL_LOG_WARN, "the tables of splp have more rows than are looked at for one query; some are not shown");
    return e;
}

const struct pl_trace *pl_splp_next(struct pl_splp_rows *rows, const struct pl_trace *upto, bool oldest_first) {
    if (!rows || rows->next == rows->kept.n) return NULL;
    const struct pl_trace *next = &rows->kept.at[rows->next]->trace;
    if (upto && (oldest_first ? next->at_us > upto->at_us : next->at_us < upto->at_us)) return NULL;
    rows->next++;
    return next;
}
