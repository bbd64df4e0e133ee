/*
 * What the files of the SQLite back end share: opening with a schema's version, statements, errors as ours. Inside the
 * room.
 */
#ifndef POUCH_STORE_SQLITE_H
#define POUCH_STORE_SQLITE_H

#include <base/uuid.h>
#include <pouch/error.h>
#include <sqlite3.h>
#include <stdbool.h>

struct pl_sqlite_schema {
    const char *what; /* "registry", for messages */
    int version;      /* kept as user_version */
    const char *sql;  /* makes all of it in a new file */
    /* What makes version 2 of a file of version 1, 3 of 2, …: version - 1 texts. NULL: there is only version 1. */
    const char *const *upgrades;
};

/*
 * Makes the file whole under another name and then gives it its own, so that nobody ever sees half of
 * one; mode 0600. A file that is there already is left alone. CONFIG: the folder does not take it. NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err pl_sqlite_create(const char *path, const struct pl_sqlite_schema *schema);

/*
 * Opens a file that is there; one of an earlier version is upgraded. A statement waits up to busy_ms for others.
 * CONFIG: not readable, not a database, or of a newer version. STORE: locked. NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err pl_sqlite_open(sqlite3 **db, const char *path, const struct pl_sqlite_schema *schema,
                                          int busy_ms);

/* The same, but leaves a file of an earlier version as it is. EXISTS: it is one. */
POUCH_MUST_CHECK pouch_err pl_sqlite_look(sqlite3 **db, const char *path, const struct pl_sqlite_schema *schema,
                                          int busy_ms);

/* Removes the files of a folder that killed processes have not finished making. */
void pl_sqlite_sweep(const char *folder);

/* The schema version of a file; 0 when it cannot be told. */
int pl_sqlite_version_of(const char *path);

/* The last failure of db in words: STORE, or NO_MEMORY. */
POUCH_MUST_CHECK pouch_err pl_sqlite_failed(sqlite3 *db);

POUCH_MUST_CHECK pouch_err pl_sqlite_run(sqlite3 *db, const char *sql);
POUCH_MUST_CHECK pouch_err pl_sqlite_prepare(sqlite3 *db, sqlite3_stmt **statement, const char *sql);

/* One step; *row: whether it gave a row. What was bound must live until then. */
POUCH_MUST_CHECK pouch_err pl_sqlite_step(sqlite3_stmt *statement, bool *row);

/* The one step of a statement that gives no row, which is then ready for its next use. */
POUCH_MUST_CHECK pouch_err pl_sqlite_do(sqlite3_stmt *statement);

/* The one number that a statement gives. */
POUCH_MUST_CHECK pouch_err pl_sqlite_ask(sqlite3 *db, const char *sql, int64_t *number);

/* Text that lives as long as the step; NULL binds NULL. Fails only with the step that follows. */
void pl_sqlite_bind_text(sqlite3_stmt *statement, int place, const char *text);

/* A copy of a column; NULL where it is NULL. NO_MEMORY. */
POUCH_MUST_CHECK pouch_err pl_sqlite_copy_text(sqlite3_stmt *statement, int column, char **text);

/* 16 bytes; all zero where the column has none. */
struct pl_uuid pl_sqlite_uuid(sqlite3_stmt *statement, int column);

/* Removes a file and what SQLite keeps beside it. Nobody may be writing to it. */
void pl_sqlite_unlink(const char *path);

#endif
