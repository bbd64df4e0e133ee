/*
 * How routes do: each writer stores its own counts of a minute, over and over as they grow, and readers add up those
 * of all writers. A row of counts has one writer, so storing it again changes nothing.
 */
#include <base/clock.h>
#include <base/uuid.h>
#include <base/why.h>
#include <stdlib.h>
#include <store/cassandra_sink.h>
#include <store/recent.h>
#include <store/tally.h>
#include <store/trace_pack.h>
#include <string.h>
#include <sys/random.h>

/*
 * Minutes in memory; beyond, they are forgotten, and what comes is counted under another writer's name. Counts of
 * many minutes are stored once a second at most, those of few at once.
 */
enum { MINUTES_MAX = 16384, FEW = 64, LENGTHS_MAX = 256 * 1024, EVERY_US = 1000000, MINUTES_A_DAY = 1440 };

struct pl_stats_sink {
    struct pl_tally *tally;
    struct pl_recent *recent;
    struct pl_uuid writer;
    bool unstored; /* some rows were counted since the last storing */
    int64_t stored_us, last_us;
};

static pouch_err new_writer(struct pl_stats_sink *s) {
    if (getrandom(s->writer.b, sizeof s->writer.b, 0) != (ssize_t)sizeof s->writer.b)
        return pl_fail(POUCH_E_NO_MEMORY, "no random bytes could be had for a writer's name");
    pl_uuid_v4(&s->writer);
    return POUCH_OK;
}

void pl_stats_sink_free(struct pl_stats_sink *s) {
    if (!s) return;
    pl_tally_free(s->tally);
    pl_recent_free(s->recent);
    free(s);
}

pouch_err pl_stats_sink_new(struct pl_stats_sink **out) {
    struct pl_stats_sink *s = calloc(1, sizeof *s);
    if (!s) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for counting trace rows");
    pouch_err e = new_writer(s);
    if (!e) e = pl_tally_new(&s->tally);
    if (!e) e = pl_recent_new(&s->recent);
    if (e)
        pl_stats_sink_free(s);
    else
        *out = s;
    return e;
}

pouch_err pl_stats_sink_count(struct pl_stats_sink *s, const struct pl_trace_batch *batch) {
    const char *at = batch->at;
    pouch_err e = POUCH_OK;
    for (size_t i = 0; i < batch->rows && !e; i++) {
        struct pl_trace row;
        at = pl_trace_unpack(at, &row);
        if (!pl_tally_counts(&row) || pl_recent_again(s->recent, row.id)) continue;
        e = pl_tally_add(s->tally, &row);
        s->unstored = true;
    }
    return e;
}

/* ---- storing ---- */

struct storing {
    struct pl_stats_sink *s;
    const struct pl_cql_statement *minute, *publisher;
    int64_t written_us, now_us, ttl_us;
    struct pl_buf lengths;
    pl_sink_start *start;
    void *arg;
};

static pouch_err store_publisher(const struct storing *st, const struct pl_minute *m, int64_t ttl_s) {
    const struct pl_cql_value values[] = {pl_cql_number(m->minute / MINUTES_A_DAY), pl_cql_text(m->publisher),
                                          pl_cql_number(st->written_us), pl_cql_number(ttl_s)};
    const struct pl_cql_bound bound = {st->publisher, values, 4};
    return st->start(st->arg, &bound, 1);
}

static pouch_err store_minute(const struct pl_minute *m, void *arg) {
    struct storing *st = arg;
    int64_t left_us = st->ttl_us - (st->now_us - m->minute * PL_CASSANDRA_MINUTE_US), ttl_s = left_us / 1000000 + 60;
    if (left_us <= 0) return POUCH_OK;
    pl_buf_reset(&st->lengths);
    pouch_err e = pl_sketch_encode(&m->lengths, &st->lengths);
    if (!e) e = store_publisher(st, m, ttl_s);
    if (e) return e;
    const struct pl_cql_value values[] = {
        pl_cql_text(m->publisher),         pl_cql_number(m->minute / MINUTES_A_DAY),
        pl_cql_number(m->minute),          pl_cql_text(m->route),
        pl_cql_uuid(&st->s->writer),       pl_cql_number((int64_t)m->count),
        pl_cql_number((int64_t)m->failed), pl_cql_number(m->took_us),
        pl_cql_number(m->last_us),         pl_cql_bytes(st->lengths.at, st->lengths.len),
        pl_cql_number(st->written_us),     pl_cql_number(ttl_s)};
    const struct pl_cql_bound bound = {st->minute, values, sizeof values / sizeof values[0]};
    return st->start(st->arg, &bound, 1);
}

static bool is_due(const struct pl_stats_sink *s, int64_t now_us, bool all) {
    return s->unstored && (all || pl_tally_minutes(s->tally) <= FEW || now_us - s->stored_us >= EVERY_US);
}

void pl_stats_sink_failed(struct pl_stats_sink *s) {
    pl_tally_change_all(s->tally);
    s->unstored = true;
}

