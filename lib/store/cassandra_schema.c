/* Keyspace and tables: made where they are missing, brought up to date where they are of an older version. */
#include <base/clock.h>
#include <base/log.h>
#include <base/why.h>
#include <stdio.h>
#include <stdlib.h>
#include <store/cassandra.h>
#include <string.h>

/*
 * What a version adds to the one before it. Every statement may be done twice, since the process that did it first
 * may have ended before it said so. A change of a table is a new step, never a change of an old one.
 *
 * Rows of traces are written with a time to live of their own, by the time of the event, and never deleted: windows
 * of 6 hours make 28 in 7 days, and a table file is dropped whole when all in it has expired.
 */
#define KEPT                                                                                     \
    " AND default_time_to_live = 604800 AND gc_grace_seconds = 10800 AND compaction = {'class':" \
    " 'TimeWindowCompactionStrategy', 'compaction_window_unit': 'HOURS', 'compaction_window_size': 6}"

static const char *const version_1[] = {
    /*
     * One partition, so that the registry's version and what has it change together or not at all. kind is 'route',
     * 'service', 'id' (a route's id and whose it is), each with change 0; or 'audit', all changes under the name '',
     * and 'audit route' and so on, the changes of one name.
     */
    "CREATE TABLE IF NOT EXISTS %s.registry (part text, kind text, name text, change bigint,"
    " registry_version bigint STATIC, routes int STATIC, row_version bigint, route_id text, source_publisher text,"
    " target_topic frozen<list<text>>, service_name text, enabled boolean, version text, description text,"
    " endpoint text, tags set<text>, created_at timestamp, updated_at timestamp, about_kind text, about_name text,"
    " changed_by text, before_state text, after_state text, PRIMARY KEY (part, kind, name, change))",

    /* The rows. Those of centers have message_type, source_topic and processing_time_ms; all others type, topic and
     * duration_ms: the names that readers of earlier systems' tables look for. */
    "CREATE TABLE IF NOT EXISTS %s.trace_by_request (request_id uuid, row_id bigint, timestamp timestamp,"
    " timestamp_us bigint, made_by text, message_type text, type text, success boolean, error text, code text,"
    " worker_name text, topic text, source_topic text, target_topic text, kafka_partition int, kafka_offset bigint,"
    " route_id text, processing_time_ms int, duration_ms int, took_us bigint, payload text,"
    " PRIMARY KEY (request_id, row_id)) WITH comment = 'rows of a request'" KEPT,

    /* Lists of rows by time: list is 'all', 'failed', 'publisher NAME' or 'failed NAME'. */
    "CREATE TABLE IF NOT EXISTS %s.trace_by_time (list text, minute bigint, shard int, timestamp_us bigint,"
    " row_id bigint, request_id uuid, PRIMARY KEY ((list, minute, shard), timestamp_us, row_id))"
    " WITH CLUSTERING ORDER BY (timestamp_us DESC, row_id DESC)" KEPT,

    /* Which minutes of a day a list has rows in. */
    "CREATE TABLE IF NOT EXISTS %s.trace_minutes (list text, day bigint, minute bigint,"
    " PRIMARY KEY ((list, day), minute)) WITH comment = 'minutes that have rows'" KEPT,

    /* Rows that were lost, by the day of the last of them. */
    "CREATE TABLE IF NOT EXISTS %s.trace_gaps (day bigint, to_us bigint, id bigint, from_us bigint, rows bigint,"
    " PRIMARY KEY (day, to_us, id)) WITH comment = 'rows that are missing'" KEPT,

    /* What each writer has counted of a publisher's routes, a minute a row. */
    "CREATE TABLE IF NOT EXISTS %s.route_stats (worker_name text, day bigint, minute bigint, route_id text,"
    " writer uuid, count bigint, failed bigint, took_us bigint, last_us bigint, lengths blob,"
    " PRIMARY KEY ((worker_name, day), minute, route_id, writer)) WITH comment = 'counts by minute'" KEPT,
    "CREATE TABLE IF NOT EXISTS %s.route_stats_publishers (day bigint, worker_name text,"
    " PRIMARY KEY (day, worker_name)) WITH comment = 'publishers that have counts'" KEPT,

    "INSERT INTO %s.registry (part, registry_version, routes) VALUES ('registry', 0, 0) IF NOT EXISTS",
    NULL,
};

static const char *const version_2[] = {"ALTER TABLE %s.registry ADD weights text", NULL};

/* column: what a step adds to the registry, so that one which is there says that the step was done. */
static const struct step {
    const char *const *texts;
    const char *column;
} steps[] = {{version_1, NULL}, {version_2, "weights"}};
enum { VERSION = sizeof steps / sizeof steps[0] };

