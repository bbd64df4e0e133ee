/* The server, as the settings say: its limits, who is asked before a call is, and what is added to every answer. */
#include <base/log.h>
#include <base/why.h>
#include <gateway/state.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { CALLS_MAX = 10000, BODIES_MAX = 64 * 1024 * 1024, STOP_MS = 3000, QUEUE = 1024, LOOPS_MOST = 4 };
enum { OTHER_FILES = 256 }; /* brokers, stores, Redis, logs */
enum { UNSUPPORTED = 415 };

/* A page of another origin can have a browser post text, but not JSON without asking first. */
static bool is_json(const struct httpd_call *c) {
    const struct httpd_span *type = httpd_call_field(c, "Content-Type");
    if (!type) return false;
    size_t n = 0;
    while (n < type->n && type->at[n] != ';' && type->at[n] != ' ' && type->at[n] != '\t') n++;
    static const char json[] = "application/json";
    return (n == sizeof json - 1 && !strncasecmp(type->at, json, n)) ||
           (n > 5 && !strncasecmp(type->at + n - 5, "+json", 5));
}

static bool refuse(struct httpd_answer *a, pouch_err failed) {
    if (failed) a->status = 500;
    a->last = true;
    return false;
}

static bool admit(struct httpd_call *c, struct httpd_answer *a, void *gateway) {
    struct gateway *g = gateway;
    const struct gateway_endpoint *endpoint = gateway_endpoint(g, c);
    if (gateway_too_late(g, endpoint, a)) return false;
    for (const struct gateway_part *const *p = gateway_parts; *p; p++)
        if ((*p)->admit && !(*p)->admit(c, a, g)) return false;
    if (endpoint->body && httpd_call_head(c)->content && !is_json(c))
        return refuse(a, gateway_problem_as(a, UNSUPPORTED, "unsupported_media_type",
                                            "the body must be JSON: Content-Type: application/json"));
    return true;
}

static void finish(const struct httpd_call *c, struct httpd_answer *a, void *gateway) {
    for (const struct gateway_part *const *p = gateway_parts; *p; p++)
        if ((*p)->finish) (*p)->finish(c, a, gateway);
}

/* Each connection is a file. As many as are asked for, if the system lets us. */
static size_t connections(const struct gateway *g) {
    struct rlimit files;
    size_t wanted = g->conf.gateway_connections + OTHER_FILES;
    if (getrlimit(RLIMIT_NOFILE, &files) || files.rlim_cur >= wanted) return g->conf.gateway_connections;
    files.rlim_cur = files.rlim_max < wanted ? files.rlim_max : wanted;
    (void)!setrlimit(RLIMIT_NOFILE, &files);
    if (getrlimit(RLIMIT_NOFILE, &files) || files.rlim_cur >= wanted) return g->conf.gateway_connections;
    size_t most = files.rlim_cur > 2 * OTHER_FILES ? files.rlim_cur - OTHER_FILES : OTHER_FILES;
    char text[32];
    snprintf(text, sizeof text, "%zu", most);
    PL_LOG(PL_LOG_WARN,
           "fewer connections than gateway.connections, because this process may open no more files: see ulimit -n",
           "connections", text);
    return most;
}

static int loops(const struct gateway *g) {
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    if (g->conf.gateway_loops) return (int)g->conf.gateway_loops;
    return cores < 1 ? 1 : cores > LOOPS_MOST ? LOOPS_MOST : (int)cores;
}

pouch_err gateway_serve(struct gateway *g) {
    struct httpd_options options = {.routes = g->routes,
                                    .n_routes = g->n_routes,
                                    .limits = httpd_limits,
                                    .serving = "serving the gateway",
                                    .admit = admit,
                                    .finish = finish,
                                    .arg = g};
    g->tls = (struct httpd_tls){g->conf.gateway_tls_cert, g->conf.gateway_tls_key};
    if (!g->tls.cert != !g->tls.key)
        return pl_fail(POUCH_E_CONFIG, "gateway.tls_cert and gateway.tls_key go together: set both, or none");
    if (g->tls.cert) options.tls = &g->tls;
    options.limits.connections = connections(g);
    options.limits.per_address = g->conf.gateway_per_address;
    options.limits.calls = CALLS_MAX;
    options.limits.body_bytes = BODIES_MAX;
    options.limits.stop_ms = STOP_MS;
    options.limits.listen_queue = QUEUE;
    options.limits.loops = loops(g);
    return httpd_start(&g->server, gateway_listen(g), &options);
}

/* One for each loop. */
struct passage {
    struct httpd_job job;
    struct pl_wake *passed;
};

static void pass(struct httpd_job *job) {
    pl_wake_signal(((struct passage *)(void *)job)->passed);
}

/* A loop runs the job between two handlers. */
void gateway_quiet(struct gateway *g) {
    struct pl_wake passed;
    if (pl_wake_init(&passed)) return;
    for (int i = 0; i < httpd_loops(g->server); i++) {
        struct passage p = {.job = {.run = pass}, .passed = &passed};
        if (httpd_post(g->server, i, &p.job)) pl_wake_wait(&passed, -1);
    }
    pl_wake_free(&passed);
}
