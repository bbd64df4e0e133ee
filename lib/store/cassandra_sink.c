/*
 * Writing traces. Each row goes to its request, and to the lists by time that it belongs to, which are written in
 * batches of one partition. All of it may be written again: rows are known by their ids.
 */
#include <base/clock.h>
#include <base/log.h>
#include <base/why.h>
#include <stdio.h>
#include <stdlib.h>
#include <store/cassandra.h>
#include <store/cassandra_row.h>
#include <store/cassandra_sink.h>
#include <store/trace_pack.h>
#include <string.h>

enum {
    WINDOW = 256, /* requests under way, at most */
    WINDOW_LEAST = 16,
    CHUNK = 2048,      /* rows whose lists are sorted together */
    LISTS = 4,         /* that a row is in, at most */
    A_BATCH = 32,      /* entries of one partition: some 3 KiB, and a server warns at 5 */
    MINUTES = 1024,    /* of lists, that are known to be noted */
    LIST_MAX = 320,    /* bytes of a list's name */
    NOTED_LONGER = 60, /* seconds: a minute is noted for as long as its last row lives */
};

/* A row's place in a list. */
struct entry {
    uint64_t key;          /* of list, minute and shard */
    const char *publisher; /* NULL: a list of all; borrowed from the batch */
    int64_t minute, at_us, written_us, ttl_s;
    uint64_t row_id;
    struct pl_uuid request_id;
    bool failed; /* a list of failures */
};

struct pl_sink {
    struct pl_cassandra c;
    struct pl_stats_sink *stats;
    int64_t ttl_us, last_us; /* last_us: what the last row was written as, so that times never stand still */
    const struct pl_cql_statement *insert_row, *insert_entry, *insert_minute, *insert_gap;
    uint64_t minutes[MINUTES]; /* a hash table without chains: who is not there is noted once more */
    size_t window;   /* requests under way: a quarter after a write that failed, then twice as many each time */
    int64_t by_us;   /* of the write that is done */
    pouch_err error; /* its first */
    char why[512];
    size_t n_entries;
    struct entry entries[CHUNK * LISTS];
};

static void free_sink(struct pl_sink *s) {
    pl_stats_sink_free(s->stats);
    pl_cassandra_close(&s->c);
    free(s);
}

pouch_err pl_cassandra_sink_open(struct pl_sink **out, const char *where, int64_t ttl_ms) {
    struct pl_sink *s = calloc(1, sizeof *s);
    if (!s) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a writer of traces");
    s->ttl_us = ttl_ms * 1000;
    s->window = WINDOW;
    pouch_err e = pl_stats_sink_new(&s->stats);
    if (!e) e = pl_cassandra_connect(&s->c, where);
    if (e)
        free_sink(s);
    else
        *out = s;
    return e;
}

/* ---- requests under way ---- */

static int64_t left_us(const struct pl_sink *s) {
    int64_t left = s->by_us - pl_mono_us(&pl_clock_system);
    return left > 1 ? left : 1;
}

static void ended(const struct pl_cql_result *r, void *arg) {
    struct pl_sink *s = arg;
    if (!r->error || s->error) return;
    s->error = r->error;
    snprintf(s->why, sizeof s->why, "%s", pouch_why());
}

/* Waits until there is room for one more; the first error of any ends the write. */
static pouch_err wait_for_room(struct pl_sink *s, size_t most) {
    while (!s->error && pl_cql_pending(s->c.session) > most) pl_cql_run(s->c.session, left_us(s));
    return s->error ? pl_fail(s->error, "%s", s->why) : POUCH_OK;
}

static pouch_err start(void *arg, const struct pl_cql_bound *bound, size_t n) {
    struct pl_sink *s = arg;
    struct pl_cql_how how = pl_cassandra_how(&s->c);
    for (size_t most = s->window;; most /= 2) {
        pouch_err e = wait_for_room(s, most);
        if (!e && left_us(s) == 1) e = pl_fail(POUCH_E_TIMEOUT, "the store is too slow to take more rows in time");
        how.timeout_us = left_us(s);
        if (!e)
            e = n == 1 ? pl_cql_execute(s->c.session, bound, &how, ended, s)
                       : pl_cql_batch(s->c.session, bound, n, &how, ended, s);
        if (e != POUCH_E_OVERLOADED || !pl_cql_pending(s->c.session)) return e;
    }
}

