/* What is sent: a status line, the fields, and a body. */
#include <base/why.h>
#include <event2/buffer.h>
#include <httpd/state.h>
#include <metrics/metrics.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { OK = 200, NO_CONTENT = 204, NOT_MODIFIED = 304 };

void httpd_answer_init(struct httpd_answer *a) {
    *a = (struct httpd_answer){.status = OK, .type = "application/json"};
    pl_buf_init(&a->body, HTTPD_ANSWER_MAX);
    pl_buf_init(&a->fields, HTTPD_ANSWER_FIELDS_MAX);
}

void httpd_answer_free(struct httpd_answer *a) {
    pl_buf_free(&a->body);
    pl_buf_free(&a->fields);
}

static bool is_field(const char *name, const char *value) {
    const char *at = name;
    while (httpd_is_token_char(*at)) at++;
    if (*at || at == name) return false;
    for (at = value; *at; at++)
        if ((unsigned char)*at < ' ' ? *at != '\t' : *at == 0x7f) return false;
    return true;
}

pouch_err httpd_answer_field(struct httpd_answer *a, const char *name, const char *value) {
    if (!is_field(name, value))
        return pl_fail(POUCH_E_INVALID_PAYLOAD,
                       "a field of an answer would be malformed: its name must be a token, and "
                       "its value may have no control character");
    return pl_buf_printf(&a->fields, "%s: %s\r\n", name, value);
}

static void count(int status) {
    pl_metric_add(status < 300   ? PL_M_HTTP_2XX
                  : status < 400 ? PL_M_HTTP_3XX
                  : status < 500 ? PL_M_HTTP_4XX
                                 : PL_M_HTTP_5XX,
                  1);
}

/* "Sun, 06 Nov 1994 08:49:37 GMT", in any locale. Made once a second. */
static const char *date_of(struct httpd_loop *l) {
    static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t now = time(NULL);
    struct tm t;
    if (l->date_s == now) return l->date;
    gmtime_r(&now, &t);
    snprintf(l->date, sizeof l->date, "%s, %02d %s %d %02d:%02d:%02d GMT", days[t.tm_wday], t.tm_mday, months[t.tm_mon],
             t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
    l->date_s = now;
    return l->date;
}

static bool has_body(int status) {
    return status >= OK && status != NO_CONTENT && status != NOT_MODIFIED;
}

static pouch_err put_retry(struct pl_buf *head, const struct httpd_answer *a) {
    return a->retry_after_s ? pl_buf_printf(head, "Retry-After: %d\r\n", a->retry_after_s) : POUCH_OK;
}

/* All but what says how long the body is. */
static pouch_err put_fields(struct pl_buf *head, struct httpd_conn *c, const struct httpd_answer *a) {
    bool typed = has_body(a->status) && a->type;
    pl_buf_reset(head);
    pouch_err e =
        pl_buf_printf(head, "HTTP/1.1 %d %s\r\nDate: %s\r\n%s%s%s%s%s", a->status, httpd_status_title(a->status),
                      date_of(c->loop), typed ? "Content-Type: " : "", typed ? a->type : "", typed ? "\r\n" : "",
                      a->cached ? "" : "Cache-Control: no-store\r\n", c->last ? "Connection: close\r\n" : "");
    if (!e) e = put_retry(head, a);
    return e || !a->fields.len ? e : pl_buf_append(head, a->fields.at, a->fields.len);
}

static struct httpd_span body_of(const struct httpd_answer *a) {
    return a->page.at ? a->page : (struct httpd_span){a->body.at, a->body.len};
}

static pouch_err put_length(struct pl_buf *head, const struct httpd_answer *a) {
    if (!has_body(a->status)) return pl_buf_append(head, "\r\n", 2);
    return pl_buf_printf(head, "Content-Length: %zu\r\n\r\n", body_of(a).n);
}

/*
 * What the kernel takes at once of a head and a body, without a turn of the loop between. 0 as well where that cannot
 * be: the rest goes the way of the bufferevent, which tells of errors.
 */
static size_t send_now(struct httpd_conn *c, struct httpd_span head, struct httpd_span body) {
    struct iovec parts[] = {{(void *)head.at, head.n}, {(void *)body.at, body.n}};
    const struct msghdr all = {.msg_iov = parts, .msg_iovlen = body.n ? 2 : 1};
    if (c->loop->server->secret || evbuffer_get_length(bufferevent_get_output(c->wire))) return 0;
    ssize_t n = sendmsg(bufferevent_getfd(c->wire), &all, MSG_DONTWAIT | MSG_NOSIGNAL);
    return n > 0 ? (size_t)n : 0;
}

static void release(const void *body, size_t n, void *arg) {
    (void)body, (void)n;
    free(arg);
}

/* The body from its byte `from` on. */
static bool queue_body(struct evbuffer *out, struct httpd_answer *a, size_t from) {
    size_t n;
    if (a->page.at) return !evbuffer_add_reference(out, a->page.at + from, a->page.n - from, NULL, NULL);
    char *at = pl_buf_take(&a->body, &n);
    if (!at) return false;
    if (!evbuffer_add_reference(out, at + from, n - from, release, at)) return true;
    free(at);
    return false;
}

/* False: no memory. */
static bool send_all(struct httpd_conn *c, struct httpd_answer *a, struct httpd_span head, struct httpd_span body) {
    struct evbuffer *out = bufferevent_get_output(c->wire);
    size_t sent = send_now(c, head, body), of_body = sent > head.n ? sent - head.n : 0;
    if (sent == head.n + body.n) {
        bufferevent_trigger(c->wire, EV_WRITE, BEV_OPT_DEFER_CALLBACKS); /* as if the loop had sent it */
        return true;
    }
    if (sent < head.n && evbuffer_add(out, head.at + sent, head.n - sent)) return false;
    return of_body == body.n || queue_body(out, a, of_body);
}

static void finish(struct httpd_conn *c, const struct httpd_call *call, struct httpd_answer *a) {
    const struct httpd_options *o = &c->loop->server->options;
    if (o->finish) o->finish(call, a, o->arg);
}

bool httpd_answer_send(struct httpd_conn *c, const struct httpd_call *call, struct httpd_answer *a) {
    struct pl_buf *head = &c->loop->head;
    bool only_head = call && httpd_span_is(call->head.method, "HEAD");
    finish(c, call, a);
    pouch_err e = put_fields(head, c, a);
    if (!e) e = put_length(head, a);
    if (e) return false;
    struct httpd_span body = only_head || !has_body(a->status) ? (struct httpd_span){0} : body_of(a);
    bool sent = send_all(c, a, (struct httpd_span){head->at, head->len}, body);
    if (sent) count(a->status);
    return sent;
}

bool httpd_answer_begin_stream(struct httpd_conn *c, const struct httpd_call *call, struct httpd_answer *a) {
    struct pl_buf *head = &c->loop->head;
    finish(c, call, a);
    pouch_err e = put_fields(head, c, a);
    if (!e) e = pl_buf_puts(head, call->head.old ? "\r\n" : "Transfer-Encoding: chunked\r\n\r\n");
    bool sent = !e && !evbuffer_add(bufferevent_get_output(c->wire), head->at, head->len);
    if (sent) count(a->status);
    return sent;
}
