/* A connection: its phases, and what moves it from one to the next. */
#include <errno.h>
#include <event2/buffer.h>
#include <httpd/state.h>
#include <metrics/metrics.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { OK = 200, REQUEST_TIMEOUT = 408, LINE_TOO_LONG = 414, FIELDS_TOO_LARGE = 431, UNAVAILABLE = 503 };

static struct httpd_conns *list_of(const struct httpd_conn *c) {
    if (c->phase == HTTPD_HEAD || c->phase == HTTPD_IDLE) return &c->loop->waiting;
    return c->phase == HTTPD_STREAM && !c->told ? &c->loop->live : &c->loop->busy;
}

static int patience_ms(const struct httpd_conn *c) {
    const struct httpd_limits *l = &c->loop->server->options.limits;
    switch (c->phase) {
    case HTTPD_HEAD: return l->head_ms;
    case HTTPD_IDLE: return l->idle_ms;
    case HTTPD_BODY: return l->body_ms;
    case HTTPD_CALL: return l->call_ms;
    case HTTPD_LINGER: return l->linger_ms;
    default: return l->answer_ms;
    }
}

bool httpd_conn_set_deadline(struct httpd_conn *c, int64_t ms) {
    const struct timeval left = {ms / 1000, ms % 1000 * 1000};
    return !event_add(c->deadline, &left);
}

/* What the client sends waits. */
static bool is_silent(const struct httpd_conn *c) {
    return c->phase == HTTPD_CALL || c->phase == HTTPD_ANSWER;
}

/*
 * Few send anything while they wait, so reading stops when something comes, and not with the phase: two system calls
 * less. Who has sent ahead is read no further, since each answer would bring in more than it uses up.
 */
static bool set_reading(struct httpd_conn *c) {
    if (!is_silent(c)) return !bufferevent_enable(c->wire, EV_READ);
    return !evbuffer_get_length(bufferevent_get_input(c->wire)) || !bufferevent_disable(c->wire, EV_READ);
}

/* The connection is in no list. False when libevent has no memory for it. */
static bool begin(struct httpd_conn *c, enum httpd_phase phase) {
    c->phase = phase;
    TAILQ_INSERT_TAIL(list_of(c), c, link);
    return httpd_conn_set_deadline(c, patience_ms(c)) && set_reading(c);
}

bool httpd_conn_enter(struct httpd_conn *c, enum httpd_phase phase) {
    TAILQ_REMOVE(list_of(c), c, link);
    if (begin(c, phase)) return true;
    httpd_conn_close(c, HTTPD_FAILED);
    return false;
}

/* A call that nobody has taken goes with its connection. */
static void let_go(struct httpd_call *call) {
    call->conn = NULL;
    if (!call->taken) httpd_call_free(call);
}

void httpd_conn_close(struct httpd_conn *c, enum httpd_ended why) {
    struct httpd_loop *l = c->loop;
    struct httpd_stream *live = c->live;
    TAILQ_REMOVE(list_of(c), c, link);
    if (c->call) let_go(c->call);
    event_free(c->deadline);
    bufferevent_free(c->wire);
    httpd_peers_leave(&l->server->peers, &c->peer);
    free(c);
    l->n_conns--;
    pl_metric_add(PL_M_HTTP_CONNECTIONS, -1);
    if (live) httpd_stream_ended(live, why);
    httpd_loop_has_closed(l);
}

static void send_answer(struct httpd_conn *c, const struct httpd_call *call, struct httpd_answer *a) {
    c->call = NULL;
    c->last |= a->last || c->loop->stopping;
    if (httpd_conn_enter(c, HTTPD_ANSWER) && !httpd_answer_send(c, call, a)) httpd_conn_close(c, HTTPD_FAILED);
    httpd_answer_free(a);
}

void httpd_conn_answer(struct httpd_conn *c, struct httpd_call *call, struct httpd_answer *a) {
    send_answer(c, call, a);
    if (call) httpd_call_free(call);
}

