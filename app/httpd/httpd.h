/*
 * An HTTP/1.1 server on a thread of its own, for pages that are made when they are asked for.
 *
 * Answers GET and HEAD, keeps connections, and takes requests one after another from each. A request
 * with a body gets its answer too, and then the connection ends: no page reads bodies, so
 * nothing needs to agree with the client on where one stops. See docs/decisions/0011-http-server.md.
 */
#ifndef POUCH_HTTPD_HTTPD_H
#define POUCH_HTTPD_HTTPD_H

#include <base/buf.h>
#include <pouch/error.h>
#include <stddef.h>

struct httpd;

enum { HTTPD_BODY_MAX = 8 * 1024 * 1024 };

struct httpd_answer {
    int status;         /* 200 unless set */
    const char *type;   /* static text */
    struct pl_buf body; /* empty, at most HTTPD_BODY_MAX */
};

struct httpd_page {
    const char *path;
    /* On the server's thread, which does nothing else meanwhile: must not wait. An error is answered with 500 and logged. */
    pouch_err (*make)(struct httpd_answer *a, void *arg);
    void *arg;
};

struct httpd_limits {
    size_t connections; /* one more ends the one that has been waiting longest, or is told 503 */
    int requests;       /* a connection */
    int head_ms;        /* from accept, or from its first byte, until a head is whole */
    int idle_ms;        /* between requests */
    int answer_ms;      /* until the kernel has taken all of an answer */
    int linger_ms;      /* until the client has closed too */
    int stop_ms;        /* how long httpd_stop() waits for answers under way */
    int listen_queue;
};
extern const struct httpd_limits httpd_limits;

/*
 * Listens at "HOST:PORT" ("[::1]:8080", ":8080" for every address, port 0: any that is free) and logs
 * where. The pages and the limits are borrowed until httpd_stop(). CONFIG: no such address here, or its port is
 * taken. NOT_ALLOWED: a port that this user may not have. OVERLOADED: no thread or file
 * descriptor; NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err httpd_start(struct httpd **h, const char *listen, const struct httpd_page *pages, size_t n,
                                       const struct httpd_limits *limits);
int httpd_port(const struct httpd *h);

/* Ends the connections that wait for a request and, when they are through or late, those that are being answered. NULL allowed. */
void httpd_stop(struct httpd *h);

#endif