/* All that is under way ends within its time, so this does. */
static pouch_err finish(struct pl_sink *s, pouch_err e) {
    while (pl_cql_pending(s->c.session)) pl_cql_run(s->c.session, left_us(s));
    if (!e && s->error) e = pl_fail(s->error, "%s", s->why);
    return e;
}

/* ---- the lists ---- */

static uint64_t mix(uint64_t h, uint64_t with) {
    h = (h ^ with) * 0x9e3779b97f4a7c15;
    return h ^ (h >> 29);
}

/* Well mixed before a minute is mixed in: two lists that differ in a bit must not meet in minutes that do. */
static uint64_t list_hash(const char *publisher, bool failed) {
    uint64_t h = mix(UINT64_C(0xcbf29ce484222325), failed ? 2 : 1);
    for (const char *at = publisher; at && *at; at++) h = mix(h, (unsigned char)*at);
    return mix(h, publisher != NULL);
}

static const char *list_name(char name[LIST_MAX], const struct entry *e) {
    const char *kind = e->failed ? "failed" : e->publisher ? "publisher" : "all";
    if (!e->publisher) return kind;
    snprintf(name, LIST_MAX, "%s %s", kind, e->publisher);
    return name;
}

static int shard_of(const struct entry *e) {
    return (int)(e->row_id % PL_CASSANDRA_SHARDS);
}

/* Before the first entry of a minute, that there are some is noted. */
static pouch_err note_minute(struct pl_sink *s, const struct entry *e) {
    uint64_t key = mix(list_hash(e->publisher, e->failed), (uint64_t)e->minute);
    uint64_t *slot = &s->minutes[key % MINUTES];
    if (*slot == key) return POUCH_OK;
    char name[LIST_MAX];
    const struct pl_cql_value values[] = {pl_cql_text(list_name(name, e)), pl_cql_number(e->minute / 1440),
                                          pl_cql_number(e->minute), pl_cql_number(e->written_us),
                                          pl_cql_number(e->ttl_s + NOTED_LONGER)};
    const struct pl_cql_bound bound = {s->insert_minute, values, 5};
    pouch_err failed = start(s, &bound, 1);
    if (!failed) *slot = key;
    return failed;
}

static pouch_err add_entry(struct pl_sink *s, struct entry e, const char *publisher, bool failed) {
    e.publisher = publisher;
    e.failed = failed;
    e.key = mix(mix(list_hash(publisher, failed), (uint64_t)e.minute), (uint64_t)shard_of(&e));
    s->entries[s->n_entries++] = e;
    return note_minute(s, &e);
}

static pouch_err list_row(struct pl_sink *s, const struct pl_trace *row, int64_t written_us, int64_t ttl_s) {
    const struct entry e = {.minute = row->at_us / PL_CASSANDRA_MINUTE_US,
                            .at_us = row->at_us,
                            .written_us = written_us,
                            .ttl_s = ttl_s,
                            .row_id = row->id,
                            .request_id = pl_cassandra_row_key(row)};
    const char *publisher = row->publisher && strlen(row->publisher) < LIST_MAX - 16 ? row->publisher : NULL;
    pouch_err failed = add_entry(s, e, NULL, false);
    if (!failed && publisher) failed = add_entry(s, e, publisher, false);
    if (!failed && !row->success) failed = add_entry(s, e, NULL, true);
    if (!failed && !row->success && publisher) failed = add_entry(s, e, publisher, true);
    return failed;
}

static int by_key(const void *left, const void *right) {
    const struct entry *a = left, *b = right;
    return (a->key > b->key) - (a->key < b->key);
}

