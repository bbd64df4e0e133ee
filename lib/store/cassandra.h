/*
 * The Cassandra back end: cassandra://HOST[:PORT],HOST/KEYSPACE?…, what its files share. The parameters of lib/cql
 * (config.h), and: replication=N or DC:N,DC:N (how a keyspace that is missing is made), consistency=NAME,
 * splp=off (do not read the tables of splp). Inside the room.
 */
#ifndef POUCH_STORE_CASSANDRA_H
#define POUCH_STORE_CASSANDRA_H

#include <cql/cql.h>
#include <store/backend.h>

/* Shards spread the rows of a minute; their number is part of what is stored, so it never changes. */
enum { PL_CASSANDRA_SHARDS = 8 };
#define PL_CASSANDRA_MINUTE_US INT64_C(60000000)
#define PL_CASSANDRA_DAY_US    (1440 * PL_CASSANDRA_MINUTE_US)

/* One session with the keyspace of a URL. */
struct pl_cassandra {
    struct pl_cql *session;
    struct pl_cql_config config;
    enum pl_cql_consistency consistency;
    const char *replication; /* as the URL says; NULL: one copy. Belongs to config */
    int64_t prepare_us;      /* how long preparing a statement may take; 0: as long as any request */
    bool splp;               /* the tables of splp are read too */
    bool made;               /* the tables are there, in this program's version */
    bool as_it_is;           /* nothing is made, brought up to date or taken over */
};

/* Begins to connect and waits for nothing. CONFIG, NO_MEMORY. After an error nothing is to be closed. */
POUCH_MUST_CHECK pouch_err pl_cassandra_connect(struct pl_cassandra *c, const char *where);
void pl_cassandra_close(struct pl_cassandra *c);

/*
 * Waits for a host for wait_us, and makes the keyspace and tables where they are missing, for make_us in all. STORE:
 * not in that time. CONFIG: the tables are of a later version of this program, or the settings are refused.
 * NOT_ALLOWED.
 */
POUCH_MUST_CHECK pouch_err pl_cassandra_ready(struct pl_cassandra *c, int64_t wait_us, int64_t make_us);

/* The same for those who wait as long as it takes. */
POUCH_MUST_CHECK pouch_err pl_cassandra_wait(struct pl_cassandra *c);

/* Prepares a statement once; *statement is NULL before. text has a %s for each name of the keyspace, two at most. */
POUCH_MUST_CHECK pouch_err pl_cassandra_prepare(struct pl_cassandra *c, const struct pl_cql_statement **statement,
                                                const char *text);

/* A session's error as the store tells it: what a store that is away or slow makes is STORE. The text stays. */
POUCH_MUST_CHECK pouch_err pl_cassandra_told(pouch_err e);

/* How reads and writes are done that may be done twice. */
struct pl_cql_how pl_cassandra_how(const struct pl_cassandra *c);

/* The days and minutes that stored rows can be in, within [since_us, until_us): traces are kept for 24 days at most. */
void pl_cassandra_span(int64_t *since_us, int64_t *until_us);

/* A copy of a cell's text; *text is NULL where it is null. NO_MEMORY. */
POUCH_MUST_CHECK pouch_err pl_cassandra_copy(char **text, const struct pl_cql_rows *row, int column);

/* ---- the schema (cassandra_schema.c) ---- */

/* Makes keyspace and tables or brings them up to date, unless another process does; waits for that, until by_us. */
POUCH_MUST_CHECK pouch_err pl_cassandra_make(struct pl_cassandra *c, int64_t by_us);

/* Says whether they are there in this program's version. NOT_FOUND: they are not. EXISTS: in an earlier one. */
POUCH_MUST_CHECK pouch_err pl_cassandra_check(struct pl_cassandra *c, int64_t by_us);

/* ---- the store ---- */

/* Rows of other programs that were dealt with, each by a hash of its name and write times, in order: 8 bytes a row. */
struct pl_cassandra_dealt {
    uint64_t *at;
    size_t n, max;
};

struct pl_cassandra_store {
    struct pl_store store; /* first, so that one pointer serves for both */
    struct pl_cassandra c;
    struct pl_splp *splp;            /* what there is of splp's tables; NULL: not looked for yet */
    int64_t looked_us;               /* monotonic clock: for routes that other programs wrote; 0: never */
    struct pl_cassandra_dealt dealt; /* when it was last looked */
};

static inline struct pl_cassandra *pl_cassandra_of(struct pl_store *s) {
    return &((struct pl_cassandra_store *)s)->c;
}

POUCH_MUST_CHECK pouch_err pl_cassandra_version(struct pl_store *s, int64_t *version);
POUCH_MUST_CHECK pouch_err pl_cassandra_routes(struct pl_store *s, struct pl_route_row **routes, size_t *n,
                                               int64_t *version);
POUCH_MUST_CHECK pouch_err pl_cassandra_route_put(struct pl_store *s, struct pl_route_row *r, int64_t expected);
POUCH_MUST_CHECK pouch_err pl_cassandra_route_remove(struct pl_store *s, const char *publisher, int64_t expected,
                                                     int64_t *version);
POUCH_MUST_CHECK pouch_err pl_cassandra_services(struct pl_store *s, struct pl_service_row **services, size_t *n);
POUCH_MUST_CHECK pouch_err pl_cassandra_service_put(struct pl_store *s, struct pl_service_row *r, int64_t expected);
POUCH_MUST_CHECK pouch_err pl_cassandra_service_remove(struct pl_store *s, const char *name, int64_t expected,
                                                       int64_t *revision);
POUCH_MUST_CHECK pouch_err pl_cassandra_audit_put(struct pl_store *s, const struct pl_audit *change);
POUCH_MUST_CHECK pouch_err pl_cassandra_audit(struct pl_store *s, const struct pl_audit_query *q, pl_audit_visit *fn,
                                              void *arg);

POUCH_MUST_CHECK pouch_err pl_cassandra_by_request(struct pl_store *s, const struct pl_uuid *id, pl_trace_visit *fn,
                                                   void *arg);
POUCH_MUST_CHECK pouch_err pl_cassandra_by_time(struct pl_store *s, const struct pl_trace_query *q, pl_trace_visit *fn,
                                                void *arg);
POUCH_MUST_CHECK pouch_err pl_cassandra_missing(struct pl_store *s, int64_t since_us, int64_t until_us, uint64_t *rows);
POUCH_MUST_CHECK pouch_err pl_cassandra_stats(struct pl_store *s, const struct pl_stats_query *q,
                                              struct pl_tally *sums);

/*
 * The routes and services that splp keeps in a keyspace, which is only read. *ours: it has none of splp's but a store
 * of pouch, of which nothing was read. CONFIG: it has neither. What pl_cassandra_ready() says.
 */
POUCH_MUST_CHECK pouch_err pl_cassandra_import(const char *where, bool *ours, struct pl_route_row **routes,
                                               size_t *n_routes, struct pl_service_row **services, size_t *n_services);

POUCH_MUST_CHECK pouch_err pl_cassandra_sink_open(struct pl_sink **out, const char *where, int64_t ttl_ms);
void pl_cassandra_sink_close(struct pl_sink *s);
POUCH_MUST_CHECK pouch_err pl_cassandra_sink_write(struct pl_sink *s, const struct pl_trace_batch *batch,
                                                   const struct pl_gap *gap, int timeout_ms);
void pl_cassandra_sink_tidy(struct pl_sink *s);

#endif
