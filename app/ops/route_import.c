/* pouch route import. */
#include <base/why.h>
#include <ops/commands.h>
#include <ops/common.h>
#include <ops/registry.h>
#include <registry/registry.h>
#include <stdlib.h>
#include <store/state.h>
#include <string.h>

enum { ANNOUNCE_MS = 10000 };

/* How it went with one of them. */
enum taken { ADDED, REPLACED, SAME, KEPT, REFUSED, TAKEN_N };
static const char *const words[TAKEN_N] = {"added", "replaced", "same", "kept", "refused"};

struct import {
    const struct ops_call *call;
    struct pl_store *store;
    struct pl_route_row *routes;
    struct pl_service_row *services;
    size_t n_routes, n_services;
    struct pl_announcement *told; /* what the centers are to hear of */
    size_t n_told, counts[TAKEN_N];
    json_t *rows; /* what json prints */
    pouch_err error;
};

static void note(struct import *im, const char *kind, const char *name, enum taken taken, const char *why) {
    im->counts[taken]++;
    if (im->call->output == OPS_TABLE) {
        printf("%-8s %-32s %s%s%s\n", kind, name, words[taken], why ? ": " : "", why ? why : "");
        return;
    }
    json_t *row = json_pack("{s:s,s:s,s:s,s:s?}", "kind", kind, "name", name, "result", words[taken], "why", why);
    if (!row || json_array_append_new(im->rows, row)) im->error = pl_fail(POUCH_E_NO_MEMORY, "out of memory");
}

/* What an error of one of them means: a name that is none here is left out, a store that fails ends the import. */
static void note_end(struct import *im, const char *kind, const char *name, pouch_err e, bool replaced) {
    if (!e)
        note(im, kind, name, replaced ? REPLACED : ADDED, NULL);
    else if (e == POUCH_E_CONFIG)
        note(im, kind, name, REFUSED, pouch_why());
    else if (e == POUCH_E_EXISTS)
        note(im, kind, name, KEPT, pouch_why());
    else
        im->error = e;
}

/* What is to be done with one that is there (before) or not (NULL); frees both states. ADDED, REPLACED: it is to be put. */
static enum taken judge(struct import *im, bool is_there, char *before, char *after) {
    enum taken taken = !is_there ? ADDED : ops_has(im->call, "--replace") ? REPLACED : KEPT;
    if (!after || (is_there && !before))
        im->error = pl_fail(POUCH_E_NO_MEMORY, "out of memory for a route");
    else if (is_there && !strcmp(before, after))
        taken = SAME;
    free(before);
    free(after);
    return taken;
}

static bool is_to_be_put(const struct import *im, enum taken taken) {
    return !im->error && !ops_has(im->call, "--dry-run") && (taken == ADDED || taken == REPLACED);
}

static void take_service(struct import *im, struct pl_service_row *r) {
    struct pl_service_row *there = NULL;
    if ((im->error = ops_service_find(im->store, r->name, &there))) return;
    enum taken taken = judge(im, there, there ? pl_service_state(there) : NULL, pl_service_state(r));
    if (is_to_be_put(im, taken))
        note_end(im, "service", r->name, pl_store_service_put(im->store, r, there ? there->revision : 0), there);
    else if (!im->error)
        note(im, "service", r->name, taken, NULL);
    pl_service_free(there, there != NULL);
}

static void put_route(struct import *im, struct pl_route_row *r, const struct pl_route_row *there) {
    pouch_err e = pl_store_route_put(im->store, r, there ? there->version : 0);
    note_end(im, "route", r->publisher, e, there);
    if (!e)
        im->told[im->n_told++] =
            (struct pl_announcement){.publisher = r->publisher, .version = r->version, .enabled = r->enabled};
}

static void take_route(struct import *im, struct pl_route_row *r) {
    struct pl_route_row *there = NULL;
    if ((im->error = ops_route_find(im->store, r->publisher, &there))) return;
    enum taken taken = judge(im, there, there ? pl_route_state(there) : NULL, pl_route_state(r));
    if (is_to_be_put(im, taken))
        put_route(im, r, there);
    else if (!im->error)
        note(im, "route", r->publisher, taken, NULL);
    pl_route_free(there, there != NULL);
}

/* The changes stand in the store, whether or not the centers can be told of them now. */
static void announce(const struct import *im) {
    struct pl_settings s;
    if (!im->n_told) return;
    pouch_err e = pl_settings_read(&s, im->call->options);
    if (!e) {
        e = pl_registry_announce(&s, s.client_id ? s.client_id : "pouch-cli", im->told, im->n_told, ANNOUNCE_MS);
        pl_settings_free(&s);
    }
    if (e) ops_say("the routes are stored, and centers see them within 10 s; they were not announced: %s", pouch_why());
}

static int take_all(struct import *im) {
    for (size_t i = 0; i < im->n_services && !im->error; i++) take_service(im, &im->services[i]);
    for (size_t i = 0; i < im->n_routes && !im->error; i++) take_route(im, &im->routes[i]);
    int failed = im->error ? ops_error(im->error) : OPS_EXIT_OK;
    announce(im);
    return failed;
}

static pouch_err open_both(struct import *im) {
    pouch_err e = pl_store_import(im->call->args[0], &im->routes, &im->n_routes, &im->services, &im->n_services);
    if (!e) e = ops_registry_open(im->call, &im->store);
    if (e) return e;
    im->rows = json_array();
    im->told = calloc(im->n_routes + 1, sizeof *im->told);
    return im->rows && im->told ? POUCH_OK : pl_fail(POUCH_E_NO_MEMORY, "out of memory for %zu routes", im->n_routes);
}

static int end(struct import *im) {
    if (im->call->output != OPS_TABLE) {
        json_t *rows = im->rows;
        im->rows = NULL;
        int exit_code = ops_print_array(im->call, rows);
        if (exit_code) return exit_code;
    } else {
        ops_say("%s%zu added, %zu replaced, %zu as they were, %zu kept as they are, %zu refused",
                ops_has(im->call, "--dry-run") ? "to be done: " : "", im->counts[ADDED], im->counts[REPLACED],
                im->counts[SAME], im->counts[KEPT], im->counts[REFUSED]);
    }
    if (im->counts[REFUSED]) return OPS_EXIT_DATA;
    return im->counts[KEPT] ? OPS_EXIT_NEGATIVE : OPS_EXIT_OK;
}

static int route_import(struct ops_call *call) {
    struct import im = {.call = call};
    pouch_err e = open_both(&im);
    int exit_code = e ? ops_error(e) : take_all(&im);
    if (!exit_code) exit_code = end(&im);
    json_decref(im.rows);
    free(im.told);
    pl_route_free(im.routes, im.n_routes);
    pl_service_free(im.services, im.n_services);
    pl_store_close(im.store);
    return exit_code ? exit_code : ops_done();
}

const struct ops_command ops_route_import = {
    .name = "route import",
    .args = "STORE",
    .summary = "Take over routes and services from splp or from another store",
    .about = "STORE is the keyspace of Cassandra in which splp keeps its tables routes and services, or a\n"
             "store of pouch. It is only read. What is there already and differs stays, and the exit code is 1;\n"
             "with --replace it becomes as in STORE. A route that is disabled there is disabled here. What has no "
             "valid name\n"
             "is told and left out (exit code 65).\n\n"
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
