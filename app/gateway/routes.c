/* From endpoints to the server's routes. */
#include <base/why.h>
#include <gateway/state.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is served under this as well, as the first systems did. */
static const char prefix[] = "/api";
static const char *const doubled[] = {"/kafka/", "/executor/", "/docs"};

bool gateway_is_doubled(const char *path) {
    for (size_t i = 0; i < sizeof doubled / sizeof doubled[0]; i++)
        if (!strncmp(path, doubled[i], strlen(doubled[i]))) return true;
    return false;
}

const struct gateway_endpoint *gateway_endpoint_at(size_t i) {
    for (const struct gateway_part *const *p = gateway_parts; *p; p++) {
        if (i < (*p)->n) return &(*p)->endpoints[i];
        i -= (*p)->n;
    }
    return NULL;
}

static size_t braces(const struct gateway_endpoint *e) {
    size_t n = 0;
    for (const char *at = e->path; *at; at++) n += *at == '{';
    return n;
}

static size_t body_max(const struct gateway *g, const struct gateway_endpoint *e) {
    return e->body ? (e->body_max ? e->body_max : g->conf.gateway_body_max) : 0;
}

bool gateway_too_late(const struct gateway *g, const struct gateway_endpoint *e, struct httpd_answer *a) {
    if (!gateway_draining(g) || e->when_draining) return false;
    if (gateway_problem(a, POUCH_E_CLOSED, "Service is shutting down")) a->status = gateway_status(POUCH_E_CLOSED);
    a->last = true;
    return true;
}

/* A body may have been on its way when the stop began, and what its handler would use may be gone by now. */
static pouch_err ask(struct httpd_call *c, struct httpd_answer *a, void *gateway) {
    const struct gateway_endpoint *e = gateway_endpoint(gateway, c);
    return gateway_too_late(gateway, e, a) ? POUCH_OK : e->handle(c, a, gateway);
}

static void add(struct gateway *g, const struct gateway_endpoint *e, const char *path) {
    g->endpoints[g->n_routes] = e;
    g->routes[g->n_routes++] = (struct httpd_route){e->method, path, ask, g, body_max(g, e)};
}

static pouch_err add_double(struct gateway *g, const struct gateway_endpoint *e) {
    char *path;
    if (asprintf(&path, "%s%s", prefix, e->path) < 0) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for routes");
    add(g, e, path);
    return POUCH_OK;
}

/* Those with `n` braces. */
static pouch_err add_all(struct gateway *g, size_t n) {
    const struct gateway_endpoint *endpoint;
    pouch_err e = POUCH_OK;
    for (size_t i = 0; !e && (endpoint = gateway_endpoint_at(i)); i++) {
        if (braces(endpoint) != n) continue;
        add(g, endpoint, endpoint->path);
        if (gateway_is_doubled(endpoint->path)) e = add_double(g, endpoint);
    }
    return e;
}

pouch_err gateway_routes_make(struct gateway *g) {
    size_t n = 0;
    while (gateway_endpoint_at(n)) n++;
    g->routes = calloc(2 * n, sizeof *g->routes);
    g->endpoints = calloc(2 * n, sizeof *g->endpoints);
    pouch_err e =
        g->routes && g->endpoints ? POUCH_OK : pl_fail(POUCH_E_NO_MEMORY, "out of memory for %zu routes", 2 * n);
    for (size_t i = 0; !e && i <= HTTPD_PARAMS_MAX; i++) e = add_all(g, i);
    return e;
}

/* The paths that add_double() has made are those that their endpoints do not have. */
void gateway_routes_free(struct gateway *g) {
    for (size_t i = 0; i < g->n_routes; i++)
        if (g->routes[i].path != g->endpoints[i]->path) free((char *)g->routes[i].path);
    free(g->routes);
    free(g->endpoints);
    g->routes = NULL;
    g->endpoints = NULL;
    g->n_routes = 0;
}

const struct gateway_endpoint *gateway_endpoint(const struct gateway *g, const struct httpd_call *c) {
    const struct httpd_route *route = c ? httpd_call_route(c) : NULL;
    return route ? g->endpoints[route - g->routes] : NULL;
}
