#include <base/why.h>
#include <stdlib.h>
#include <store/cassandra_walk.h>

enum { PAGE = 256, PAGE_LEAST = 10 };

/* One shard of the minute that is read. */
struct shard {
    struct pl_cql_cursor *cursor;
    struct pl_listed head;
    bool filled; /* head is the next one of this shard */
};

/* Minutes come from the days, one day after another; rows from the minute, its shards merged. */
struct pl_walk {
    struct pl_cassandra *c;
    const char *list;
    int64_t since_us, until_us;
    bool oldest_first, begun, in_minute;
    int32_t page;
    int64_t day, last_day, step; /* of the days: 1 or -1 */
    struct pl_cql_cursor *minutes;
    struct shard shards[PL_CASSANDRA_SHARDS];
    const struct pl_cql_statement *select_minutes, *select_rows;
};

static pouch_err prepare(struct pl_walk *w) {
    pouch_err e = pl_cassandra_prepare(
        w->c, &w->select_minutes,
        w->oldest_first
            ? "SELECT minute FROM %s.trace_minutes WHERE list = ? AND day = ? AND minute >= ? AND minute <= ?"
            : "SELECT minute FROM %s.trace_minutes WHERE list = ? AND day = ? AND minute >= ? AND minute <= ?"
              " ORDER BY minute DESC");
    if (e) return e;
    return pl_cassandra_prepare(
        w->c, &w->select_rows,
        w->oldest_first ? "SELECT timestamp_us, row_id, request_id FROM %s.trace_by_time WHERE list = ? AND minute = ?"
                          " AND shard = ? AND timestamp_us >= ? AND timestamp_us < ?"
                          " ORDER BY timestamp_us ASC, row_id ASC"
                        : "SELECT timestamp_us, row_id, request_id FROM %s.trace_by_time WHERE list = ? AND minute = ?"
                          " AND shard = ? AND timestamp_us >= ? AND timestamp_us < ?");
}

pouch_err pl_walk_open(struct pl_walk **out, struct pl_cassandra *c, const char *list, const struct pl_trace_query *q) {
    struct pl_walk *w = calloc(1, sizeof *w);
    if (!w) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for reading traces");
    w->c = c;
    w->list = list;
    w->since_us = q->since_us;
    w->until_us = q->until_us;
    w->oldest_first = q->oldest_first;
    pl_cassandra_span(&w->since_us, &w->until_us);
    w->page = q->limit < PAGE ? (int32_t)q->limit : PAGE;
    if (w->page < PAGE_LEAST) w->page = PAGE_LEAST;
    int64_t first = w->since_us / PL_CASSANDRA_DAY_US, last = (w->until_us - 1) / PL_CASSANDRA_DAY_US;
    w->step = w->oldest_first ? 1 : -1;
    w->day = w->oldest_first ? first : last;
    w->last_day = w->oldest_first ? last : first;
    pouch_err e = prepare(w);
    if (e)
        pl_walk_close(w);
    else
        *out = w;
    return e;
}

static void close_minute(struct pl_walk *w) {
    for (int i = 0; i < PL_CASSANDRA_SHARDS; i++) {
        pl_cql_cursor_close(w->shards[i].cursor);
        w->shards[i] = (struct shard){0};
    }
    w->in_minute = false;
}

void pl_walk_close(struct pl_walk *w) {
    if (!w) return;
    close_minute(w);
    pl_cql_cursor_close(w->minutes);
    free(w);
}

static pouch_err select_from(struct pl_walk *w, struct pl_cql_cursor **cursor, const struct pl_cql_statement *statement,
                             const struct pl_cql_value *values, size_t n, int32_t page) {
    const struct pl_cql_bound bound = {statement, values, n};
    struct pl_cql_how how = pl_cassandra_how(w->c);
    how.page_size = page;
    return pl_cql_select(w->c->session, cursor, &bound, &how);
}

/* The next day's minutes; *more: false: there is no further day. */
static pouch_err open_day(struct pl_walk *w, bool *more) {
    if (w->begun && w->day == w->last_day) *more = false;
    if (w->since_us >= w->until_us) *more = false;
    if (!*more) return POUCH_OK;
    if (w->begun) w->day += w->step;
    w->begun = true;
    const struct pl_cql_value values[] = {pl_cql_text(w->list), pl_cql_number(w->day),
                                          pl_cql_number(w->since_us / PL_CASSANDRA_MINUTE_US),
                                          pl_cql_number((w->until_us - 1) / PL_CASSANDRA_MINUTE_US)};
    return select_from(w, &w->minutes, w->select_minutes, values, 4, PAGE);
}

static pouch_err fill(struct shard *s) {
    const struct pl_cql_rows *row;
    pouch_err e = pl_cql_cursor_next(s->cursor, &row);
    s->filled = !e && row;
    if (!s->filled) return e;
    s->head.at_us = pl_cql_cell_number(row, 0, 0);
    s->head.row_id = (uint64_t)pl_cql_cell_number(row, 1, 0);
    s->filled = pl_cql_cell_uuid(row, 2, &s->head.request_id);
    return POUCH_OK;
}

static pouch_err open_minute(struct pl_walk *w, int64_t minute) {
    pouch_err e = POUCH_OK;
    w->in_minute = true;
    for (int i = 0; i < PL_CASSANDRA_SHARDS && !e; i++) {
        const struct pl_cql_value values[] = {pl_cql_text(w->list), pl_cql_number(minute), pl_cql_number(i),
                                              pl_cql_number(w->since_us), pl_cql_number(w->until_us)};
        e = select_from(w, &w->shards[i].cursor, w->select_rows, values, 5, w->page);
    }
    for (int i = 0; i < PL_CASSANDRA_SHARDS && !e; i++) e = fill(&w->shards[i]);
    return e;
}

static pouch_err next_minute(struct pl_walk *w, bool *more) {
    const struct pl_cql_rows *row = NULL;
    close_minute(w);
    for (;;) {
        pouch_err e = w->minutes ? pl_cql_cursor_next(w->minutes, &row) : POUCH_OK;
        if (!e && row) return open_minute(w, pl_cql_cell_number(row, 0, 0));
        pl_cql_cursor_close(w->minutes);
        w->minutes = NULL;
        if (!e) e = open_day(w, more);
        if (e || !*more) return e;
    }
}

static bool comes_before(const struct pl_walk *w, const struct pl_listed *a, const struct pl_listed *b) {
    bool older = a->at_us != b->at_us ? a->at_us < b->at_us : (int64_t)a->row_id < (int64_t)b->row_id;
    return older == w->oldest_first;
}

pouch_err pl_walk_next(struct pl_walk *w, struct pl_listed *row, bool *more) {
    for (*more = true; *more;) {
        struct shard *first = NULL;
        for (int i = 0; i < PL_CASSANDRA_SHARDS && w->in_minute; i++) {
            struct shard *s = &w->shards[i];
            if (s->filled && (!first || comes_before(w, &s->head, &first->head))) first = s;
        }
        if (first) {
            *row = first->head;
            return fill(first);
        }
        pouch_err e = next_minute(w, more);
        if (e) return e;
    }
    return POUCH_OK;
}
