/* pouch route history, rollback. */
#include <admin/registry.h>
#include <admin/rollback.h>
#include <base/why.h>
#include <ops/changes.h>
#include <ops/commands.h>
#include <ops/common.h>
#include <ops/registry.h>

static int route_history(struct ops_call *call) {
    return ops_history(call, PL_AUDIT_ROUTE, admin_no_route);
}

static int route_rollback(struct ops_call *call) {
    struct pl_store *store = NULL;
    struct pl_route_row *row = NULL;
    int64_t version;
    bool as_it_was = false;
    if (ops_number(call, "--to", 0, 1, INT64_MAX - 1, &version)) return ops_usage(call, "%s", pouch_why());
    pouch_err e = ops_registry_open(call, &store);
    if (!e) e = admin_rollback(store, call->args[0], version, -1, &row, &as_it_was);
    int exit_code = e ? ops_error(e) : ops_route_told(call, row, "rolled back", as_it_was);
    if (e == POUCH_E_EXISTS) ops_say("nothing was rolled back; see pouch route history %s", call->args[0]);
    pl_route_free(row, row != NULL);
    pl_store_close(store);
    return exit_code ? exit_code : ops_done();
}

static const char *const settings[] = {"store", NULL};

const struct ops_command ops_route_history = {
    .name = "route history",
    .args = "PUBLISHER",
    .summary = "List what was changed of a route, by whom and when, the newest last",
    .about = "Every version that the route has had, also of one that was removed. pouch changes lists the\n"
             "changes of all routes, services and keys.\n\n"
             "  pouch route history orders\n"
             "  pouch route history orders -o json | jq '.[-1].before'\n",
    .flags = (const struct ops_flag[]){OPS_CHANGES_FLAGS, {0}},
    .settings = settings,
    .least = 1,
    .most = 1,
    .run = route_history,
};

const struct ops_command ops_route_rollback = {
    .name = "route rollback",
    .args = "PUBLISHER",
    .summary = "Make a route again what it was before its last change, or in a version",
    .about = "Targets, service, id and whether it is enabled become what they were; that is a change as any\n"
             "other, with a version of its own, and centers follow within a second. A route that was removed\n"
             "comes back. Doing it twice undoes it.\n\n"
             "  pouch route rollback orders\n"
             "  pouch route rollback orders --to 17\n",
    .flags =
        (const struct ops_flag[]){
            {"--to", 0, "VERSION", false, "one of those that pouch route history shows"},
            {0},
        },
    .settings = settings,
    .least = 1,
    .most = 1,
    .run = route_rollback,
};
