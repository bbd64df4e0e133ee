/* Routes and services in the registry's partition. */
#include <base/log.h>
#include <base/why.h>
#include <stdio.h>
#include <stdlib.h>
#include <store/cassandra_registry.h>
#include <store/rows.h>
#include <store/state.h>
#include <store/weights.h>
#include <string.h>

enum { LOOKS = 10, FIRST_CAP = 64 };

/* ---- routes ---- */

struct routes {
    struct pl_route_row *at;
    size_t n, max;
};

/*
 * Weights hold while the row's target is the one that stands for them: a program that knows of none and wrote other
 * targets has made it a route without.
 */
static pouch_err read_weights(struct pl_route_row *r, const struct pl_cql_rows *row) {
    struct pl_route_row whole = {.publisher = r->publisher};
    char *text;
    pouch_err e = pl_cassandra_copy(&text, row, PL_REG_WEIGHTS);
    if (!e) e = pl_weights_read(&whole, text);
    free(text);
    bool hold =
        !e && whole.weights && r->n_targets == 1 && !strcmp(r->targets[0], whole.targets[pl_weights_heaviest(&whole)]);
    if (hold) {
        const struct pl_route_row stand_in = *r;
        r->targets = whole.targets;
        r->n_targets = whole.n_targets;
        r->weights = whole.weights;
        whole.targets = stand_in.targets;
        whole.n_targets = stand_in.n_targets;
        whole.weights = NULL;
    }
    whole.publisher = NULL;
    pl_route_clear(&whole);
    return e;
}

pouch_err pl_cassandra_read_route(struct pl_route_row *r, const struct pl_cql_rows *row) {
    pouch_err e = pl_cassandra_copy(&r->publisher, row, PL_REG_NAME);
    if (!e) e = pl_cassandra_copy(&r->id, row, PL_REG_ROUTE_ID);
    if (!e) e = pl_cassandra_copy(&r->service, row, PL_REG_SERVICE);
    if (!e) e = pl_cassandra_list(&r->targets, &r->n_targets, row, PL_REG_TARGETS, PL_TARGETS_MAX);
    if (!e) e = read_weights(r, row);
    r->enabled = pl_cassandra_number(row, PL_REG_ENABLED, 0);
    r->version = pl_cassandra_number(row, PL_REG_ROW_VERSION, 0);
    r->created_ms = pl_cassandra_number(row, PL_REG_CREATED, 0);
    r->updated_ms = pl_cassandra_number(row, PL_REG_UPDATED, 0);
    return e;
}

static pouch_err add_route(const struct pl_cql_rows *row, void *arg) {
    struct routes *all = arg;
    if (all->n == all->max) {
        size_t max = all->max ? 2 * all->max : FIRST_CAP;
        struct pl_route_row *wider = reallocarray(all->at, max, sizeof *wider);
        if (!wider) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for %zu routes", max);
        all->at = wider;
        all->max = max;
    }
    struct pl_route_row *r = &all->at[all->n++];
    memset(r, 0, sizeof *r);
    pouch_err e = pl_cassandra_read_route(r, row);
    if (e || (r->id && !pl_route_check(r))) return e;
    PL_LOG(PL_LOG_WARN, "a row of the registry is no route, and is left out", "publisher", r->publisher);
    pl_route_clear(r); /* another program wrote it */
    all->n--;
    return POUCH_OK;
}

/* The pages of one reading are of one version when it is the same before and after. */
pouch_err pl_cassandra_routes(struct pl_store *s, struct pl_route_row **out, size_t *n, int64_t *version) {
    for (int look = 0; look < LOOKS; look++) {
        struct routes all = {0};
        int64_t after = 0;
        pouch_err e = pl_cassandra_version(s, version);
        if (!e) e = pl_cassandra_find(pl_cassandra_of(s), PL_AUDIT_ROUTE, NULL, add_route, &all);
        if (!e) e = pl_cassandra_version(s, &after);
        if (!e && !all.at) all.at = calloc(1, sizeof *all.at);
        if (!e && !all.at) e = pl_fail(POUCH_E_NO_MEMORY, "out of memory for routes");
        if (!e && after == *version) {
            *out = all.at;
            *n = all.n;
            return POUCH_OK;
        }
        pl_route_free(all.at, all.n);
        if (e) return e;
    }
    return pl_fail(POUCH_E_STORE, "the routes were changed each time they were read: try again");
}

