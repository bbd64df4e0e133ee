/* registry.db: opening it, and what every change of it does. */
#include <base/clock.h>
#include <base/why.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <store/audit.h>
#include <store/sqlite_registry.h>
#include <store/sqlite_schema.h>
#include <unistd.h>

/*
 * Who changes routes waits that long for others who do. A change takes milliseconds, but those who wait take no turns,
 * so one among many on a busy host may wait for much longer.
 */
enum { BUSY_MS = 20000 };

sqlite3 *pl_registry_db(struct pl_store *s) {
    return ((struct pl_sqlite_store *)s)->registry;
}

pouch_err pl_sqlite_registry_open(sqlite3 **registry, const char *folder) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/registry.db", folder);
    pouch_err e = pl_sqlite_create(path, &pl_registry_schema);
    if (!e) e = pl_sqlite_open(registry, path, &pl_registry_schema, BUSY_MS);
    return e;
}

pouch_err pl_sqlite_registry_look(sqlite3 **registry, const char *folder) {
    char path[PATH_MAX];
    int n = snprintf(path, sizeof path, "%s/registry.db", folder);
    if (n >= (int)sizeof path || access(path, F_OK)) return pl_fail(POUCH_E_NOT_FOUND, "%s is not there yet", path);
    return pl_sqlite_look(registry, path, &pl_registry_schema, BUSY_MS);
}

pouch_err pl_registry_end(sqlite3 *db, pouch_err e) {
    if (!e) e = pl_sqlite_run(db, "COMMIT");
    if (e) sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    return e;
}

pouch_err pl_sqlite_version(struct pl_store *s, int64_t *version) {
    return pl_sqlite_ask(pl_registry_db(s), "SELECT version FROM registry", version);
}

pouch_err pl_registry_run(sqlite3 *db, const char *sql, const char *name) {
    sqlite3_stmt *q;
    pouch_err e = pl_sqlite_prepare(db, &q, sql);
    if (e) return e;
    pl_sqlite_bind_text(q, 1, name);
    e = pl_sqlite_do(q);
    sqlite3_finalize(q);
    return e;
}

pouch_err pl_registry_put_list(sqlite3 *db, const char *sql, const char *owner, char *const *texts, size_t n) {
    sqlite3_stmt *q;
    pouch_err e = pl_sqlite_prepare(db, &q, sql);
    if (e) return e;
    for (size_t i = 0; i < n && !e; i++) {
        pl_sqlite_bind_text(q, 1, owner);
        sqlite3_bind_int64(q, 2, (int64_t)i);
        pl_sqlite_bind_text(q, 3, texts[i]);
        e = pl_sqlite_do(q);
    }
    sqlite3_finalize(q);
    return e;
}

pouch_err pl_registry_read_list(sqlite3_stmt *q, int column, char ***texts, size_t *n, size_t max) {
    if (sqlite3_column_type(q, column) == SQLITE_NULL || *n == max) return POUCH_OK;
    if (!*texts) *texts = calloc(max, sizeof **texts);
    if (!*texts) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a row of the store");
    pouch_err e = pl_sqlite_copy_text(q, column, &(*texts)[*n]);
    if (!e) ++*n;
    return e;
}

/* ---- a change ---- */

/* While registry.own is set, which nobody else ever sees, the triggers leave the tables to us. */
pouch_err pl_registry_change_begin(struct pl_registry_change *c, struct pl_store *s, const char *kind,
                                   const char *name) {
    *c = (struct pl_registry_change){.db = pl_registry_db(s), .kind = kind, .name = name};
    pouch_err e = pl_sqlite_run(c->db, "BEGIN IMMEDIATE");
    if (e) return e;
    e = pl_sqlite_run(c->db, "UPDATE registry SET own = 1");
    return e ? pl_registry_end(c->db, e) : POUCH_OK;
}

struct verdict {
    const struct pl_registry_change *change;
    int64_t is, expected;
    bool judged;
    pouch_err error;
};

/* The last change tells who made it, unless the version is another's, whose maker nobody knows. */
static bool judge(const struct pl_audit *last, void *arg) {
    struct verdict *v = arg;
    const struct pl_registry_change *c = v->change;
    v->judged = true;
    v->error = pl_expected_check(c->kind, c->name, v->is, v->expected, last);
    return false;
}

pouch_err pl_registry_change_check(const struct pl_registry_change *c, int64_t is, int64_t expected) {
    const struct pl_audit_query q = {.kind = c->kind, .name = c->name, .limit = 1};
    struct verdict v = {.change = c, .is = is, .expected = expected};
    if (expected < 0 || is == expected) return POUCH_OK;
    pouch_err e = pl_sqlite_audit_read(c->db, &q, judge, &v);
    if (e) return e;
    return v.judged ? v.error : pl_expected_check(c->kind, c->name, is, expected, NULL);
}

/* Every change of the registry has a number of its own, higher than all before. */
pouch_err pl_registry_change_note(struct pl_registry_change *c, const char *author) {
    pouch_err e = pl_sqlite_ask(c->db, "UPDATE registry SET version = version + 1 RETURNING version", &c->version);
    c->at_ms = pl_wall_ms(&pl_clock_system);
    return e ? e : pl_sqlite_audit_before(c, author);
}

pouch_err pl_registry_change_end(struct pl_registry_change *c, pouch_err e) {
    if (!e) e = pl_sqlite_audit_after(c);
    if (!e) e = pl_sqlite_run(c->db, "UPDATE registry SET own = 0");
    return pl_registry_end(c->db, e);
}
