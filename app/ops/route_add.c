/* pouch route add. */
#include <admin/registry.h>
#include <admin/targets.h>
#include <base/why.h>
#include <ops/commands.h>
#include <ops/common.h>
#include <ops/registry.h>
#include <stdlib.h>
#include <store/rows.h>
#include <store/state.h>
#include <string.h>

enum { WEIGHTS_MAX = 2 * PL_TARGETS_MAX };

static pouch_err read_weights(const struct ops_call *call, struct admin_weight weights[WEIGHTS_MAX], size_t *n) {
    const char *text;
    for (*n = 0; (text = ops_flag(call, "--weight", *n)); ++*n) {
        if (*n == WEIGHTS_MAX) return pl_fail(POUCH_E_CONFIG, "there are more than %d weights", WEIGHTS_MAX);
        pouch_err e = admin_weight_read(&weights[*n], text);
        if (e) return e;
    }
    if (*n && ops_has(call, "--fan-out"))
        return pl_fail(POUCH_E_CONFIG,
                       "--fan-out sends to all targets, and --weight to one of them: give one of the two");
    return POUCH_OK;
}

/* alone: what the route may have already, and the row does not tell, is not judged. */
static pouch_err set_targets(const struct ops_call *call, struct pl_route_row *row, bool alone) {
    struct admin_weight weights[WEIGHTS_MAX];
    struct admin_targets to = {
        .topics = call->args + 1, .n = call->n_args - 1, .weights = weights, .fan_out = ops_has(call, "--fan-out")};
    pouch_err e = read_weights(call, weights, &to.n_weights);
    if (alone) to.n_weights = 0;
    return e ? e : admin_targets_set(row, &to);
}

/* What the command line says, over what row has. */
static pouch_err fill(const struct ops_call *call, struct pl_route_row *row, bool alone) {
    pouch_err e = admin_text_set(&row->publisher, call->args[0]);
    if (!e) e = set_targets(call, row, alone);
    if (!e) e = admin_text_set(&row->id, ops_flag(call, "--id", 0));
    if (!e) e = admin_text_set(&row->service, ops_flag(call, "--service", 0));
    return e;
}

/* What the store would refuse is misuse, and told before there is one. */
static pouch_err check(const struct ops_call *call) {
    struct pl_route_row *row = calloc(1, sizeof *row);
    if (!row) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a route");
    pouch_err e = fill(call, row, ops_has(call, "--replace"));
    if (!e) e = pl_route_check(row);
    pl_route_free(row, 1);
    return e;
}

/* An addition under way. */
struct adding {
    const struct ops_call *call;
    struct pl_store *store;
    int64_t expected; /* -1: any */
    struct pl_route_row *row;
    bool was_there, as_it_was;
};

static pouch_err begin(struct adding *a) {
    a->row = NULL;
    pouch_err e = ops_has(a->call, "--replace") ? admin_route_find(a->store, a->call->args[0], &a->row) : POUCH_OK;
    a->was_there = a->row != NULL;
    if (e || a->row) return e;
    a->row = calloc(1, sizeof *a->row);
    if (!a->row) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a route");
    a->row->enabled = true;
    return POUCH_OK;
}

/* One try. A route that is there keeps what the command line does not name, above all whether it is enabled. */
static pouch_err put(struct adding *a) {
    pouch_err e = begin(a);
    if (e) return e;
    char *before = a->was_there ? pl_route_state(a->row) : NULL;
    e = fill(a->call, a->row, false);
    char *after = e ? NULL : pl_route_state(a->row);
    int64_t version = a->was_there ? a->row->version : 0, expected = a->expected >= 0 ? a->expected : version;
    a->as_it_was = before && after && !strcmp(before, after) && expected == version;
    free(before);
    free(after);
    return e || a->as_it_was ? e : pl_store_route_put(a->store, a->row, expected);
}

static pouch_err add(struct adding *a) {
    for (int i = 1;; i++) {
        pouch_err e = put(a);
        bool again = (e == POUCH_E_EXISTS || e == POUCH_E_NOT_FOUND) && ops_has(a->call, "--replace");
        if (!again || a->expected >= 0 || i == ADMIN_TRIES) return e;
        pl_route_free(a->row, a->row != NULL);
    }
}

static int failed(const struct adding *a, pouch_err e) {
    const char *publisher = a->call->args[0];
    int exit_code = ops_error(e);
    if (e == POUCH_E_EXISTS && !ops_has(a->call, "--replace"))
        ops_say("to change the route that is there, add --replace; see pouch route show %s", publisher);
    if (e == POUCH_E_EXISTS && a->expected >= 0) ops_advise_conflict("route", publisher, "--if-version");
    return exit_code;
}

/* A route works without its service, so this is only told. */
static void look_for_service(struct pl_store *store, const struct pl_route_row *r) {
    struct pl_service_row *service = NULL;
    if (!r->service || admin_service_find(store, r->service, &service)) return;
    if (!service)
        ops_say("route %s names a service that is not registered; to do so: pouch service add %s", r->publisher,
                r->service);
    pl_service_free(service, service != NULL);
}

static int route_add(struct ops_call *call) {
    struct adding a = {.call = call};
    pouch_err e = check(call);
    if (!e) e = ops_expected(call, "--if-version", &a.expected);
    if (!e && a.expected >= 0 && !ops_has(call, "--replace"))
        e = pl_fail(POUCH_E_CONFIG, "--if-version is of the route that is to be replaced, so it goes with --replace");
    if (e) return ops_usage(call, "%s", pouch_why());
    e = ops_registry_open(call, &a.store);
    if (!e) e = add(&a);
    int exit_code = e ? failed(&a, e) : ops_route_told(call, a.row, a.was_there ? "replaced" : "added", a.as_it_was);
    if (!e) look_for_service(a.store, a.row);
    pl_route_free(a.row, a.row != NULL);
    pl_store_close(a.store);
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
             "while a disabled route stays disabled. What is so already is left alone.\n\n"
             "With weights each request goes to one of the targets, the same whenever it comes again: to each by\n"
             "its weight's part of their sum. On replacing, targets that stay keep theirs unless told.\n\n"
             "  pouch route add order-service orders\n"
             "  pouch route add citizen-check tax-office land-registry --service verification\n"
             "  pouch route add order-service orders orders-next --replace --weight orders=90 --weight orders-next=10\n"
             "  echo '{\"amount\":120}' | pouch request --publisher order-service\n",
    .flags =
        (const struct ops_flag[]){
            {"--replace", 0, NULL, false, "change the route that is there, if there is one"},
            {"--weight", 0, "TARGET=N", true, "send a request to one target; N, up to 1000000, is this one's share"},
            {"--fan-out", 0, NULL, false, "send each request to all targets again"},
            {"--if-version", 0, "N", false, "with --replace: only if it is still of that version, or exit 1"},
            {"--id", 0, "ID", false, "the route's id in traces (default route-PUBLISHER)"},
            {"--service", 0, "NAME", false, "the service behind it, as in pouch service add"},
            {0},
        },
    .settings = settings,
    .least = 2,
    .most = 1 + PL_TARGETS_MAX,
    .run = route_add,
};
