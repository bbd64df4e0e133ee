#include <admin/registry.h>
#include <base/why.h>
#include <ops/apply.h>
#include <ops/registry.h>
#include <stdlib.h>
#include <store/state.h>
#include <string.h>

static struct ops_step *new_step(struct ops_plan *p) {
    if (p->n == p->cap) {
        size_t cap = p->cap ? 2 * p->cap : 16;
        struct ops_step *steps = reallocarray(p->steps, cap, sizeof *steps);
        if (!steps) return NULL;
        p->steps = steps;
        p->cap = cap;
    }
    return memset(&p->steps[p->n++], 0, sizeof *p->steps);
}

static pouch_err no_memory(void) {
    return pl_fail(POUCH_E_NO_MEMORY, "out of memory for what is to be changed");
}

static void free_step(struct ops_step *s) {
    if (s->own) pl_route_free(s->route, s->route != NULL);
    if (s->own) pl_service_free(s->service, s->service != NULL);
    free(s->before);
    free(s->after);
}

/* The last step is none when its states are the same. */
static pouch_err settle(struct ops_plan *p, struct ops_step *step) {
    step->what = step->before ? OPS_APPLY_CHANGE : OPS_APPLY_ADD;
    if (!step->after) return no_memory();
    if (!step->before || strcmp(step->before, step->after)) return POUCH_OK;
    p->as_they_were++;
    free_step(step);
    p->n--;
    return POUCH_OK;
}

static pouch_err plan_route(struct ops_plan *p, const char *file, const struct pl_yaml *node) {
    struct ops_step *step = new_step(p);
    if (!step) return no_memory();
    step->route = admin_route_in(p->routes, p->n_routes, node->key);
    if (step->route) {
        step->before = pl_route_state(step->route);
        step->expected = step->route->version;
    } else if ((step->route = calloc(1, sizeof *step->route))) {
        step->route->enabled = true;
        step->own = true;
    }
    if (!step->route || (!step->own && !step->before)) return no_memory();
    pouch_err e = ops_apply_route(step->route, file, node);
    if (e) return e;
    step->name = step->route->publisher;
    step->after = pl_route_state(step->route);
    return settle(p, step);
}

static pouch_err plan_service(struct ops_plan *p, const char *file, const struct pl_yaml *node) {
    struct ops_step *step = new_step(p);
    if (!step) return no_memory();
    step->service = admin_service_in(p->services, p->n_services, node->key);
    if (step->service) {
        step->before = pl_service_state(step->service);
        step->expected = step->service->revision;
    } else if ((step->service = calloc(1, sizeof *step->service)))
        step->own = true;
    if (!step->service || (!step->own && !step->before)) return no_memory();
    pouch_err e = ops_apply_service(step->service, file, node);
    if (e) return e;
    step->name = step->service->name;
    step->after = pl_service_state(step->service);
    return settle(p, step);
}

/* Routes go before the services that they may name. */
static pouch_err plan_removals(struct ops_plan *p, const struct pl_yaml *routes, const struct pl_yaml *services) {
    for (size_t i = 0; i < p->n_routes; i++) {
        struct pl_route_row *r = &p->routes[i];
        if (pl_yaml_get(routes, r->publisher)) continue;
        struct ops_step *step = new_step(p);
        if (!step) return no_memory();
        *step = (struct ops_step){.what = OPS_APPLY_REMOVE, .route = r, .name = r->publisher, .expected = r->version};
        if (!(step->before = pl_route_state(r))) return no_memory();
    }
    for (size_t i = 0; i < p->n_services; i++) {
        struct pl_service_row *r = &p->services[i];
        if (pl_yaml_get(services, r->name)) continue;
        struct ops_step *step = new_step(p);
        if (!step) return no_memory();
        *step = (struct ops_step){.what = OPS_APPLY_REMOVE, .service = r, .name = r->name, .expected = r->revision};
        if (!(step->before = pl_service_state(r))) return no_memory();
    }
    return POUCH_OK;
}

static pouch_err plan_all(struct ops_plan *p, const char *file, const struct pl_yaml *tree, bool prune) {
    static const struct pl_yaml nothing = {.kind = PL_YAML_MAP};
    const struct pl_yaml *routes = pl_yaml_get(tree, "routes"), *services = pl_yaml_get(tree, "services");
    pouch_err e = ops_apply_outline(file, tree);
    if (!e && prune) e = ops_apply_refuse_empty(file, tree);
    if (!routes) routes = &nothing;
    if (!services) services = &nothing;
    for (size_t i = 0; !e && i < services->n; i++) e = plan_service(p, file, &services->items[i]);
    for (size_t i = 0; !e && i < routes->n; i++) e = plan_route(p, file, &routes->items[i]);
    return e || !prune ? e : plan_removals(p, routes, services);
}

pouch_err ops_plan_make(struct ops_plan *p, struct pl_store *store, const char *file, const struct pl_yaml *tree,
                        bool prune) {
    int64_t version;
    pouch_err e = pl_store_routes(store, &p->routes, &p->n_routes, &version);
    if (!e) e = pl_store_services(store, &p->services, &p->n_services);
    return e ? e : plan_all(p, file, tree, prune);
}

void ops_plan_free(struct ops_plan *p) {
    for (size_t i = 0; i < p->n; i++) free_step(&p->steps[i]);
    free(p->steps);
    pl_route_free(p->routes, p->n_routes);
    pl_service_free(p->services, p->n_services);
    *p = (struct ops_plan){0};
}

pouch_err ops_step_make(struct ops_step *s, struct pl_store *store) {
    pouch_err e;
    if (s->what == OPS_APPLY_REMOVE)
        return s->route ? pl_store_route_remove(store, s->name, s->expected, &s->made)
                        : pl_store_service_remove(store, s->name, s->expected, &s->made);
    if (s->route) {
        e = pl_store_route_put(store, s->route, s->expected);
        if (!e) s->made = s->route->version;
    } else {
        e = pl_store_service_put(store, s->service, s->expected);
        if (!e) s->made = s->service->revision;
    }
    return e;
}
