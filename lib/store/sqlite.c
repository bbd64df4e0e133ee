#include <base/why.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <store/sqlite.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Each connection is used by one thread at a time. */
enum { OPEN_FLAGS = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, SYSTEM_ROOM = 80 };

enum {
    RANDOM_NAME = 6,
    UNFINISHED_S = 600
}; /* what mkostemp() fills in; after that time nobody is making a file any more */

static bool is_out_of_memory(sqlite3 *db) {
    int code = sqlite3_extended_errcode(db);
    return code == SQLITE_NOMEM || code == SQLITE_IOERR_NOMEM;
}

/* ": " and what the system said, where SQLite only says that something with the disk failed. */
static const char *system_says(sqlite3 *db, char out[SYSTEM_ROOM]) {
    int code = sqlite3_errcode(db) & 0xff;
    int by_system = code == SQLITE_IOERR || code == SQLITE_CANTOPEN ? sqlite3_system_errno(db) : 0;
    *out = '\0';
    if (by_system) snprintf(out, SYSTEM_ROOM, ": %s", strerror(by_system));
    return out;
}

pouch_err pl_sqlite_failed(sqlite3 *db) {
    if (is_out_of_memory(db)) return pl_fail(POUCH_E_NO_MEMORY, "out of memory in the store");
    const char *path = sqlite3_db_filename(db, "main");
    char system[SYSTEM_ROOM];
    return pl_fail(POUCH_E_STORE, "store file %s: %s%s", path ? path : "(none)", sqlite3_errmsg(db),
                   system_says(db, system));
}

pouch_err pl_sqlite_run(sqlite3 *db, const char *sql) {
    return sqlite3_exec(db, sql, NULL, NULL, NULL) ? pl_sqlite_failed(db) : POUCH_OK;
}

pouch_err pl_sqlite_prepare(sqlite3 *db, sqlite3_stmt **statement, const char *sql) {
    return sqlite3_prepare_v3(db, sql, -1, 0, statement, NULL) ? pl_sqlite_failed(db) : POUCH_OK;
}

pouch_err pl_sqlite_step(sqlite3_stmt *statement, bool *row) {
    int step = sqlite3_step(statement);
    *row = step == SQLITE_ROW;
    return step == SQLITE_ROW || step == SQLITE_DONE ? POUCH_OK : pl_sqlite_failed(sqlite3_db_handle(statement));
}

pouch_err pl_sqlite_do(sqlite3_stmt *statement) {
    bool row;
    pouch_err e = pl_sqlite_step(statement, &row);
    sqlite3_reset(statement);
    return e;
}

pouch_err pl_sqlite_ask(sqlite3 *db, const char *sql, int64_t *number) {
    sqlite3_stmt *q;
    pouch_err e = pl_sqlite_prepare(db, &q, sql);
    if (e) return e;
    bool row;
    e = pl_sqlite_step(q, &row);
    if (!e) *number = sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    return e;
}

void pl_sqlite_bind_text(sqlite3_stmt *statement, int place, const char *text) {
    sqlite3_bind_text(statement, place, text, -1, SQLITE_STATIC);
}

pouch_err pl_sqlite_copy_text(sqlite3_stmt *statement, int column, char **text) {
    *text = NULL;
    if (sqlite3_column_type(statement, column) == SQLITE_NULL) return POUCH_OK;
    const unsigned char *at = sqlite3_column_text(statement, column);
    if (at) *text = strdup((const char *)at);
    return *text ? POUCH_OK : pl_fail(POUCH_E_NO_MEMORY, "out of memory for a row of the store");
}

struct pl_uuid pl_sqlite_uuid(sqlite3_stmt *statement, int column) {
    struct pl_uuid id = {{0}};
    const void *at = sqlite3_column_blob(statement, column);
    if (at && sqlite3_column_bytes(statement, column) == sizeof id.b) memcpy(id.b, at, sizeof id.b);
    return id;
}

static pouch_err unusable(sqlite3 *db, const char *path) {
    int code = sqlite3_errcode(db) & 0xff;
    if (!db || is_out_of_memory(db)) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for store file %s", path);
    pouch_err e = code == SQLITE_BUSY || code == SQLITE_LOCKED ? POUCH_E_STORE : POUCH_E_CONFIG;
    char system[SYSTEM_ROOM];
    return pl_fail(e, "store file %s cannot be opened: %s%s", path, sqlite3_errmsg(db), system_says(db, system));
}

static bool read_version(sqlite3 *db, int *version) {
    sqlite3_stmt *statement = NULL;
    bool done =
        !sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &statement, NULL) && sqlite3_step(statement) == SQLITE_ROW;
    if (done) *version = sqlite3_column_int(statement, 0);
    return !sqlite3_finalize(statement) && done;
}

/* In one transaction, which others may have made meanwhile. */
static pouch_err upgrade(sqlite3 *db, const char *path, const struct pl_sqlite_schema *schema) {
    char mark[48];
    int version;
    snprintf(mark, sizeof mark, "PRAGMA user_version=%d; COMMIT", schema->version);
    bool done = !sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) && read_version(db, &version);
    for (; done && version < schema->version; version++)
        done = !sqlite3_exec(db, schema->upgrades[version - 1], NULL, NULL, NULL);
    if (done && !sqlite3_exec(db, mark, NULL, NULL, NULL)) return POUCH_OK;
    pouch_err e = unusable(db, path);
    sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    return e;
}

