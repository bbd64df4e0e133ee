/* The gateway's life: what it is made of, and the order in which it comes and goes. */
#include <base/clock.h>
#include <base/log.h>
#include <base/why.h>
#include <crypto/keyring.h>
#include <gateway/state.h>
#include <gateway/stores.h>
#include <metrics/metrics.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LOOK_US = 10000 };

/* The host's name, which in a pod is the pod's, and the process's number, since a host may have several. */
static void name_instance(struct gateway *g) {
    char host[128] = "";
    if (g->conf.gateway_instance) {
        snprintf(g->instance, sizeof g->instance, "%s", g->conf.gateway_instance);
        return;
    }
    if (gethostname(host, sizeof host - 1) || !*host) strcpy(host, "gateway");
    snprintf(g->instance, sizeof g->instance, "%s-%ld", host, (long)getpid());
}

pouch_err gateway_new(struct gateway **out, const pouch_options *options, pouch_keyring *ring) {
    struct gateway *g = calloc(1, sizeof *g);
    *out = g;
    if (!g) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a gateway");
    g->options = options;
    g->ring = ring;
    g->wake.fd = -1;
    pouch_err e = pl_settings_read(&g->conf, options);
    if (!e) e = pl_wake_init(&g->wake);
    if (e) return e;
    name_instance(g);
    return gateway_routes_make(g);
}

void gateway_free(struct gateway *g) {
    if (!g) return;
    gateway_routes_free(g);
    pl_wake_free(&g->wake);
    pl_settings_free(&g->conf);
    free(g);
}

void gateway_stop(struct gateway *g) {
    atomic_store(&g->stop, true);
    pl_wake_signal(&g->wake);
}

void gateway_reload(struct gateway *g) {
    atomic_store(&g->reload, true);
    pl_wake_signal(&g->wake);
}

/* Opens one so that trouble is told at the start; it is no reason not to serve. */
static pouch_err try_store(struct gateway *g) {
    struct pl_store *store;
    pouch_err e = gateway_stores_new(&g->stores, g->conf.store);
    if (e) return e;
    if (gateway_stores_take(g->stores, &store))
        PL_LOG(PL_LOG_WARN, "routes and traces cannot be shown or changed by now", "why", pouch_why());
    gateway_stores_give(g->stores, store, POUCH_OK);
    return POUCH_OK;
}

static pouch_err start_parts(struct gateway *g) {
    pouch_err e = POUCH_OK;
    for (const struct gateway_part *const *p = gateway_parts; !e && *p; p++) {
        g->n_started++;
        if ((*p)->start) e = (*p)->start(g);
    }
    return e;
}

static pouch_err start(struct gateway *g) {
    pouch_err e = pouch_client_new(&g->client, g->options, g->ring);
    if (!e) e = try_store(g);
    if (!e) e = gateway_watch_start(&g->watch, g);
    if (!e) e = gateway_pool_new(&g->pool, g);
    if (!e) e = gateway_pages_make(g);
    if (!e) e = start_parts(g);
    return e ? e : gateway_serve(g);
}

static void reload(struct gateway *g) {
    (void)!pl_keyring_renew(g->ring); /* what cannot be taken is in the log, and what was before stays */
    if (g->tls.cert) (void)!httpd_tls_reload(g->server);
    for (const struct gateway_part *const *p = gateway_parts; *p; p++)
        if ((*p)->reload) (*p)->reload(g);
}

static void wait_for_stop(struct gateway *g) {
    while (!atomic_load(&g->stop)) {
        pl_wake_wait(&g->wake, -1);
        if (atomic_exchange(&g->reload, false)) reload(g);
    }
}

int gateway_drain_left(const struct gateway *g) {
    int64_t left_us = g->drain_until_us - pl_mono_us(&pl_clock_system);
    return left_us > 0 ? (int)(left_us / 1000) : 0;
}

