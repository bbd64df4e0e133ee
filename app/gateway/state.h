/*
 * What the files of this room share. Set before anything is served, and not changed until the end, unless it says so.
 */
#ifndef POUCH_GATEWAY_STATE_H
#define POUCH_GATEWAY_STATE_H

#include <base/wake.h>
#include <gateway/gateway.h>
#include <httpd/health.h>
#include <stdatomic.h>
#include <wire/envelope.h>

struct gateway_looks;
struct gateway_pool;
struct gateway_stores;
struct gateway_traffic;
struct gateway_watch;

struct gateway {
    struct pl_settings conf;
    const pouch_options *options;
    pouch_keyring *ring;
    char instance[PL_NAME_MAX + 1];
    pouch_client *client;
    struct gateway_stores *stores; /* of routes and traces; requests are asked and answered without them */
    struct share *share, *history; /* the same where there is Redis; else the first is NULL */
    struct auth *auth;
    struct events *hub;
    struct async *async;
    struct plain *plain;
    struct httpd *server;
    struct httpd_tls tls;
    struct httpd_owner owner; /* of the pages */
    struct httpd_health *pages;
    struct gateway_hooks hooks;
    struct gateway_pool *pool;
    struct gateway_traffic *traffic; /* traffic.c */
    struct gateway_looks *looks;     /* of /v1, at what all who ask may see of */
    struct gateway_watch *watch;     /* of the brokers */
    struct httpd_route *routes;
    const struct gateway_endpoint **endpoints; /* of each route */
    size_t n_routes;
    struct pl_buf openapi, docs; /* served as they are */
    size_t n_started;            /* parts; the main thread's */
    bool stuck;                  /* work has not ended with the drain; the main thread's */
    /* Shared. */
    struct pl_wake wake; /* the main thread sleeps on it */
    atomic_bool stop, reload, draining, serving;
    int64_t drain_until_us; /* set before `draining` */
    bool told_well;         /* the last health_alert; of the thread that follows the events */
};

/* parts.c: ended by NULL. */
extern const struct gateway_part *const gateway_parts[];

/* routes.c: from all endpoints, those with fewer braces first. */
POUCH_MUST_CHECK pouch_err gateway_routes_make(struct gateway *g);
void gateway_routes_free(struct gateway *g);
bool gateway_is_doubled(const char *path); /* served under /api as well */
/* Whether the stop has begun for calls of that endpoint: the answer is filled in then. */
bool gateway_too_late(const struct gateway *g, const struct gateway_endpoint *e, struct httpd_answer *a);

/* pages.c: /livez, /readyz and their kind. */
POUCH_MUST_CHECK pouch_err gateway_pages_make(struct gateway *g);
/* Why it is not ready, as texts. NULL: no memory. */
json_t *gateway_reasons(struct gateway *g);

/* health.c: the `details` of its health, and the caller's. NULL: no memory. */
json_t *gateway_details(struct gateway *g);

/* serve.c: the server as the settings say; _quiet: what was in a handler when it was called has left it. */
POUCH_MUST_CHECK pouch_err gateway_serve(struct gateway *g);
void gateway_quiet(struct gateway *g);

/*
 * work.c. _close: what waits is told that the gateway stops, and what runs is waited for; false: it has not ended
 * within ms.
 */
POUCH_MUST_CHECK pouch_err gateway_pool_new(struct gateway_pool **p, struct gateway *g);
bool gateway_pool_close(struct gateway_pool *p, int ms);
void gateway_pool_free(struct gateway_pool *p); /* NULL allowed */

/* watch.c: asks the brokers now and then, so that it is known how they are when nobody else asks. */
POUCH_MUST_CHECK pouch_err gateway_watch_start(struct gateway_watch **w, const struct gateway *g);
bool gateway_watch_is_well(struct gateway_watch *w, char *why, size_t n); /* any thread */
void gateway_watch_stop(struct gateway_watch *w);                         /* NULL allowed */

/* The time that is left of a drain in ms; 0 when there is none. */
int gateway_drain_left(const struct gateway *g);

/*
 * message.c: what a call asks. They take its body, which does not count as held any more while the answer is waited
 * for; *ask is to be freed in any case. INVALID_PAYLOAD says what is wrong, and where.
 */
POUCH_MUST_CHECK pouch_err
gateway_ask_message(struct gateway_ask *ask, struct httpd_call *c,
                    const struct gateway *g); /* {key?, value, headers?}, topic in the path */
/* {topic or publisher, payload, …} */
POUCH_MUST_CHECK pouch_err gateway_ask_request(struct gateway_ask *ask, struct httpd_call *c, const struct gateway *g);
/* The body alone, which is in ask already; topic NULL: the body names it, or a publisher. */
POUCH_MUST_CHECK pouch_err gateway_ask_read(struct gateway_ask *ask, const char *topic);
void gateway_ask_free(struct gateway_ask *ask);

#endif
