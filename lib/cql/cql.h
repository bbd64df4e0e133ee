/*
 * A client of Cassandra's native protocol, version 4: a session keeps a few connections to each host of a cluster and
 * has thousands of requests under way on them.
 *
 * THREADS    A session belongs to one thread. It has no thread of its
 *            own: bytes move, time-outs pass and connections come back only within pl_cql_run() and the calls that
 *            are said to wait, which run it. Callbacks are called from there alone.
 * CALLBACKS  A call that returns an error never calls back. One that returns OK calls back exactly once: with the
 *            answer, with an error, or with CLOSED from pl_cql_close(). A callback may start further requests; it
 *            must not call what waits, nor pl_cql_run() or pl_cql_close().
 * HOSTS      Contact points are asked for their peers; a request goes to a host that owns its partition (murmur3),
 *            in one data center. A host that does not answer is left out and tried again after 0.1 s, then after
 *            twice as long each time, 10 s at most; where its peers say that it has moved, there too. While no host
 *            is up, the names of the contact points are looked up again now and then, which waits for the resolver.
 * RETRIES    A request is tried on another host, where one is up and within its time: when the server says that it has
 *            not done it (starting, unavailable), or when its connection was lost before it was sent; and, if it is
 *            idempotent, when its connection was lost or the server is too busy, timed out or failed. Three attempts at
 *            most. Statements that a server has forgotten are prepared there again.
 * ERRORS     OVERLOADED     all of in_flight is under way, or the server is too busy      later
 *            STORE          no host can be reached, unavailable, failed by the server      later
 *            TIMEOUT        no answer in time, or the server's own time-out: unknown outcome
 *            CLOSED         the connection was lost, or the session closed: unknown outcome
 *            CONFIG         the statement or a value is wrong, or the schema is not what it should be
 *            NOT_ALLOWED    credentials or permissions
 *            EXISTS         a keyspace or table that is there already
 *            TOO_LARGE      a request or an answer over its bound
 *            NO_MEMORY
 *            pouch_why() names the host, what happened and the next step; never a value.
 */
#ifndef POUCH_CQL_CQL_H
#define POUCH_CQL_CQL_H

#include <cql/config.h>
#include <cql/rows.h>
#include <cql/value.h>
#include <pouch/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pl_wake;
struct pl_cql;           /* a session */
struct pl_cql_statement; /* a prepared statement; belongs to its session and lives as long */
struct pl_cql_cursor;    /* the rows of a query, page by page */

/* ---- a session ---- */

/*
 * Copies config and begins to connect; waits for nothing but the names' addresses. wake: pl_cql_run() also returns
 * when it is signalled, and does not clear it; NULL: none. CONFIG: TLS files that cannot be used, or none of the
 * names has an address (a resolver that is away is waited for later); NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err pl_cql_open(struct pl_cql **session, const struct pl_cql_config *config,
                                       struct pl_wake *wake);

/*
 * Ends every request that is under way with CLOSED, wipes the password, frees statements. Cursors are closed before.
 * NULL allowed.
 */
void pl_cql_close(struct pl_cql *s);

/*
 * Moves bytes and calls back for at most wait_us (0: only what is ready, negative: until something happens). Returns
 * earlier when at least one request has ended, or when the wake is signalled. How many requests have ended.
 */
size_t pl_cql_run(struct pl_cql *s, int64_t wait_us);

/*
 * Runs until a host can take requests. STORE: none could for wait_us, with each host's reason; NOT_ALLOWED:
 * credentials were refused; CONFIG: no certificate or data center fits.
 */
POUCH_MUST_CHECK pouch_err pl_cql_ready(struct pl_cql *s, int64_t wait_us);

/* Requests accepted and not yet ended; and how many more would be accepted now. */
size_t pl_cql_pending(const struct pl_cql *s);
size_t pl_cql_room(const struct pl_cql *s);

/* Hosts that take requests now, of those known in the data center. */
size_t pl_cql_hosts_up(const struct pl_cql *s, size_t *known);

/* ---- requests ---- */

enum pl_cql_consistency {
    PL_CQL_DEFAULT = 0, /* LOCAL_ONE; for serial: LOCAL_SERIAL */
    PL_CQL_ANY,
    PL_CQL_ONE,
    PL_CQL_TWO,
    PL_CQL_THREE,
    PL_CQL_QUORUM,
    PL_CQL_ALL,
    PL_CQL_LOCAL_QUORUM,
    PL_CQL_EACH_QUORUM,
    PL_CQL_SERIAL,
    PL_CQL_LOCAL_SERIAL,
    PL_CQL_LOCAL_ONE
};

/* "local_quorum" and so on, either case. False: no consistency has that name. */
bool pl_cql_consistency_parse(enum pl_cql_consistency *c, const char *name);
const char *pl_cql_consistency_name(enum pl_cql_consistency c); /* "LOCAL_QUORUM"; static */

