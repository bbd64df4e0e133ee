/* What is sent: a status line, the fields, and a page or a problem (RFC 9457). */
#include <base/log.h>
#include <base/why.h>
#include <event2/buffer.h>
#include <httpd/state.h>
#include <metrics/metrics.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { OK = 200, NOT_FOUND = 404, NOT_ALLOWED = 405, FAILED = 500 };

static const struct {
    int status;
    const char *title, *detail;
} problems[] = {
    {FAILED, "Internal Server Error", "The page could not be made; the log says why."},
    {400, "Bad Request", "The request is malformed, or leaves a doubt about where it ends."},
    {NOT_FOUND, "Not Found", "Nothing is served at this path."},
    {NOT_ALLOWED, "Method Not Allowed", "GET and HEAD are answered."},
    {408, "Request Timeout", "The head of the request took too long."},
    {414, "URI Too Long", "The request line may have 8192 bytes."},
    {431, "Request Header Fields Too Large", "There may be 100 fields of 16384 bytes in all."},
    {501, "Not Implemented", "chunked is the one transfer coding that is known."},
    {503, "Service Unavailable", ""},
    {505, "HTTP Version Not Supported", "HTTP/1.1 and HTTP/1.0 are spoken."},
};

static size_t problem_of(int status) {
    size_t i = 0;
    while (i < sizeof problems / sizeof problems[0] - 1 && problems[i].status != status) i++;
    return i;
}

static const char *title_of(int status) {
    return status == OK ? "OK" : problems[problem_of(status)].title;
}

static void count(int status) {
    pl_metric_add(status < 400 ? PL_M_HTTP_2XX : status < 500 ? PL_M_HTTP_4XX : PL_M_HTTP_5XX, 1);
}

/* "Sun, 06 Nov 1994 08:49:37 GMT", in any locale. */
static bool add_date(struct evbuffer *out) {
    static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t now = time(NULL);
    struct tm t;
    gmtime_r(&now, &t);
    return evbuffer_add_printf(out, "Date: %s, %02d %s %d %02d:%02d:%02d GMT\r\n", days[t.tm_wday], t.tm_mday,
                               months[t.tm_mon], t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec) > 0;
}

static bool add_head(struct evbuffer *out, const struct httpd_answer *a, bool last) {
    return evbuffer_add_printf(out, "HTTP/1.1 %d %s\r\n", a->status, title_of(a->status)) > 0 && add_date(out) &&
           evbuffer_add_printf(out, "Content-Type: %s\r\nContent-Length: %zu\r\nCache-Control: no-store\r\n%s%s\r\n",
                               a->type, a->body.len, a->status == NOT_ALLOWED ? "Allow: GET, HEAD\r\n" : "",
                               last ? "Connection: close\r\n" : "") > 0;
}

static void release(const void *body, size_t n, void *arg) {
    (void)body, (void)n;
    free(arg);
}

static bool add_body(struct evbuffer *out, struct pl_buf *body) {
    size_t n;
    char *at = body->len ? pl_buf_take(body, &n) : NULL;
    if (!at) return body->len == 0;
    if (!evbuffer_add_reference(out, at, n, release, at)) return true;
    free(at);
    return false;
}

static bool send_answer(struct httpd_conn *c, struct httpd_answer *a, bool with_body) {
    struct evbuffer *out = bufferevent_get_output(c->stream);
    bool sent = add_head(out, a, c->last) && (!with_body || add_body(out, &a->body));
    pl_buf_free(&a->body);
    if (sent) count(a->status);
    return sent;
}

static bool make_problem(struct httpd_answer *a, int status) {
    size_t i = problem_of(status);
    a->status = problems[i].status;
    a->type = "application/problem+json";
    pl_buf_reset(&a->body);
    return !pl_buf_printf(&a->body, "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d,\"detail\":\"%s\"}\n",
                          problems[i].title, problems[i].status, problems[i].detail);
}

static const struct httpd_page *find_page(const struct httpd *h, struct httpd_span path) {
    for (size_t i = 0; i < h->n_pages; i++)
        if (httpd_span_is(path, h->pages[i].path)) return &h->pages[i];
    return NULL;
}

static bool make_page(struct httpd_answer *a, const struct httpd_page *page) {
    if (!page->make(a, page->arg)) return true;
    PL_LOG(PL_LOG_ERROR, "a page could not be made", "path", page->path, "why", pouch_why());
    return make_problem(a, FAILED);
}

bool httpd_answer_head(struct httpd_conn *c, const struct httpd_head *head, int status) {
    struct httpd_answer a = {.status = OK, .type = "application/json"};
    pl_buf_init(&a.body, HTTPD_BODY_MAX);
    const struct httpd_page *page = head ? find_page(c->server, head->path) : NULL;
    bool only_head = head && httpd_span_is(head->method, "HEAD"), get = head && httpd_span_is(head->method, "GET");
    if (head) status = !page ? NOT_FOUND : get || only_head ? OK : NOT_ALLOWED;
    bool made = status == OK ? make_page(&a, page) : make_problem(&a, status);
    if (made) return send_answer(c, &a, !only_head);
    pl_buf_free(&a.body);
    return false;
}