static bool make_problem(struct httpd_answer *a, int status, const char *detail) {
    httpd_answer_init(a);
    if (status == UNAVAILABLE) a->retry_after_s = 1;
    if (!httpd_answer_problem(a, status, detail)) return true;
    httpd_answer_free(a);
    return false;
}

void httpd_conn_problem(struct httpd_conn *c, struct httpd_call *call, int status, const char *detail, bool last) {
    struct httpd_answer a;
    c->last |= last;
    if (make_problem(&a, status, detail))
        httpd_conn_answer(c, call, &a);
    else
        httpd_conn_close(c, HTTPD_FAILED);
}

/* Its owner may still answer the call, which then goes nowhere. */
static void give_up(struct httpd_conn *c) {
    struct httpd_call *call = c->call;
    struct httpd_answer a;
    pl_metric_add(PL_M_HTTP_CALL_TIMEOUT, 1);
    if (!make_problem(&a, UNAVAILABLE, "The answer took too long.")) {
        httpd_conn_close(c, HTTPD_FAILED);
        return;
    }
    call->conn = NULL;
    send_answer(c, call, &a);
}

static void refuse(struct httpd_conn *c, int status) {
    pl_metric_add(status == LINE_TOO_LONG      ? PL_M_HTTP_LINE_TOO_LONG
                  : status == FIELDS_TOO_LARGE ? PL_M_HTTP_FIELDS_TOO_LARGE
                  : status == REQUEST_TIMEOUT  ? PL_M_HTTP_HEAD_TIMEOUT
                                               : PL_M_HTTP_MALFORMED,
                  1);
    httpd_conn_problem(c, NULL, status, httpd_problem_detail(status), true);
}

/*
 * Each read of libevent's, of 16 KiB at most or of a TLS record, ends here, and once there is a decision one more is
 * read at most, and only if nothing is left of those before; so the input is bounded by a head and one of them. (A
 * watermark would say so too, but 2.1 crashes when it finds no memory for one.)
 */
static void read_head(struct httpd_conn *c) {
    struct evbuffer *in = bufferevent_get_input(c->wire);
    size_t n = evbuffer_get_length(in);
    if (!n || (c->phase == HTTPD_IDLE && !httpd_conn_enter(c, HTTPD_HEAD))) return;
    const char *at = (const char *)evbuffer_pullup(in, -1);
    if (!at) {
        httpd_conn_close(c, HTTPD_FAILED);
        return;
    }
    int status = httpd_search(&c->search, at, n);
    if (status == OK)
        httpd_request_begin(c, at + c->search.start, c->search.end - c->search.start);
    else if (status)
        refuse(c, status);
}

static void on_read(struct bufferevent *wire, void *arg) {
    struct httpd_conn *c = arg;
    struct evbuffer *in = bufferevent_get_input(wire);
    if (c->phase == HTTPD_LINGER || c->phase == HTTPD_STREAM)
        evbuffer_drain(in, evbuffer_get_length(in));
    else if (c->phase == HTTPD_BODY)
        httpd_request_body(c);
    else if (c->phase == HTTPD_HEAD || c->phase == HTTPD_IDLE)
        read_head(c);
    else if (bufferevent_disable(wire, EV_READ))
        httpd_conn_close(c, HTTPD_FAILED);
}

void httpd_conn_linger(struct httpd_conn *c) {
    struct evbuffer *in = bufferevent_get_input(c->wire);
    if (c->loop->server->secret) httpd_tls_goodbye(c->wire);
    if (shutdown(bufferevent_getfd(c->wire), SHUT_WR) || evbuffer_drain(in, evbuffer_get_length(in)))
        httpd_conn_close(c, HTTPD_CLOSED);
    else
        httpd_conn_enter(c, HTTPD_LINGER);
}

/* All of the answer is with the kernel. What the client has sent ahead is looked at now. */
static void on_written(struct bufferevent *wire, void *arg) {
    struct httpd_conn *c = arg;
    if (evbuffer_get_length(bufferevent_get_output(wire))) return;
    if (c->phase == HTTPD_STREAM)
        httpd_stream_written(c->live);
    else if (c->phase != HTTPD_ANSWER)
        return;
    else if (c->last)
        httpd_conn_linger(c);
    else if (c->loop->stopping)
        httpd_conn_close(c, HTTPD_STOPPED);
    else if (httpd_conn_enter(c, HTTPD_IDLE))
        read_head(c);
}