pouch_err pl_stats_sink_write(struct pl_stats_sink *s, struct pl_cassandra *c, int64_t ttl_us, bool all,
                              pl_sink_start *start, void *arg) {
    int64_t mono_us = pl_mono_us(&pl_clock_system);
    if (!is_due(s, mono_us, all)) return POUCH_OK;
    struct storing st = {.s = s, .now_us = pl_wall_us(&pl_clock_system), .ttl_us = ttl_us, .start = start, .arg = arg};
    st.written_us = s->last_us = s->last_us < st.now_us ? st.now_us : s->last_us + 1;
    pl_buf_init(&st.lengths, LENGTHS_MAX);
    pouch_err e = pl_cassandra_prepare(c, &st.minute,
                                       "INSERT INTO %s.route_stats (worker_name, day, minute, route_id, writer, count,"
                                       " failed, took_us, last_us, lengths) VALUES (?,?,?,?,?,?,?,?,?,?)"
                                       " USING TIMESTAMP ? AND TTL ?");
    if (!e)
        e = pl_cassandra_prepare(c, &st.publisher,
                                 "INSERT INTO %s.route_stats_publishers (day, worker_name) VALUES (?,?)"
                                 " USING TIMESTAMP ? AND TTL ?");
    if (!e) e = pl_tally_each(s->tally, store_minute, &st);
    pl_buf_free(&st.lengths);
    if (e) return e;
    s->unstored = false;
    s->stored_us = mono_us;
    return POUCH_OK;
}

pouch_err pl_stats_sink_stored(struct pl_stats_sink *s) {
    if (s->unstored || pl_tally_minutes(s->tally) <= MINUTES_MAX) return POUCH_OK;
    pouch_err e = new_writer(s);
    if (!e) pl_tally_clear(s->tally);
    return e;
}

/* ---- reading ---- */

struct reading {
    struct pl_cassandra *c;
    const struct pl_stats_query *q;
    struct pl_tally *sums;
};

static pouch_err add_minute(struct reading *r, const char *publisher, const struct pl_cql_rows *row) {
    char *route;
    pouch_err e = pl_cassandra_copy(&route, row, 0);
    if (e || !route) return e;
    const struct pl_minute m = {.publisher = publisher,
                                .route = route,
                                .count = (uint64_t)pl_cql_cell_number(row, 1, 0),
                                .failed = (uint64_t)pl_cql_cell_number(row, 2, 0),
                                .took_us = pl_cql_cell_number(row, 3, 0),
                                .last_us = pl_cql_cell_number(row, 4, 0)};
    struct pl_cql_cell lengths = pl_cql_cell_bytes(row, 5);
    bool asked = !r->q->route || !strcmp(r->q->route, route);
    if (asked && lengths.n >= 0) e = pl_tally_merge(r->sums, &m, lengths.at, (size_t)lengths.n);
    free(route);
    return e;
}

static pouch_err add_publisher(struct reading *r, int64_t day, const char *publisher) {
    const struct pl_cql_statement *statement = NULL;
    struct pl_cql_cursor *cursor;
    const struct pl_cql_value values[] = {pl_cql_text(publisher), pl_cql_number(day),
                                          pl_cql_number(r->q->since_us / PL_CASSANDRA_MINUTE_US),
                                          pl_cql_number((r->q->until_us - 1) / PL_CASSANDRA_MINUTE_US)};
    const struct pl_cql_how how = pl_cassandra_how(r->c);
    pouch_err e = pl_cassandra_prepare(r->c, &statement,
                                       "SELECT route_id, count, failed, took_us, last_us, lengths FROM %s.route_stats"
                                       " WHERE worker_name = ? AND day = ? AND minute >= ? AND minute <= ?");
    const struct pl_cql_bound bound = {statement, values, 4};
    if (!e) e = pl_cql_select(r->c->session, &cursor, &bound, &how);
    if (e) return e;
    const struct pl_cql_rows *row;
    while (!(e = pl_cql_cursor_next(cursor, &row)) && row)
        if ((e = add_minute(r, publisher, row))) break;
    pl_cql_cursor_close(cursor);
    return e;
}

static pouch_err add_day(struct reading *r, int64_t day) {
    if (r->q->publisher) return add_publisher(r, day, r->q->publisher);
    const struct pl_cql_statement *statement = NULL;
    struct pl_cql_cursor *cursor;
    const struct pl_cql_value values[] = {pl_cql_number(day)};
    const struct pl_cql_how how = pl_cassandra_how(r->c);
    pouch_err e =
        pl_cassandra_prepare(r->c, &statement, "SELECT worker_name FROM %s.route_stats_publishers WHERE day = ?");
    const struct pl_cql_bound bound = {statement, values, 1};
    if (!e) e = pl_cql_select(r->c->session, &cursor, &bound, &how);
    if (e) return e;
    const struct pl_cql_rows *row;
    while (!(e = pl_cql_cursor_next(cursor, &row)) && row) {
        char *publisher;
        e = pl_cassandra_copy(&publisher, row, 0);
        if (!e && publisher) e = add_publisher(r, day, publisher);
        free(publisher);
        if (e) break;
    }
    pl_cql_cursor_close(cursor);
    return e;
}

pouch_err pl_cassandra_stats(struct pl_store *s, const struct pl_stats_query *q, struct pl_tally *sums) {
    struct reading r = {.c = pl_cassandra_of(s), .q = q, .sums = sums};
    int64_t since_us = q->since_us, until_us = q->until_us;
    pl_cassandra_span(&since_us, &until_us);
    pouch_err e = pl_cassandra_wait(r.c);
    for (int64_t day = since_us / PL_CASSANDRA_DAY_US; day <= (until_us - 1) / PL_CASSANDRA_DAY_US && !e; day++)
        e = add_day(&r, day);
    return pl_cassandra_told(e);
}
