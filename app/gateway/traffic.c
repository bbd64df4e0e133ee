/*
 * Calls counted as the first systems did: http_requests_total{method,url} and http_request_duration_seconds, url being
 * the path of the route, so that there are no more of them than routes.
 */
#include <base/buf.h>
#include <base/clock.h>
#include <base/why.h>
#include <gateway/state.h>
#include <inttypes.h>
#include <metrics/metrics.h>
#include <stdlib.h>

static const struct {
    int64_t us;
    const char *le;
} buckets[] = {{100000, "0.1"}, {500000, "0.5"}, {1000000, "1"}, {2000000, "2"}, {5000000, "5"}, {INT64_MAX, "+Inf"}};

enum { BUCKETS = sizeof buckets / sizeof buckets[0] };

struct gateway_traffic {
    struct gateway *gateway;
    struct traffic {
        atomic_uint_fast64_t in[BUCKETS], us;
    } routes[]; /* of each route, and behind them what no route fits */
};

/* Before the answer is sent; of a stream, before its first bytes are. */
static void count(const struct httpd_call *c, struct httpd_answer *a, struct gateway *g) {
    (void)a;
    if (!g->traffic || !c) return;
    const struct httpd_route *route = httpd_call_route(c);
    struct traffic *t = &g->traffic->routes[route ? (size_t)(route - g->routes) : g->n_routes];
    int64_t us = pl_mono_us(&pl_clock_system) - httpd_call_begun_us(c);
    size_t i = 0;
    while (us > buckets[i].us) i++;
    atomic_fetch_add_explicit(&t->in[i], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&t->us, (uint_fast64_t)us, memory_order_relaxed);
}

static uint64_t total(struct traffic *t) {
    uint64_t n = 0;
    for (size_t i = 0; i < BUCKETS; i++) n += atomic_load_explicit(&t->in[i], memory_order_relaxed);
    return n;
}

static const char *method_of(const struct gateway *g, size_t i) {
    return i < g->n_routes ? g->routes[i].method : "";
}

static const char *path_of(const struct gateway *g, size_t i) {
    return i < g->n_routes ? g->routes[i].path : "";
}

static pouch_err put_times(struct pl_buf *out, const struct gateway *g, size_t i, struct traffic *t) {
    const char *method = method_of(g, i), *path = path_of(g, i);
    uint64_t so_far = 0;
    pouch_err e = POUCH_OK;
    for (size_t k = 0; !e && k < BUCKETS; k++) {
        so_far += atomic_load_explicit(&t->in[k], memory_order_relaxed);
        e = pl_buf_printf(out, "http_request_duration_seconds_bucket{method=\"%s\",url=\"%s\",le=\"%s\"} %" PRIu64 "\n",
                          method, path, buckets[k].le, so_far);
    }
    if (!e)
        e = pl_buf_printf(out, "http_request_duration_seconds_sum{method=\"%s\",url=\"%s\"} %.6f\n", method, path,
                          (double)atomic_load_explicit(&t->us, memory_order_relaxed) / 1e6);
    if (e) return e;
    return pl_buf_printf(out, "http_request_duration_seconds_count{method=\"%s\",url=\"%s\"} %" PRIu64 "\n", method,
                         path, so_far);
}

/* What does not fit is left out from there on, whole lines all the same. */
static void collect(struct pl_buf *out, void *traffic) {
    struct gateway_traffic *all = traffic;
    const struct gateway *g = all->gateway;
    pouch_err e = pl_buf_puts(out, "# HELP http_requests_total Calls of HTTP, by method and the path of their route.\n"
                                   "# TYPE http_requests_total counter\n");
    for (size_t i = 0; !e && i <= g->n_routes; i++) {
        uint64_t n = total(&all->routes[i]);
        if (n)
            e = pl_buf_printf(out, "http_requests_total{method=\"%s\",url=\"%s\"} %" PRIu64 "\n", method_of(g, i),
                              path_of(g, i), n);
    }
    if (!e)
        e = pl_buf_puts(out, "# HELP http_request_duration_seconds From a whole head until the answer is sent.\n"
                             "# TYPE http_request_duration_seconds histogram\n");
    for (size_t i = 0; !e && i <= g->n_routes; i++)
        if (total(&all->routes[i])) e = put_times(out, g, i, &all->routes[i]);
}

static pouch_err start(struct gateway *g) {
    struct gateway_traffic *t = calloc(1, sizeof *t + (g->n_routes + 1) * sizeof *t->routes);
    if (!t) return pl_fail(POUCH_E_NO_MEMORY, "out of memory to count calls");
    t->gateway = g;
    pouch_err e = pl_metrics_collect(collect, t);
    if (e)
        free(t);
    else
        g->traffic = t;
    return e;
}

static void end(struct gateway *g) {
    if (!g->traffic) return;
    pl_metrics_forget(collect, g->traffic);
    free(g->traffic);
    g->traffic = NULL;
}

const struct gateway_part gateway_traffic = {.start = start, .finish = count, .free = end};
