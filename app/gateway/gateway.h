/*
 * The gateway: HTTP on one side, Kafka on the other. This header is what its parts have in common, and what the
 * sub-command starts.
 *
 * Threads. Handlers run on the loops of the server, callbacks of the client on its thread, the functions given to
 * gateway_work() on a small pool. What these accessors give lives from the part's start until its end.
 */
#ifndef POUCH_GATEWAY_GATEWAY_H
#define POUCH_GATEWAY_GATEWAY_H

#include <conf/settings.h>
#include <gateway/endpoint.h>
#include <pouch/client.h>

struct async;
struct auth;
struct events;
struct httpd_owner;
struct plain;
struct share;

/* ---- for the sub-command ---- */

/* CONFIG: a setting, or a gateway that would be open to all. NO_MEMORY, and the errors of the parts. */
POUCH_MUST_CHECK pouch_err gateway_new(struct gateway **g, const pouch_options *options, pouch_keyring *ring);
/*
 * Before gateway_run(): who hears on its thread that calls are answered from now on, and that this ends. NULL: nobody.
 */
struct gateway_hooks {
    void (*serving)(const struct httpd_owner *pages,
                    void *arg); /* what its pages tell, on any thread until `ending` has returned */
    void (*ending)(void *arg);
    void *arg;
};
void gateway_hook(struct gateway *g, const struct gateway_hooks *hooks);
/* Serves until gateway_stop(), then drains: what is open is answered for as long as gateway.drain says. */
POUCH_MUST_CHECK pouch_err gateway_run(struct gateway *g);
/*
 * After gateway_run(): a thread is still in a call that has not ended with the drain, so nothing can be freed and the
 * process is to end at once.
 */
bool gateway_is_stuck(const struct gateway *g);
void gateway_stop(struct gateway *g);   /* async-signal-safe, as the next */
void gateway_reload(struct gateway *g); /* keys, certificates, and what the parts have in files */
void gateway_free(struct gateway *g);   /* NULL allowed */

/* ---- for the parts ---- */

const struct pl_settings *gateway_conf(const struct gateway *g);
const pouch_options *gateway_options(const struct gateway *g); /* for what is made from options: clusters, clients */
pouch_keyring *gateway_ring(const struct gateway *g);
pouch_client *gateway_client(const struct gateway *g); /* for sealed requests */
struct share *gateway_share(const struct gateway *g);  /* NULL: without Redis */
struct auth *gateway_auth(const struct gateway *g);
struct events *gateway_hub(const struct gateway *g);
struct async *gateway_async(const struct gateway *g);
struct plain *gateway_plain(const struct gateway *g); /* NULL: no plain topics */
struct httpd *gateway_server(const struct gateway *g);
const char *gateway_instance(const struct gateway *g);  /* this process among others: the seed's podId */
const char *gateway_client_id(const struct gateway *g); /* the same for all instances */
const char *gateway_listen(const struct gateway *g);    /* the address that is served, as httpd_start() takes it */
bool gateway_draining(const struct gateway *g);

/* The endpoint of a call; NULL: no route fits. */
const struct gateway_endpoint *gateway_endpoint(const struct gateway *g, const struct httpd_call *c);
/* All endpoints, for /openapi.json and tests; NULL past the last. */
const struct gateway_endpoint *gateway_endpoint_at(size_t i);

/*
 * From a handler: takes the call and runs fn on the pool, where it may wait, then replies with what it has filled in;
 * an error it returns is answered as gateway_problem() says. Too many wait already: 503, at once.
 */
POUCH_MUST_CHECK pouch_err gateway_work(struct gateway *g, struct httpd_call *c, struct httpd_answer *a,
                                        pouch_err (*fn)(struct httpd_call *c, struct httpd_answer *a, void *gateway));

/*
 * The same for what may take long, as reading a topic does: on threads of its own, so that it keeps nothing else
 * waiting.
 */
POUCH_MUST_CHECK pouch_err gateway_work_long(struct gateway *g, struct httpd_call *c, struct httpd_answer *a,
                                             pouch_err (*fn)(struct httpd_call *c, struct httpd_answer *a,
                                                             void *gateway));

/*
 * What went wrong as a problem whose status and member `code` come from the one table (problem.c), with its
 * Retry-After. why NULL: pouch_why(). NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err gateway_problem(struct httpd_answer *a, pouch_err e, const char *why);
/* The same where no pouch_err says it: `code` is a word such as "gone". */
POUCH_MUST_CHECK pouch_err gateway_problem_as(struct httpd_answer *a, int status, const char *code, const char *detail);
/* Makes `a` the problem that the answer in it could not be written, which is no fault of the request: 502, 500. */
POUCH_MUST_CHECK pouch_err gateway_problem_unwritten(struct httpd_answer *a, pouch_err e);
int gateway_status(pouch_err e);

/* Makes it the body. Takes value; NULL stands for out of memory. */
POUCH_MUST_CHECK pouch_err gateway_json(struct httpd_answer *a, json_t *value);
/*
 * The body of a call as a JSON object, to be given back with json_decref(). INVALID_PAYLOAD says what is wrong and
 * where.
 */
POUCH_MUST_CHECK pouch_err gateway_body(struct httpd_call *c, json_t **object);
/* A number in the query. INVALID_PAYLOAD names it and its bounds. */
POUCH_MUST_CHECK pouch_err gateway_query_number(const struct httpd_call *c, const char *name, int64_t fallback,
                                                int64_t least, int64_t most, int64_t *out);

enum { GATEWAY_TIME_MAX = 32 };
/* "2024-01-31T12:00:00.000Z", as the timestamps of all answers. Gives out. */
const char *gateway_now(char out[GATEWAY_TIME_MAX]);

/* A request as it was read from its call, which it does not outlive. */
struct gateway_ask {
    const char *topic, *publisher; /* one of the two; the other is NULL */
    struct httpd_span value;       /* one JSON text, where it lies in the body */
    pouch_dest *dest;              /* with key and headers */
    int timeout_ms;
    bool gathers;  /* several answers are wanted: */
    size_t enough; /* as many of them; 0: all */
    char *body;    /* what the call brought; owned */
    size_t body_n;
    char name[250]; /* topic or publisher, where the body names it */
};

#endif
