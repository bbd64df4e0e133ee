#include <base/clock.h>
#include <base/why.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <store/sqlite.h>
#include <store/sqlite_schema.h>
#include <store/sqlite_store.h>
#include <string.h>

/* Who changes routes waits that long for another who does; a change takes milliseconds. */
enum { BUSY_MS = 5000 };

static const char *const clear_targets = "DELETE FROM target WHERE publisher = ?";
static const char *const clear_tags = "DELETE FROM tag WHERE service = ?";

static sqlite3 *registry_of(struct pl_store *s) {
    return ((struct pl_sqlite_store *)s)->registry;
}

pouch_err pl_sqlite_registry_open(sqlite3 **registry, const char *folder) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/registry.db", folder);
    pouch_err e = pl_sqlite_create(path, &pl_registry_schema);
    if (!e) e = pl_sqlite_open(registry, path, &pl_registry_schema, BUSY_MS);
    return e;
}

/* Ends a transaction: COMMIT when all went well, else, or when that fails, ROLLBACK. The first error stays the one told. */
static pouch_err end(sqlite3 *db, pouch_err e) {
    if (!e) e = pl_sqlite_run(db, "COMMIT");
    if (e) sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    return e;
}

/* The one number that a statement gives. */
static pouch_err ask(sqlite3 *db, const char *sql, int64_t *number) {
    sqlite3_stmt *q;
    pouch_err e = pl_sqlite_prepare(db, &q, sql);
    if (e) return e;
    bool row;
    e = pl_sqlite_step(q, &row);
    if (!e) *number = sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    return e;
}

pouch_err pl_sqlite_version(struct pl_store *s, int64_t *version) {
    return ask(registry_of(s), "SELECT version FROM registry", version);
}

/* Every change of the registry has a number of its own, higher than all before. */
static pouch_err next_version(sqlite3 *db, int64_t *version) {
    return ask(db, "UPDATE registry SET version = version + 1 RETURNING version", version);
}

static pouch_err run_with(sqlite3 *db, const char *sql, const char *name) {
    sqlite3_stmt *q;
    pouch_err e = pl_sqlite_prepare(db, &q, sql);
    if (e) return e;
    pl_sqlite_bind_text(q, 1, name);
    e = pl_sqlite_do(q);
    sqlite3_finalize(q);
    return e;
}