/* How a request is to be done. NULL, or all zero, is a good default. */
struct pl_cql_how {
    enum pl_cql_consistency consistency;
    enum pl_cql_consistency serial; /* of the Paxos part of an LWT */
    bool idempotent;                /* doing it twice is as doing it once: may be tried again when in doubt */
    int64_t timestamp_us; /* of the writes, microseconds since the epoch; 0: the server's clock. Not for LWT */
    int64_t timeout_us;   /* 0: the session's request_us; counts from the call */
    int32_t page_size;    /* of a cursor's pages: rows; 0: 1,000 */
};

/*
 * How a request ended. Everything is borrowed during the callback. When error is set, pouch_why() tells it, and
 * server_code is the server's own code, or -1 when no server said anything.
 */
struct pl_cql_result {
    pouch_err error;
    int32_t server_code;
    struct pl_cql_rows *rows; /* NULL: the answer has none. One page; cursors read several */
};
typedef void pl_cql_done(const struct pl_cql_result *r, void *arg);

/*
 * Prepares a statement; waits, at most timeout_us (0: the session's). The same text twice is the same statement.
 * Write keyspace.table in full. CONFIG: the server does not take it, with its reason.
 */
POUCH_MUST_CHECK pouch_err pl_cql_prepare(struct pl_cql *s, const struct pl_cql_statement **statement, const char *text,
                                          int64_t timeout_us);

/* How many values it takes. */
size_t pl_cql_statement_values(const struct pl_cql_statement *statement);

/* A statement with its values, in the order of its markers. Fewer than it has: the rest is UNSET. */
struct pl_cql_bound {
    const struct pl_cql_statement *statement;
    const struct pl_cql_value *values;
    size_t n;
};

/*
 * Starts a request. Everything is copied. OVERLOADED: all of in_flight or bytes is under way: run, then try again.
 * STORE: no host is up: later. CONFIG: a value does not fit its column, which is named. TOO_LARGE, NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err pl_cql_execute(struct pl_cql *s, const struct pl_cql_bound *b, const struct pl_cql_how *how,
                                          pl_cql_done *done, void *arg);

/*
 * The same for 1 to 65,535 statements as an unlogged batch. It goes to the owner of the first one's partition, so all
 * should be of one partition. Conditional (LWT) statements must be; several of one table are applied all or none.
 */
POUCH_MUST_CHECK pouch_err pl_cql_batch(struct pl_cql *s, const struct pl_cql_bound bound[], size_t n,
                                        const struct pl_cql_how *how, pl_cql_done *done, void *arg);

/* ---- requests that wait ---- */

/* While all of in_flight is under way these wait for room, which is within their time: OVERLOADED, there was none. */

/*
 * Does one text without values (schema, mostly) and waits until it is done; after a change of the schema also, for at
 * most 10 s, until the hosts agree on it. The rows of an answer are dropped.
 */
POUCH_MUST_CHECK pouch_err pl_cql_do(struct pl_cql *s, const char *text, const struct pl_cql_how *how);

/*
 * Executes and waits. applied (may be NULL): false when it was an LWT whose condition did not hold; the row that was
 * in its way then goes to seen (may be NULL), borrowed during that call.
 */
typedef void pl_cql_seen(struct pl_cql_rows *row, void *arg);
POUCH_MUST_CHECK pouch_err pl_cql_call(struct pl_cql *s, const struct pl_cql_bound *b, const struct pl_cql_how *how,
                                       bool *applied, pl_cql_seen *seen, void *arg);
POUCH_MUST_CHECK pouch_err pl_cql_call_batch(struct pl_cql *s, const struct pl_cql_bound bound[], size_t n,
                                             const struct pl_cql_how *how, bool *applied);

/*
 * Asks for the first page and returns at once, so that several cursors wait together. A cursor takes no lists for
 * values. The next page is asked for while one is read; two are held in memory. Pages are idempotent. After a failure
 * nothing is to be closed.
 */
POUCH_MUST_CHECK pouch_err pl_cql_select(struct pl_cql *s, struct pl_cql_cursor **cursor, const struct pl_cql_bound *b,
                                         const struct pl_cql_how *how);

/* The same for a text without values; for tables that may not be there (CONFIG from the first pl_cql_cursor_next()). */
POUCH_MUST_CHECK pouch_err pl_cql_select_text(struct pl_cql *s, struct pl_cql_cursor **cursor, const char *text,
                                              const struct pl_cql_how *how);

/*
 * The next row, waiting for its page if need be; NULL after the last one. It is borrowed until this cursor's next
 * call. After an error the cursor gives no more rows.
 */
POUCH_MUST_CHECK pouch_err pl_cql_cursor_next(struct pl_cql_cursor *c, const struct pl_cql_rows **row);
void pl_cql_cursor_close(struct pl_cql_cursor *c); /* NULL allowed; before the session's end */

/* ---- for those who place rows themselves, and for tests ---- */

/* Where Cassandra's Murmur3Partitioner puts a partition key of these bytes. */
int64_t pl_cql_token(const void *key, size_t n);

#endif
