/*
 * Routes, services and traces: what outlives the processes. One interface, chosen by URL:
 *
 *   sqlite:///FOLDER                  a folder that any number of processes of one host share: registry.db, and
 *                                     beside it the trace files, one set a writer
 *   cassandra://HOST,HOST/KEYSPACE?…  a keyspace of Cassandra, made when it is missing; its settings are those of
 *                                     cql/config.h and store/cassandra.h
 *
 * THREADS  A store belongs to one thread at a time. Each thread that needs one opens its own.
 */
#ifndef POUCH_STORE_STORE_H
#define POUCH_STORE_STORE_H

#include <pouch/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <store/trace.h>

struct pl_store;

/*
 * Makes what is missing (folder mode 0700, files 0600). CONFIG: not a URL we know, or a folder
 * that cannot be used, named with the reason. NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err pl_store_open(struct pl_store **s, const char *url);

/*
 * Opens a store as it is, to read its routes and services: nothing is made, brought up to date or taken over from other
 * programs. NOT_FOUND: there is nothing yet. EXISTS: it is of an earlier version. Else as above.
 */
POUCH_MUST_CHECK pouch_err pl_store_look(struct pl_store **s, const char *url);

void pl_store_close(struct pl_store *s); /* NULL allowed */

/*
 * "sqlite://" and $XDG_STATE_HOME/pouch, or ~/.local/state/pouch; for a system user without a home, /var/lib/pouch.
 * CONFIG: none can be told.
 */
POUCH_MUST_CHECK pouch_err pl_store_default_url(char **url);

/*
 * Where this host keeps a file that belongs to a store: in its folder; of a store that is elsewhere, in that of the
 * default store, which is made, under a name that tells stores apart. NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err pl_store_beside(char **path, const char *url, const char *file);

/* ---- the registry ---- */

enum { PL_TARGETS_MAX = 16, PL_TAGS_MAX = 32, PL_ROUTES_MAX = 100000, PL_WEIGHT_MAX = 1000000 };

/* publisher -> targets. Texts belong to the route. */
struct pl_route_row {
    char *id;        /* unique; "route-<publisher>" unless given */
    char *publisher; /* unique: one route a publisher */
    char **targets;  /* topics, at least one, none twice */
    size_t n_targets;
    uint32_t *weights; /* of the targets, each 0 to PL_WEIGHT_MAX and not all 0: a request goes to one of them.
                          NULL: it goes to all */
    char *service;     /* NULL: none */
    bool enabled;
    int64_t version; /* of the registry when this was written: grows with every change, is never used again */
    int64_t created_ms, updated_ms;
};

struct pl_service_row {
    char *name, *version;         /* its own version, such as 2.1.0 */
    char *description, *endpoint; /* NULL: none */
    char **tags;
    size_t n_tags;
    int64_t revision; /* what a route's version is */
    int64_t created_ms, updated_ms;
};

void pl_route_free(struct pl_route_row *r, size_t n); /* an array of n, from malloc */
void pl_service_free(struct pl_service_row *s, size_t n);

/*
 * All, ordered by publisher, by name; and the registry's version. Errors of every call here: STORE (the back end
 * failed: its reason is in pouch_why()), NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err pl_store_routes(struct pl_store *s, struct pl_route_row **routes, size_t *n,
                                           int64_t *version);
POUCH_MUST_CHECK pouch_err pl_store_services(struct pl_store *s, struct pl_service_row **services, size_t *n);

/*
 * The registry's version alone: cheap, for those who look whether to read all again. It grows with every change, by
 * whomever: routes that other programs write to the tables of a back end count as well. Services do on SQLite only:
 * centers need none, and who lists them reads the table.
 */
POUCH_MUST_CHECK pouch_err pl_store_version(struct pl_store *s, int64_t *version);

/*
 * Writes a route; id, version and times are set here, and written back into *r (created_ms is kept on replacing).
 * expected: 0: it must not be there; > 0: it must be there with that version; -1: in any case.
 * EXISTS: it is there, or with another version, or its id belongs to another route; NOT_FOUND: it is not there;
 * pouch_why() says what is, and who changed it when. CONFIG: a bad name, no target, too many. What another program
 * wrote to the tables until then counts, as a change by "unknown".
 */
POUCH_MUST_CHECK pouch_err pl_store_route_put(struct pl_store *s, struct pl_route_row *r, int64_t expected);
/*
 * expected: as above, but for 0. *version: what the removal is known by. NOT_FOUND, EXISTS: it is of another version.
 */
POUCH_MUST_CHECK pouch_err pl_store_route_remove(struct pl_store *s, const char *publisher, int64_t expected,
                                                 int64_t *version);

/* The same for services, by their revision; what other programs wrote of them counts on SQLite only. */
POUCH_MUST_CHECK pouch_err pl_store_service_put(struct pl_store *s, struct pl_service_row *r, int64_t expected);
POUCH_MUST_CHECK pouch_err pl_store_service_remove(struct pl_store *s, const char *name, int64_t expected,
                                                   int64_t *revision);

