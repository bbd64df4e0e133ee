/* Routes in registry.db. */
#include <base/why.h>
#include <stdio.h>
#include <stdlib.h>
#include <store/sqlite_registry.h>
#include <store/weights.h>
#include <string.h>

static const char *const clear_targets = "DELETE FROM target WHERE publisher = ?";

/* The columns after publisher and topic, in the order of the queries below. */
static pouch_err read_route(sqlite3_stmt *q, struct pl_route_row *r) {
    pouch_err e = pl_sqlite_copy_text(q, 0, &r->publisher);
    if (!e) e = pl_sqlite_copy_text(q, 2, &r->id);
    if (!e) e = pl_sqlite_copy_text(q, 3, &r->service);
    r->enabled = sqlite3_column_int(q, 4);
    r->version = sqlite3_column_int64(q, 5);
    r->created_ms = sqlite3_column_int64(q, 6);
    r->updated_ms = sqlite3_column_int64(q, 7);
    return e;
}

/* A route with weights has all its targets in them, and a row only for the one that stands for all. */
static pouch_err read_target(sqlite3_stmt *q, struct pl_route_row *r) {
    if (r->weights) return POUCH_OK;
    pouch_err e = pl_registry_read_list(q, 1, &r->targets, &r->n_targets, PL_TARGETS_MAX);
    return e ? e : pl_weights_read(r, (const char *)sqlite3_column_text(q, 8));
}

/* One row a target; the rows of one route follow each other. */
static pouch_err read_routes(sqlite3 *db, struct pl_route_row *routes, size_t max, size_t *n) {
    sqlite3_stmt *q;
    pouch_err e = pl_sqlite_prepare(db, &q,
                                    "SELECT publisher, topic, id, service, enabled, version, created_ms, updated_ms,"
                                    " weights"
                                    " FROM route JOIN target USING(publisher) ORDER BY publisher, place");
    if (e) return e;
    struct pl_route_row *r = NULL;
    bool row;
    while (!(e = pl_sqlite_step(q, &row)) && row) {
        const char *publisher = (const char *)sqlite3_column_text(q, 0);
        if (!r || !publisher || strcmp(publisher, r->publisher)) {
            if (*n == max) break;
            r = &routes[(*n)++];
            if ((e = read_route(q, r))) break;
        }
        if ((e = read_target(q, r))) break;
    }
    sqlite3_finalize(q);
    return e;
}

pouch_err pl_sqlite_routes(struct pl_store *s, struct pl_route_row **out, size_t *n, int64_t *version) {
    sqlite3 *db = pl_registry_db(s);
    int64_t max = 0;
    *n = 0;
    pouch_err e = pl_sqlite_run(db, "BEGIN");
    if (e) return e;
    struct pl_route_row *routes = NULL;
    e = pl_sqlite_version(s, version);
    if (!e) e = pl_sqlite_ask(db, "SELECT count(*) FROM route", &max);
    if (!e) {
        routes = calloc((size_t)max + 1, sizeof *routes);
        e = routes ? read_routes(db, routes, (size_t)max, n)
                   : pl_fail(POUCH_E_NO_MEMORY, "out of memory for %lld routes", (long long)max);
    }
    e = pl_registry_end(db, e);
    if (!e) {
        *out = routes;
        return POUCH_OK;
    }
    pl_route_free(routes, *n);
    *n = 0;
    return e;
}

/* What is known of a publisher's route before it is written. */
struct present {
    bool there;
    char *id;
    int64_t version, created_ms;
};

static pouch_err find_route(sqlite3 *db, const char *publisher, struct present *p) {
    sqlite3_stmt *q;
    *p = (struct present){0};
    pouch_err e = pl_sqlite_prepare(db, &q, "SELECT id, version, created_ms FROM route WHERE publisher = ?");
    if (e) return e;
    pl_sqlite_bind_text(q, 1, publisher);
    e = pl_sqlite_step(q, &p->there);
    if (!e && p->there) {
        p->version = sqlite3_column_int64(q, 1);
        p->created_ms = sqlite3_column_int64(q, 2);
        e = pl_sqlite_copy_text(q, 0, &p->id);
    }
    sqlite3_finalize(q);
    return e;
}

static pouch_err check_id(sqlite3 *db, const struct pl_route_row *r) {
    sqlite3_stmt *q;
    pouch_err e = pl_sqlite_prepare(db, &q, "SELECT publisher FROM route WHERE id = ? AND publisher <> ?");
    if (e) return e;
    pl_sqlite_bind_text(q, 1, r->id);
    pl_sqlite_bind_text(q, 2, r->publisher);
    bool taken;
    e = pl_sqlite_step(q, &taken);
    if (!e && taken)
        e = pl_fail(POUCH_E_EXISTS, "route id %s belongs to %s", r->id, (const char *)sqlite3_column_text(q, 0));
    sqlite3_finalize(q);
    return e;
}

