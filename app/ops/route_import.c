/* pouch route import. */
#include <admin/anytext.h>
#include <admin/registry.h>
#include <base/why.h>
#include <ops/commands.h>
#include <ops/common.h>
#include <ops/registry.h>
#include <ops/screen.h>
#include <stdlib.h>
#include <store/rows.h>
#include <store/state.h>
#include <string.h>

/* How it went with one of them. */
enum taken { ADDED, REPLACED, SAME, KEPT, REFUSED, TAKEN_N };
static const char *const words[TAKEN_N] = {"added", "replaced", "same", "kept", "refused"};

/* Routes and services, as a store gives them. */
struct both {
    struct pl_route_row *routes;
    struct pl_service_row *services;
    size_t n_routes, n_services;
};

struct import {
    const struct ops_call *call;
    struct pl_store *store;
    struct both from, there;
    struct pl_announcement *told; /* what the centers are to hear of */
    size_t n_told, counts[TAKEN_N];
    json_t *rows; /* what json prints */
    pouch_err error;
};

/* ---- one of them ---- */

/* A route or a service that is to be taken over. */
struct item {
    const char *kind, *name;
    pouch_err valid;      /* what the store would say of it, told by pouch_why() */
    bool is_there;        /* and then as `before` */
    char *before, *after; /* states; NULL where memory is out */
};

static void note(struct import *im, const struct item *item, enum taken taken, const char *why) {
    im->counts[taken]++;
    if (im->call->output == OPS_TABLE) {
        const struct ops_screen screen = ops_screen_of(stdout);
        printf("%-8s ", item->kind);
        ops_screen_cell(stdout, &screen, item->name, 32);
        printf(" %s%s", words[taken], why ? ": " : "");
        ops_screen_column(stdout, &screen, why ? why : "", 0);
        putchar('\n');
        return;
    }
    im->rows = admin_array_with(im->rows, json_pack("{s:s,s:o,s:s,s:s?}", "kind", item->kind, "name",
                                                    admin_anytext_of(item->name), "result", words[taken], "why", why));
    if (!im->rows) im->error = pl_fail(POUCH_E_NO_MEMORY, "out of memory for what was imported");
}

/* Whether it is to be put; else it is noted what becomes of it. */
static bool is_to_be_put(struct import *im, const struct item *item) {
    enum taken taken = !item->is_there ? ADDED : ops_has(im->call, "--replace") ? REPLACED : KEPT;
    if (item->valid) {
        note(im, item, REFUSED, pouch_why());
        return false;
    }
    if (!item->after || (item->is_there && !item->before)) {
        im->error = pl_fail(POUCH_E_NO_MEMORY, "out of memory for the %s %s", item->kind, item->name);
        return false;
    }
    if (item->is_there && !strcmp(item->before, item->after)) taken = SAME;
    if (!ops_has(im->call, "--dry-run") && (taken == ADDED || taken == REPLACED)) return true;
    note(im, item, taken, NULL);
    return false;
}

/* What putting it has ended with: what somebody else has meanwhile stays, a store that fails ends the import. */
static void note_put(struct import *im, const struct item *item, pouch_err e, const struct pl_announcement *a) {
    char why[1024];
    snprintf(why, sizeof why, "%s", e ? pouch_why() : "");
    if (!e) {
        note(im, item, item->is_there ? REPLACED : ADDED, NULL);
        im->told[im->n_told++] = *a;
    } else if (e == POUCH_E_EXISTS || e == POUCH_E_NOT_FOUND)
        note(im, item, KEPT, why);
    else
        im->error = pl_fail(e, "%s %s: %s", item->kind, item->name, why);
}

static void take_service(struct import *im, struct pl_service_row *r) {
    const struct pl_service_row *there = NULL;
    struct item item = {.kind = PL_AUDIT_SERVICE, .name = r->name ? r->name : "", .valid = pl_service_check(r)};
    if (!item.valid) {
        there = admin_service_in(im->there.services, im->there.n_services, r->name);
        item.is_there = there != NULL;
        item.before = there ? pl_service_state(there) : NULL;
        item.after = pl_service_state(r);
    }
    if (is_to_be_put(im, &item)) {
        pouch_err e = pl_store_service_put(im->store, r, there ? there->revision : 0);
        note_put(im, &item, e, &(struct pl_announcement){.service = r->name, .version = r->revision});
    }
    free(item.before);
    free(item.after);
}