/* The texts that belong to owner, in their order: the targets of a route, the tags of a service. */
static pouch_err insert_list(sqlite3 *db, const char *sql, const char *owner, char *const *texts, size_t n) {
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

/* Appends a column's text, where it has one, to a list that has room for max. */
static pouch_err read_list(sqlite3_stmt *q, int column, char ***texts, size_t *n, size_t max) {
    if (sqlite3_column_type(q, column) == SQLITE_NULL || *n == max) return POUCH_OK;
    if (!*texts) *texts = calloc(max, sizeof **texts);
    if (!*texts) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a row of the store");
    pouch_err e = pl_sqlite_copy_text(q, column, &(*texts)[*n]);
    if (!e) ++*n;
    return e;
}

/* ---- routes ---- */

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

/* One row a target; the rows of one route follow each other. */
static pouch_err read_routes(sqlite3 *db, struct pl_route_row *routes, size_t max, size_t *n) {
    sqlite3_stmt *q;
    pouch_err e = pl_sqlite_prepare(db, &q,
                                    "SELECT publisher, topic, id, service, enabled, version, created_ms, updated_ms"
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
        if ((e = read_list(q, 1, &r->targets, &r->n_targets, PL_TARGETS_MAX))) break;
    }
    sqlite3_finalize(q);
    return e;
}

pouch_err pl_sqlite_routes(struct pl_store *s, struct pl_route_row **out, size_t *n, int64_t *version) {
    sqlite3 *db = registry_of(s);
    int64_t max = 0;
    *n = 0;
    pouch_err e = pl_sqlite_run(db, "BEGIN");
    if (e) return e;
    struct pl_route_row *routes = NULL;
    e = pl_sqlite_version(s, version);
    if (!e) e = ask(db, "SELECT count(*) FROM route", &max);
    if (!e) {
        routes = calloc((size_t)max + 1, sizeof *routes);
        e = routes ? read_routes(db, routes, (size_t)max, n)
                   : pl_fail(POUCH_E_NO_MEMORY, "out of memory for %lld routes", (long long)max);
    }
    e = end(db, e);
    if (e)
        pl_route_free(routes, *n);
    else
        *out = routes;
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

static pouch_err check_expected(const struct present *p, const char *publisher, int64_t expected) {
    if (!p->there) return expected > 0 ? pl_fail(POUCH_E_NOT_FOUND, "there is no route for %s", publisher) : POUCH_OK;
    if (expected < 0 || p->version == expected) return POUCH_OK;
    if (expected == 0)
        return pl_fail(POUCH_E_EXISTS, "%s has a route already (%s, version %lld)", publisher, p->id,
                       (long long)p->version);
    return pl_fail(POUCH_E_EXISTS, "the route of %s has changed: it is of version %lld, not %lld", publisher,
                   (long long)p->version, (long long)expected);
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
    pouch_err e = ask(db, "SELECT count(*) FROM route", &n);
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

static pouch_err insert_route(sqlite3 *db, const struct pl_route_row *r) {
    sqlite3_stmt *q;
    pouch_err e = pl_sqlite_prepare(db, &q,
                                    "REPLACE INTO route(publisher, id, service, enabled, version, created_ms,"
                                    " updated_ms) VALUES(?,?,?,?,?,?,?)");
    if (e) return e;
    pl_sqlite_bind_text(q, 1, r->publisher);
    pl_sqlite_bind_text(q, 2, r->id);
    pl_sqlite_bind_text(q, 3, r->service);
    sqlite3_bind_int(q, 4, r->enabled);
    sqlite3_bind_int64(q, 5, r->version);
    sqlite3_bind_int64(q, 6, r->created_ms);
    sqlite3_bind_int64(q, 7, r->updated_ms);
    e = pl_sqlite_do(q);
    sqlite3_finalize(q);
    return e;
}

static pouch_err write_route(sqlite3 *db, struct pl_route_row *r, struct present *p, int64_t expected) {
    pouch_err e = check_expected(p, r->publisher, expected);
    if (!e) e = check_room(db, p);
    if (!e) e = name_route(r, p);
    if (!e) e = check_id(db, r);
    if (!e) e = next_version(db, &r->version);
    if (e) return e;
    r->updated_ms = pl_wall_ms(&pl_clock_system);
    r->created_ms = p->there ? p->created_ms : r->updated_ms;
    e = insert_route(db, r);
    if (!e) e = run_with(db, clear_targets, r->publisher);
    if (!e) e = insert_list(db, "INSERT INTO target VALUES(?,?,?)", r->publisher, r->targets, r->n_targets);
    return e;
}

pouch_err pl_sqlite_route_put(struct pl_store *s, struct pl_route_row *r, int64_t expected) {
    sqlite3 *db = registry_of(s);
    struct present p;
    pouch_err e = pl_sqlite_run(db, "BEGIN IMMEDIATE");
    if (e) return e;
    e = find_route(db, r->publisher, &p);
    if (!e) e = write_route(db, r, &p, expected);
    free(p.id);
    return end(db, e);
}

/* NOT_FOUND in the words of what, when nothing was there. */
static pouch_err delete_named(sqlite3 *db, const char *sql, const char *what, const char *name) {
    pouch_err e = run_with(db, sql, name);
    if (!e && !sqlite3_changes(db)) e = pl_fail(POUCH_E_NOT_FOUND, "there is no %s %s", what, name);
    return e;
}

pouch_err pl_sqlite_route_remove(struct pl_store *s, const char *publisher, int64_t *version) {
    sqlite3 *db = registry_of(s);
    pouch_err e = pl_sqlite_run(db, "BEGIN IMMEDIATE");
    if (e) return e;
    e = delete_named(db, "DELETE FROM route WHERE publisher = ?", "route for", publisher);
    if (!e) e = run_with(db, clear_targets, publisher);
    if (!e) e = next_version(db, version);
    return end(db, e);
}

/* ---- services ---- */

static pouch_err read_service(sqlite3_stmt *q, struct pl_service_row *r) {
    pouch_err e = pl_sqlite_copy_text(q, 0, &r->name);
    if (!e) e = pl_sqlite_copy_text(q, 2, &r->version);
    if (!e) e = pl_sqlite_copy_text(q, 3, &r->description);
    if (!e) e = pl_sqlite_copy_text(q, 4, &r->endpoint);
    r->created_ms = sqlite3_column_int64(q, 5);
    r->updated_ms = sqlite3_column_int64(q, 6);
    return e;
}

/* One row a tag, at least one a service; the rows of one service follow each other. */
static pouch_err read_services(sqlite3 *db, struct pl_service_row *services, size_t max, size_t *n) {
    sqlite3_stmt *q;
    pouch_err e = pl_sqlite_prepare(db, &q,
                                    "SELECT name, tag, version, description, endpoint, created_ms, updated_ms"
                                    " FROM service LEFT JOIN tag ON tag.service = service.name ORDER BY name, place");
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
        if ((e = read_list(q, 1, &r->tags, &r->n_tags, PL_TAGS_MAX))) break;
    }
    sqlite3_finalize(q);
    return e;
}

pouch_err pl_sqlite_services(struct pl_store *s, struct pl_service_row **out, size_t *n) {
    sqlite3 *db = registry_of(s);
    int64_t max = 0;
    *n = 0;
    pouch_err e = pl_sqlite_run(db, "BEGIN");
    if (e) return e;
    struct pl_service_row *services = NULL;
    e = ask(db, "SELECT count(*) FROM service", &max);
    if (!e) {
        services = calloc((size_t)max + 1, sizeof *services);
        e = services ? read_services(db, services, (size_t)max, n)
                     : pl_fail(POUCH_E_NO_MEMORY, "out of memory for %lld services", (long long)max);
    }
    e = end(db, e);
    if (e)
        pl_service_free(services, *n);
    else
        *out = services;
    return e;
}

static pouch_err insert_service(sqlite3 *db, struct pl_service_row *r, bool replace) {
    sqlite3_stmt *q;
    pouch_err e = pl_sqlite_prepare(
        db, &q,
        "INSERT INTO service(name, version, description, endpoint, created_ms, updated_ms) VALUES(?1,?2,?3,?4,?5,?5)"
        " ON CONFLICT(name) DO UPDATE SET version = ?2, description = ?3, endpoint = ?4, updated_ms = ?5 WHERE ?6"
        " RETURNING created_ms");
    if (e) return e;
    r->updated_ms = pl_wall_ms(&pl_clock_system);
    pl_sqlite_bind_text(q, 1, r->name);
    pl_sqlite_bind_text(q, 2, r->version);
    pl_sqlite_bind_text(q, 3, r->description);
    pl_sqlite_bind_text(q, 4, r->endpoint);
    sqlite3_bind_int64(q, 5, r->updated_ms);
    sqlite3_bind_int(q, 6, replace);
    bool written;
    e = pl_sqlite_step(q, &written);
    if (!e && !written) e = pl_fail(POUCH_E_EXISTS, "there is a service %s already", r->name);
    if (!e) r->created_ms = sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    return e;
}

pouch_err pl_sqlite_service_put(struct pl_store *s, struct pl_service_row *r, bool replace) {
    sqlite3 *db = registry_of(s);
    int64_t version;
    pouch_err e = pl_sqlite_run(db, "BEGIN IMMEDIATE");
    if (e) return e;
    e = insert_service(db, r, replace);
    if (!e) e = run_with(db, clear_tags, r->name);
    if (!e) e = insert_list(db, "INSERT INTO tag VALUES(?,?,?)", r->name, r->tags, r->n_tags);
    if (!e) e = next_version(db, &version);
    return end(db, e);
}

pouch_err pl_sqlite_service_remove(struct pl_store *s, const char *name) {
    sqlite3 *db = registry_of(s);
    int64_t version;
    pouch_err e = pl_sqlite_run(db, "BEGIN IMMEDIATE");
    if (e) return e;
    e = delete_named(db, "DELETE FROM service WHERE name = ?", "service", name);
    if (!e) e = run_with(db, clear_tags, name);
    if (!e) e = next_version(db, &version);
    return end(db, e);
}
