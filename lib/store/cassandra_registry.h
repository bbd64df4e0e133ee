/*
 * Changes of the registry's partition: read, decide, and write on the condition that nobody has changed it in between.
 * Inside the room.
 */
#ifndef POUCH_STORE_CASSANDRA_REGISTRY_H
#define POUCH_STORE_CASSANDRA_REGISTRY_H

#include <store/cassandra.h>

enum { PL_CHANGE_ROWS = 6 };

/* The columns that a row of the registry is written with, in their order. */
enum pl_registry_column {
    PL_REG_KIND,
    PL_REG_NAME,
    PL_REG_CHANGE,
    PL_REG_ROW_VERSION,
    PL_REG_ROUTE_ID,
    PL_REG_PUBLISHER,
    PL_REG_TARGETS,
    PL_REG_SERVICE,
    PL_REG_ENABLED,
    PL_REG_VERSION,
    PL_REG_DESCRIPTION,
    PL_REG_ENDPOINT,
    PL_REG_TAGS,
    PL_REG_CREATED,
    PL_REG_UPDATED,
    PL_REG_ABOUT_KIND,
    PL_REG_ABOUT_NAME,
    PL_REG_WHO,
    PL_REG_BEFORE,
    PL_REG_AFTER,
    PL_REG_WEIGHTS,
    PL_REG_COLUMNS
};

/* When the cells of a route's row were written, as a query says it, for pl_cassandra_is_ours(). */
#define PL_WRITE_TIMES                                                                           \
    "writetime(row_version), writetime(enabled), writetime(target_topic), writetime(route_id), " \
    "writetime(service_name), writetime(weights)"
enum { PL_WRITE_TIMES_N = 6 };

/* One try of a change. */
struct pl_cassandra_change {
    struct pl_cassandra *c;
    int64_t version, at_ms; /* that it will have, and its time */
    int64_t routes;         /* that there are by what is noted, to be counted up and down */
    struct pl_cql_value rows[PL_CHANGE_ROWS][PL_REG_COLUMNS];
    bool removed[PL_CHANGE_ROWS]; /* the row is deleted: kind and name say which */
    size_t n;
    char *before, *after; /* states, freed with the change */
    char *weights;        /* of the route that is put, freed too */
};

/*
 * Reads what it needs, checks, and adds rows. Called again when somebody else was faster, or when it has made another
 * change itself.
 */
typedef pouch_err pl_cassandra_decide(struct pl_cassandra_change *change, void *arg);

/* Tries until the rows are written in one step, or decide fails. STORE: others were faster all the time. */
POUCH_MUST_CHECK pouch_err pl_cassandra_change(struct pl_cassandra *c, pl_cassandra_decide *decide, void *arg);

/*
 * A row to write, all columns null, or UNSET where it is certain to be new; texts are borrowed until the change is
 * made.
 */
struct pl_cql_value *pl_cassandra_change_row(struct pl_cassandra_change *change, const char *kind, const char *name,
                                             int64_t number, bool is_new);
void pl_cassandra_change_remove(struct pl_cassandra_change *change, const char *kind, const char *name);

/* Notes the change itself; takes before and after. NO_MEMORY when both are NULL. */
POUCH_MUST_CHECK pouch_err pl_cassandra_change_note(struct pl_cassandra_change *change, const char *kind,
                                                    const char *name, const char *who, char *before, char *after);

/* pl_expected_check() with the last change as it was noted. */
POUCH_MUST_CHECK pouch_err pl_cassandra_expected(struct pl_cassandra *c, const char *kind, const char *name, int64_t is,
                                                 int64_t expected);

/* Text, or null. */
struct pl_cql_value pl_cassandra_text(const char *text);

/*
 * Calls fn for each row of a kind, in the order of the names; name NULL: all. fn's first error ends it. A row that is
 * asked for by its name has its write times behind the columns, from PL_REG_COLUMNS on.
 */
typedef pouch_err pl_cassandra_found(const struct pl_cql_rows *row, void *arg);
POUCH_MUST_CHECK pouch_err pl_cassandra_find(struct pl_cassandra *c, const char *kind, const char *name,
                                             pl_cassandra_found *fn, void *arg);

/* The same for any statement, which has a %s for the keyspace. */
POUCH_MUST_CHECK pouch_err pl_cassandra_select(struct pl_cassandra *c, const char *text,
                                               const struct pl_cql_value *values, size_t n, pl_cassandra_found *fn,
                                               void *arg);

/*
 * What the last change that was noted left; *state is NULL when there is none, or it left nothing. Freed with free().
 */
POUCH_MUST_CHECK pouch_err pl_cassandra_last_state(struct pl_cassandra *c, const char *kind, const char *name,
                                                   char **state);

/* Puts a route as it is, one a change: its row, and the claim on its id. NO_MEMORY. */
POUCH_MUST_CHECK pouch_err pl_cassandra_put_route(struct pl_cassandra_change *change, const struct pl_route_row *r);

/* A route's row read into *r, whose texts are to be freed also after an error. */
POUCH_MUST_CHECK pouch_err pl_cassandra_read_route(struct pl_route_row *r, const struct pl_cql_rows *row);

/*
 * Looks, now and then, whether another program has written to the rows of routes, and makes what it finds a change
 * like any other: with a version of its own, noted as by "unknown". (cassandra_others.c)
 */
POUCH_MUST_CHECK pouch_err pl_cassandra_take_over(struct pl_store *s);

/*
 * The same at once for one route that is not as we left it; there: it has a row. For those who are about to change it:
 * the version that they expect is then compared with one that tells of what another program did.
 */
POUCH_MUST_CHECK pouch_err pl_cassandra_take_over_route(struct pl_cassandra *c, const char *publisher, bool there);

/* No other program has written to a route's row. first: the column where its write times begin. */
bool pl_cassandra_is_ours(const struct pl_cql_rows *row, int first);

/* The same columns of a row that was read. */
int64_t pl_cassandra_number(const struct pl_cql_rows *row, enum pl_registry_column column, int64_t otherwise);
POUCH_MUST_CHECK pouch_err pl_cassandra_list(char ***texts, size_t *n, const struct pl_cql_rows *row,
                                             enum pl_registry_column column, size_t max);

#endif
