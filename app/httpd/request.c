/* A request, from its whole head over its body to its handler. */
#include <base/clock.h>
#include <base/log.h>
#include <base/why.h>
#include <event2/buffer.h>
#include <httpd/state.h>
#include <metrics/metrics.h>
#include <stdio.h>

enum { OK = 200, NO_CONTENT = 204, NOT_ALLOWED = 405, TIMEOUT = 408, TOO_LARGE = 413, FIELDS_TOO_LARGE = 431 };
enum { FAILED = 500, UNAVAILABLE = 503 };

/* A head that cannot be answered says nothing of where it ends, so it is the connection's last. */
static void refuse_head(struct httpd_conn *c, int status) {
    if (!status) {
        httpd_conn_close(c, HTTPD_FAILED);
        return;
    }
    pl_metric_add(PL_M_HTTP_MALFORMED, 1);
    httpd_conn_problem(c, NULL, status, httpd_problem_detail(status), true);
}

static void refuse(struct httpd_conn *c, int status, enum pl_metric reason) {
    pl_metric_add(reason, 1);
    char larger[96];
    const char *detail = httpd_problem_detail(status);
    if (status == TOO_LARGE && c->call->route) {
        snprintf(larger, sizeof larger, "The body is larger than the %zu bytes that this path takes.",
                 c->call->route->body_max);
        detail = larger;
    }
    httpd_conn_problem(c, c->call, status, detail, true);
}

/* A path that is not served, or not so. */
static void answer_unknown(struct httpd_conn *c, int status) {
    struct httpd_call *call = c->call;
    struct httpd_answer a;
    pouch_err e = POUCH_OK;
    httpd_answer_init(&a);
    if (status != NO_CONTENT) e = httpd_answer_problem(&a, status, httpd_problem_detail(status));
    if (!e && (status == NO_CONTENT || status == NOT_ALLOWED)) e = httpd_call_allow(call, &a);
    a.status = status;
    if (!e) {
        httpd_conn_answer(c, call, &a);
        return;
    }
    httpd_answer_free(&a);
    httpd_conn_close(c, HTTPD_FAILED);
}

/* False: no memory to say so. */
static bool fail(const struct httpd_call *call, struct httpd_answer *a) {
    PL_LOG(PL_LOG_ERROR, "a request could not be answered", "path", call->route->path, "why", pouch_why());
    httpd_answer_free(a);
    httpd_answer_init(a);
    return !httpd_answer_problem(a, FAILED, httpd_problem_detail(FAILED));
}

static void ask(struct httpd_conn *c) {
    struct httpd_call *call = c->call;
    struct httpd_answer a;
    if (!httpd_call_count(call)) {
        pl_metric_add(PL_M_HTTP_CALLS, 1);
        httpd_conn_problem(c, call, UNAVAILABLE, httpd_problem_detail(UNAVAILABLE), false);
        return;
    }
    if (!httpd_conn_enter(c, HTTPD_CALL)) return;
    httpd_answer_init(&a);
    call->asking = true;
    bool made = !call->route->handle(call, &a, call->route->arg) || fail(call, &a);
    call->asking = false;
    if (!call->taken && made) {
        httpd_conn_answer(c, call, &a);
        return;
    }
    httpd_answer_free(&a);
    if (!call->taken)
        httpd_conn_close(c, HTTPD_FAILED);
    else if (call->over)
        httpd_call_free(call);
}

static bool is_admitted(struct httpd_conn *c) {
    const struct httpd_options *o = &c->loop->server->options;
    struct httpd_answer a;
    if (!o->admit) return true;
    httpd_answer_init(&a);
    bool admitted = o->admit(c->call, &a, o->arg);
    if (admitted)
        httpd_answer_free(&a);
    else
        httpd_conn_answer(c, c->call, &a);
    return admitted;
}

/* The client waits for this word, unless it has begun without it. */
static bool say_continue(struct httpd_conn *c) {
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    if (!c->call->head.expects || evbuffer_get_length(bufferevent_get_input(c->wire))) return true;
    return !evbuffer_add(bufferevent_get_output(c->wire), go_on, sizeof go_on - 1);
}

