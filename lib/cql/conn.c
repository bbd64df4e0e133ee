#include <base/clock.h>
#include <base/log.h>
#include <base/why.h>
#include <cql/session.h>
#include <errno.h>
#include <metrics/metrics.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { READS_A_TURN = 16, CONTROL_MAX = 64 << 10 };

void pl_cql_conn_break(struct pl_cql_conn *c, pouch_err e, const char *format, ...) {
    if (c->broken) return;
    va_list args;
    va_start(args, format);
    vsnprintf(c->host->why, sizeof c->host->why, format, args);
    va_end(args);
    c->broken = e;
}

/* ---- opening and closing ---- */

static struct pl_cql_conn *conn_new(struct pl_cql *s, struct pl_cql_host *h) {
    struct pl_cql_conn *c = calloc(1, sizeof *c);
    if (!c) return NULL;
    c->session = s;
    c->host = h;
    c->fd = -1;
    c->in_cap = PL_CQL_IN_BYTES;
    c->in = malloc(c->in_cap);
    c->out = malloc(PL_CQL_OUT_BYTES);
    pl_buf_init(&c->control, CONTROL_MAX);
    if (c->in && c->out) return c;
    pl_cql_conn_free(c);
    return NULL;
}

void pl_cql_conn_free(struct pl_cql_conn *c) {
    if (!c) return;
    pl_buf_wipe(&c->control);
    free(c->in);
    free(c->out);
    free(c);
}