enum { TEXT_MAX = 2048, LOCK_S = 60, LOOK_US = 200000, UNLOCK_US = 2000000 };

static int64_t left_us(int64_t by_us) {
    int64_t left = by_us - pl_mono_us(&pl_clock_system);
    return left > 1 ? left : 1;
}

static pouch_err run(struct pl_cassandra *c, int64_t by_us, const char *text) {
    char whole[TEXT_MAX], quoted[64];
    snprintf(quoted, sizeof quoted, "\"%s\"", c->config.keyspace);
    const char *mark = strstr(text, "%s");
    snprintf(whole, sizeof whole, "%.*s%s%s", (int)(mark - text), text, quoted, mark + 2);
    const struct pl_cql_how how = {.consistency = c->consistency, .timeout_us = left_us(by_us)};
    return pl_cql_do(c->session, whole, &how);
}

static pouch_err read_number(struct pl_cassandra *c, int64_t by_us, const char *text, const char *column,
                             int64_t *number) {
    struct pl_cql_cursor *cursor;
    const struct pl_cql_how how = {.consistency = c->consistency, .timeout_us = left_us(by_us), .idempotent = true};
    pouch_err e = pl_cql_select_text(c->session, &cursor, text, &how);
    if (e) return e;
    const struct pl_cql_rows *row;
    *number = 0;
    e = pl_cql_cursor_next(cursor, &row);
    if (!e && row) *number = pl_cql_cell_number(row, pl_cql_column(row, column), 0);
    pl_cql_cursor_close(cursor);
    return e;
}

/* ---- the keyspace ---- */

/* "dc1:3,dc2:2" as the map of a keyspace; "3" counts in every data center. */
static pouch_err replication_map(char *out, size_t size, const char *text) {
    size_t n = (size_t)snprintf(out, size, "{'class': 'NetworkTopologyStrategy'");
    char *copy = strdup(text), *rest = copy;
    if (!copy) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a store");
    bool good = *text != '\0';
    for (char *one; good && (one = strsep(&rest, ","));) {
        char *colon = strrchr(one, ':'), *end;
        const char *dc = colon ? one : "replication_factor", *count = colon ? colon + 1 : one;
        if (colon) *colon = '\0';
        long copies = strtol(count, &end, 10);
        good = copies > 0 && copies < 100 && !*end && *dc && !strpbrk(dc, "'\"\\") && n < size;
        if (good) n += (size_t)snprintf(out + n, size - n, ", '%s': %ld", dc, copies);
    }
    free(copy);
    if (good && n + 2 < size) {
        snprintf(out + n, size - n, "}");
        return POUCH_OK;
    }
    return pl_fail(POUCH_E_CONFIG,
                   "store cassandra://: replication=%.64s is not a number of copies, as in replication=3 or "
                   "replication=dc1:3,dc2:3",
                   text);
}

static pouch_err make_keyspace(struct pl_cassandra *c, int64_t by_us) {
    char map[1024] = "{'class': 'SimpleStrategy', 'replication_factor': 1}", text[1200];
    int64_t there;
    snprintf(text, sizeof text, "SELECT count(*) AS there FROM system_schema.keyspaces WHERE keyspace_name = '%s'",
             c->config.keyspace);
    pouch_err e = read_number(c, by_us, text, "there", &there);
    if (e || there) return e;
    if (c->replication) e = replication_map(map, sizeof map, c->replication);
    if (e) return e;
    snprintf(text, sizeof text, "CREATE KEYSPACE IF NOT EXISTS %%s WITH replication = %s", map);
    e = run(c, by_us, text);
    if (!e && !c->replication)
        PL_LOG(PL_LOG_WARN,
               "a keyspace was made that keeps one copy of each row, which is for trying out; several "
               "copies: ALTER KEYSPACE, or ?replication=3 before it is made",
               "keyspace", c->config.keyspace);
    return e;
}

/* ---- its version ---- */

/* 0: there is nothing of ours yet. */
static pouch_err read_version(struct pl_cassandra *c, int64_t by_us, int64_t *version) {
    char text[256];
    int64_t there;
    snprintf(text, sizeof text,
             "SELECT count(*) AS there FROM system_schema.tables WHERE keyspace_name = '%s' AND table_name = "
             "'store_schema'",
             c->config.keyspace);
    pouch_err e = read_number(c, by_us, text, "there", &there);
    *version = 0;
    if (e || !there) return e;
    snprintf(text, sizeof text, "SELECT version FROM \"%s\".store_schema WHERE part = 'schema'", c->config.keyspace);
    e = read_number(c, by_us, text, "version", version);
    if (!e && *version > VERSION)
        e = pl_fail(POUCH_E_CONFIG,
                    "keyspace %s is of version %lld, and this program knows up to %d: update pouch on this host",
                    c->config.keyspace, (long long)*version, VERSION);
    return e;
}

