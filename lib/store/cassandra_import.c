/*
 * Taking over the routes and services that splp keeps: tables routes and services of a keyspace, which are only read.
 */
#include <base/log.h>
#include <base/why.h>
#include <stdio.h>
#include <stdlib.h>
#include <store/cassandra.h>
#include <store/rows.h>
#include <string.h>

enum { FIRST_CAP = 64, WAIT_US = 10000000 };

struct import {
    struct pl_cassandra c;
    struct pl_route_row *routes;
    struct pl_service_row *services;
    size_t n_routes, n_services, max_routes, max_services;
};

static pouch_err no_memory(void) {
    return pl_fail(POUCH_E_NO_MEMORY, "out of memory for routes and services");
}

/* ---- routes ---- */

static pouch_err read_route(struct pl_route_row *r, const struct pl_cql_rows *row) {
    r->targets = calloc(1, sizeof *r->targets);
    if (!r->targets) return no_memory();
    pouch_err e = pl_cassandra_copy(&r->id, row, 0);
    if (!e) e = pl_cassandra_copy(&r->publisher, row, 1);
    if (!e) e = pl_cassandra_copy(&r->targets[0], row, 2);
    r->n_targets = r->targets[0] != NULL;
    if (!e) e = pl_cassandra_copy(&r->service, row, 3);
    r->enabled = pl_cql_cell_number(row, 4, 1);
    r->created_ms = pl_cql_cell_number(row, 5, 0);
    r->updated_ms = pl_cql_cell_number(row, 6, 0);
    return e;
}

static pouch_err add_route(struct import *im, const struct pl_cql_rows *row) {
    if (im->n_routes == im->max_routes) {
        size_t max = im->max_routes ? 2 * im->max_routes : FIRST_CAP;
        struct pl_route_row *wider = reallocarray(im->routes, max, sizeof *wider);
        if (!wider) return no_memory();
        im->routes = wider;
        im->max_routes = max;
    }
    struct pl_route_row *r = &im->routes[im->n_routes];
    *r = (struct pl_route_row){0};
    pouch_err e = read_route(r, row);
    if (!e && r->publisher)
        im->n_routes++;
    else
        pl_route_clear(r);
    return e;
}

/* By publisher; of one publisher, the one that was changed last comes first. */
static int by_publisher(const void *left, const void *right) {
    const struct pl_route_row *a = left, *b = right;
    int order = strcmp(a->publisher, b->publisher);
    if (order) return order;
    if (a->updated_ms != b->updated_ms) return a->updated_ms > b->updated_ms ? -1 : 1;
    return strcmp(a->id ? a->id : "", b->id ? b->id : "");
}

/*
 * splp goes by one route a publisher as well; of several rows, by whichever it has read last. The one that was changed
 * last is taken, and the log says which were not.
 */
static void take_one_each(struct import *im) {
    size_t n = im->n_routes, taken = 0;
    if (n) qsort(im->routes, n, sizeof *im->routes, by_publisher);
    for (size_t i = 1; i < n; i++) {
        struct pl_route_row *last = &im->routes[taken], *r = &im->routes[i];
        if (strcmp(r->publisher, last->publisher)) {
            im->routes[++taken] = *r;
            continue;
        }
        PL_LOG(PL_LOG_WARN, "a publisher has several routes, of which the one changed last is taken", "publisher",
               last->publisher, "taken", last->id, "left", r->id);
        pl_route_clear(r);
    }
    if (n) im->n_routes = taken + 1;
}

/* ---- services ---- */

struct tags {
    struct pl_service_row *r;
    bool failed;
};

static void add_tag(const char *at, size_t n, void *arg) {
    struct tags *tags = arg;
    if (tags->failed || tags->r->n_tags == PL_TAGS_MAX) return;
    char *tag = strndup(at, n);
    tags->failed = !tag;
    if (tag) tags->r->tags[tags->r->n_tags++] = tag;
}

