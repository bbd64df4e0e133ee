/* What the files on registry.db share. Inside the room. */
#ifndef POUCH_STORE_SQLITE_REGISTRY_H
#define POUCH_STORE_SQLITE_REGISTRY_H

#include <store/sqlite.h>
#include <store/sqlite_store.h>

sqlite3 *pl_registry_db(struct pl_store *s);

/*
 * Ends a transaction: COMMIT when all went well, else, or when that fails, ROLLBACK. The first error stays the one
 * told.
 */
POUCH_MUST_CHECK pouch_err pl_registry_end(sqlite3 *db, pouch_err e);

/* Runs a statement whose one parameter is a name. */
POUCH_MUST_CHECK pouch_err pl_registry_run(sqlite3 *db, const char *sql, const char *name);

/* The texts that belong to owner, in their order: the targets of a route, the tags of a service. */
POUCH_MUST_CHECK pouch_err pl_registry_put_list(sqlite3 *db, const char *sql, const char *owner, char *const *texts,
                                                size_t n);

/* Appends a column's text, where it has one, to a list that has room for max. */
POUCH_MUST_CHECK pouch_err pl_registry_read_list(sqlite3_stmt *q, int column, char ***texts, size_t *n, size_t max);

/*
 * A change of a route or a service: one transaction from begin to end. note() takes its number and keeps what
 * was before, end() keeps what is then and commits; after an error it undoes all.
 */
struct pl_registry_change {
    sqlite3 *db;
    const char *kind, *name;
    int64_t version, at_ms;
};

POUCH_MUST_CHECK pouch_err pl_registry_change_begin(struct pl_registry_change *c, struct pl_store *s, const char *kind,
                                                    const char *name);

/* pl_expected_check() for what is of version `is`, with the last change as it was noted. */
POUCH_MUST_CHECK pouch_err pl_registry_change_check(const struct pl_registry_change *c, int64_t is, int64_t expected);

/* Sets version and time. */
POUCH_MUST_CHECK pouch_err pl_registry_change_note(struct pl_registry_change *c, const char *author);
POUCH_MUST_CHECK pouch_err pl_registry_change_end(struct pl_registry_change *c, pouch_err e);

/* ---- sqlite_audit.c ---- */

POUCH_MUST_CHECK pouch_err pl_sqlite_audit_before(const struct pl_registry_change *c, const char *author);
POUCH_MUST_CHECK pouch_err pl_sqlite_audit_after(const struct pl_registry_change *c);
POUCH_MUST_CHECK pouch_err pl_sqlite_audit_read(sqlite3 *db, const struct pl_audit_query *q, pl_audit_visit *fn,
                                                void *arg);

#endif
