/* Answers without an end, and the blocks that are sent to many of them. */
#include <base/why.h>
#include <event2/buffer.h>
#include <httpd/state.h>
#include <metrics/metrics.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct httpd_stream {
    struct httpd_conn *conn;
    const struct httpd_stream_events *events;
    void *arg;
    bool chunked; /* else the end of the connection is the end of the answer (HTTP/1.0) */
    bool ending;
    bool waits; /* bytes have been queued since before the last deadline */
};

enum { CHUNK_HEAD_MAX = 20, CRLF = 2 };

/* One chunk, whose content alone is sent where chunks are not understood. */
struct httpd_block {
    atomic_size_t refs;
    size_t head, n; /* the content is bytes[head .. head + n) */
    char bytes[];
};

struct httpd_block *httpd_block_new(const void *bytes, size_t n) {
    char head[CHUNK_HEAD_MAX + 1];
    size_t length = (size_t)snprintf(head, sizeof head, "%zx\r\n", n);
    if (!n || n > SIZE_MAX / 2) return NULL;
    struct httpd_block *b = malloc(sizeof *b + length + n + CRLF);
    if (!b) return NULL;
    atomic_init(&b->refs, 1);
    b->head = length;
    b->n = n;
    memcpy(b->bytes, head, length);
    memcpy(b->bytes + length, bytes, n);
    memcpy(b->bytes + length + n, "\r\n", CRLF);
    return b;
}

void httpd_block_ref(struct httpd_block *b) {
    atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
}

void httpd_block_free(struct httpd_block *b) {
    if (b && atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) == 1) free(b);
}

size_t httpd_block_size(const struct httpd_block *b) {
    return b->n;
}

static struct evbuffer *out_of(const struct httpd_stream *s) {
    return bufferevent_get_output(s->conn->wire);
}

/* An answer to HEAD, which has the fields of the stream and nothing after them. */
static pouch_err answer_head(struct httpd_conn *conn, const struct httpd_call *c, struct httpd_answer *a) {
    if (httpd_conn_enter(conn, HTTPD_ANSWER) && !httpd_answer_begin_stream(conn, c, a))
        httpd_conn_close(conn, HTTPD_FAILED);
    return pl_fail(POUCH_E_NOT_FOUND, "no stream: only its head was asked for");
}

static pouch_err begin(struct httpd_stream *s, struct httpd_conn *conn, const struct httpd_call *c,
                       struct httpd_answer *a) {
    if (!httpd_conn_enter(conn, HTTPD_STREAM)) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a stream");
    if (!httpd_answer_begin_stream(conn, c, a)) {
        httpd_conn_close(conn, HTTPD_FAILED);
        return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a stream");
    }
    s->conn = conn;
    s->chunked = !c->head.old;
    conn->live = s;
    pl_metric_add(PL_M_HTTP_STREAMS, 1);
    return POUCH_OK;
}

static pouch_err open_on(struct httpd_stream *s, struct httpd_conn *conn, struct httpd_call *c,
                         struct httpd_answer *a) {
    if (!conn) return pl_fail(POUCH_E_NOT_FOUND, "no stream: the client is gone");
    conn->call = NULL;
    conn->last = true;
    if (httpd_span_is(c->head.method, "HEAD")) return answer_head(conn, c, a);
    if (s) return begin(s, conn, c, a);
    httpd_conn_close(conn, HTTPD_FAILED);
    return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a stream");
}

pouch_err httpd_stream_open(struct httpd_stream **out, struct httpd_call *c, struct httpd_answer *a,
                            const struct httpd_stream_events *events, void *arg) {
    struct httpd_stream *s = calloc(1, sizeof *s);
    if (s) *s = (struct httpd_stream){.events = events, .arg = arg};
    c->taken = true;
    pouch_err e = open_on(s, c->conn, c, a);
    c->conn = NULL;
    httpd_call_free(c);
    if (e) {
        free(s);
        return e;
    }
    *out = s;
    return POUCH_OK;
}

static void release(const void *bytes, size_t n, void *block) {
    (void)bytes, (void)n;
    httpd_block_free(block);
}

static bool add(struct httpd_stream *s, struct httpd_block *b) {
    const char *at = s->chunked ? b->bytes : b->bytes + b->head;
    size_t n = s->chunked ? b->head + b->n + CRLF : b->n;
    httpd_block_ref(b);
    if (!evbuffer_add_reference(out_of(s), at, n, release, b)) return true;
    httpd_block_free(b);
    return false;
}

size_t httpd_stream_queued(const struct httpd_stream *s) {
    return evbuffer_get_length(out_of(s));
}

bool httpd_stream_send(struct httpd_stream *s, struct httpd_block *b) {
    size_t max = s->conn->loop->server->options.limits.stream_bytes, queued = httpd_stream_queued(s);
    if (s->ending || b->n > max || queued > max - b->n) return false;
    return add(s, b);
}

/* All is with the kernel. */
static void finish(struct httpd_stream *s) {
    struct httpd_conn *conn = s->conn;
    conn->live = NULL;
    httpd_conn_linger(conn);
    httpd_stream_ended(s, HTTPD_ENDED);
}

void httpd_stream_end(struct httpd_stream *s, struct httpd_block *last) {
    static const char end[] = "0\r\n\r\n";
    if (s->ending) return;
    s->ending = true;
    bool added = (!last || add(s, last)) && (!s->chunked || !evbuffer_add(out_of(s), end, sizeof end - 1));
    if (!added)
        httpd_conn_close(s->conn, HTTPD_FAILED);
    else if (!httpd_stream_queued(s))
        finish(s);
}

void httpd_stream_drop(struct httpd_stream *s) {
    httpd_conn_close(s->conn, HTTPD_ENDED);
}

void httpd_stream_stopping(struct httpd_stream *s) {
    struct httpd_conn *conn = s->conn;
    TAILQ_REMOVE(&conn->loop->live, conn, link);
    conn->told = true;
    TAILQ_INSERT_TAIL(&conn->loop->busy, conn, link);
    if (s->events->stopping && !s->ending) s->events->stopping(s, s->arg);
}

void httpd_stream_written(struct httpd_stream *s) {
    s->waits = false;
    if (s->ending)
        finish(s);
    else if (s->conn->loop->stopping && !s->conn->told)
        httpd_stream_stopping(s); /* it began after the others were told */
    else if (s->events->drained)
        s->events->drained(s, s->arg);
}

void httpd_stream_late(struct httpd_stream *s) {
    struct httpd_conn *conn = s->conn;
    bool queued = httpd_stream_queued(s) > 0;
    if (queued && s->waits) {
        httpd_conn_slow(conn);
        return;
    }
    s->waits = queued;
    if (!httpd_conn_set_deadline(conn, conn->loop->server->options.limits.answer_ms))
        httpd_conn_close(conn, HTTPD_FAILED);
}

void httpd_stream_ended(struct httpd_stream *s, enum httpd_ended why) {
    pl_metric_add(PL_M_HTTP_STREAMS, -1);
    s->events->ended(s, why, s->arg);
    free(s);
}