static void begin_body(struct httpd_conn *c) {
    struct httpd_call *call = c->call;
    call->chunks.room = call->route->body_max;
    call->body_since_us = pl_mono_us(&pl_clock_system);
    if (!httpd_conn_enter(c, HTTPD_BODY)) return;
    if (say_continue(c))
        httpd_request_body(c);
    else
        httpd_conn_close(c, HTTPD_FAILED);
}

/* The route is known. A body that no handler wants is not read, and the connection ends. */
static void go_on(struct httpd_conn *c) {
    const struct httpd_call *call = c->call;
    bool wanted = call->head.content && call->route->body_max;
    c->last |= call->head.content;
    if (!is_admitted(c)) return;
    if (wanted && call->head.length > call->route->body_max) {
        refuse(c, TOO_LARGE, PL_M_HTTP_BODY_TOO_LARGE);
        return;
    }
    if (!wanted) {
        ask(c);
        return;
    }
    begin_body(c);
}

void httpd_request_begin(struct httpd_conn *c, const char *at, size_t n) {
    int status;
    struct httpd_call *call = httpd_call_new(c, at, n, &status);
    if (!call) {
        refuse_head(c, status);
        return;
    }
    c->call = call;
    if (evbuffer_drain(bufferevent_get_input(c->wire), c->search.end)) {
        httpd_conn_close(c, HTTPD_FAILED);
        return;
    }
    c->search = (struct httpd_search){0};
    c->last = call->head.last || ++c->requests >= c->loop->server->options.limits.requests;
    status = httpd_call_find(call);
    if (status == OK) {
        go_on(c);
        return;
    }
    c->last |= call->head.content;
    if (status)
        answer_unknown(c, status);
    else
        httpd_conn_close(c, HTTPD_FAILED);
}

/* What stands between a chunk and the next is used up with it. 200: the body is whole; 0: more is needed. */
static int read_chunks(struct httpd_call *call, const char *at, size_t n, size_t *used) {
    int status = 0;
    *used = 0;
    while (!status && *used < n) {
        size_t taken;
        struct httpd_span data;
        status = httpd_chunks_read(&call->chunks, at + *used, n - *used, &taken, &data);
        *used += taken;
        int kept = data.n ? httpd_call_append(call, data.at, data.n) : OK;
        if (kept != OK) return kept ? kept : FAILED;
    }
    return status;
}

static int read_length(struct httpd_call *call, const char *at, size_t n, size_t *used) {
    uint64_t left = call->head.length - call->body.len;
    *used = n < left ? n : (size_t)left;
    int kept = httpd_call_append(call, at, *used);
    if (kept != OK) return kept ? kept : FAILED;
    return *used == left ? OK : 0;
}

static enum pl_metric reason_of(int status) {
    return status == TOO_LARGE          ? PL_M_HTTP_BODY_TOO_LARGE
           : status == UNAVAILABLE      ? PL_M_HTTP_BODY_BYTES
           : status == FIELDS_TOO_LARGE ? PL_M_HTTP_FIELDS_TOO_LARGE
                                        : PL_M_HTTP_MALFORMED;
}

void httpd_request_body(struct httpd_conn *c) {
    struct httpd_call *call = c->call;
    struct evbuffer *in = bufferevent_get_input(c->wire);
    size_t n = evbuffer_get_length(in), used = 0;
    if (!n) return;
    const char *at = (const char *)evbuffer_pullup(in, -1);
    int status = !at ? FAILED : call->head.chunked ? read_chunks(call, at, n, &used) : read_length(call, at, n, &used);
    if (status == FAILED || evbuffer_drain(in, used)) {
        httpd_conn_close(c, HTTPD_FAILED);
    } else if (status == OK) {
        c->last = call->head.last || c->requests >= c->loop->server->options.limits.requests;
        ask(c);
    } else if (status) {
        refuse(c, status, reason_of(status));
    }
}

/* A rate that is kept up moves the deadline, so that the largest body has the time it needs and a trickle has not. */
void httpd_request_late(struct httpd_conn *c) {
    const struct httpd_limits *l = &c->loop->server->options.limits;
    const struct httpd_call *call = c->call;
    int64_t ms = (pl_mono_us(&pl_clock_system) - call->body_since_us) / 1000;
    int64_t may = l->body_ms + (int64_t)call->body.len * 1000 / l->body_rate;
    if (ms >= may || !httpd_conn_set_deadline(c, may - ms)) refuse(c, TIMEOUT, PL_M_HTTP_BODY_TIMEOUT);
}