struct route_change {
    struct pl_route_row *r;
    const char *publisher, *author;
    int64_t expected, version;
    struct routes present; /* at most one; none also when its row is no route */
    bool there, ours;      /* its row */
    char *named;           /* the id that r had not, for the next try */
};

static pouch_err keep_present(const struct pl_cql_rows *row, void *arg) {
    struct route_change *rc = arg;
    rc->there = true;
    rc->ours = pl_cassandra_is_ours(row, PL_REG_COLUMNS);
    return add_route(row, &rc->present);
}

static pouch_err read_present(struct pl_cassandra *c, struct route_change *rc) {
    pl_route_free(rc->present.at, rc->present.n);
    rc->present = (struct routes){0};
    rc->there = rc->ours = false;
    return pl_cassandra_find(c, PL_AUDIT_ROUTE, rc->publisher, keep_present, rc);
}

/* What another program did to the route becomes a change of its own first, with a version. */
static pouch_err find_present(struct pl_cassandra *c, struct route_change *rc) {
    pouch_err e = read_present(c, rc);
    if (!e && !rc->ours) {
        e = pl_cassandra_take_over_route(c, rc->publisher, rc->there);
        if (!e && rc->there) e = read_present(c, rc);
    }
    if (e) return e;
    int64_t is = rc->present.n ? rc->present.at[0].version : 0;
    return pl_cassandra_expected(c, PL_AUDIT_ROUTE, rc->publisher, is, rc->expected);
}

struct owner {
    char *publisher;
};

static pouch_err keep_owner(const struct pl_cql_rows *row, void *arg) {
    return pl_cassandra_copy(&((struct owner *)arg)->publisher, row, PL_REG_PUBLISHER);
}

static pouch_err check_id(struct pl_cassandra *c, const struct pl_route_row *r) {
    struct owner owner = {NULL};
    pouch_err e = pl_cassandra_find(c, "id", r->id, keep_owner, &owner);
    if (!e && owner.publisher && strcmp(owner.publisher, r->publisher))
        e = pl_fail(POUCH_E_EXISTS, "route id %s belongs to %s", r->id, owner.publisher);
    free(owner.publisher);
    return e;
}

/* The id stays what it was unless the row says otherwise. */
static pouch_err name_route(struct route_change *rc) {
    struct pl_route_row *r = rc->r;
    if (rc->named) free(r->id);
    if (rc->named) r->id = NULL;
    if (r->id) return POUCH_OK;
    int n = rc->present.n ? asprintf(&r->id, "%s", rc->present.at[0].id) : asprintf(&r->id, "route-%s", r->publisher);
    if (n < 0) r->id = NULL;
    rc->named = r->id;
    return r->id ? POUCH_OK : pl_fail(POUCH_E_NO_MEMORY, "out of memory for a route");
}

pouch_err pl_cassandra_put_route(struct pl_cassandra_change *change, const struct pl_route_row *r) {
    size_t first = r->weights ? pl_weights_heaviest(r) : 0, n = r->weights ? 1 : r->n_targets;
    pouch_err e = pl_weights_text(r, &change->weights);
    if (e) return e;
    struct pl_cql_value *row = pl_cassandra_change_row(change, PL_AUDIT_ROUTE, r->publisher, 0, false);
    row[PL_REG_ROW_VERSION] = pl_cql_number(r->version);
    row[PL_REG_ROUTE_ID] = pl_cql_text(r->id);
    row[PL_REG_PUBLISHER] = pl_cql_text(r->publisher);
    row[PL_REG_TARGETS] = pl_cql_texts((const char *const *)&r->targets[first], n);
    row[PL_REG_WEIGHTS] = pl_cassandra_text(change->weights);
    row[PL_REG_SERVICE] = pl_cassandra_text(r->service);
    row[PL_REG_ENABLED] = pl_cql_boolean(r->enabled);
    row[PL_REG_CREATED] = pl_cql_number(r->created_ms);
    row[PL_REG_UPDATED] = pl_cql_number(r->updated_ms);
    pl_cassandra_change_row(change, "id", r->id, 0, false)[PL_REG_PUBLISHER] = pl_cql_text(r->publisher);
    return POUCH_OK;
}

