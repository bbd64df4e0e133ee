/* The server's life: its listener, its thread, its end. */
#include <base/log.h>
#include <base/why.h>
#include <errno.h>
#include <httpd/state.h>
#include <metrics/metrics.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SECOND_MS = 1000, AGAIN_MS = 500 };

const struct httpd_limits httpd_limits = {.connections = 256,
                                          .requests = 1000,
                                          .head_ms = 10 * SECOND_MS,
                                          .idle_ms = 60 * SECOND_MS,
                                          .answer_ms = 30 * SECOND_MS,
                                          .linger_ms = 2 * SECOND_MS,
                                          .stop_ms = SECOND_MS,
                                          .listen_queue = 128};

static bool add_timer(struct event *timer, int ms) {
    const struct timeval left = {ms / 1000, ms % 1000 * 1000};
    return !event_add(timer, &left);
}

static void on_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *from, int n, void *arg) {
    struct httpd *h = arg;
    (void)l, (void)from, (void)n;
    if (h->n_conns >= h->limits->connections) {
        pl_metric_add(PL_M_HTTP_FULL, 1);
        struct httpd_conn *longest = TAILQ_FIRST(&h->waiting);
        if (!longest) {
            httpd_conn_refuse(fd);
            return;
        }
        httpd_conn_close(longest);
    }
    httpd_conn_open(h, fd);
}

/* Out of file descriptors, say. A listener that stays ready would turn the loop without a pause. */
static void on_accept_failed(struct evconnlistener *l, void *arg) {
    struct httpd *h = arg;
    PL_LOG(PL_LOG_WARN, "no connection can be accepted for now", "reason", strerror(errno));
    if (add_timer(h->again, AGAIN_MS)) evconnlistener_disable(l);
}

static void on_again(evutil_socket_t fd, short what, void *arg) {
    struct httpd *h = arg;
    (void)fd, (void)what;
    if (!h->stopping) evconnlistener_enable(h->listener);
}

static void on_stop(evutil_socket_t fd, short what, void *arg) {
    struct httpd *h = arg;
    struct httpd_conn *c, *next;
    (void)fd, (void)what;
    pl_wake_clear(&h->wake);
    evconnlistener_disable(h->listener);
    for (c = TAILQ_FIRST(&h->waiting); c; c = next) {
        next = TAILQ_NEXT(c, link);
        httpd_conn_close(c);
    }
    h->stopping = true;
    if (!h->n_conns || !add_timer(h->late, h->limits->stop_ms)) event_base_loopbreak(h->base);
}

static void on_late(evutil_socket_t fd, short what, void *arg) {
    (void)fd, (void)what;
    event_base_loopbreak(((struct httpd *)arg)->base);
}

static void *run(void *arg) {
    struct httpd *h = arg;
    event_base_dispatch(h->base);
    return NULL;
}

static void free_events(struct httpd *h) {
    struct event *events[] = {h->stop, h->late, h->again};
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++)
        if (events[i]) event_free(events[i]);
    if (h->listener) evconnlistener_free(h->listener);
    if (h->base) event_base_free(h->base);
}

/* On the thread that starts or has ended the server's. */
static void destroy(struct httpd *h) {
    struct httpd_conn *c;
    h->stopping = false; /* no loop is left to be broken */
    while ((c = TAILQ_FIRST(&h->waiting)) || (c = TAILQ_FIRST(&h->busy))) httpd_conn_close(c);
    free_events(h);
    pl_wake_free(&h->wake);
    free(h);
}

static pouch_err make_events(struct httpd *h, int fd) {
    h->base = event_base_new();
    if (!h->base) return pl_fail(POUCH_E_NO_MEMORY, "no event loop for HTTP can be had");
    h->listener = evconnlistener_new(h->base, on_accept, h, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
    h->stop = event_new(h->base, h->wake.fd, EV_READ, on_stop, h);
    h->late = evtimer_new(h->base, on_late, h);
    h->again = evtimer_new(h->base, on_again, h);
    if (!h->listener || !h->stop || !h->late || !h->again || event_add(h->stop, NULL))
        return pl_fail(POUCH_E_NO_MEMORY, "out of memory for an HTTP server");
    evconnlistener_set_error_cb(h->listener, on_accept_failed);
    return POUCH_OK;
}

/* Signals are for the program's other threads. */
static pouch_err start_thread(struct httpd *h) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&h->thread, NULL, run, h);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error ? pl_fail(POUCH_E_OVERLOADED, "no thread can be had for HTTP: %s", strerror(error)) : POUCH_OK;
}

static pouch_err start(struct httpd *h, const char *listen) {
    int fd = -1;
    pouch_err e = httpd_bind(h, listen, &fd);
    if (e) return e;
    e = make_events(h, fd);
    if (!h->listener) close(fd);
    return e ? e : start_thread(h);
}

pouch_err httpd_start(struct httpd **out, const char *listen, const struct httpd_page *pages, size_t n,
                      const struct httpd_limits *limits) {
    struct httpd *h = calloc(1, sizeof *h);
    if (!h) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for an HTTP server");
    *h = (struct httpd){.pages = pages, .n_pages = n, .limits = limits};
    TAILQ_INIT(&h->waiting);
    TAILQ_INIT(&h->busy);
    pouch_err e = pl_wake_init(&h->wake);
    if (e) {
        free(h);
        return e;
    }
    e = start(h, listen);
    if (e) {
        destroy(h);
        return e;
    }
    *out = h;
    return POUCH_OK;
}

int httpd_port(const struct httpd *h) {
    return h->port;
}

void httpd_stop(struct httpd *h) {
    if (!h) return;
    pl_wake_signal(&h->wake);
    pthread_join(h->thread, NULL);
    destroy(h);
}
