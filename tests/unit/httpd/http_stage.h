/* A server with routes that take bodies, answer from another thread, and stream; and what has reached its handlers. */
#ifndef POUCH_TESTS_HTTP_STAGE_H
#define POUCH_TESTS_HTTP_STAGE_H

#include "http_client.h"

#include <base/why.h>
#include <httpd/httpd.h>
#include <httpd/stream.h>
#include <metrics/metrics.h>
#include <pthread.h>
#include <stdatomic.h>

enum { STAGE_BODY_MAX = 100000 };

static atomic_int stage_handled; /* calls that have reached a handler */

static inline pouch_err stage_add(struct httpd_answer *a, struct httpd_span s) {
    return s.n ? pl_buf_append(&a->body, s.at, s.n) : POUCH_OK;
}

/* Says the body back. */
static inline pouch_err stage_echo(struct httpd_call *c, struct httpd_answer *a, void *arg) {
    (void)arg;
    atomic_fetch_add(&stage_handled, 1);
    return stage_add(a, httpd_call_body(c));
}

static inline struct httpd *stage_start(const struct httpd_options *options) {
    struct httpd *h = NULL;
    if (httpd_start(&h, "127.0.0.1:0", options)) fail_msg("%s", pouch_why());
    atomic_store(&stage_handled, 0);
    return h;
}

static inline void stage_wait_for(enum pl_metric m, int64_t value) {
    for (int i = 0; i < CLIENT_PATIENCE_MS && pl_metric_get(m) != value; i++) poll(NULL, 0, 1);
    assert_int_equal(pl_metric_get(m), value);
}

static inline void stage_wait_for_count(atomic_int *count, int value) {
    for (int i = 0; i < CLIENT_PATIENCE_MS && atomic_load(count) < value; i++) poll(NULL, 0, 1);
    assert_int_equal(atomic_load(count), value);
}

/* Stops a server on a thread of its own. */
static inline void *stage_stop(void *h) {
    httpd_stop(h);
    return NULL;
}

/* Until the server that listened there has begun to stop. */
static inline void stage_wait_until_nobody_is_let_in(int port) {
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (int i = 0; i < CLIENT_PATIENCE_MS; i++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        bool refused = connect(fd, (struct sockaddr *)&address, sizeof address);
        close(fd);
        if (refused) return;
        poll(NULL, 0, 1);
    }
    fail_msg("port %d still lets in", port);
}

/* All that comes in reply to these bytes on a connection of their own. To be freed. */
static inline char *stage_exchange(int port, const char *request) {
    int fd = client_connect(port);
    client_say(fd, request);
    return client_read_all(fd);
}

#endif
