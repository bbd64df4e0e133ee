/*
 * An endpoint as data. From these tables the gateway makes its routes, admits calls, counts them, and writes
 * /openapi.json. Nothing is served that is not described here.
 */
#ifndef POUCH_GATEWAY_ENDPOINT_H
#define POUCH_GATEWAY_ENDPOINT_H

#include <auth/auth.h>
#include <httpd/httpd.h>
#include <json/json.h>

struct gateway;

struct gateway_param {
    const char *name;
    const char *in;     /* "path", "query", "header" */
    const char *schema; /* JSON Schema as text: "{\"type\":\"string\"}" */
    const char *about;
    bool required; /* what is in a path always is */
};

/*
 * One answer. Those that any endpoint may give (400, 401, 403, 408 while reading, 413, 429, 431, 500, 503) are added to
 * /openapi.json where they apply: an endpoint lists what it answers itself.
 */
struct gateway_says {
    int status;
    const char *about;
    const char *schema; /* a name in #/components/schemas; NULL: no JSON */
    const char *type;   /* NULL: application/json, or application/problem+json from 400 on */
};

struct gateway_schema {
    const char *name;
    const char *text; /* JSON Schema (2020-12); others are "#/components/schemas/NAME" */
};

struct gateway_endpoint {
    const char *method;
    /* As httpd_route's. What begins with /kafka/, /executor/, /docs is served under /api as well. */
    const char *path;
    const char *id;    /* operationId: "sendToTopic" */
    const char *tag;   /* "Messages" */
    const char *about; /* the first sentence is the summary */
    struct auth_need need;
    const struct gateway_param *params; /* ended by a NULL name; NULL: none */
    const char *body;                   /* schema of the request's body; NULL: takes none */
    const struct gateway_says *says;    /* ended by status 0 */
    size_t body_max;                    /* 0 with a body: setting gateway.body_max */
    bool when_draining;                 /* asked also while the gateway stops; it must not use what then goes first */
    /* As httpd_route's; it is on the loop's thread and must not wait: gateway_work() is for what does. */
    pouch_err (*handle)(struct httpd_call *c, struct httpd_answer *a, void *gateway);
};

/* Of a part: its two tables, which are arrays. */
#define GATEWAY_TABLES(e, s) \
    .endpoints = (e), .n = sizeof(e) / sizeof(e)[0], .schemas = (s), .n_schemas = sizeof(s) / sizeof(s)[0]

/*
 * A part of the gateway: one file (or some), one line in parts.c. Its hooks may each be NULL. Those with texts and
 * members run on the thread of a loop and must not wait.
 */
struct gateway_part {
    const struct gateway_endpoint *endpoints;
    size_t n;
    const struct gateway_schema *schemas;
    size_t n_schemas;
    /*
     * In the order of parts.c, before anything is served. What it makes it keeps in struct gateway (gateway/state.h).
     */
    pouch_err (*start)(struct gateway *g);
    /* Before a body is read; the first part that says false has filled in the answer. */
    bool (*admit)(struct httpd_call *c, struct httpd_answer *a, struct gateway *g);
    /* Before any answer is sent, to add fields or to count; c NULL: the request was malformed. */
    void (*finish)(const struct httpd_call *c, struct httpd_answer *a, struct gateway *g);
    void (*unready)(json_t *reasons,
                    struct gateway *g); /* adds texts: why it is not ready, for /readyz and /kafka/health */
    void (*notes)(json_t *notes, struct gateway *g);    /* adds texts: what is not as it should be, though it works */
    void (*health)(json_t *details, struct gateway *g); /* adds members to `details` of /kafka/health */
    void (*status)(json_t *into, struct gateway *g);    /* adds members to /statusz */
    void (*reload)(struct gateway *g);                  /* SIGHUP, on the main thread */
    void (*drain)(struct gateway *g);                   /* a stop has begun; must not wait */
    /*
     * After the drain, in reverse order, with the server still there: calls and streams that are still open are ended.
     * Called for a part whose start has failed too, and then of no use to anybody but itself.
     */
    void (*end)(struct gateway *g);
    void (*free)(struct gateway *g); /* in reverse order, when the server is gone */
};

#endif
