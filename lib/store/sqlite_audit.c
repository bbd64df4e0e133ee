/* The table of changes. What was before and after is told by what the tables hold then, so it cannot differ from it. */
#include <base/clock.h>
#include <store/sqlite_registry.h>
#include <store/sqlite_schema.h>
#include <string.h>

static bool is_route(const char *kind) {
    return !strcmp(kind, PL_AUDIT_ROUTE);
}

pouch_err pl_sqlite_audit_before(const struct pl_registry_change *c, const char *author) {
    sqlite3_stmt *q;
    pouch_err e =
        pl_sqlite_prepare(c->db, &q,
                          is_route(c->kind) ? "INSERT INTO audit(version, at_ms, kind, name, who, before_state)"
                                              " VALUES(?1,?2,?3,?4,?5," PL_ROUTE_STATE("?4") ")"
                                            : "INSERT INTO audit(version, at_ms, kind, name, who, before_state)"
                                              " VALUES(?1,?2,?3,?4,?5," PL_SERVICE_STATE("?4") ")");
    if (e) return e;
    sqlite3_bind_int64(q, 1, c->version);
    sqlite3_bind_int64(q, 2, c->at_ms);
    pl_sqlite_bind_text(q, 3, c->kind);
    pl_sqlite_bind_text(q, 4, c->name);
    pl_sqlite_bind_text(q, 5, author);
    e = pl_sqlite_do(q);
    sqlite3_finalize(q);
    return e;
}

pouch_err pl_sqlite_audit_after(const struct pl_registry_change *c) {
    sqlite3_stmt *q;
    pouch_err e = pl_sqlite_prepare(
        c->db, &q,
        is_route(c->kind) ? "UPDATE audit SET after_state = " PL_ROUTE_STATE("?2") " WHERE version = ?1"
                          : "UPDATE audit SET after_state = " PL_SERVICE_STATE("?2") " WHERE version = ?1");
    if (e) return e;
    sqlite3_bind_int64(q, 1, c->version);
    pl_sqlite_bind_text(q, 2, c->name);
    e = pl_sqlite_do(q);
    sqlite3_finalize(q);
    return e;
}

static pouch_err insert(sqlite3 *db, const struct pl_audit *change) {
    int64_t version = 0;
    sqlite3_stmt *q;
    pouch_err e = pl_sqlite_ask(db, "UPDATE registry SET version = version + 1 RETURNING version", &version);
    if (!e) e = pl_sqlite_prepare(db, &q, "INSERT INTO audit VALUES(?,?,?,?,?,?,?)");
    if (e) return e;
    sqlite3_bind_int64(q, 1, version);
    sqlite3_bind_int64(q, 2, pl_wall_ms(&pl_clock_system));
    pl_sqlite_bind_text(q, 3, change->kind);
    pl_sqlite_bind_text(q, 4, change->name);
    pl_sqlite_bind_text(q, 5, change->who);
    pl_sqlite_bind_text(q, 6, change->before);
    pl_sqlite_bind_text(q, 7, change->after);
    e = pl_sqlite_do(q);
    sqlite3_finalize(q);
    return e;
}

pouch_err pl_sqlite_audit_put(struct pl_store *s, const struct pl_audit *change) {
    sqlite3 *db = pl_registry_db(s);
    pouch_err e = pl_sqlite_run(db, "BEGIN IMMEDIATE");
    return e ? e : pl_registry_end(db, insert(db, change));
}

/* ---- reading ---- */

static pouch_err visit_rows(sqlite3_stmt *q, pl_audit_visit *fn, void *arg) {
    pouch_err e;
    bool row;
    while (!(e = pl_sqlite_step(q, &row)) && row) {
        const struct pl_audit change = {
            .version = sqlite3_column_int64(q, 0),
            .at_ms = sqlite3_column_int64(q, 1),
            .kind = (const char *)sqlite3_column_text(q, 2),
            .name = (const char *)sqlite3_column_text(q, 3),
            .who = (const char *)sqlite3_column_text(q, 4),
            .before = (const char *)sqlite3_column_text(q, 5),
            .after = (const char *)sqlite3_column_text(q, 6),
        };
        if (!change.kind || !change.name || !change.who) return pl_sqlite_failed(sqlite3_db_handle(q));
        if (!fn(&change, arg)) return POUCH_OK;
    }
    return e;
}

pouch_err pl_sqlite_audit_read(sqlite3 *db, const struct pl_audit_query *query, pl_audit_visit *fn, void *arg) {
    sqlite3_stmt *q;
    pouch_err e = pl_sqlite_prepare(db, &q,
                                    query->kind && query->name
                                        ? "SELECT * FROM audit WHERE kind = ?1 AND name = ?2 AND version < ?3"
                                          " AND at_ms >= ?4 ORDER BY version DESC LIMIT ?5"
                                        : "SELECT * FROM audit WHERE ifnull(kind = ?1, 1) AND ifnull(name = ?2, 1)"
                                          " AND version < ?3 AND at_ms >= ?4 ORDER BY version DESC LIMIT ?5");
    if (e) return e;
    pl_sqlite_bind_text(q, 1, query->kind);
    pl_sqlite_bind_text(q, 2, query->name);
    sqlite3_bind_int64(q, 3, query->below ? query->below : INT64_MAX);
    sqlite3_bind_int64(q, 4, query->since_ms);
    sqlite3_bind_int64(q, 5, query->limit < INT64_MAX ? (int64_t)query->limit : INT64_MAX);
    e = visit_rows(q, fn, arg);
    sqlite3_finalize(q);
    return e;
}

pouch_err pl_sqlite_audit(struct pl_store *s, const struct pl_audit_query *q, pl_audit_visit *fn, void *arg) {
    return pl_sqlite_audit_read(pl_registry_db(s), q, fn, arg);
}
