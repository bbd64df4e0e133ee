/* pouch route history, rollback. */
#include <base/why.h>
#include <inttypes.h>
#include <ops/changes.h>
#include <ops/commands.h>
#include <ops/common.h>
#include <ops/registry.h>
#include <stdlib.h>
#include <store/state.h>
#include <string.h>

static int route_history(struct ops_call *call) {
    const char *publisher = call->args[0];
    struct pl_store *store = NULL;
    size_t n = 0;
    pouch_err e = ops_registry_open(call, &store);
    int exit_code = e ? ops_error(e) : ops_changes_list(call, store, PL_AUDIT_ROUTE, publisher, &n);
    if (!exit_code && !n && !ops_has(call, "--since")) exit_code = ops_error(ops_no_route(publisher));
    pl_store_close(store);
    return exit_code ? exit_code : ops_done();
}

/* ---- rollback ---- */

/* A state that a change left, or found. */
struct state {
    int64_t wanted; /* the version whose outcome it is; 0: what was before the last change */
    bool found;
    char *text; /* NULL: no route */
    pouch_err error;
};

static bool take(const struct pl_audit *c, void *arg) {
    struct state *s = arg;
    if (s->wanted && c->version != s->wanted) return false;
    const char *text = s->wanted ? c->after : c->before;
    s->found = true;
    s->text = text ? strdup(text) : NULL;
    if (text && !s->text) s->error = pl_fail(POUCH_E_NO_MEMORY, "out of memory for a route");
    return false;
}

static pouch_err no_state(const char *publisher, const struct state *s) {
    if (!s->found && !s->wanted) return ops_no_route(publisher);
    if (!s->found)
        return pl_fail(POUCH_E_NOT_FOUND,
                       "the route %s has no version %" PRId64 "; `pouch route history %s` shows those it has had",
                       publisher, s->wanted, publisher);
    return pl_fail(POUCH_E_NOT_FOUND,
                   "there was no route %s %s; `pouch route history %s` shows what there was, `pouch route remove %s` "
                   "removes it",
                   publisher, s->wanted ? "then" : "before its last change", publisher, publisher);
}

static pouch_err find_state(struct pl_store *store, const char *publisher, struct state *s) {
    const struct pl_audit_query q = {
        .kind = PL_AUDIT_ROUTE, .name = publisher, .below = s->wanted ? s->wanted + 1 : 0, .limit = 1};
    pouch_err e = pl_store_audit(store, &q, take, s);
    if (!e) e = s->error;
    return e || s->text ? e : no_state(publisher, s);
}

/* What is there now is replaced as a whole, whether it is enabled too; *as_it_was: it is so already. */
static pouch_err put_state(struct pl_store *store, const char *state, struct pl_route_row **row, bool *as_it_was) {
    struct pl_route_row *now = NULL;
    pouch_err e = pl_route_of_state(row, state);
    if (!e) e = ops_route_find(store, (*row)->publisher, &now);
    if (e) return e;
    char *is = now ? pl_route_state(now) : NULL;
    *as_it_was = is && !strcmp(is, state);
    int64_t version = now ? now->version : 0;
    if (*as_it_was) { /* with its version and times */
        struct pl_route_row *wanted = *row;
        *row = now;
        now = wanted;
    }
    free(is);
    pl_route_free(now, now != NULL);
    return *as_it_was ? POUCH_OK : pl_store_route_put(store, *row, version);
}

static int told(const struct ops_call *call, const struct pl_route_row *r, bool as_it_was) {
    if (!as_it_was) ops_announce_route(call, r);
    if (call->output != OPS_TABLE) return ops_print_json(ops_route_json(r));
    fprintf(stderr, "pouch: route %s %s: ", r->publisher, as_it_was ? "is so already" : "rolled back");
    ops_texts_put(stderr, r->targets, r->n_targets);
    fprintf(stderr, "%s\n", r->enabled ? "" : " (disabled)");
    return OPS_EXIT_OK;
}

static int route_rollback(struct ops_call *call) {
    struct pl_store *store = NULL;
    struct pl_route_row *row = NULL;
    struct state state = {0};
    bool as_it_was = false;
    if (ops_number(call, "--to", 0, 1, INT64_MAX - 1, &state.wanted)) return ops_usage(call, "%s", pouch_why());
    pouch_err e = ops_registry_open(call, &store);
    if (!e) e = find_state(store, call->args[0], &state);
    if (!e) e = put_state(store, state.text, &row, &as_it_was);
    int exit_code = e ? ops_error(e) : told(call, row, as_it_was);
    if (e == POUCH_E_EXISTS) ops_say("nothing was rolled back; see pouch route history %s", call->args[0]);
    pl_route_free(row, row != NULL);
    free(state.text);
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
