/* pouch route enable, disable, remove. */
#include <admin/registry.h>
#include <base/why.h>
#include <ops/commands.h>
#include <ops/common.h>
#include <ops/registry.h>

static int failed(const char *publisher, pouch_err e, int64_t expected) {
    int exit_code = ops_error(e);
    if (e == POUCH_E_EXISTS && expected >= 0) ops_advise_conflict("route", publisher, "--if-version");
    return exit_code;
}

static int set_state(struct ops_call *call, bool enabled) {
    struct pl_store *store = NULL;
    struct pl_route_row *row = NULL;
    bool as_it_was = false;
    int64_t expected;
    if (ops_expected(call, "--if-version", &expected)) return ops_usage(call, "%s", pouch_why());
    pouch_err e = ops_registry_open(call, &store);
    if (!e) e = admin_route_enable(store, call->args[0], enabled, expected, &row, &as_it_was);
    int exit_code = e ? failed(call->args[0], e, expected) : ops_route_told(call, row, NULL, as_it_was);
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
    int64_t version, expected;
    if (ops_expected(call, "--if-version", &expected)) return ops_usage(call, "%s", pouch_why());
    pouch_err e = ops_registry_open(call, &store);
    if (!e) e = pl_store_route_remove(store, publisher, expected, &version);
    if (e == POUCH_E_NOT_FOUND && expected < 0) e = admin_no_route(publisher);
    pl_store_close(store);
    if (e) return failed(publisher, e, expected);
    ops_announce(call, &(struct pl_announcement){.publisher = publisher, .version = version, .removed = true}, 1);
    int exit_code = OPS_EXIT_OK;
    if (call->output == OPS_TABLE)
        ops_say("route %s removed", publisher);
    else
        exit_code = ops_print_json(
            json_pack("{s:s,s:b,s:I}", "publisher", publisher, "removed", 1, "version", (json_int_t)version));
    return exit_code ? exit_code : ops_done();
}

static const char *const settings[] = {"store", NULL};

static const struct ops_flag flags[] = {
    {"--if-version", 0, "N", false, "only if the route is still of that version, or exit 1"},
    {0},
};

const struct ops_command ops_route_enable = {
    .name = "route enable",
    .args = "PUBLISHER",
    .summary = "Let a disabled route work again",
    .about = "Announced to all centers, which follow within a second.\n",
    .flags = flags,
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
    .flags = flags,
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
    .flags = flags,
    .settings = settings,
    .least = 1,
    .most = 1,
    .run = route_remove,
};
