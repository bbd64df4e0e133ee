#include <admin/registry.h>
#include <admin/rollback.h>
#include <base/why.h>
#include <inttypes.h>
#include <stdlib.h>
#include <store/state.h>
#include <string.h>

/* A state that a change left, or found. */
struct state {
    int64_t wanted; /* the version whose outcome it is; 0: what was before the last change */
    bool found;
    int64_t version; /* of that change */
    char *text;      /* NULL: no route */
    pouch_err error;
};

static bool take(const struct pl_audit *c, void *arg) {
    struct state *s = arg;
    if (s->wanted && c->version != s->wanted) return false;
    const char *text = s->wanted ? c->after : c->before;
    s->found = true;
    s->version = c->version;
    s->text = text ? strdup(text) : NULL;
    if (text && !s->text) s->error = pl_fail(POUCH_E_NO_MEMORY, "out of memory for a route");
    return false;
}

static pouch_err no_state(const char *publisher, const struct state *s) {
    if (!s->found && !s->wanted) return admin_no_route(publisher);
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

/* What is there now, NULL for no route, is replaced as a whole, whether it is enabled too. */
static pouch_err put_state(struct pl_store *store, const char *state, const struct pl_route_row *now,
                           struct pl_route_row **row) {
    pouch_err e = pl_route_of_state(row, state);
    return e ? e : pl_store_route_put(store, *row, now ? now->version : 0);
}

/* Whether it is so already: not when the route is what a change of the meantime found. */
static pouch_err compare(const struct pl_route_row *now, const struct state *s, bool *same) {
    if (!now) return POUCH_OK;
    char *is = pl_route_state(now);
    if (!is) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a route");
    *same = !strcmp(is, s->text);
    free(is);
    if (!*same || s->version <= now->version) return POUCH_OK;
    *same = false;
    return pl_fail(POUCH_E_EXISTS, "route %s was changed by somebody else in this moment", now->publisher);
}

/* EXISTS also where it is gone: NOT_FOUND tells of versions that there never were. */
static pouch_err check_expected(const char *publisher, const struct pl_route_row *now, int64_t expected) {
    if (expected < 0 || expected == (now ? now->version : 0)) return POUCH_OK;
    if (!now) return pl_fail(POUCH_E_EXISTS, "there is no route for %s any more; nothing was rolled back", publisher);
    return pl_fail(POUCH_E_EXISTS,
                   "nothing was rolled back: the route %s is of version %" PRId64 " by now; look at it again",
                   publisher, now->version);
}

/*
 * The route is read before its history: a change in between is not in the version that the route is to be found with,
 * and so it ends the rollback.
 */
pouch_err admin_rollback(struct pl_store *store, const char *publisher, int64_t version, int64_t expected,
                         struct pl_route_row **row, bool *as_it_was) {
    struct state state = {.wanted = version};
    struct pl_route_row *now;
    *row = NULL;
    *as_it_was = false;
    pouch_err e = admin_route_find(store, publisher, &now);
    if (!e) e = check_expected(publisher, now, expected);
    if (!e) e = find_state(store, publisher, &state);
    if (!e) e = compare(now, &state, as_it_was);
    if (!e && !*as_it_was) e = put_state(store, state.text, now, row);
    free(state.text);
    if (*as_it_was)
        *row = now;
    else
        pl_route_free(now, now != NULL);
    return e;
}