static bool same_partition(const struct entry *a, const struct entry *b) {
    if (a->key != b->key || a->minute != b->minute || a->failed != b->failed || shard_of(a) != shard_of(b))
        return false;
    return a->publisher && b->publisher ? !strcmp(a->publisher, b->publisher) : a->publisher == b->publisher;
}

static pouch_err write_batch(struct pl_sink *s, const struct entry *entries, size_t n) {
    enum { VALUES = 8 };
    struct pl_cql_value values[A_BATCH][VALUES];
    struct pl_cql_bound bound[A_BATCH];
    char name[LIST_MAX];
    const struct pl_cql_value list = pl_cql_text(list_name(name, entries));
    for (size_t i = 0; i < n; i++) {
        const struct entry *e = &entries[i];
        const struct pl_cql_value row[VALUES] = {
            list,
            pl_cql_number(e->minute),
            pl_cql_number(shard_of(e)),
            pl_cql_number(e->at_us),
            pl_cql_number((int64_t)e->row_id),
            pl_cql_uuid(&e->request_id),
            pl_cql_number(e->written_us),
            pl_cql_number(e->ttl_s),
        };
        memcpy(values[i], row, sizeof row);
        bound[i] = (struct pl_cql_bound){s->insert_entry, values[i], VALUES};
    }
    return start(s, bound, n);
}

static pouch_err write_lists(struct pl_sink *s) {
    pouch_err e = POUCH_OK;
    qsort(s->entries, s->n_entries, sizeof *s->entries, by_key);
    for (size_t from = 0, to; from < s->n_entries && !e; from = to) {
        for (to = from + 1; to < s->n_entries && to - from < A_BATCH; to++)
            if (!same_partition(&s->entries[from], &s->entries[to])) break;
        e = write_batch(s, &s->entries[from], to - from);
    }
    s->n_entries = 0;
    return e;
}

/* ---- rows ---- */

/* What is left of a row's time, in seconds; 0: it is past, and the row is not written. */
static int64_t ttl_of(const struct pl_sink *s, int64_t at_us, int64_t now_us) {
    int64_t left = s->ttl_us - (now_us - at_us);
    if (left > s->ttl_us) left = s->ttl_us;
    return left <= 0 ? 0 : (left + 999999) / 1000000;
}

static pouch_err write_row(struct pl_sink *s, const struct pl_trace *row, int64_t written_us, int64_t ttl_s) {
    struct pl_cql_value values[PL_CASSANDRA_ROW_VALUES];
    struct pl_cassandra_scratch scratch;
    scratch.used = 0;
    pl_cassandra_row_bind(values, row, written_us, ttl_s, &scratch);
    const struct pl_cql_bound bound = {s->insert_row, values, PL_CASSANDRA_ROW_VALUES};
    pouch_err e = start(s, &bound, 1);
    return e ? e : list_row(s, row, written_us, ttl_s);
}

/*
 * Rows from the spool are written as of the time they tell of: whoever has handled their records again since
 * then has written what is to stay.
 */
static pouch_err write_rows(struct pl_sink *s, const struct pl_trace_batch *batch) {
    int64_t now_us = pl_wall_us(&pl_clock_system);
    const char *at = batch->at;
    pouch_err e = POUCH_OK;
    if (s->last_us < now_us) s->last_us = now_us;
    for (size_t i = 0; i < batch->rows && !e; i++) {
        struct pl_trace row;
        at = pl_trace_unpack(at, &row);
        int64_t ttl_s = ttl_of(s, row.at_us, now_us), written_us = batch->again ? row.at_us : ++s->last_us;
        if (!ttl_s) continue;
        e = write_row(s, &row, written_us, ttl_s);
        if (!e && s->n_entries > (CHUNK - 1) * LISTS) e = write_lists(s);
    }
    return e ? e : write_lists(s);
}

