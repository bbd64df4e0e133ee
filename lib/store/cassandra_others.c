/*
 * Routes that other programs wrote. All cells of a row that we write have one write time, which nobody else's has; and
 * each route has claimed its id, so that one without a row was removed.
 */
#include <base/clock.h>
#include <base/log.h>
#include <base/why.h>
#include <stdio.h>
#include <stdlib.h>
#include <store/cassandra_registry.h>
#include <store/rows.h>
#include <store/state.h>
#include <string.h>

enum { LOOK_EVERY_US = 5000000, AT_ONCE = 64, FIRST_CAP = 64 };

/* Publishers in the order of their names. */
struct names {
    char **at;
    size_t n, max;
};

struct look {
    struct names all, written, removed;
};

static pouch_err add_name(struct names *names, const struct pl_cql_rows *row, int column) {
    if (names->n == names->max) {
        size_t max = names->max ? 2 * names->max : FIRST_CAP;
        char **wider = reallocarray(names->at, max, sizeof *wider);
        if (!wider) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for %zu routes", max);
        names->at = wider;
        names->max = max;
    }
    pouch_err e = pl_cassandra_copy(&names->at[names->n], row, column);
    if (!e && names->at[names->n]) names->n++;
    return e;
}

static void free_names(struct names *names) {
    for (size_t i = 0; i < names->n; i++) free(names->at[i]);
    free(names->at);
}

/* ---- looking ---- */

#define LOOK                                                                                                          \
    "SELECT name, row_version, writetime(row_version), writetime(enabled), writetime(target_topic),"                  \
    " writetime(route_id), writetime(service_name), writetime(weights) FROM %s.registry WHERE part = 'registry' AND " \
    "kind = 'route'"

/* name, row_version, and the write times of that and of the others. */
static bool is_ours(const struct pl_cql_rows *row) {
    enum { ROW_VERSION = 1, OURS, OTHERS, OTHERS_END = OTHERS + 5 };
    int64_t ours = pl_cql_cell_number(row, OURS, -1);
    if (pl_cql_cell_null(row, ROW_VERSION)) return false;
    for (int i = OTHERS; i < OTHERS_END; i++)
        if (pl_cql_cell_number(row, i, ours) != ours) return false;
    return true;
}

static pouch_err look_at_route(const struct pl_cql_rows *row, void *arg) {
    struct look *look = arg;
    pouch_err e = add_name(&look->all, row, 0);
    if (!e && !is_ours(row) && look->written.n < AT_ONCE) e = add_name(&look->written, row, 0);
    return e;
}