/* ---- one process at a time ---- */

static pouch_err call(struct pl_cassandra *c, int64_t by_us, const char *text, const struct pl_cql_value *values,
                      size_t n, bool *applied) {
    const struct pl_cql_statement *statement = NULL;
    pouch_err e = pl_cassandra_prepare(c, &statement, text);
    const struct pl_cql_bound bound = {statement, values, n};
    const struct pl_cql_how how = {.consistency = c->consistency, .timeout_us = left_us(by_us)};
    return e ? e : pl_cql_call(c->session, &bound, &how, applied, NULL, NULL);
}

/* The lock falls by itself when its holder dies. */
static pouch_err lock(struct pl_cassandra *c, int64_t by_us, bool *locked) {
    const struct pl_cql_value ttl = pl_cql_number(LOCK_S);
    return call(c, by_us, "INSERT INTO %s.store_schema (part) VALUES ('lock') IF NOT EXISTS USING TTL ?", &ttl, 1,
                locked);
}

static pouch_err unlock(struct pl_cassandra *c, int64_t by_us) {
    return call(c, by_us, "DELETE FROM %s.store_schema WHERE part = 'lock' IF EXISTS", NULL, 0, NULL);
}

static pouch_err is_done(struct pl_cassandra *c, int64_t by_us, const struct step *step, int64_t *done) {
    char text[256];
    *done = 0;
    if (!step->column) return POUCH_OK;
    snprintf(
        text, sizeof text,
        "SELECT count(*) AS there FROM system_schema.columns WHERE keyspace_name = '%s' AND table_name = 'registry' "
        "AND column_name = '%s'",
        c->config.keyspace, step->column);
    return read_number(c, by_us, text, "there", done);
}

static pouch_err do_steps(struct pl_cassandra *c, int64_t by_us, int64_t version) {
    pouch_err e = POUCH_OK;
    for (; version < VERSION && !e; version++) {
        int64_t done = 0;
        e = is_done(c, by_us, &steps[version], &done);
        for (const char *const *text = steps[version].texts; *text && !e && !done; text++) e = run(c, by_us, *text);
        const struct pl_cql_value now[] = {pl_cql_number(version + 1)};
        if (!e) e = call(c, by_us, "INSERT INTO %s.store_schema (part, version) VALUES ('schema', ?)", now, 1, NULL);
    }
    return e;
}

static pouch_err update(struct pl_cassandra *c, int64_t by_us) {
    int64_t version;
    pouch_err e = read_version(c, by_us, &version); /* again, now that nobody else changes it */
    if (!e) e = do_steps(c, by_us, version);
    pouch_err unlocked = unlock(c, pl_mono_us(&pl_clock_system) + UNLOCK_US);
    return e ? e : unlocked;
}

static pouch_err wait_for_others(struct pl_cassandra *c, int64_t by_us) {
    if (pl_mono_us(&pl_clock_system) >= by_us)
        return pl_fail(POUCH_E_STORE,
                       "another process makes the tables of keyspace %s and has not finished; if it was killed, this "
                       "goes on within %d s",
                       c->config.keyspace, LOCK_S);
    int64_t until = pl_mono_us(&pl_clock_system) + LOOK_US;
    for (int64_t now; (now = pl_mono_us(&pl_clock_system)) < until;) pl_cql_run(c->session, until - now);
    return POUCH_OK;
}

pouch_err pl_cassandra_check(struct pl_cassandra *c, int64_t by_us) {
    int64_t version;
    pouch_err e = read_version(c, by_us, &version);
    if (e || version == VERSION) return e;
    if (!version) return pl_fail(POUCH_E_NOT_FOUND, "keyspace %s has no tables of pouch yet", c->config.keyspace);
    return pl_fail(POUCH_E_EXISTS,
                   "keyspace %s is of version %lld, and this program brings it to %d when it is first opened to work",
                   c->config.keyspace, (long long)version, VERSION);
}

pouch_err pl_cassandra_make(struct pl_cassandra *c, int64_t by_us) {
    int64_t version;
    pouch_err e = read_version(c, by_us, &version);
    if (e || version == VERSION) return e;
    e = version ? POUCH_OK : make_keyspace(c, by_us);
    if (!e && !version)
        e = run(c, by_us, "CREATE TABLE IF NOT EXISTS %s.store_schema (part text PRIMARY KEY, version int)");
    for (bool locked = false; !e && version < VERSION;) {
        e = lock(c, by_us, &locked);
        if (!e && locked) return update(c, by_us);
        if (!e) e = wait_for_others(c, by_us);
        if (!e) e = read_version(c, by_us, &version);
    }
    return e;
}