/* A socket that is on its way to the host, or -1. */
static int begin_connect(const struct pl_cql_host *h) {
    int on = 1, fd = socket(h->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    if (!connect(fd, (const struct sockaddr *)&h->address, h->address_n) || errno == EINPROGRESS) return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

void pl_cql_conn_start(struct pl_cql *s, struct pl_cql_host *h, size_t place, int64_t now) {
    struct pl_cql_conn *c = h->conns[place];
    if (!c) c = h->conns[place] = conn_new(s, h);
    if (!c) { /* tried again like a host that does not answer */
        snprintf(h->why, sizeof h->why, "out of memory for a connection");
        h->error = POUCH_E_NO_MEMORY;
        h->retry_us = now + 1000000;
        return;
    }
    if (h->failures) pl_cql_host_turn(h);
    c->fd = begin_connect(h);
    c->state = PL_CQL_CONNECTING;
    c->step = PL_CQL_STEP_NONE;
    c->step_due = now + s->config.connect_us;
    c->heard_us = now;
    c->broken = POUCH_OK;
    c->write_waits = true;
    if (c->fd < 0) pl_cql_conn_break(c, POUCH_E_STORE, "cannot connect: %s", strerror(errno));
}

/* The host is left alone for a while, the longer the more often it has failed in a row. */
static void put_off(struct pl_cql_host *h, pouch_err e) {
    enum { FIRST_US = 100000, LAST_US = 10000000, DOUBLINGS = 7 };
    unsigned doublings = h->failures < DOUBLINGS ? h->failures : DOUBLINGS;
    if (!h->failures) PL_LOG(PL_LOG_WARN, "a Cassandra host is left alone for now", "host", h->name, "why", h->why);
    int64_t wait = (int64_t)FIRST_US << doublings;
    h->failures++;
    h->error = e;
    h->retry_us = pl_mono_us(&pl_clock_system) + (wait < LAST_US ? wait : LAST_US);
}

void pl_cql_conn_close(struct pl_cql_conn *c) {
    pouch_err e = c->broken ? c->broken : POUCH_E_CLOSED;
    if (c->state == PL_CQL_CLOSED) return;
    c->state = PL_CQL_CLOSED;
    SSL_free(c->ssl);
    c->ssl = NULL;
    if (c->fd >= 0) close(c->fd);
    c->fd = -1;
    if (c->broken) put_off(c->host, e);
    if (c->broken) pl_metric_add(PL_M_CQL_LOST, 1);
    c->session->refresh_us = 0;
    pl_cql_slots_lost(c, e);
    pl_buf_wipe(&c->control);
    explicit_bzero(c->out, c->out_n); /* a log-in that was not yet sent */
    c->out_at = c->out_n = c->in_at = c->in_n = c->partly = 0;
    c->broken = POUCH_OK;
}

/* ---- out ---- */

/* As much of [at, at + n) as there is room for. */
static size_t append_out(struct pl_cql_conn *c, const char *at, size_t n) {
    size_t room = PL_CQL_OUT_BYTES - c->out_n;
    if (n > room) n = room;
    memcpy(c->out + c->out_n, at, n);
    c->out_n += n;
    return n;
}

/* Copies the first unsent frame, or what is left of it. False: there was no room for all of it. */
static bool append_slot(struct pl_cql_conn *c) {
    struct pl_cql_slot *slot = c->unsent;
    const struct pl_buf *frame = pl_cql_slot_frame(slot);
    c->partly += append_out(c, frame->at + c->partly, frame->len - c->partly);
    if (c->partly < frame->len) return false;
    c->partly = 0;
    pl_cql_slot_sent(slot);
    return true;
}

static void fill(struct pl_cql_conn *c) {
    if (c->out_at == c->out_n) {
        if (c->state == PL_CQL_ENTERING) explicit_bzero(c->out, c->out_n); /* a log-in may have been there */
        c->out_at = c->out_n = 0;
    }
    if (c->partly && !append_slot(c)) return;
    if (c->control.len && PL_CQL_OUT_BYTES - c->out_n >= c->control.len) {
        append_out(c, c->control.at, c->control.len);
        pl_buf_recycle_secret(&c->control);
    }
    if (c->state != PL_CQL_READY || c->control.len) return;
    while (c->unsent && append_slot(c)) {
    }
}

/* What the socket took, 0: nothing now, -1: it is broken. */
static ssize_t send_some(struct pl_cql_conn *c) {
    const char *at = c->out + c->out_at;
    size_t n = c->out_n - c->out_at;
    if (!c->ssl) {
        ssize_t sent = send(c->fd, at, n, MSG_NOSIGNAL);
        if (sent >= 0) return sent;
        if (errno == EAGAIN || errno == EINTR) return 0;
        pl_cql_conn_break(c, POUCH_E_CLOSED, "the connection was lost: %s", strerror(errno));
        return -1;
    }
    pl_cql_tls_begin();
    int sent = SSL_write(c->ssl, at, (int)n);
    if (sent > 0) return sent;
    int error = SSL_get_error(c->ssl, sent);
    if (error == SSL_ERROR_WANT_WRITE || error == SSL_ERROR_WANT_READ) return 0;
    char why[200];
    pl_cql_tls_why(c->ssl, why, sizeof why);
    pl_cql_conn_break(c, POUCH_E_CLOSED, "TLS failed: %s", why);
    return -1;
}

void pl_cql_conn_flush(struct pl_cql_conn *c) {
    if (c->state < PL_CQL_ENTERING || c->broken || c->write_waits) return;
    for (;;) {
        fill(c);
        if (c->out_at == c->out_n) return;
        ssize_t n = send_some(c);
        if (n < 0) return;
        if (n == 0) {
            c->write_waits = true;
            return;
        }
        c->out_at += (size_t)n;
    }
}

/* ---- in ---- */

static void take_frame(struct pl_cql_conn *c, const struct pl_cql_head *h, const char *body) {
    struct pl_cql *s = c->session;
    s->head = *h;
    s->body = body;
    if (!pl_cql_answer_read(&s->answer, &s->rows, h, body)) {
        pl_cql_conn_break(c, POUCH_E_STORE, "an answer that cannot be read (opcode 0x%02x, %u bytes)", h->op,
                          h->length);
        return;
    }
    if (h->op == PL_CQL_OP_EVENT) return;
    if (h->stream == PL_CQL_CONTROL_STREAM) {
        pl_cql_control_answer(c, h);
        return;
    }
    struct pl_cql_slot *slot = pl_cql_slot_on(c, h->stream);
    if (slot)
        pl_cql_slot_answer(s, slot, h);
    else
        pl_cql_conn_break(c, POUCH_E_STORE, "an answer to no request (stream %d)", h->stream);
}

static void too_long(struct pl_cql_conn *c, const struct pl_cql_head *h) {
    struct pl_cql_slot *slot = pl_cql_slot_on(c, h->stream);
    size_t max = c->session->config.frame_max;
    pl_cql_conn_break(c, POUCH_E_STORE, "an answer of %u bytes, over the bound of %zu", h->length, max);
    if (slot)
        pl_cql_slot_fail(c->session, slot,
                         pl_fail(POUCH_E_TOO_LARGE,
                                 "Cassandra at %s: an answer of %u bytes is over the bound of %zu; "
                                 "ask for smaller pages",
                                 c->host->name, h->length, max));
}

/* Takes all whole frames of what has come. */
static void take_frames(struct pl_cql_conn *c) {
    while (!c->broken && c->in_n - c->in_at >= PL_CQL_HEAD) {
        struct pl_cql_head h;
        const char *at = c->in + c->in_at;
        if (!pl_cql_head_read(&h, at)) {
            pl_cql_conn_break(c, POUCH_E_STORE, "it does not speak version 4 of Cassandra's protocol (it sent 0x%02x)",
                              (uint8_t)*at);
            return;
        }
        if (h.length > c->session->config.frame_max) {
            too_long(c, &h);
            return;
        }
        if (c->in_n - c->in_at < PL_CQL_HEAD + (size_t)h.length) return;
        c->in_at += PL_CQL_HEAD + (size_t)h.length;
        take_frame(c, &h, at + PL_CQL_HEAD);
    }
}

/*
 * Room for the frame that has begun, at the front of the buffer; a buffer that a long frame has made large becomes
 * small again when it is empty.
 */
static bool make_room(struct pl_cql_conn *c) {
    size_t kept = c->in_n - c->in_at, need = PL_CQL_IN_BYTES;
    if (c->in_at) memmove(c->in, c->in + c->in_at, kept);
    c->in_at = 0;
    c->in_n = kept;
    if (kept >= PL_CQL_HEAD) {
        struct pl_cql_head h;
        if (pl_cql_head_read(&h, c->in) && PL_CQL_HEAD + (size_t)h.length > need) need = PL_CQL_HEAD + (size_t)h.length;
    }
    if (need == c->in_cap) return true;
    if (need < c->in_cap && kept) return true;
    char *in = realloc(c->in, need);
    if (!in && need > c->in_cap) {
        pl_cql_conn_break(c, POUCH_E_NO_MEMORY, "out of memory for an answer of %zu bytes", need);
        return false;
    }
    if (in) {
        c->in = in;
        c->in_cap = need;
    }
    return true;
}

/* What has come, 0: nothing now, -1: it is broken or at its end. */
static ssize_t receive_some(struct pl_cql_conn *c) {
    char *at = c->in + c->in_n;
    size_t n = c->in_cap - c->in_n;
    if (!c->ssl) {
        ssize_t got = recv(c->fd, at, n, 0);
        if (got > 0) return got;
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
        pl_cql_conn_break(c, POUCH_E_CLOSED, "%s%s%s", got ? "the connection was lost: " : "it closed the connection",
                          got ? strerror(errno) : "",
                          c->state == PL_CQL_ENTERING ? "; if this port wants TLS, give tls=on" : "");
        return -1;
    }
    pl_cql_tls_begin();
    int got = SSL_read(c->ssl, at, n > INT32_MAX ? INT32_MAX : (int)n);
    if (got > 0) return got;
    int error = SSL_get_error(c->ssl, got);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return 0;
    char why[200];
    pl_cql_tls_why(c->ssl, why, sizeof why);
    pl_cql_conn_break(c, POUCH_E_CLOSED, "TLS ended: %s", why);
    return -1;
}

static void receive(struct pl_cql_conn *c) {
    /* What TLS has taken from the socket and keeps, poll() does not tell of. */
    for (int i = 0; (i < READS_A_TURN || (c->ssl && SSL_pending(c->ssl))) && !c->broken; i++) {
        if (!make_room(c)) return;
        size_t room = c->in_cap - c->in_n;
        ssize_t n = receive_some(c);
        if (n <= 0) return;
        c->in_n += (size_t)n;
        c->heard_us = pl_mono_us(&pl_clock_system);
        take_frames(c);
        if (!c->ssl && (size_t)n < room) return;
    }
}

/* ---- what poll() told ---- */

static void connected(struct pl_cql_conn *c) {
    int error = 0;
    socklen_t n = sizeof error;
    getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &n);
    if (error) {
        pl_cql_conn_break(c, POUCH_E_STORE, "cannot connect: %s", strerror(error));
        return;
    }
    c->write_waits = false;
    if (!c->session->tls) {
        pl_cql_control_begin(c);
        return;
    }
    const struct pl_cql_config *config = &c->session->config;
    char address[INET6_ADDRSTRLEN];
    const char *name = config->tls_name ? config->tls_name : c->host->given;
    if (!name) {
        getnameinfo((struct sockaddr *)&c->host->address, c->host->address_n, address, sizeof address, NULL, 0,
                    NI_NUMERICHOST);
        name = address;
    }
    if (pl_cql_tls_start(&c->ssl, c->session->tls, c->fd, name))
        pl_cql_conn_break(c, POUCH_E_NO_MEMORY, "%s", pouch_why());
    c->state = PL_CQL_GREETING;
}

static void greet(struct pl_cql_conn *c) {
    pl_cql_tls_begin();
    int done = SSL_connect(c->ssl);
    if (done == 1) {
        c->write_waits = false;
        pl_cql_control_begin(c);
        return;
    }
    int error = SSL_get_error(c->ssl, done);
    c->write_waits = error == SSL_ERROR_WANT_WRITE;
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return;
    char why[200];
    bool certificate = pl_cql_tls_why(c->ssl, why, sizeof why);
    pl_cql_conn_break(c, certificate ? POUCH_E_CONFIG : POUCH_E_STORE, "TLS: %s; check %s", why,
                      certificate ? "ca and tls_name" : "that this port speaks TLS");
}

void pl_cql_conn_ready_to(struct pl_cql_conn *c, short events) {
    if (c->state == PL_CQL_CONNECTING) connected(c);
    if (c->state == PL_CQL_GREETING && !c->broken) {
        greet(c);
    } else if (c->state >= PL_CQL_ENTERING && !c->broken) {
        if (events & POLLOUT) c->write_waits = false;
        receive(c);
    }
}

short pl_cql_conn_events(const struct pl_cql_conn *c) {
    if (c->state == PL_CQL_CONNECTING) return POLLOUT;
    return (short)(POLLIN | (c->write_waits ? POLLOUT : 0));
}