static pouch_err decide_put(struct pl_cassandra_change *change, void *arg) {
    struct route_change *rc = arg;
    struct pl_route_row *r = rc->r;
    pouch_err e = find_present(change->c, rc);
    const struct pl_route_row *before = rc->present.n ? &rc->present.at[0] : NULL;
    if (!e && !before && change->routes >= PL_ROUTES_MAX)
        e = pl_fail(POUCH_E_CONFIG, "there are %d routes, the most allowed: remove some", PL_ROUTES_MAX);
    if (!e) e = name_route(rc);
    if (!e) e = check_id(change->c, r);
    if (e) return e;
    r->version = change->version;
    r->updated_ms = change->at_ms;
    r->created_ms = before ? before->created_ms : r->updated_ms;
    change->routes += !before;
    if ((e = pl_cassandra_put_route(change, r))) return e;
    if (before && strcmp(before->id, r->id)) pl_cassandra_change_remove(change, "id", before->id);
    char *old = before ? pl_route_state(before) : NULL, *new = pl_route_state(r);
    if (new && !old == !before)
        return pl_cassandra_change_note(change, PL_AUDIT_ROUTE, r->publisher, rc->author, old, new);
    free(old);
    free(new);
    return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a change");
}

pouch_err pl_cassandra_route_put(struct pl_store *s, struct pl_route_row *r, int64_t expected) {
    struct route_change rc = {.r = r, .publisher = r->publisher, .author = s->author, .expected = expected};
    pouch_err e = pl_cassandra_change(pl_cassandra_of(s), decide_put, &rc);
    pl_route_free(rc.present.at, rc.present.n);
    return e;
}

static pouch_err decide_remove(struct pl_cassandra_change *change, void *arg) {
    struct route_change *rc = arg;
    pouch_err e = find_present(change->c, rc);
    if (!e && !rc->present.n) e = pl_fail(POUCH_E_NOT_FOUND, "there is no route %s", rc->publisher);
    if (e) return e;
    rc->version = change->version;
    change->routes--;
    pl_cassandra_change_remove(change, PL_AUDIT_ROUTE, rc->publisher);
    pl_cassandra_change_remove(change, "id", rc->present.at[0].id);
    return pl_cassandra_change_note(change, PL_AUDIT_ROUTE, rc->publisher, rc->author,
                                    pl_route_state(&rc->present.at[0]), NULL);
}

pouch_err pl_cassandra_route_remove(struct pl_store *s, const char *publisher, int64_t expected, int64_t *version) {
    struct route_change rc = {.publisher = publisher, .author = s->author, .expected = expected};
    pouch_err e = pl_cassandra_change(pl_cassandra_of(s), decide_remove, &rc);
    if (!e) *version = rc.version;
    pl_route_free(rc.present.at, rc.present.n);
    return e;
}

/* ---- services ---- */

struct services {
    struct pl_service_row *at;
    size_t n, max;
};

static pouch_err add_service(const struct pl_cql_rows *row, void *arg) {
    struct services *all = arg;
    if (all->n == all->max) {
        size_t max = all->max ? 2 * all->max : FIRST_CAP;
        struct pl_service_row *wider = reallocarray(all->at, max, sizeof *wider);
        if (!wider) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for %zu services", max);
        all->at = wider;
        all->max = max;
    }
    struct pl_service_row *r = &all->at[all->n++];
    *r = (struct pl_service_row){.revision = pl_cassandra_number(row, PL_REG_ROW_VERSION, 0),
                                 .created_ms = pl_cassandra_number(row, PL_REG_CREATED, 0),
                                 .updated_ms = pl_cassandra_number(row, PL_REG_UPDATED, 0)};
    pouch_err e = pl_cassandra_copy(&r->name, row, PL_REG_NAME);
    if (!e) e = pl_cassandra_copy(&r->version, row, PL_REG_VERSION);
    if (!e) e = pl_cassandra_copy(&r->description, row, PL_REG_DESCRIPTION);
    if (!e) e = pl_cassandra_copy(&r->endpoint, row, PL_REG_ENDPOINT);
    return e ? e : pl_cassandra_list(&r->tags, &r->n_tags, row, PL_REG_TAGS, PL_TAGS_MAX);
}