static pouch_err add_service(struct import *im, const struct pl_cql_rows *row) {
    if (im->n_services == im->max_services) {
        size_t max = im->max_services ? 2 * im->max_services : FIRST_CAP;
        struct pl_service_row *wider = reallocarray(im->services, max, sizeof *wider);
        if (!wider) return no_memory();
        im->services = wider;
        im->max_services = max;
    }
    struct pl_service_row *r = &im->services[im->n_services++];
    *r = (struct pl_service_row){.tags = calloc(PL_TAGS_MAX, sizeof *r->tags),
                                 .created_ms = pl_cql_cell_number(row, 5, 0),
                                 .updated_ms = pl_cql_cell_number(row, 6, 0)};
    if (!r->tags) return no_memory();
    pouch_err e = pl_cassandra_copy(&r->name, row, 0);
    if (!e) e = pl_cassandra_copy(&r->version, row, 1);
    if (!e && !r->version && !(r->version = strdup("unknown"))) e = no_memory();
    if (!e) e = pl_cassandra_copy(&r->description, row, 2);
    if (!e) e = pl_cassandra_copy(&r->endpoint, row, 3);
    struct tags tags = {.r = r};
    pl_cql_cell_texts(row, 4, add_tag, &tags);
    return e ? e : tags.failed ? no_memory() : POUCH_OK;
}

/* ---- both ---- */

typedef pouch_err add_fn(struct import *im, const struct pl_cql_rows *row);

static pouch_err read_table(struct import *im, const char *columns, const char *table, add_fn *add) {
    char text[512];
    struct pl_cql_cursor *cursor;
    const struct pl_cql_how how = pl_cassandra_how(&im->c);
    snprintf(text, sizeof text, "SELECT %s FROM \"%s\".%s", columns, im->c.config.keyspace, table);
    pouch_err e = pl_cql_select_text(im->c.session, &cursor, text, &how);
    if (e) return e;
    const struct pl_cql_rows *row;
    while (!(e = pl_cql_cursor_next(cursor, &row)) && row)
        if ((e = add(im, row))) break;
    pl_cql_cursor_close(cursor);
    return e;
}

struct found {
    bool splp, ours;
};

static bool cell_is(const struct pl_cql_rows *row, const char *text) {
    size_t n;
    const char *at = pl_cql_cell_text(row, 0, &n);
    return n == strlen(text) && !memcmp(at, text, n);
}

static pouch_err look(struct import *im, struct found *found) {
    char text[256];
    struct pl_cql_cursor *cursor;
    const struct pl_cql_how how = pl_cassandra_how(&im->c);
    const char *keyspace = im->c.config.keyspace;
    snprintf(text, sizeof text, "SELECT table_name FROM system_schema.tables WHERE keyspace_name = '%s'", keyspace);
    pouch_err e = pl_cql_select_text(im->c.session, &cursor, text, &how);
    if (e) return e;
    const struct pl_cql_rows *row;
    while (!(e = pl_cql_cursor_next(cursor, &row)) && row) {
        found->splp |= cell_is(row, "routes");
        found->ours |= cell_is(row, "store_schema");
    }
    pl_cql_cursor_close(cursor);
    if (!e && !found->splp && !found->ours)
        e = pl_fail(POUCH_E_CONFIG,
                    "keyspace %s has neither the tables routes and services of splp (its default keyspace is "
                    "command_center) nor routes of pouch",
                    keyspace);
    return e;
}

static pouch_err read_tables(struct import *im) {
    pouch_err e =
        read_table(im, "route_id, source_publisher, target_topic, service_name, enabled, created_at, updated_at",
                   "routes", add_route);
    if (e) return e;
    take_one_each(im);
    return read_table(im, "service_name, version, description, endpoint, tags, created_at, updated_at", "services",
                      add_service);
}

pouch_err pl_cassandra_import(const char *where, bool *ours, struct pl_route_row **routes, size_t *n_routes,
                              struct pl_service_row **services, size_t *n_services) {
    struct import im = {.n_routes = 0};
    struct found found = {false, false};
    pouch_err e = pl_cassandra_connect(&im.c, where);
    if (e) return e;
    e = pl_cql_ready(im.c.session, WAIT_US);
    if (!e) e = look(&im, &found);
    *ours = !found.splp;
    if (!e && found.splp) e = read_tables(&im);
    e = pl_cassandra_told(e);
    pl_cassandra_close(&im.c);
    if (e) {
        pl_route_free(im.routes, im.n_routes);
        pl_service_free(im.services, im.n_services);
        return e;
    }
    *routes = im.routes;
    *n_routes = im.n_routes;
    *services = im.services;
    *n_services = im.n_services;
    return POUCH_OK;
}