static pouch_err is_older(const char *path, const struct pl_sqlite_schema *schema, int version) {
    return pl_fail(POUCH_E_EXISTS,
                   "%s file %s has schema version %d, and this pouch brings it to %d when it is first opened to work",
                   schema->what, path, version, schema->version);
}

static pouch_err check_version(sqlite3 *db, const char *path, const struct pl_sqlite_schema *schema, bool as_it_is) {
    int version;
    if (!read_version(db, &version)) return unusable(db, path);
    if (version == schema->version) return POUCH_OK;
    if (version > 0 && version < schema->version)
        return as_it_is ? is_older(path, schema, version) : upgrade(db, path, schema);
    if (version > schema->version)
        return pl_fail(POUCH_E_CONFIG, "%s file %s has schema version %d and this pouch knows up to %d: update pouch",
                       schema->what, path, version, schema->version);
    return pl_fail(POUCH_E_CONFIG, "%s file %s is not one of ours (schema version %d): move it away", schema->what,
                   path, version);
}

int pl_sqlite_version_of(const char *path) {
    sqlite3 *db = NULL;
    int version;
    bool told = !sqlite3_open_v2(path, &db, OPEN_FLAGS, NULL) && read_version(db, &version);
    sqlite3_close(db);
    return told ? version : 0;
}

static pouch_err open_file(sqlite3 **out, const char *path, const struct pl_sqlite_schema *schema, int busy_ms,
                           bool as_it_is) {
    sqlite3 *db = NULL;
    pouch_err e = sqlite3_open_v2(path, &db, OPEN_FLAGS, NULL) ? unusable(db, path) : POUCH_OK;
    if (!e) {
        sqlite3_extended_result_codes(db, 1);
        sqlite3_busy_timeout(db, busy_ms);
        e = check_version(db, path, schema, as_it_is);
    }
    if (e)
        sqlite3_close(db);
    else
        *out = db;
    return e;
}

pouch_err pl_sqlite_open(sqlite3 **out, const char *path, const struct pl_sqlite_schema *schema, int busy_ms) {
    return open_file(out, path, schema, busy_ms, false);
}

pouch_err pl_sqlite_look(sqlite3 **out, const char *path, const struct pl_sqlite_schema *schema, int busy_ms) {
    return open_file(out, path, schema, busy_ms, true);
}

/* WAL, so that readers and the writer never wait for each other; it is a property of the file. */
static pouch_err make(const char *path, const struct pl_sqlite_schema *schema) {
    char mark[48];
    snprintf(mark, sizeof mark, "PRAGMA user_version=%d; COMMIT", schema->version);
    sqlite3 *db = NULL;
    bool failed = sqlite3_open_v2(path, &db, OPEN_FLAGS, NULL) ||
                  sqlite3_exec(db, "PRAGMA journal_mode=WAL; BEGIN", NULL, NULL, NULL) ||
                  sqlite3_exec(db, schema->sql, NULL, NULL, NULL) || sqlite3_exec(db, mark, NULL, NULL, NULL);
    pouch_err e = failed ? unusable(db, path) : POUCH_OK;
    sqlite3_close(db);
    return e;
}

void pl_sqlite_unlink(const char *path) {
    static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        char name[PATH_MAX];
        int n = snprintf(name, sizeof name, "%s%s", path, ends[i]);
        if (n > 0 && (size_t)n < sizeof name) unlink(name);
    }
}

/* Whether it is the name of a file while pl_sqlite_create() makes it. */
static bool is_unfinished(const char *name) {
    static const char mark[] = ".db.new-";
    const char *at = strstr(name, mark);
    return at && strlen(at + strlen(mark)) == RANDOM_NAME;
}

void pl_sqlite_sweep(const char *folder) {
    DIR *d = opendir(folder);
    if (!d) return;
    for (struct dirent *entry; (entry = readdir(d));) {
        char path[PATH_MAX];
        struct stat st;
        if (!is_unfinished(entry->d_name)) continue;
        int n = snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (n < 0 || (size_t)n >= sizeof path || stat(path, &st)) continue;
        if (st.st_mtime < time(NULL) - UNFINISHED_S) pl_sqlite_unlink(path);
    }
    closedir(d);
}

/* A name is on the disk only when its folder is. */
static pouch_err sync_folder(const char *path) {
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%s", path);
    int fd = open(dirname(folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    pouch_err e = POUCH_OK;
    if (fd < 0 || fsync(fd)) e = pl_fail(POUCH_E_CONFIG, "cannot make store file %s: %s", path, strerror(errno));
    if (fd >= 0) close(fd);
    return e;
}

pouch_err pl_sqlite_create(const char *path, const struct pl_sqlite_schema *schema) {
    if (!access(path, F_OK)) return POUCH_OK;
    char fresh[PATH_MAX];
    int n = snprintf(fresh, sizeof fresh, "%s.new-XXXXXX", path);
    if (n < 0 || (size_t)n >= sizeof fresh) return pl_fail(POUCH_E_CONFIG, "the store's path is too long: %s", path);
    int fd = mkostemp(fresh, O_CLOEXEC);
    if (fd < 0) return pl_fail(POUCH_E_CONFIG, "cannot make store file %s: %s", path, strerror(errno));
    close(fd);

    pouch_err e = make(fresh, schema);
    if (!e && link(fresh, path) && errno != EEXIST)
        e = pl_fail(POUCH_E_CONFIG, "cannot make store file %s: %s", path, strerror(errno));
    pl_sqlite_unlink(fresh);
    return e ? e : sync_folder(path);
}