/*
 * The routes and services of another store, to be taken over: those of splp, where url is the keyspace of Cassandra
 * that it keeps them in (nothing is made or changed there), or of a store like this one. CONFIG: there are none of
 * either kind. What pl_store_open() says.
 */
POUCH_MUST_CHECK pouch_err pl_store_import(const char *url, struct pl_route_row **routes, size_t *n_routes,
                                           struct pl_service_row **services, size_t *n_services);

/* ---- who changed it ---- */

enum { PL_AUTHOR_MAX = 255 };

/*
 * In whose name the store is changed from now on; until then that is USER@HOST of this process. CONFIG: not 1 to
 * PL_AUTHOR_MAX bytes of UTF-8 without control characters.
 */
POUCH_MUST_CHECK pouch_err pl_store_set_author(struct pl_store *s, const char *author);

#define PL_AUDIT_ROUTE   "route"
#define PL_AUDIT_SERVICE "service"
#define PL_AUDIT_KEY     "key"

/* A change: kept for good. Borrowed during the visit. */
struct pl_audit {
    int64_t version; /* of the registry: every change has its own, higher than all before */
    int64_t at_ms;
    const char *kind, *name; /* PL_AUDIT_ROUTE and its publisher, … */
    const char *who;         /* "unknown": written by another program, or before changes were kept */
    const char *before;      /* JSON objects as state.h has them; NULL: it was not there before, */
    const char *after;       /* or is not there any more */
};

/*
 * Changes of routes and services are kept by the calls above, in one step with the change. This is for changes of other
 * things, made elsewhere, thus of keys: before and after are JSON objects without any secret, or NULL. CONFIG: a bad
 * name or text.
 */
POUCH_MUST_CHECK pouch_err pl_store_audit_put(struct pl_store *s, const char *kind, const char *name,
                                              const char *before, const char *after);

struct pl_audit_query {
    const char *kind, *name; /* NULL: all */
    int64_t since_ms;        /* wall clock */
    int64_t below;           /* only versions lower than that; 0: all */
    size_t limit;            /* at least 1 */
};

/* Newest first; false from fn ends the walk. */
typedef bool pl_audit_visit(const struct pl_audit *row, void *arg);
POUCH_MUST_CHECK pouch_err pl_store_audit(struct pl_store *s, const struct pl_audit_query *q, pl_audit_visit *fn,
                                          void *arg);

/* ---- reading traces: rows are borrowed during the visit; false from it ends the walk ---- */

typedef bool pl_trace_visit(const struct pl_trace *row, void *arg);

/*
 * All rows of a request, oldest first. Of rows with one id only the last written is shown. STORE also when a file is
 * of a later version of this program; one that cannot be read at all is logged and left out.
 */
POUCH_MUST_CHECK pouch_err pl_store_by_request(struct pl_store *s, const struct pl_uuid *id, pl_trace_visit *fn,
                                               void *arg);

struct pl_trace_query {
    const char *publisher;      /* NULL: all */
    int64_t since_us, until_us; /* wall clock, [since, until) */
    bool failed;                /* only those that failed */
    bool oldest_first;          /* else newest first */
    size_t limit;               /* at least 1 */
};
POUCH_MUST_CHECK pouch_err pl_store_by_time(struct pl_store *s, const struct pl_trace_query *q, pl_trace_visit *fn,
                                            void *arg);

/*
 * Rows that are known to be missing in a span of time: a queue was full, a disk was; one more for each file of SQLite
 * that cannot be read, as nobody knows how many it has. 0: complete.
 */
POUCH_MUST_CHECK pouch_err pl_store_missing(struct pl_store *s, int64_t since_us, int64_t until_us, uint64_t *rows);

/* ---- how routes do ---- */

struct pl_stats_query {
    const char *publisher, *route; /* NULL: all */
    int64_t since_us, until_us;    /* wall clock, [since, until); widened to whole minutes, and written back so */
};

/* What centers sent, or could not, by one route: one for each target. */
struct pl_route_stats {
    const char *publisher, *route;
    uint64_t count, failed;
    int64_t average_us, p50_us, p99_us; /* how long a center had them; -1: none has a length */
    int64_t last_us;                    /* when the newest began */
};

typedef bool pl_stats_visit(const struct pl_route_stats *stats, void *arg);

/*
 * Shows each route that has rows in the span, by publisher and id. A record that was routed again after a failure
 * counts once, but for the few that decision 18 names.
 */
POUCH_MUST_CHECK pouch_err pl_store_stats(struct pl_store *s, struct pl_stats_query *q, pl_stats_visit *fn, void *arg);

/* Removes files all of whose rows are older, but for those that a living process writes to. */
POUCH_MUST_CHECK pouch_err pl_store_expire(struct pl_store *s, int64_t before_us);

#endif
