/* The server's life: what it is started with, its loops, its end. */
#include <base/why.h>
#include <httpd/state.h>
#include <httpd/target.h>
#include <stdlib.h>

enum { SECOND_MS = 1000 };

const struct httpd_limits httpd_limits = {.connections = 256,
                                          .calls = 1000,
                                          .body_bytes = (size_t)16 * 1024 * 1024,
                                          .stream_bytes = (size_t)64 * 1024,
                                          .requests = 1000,
                                          .head_ms = 10 * SECOND_MS,
                                          .body_ms = 5 * SECOND_MS,
                                          .body_rate = 1024,
                                          .idle_ms = 60 * SECOND_MS,
                                          .call_ms = 310 * SECOND_MS,
                                          .answer_ms = 30 * SECOND_MS,
                                          .linger_ms = 10 * SECOND_MS,
                                          .stop_ms = SECOND_MS,
                                          .listen_queue = 128,
                                          .loops = 1};

static pouch_err check_routes(const struct httpd_options *o) {
    for (size_t i = 0; i < o->n_routes; i++)
        if (!httpd_route_is_sound(o->routes[i].path, HTTPD_PARAMS_MAX))
            return pl_fail(POUCH_E_CONFIG, "the route %s %s is malformed: segments and at most %d {names}",
                           o->routes[i].method, o->routes[i].path, HTTPD_PARAMS_MAX);
    return POUCH_OK;
}

static pouch_err make(struct httpd **out, const struct httpd_options *o) {
    int loops = o->limits.loops;
    if (loops < 1 || loops > HTTPD_LOOPS_MAX || o->limits.body_rate < 1)
        return pl_fail(POUCH_E_CONFIG, "an HTTP server has 1 to %d loops, and a rate of at least 1 byte a second",
                       HTTPD_LOOPS_MAX);
    struct httpd *h = calloc(1, sizeof *h + (size_t)loops * sizeof h->loops[0]);
    if (!h) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for an HTTP server");
    h->options = *o;
    httpd_peers_init(&h->peers, o->limits.per_address);
    atomic_init(&h->refs, 1);
    *out = h;
    return POUCH_OK;
}

static pouch_err make_loops(struct httpd *h) {
    pouch_err e = POUCH_OK;
    for (int i = 0; !e && i < h->options.limits.loops; i++) {
        e = httpd_loop_init(&h->loops[i], h, i);
        h->n_loops = i + 1;
    }
    return e;
}

static pouch_err start(struct httpd *h, const char *listen) {
    int fd = -1;
    pouch_err e = check_routes(&h->options);
    if (!e && h->options.tls) e = httpd_tls_load(&h->secret, h->options.tls);
    if (!e) e = make_loops(h);
    if (!e) e = httpd_bind(h, listen, &fd);
    if (!e) e = httpd_accept_begin(h, fd);
    for (int i = h->n_loops - 1; !e && i >= 0; i--) e = httpd_loop_start(&h->loops[i]); /* the listener's last */
    return e;
}

/* Calls that are still taken keep the memory, and nothing else. */
void httpd_stop(struct httpd *h) {
    if (!h) return;
    for (int i = 0; i < h->n_loops; i++) httpd_loop_stop(&h->loops[i]);
    for (int i = 0; i < h->n_loops; i++) httpd_loop_join(&h->loops[i]);
    httpd_accept_end(h);
    for (int i = 0; i < h->n_loops; i++) httpd_loop_free(&h->loops[i]);
    httpd_tls_free(h->secret);
    h->secret = NULL;
    httpd_release(h);
}

pouch_err httpd_start(struct httpd **out, const char *listen, const struct httpd_options *options) {
    *out = NULL;
    pouch_err e = make(out, options);
    if (e) return e;
    e = start(*out, listen);
    if (e) {
        httpd_stop(*out);
        *out = NULL;
    }
    return e;
}

int httpd_port(const struct httpd *h) {
    return h->port;
}

int httpd_loops(const struct httpd *h) {
    return h->n_loops;
}
