#include <store/sqlite_schema.h>

/* Times are kept as integers since the epoch; the views give them as people and other programs read them. */
#define TIME(seconds)    "strftime('%Y-%m-%dT%H:%M:%fZ', " seconds ", 'unixepoch')"
#define HEX(blob, at, n) "substr(hex(" blob "), " #at ", " #n ")"
#define UUID(blob)                                                                                     \
    "CASE WHEN " blob " NOT NULL THEN lower(" HEX(blob, 1, 8) "||'-'||" HEX(blob, 9, 4) "||'-'||" HEX( \
        blob, 13, 4) "||'-'||" HEX(blob, 17, 4) "||'-'||" HEX(blob, 21, 12) ") END"

/*
 * trace is only appended to. request leads from a key (trace_hash.h) to rows, up to the row in indexed. batch says what
 * each transaction wrote, source which offsets of a partition there are rows of, gap what is missing.
 */
#define TRACE_ROWS                                                                                         \
    "CREATE TABLE trace("                                                                                  \
    " row INTEGER PRIMARY KEY, id INTEGER NOT NULL, made_by INTEGER NOT NULL, response INTEGER NOT NULL,"  \
    " success INTEGER NOT NULL, request_id BLOB, at_us INTEGER NOT NULL, took_us INTEGER, publisher TEXT," \
    " topic TEXT, partition INTEGER, offset INTEGER, target TEXT, route TEXT, code TEXT, error TEXT,"      \
    " payload BLOB);"                                                                                      \
    "CREATE TABLE request(key INTEGER, row INTEGER, PRIMARY KEY(key, row)) WITHOUT ROWID;"                 \
    "CREATE TABLE indexed(row INTEGER NOT NULL);"                                                          \
    "INSERT INTO indexed VALUES(0);"                                                                       \
    "CREATE TABLE batch("                                                                                  \
    " first_row INTEGER PRIMARY KEY, last_row INTEGER NOT NULL, failed INTEGER NOT NULL,"                  \
    " from_us INTEGER NOT NULL, to_us INTEGER NOT NULL, written_us INTEGER NOT NULL);"                     \
    "CREATE TABLE source(id INTEGER PRIMARY KEY, low INTEGER NOT NULL, high INTEGER NOT NULL);"            \
    "CREATE TABLE gap(from_us INTEGER NOT NULL, to_us INTEGER NOT NULL, rows INTEGER NOT NULL);"

/*
 * minute has the centers' rows added up (tally.h), up to the row in tallied; a minute may have several entries,
 * and they are added up. replay has the rows that were written before, in this file or another, and do not count.
 */
#define TRACE_COUNTS                                                                                        \
    "CREATE TABLE minute("                                                                                  \
    " publisher TEXT NOT NULL, route TEXT NOT NULL, minute INTEGER NOT NULL, count INTEGER NOT NULL,"       \
    " failed INTEGER NOT NULL, took_us INTEGER NOT NULL, last_us INTEGER NOT NULL, lengths BLOB NOT NULL);" \
    "CREATE INDEX minute_of_publisher ON minute(publisher, minute);"                                        \
    "CREATE INDEX minute_of_route ON minute(route, minute);"                                                \
    "CREATE TABLE tallied(row INTEGER NOT NULL);"                                                           \
    "INSERT INTO tallied VALUES(0);"                                                                        \
    "CREATE TABLE replay(row INTEGER PRIMARY KEY);"

/*
 * unindexed leads to the rows behind the one in indexed: first_row and the keys of that row and of those after it, four
 * bytes of each. A gap that has an id may be there again, in this file or another, and counts once.
 */
#define TRACE_MARKS                                                              \
    "CREATE TABLE unindexed(first_row INTEGER PRIMARY KEY, keys BLOB NOT NULL);" \
    "ALTER TABLE gap ADD COLUMN id INTEGER;"

#define TRACE_VIEWS                                                                                                    \
    "CREATE VIEW routing_metadata AS SELECT"                                                                           \
    " " UUID("request_id") " AS request_id, publisher AS worker_name, " TIME(                                          \
        "at_us / 1e6") " AS timestamp,"                                                                                \
                       " topic AS source_topic, target AS target_topic, route AS route_id,"                            \
                       " iif(response, 'response', 'request') AS message_type, success, coalesce(error, code) AS "     \
                       "error,"                                                                                        \
                       " took_us / 1000.0 AS processing_time_ms, took_us AS processing_time_us, at_us AS "             \
                       "timestamp_us FROM trace"                                                                       \
                       " WHERE made_by = 1;"                                                                           \
                       "CREATE VIEW message_logs AS SELECT"                                                            \
                       " " UUID("request_id") " AS request_id, " TIME(                                                 \
                           "at_us / 1e6") " AS timestamp,"                                                             \
                                          " iif(response, 'response', 'request') AS type, topic, CAST(payload AS "     \
                                          "TEXT) AS payload, success,"                                                 \
                                          " coalesce(error, code) AS error, took_us / 1000.0 AS duration_ms, took_us " \
                                          "AS duration_us,"                                                            \
                                          " at_us AS timestamp_us FROM trace WHERE made_by <> 1;"

/*
 * Version 2 counts, and its views have the microseconds. Version 3 has the keys of rows that are not indexed yet, but
 * for those that were written before.
 */
const struct pl_sqlite_schema pl_trace_schema = {
    .what = "trace",
    .version = 3,
    .sql = TRACE_ROWS TRACE_COUNTS TRACE_MARKS TRACE_VIEWS,
    .upgrades = (const char *const[]){"DROP VIEW routing_metadata; DROP VIEW message_logs;" TRACE_COUNTS TRACE_VIEWS,
                                      TRACE_MARKS},
};
