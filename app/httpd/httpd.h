/*
 * An HTTP/1.1 server: loops on threads of their own, routes that are asked there, answers that may come later from
 * any thread, and streams that have no end (httpd/stream.h). See docs/decisions/0011-http-server.md.
 *
 * Threads. A connection belongs to one loop and stays with it. Handlers, the two hooks, jobs and the callbacks of
 * streams run on the thread of that loop, which serves nobody else meanwhile: they must not wait. From other threads
 * only httpd_reply(), httpd_post(), httpd_port(), httpd_loops(), httpd_tls_reload() and httpd_stop() are called.
 */
#ifndef POUCH_HTTPD_HTTPD_H
#define POUCH_HTTPD_HTTPD_H

#include <base/buf.h>
#include <httpd/head.h>
#include <pouch/error.h>
#include <stdbool.h>
#include <stddef.h>

struct httpd;
struct httpd_call; /* one request, and the duty to answer it */

enum {
    HTTPD_ANSWER_MAX = 8 * 1024 * 1024, /* bytes of an answer's body */
    HTTPD_ANSWER_FIELDS_MAX = 8 * 1024, /* bytes of the fields that are added to one */
    HTTPD_PARAMS_MAX = 8,               /* segments in braces of one route */
    HTTPD_QUERY_MAX = 64,               /* parameters behind the "?" */
    HTTPD_LOOPS_MAX = 64,
};

struct httpd_answer {
    int status;             /* 200 unless set */
    const char *type;       /* static text, "application/json" unless set */
    struct pl_buf body;     /* empty, at most HTTPD_ANSWER_MAX */
    struct httpd_span page; /* instead of the body: bytes that outlive the server */
    struct pl_buf fields;   /* what httpd_answer_field() has added */
    int retry_after_s;      /* 0: none is sent */
    bool cached;            /* a field about caching has been added: "Cache-Control: no-store" is not sent */
    bool last;              /* the connection ends after it */
};

void httpd_answer_init(struct httpd_answer *a);
void httpd_answer_free(struct httpd_answer *a);

/* INVALID_PAYLOAD: the name is no token, or the value has a control character. TOO_LARGE, NO_MEMORY. */
POUCH_MUST_CHECK pouch_err httpd_answer_field(struct httpd_answer *a, const char *name, const char *value);

/*
 * Makes it a problem (RFC 9457) whose title is that of the status, with the members code (the title
 * in one word), success (false), message (the detail) and timestamp beside it. Fields and retry_after_s stay.
 * NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err httpd_answer_problem(struct httpd_answer *a, int status, const char *detail);

/* "OK"; "Unknown" for a status that has no name here. */
const char *httpd_status_title(int status);

struct httpd_route {
    const char *method; /* "GET" also answers HEAD */
    /*
     * "/v1/topics/{topic}": a segment in braces takes any one that is not empty. The first route that fits path and
     * method is taken, so those with fewer braces stand first.
     */
    const char *path;
    /*
     * Fills in the answer, or takes the call with httpd_later(). An error is logged and answered with 500, unless the
     * call was taken.
     */
    pouch_err (*handle)(struct httpd_call *c, struct httpd_answer *a, void *arg);
    void *arg;
    size_t body_max; /* beyond: 413. 0: a body is not read, and the connection ends after the answer */
};

struct httpd_limits {
    size_t connections;  /* one more ends the one that has been waiting longest, or is told 503 */
    size_t per_address;  /* of them from one address, or one network of IPv6; one more is told 503. 0: all */
    size_t calls;        /* asked of handlers and not answered yet; one more is told 503 */
    size_t body_bytes;   /* held for all calls together; beyond: 503 */
    size_t stream_bytes; /* queued for one stream */
    int requests;        /* a connection */
    int head_ms;         /* from accept, or from its first byte, until a head is whole */
    int body_ms;         /* from the end of the head; beyond it a body must have come at body_rate on the average */
    int body_rate;       /* bytes a second */
    int idle_ms;         /* between requests */
    int call_ms;         /* until a call that was taken is answered; then it is told 503 */
    int answer_ms;       /* until the kernel has taken all of an answer, or of what is queued for a stream */
    int linger_ms;       /* until the client has closed too: it sends the rest of what was refused, and reads why */
    int stop_ms;         /* how long httpd_stop() waits for what is under way */
    int listen_queue;
    int loops;
};
extern const struct httpd_limits httpd_limits; /* one loop, 256 connections: enough for a few pages */

struct httpd_tls {
    const char *cert, *key; /* PEM files: the chain, and its private key */
};

