/* pouch route list, show. */
#include <admin/anytext.h>
#include <admin/registry.h>
#include <admin/when.h>
#include <base/why.h>
#include <inttypes.h>
#include <ops/commands.h>
#include <ops/common.h>
#include <ops/registry.h>

static json_t *list_json(const struct pl_route_row *routes, size_t n) {
    json_t *all = json_array();
    for (size_t i = 0; all && i < n; i++) all = admin_array_with(all, admin_route_json(&routes[i]));
    return all;
}

static void print_list(const struct pl_route_row *routes, size_t n) {
    const struct ops_screen screen = ops_screen_of(stdout);
    if (n) printf("%-32s %-9s %-24s %s\n", "PUBLISHER", "STATE", "SERVICE", "TARGETS");
    for (size_t i = 0; i < n; i++) {
        const struct pl_route_row *r = &routes[i];
        ops_screen_column(stdout, &screen, r->publisher, 32);
        printf(" %-9s ", r->enabled ? "enabled" : "disabled");
        ops_screen_column(stdout, &screen, r->service ? r->service : "-", 24);
        putchar(' ');
        ops_targets_put(&screen, r);
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
    char created[ADMIN_WHEN_TEXT], updated[ADMIN_WHEN_TEXT];
    const struct ops_screen screen = ops_screen_of(stdout);
    fputs("publisher  ", stdout);
    ops_text_put(&screen, r->publisher);
    fputs("\nid         ", stdout);
    ops_text_put(&screen, r->id);
    printf("\nstate      %s\ntargets    ", r->enabled ? "enabled" : "disabled");
    ops_targets_put(&screen, r);
    fputs("\nservice    ", stdout);
    ops_text_put(&screen, r->service);
    if (service) putchar(' ');
    if (service) ops_text_put(&screen, service->version);
    if (r->service && !service) printf(" (not registered)");
    printf("\nversion    %" PRId64 "\ncreated    %s\nupdated    %s\n", r->version,
           admin_when_text(created, r->created_ms), admin_when_text(updated, r->updated_ms));
}

static int print_one(const struct ops_call *call, struct pl_store *store, const struct pl_route_row *r) {
    struct pl_service_row *service = NULL;
    pouch_err e = r->service ? admin_service_find(store, r->service, &service) : POUCH_OK;
    if (e) return ops_error(e);
    int exit_code = OPS_EXIT_OK;
    if (call->output == OPS_TABLE)
        print_route(r, service);
    else
        exit_code = ops_print_json(
            admin_json_with(admin_route_json(r), "service_info", service ? admin_service_json(service) : json_null()));
    pl_service_free(service, service != NULL);
    return exit_code;
}

static int route_show(struct ops_call *call) {
    struct pl_store *store = NULL;
    struct pl_route_row *row = NULL;
    pouch_err e = ops_registry_open(call, &store);
    if (!e) e = admin_route_find(store, call->args[0], &row);
    if (!e && !row) e = admin_no_route(call->args[0]);
    int exit_code = e ? ops_error(e) : print_one(call, store, row);
    pl_route_free(row, row != NULL);
    pl_store_close(store);
    return exit_code ? exit_code : ops_done();
}

static const char *const settings[] = {"store", NULL};

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
