/* pouch route add, list, show, enable, disable, remove. */
#include <base/why.h>
#include <inttypes.h>
#include <ops/commands.h>
#include <ops/common.h>
#include <ops/registry.h>
#include <ops/when.h>
#include <registry/registry.h>
#include <stdlib.h>
#include <string.h>
#include <wire/envelope.h>

enum {
    ANNOUNCE_MS = 3000,
    TRIES = 10, /* others may change the same route at the same moment */
};

static json_t *route_json(const struct pl_route_row *r) {
    char created[OPS_WHEN_TEXT], updated[OPS_WHEN_TEXT];
    return json_pack("{s:s,s:s,s:o,s:b,s:s?,s:I,s:s,s:s}", "publisher", r->publisher, "id", r->id, "targets",
                     ops_texts_json(r->targets, r->n_targets), "enabled", (int)r->enabled, "service", r->service,
                     "version", (json_int_t)r->version, "created_at", ops_when_text(created, r->created_ms),
                     "updated_at", ops_when_text(updated, r->updated_ms));
}

/* ---- what every change does ---- */

static pouch_err check_name(const char *what, const char *name) {
    if (pl_name_valid(name, strlen(name))) return POUCH_OK;
    return pl_fail(POUCH_E_CONFIG,
                   "'%.64s' is no name of a %s: 1 to %d characters of letters, digits, '.', '_' and '-' are allowed",
                   name, what, PL_NAME_MAX);
}

static pouch_err no_route(const char *publisher) {
    return pl_fail(POUCH_E_NOT_FOUND,
                   "there is no route for %s; `pouch route list` shows those there are, `pouch route add %s TARGET` "
                   "makes one",
                   publisher, publisher);
}

/* The change stands in the store, whether or not the centers can be told of it now. */
static void announce(const struct ops_call *call, const struct pl_announcement *a) {
    struct pl_settings s;
    pouch_err e = pl_settings_read(&s, call->options);
    if (!e) {
        e = pl_registry_announce(&s, s.client_id ? s.client_id : "pouch-cli", a, 1, ANNOUNCE_MS);
        pl_settings_free(&s);
    }
    if (e)
        ops_say("the change is stored, and centers see it within 10 s; it was not announced to them: %s", pouch_why());
}

/* Tells the centers, and then whoever made the change. Gives the exit code. */
static int changed(const struct ops_call *call, const struct pl_route_row *r, const char *how) {
    announce(call, &(struct pl_announcement){.publisher = r->publisher, .version = r->version, .enabled = r->enabled});
    if (call->output != OPS_TABLE) return ops_print_json(route_json(r));
    fprintf(stderr, "pouch: route %s %s: ", r->publisher, how);
    ops_texts_put(stderr, r->targets, r->n_targets);
    fprintf(stderr, "%s\n", r->enabled ? "" : " (disabled)");
    return OPS_EXIT_OK;
}

/* ---- add ---- */

static pouch_err check_add(const struct ops_call *call) {
    pouch_err e = check_name("publisher", call->args[0]);
    for (size_t i = 1; !e && i < call->n_args; i++) e = check_name("topic", call->args[i]);
    const char *id = ops_flag(call, "--id", 0), *service = ops_flag(call, "--service", 0);
    if (!e && id) e = check_name("route", id);
    if (!e && service) e = check_name("service", service);
    return e;
}

/* What the command line says, over what row has. */
static pouch_err fill(const struct ops_call *call, struct pl_route_row *row) {
    pouch_err e = ops_text_set(&row->publisher, call->args[0]);
    if (!e) e = ops_texts_set(&row->targets, &row->n_targets, call->args + 1, call->n_args - 1);
    if (!e) e = ops_text_set(&row->id, ops_flag(call, "--id", 0));
    if (!e) e = ops_text_set(&row->service, ops_flag(call, "--service", 0));
    return e;
}

/* One try. A route that is there keeps what the command line does not name, above all whether it is enabled. */
static pouch_err put(const struct ops_call *call, struct pl_store *store, struct pl_route_row **row, bool *was_there) {
    *row = NULL;
    pouch_err e = ops_has(call, "--replace") ? ops_route_find(store, call->args[0], row) : POUCH_OK;
    *was_there = *row != NULL;
    if (!e && !*row) {
        *row = calloc(1, sizeof **row);
        if (!*row) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a route");
        (*row)->enabled = true;
    }
    if (!e) e = fill(call, *row);
    return e ? e : pl_store_route_put(store, *row, *was_there ? (*row)->version : 0);
}

static pouch_err add(const struct ops_call *call, struct pl_store *store, struct pl_route_row **row, bool *was_there) {
    for (int i = 1;; i++) {
        pouch_err e = put(call, store, row, was_there);
        bool again = (e == POUCH_E_EXISTS || e == POUCH_E_NOT_FOUND) && ops_has(call, "--replace") && i < TRIES;
        if (!again) return e;
        pl_route_free(*row, *row != NULL);
    }
}