struct httpd_options {
    const struct httpd_route *routes;
    size_t n_routes;
    struct httpd_limits limits;
    const struct httpd_tls *tls; /* NULL: plain. TLS 1.2 and 1.3; the files are read again when they change, too */
    const char *serving; /* the line of the log that tells of the address: "serving health, metrics and status" */
    bool open_to_all;    /* there is no `admit` that asks who it is: warns unless listen is of this host alone */
    /*
     * Called when a route has been found and before a body is read; NULL: all are admitted. False: `a`, filled in, is
     * the answer, and the route is not asked. A body is not read then, so the connection ends.
     */
    bool (*admit)(struct httpd_call *c, struct httpd_answer *a, void *arg);
    /*
     * Adds fields to any answer before it is sent, such as those of CORS, also to those that no handler made. c NULL:
     * the request was malformed. NULL: none.
     */
    void (*finish)(const struct httpd_call *c, struct httpd_answer *a, void *arg);
    void *arg; /* of both */
};

/*
 * Listens at "HOST:PORT" ("[::1]:8080", ":8080" for every address, port 0: any that is free) and logs where. All that
 * the options point at is borrowed until httpd_stop(), routes until no call is taken. *h is set before the first
 * handler is asked; NULL after an error. CONFIG: no such address here, its port is taken, a route or a limit cannot be,
 * or a TLS file is not usable. NOT_ALLOWED: a port that this user may not have. OVERLOADED: no file descriptor.
 * NO_MEMORY, also for threads.
 */
POUCH_MUST_CHECK pouch_err httpd_start(struct httpd **h, const char *listen, const struct httpd_options *options);
int httpd_port(const struct httpd *h);
int httpd_loops(const struct httpd *h);

/* Reads certificate and key again, for connections from now on. CONFIG: they are not usable, and those before stay. */
POUCH_MUST_CHECK pouch_err httpd_tls_reload(struct httpd *h);

/*
 * Accepts nothing more, ends the connections that wait for a request, tells streams (`stopping`), and waits up to
 * limits.stop_ms for bodies, calls, answers and streams under way; then ends what is left. Calls that are still taken
 * stay valid, and must be replied to. NULL allowed.
 */
void httpd_stop(struct httpd *h);

/*
 * Calls. What is returned lives as long as the call. One thread at a time may ask: that of the loop at first, then
 * whoever has the call.
 */
const struct httpd_route *httpd_call_route(const struct httpd_call *c); /* NULL: none fits */
struct httpd_span httpd_call_method(const struct httpd_call *c);
struct httpd_span httpd_call_path(const struct httpd_call *c); /* as sent, without the query */
/* Decoded: UTF-8 without NUL; in a path also without control characters and "/", and never "." or "..". */
const char *httpd_call_param(const struct httpd_call *c, const char *name); /* of the path; NULL: none */
const char *httpd_call_query(const struct httpd_call *c, const char *name); /* the first of that name; NULL: none */
size_t httpd_call_queries(const struct httpd_call *c);
void httpd_call_query_at(const struct httpd_call *c, size_t i, const char **name, const char **value);
int64_t httpd_call_begun_us(const struct httpd_call *c); /* when its head was whole, on the monotonic clock */
/* The first field of that name, whatever its case; NULL: none. */
const struct httpd_span *httpd_call_field(const struct httpd_call *c, const char *name);
const struct httpd_head *httpd_call_head(const struct httpd_call *c); /* for walking all fields */
struct httpd_span httpd_call_body(const struct httpd_call *c);
/* The body leaves the call and the budget of bodies, to be freed with free(); NULL: there is none. */
char *httpd_call_take_body(struct httpd_call *c, size_t *n);
enum { HTTPD_PEER_MAX = 64 };
/* The other end of the connection, which may be a proxy: "192.0.2.1", "2001:db8::1". */
void httpd_call_peer(const struct httpd_call *c, char out[HTTPD_PEER_MAX]);
bool httpd_call_secure(const struct httpd_call *c); /* over TLS */
int httpd_call_loop(const struct httpd_call *c);    /* 0 .. httpd_loops() - 1 */
/* The owner's, NULL at first. `end` is called with it, on any thread, when the call ends; NULL: nothing is. */
void httpd_call_set(struct httpd_call *c, void *own, void (*end)(void *own));
void *httpd_call_get(const struct httpd_call *c);

/* From the handler: takes the call. One httpd_reply() or httpd_stream_open() must follow, whatever the client does. */
void httpd_later(struct httpd_call *c);

/* Answers a call that was taken, from any thread, also after httpd_stop(). Takes both. Never waits or fails. */
void httpd_reply(struct httpd_call *c, struct httpd_answer *a);

/*
 * Work for the thread of a loop, in the order of posting. The memory is the poster's until `run` is called, which
 * owns it from then on. True: it is run exactly once, by httpd_stop() at the latest. False: the loop has ended. A job
 * is posted again only when it has run, so its owners bound the queue. The server is there until httpd_stop() has
 * returned, and for as long as the poster has a call.
 */
struct httpd_job {
    struct httpd_job *next;
    void (*run)(struct httpd_job *job);
};
bool httpd_post(struct httpd *h, int loop, struct httpd_job *job);

#endif