static int compare(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* name: an id; source_publisher: whose it is. */
static pouch_err look_at_id(const struct pl_cql_rows *row, void *arg) {
    struct look *look = arg;
    char *publisher;
    pouch_err e = pl_cassandra_copy(&publisher, row, 1);
    if (e || !publisher) return e;
    bool there = look->all.n && bsearch(&publisher, look->all.at, look->all.n, sizeof(char *), compare);
    free(publisher);
    return there || look->removed.n == AT_ONCE ? POUCH_OK : add_name(&look->removed, row, 0);
}

static pouch_err look_for(struct pl_cassandra *c, struct look *look) {
    int64_t counted;
    pouch_err e = pl_cassandra_select(c, LOOK, NULL, 0, look_at_route, look);
    if (!e) e = pl_cassandra_routes_counted(c, &counted);
    if (e || (counted == (int64_t)look->all.n && !look->written.n)) return e;
    return pl_cassandra_select(c,
                               "SELECT name, source_publisher FROM %s.registry WHERE part = 'registry' AND kind = 'id'",
                               NULL, 0, look_at_id, look);
}

/* ---- making it a change ---- */

struct other {
    const char *name; /* a publisher; of a route that was removed, its id */
    int64_t routes;   /* that there are */
    struct pl_route_row row;
    char *publisher;
};

static pouch_err note_others(const struct pl_cql_rows *row, void *arg) {
    *(bool *)arg = !is_ours(row);
    return POUCH_OK;
}

/* Every center looks, and the first to find something makes the change: EXISTS for those that come after it. */
static pouch_err made_already(const char *name) {
    return pl_fail(POUCH_E_EXISTS, "another process has made what was done to %s a change", name);
}

static pouch_err check_written(struct pl_cassandra *c, const char *publisher) {
    const struct pl_cql_value name = pl_cql_text(publisher);
    bool others = false;
    pouch_err e = pl_cassandra_select(c, LOOK " AND name = ?", &name, 1, note_others, &others);
    return e || others ? e : made_already(publisher);
}

static pouch_err keep_row(const struct pl_cql_rows *row, void *arg) {
    return pl_cassandra_read_route(&((struct other *)arg)->row, row);
}

static pouch_err decide_written(struct pl_cassandra_change *change, void *arg) {
    struct other *other = arg;
    struct pl_route_row *r = &other->row;
    char *before = NULL;
    pl_route_clear(r);
    pouch_err e = check_written(change->c, other->name);
    if (!e) e = pl_cassandra_find(change->c, PL_AUDIT_ROUTE, other->name, keep_row, other);
    if (!e && !r->id && r->publisher && asprintf(&r->id, "route-%s", r->publisher) < 0) r->id = NULL;
    if (!e && (!r->id || pl_route_check(r)))
        e = pl_fail(POUCH_E_NOT_FOUND, "what another program wrote for %s is no route", other->name);
    if (!e) e = pl_cassandra_last_state(change->c, PL_AUDIT_ROUTE, other->name, &before);
    if (e) return e;
    r->version = change->version;
    r->updated_ms = change->at_ms;
    if (!r->created_ms) r->created_ms = change->at_ms;
    change->routes = other->routes;
    e = pl_cassandra_put_route(change, r);
    if (!e) return pl_cassandra_change_note(change, PL_AUDIT_ROUTE, r->publisher, "unknown", before, pl_route_state(r));
    free(before);
    return e;
}

static pouch_err keep_publisher(const struct pl_cql_rows *row, void *arg) {
    struct other *other = arg;
    free(other->publisher);
    return pl_cassandra_copy(&other->publisher, row, PL_REG_PUBLISHER);
}

static pouch_err note_there(const struct pl_cql_rows *row, void *arg) {
    (void)row;
    *(bool *)arg = true;
    return POUCH_OK;
}

/* The routes and the ids were read one after the other: a route that came meanwhile has an id and was not seen. */
static pouch_err check_removed(struct pl_cassandra *c, struct other *other) {
    bool there = false;
    pouch_err e = pl_cassandra_find(c, "id", other->name, keep_publisher, other);
    if (!e && other->publisher) e = pl_cassandra_find(c, PL_AUDIT_ROUTE, other->publisher, note_there, &there);
    return e || (other->publisher && !there) ? e : made_already(other->name);
}

static pouch_err decide_removed(struct pl_cassandra_change *change, void *arg) {
    struct other *other = arg;
    char *before = NULL;
    pouch_err e = check_removed(change->c, other);
    if (!e) e = pl_cassandra_last_state(change->c, PL_AUDIT_ROUTE, other->publisher, &before);
    if (!e && !before) e = made_already(other->name);
    if (e) return e;
    change->routes = other->routes;
    pl_cassandra_change_remove(change, "id", other->name);
    return pl_cassandra_change_note(change, PL_AUDIT_ROUTE, other->publisher, "unknown", before, NULL);
}

static pouch_err make_change(struct pl_cassandra *c, const struct look *look, const char *name,
                             pl_cassandra_decide *decide) {
    struct other other = {.name = name, .routes = (int64_t)look->all.n};
    pouch_err e = pl_cassandra_change(c, decide, &other);
    if (e == POUCH_E_NOT_FOUND || e == POUCH_E_CONFIG) {
        PL_LOG(PL_LOG_WARN, "a route that another program wrote is not taken over", "name", name, "why", pouch_why());
        e = POUCH_OK;
    }
    if (e == POUCH_E_EXISTS) e = POUCH_OK;
    pl_route_clear(&other.row);
    free(other.publisher);
    return e;
}

pouch_err pl_cassandra_take_over(struct pl_store *store) {
    struct pl_cassandra_store *s = (struct pl_cassandra_store *)store;
    int64_t now = pl_mono_us(&pl_clock_system);
    if (s->c.as_it_is || (s->looked_us && now - s->looked_us < LOOK_EVERY_US)) return POUCH_OK;
    struct look look = {.all = {0}};
    pouch_err e = look_for(&s->c, &look);
    for (size_t i = 0; i < look.written.n && !e; i++) e = make_change(&s->c, &look, look.written.at[i], decide_written);
    for (size_t i = 0; i < look.removed.n && !e; i++) e = make_change(&s->c, &look, look.removed.at[i], decide_removed);
    free_names(&look.all);
    free_names(&look.written);
    free_names(&look.removed);
    if (!e) s->looked_us = now;
    return e;
}
