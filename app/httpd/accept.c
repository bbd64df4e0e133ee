/* The listener, on the first loop, which hands connections to the loops in turn. */
#include <base/log.h>
#include <base/why.h>
#include <errno.h>
#include <httpd/state.h>
#include <metrics/metrics.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { AGAIN_MS = 500, WATCH_S = 2 };

/* A connection on its way to its loop. */
struct arrival {
    struct httpd_job job;
    struct httpd_loop *loop;
    evutil_socket_t fd;
    struct sockaddr_in6 peer;
};

/* Each loop has its share of the connections that may be open. */
static bool is_full(const struct httpd_loop *l) {
    const struct httpd *h = l->server;
    size_t loops = (size_t)h->n_loops;
    return l->n_conns >= (h->options.limits.connections + loops - 1) / loops;
}

/* Ends the connection that has waited longest when there is no other room. False: all are being answered. */
static bool make_room(struct httpd_loop *l) {
    if (!is_full(l)) return true;
    pl_metric_add(PL_M_HTTP_FULL, 1);
    struct httpd_conn *longest = TAILQ_FIRST(&l->waiting);
    if (longest) httpd_conn_close(longest, HTTPD_STOPPED);
    return longest;
}

static void take(struct httpd_loop *l, evutil_socket_t fd, const struct sockaddr_in6 *peer) {
    struct httpd_peers *peers = &l->server->peers;
    if (!httpd_peers_enter(peers, peer)) {
        pl_metric_add(PL_M_HTTP_ADDRESS, 1);
        httpd_conn_refuse(fd);
    } else if (make_room(l)) {
        httpd_conn_open(l, fd, peer);
    } else {
        httpd_peers_leave(peers, peer);
        httpd_conn_refuse(fd);
    }
}

static void on_arrival(struct httpd_job *job) {
    struct arrival *a = (struct arrival *)job;
    atomic_fetch_sub(&a->loop->arriving, 1);
    if (atomic_load(&a->loop->stop))
        close(a->fd);
    else
        take(a->loop, a->fd, &a->peer);
    free(a);
}

static void hand_over(struct httpd_loop *l, evutil_socket_t fd, const struct sockaddr_in6 *peer) {
    bool room = atomic_load(&l->arriving) < l->server->options.limits.listen_queue;
    struct arrival *a = room ? malloc(sizeof *a) : NULL;
    if (!a) {
        pl_metric_add(PL_M_HTTP_FULL, 1);
        httpd_conn_refuse(fd);
        return;
    }
    *a = (struct arrival){.job.run = on_arrival, .loop = l, .fd = fd, .peer = *peer};
    atomic_fetch_add(&l->arriving, 1);
    if (httpd_post(l->server, l->number, &a->job)) return;
    atomic_fetch_sub(&l->arriving, 1);
    close(fd);
    free(a);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *from, int n, void *arg) {
    struct httpd *h = arg;
    struct sockaddr_in6 peer = {0};
    (void)listener;
    memcpy(&peer, from, (size_t)n < sizeof peer ? (size_t)n : sizeof peer);
    struct httpd_loop *l = &h->loops[h->next];
    h->next = (h->next + 1) % h->n_loops;
    if (l->number)
        hand_over(l, fd, &peer);
    else
        take(l, fd, &peer);
}

static bool add_timer(struct event *timer, int ms) {
    const struct timeval left = {ms / 1000, ms % 1000 * 1000};
    return !event_add(timer, &left);
}

/* Out of file descriptors, say. A listener that stays ready would turn the loop without a pause. */
static void on_accept_failed(struct evconnlistener *l, void *arg) {
    struct httpd *h = arg;
    PL_LOG(PL_LOG_WARN, "no connection can be accepted for now", "reason", strerrordesc_np(errno));
    if (add_timer(h->again, AGAIN_MS)) evconnlistener_disable(l);
}

static void on_again(evutil_socket_t fd, short what, void *arg) {
    struct httpd *h = arg;
    (void)fd, (void)what;
    evconnlistener_enable(h->listener);
}

static void on_watch(evutil_socket_t fd, short what, void *arg) {
    struct httpd *h = arg;
    (void)fd, (void)what;
    httpd_tls_watch(h->secret);
}

static pouch_err begin_to_watch(struct httpd *h) {
    const struct timeval period = {.tv_sec = WATCH_S};
    if (!h->secret) return POUCH_OK;
    h->watch = event_new(h->loops[0].base, -1, EV_PERSIST, on_watch, h);
    if (h->watch && !event_add(h->watch, &period)) return POUCH_OK;
    return pl_fail(POUCH_E_NO_MEMORY, "out of memory for an HTTP server");
}

pouch_err httpd_accept_begin(struct httpd *h, int fd) {
    struct event_base *base = h->loops[0].base;
    h->listener = evconnlistener_new(base, on_accept, h, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
    if (!h->listener) close(fd);
    h->again = evtimer_new(base, on_again, h);
    if (!h->listener || !h->again) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for an HTTP server");
    evconnlistener_set_error_cb(h->listener, on_accept_failed);
    return begin_to_watch(h);
}

/* Who connects from now on is refused by the kernel. */
void httpd_accept_stop(struct httpd *h) {
    event_del(h->again);
    evconnlistener_disable(h->listener);
    shutdown(evconnlistener_get_fd(h->listener), SHUT_RDWR);
}

void httpd_accept_end(struct httpd *h) {
    if (h->watch) event_free(h->watch);
    if (h->again) event_free(h->again);
    if (h->listener) evconnlistener_free(h->listener);
}