static void take_route(struct import *im, struct pl_route_row *r) {
    const struct pl_route_row *there = NULL;
    struct item item = {.kind = PL_AUDIT_ROUTE, .name = r->publisher ? r->publisher : "", .valid = pl_route_check(r)};
    if (!item.valid) {
        there = admin_route_in(im->there.routes, im->there.n_routes, r->publisher);
        item.is_there = there != NULL;
        item.before = there ? pl_route_state(there) : NULL;
        item.after = pl_route_state(r);
    }
    if (is_to_be_put(im, &item)) {
        pouch_err e = pl_store_route_put(im->store, r, there ? there->version : 0);
        const struct pl_announcement a = {.publisher = r->publisher, .version = r->version, .enabled = r->enabled};
        note_put(im, &item, e, &a);
    }
    free(item.before);
    free(item.after);
}

/* ---- all of them ---- */

static pouch_err open_both(struct import *im) {
    struct both from = {0}, *there = &im->there;
    int64_t version;
    pouch_err e = pl_store_import(im->call->args[0], &from.routes, &from.n_routes, &from.services, &from.n_services);
    if (!e) im->from = from;
    if (!e) e = ops_registry_open(im->call, &im->store);
    if (!e) e = pl_store_routes(im->store, &there->routes, &there->n_routes, &version);
    if (!e) e = pl_store_services(im->store, &there->services, &there->n_services);
    if (e) return e;
    im->told = calloc(from.n_routes + from.n_services + 1, sizeof *im->told);
    im->rows = im->told ? json_array() : NULL;
    return im->rows ? POUCH_OK : pl_fail(POUCH_E_NO_MEMORY, "out of memory for %zu routes", from.n_routes);
}

static int take_all(struct import *im) {
    for (size_t i = 0; i < im->from.n_services && !im->error; i++) take_service(im, &im->from.services[i]);
    for (size_t i = 0; i < im->from.n_routes && !im->error; i++) take_route(im, &im->from.routes[i]);
    int failed = im->error ? ops_error(im->error) : OPS_EXIT_OK;
    ops_announce(im->call, im->told, im->n_told);
    return failed;
}

/* What was done, also when the store has failed before the end. Gives the exit code. */
static int report(struct import *im) {
    int exit_code = OPS_EXIT_OK;
    if (im->call->output == OPS_TABLE)
        ops_say("%s%zu added, %zu replaced, %zu as they were, %zu kept as they are, %zu refused",
                ops_has(im->call, "--dry-run") ? "to be done: " : "", im->counts[ADDED], im->counts[REPLACED],
                im->counts[SAME], im->counts[KEPT], im->counts[REFUSED]);
    else
        exit_code = ops_print_array(im->call, json_incref(im->rows));
    if (exit_code) return exit_code;
    if (im->counts[REFUSED]) return OPS_EXIT_DATA;
    return im->counts[KEPT] ? OPS_EXIT_NEGATIVE : OPS_EXIT_OK;
}

static void both_free(struct both *b) {
    pl_route_free(b->routes, b->n_routes);
    pl_service_free(b->services, b->n_services);
}

static int route_import(struct ops_call *call) {
    struct import im = {.call = call};
    pouch_err e = open_both(&im);
    int failed = e ? ops_error(e) : take_all(&im);
    int exit_code = im.rows ? report(&im) : failed;
    int written = ops_done();
    json_decref(im.rows);
    free(im.told);
    both_free(&im.from);
    both_free(&im.there);
    pl_store_close(im.store);
    return failed ? failed : exit_code ? exit_code : written;
}

const struct ops_command ops_route_import = {
    .name = "route import",
    .args = "STORE",
    .summary = "Take over routes and services from splp or from another store",
    .about = "STORE is the keyspace of Cassandra in which splp keeps its tables routes and services, or a\n"
             "store of pouch. It is only read. What is there already and differs stays, and the exit code is 1;\n"
             "with --replace it becomes as in STORE. A route that is disabled there is disabled here. What has no\n"
             "valid name is told and left out (exit code 65). Centers hear of what was taken over.\n\n"
             "  pouch route import --dry-run cassandra://db1/command_center\n"
             "  pouch route import cassandra://db1/command_center --store cassandra://db1,db2/pouch?replication=3\n"
             "  pouch route import sqlite:///var/lib/pouch --store cassandra://db1,db2/pouch\n",
    .flags =
        (const struct ops_flag[]){
            {"--replace", 0, NULL, false, "change what is there already"},
            {"--dry-run", 0, NULL, false, "show what would be done"},
            {0},
        },
    .settings = (const char *const[]){"store", NULL},
    .least = 1,
    .most = 1,
    .run = route_import,
};