/* From here on nothing new is begun, and what was beginning has begun. */
static void begin_drain(struct gateway *g) {
    g->drain_until_us = pl_mono_us(&pl_clock_system) + (int64_t)g->conf.drain_ms * 1000;
    atomic_store(&g->draining, true);
    for (size_t i = 0; i < g->n_started; i++)
        if (gateway_parts[i]->drain) gateway_parts[i]->drain(g);
    if (g->server) gateway_quiet(g);
    g->stuck = !gateway_pool_close(g->pool, gateway_drain_left(g));
}

/* Whatever the worker is like that was asked. */
static void wait_for_answers(struct gateway *g) {
    while (pl_metric_get(PL_M_GATEWAY_OPEN) > 0 && gateway_drain_left(g) > 0) pl_wake_wait(&g->wake, LOOK_US);
}

/* What waits for replies gets them until the time is over, and is told then that it will not. */
static void finish(struct gateway *g) {
    begin_drain(g);
    wait_for_answers(g);
    for (size_t i = g->n_started; i-- > 0;)
        if (gateway_parts[i]->end) gateway_parts[i]->end(g);
    pouch_client_close(g->client, gateway_drain_left(g));
    if (g->stuck) {
        if (g->server) gateway_quiet(g); /* the process ends now: what was answered is sent before */
        return;
    }
    httpd_stop(g->server);
    g->server = NULL;
    for (; g->n_started > 0; g->n_started--)
        if (gateway_parts[g->n_started - 1]->free) gateway_parts[g->n_started - 1]->free(g);
    httpd_health_stop(g->pages);
    pl_buf_free(&g->openapi);
    pl_buf_free(&g->docs);
    gateway_pool_free(g->pool);
    gateway_watch_stop(g->watch);
    gateway_stores_free(g->stores);
}

pouch_err gateway_run(struct gateway *g) {
    char why[512] = "";
    pouch_err e = start(g);
    if (e) snprintf(why, sizeof why, "%s", pouch_why());
    if (!e) atomic_store(&g->serving, true);
    if (!e && g->hooks.serving) g->hooks.serving(&g->owner, g->hooks.arg);
    if (!e) wait_for_stop(g);
    if (!e && g->hooks.ending) g->hooks.ending(g->hooks.arg);
    finish(g);
    if (!e && g->stuck)
        return pl_fail(POUCH_E_TIMEOUT,
                       "what was being looked up or changed has not ended within drain: it is left as it is");
    return e ? pl_fail(e, "%s", why) : POUCH_OK;
}

bool gateway_is_stuck(const struct gateway *g) {
    return g->stuck;
}

void gateway_hook(struct gateway *g, const struct gateway_hooks *hooks) {
    g->hooks = *hooks;
}

const struct pl_settings *gateway_conf(const struct gateway *g) {
    return &g->conf;
}

const pouch_options *gateway_options(const struct gateway *g) {
    return g->options;
}

pouch_keyring *gateway_ring(const struct gateway *g) {
    return g->ring;
}

pouch_client *gateway_client(const struct gateway *g) {
    return g->client;
}

struct share *gateway_share(const struct gateway *g) {
    return g->share;
}

struct auth *gateway_auth(const struct gateway *g) {
    return g->auth;
}

struct events *gateway_hub(const struct gateway *g) {
    return g->hub;
}

struct async *gateway_async(const struct gateway *g) {
    return g->async;
}

struct plain *gateway_plain(const struct gateway *g) {
    return g->plain;
}

struct httpd *gateway_server(const struct gateway *g) {
    return g->server;
}

const char *gateway_instance(const struct gateway *g) {
    return g->instance;
}

const char *gateway_client_id(const struct gateway *g) {
    return g->conf.client_id ? g->conf.client_id : "pouch-gateway";
}

const char *gateway_listen(const struct gateway *g) {
    return g->conf.listen ? g->conf.listen : "127.0.0.1:3000";
}

bool gateway_draining(const struct gateway *g) {
    return atomic_load(&g->draining);
}
