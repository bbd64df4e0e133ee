/* A connection: its phases, and what moves it from one to the next. */
#include <event2/buffer.h>
#include <httpd/state.h>
#include <metrics/metrics.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DEAD_PEER_MS = 30000 };
enum { OK = 200, REQUEST_TIMEOUT = 408, LINE_TOO_LONG = 414, FIELDS_TOO_LARGE = 431 };

static struct httpd_conns *list_of(const struct httpd_conn *c) {
    return c->phase == HTTPD_HEAD || c->phase == HTTPD_IDLE ? &c->server->waiting : &c->server->busy;
}

static int patience_ms(const struct httpd_conn *c) {
    const struct httpd_limits *l = c->server->limits;
    switch (c->phase) {
    case HTTPD_HEAD: return l->head_ms;
    case HTTPD_IDLE: return l->idle_ms;
    case HTTPD_ANSWER: return l->answer_ms;
    default: return l->linger_ms;
    }
}

/* The connection is in no list. False when libevent has no memory for it. */
static bool begin(struct httpd_conn *c, enum httpd_phase phase) {
    c->phase = phase;
    TAILQ_INSERT_TAIL(list_of(c), c, link);
    int ms = patience_ms(c);
    const struct timeval left = {ms / 1000, ms % 1000 * 1000};
    if (event_add(c->deadline, &left)) return false;
    return !(phase == HTTPD_ANSWER ? bufferevent_disable(c->stream, EV_READ) : bufferevent_enable(c->stream, EV_READ));
}

/* False: the connection is gone. */
static bool enter(struct httpd_conn *c, enum httpd_phase phase) {
    TAILQ_REMOVE(list_of(c), c, link);
    if (begin(c, phase)) return true;
    httpd_conn_close(c);
    return false;
}

void httpd_conn_close(struct httpd_conn *c) {
    struct httpd *h = c->server;
    TAILQ_REMOVE(list_of(c), c, link);
    event_free(c->deadline);
    bufferevent_free(c->stream);
    free(c);
    h->n_conns--;
    pl_metric_add(PL_M_HTTP_CONNECTIONS, -1);
    if (h->stopping && !h->n_conns) event_base_loopbreak(h->base);
}

/* A head that cannot be answered says nothing of where it ends, so it is the connection's last. */
static void refuse(struct httpd_conn *c, int status) {
    c->last = true;
    pl_metric_add(status == LINE_TOO_LONG      ? PL_M_HTTP_LINE_TOO_LONG
                  : status == FIELDS_TOO_LARGE ? PL_M_HTTP_FIELDS_TOO_LARGE
                  : status == REQUEST_TIMEOUT  ? PL_M_HTTP_HEAD_TIMEOUT
                                               : PL_M_HTTP_MALFORMED,
                  1);
    if (enter(c, HTTPD_ANSWER) && !httpd_answer_head(c, NULL, status)) httpd_conn_close(c);
}

static void answer(struct httpd_conn *c, const char *at) {
    struct httpd_head head;
    struct evbuffer *in = bufferevent_get_input(c->stream);
    int status = httpd_head_read(&head, at + c->search.start, c->search.end - c->search.start);
    if (status != OK) {
        refuse(c, status);
        return;
    }
    c->last = head.last || head.content || ++c->requests >= c->server->limits->requests || c->server->stopping;
    if (!enter(c, HTTPD_ANSWER)) return;
    if (!httpd_answer_head(c, &head, OK) || evbuffer_drain(in, c->search.end)) {
        httpd_conn_close(c);
        return;
    }
    c->search = (struct httpd_search){0};
}

/*
 * Each read of libevent's, of 16 KiB at most, ends here, and nothing is read once there is a decision; so the input is bounded
 * by a head and that. (A watermark would say so too, but 2.1 crashes when it finds no memory for one.)
 */
static void read_head(struct httpd_conn *c) {
    struct evbuffer *in = bufferevent_get_input(c->stream);
    size_t n = evbuffer_get_length(in);
    if (!n || (c->phase == HTTPD_IDLE && !enter(c, HTTPD_HEAD))) return;
    const char *at = (const char *)evbuffer_pullup(in, -1);
    if (!at) {
        httpd_conn_close(c);
        return;
    }
    int status = httpd_search(&c->search, at, n);
    if (status == OK)
        answer(c, at);
    else if (status)
        refuse(c, status);
}

static void on_read(struct bufferevent *stream, void *arg) {
    struct httpd_conn *c = arg;
    struct evbuffer *in = bufferevent_get_input(stream);
    if (c->phase == HTTPD_LINGER)
        evbuffer_drain(in, evbuffer_get_length(in));
    else if (c->phase != HTTPD_ANSWER)
        read_head(c);
}

static void linger(struct httpd_conn *c) {
    struct evbuffer *in = bufferevent_get_input(c->stream);
    if (shutdown(bufferevent_getfd(c->stream), SHUT_WR) || evbuffer_drain(in, evbuffer_get_length(in)))
        httpd_conn_close(c);
    else
        enter(c, HTTPD_LINGER);
}

/* All of the answer is with the kernel. What the client has sent ahead is looked at now. */
static void on_written(struct bufferevent *stream, void *arg) {
    struct httpd_conn *c = arg;
    if (c->phase != HTTPD_ANSWER || evbuffer_get_length(bufferevent_get_output(stream))) return;
    if (c->last)
        linger(c);
    else if (c->server->stopping)
        httpd_conn_close(c);
    else if (enter(c, HTTPD_IDLE))
        read_head(c);
}

static void on_end(struct bufferevent *stream, short what, void *arg) {
    (void)stream, (void)what;
    httpd_conn_close(arg);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg) {
    struct httpd_conn *c = arg;
    (void)fd, (void)what;
    if (c->phase == HTTPD_HEAD && evbuffer_get_length(bufferevent_get_input(c->stream))) {
        refuse(c, REQUEST_TIMEOUT);
        return;
    }
    if (c->phase == HTTPD_HEAD) pl_metric_add(PL_M_HTTP_HEAD_TIMEOUT, 1);
    if (c->phase == HTTPD_ANSWER) pl_metric_add(PL_M_HTTP_ANSWER_TIMEOUT, 1);
    httpd_conn_close(c);
}

/* Acknowledgements that stay away tell of a dead client, before our deadline may. */
static void set_up_socket(evutil_socket_t fd) {
    int on = 1;
    unsigned ms = DEAD_PEER_MS;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof ms);
}

void httpd_conn_open(struct httpd *h, evutil_socket_t fd) {
    struct httpd_conn *c = calloc(1, sizeof *c);
    if (!c) goto close_fd;
    c->server = h;
    c->deadline = evtimer_new(h->base, on_deadline, c);
    if (!c->deadline) goto free_conn;
    c->stream = bufferevent_socket_new(h->base, fd, BEV_OPT_CLOSE_ON_FREE);
    if (!c->stream) goto free_deadline;
    set_up_socket(fd);
    bufferevent_setcb(c->stream, on_read, on_written, on_end, c);
    h->n_conns++;
    pl_metric_add(PL_M_HTTP_CONNECTIONS, 1);
    if (!begin(c, HTTPD_HEAD)) httpd_conn_close(c);
    return;

free_deadline:
    event_free(c->deadline);
free_conn:
    free(c);
close_fd:
    close(fd);
}

void httpd_conn_refuse(evutil_socket_t fd) {
    static const char full[] = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n"
                               "Connection: close\r\n\r\n";
    ssize_t sent = send(fd, full, sizeof full - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    (void)sent; /* a client that cannot be told sees the connection end */
    close(fd);
}