static pouch_err write_gap(struct pl_sink *s, const struct pl_gap *gap) {
    int64_t ttl_s = ttl_of(s, gap->to_us, pl_wall_us(&pl_clock_system));
    if (!gap->rows || !ttl_s) return POUCH_OK;
    const struct pl_cql_value values[] = {pl_cql_number(gap->to_us / PL_CASSANDRA_DAY_US),
                                          pl_cql_number(gap->to_us),
                                          pl_cql_number((int64_t)gap->id),
                                          pl_cql_number(gap->from_us),
                                          pl_cql_number((int64_t)gap->rows),
                                          pl_cql_number(gap->to_us),
                                          pl_cql_number(ttl_s)};
    const struct pl_cql_bound bound = {s->insert_gap, values, 7};
    return start(s, &bound, 1);
}

static pouch_err prepare(struct pl_sink *s) {
    struct pl_cassandra *c = &s->c;
    pouch_err e = pl_cassandra_prepare(c, &s->insert_row, pl_cassandra_row_insert);
    if (!e)
        e = pl_cassandra_prepare(c, &s->insert_entry,
                                 "INSERT INTO %s.trace_by_time (list, minute, shard, timestamp_us, row_id, request_id)"
                                 " VALUES (?,?,?,?,?,?) USING TIMESTAMP ? AND TTL ?");
    if (!e)
        e = pl_cassandra_prepare(c, &s->insert_minute,
                                 "INSERT INTO %s.trace_minutes (list, day, minute) VALUES (?,?,?)"
                                 " USING TIMESTAMP ? AND TTL ?");
    if (!e)
        e = pl_cassandra_prepare(c, &s->insert_gap,
                                 "INSERT INTO %s.trace_gaps (day, to_us, id, from_us, rows) VALUES (?,?,?,?,?)"
                                 " USING TIMESTAMP ? AND TTL ?");
    return e;
}

static pouch_err store_counts(struct pl_sink *s, bool all) {
    pouch_err e = finish(s, pl_stats_sink_write(s->stats, &s->c, s->ttl_us, all, start, s));
    if (!e) return pl_stats_sink_stored(s->stats);
    pl_stats_sink_failed(s->stats);
    return e;
}

static void begin(struct pl_sink *s, int timeout_ms) {
    s->c.prepare_us = (int64_t)timeout_ms * 1000;
    s->by_us = pl_mono_us(&pl_clock_system) + s->c.prepare_us;
    s->error = POUCH_OK;
    s->n_entries = 0;
}

/* A server that has more under way than it can do in its time does none of it. */
static void adapt(struct pl_sink *s, bool written) {
    s->window = written ? 2 * s->window : s->window / 4;
    if (s->window > WINDOW) s->window = WINDOW;
    if (s->window < WINDOW_LEAST) s->window = WINDOW_LEAST;
}

pouch_err pl_cassandra_sink_write(struct pl_sink *s, const struct pl_trace_batch *batch, const struct pl_gap *gap,
                                  int timeout_ms) {
    begin(s, timeout_ms);
    pouch_err e = pl_cassandra_ready(&s->c, left_us(s), left_us(s));
    s->c.prepare_us = left_us(s); /* waiting for a host has taken its part */
    if (!e) e = prepare(s);
    if (e) return pl_cassandra_told(e);
    e = write_gap(s, gap);
    if (!e) e = write_rows(s, batch);
    e = finish(s, e);
    if (!e) e = pl_stats_sink_count(s->stats, batch);
    if (!e) e = store_counts(s, false);
    adapt(s, !e);
    if (e) memset(s->minutes, 0, sizeof s->minutes); /* some may not have been noted */
    return pl_cassandra_told(e);
}

/* Rows go by their time to live. Counts that were not stored yet are. */
void pl_cassandra_sink_tidy(struct pl_sink *s) {
    enum { TIDY_MS = 500 };
    begin(s, TIDY_MS);
    if (s->c.made && store_counts(s, true))
        PL_LOG(PL_LOG_WARN, "the counts of routes are not stored", "why", pouch_why());
}

void pl_cassandra_sink_close(struct pl_sink *s) {
    pl_cassandra_sink_tidy(s);
    free_sink(s);
}
