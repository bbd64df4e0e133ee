/* Services in registry.db. */
#include <base/why.h>
#include <stdlib.h>
#include <store/sqlite_registry.h>
#include <string.h>

static const char *const clear_tags = "DELETE FROM tag WHERE service = ?";

static pouch_err read_service(sqlite3_stmt *q, struct pl_service_row *r) {
    pouch_err e = pl_sqlite_copy_text(q, 0, &r->name);
    if (!e) e = pl_sqlite_copy_text(q, 2, &r->version);
    if (!e) e = pl_sqlite_copy_text(q, 3, &r->description);
    if (!e) e = pl_sqlite_copy_text(q, 4, &r->endpoint);
    r->revision = sqlite3_column_int64(q, 5);
    r->created_ms = sqlite3_column_int64(q, 6);
    r->updated_ms = sqlite3_column_int64(q, 7);
    return e;
}

/* One row a tag, at least one a service; the rows of one service follow each other. */
static pouch_err read_services(sqlite3 *db, struct pl_service_row *services, size_t max, size_t *n) {
    sqlite3_stmt *q;
    pouch_err e =
        pl_sqlite_prepare(db, &q,
                          "SELECT name, tag, version, description, endpoint, revision, created_ms,"
                          " updated_ms FROM service LEFT JOIN tag ON tag.service = service.name ORDER BY name, place");
    if (e) return e;
    struct pl_service_row *r = NULL;
    bool row;
    while (!(e = pl_sqlite_step(q, &row)) && row) {
        const char *name = (const char *)sqlite3_column_text(q, 0);
        if (!r || !name || strcmp(name, r->name)) {
            if (*n == max) break;
            r = &services[(*n)++];
            if ((e = read_service(q, r))) break;
        }
        if ((e = pl_registry_read_list(q, 1, &r->tags, &r->n_tags, PL_TAGS_MAX))) break;
    }
    sqlite3_finalize(q);
    return e;
}

pouch_err pl_sqlite_services(struct pl_store *s, struct pl_service_row **out, size_t *n) {
    sqlite3 *db = pl_registry_db(s);
    int64_t max = 0;
    *n = 0;
    pouch_err e = pl_sqlite_run(db, "BEGIN");
    if (e) return e;
    struct pl_service_row *services = NULL;
    e = pl_sqlite_ask(db, "SELECT count(*) FROM service", &max);
    if (!e) {
        services = calloc((size_t)max + 1, sizeof *services);
        e = services ? read_services(db, services, (size_t)max, n)
                     : pl_fail(POUCH_E_NO_MEMORY, "out of memory for %lld services", (long long)max);
    }
    e = pl_registry_end(db, e);
    if (!e) {
        *out = services;
        return POUCH_OK;
    }
    pl_service_free(services, *n);
    *n = 0;
    return e;
}

static pouch_err find_revision(sqlite3 *db, const char *name, int64_t *revision) {
    sqlite3_stmt *q;
    pouch_err e = pl_sqlite_prepare(db, &q, "SELECT revision FROM service WHERE name = ?");
    if (e) return e;
    pl_sqlite_bind_text(q, 1, name);
    bool there;
    e = pl_sqlite_step(q, &there);
    *revision = !e && there ? sqlite3_column_int64(q, 0) : 0;
    sqlite3_finalize(q);
    return e;
}

static pouch_err insert_service(sqlite3 *db, struct pl_service_row *r) {
    sqlite3_stmt *q;
    pouch_err e =
        pl_sqlite_prepare(db, &q,
                          "INSERT INTO service(name, version, description, endpoint, revision, created_ms, updated_ms)"
                          " VALUES(?1,?2,?3,?4,?5,?6,?6) ON CONFLICT(name)"
                          " DO UPDATE SET version = ?2, description = ?3, endpoint = ?4, revision = ?5, updated_ms = ?6"
                          " RETURNING created_ms");
    if (e) return e;
    pl_sqlite_bind_text(q, 1, r->name);
    pl_sqlite_bind_text(q, 2, r->version);
    pl_sqlite_bind_text(q, 3, r->description);
    pl_sqlite_bind_text(q, 4, r->endpoint);
    sqlite3_bind_int64(q, 5, r->revision);
    sqlite3_bind_int64(q, 6, r->updated_ms);
    bool written;
    e = pl_sqlite_step(q, &written);
    if (!e) r->created_ms = sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    return e;
}

static pouch_err write_service(const struct pl_registry_change *c, struct pl_service_row *r) {
    r->revision = c->version;
    r->updated_ms = c->at_ms;
    pouch_err e = insert_service(c->db, r);
    if (!e) e = pl_registry_run(c->db, clear_tags, r->name);
    return e ? e : pl_registry_put_list(c->db, "INSERT INTO tag VALUES(?,?,?)", r->name, r->tags, r->n_tags);
}

pouch_err pl_sqlite_service_put(struct pl_store *s, struct pl_service_row *r, int64_t expected) {
    struct pl_registry_change c;
    int64_t is;
    pouch_err e = pl_registry_change_begin(&c, s, PL_AUDIT_SERVICE, r->name);
    if (e) return e;
    e = find_revision(c.db, r->name, &is);
    if (!e) e = pl_registry_change_check(&c, is, expected);
    if (!e) e = pl_registry_change_note(&c, s->author);
    if (!e) e = write_service(&c, r);
    return pl_registry_change_end(&c, e);
}

pouch_err pl_sqlite_service_remove(struct pl_store *s, const char *name, int64_t expected, int64_t *revision) {
    struct pl_registry_change c;
    int64_t is;
    pouch_err e = pl_registry_change_begin(&c, s, PL_AUDIT_SERVICE, name);
    if (e) return e;
    e = find_revision(c.db, name, &is);
    if (!e && !is && expected < 0) e = pl_fail(POUCH_E_NOT_FOUND, "there is no service %s", name);
    if (!e) e = pl_registry_change_check(&c, is, expected);
    if (!e) e = pl_registry_change_note(&c, s->author);
    if (!e) e = pl_registry_run(c.db, "DELETE FROM service WHERE name = ?", name);
    if (!e) e = pl_registry_run(c.db, clear_tags, name);
    if (!e) *revision = c.version;
    return pl_registry_change_end(&c, e);
}