pouch_err pl_cassandra_services(struct pl_store *s, struct pl_service_row **out, size_t *n) {
    struct services all = {0};
    pouch_err e = pl_cassandra_find(pl_cassandra_of(s), PL_AUDIT_SERVICE, NULL, add_service, &all);
    if (!e && !all.at) all.at = calloc(1, sizeof *all.at);
    if (!e && !all.at) e = pl_fail(POUCH_E_NO_MEMORY, "out of memory for services");
    *out = e ? NULL : all.at;
    *n = e ? 0 : all.n;
    if (e) pl_service_free(all.at, all.n);
    return e;
}

struct service_change {
    struct pl_service_row *r; /* NULL: it is removed */
    const char *name, *author;
    int64_t expected, revision;
};

static void put_service_row(struct pl_cassandra_change *change, const struct pl_service_row *r) {
    struct pl_cql_value *row = pl_cassandra_change_row(change, PL_AUDIT_SERVICE, r->name, 0, false);
    row[PL_REG_ROW_VERSION] = pl_cql_number(r->revision);
    row[PL_REG_SERVICE] = pl_cql_text(r->name);
    row[PL_REG_VERSION] = pl_cql_text(r->version);
    row[PL_REG_DESCRIPTION] = pl_cassandra_text(r->description);
    row[PL_REG_ENDPOINT] = pl_cassandra_text(r->endpoint);
    row[PL_REG_TAGS] = pl_cql_texts((const char *const *)r->tags, r->n_tags);
    row[PL_REG_CREATED] = pl_cql_number(r->created_ms);
    row[PL_REG_UPDATED] = pl_cql_number(r->updated_ms);
}

static pouch_err decide_known(struct pl_cassandra_change *change, struct service_change *sc,
                              const struct pl_service_row *before) {
    struct pl_service_row *r = sc->r;
    pouch_err e =
        pl_cassandra_expected(change->c, PL_AUDIT_SERVICE, sc->name, before ? before->revision : 0, sc->expected);
    if (!e && !r && !before) e = pl_fail(POUCH_E_NOT_FOUND, "there is no service %s", sc->name);
    if (e) return e;
    sc->revision = change->version;
    if (r) {
        r->revision = change->version;
        r->updated_ms = change->at_ms;
        r->created_ms = before ? before->created_ms : r->updated_ms;
        put_service_row(change, r);
    } else {
        pl_cassandra_change_remove(change, PL_AUDIT_SERVICE, sc->name);
    }
    char *old = before ? pl_service_state(before) : NULL, *new = r ? pl_service_state(r) : NULL;
    if (!old == !before && !new == !r)
        return pl_cassandra_change_note(change, PL_AUDIT_SERVICE, sc->name, sc->author, old, new);
    free(old);
    free(new);
    return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a change");
}

static pouch_err decide_service(struct pl_cassandra_change *change, void *arg) {
    struct service_change *sc = arg;
    struct services present = {0};
    pouch_err e = pl_cassandra_find(change->c, PL_AUDIT_SERVICE, sc->name, add_service, &present);
    if (!e) e = decide_known(change, sc, present.n ? &present.at[0] : NULL);
    pl_service_free(present.at, present.n);
    return e;
}

pouch_err pl_cassandra_service_put(struct pl_store *s, struct pl_service_row *r, int64_t expected) {
    struct service_change sc = {.r = r, .name = r->name, .author = s->author, .expected = expected};
    return pl_cassandra_change(pl_cassandra_of(s), decide_service, &sc);
}

pouch_err pl_cassandra_service_remove(struct pl_store *s, const char *name, int64_t expected, int64_t *revision) {
    struct service_change sc = {.name = name, .author = s->author, .expected = expected};
    pouch_err e = pl_cassandra_change(pl_cassandra_of(s), decide_service, &sc);
    if (!e) *revision = sc.revision;
    return e;
}