void httpd_conn_slow(struct httpd_conn *c) {
    if (c->phase == HTTPD_ANSWER) pl_metric_add(PL_M_HTTP_ANSWER_TIMEOUT, 1);
    if (c->phase == HTTPD_STREAM) pl_metric_add(PL_M_HTTP_STREAM_SLOW, 1);
    httpd_conn_close(c, HTTPD_SLOW);
}

static void on_end(struct bufferevent *wire, short what, void *arg) {
    bool slow = what & BEV_EVENT_ERROR && EVUTIL_SOCKET_ERROR() == ETIMEDOUT; /* by the kernel's deadline */
    struct httpd_conn *c = arg;
    (void)wire;
    if (what & BEV_EVENT_CONNECTED) return;           /* by TLS */
    if (what & BEV_EVENT_EOF && is_silent(c)) return; /* it waits for its answer; the end is read again after that */
    if (what & BEV_EVENT_ERROR && httpd_tls_is_new(c->wire)) pl_metric_add(PL_M_HTTP_TLS, 1);
    if (slow)
        httpd_conn_slow(c);
    else
        httpd_conn_close(c, HTTPD_CLOSED);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg) {
    struct httpd_conn *c = arg;
    (void)fd, (void)what;
    switch (c->phase) {
    case HTTPD_BODY: httpd_request_late(c); return;
    case HTTPD_CALL: give_up(c); return;
    case HTTPD_STREAM: httpd_stream_late(c->live); return;
    case HTTPD_HEAD:
        if (evbuffer_get_length(bufferevent_get_input(c->wire))) {
            refuse(c, REQUEST_TIMEOUT);
            return;
        }
        pl_metric_add(PL_M_HTTP_HEAD_TIMEOUT, 1);
        break;
    case HTTPD_ANSWER: httpd_conn_slow(c); return;
    default: break;
    }
    httpd_conn_close(c, HTTPD_SLOW);
}

/* Acknowledgements that stay away tell of a dead client, and of one that takes nothing, before our deadline may. */
static void set_up_socket(const struct httpd_loop *l, evutil_socket_t fd) {
    int on = 1;
    unsigned ms = (unsigned)l->server->options.limits.answer_ms;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof ms);
}

static struct bufferevent *make_wire(struct httpd_loop *l, evutil_socket_t fd) {
    if (l->server->secret) return httpd_tls_wrap(l->server->secret, l->base, fd);
    return bufferevent_socket_new(l->base, fd, BEV_OPT_CLOSE_ON_FREE);
}

void httpd_conn_open(struct httpd_loop *l, evutil_socket_t fd, const struct sockaddr_in6 *peer) {
    struct httpd_conn *c = calloc(1, sizeof *c);
    if (!c) goto close_fd;
    c->loop = l;
    c->peer = *peer;
    c->deadline = evtimer_new(l->base, on_deadline, c);
    if (!c->deadline) goto free_conn;
    c->wire = make_wire(l, fd);
    if (!c->wire) goto free_deadline;
    set_up_socket(l, fd);
    bufferevent_setcb(c->wire, on_read, on_written, on_end, c);
    l->n_conns++;
    pl_metric_add(PL_M_HTTP_CONNECTIONS, 1);
    if (!begin(c, HTTPD_HEAD)) httpd_conn_close(c, HTTPD_FAILED);
    return;

free_deadline:
    event_free(c->deadline);
free_conn:
    free(c);
close_fd:
    httpd_peers_leave(&l->server->peers, peer);
    close(fd);
}

void httpd_conn_refuse(evutil_socket_t fd) {
    static const char full[] = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n"
                               "Connection: close\r\n\r\n";
    ssize_t sent = send(fd, full, sizeof full - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    (void)sent; /* a client that cannot be told sees the connection end */
    close(fd);
}