/* A route works without its service, so this is only told. */
static void look_for_service(struct pl_store *store, const struct pl_route_row *r) {
    struct pl_service_row *service = NULL;
    if (!r->service || ops_service_find(store, r->service, &service)) return;
    if (!service)
        ops_say("route %s names a service that is not registered; to do so: pouch service add %s", r->publisher,
                r->service);
    pl_service_free(service, service != NULL);
}

static int route_add(struct ops_call *call) {
    if (check_add(call)) return ops_usage(call, "%s", pouch_why());
    struct pl_store *store = NULL;
    struct pl_route_row *row = NULL;
    bool was_there = false;
    pouch_err e = ops_registry_open(call, &store);
    if (!e) e = add(call, store, &row, &was_there);
    int exit_code;
    if (e == POUCH_E_CONFIG && store)
        exit_code = ops_usage(call, "%s", pouch_why());
    else if (e)
        exit_code = ops_error(e);
    else
        exit_code = changed(call, row, was_there ? "replaced" : "added");
    if (e == POUCH_E_EXISTS && !ops_has(call, "--replace"))
        ops_say("to change the route that is there, add --replace; see pouch route show %s", call->args[0]);
    if (!e) look_for_service(store, row);
    pl_route_free(row, row != NULL);
    pl_store_close(store);
    return exit_code ? exit_code : ops_done();
}

/* ---- list and show ---- */

static json_t *list_json(const struct pl_route_row *routes, size_t n) {
    json_t *all = json_array();
    for (size_t i = 0; all && i < n; i++)
        if (json_array_append_new(all, route_json(&routes[i]))) {
            json_decref(all);
            all = NULL;
        }
    return all;
}

static void print_list(const struct pl_route_row *routes, size_t n) {
    if (n) printf("%-32s %-9s %-24s %s\n", "PUBLISHER", "STATE", "SERVICE", "TARGETS");
    for (size_t i = 0; i < n; i++) {
        const struct pl_route_row *r = &routes[i];
        printf("%-32s %-9s %-24s ", r->publisher, r->enabled ? "enabled" : "disabled", r->service ? r->service : "-");
        ops_texts_put(stdout, r->targets, r->n_targets);
        putchar('\n');
    }
    if (!n) ops_say("there are no routes yet; to make one: pouch route add PUBLISHER TARGET");
}

static int route_list(struct ops_call *call) {
    struct pl_store *store = NULL;
    struct pl_route_row *routes = NULL;
    size_t n = 0;
    int64_t version;
    int exit_code = OPS_EXIT_OK;
    pouch_err e = ops_registry_open(call, &store);
    if (!e) e = pl_store_routes(store, &routes, &n, &version);
    if (e)
        exit_code = ops_error(e);
    else if (call->output == OPS_TABLE)
        print_list(routes, n);
    else
        exit_code = ops_print_array(call, list_json(routes, n));
    pl_route_free(routes, n);
    pl_store_close(store);
    return exit_code ? exit_code : ops_done();
}

static void print_route(const struct pl_route_row *r, const struct pl_service_row *service) {
    char created[OPS_WHEN_TEXT], updated[OPS_WHEN_TEXT];
    printf("publisher  %s\nid         %s\nstate      %s\ntargets    ", r->publisher, r->id,
           r->enabled ? "enabled" : "disabled");
    ops_texts_put(stdout, r->targets, r->n_targets);
    printf("\nservice    %s", r->service ? r->service : "-");
    if (service) printf(" %s", service->version);
    if (r->service && !service) printf(" (not registered)");
    printf("\nversion    %" PRId64 "\ncreated    %s\nupdated    %s\n", r->version,
           ops_when_text(created, r->created_ms), ops_when_text(updated, r->updated_ms));
}

static int print_one(const struct ops_call *call, struct pl_store *store, const struct pl_route_row *r) {
    struct pl_service_row *service = NULL;
    pouch_err e = r->service ? ops_service_find(store, r->service, &service) : POUCH_OK;
    if (e) return ops_error(e);
    int exit_code = OPS_EXIT_OK;
    if (call->output == OPS_TABLE)
        print_route(r, service);
    else
        exit_code = ops_print_json(
            ops_json_with(route_json(r), "service_info", service ? ops_service_json(service) : json_null()));
    pl_service_free(service, service != NULL);
    return exit_code;
}

static int route_show(struct ops_call *call) {
    struct pl_store *store = NULL;
    struct pl_route_row *row = NULL;
    pouch_err e = ops_registry_open(call, &store);
    if (!e) e = ops_route_find(store, call->args[0], &row);
    if (!e && !row) e = no_route(call->args[0]);
    int exit_code = e ? ops_error(e) : print_one(call, store, row);
    pl_route_free(row, row != NULL);
    pl_store_close(store);
    return exit_code ? exit_code : ops_done();
}

/* ---- enable, disable, remove ---- */

/* One try. *as_it_was: there is nothing to change. */
static pouch_err put_state(struct pl_store *store, const char *publisher, bool enabled, struct pl_route_row **row,
                           bool *as_it_was) {
    pouch_err e = ops_route_find(store, publisher, row);
    if (e) return e;
    if (!*row) return no_route(publisher);
    *as_it_was = (*row)->enabled == enabled;
    (*row)->enabled = enabled;
    return *as_it_was ? POUCH_OK : pl_store_route_put(store, *row, (*row)->version);
}

