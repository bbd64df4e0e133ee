/* What is sent: a status line, the fields, and a body. */
#include <base/why.h>
#include <event2/buffer.h>
#include <httpd/state.h>
#include <metrics/metrics.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

static bool add_retry(struct evbuffer *out, const struct httpd_answer *a) {
    return !a->retry_after_s || evbuffer_add_printf(out, "Retry-After: %d\r\n", a->retry_after_s) > 0;
}

/* All but what says how long the body is. */
static bool add_fields(struct evbuffer *out, struct httpd_conn *c, const struct httpd_answer *a) {
    bool typed = has_body(a->status) && a->type;
    return evbuffer_add_printf(
               out, "HTTP/1.1 %d %s\r\nDate: %s\r\n%s%s%s%s%s", a->status, httpd_status_title(a->status),
               date_of(c->loop), typed ? "Content-Type: " : "", typed ? a->type : "", typed ? "\r\n" : "",
               a->cached ? "" : "Cache-Control: no-store\r\n", c->last ? "Connection: close\r\n" : "") > 0 &&
           add_retry(out, a) && (!a->fields.len || !evbuffer_add(out, a->fields.at, a->fields.len));
}

static bool add_length(struct evbuffer *out, const struct httpd_answer *a) {
    size_t n = a->page.at ? a->page.n : a->body.len;
    if (!has_body(a->status)) return !evbuffer_add(out, "\r\n", 2);
    return evbuffer_add_printf(out, "Content-Length: %zu\r\n\r\n", n) > 0;
}

static void release(const void *body, size_t n, void *arg) {
    (void)body, (void)n;
    free(arg);
}

static bool add_body(struct evbuffer *out, struct httpd_answer *a) {
    size_t n;
    if (a->page.at) return !a->page.n || !evbuffer_add_reference(out, a->page.at, a->page.n, NULL, NULL);
    char *at = a->body.len ? pl_buf_take(&a->body, &n) : NULL;
    if (!at) return a->body.len == 0;
    if (!evbuffer_add_reference(out, at, n, release, at)) return true;
    free(at);
    return false;
}

static void finish(struct httpd_conn *c, const struct httpd_call *call, struct httpd_answer *a) {
    const struct httpd_options *o = &c->loop->server->options;
    if (o->finish) o->finish(call, a, o->arg);
}

bool httpd_answer_send(struct httpd_conn *c, const struct httpd_call *call, struct httpd_answer *a) {
    struct evbuffer *out = bufferevent_get_output(c->wire);
    bool only_head = call && httpd_span_is(call->head.method, "HEAD");
    finish(c, call, a);
    bool sent = add_fields(out, c, a) && add_length(out, a) && (only_head || !has_body(a->status) || add_body(out, a));
    if (sent) count(a->status);
    return sent;
}

bool httpd_answer_begin_stream(struct httpd_conn *c, const struct httpd_call *call, struct httpd_answer *a) {
    struct evbuffer *out = bufferevent_get_output(c->wire);
    finish(c, call, a);
    bool sent = add_fields(out, c, a) &&
                evbuffer_add_printf(out, "%s\r\n", call->head.old ? "" : "Transfer-Encoding: chunked\r\n") > 0;
    if (sent) count(a->status);
    return sent;
}