static pouch_err check_room(sqlite3 *db, const struct present *p) {
    if (p->there) return POUCH_OK;
    int64_t n = 0;
    pouch_err e = pl_sqlite_ask(db, "SELECT count(*) FROM route", &n);
    if (!e && n >= PL_ROUTES_MAX)
        e = pl_fail(POUCH_E_CONFIG, "there are %d routes, the most allowed: remove some", PL_ROUTES_MAX);
    return e;
}

/* The id stays what it was unless the row says otherwise. */
static pouch_err name_route(struct pl_route_row *r, struct present *p) {
    if (r->id) return POUCH_OK;
    if (p->id) {
        r->id = p->id;
        p->id = NULL;
        return POUCH_OK;
    }
    return asprintf(&r->id, "route-%s", r->publisher) < 0 ? pl_fail(POUCH_E_NO_MEMORY, "out of memory for a route")
                                                          : POUCH_OK;
}

static pouch_err insert_route(sqlite3 *db, const struct pl_route_row *r, const char *weights) {
    sqlite3_stmt *q;
    pouch_err e = pl_sqlite_prepare(db, &q,
                                    "REPLACE INTO route(publisher, id, service, enabled, version, created_ms,"
                                    " updated_ms, weights) VALUES(?,?,?,?,?,?,?,?)");
    if (e) return e;
    pl_sqlite_bind_text(q, 1, r->publisher);
    pl_sqlite_bind_text(q, 2, r->id);
    pl_sqlite_bind_text(q, 3, r->service);
    sqlite3_bind_int(q, 4, r->enabled);
    sqlite3_bind_int64(q, 5, r->version);
    sqlite3_bind_int64(q, 6, r->created_ms);
    sqlite3_bind_int64(q, 7, r->updated_ms);
    pl_sqlite_bind_text(q, 8, weights);
    e = pl_sqlite_do(q);
    sqlite3_finalize(q);
    return e;
}

static pouch_err write_targets(sqlite3 *db, const struct pl_route_row *r) {
    size_t first = r->weights ? pl_weights_heaviest(r) : 0, n = r->weights ? 1 : r->n_targets;
    pouch_err e = pl_registry_run(db, clear_targets, r->publisher);
    return e ? e : pl_registry_put_list(db, "INSERT INTO target VALUES(?,?,?)", r->publisher, &r->targets[first], n);
}

static pouch_err write_route(const struct pl_registry_change *c, struct pl_route_row *r, const struct present *p) {
    char *weights;
    r->version = c->version;
    r->updated_ms = c->at_ms;
    r->created_ms = p->there ? p->created_ms : r->updated_ms;
    pouch_err e = pl_weights_text(r, &weights);
    if (!e) e = insert_route(c->db, r, weights);
    if (!e) e = write_targets(c->db, r);
    free(weights);
    return e;
}

pouch_err pl_sqlite_route_put(struct pl_store *s, struct pl_route_row *r, int64_t expected) {
    struct pl_registry_change c;
    struct present p = {0};
    pouch_err e = pl_registry_change_begin(&c, s, PL_AUDIT_ROUTE, r->publisher);
    if (e) return e;
    e = find_route(c.db, r->publisher, &p);
    if (!e) e = pl_registry_change_check(&c, p.version, expected);
    if (!e) e = check_room(c.db, &p);
    if (!e) e = name_route(r, &p);
    if (!e) e = check_id(c.db, r);
    if (!e) e = pl_registry_change_note(&c, s->author);
    if (!e) e = write_route(&c, r, &p);
    free(p.id);
    return pl_registry_change_end(&c, e);
}

pouch_err pl_sqlite_route_remove(struct pl_store *s, const char *publisher, int64_t expected, int64_t *version) {
    struct pl_registry_change c;
    struct present p = {0};
    pouch_err e = pl_registry_change_begin(&c, s, PL_AUDIT_ROUTE, publisher);
    if (e) return e;
    e = find_route(c.db, publisher, &p);
    if (!e && !p.there && expected < 0) e = pl_fail(POUCH_E_NOT_FOUND, "there is no route %s", publisher);
    if (!e) e = pl_registry_change_check(&c, p.version, expected);
    if (!e) e = pl_registry_change_note(&c, s->author);
    if (!e) e = pl_registry_run(c.db, "DELETE FROM route WHERE publisher = ?", publisher);
    if (!e) e = pl_registry_run(c.db, clear_targets, publisher);
    if (!e) *version = c.version;
    free(p.id);
    return pl_registry_change_end(&c, e);
}