static int set_state(struct ops_call *call, bool enabled) {
    struct pl_store *store = NULL;
    struct pl_route_row *row = NULL;
    bool as_it_was = false;
    const char *state = enabled ? "enabled" : "disabled";
    pouch_err e = ops_registry_open(call, &store);
    if (!e) e = put_state(store, call->args[0], enabled, &row, &as_it_was);
    for (int i = 1; e == POUCH_E_EXISTS && i < TRIES; i++) {
        pl_route_free(row, row != NULL);
        e = put_state(store, call->args[0], enabled, &row, &as_it_was);
    }
    int exit_code = OPS_EXIT_OK;
    if (e)
        exit_code = ops_error(e);
    else if (!as_it_was)
        exit_code = changed(call, row, state);
    else if (call->output != OPS_TABLE)
        exit_code = ops_print_json(route_json(row));
    else
        ops_say("route %s is %s already", row->publisher, state);
    pl_route_free(row, row != NULL);
    pl_store_close(store);
    return exit_code ? exit_code : ops_done();
}

static int route_enable(struct ops_call *call) {
    return set_state(call, true);
}

static int route_disable(struct ops_call *call) {
    return set_state(call, false);
}

static int route_remove(struct ops_call *call) {
    const char *publisher = call->args[0];
    struct pl_store *store = NULL;
    int64_t version;
    pouch_err e = ops_registry_open(call, &store);
    if (!e) e = pl_store_route_remove(store, publisher, -1, &version);
    if (e == POUCH_E_NOT_FOUND) e = no_route(publisher);
    pl_store_close(store);
    if (e) return ops_error(e);
    announce(call, &(struct pl_announcement){.publisher = publisher, .version = version, .removed = true});
    int exit_code = OPS_EXIT_OK;
    if (call->output == OPS_TABLE)
        ops_say("route %s removed", publisher);
    else
        exit_code = ops_print_json(
            json_pack("{s:s,s:b,s:I}", "publisher", publisher, "removed", 1, "version", (json_int_t)version));
    return exit_code ? exit_code : ops_done();
}

static const char *const settings[] = {"store", NULL};

const struct ops_command ops_route_add = {
    .name = "route add",
    .args = "PUBLISHER TARGET…",
    .summary = "Route a publisher's requests to one or more topics",
    .about = "A center looks up each request's publisher and sends the request to every target. The\n"
             "route is written to the store and announced to all centers, which use it within a second.\n"
             "A publisher has one route: adding it again fails, and with --replace gives it these targets,\n"
             "while a disabled route stays disabled.\n\n"
             "  pouch route add order-service orders\n"
             "  pouch route add citizen-check tax-office land-registry --service verification\n"
             "  echo '{\"amount\":120}' | pouch request --publisher order-service\n",
    .flags =
        (const struct ops_flag[]){
            {"--replace", 0, NULL, false, "change the route that is there, if there is one"},
            {"--id", 0, "ID", false, "the route's id in traces (default route-PUBLISHER)"},
            {"--service", 0, "NAME", false, "the service behind it, as in pouch service add"},
            {0},
        },
    .settings = settings,
    .least = 2,
    .most = 1 + PL_TARGETS_MAX,
    .run = route_add,
};

const struct ops_command ops_route_list = {
    .name = "route list",
    .args = "",
    .summary = "List all routes",
    .about = "In order of the publishers.\n\n"
             "  pouch route list -o jsonl | jq -r 'select(.enabled | not).publisher'\n",
    .settings = settings,
    .run = route_list,
};

const struct ops_command ops_route_show = {
    .name = "route show",
    .args = "PUBLISHER",
    .summary = "Show a route with its service",
    .about = "A route may name a service that is not registered; it works all the same.\n",
    .settings = settings,
    .least = 1,
    .most = 1,
    .run = route_show,
};

const struct ops_command ops_route_enable = {
    .name = "route enable",
    .args = "PUBLISHER",
    .summary = "Let a disabled route work again",
    .about = "Announced to all centers, which follow within a second.\n",
    .settings = settings,
    .least = 1,
    .most = 1,
    .run = route_enable,
};

const struct ops_command ops_route_disable = {
    .name = "route disable",
    .args = "PUBLISHER",
    .summary = "Answer a publisher's requests with route_disabled",
    .about = "Requests that are under way are not touched. The route stays disabled over restarts, until\n"
             "pouch route enable.\n",
    .settings = settings,
    .least = 1,
    .most = 1,
    .run = route_disable,
};

const struct ops_command ops_route_remove = {
    .name = "route remove",
    .args = "PUBLISHER",
    .summary = "Remove a route: its requests are answered with no_route",
    .about = "The service it names stays registered, and the topics stay.\n",
    .settings = settings,
    .least = 1,
    .most = 1,
    .run = route_remove,
};
