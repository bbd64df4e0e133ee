/* Every allocation of the server fails in turn: it does not start, or a connection is lost, and then it goes on. */
#include <support.h>

#include <oom.h>

#include "http_client.h"

#include <httpd/httpd.h>
#include <httpd/stream.h>
#include <metrics/metrics.h>

static pouch_err page(struct httpd_call *c, struct httpd_answer *a, void *arg) {
    (void)c, (void)arg;
    return pl_buf_puts(&a->body, "{}");
}

static pouch_err echo(struct httpd_call *c, struct httpd_answer *a, void *arg) {
    struct httpd_span body = httpd_call_body(c);
    const char *name = httpd_call_param(c, "name");
    (void)arg;
    if (!name) return body.n ? pl_buf_append(&a->body, body.at, body.n) : POUCH_OK;
    pouch_err e = httpd_answer_field(a, "X-Name", name);
    return e ? e : pl_buf_puts(&a->body, httpd_call_query(c, "q"));
}

static pouch_err later(struct httpd_call *c, struct httpd_answer *a, void *arg) {
    struct httpd_answer own;
    (void)a, (void)arg;
    httpd_later(c);
    httpd_answer_init(&own);
    httpd_reply(c, &own);
    return POUCH_OK;
}

static void ended(struct httpd_stream *s, enum httpd_ended why, void *arg) {
    (void)s, (void)why, (void)arg;
}

static pouch_err stream(struct httpd_call *c, struct httpd_answer *a, void *arg) {
    static const struct httpd_stream_events events = {.ended = ended};
    struct httpd_stream *s;
    (void)arg;
    pouch_err e = httpd_stream_open(&s, c, a, &events, NULL);
    if (e) return e;
    struct httpd_block *b = httpd_block_new("data", 4);
    if (b && httpd_stream_send(s, b))
        httpd_stream_end(s, b);
    else
        httpd_stream_drop(s);
    httpd_block_free(b);
    return POUCH_OK;
}

static const struct httpd_route routes[] = {{"GET", "/page", page, NULL, 0},
                                            {"GET", "/named/{name}", echo, NULL, 0},
                                            {"POST", "/echo", echo, NULL, 100000},
                                            {"GET", "/later", later, NULL, 0},
                                            {"GET", "/stream", stream, NULL, 0}};

/* What there is no memory to read is read again and again, until the connection's deadline. */
static pouch_err start(struct httpd **h) {
    struct httpd_options options = {
        .routes = routes, .n_routes = 5, .limits = httpd_limits, .serving = "serving tests"};
    options.limits.per_address = 1; /* so that what one connection leaves behind is missed by the next */
    options.limits.head_ms = options.limits.body_ms = 50;
    return httpd_start(h, "127.0.0.1:0", &options);
}

static bool start_and_stop(void) {
    struct httpd *h;
    pouch_err e = start(&h);
    if (!e) httpd_stop(h);
    /* Looking addresses up and starting threads have words of their own for it. */
    assert_true(!e || e == POUCH_E_NO_MEMORY || e == POUCH_E_OVERLOADED || e == POUCH_E_CONFIG);
    return !e;
}

static void a_server_that_lacks_memory_does_not_start(void **state) {
    (void)state;
    if (!test_oom_works()) skip();
    assert_true(start_and_stop()); /* what libraries keep for the next time is there now */
    assert_true(test_oom_each(start_and_stop) > 5);
}

static void until_all_are_closed(void) {
    for (int i = 0; i < CLIENT_PATIENCE_MS && pl_metric_get(PL_M_HTTP_CONNECTIONS); i++) poll(NULL, 0, 1);
    assert_int_equal(pl_metric_get(PL_M_HTTP_CONNECTIONS), 0);
}

/* The status of an answer that came while there was memory for n allocations; 0: the connection was lost. */
static int get_with(int port, const char *request, long n) {
    static char answer[64 * 1024];
    size_t length = 0, got;
    int status = 0, fd = client_connect(port);
    test_oom_after(n);
    client_say(fd, request);
    while ((got = client_read(fd, answer + length, sizeof answer - length - 1))) length += got;
    close(fd);
    until_all_are_closed();
    test_oom_after(-1);
    answer[length] = 0;
    (void)sscanf(answer, "HTTP/1.1 %d", &status);
    return status;
}

static void an_answer_that_lacks_memory_costs_one_connection_at_most(void **state) {
    (void)state;
    static const struct {
        const char *request;
        int status;
    } rows[] = {
        {"GET /page HTTP/1.0\r\n\r\n", 200},
        {"GET /none HTTP/1.0\r\n\r\n", 404},
        {"GET /page\r\n\r\n", 400},
        {"DELETE /page HTTP/1.0\r\n\r\n", 405},
        {"OPTIONS /page HTTP/1.0\r\n\r\n", 204},
        {"GET /named/a%20b?q=c HTTP/1.0\r\n\r\n", 200},
        {"POST /echo HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello", 200},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
         "5\r\nhello\r\n0\r\n\r\n",
         200},
        {"GET /later HTTP/1.0\r\n\r\n", 200},
        {"GET /stream HTTP/1.1\r\nHost: a\r\n\r\n", 200},
    };
    if (!test_oom_works()) skip();
    struct httpd *h;
    assert_int_equal(start(&h), POUCH_OK);
    int port = httpd_port(h);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int status = 0;
        for (long n = 0; n < 1000 && status != rows[i].status; n++) {
            status = get_with(port, rows[i].request, n);
            if (status != 0 && status != 408 && status != 500 && status != 503 && status != rows[i].status)
                fail_msg("%d with %ld", status, n);
        }
        assert_int_equal(status, rows[i].status);
        assert_int_equal(client_status(port, rows[i].request), rows[i].status);
    }
    httpd_stop(h);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_that_lacks_memory_does_not_start),
        cmocka_unit_test(an_answer_that_lacks_memory_costs_one_connection_at_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
