/* Bodies of requests, by sockets: what is taken, what is refused unread, and what bounds the slow and the many. */
#include "http_stage.h"

#include <netinet/tcp.h>

#define POST  "POST /echo HTTP/1.1\r\nHost: a\r\n"
#define CLOSE "Connection: close\r\n"
#define NEXT  "POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 4\r\n\r\nnext"

static struct httpd_call *held;

static pouch_err hold(struct httpd_call *c, struct httpd_answer *a, void *arg) {
    (void)a, (void)arg;
    httpd_later(c);
    held = c;
    atomic_fetch_add(&stage_handled, 1);
    return POUCH_OK;
}

static const struct httpd_route routes[] = {{"POST", "/hold", hold, NULL, STAGE_BODY_MAX},
                                            {"POST", "/echo", stage_echo, NULL, STAGE_BODY_MAX},
                                            {"POST", "/none", stage_echo, NULL, 0}};

static struct httpd_options options_of(void) {
    struct httpd_options o = {.routes = routes, .n_routes = 3, .limits = httpd_limits, .serving = "serving tests"};
    o.limits.linger_ms = 100;
    return o;
}

static struct httpd *start(void) {
    const struct httpd_options o = options_of();
    return stage_start(&o);
}

static const struct {
    const char *request, *body;
} taken[] = {
    {POST CLOSE "Content-Length: 5\r\n\r\nhello", "hello"},
    {POST CLOSE "Content-Length: 0\r\n\r\n", ""},
    {POST CLOSE "\r\n", ""},
    {POST CLOSE "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "hello"},
    {POST CLOSE "Transfer-Encoding: CHUNKED\r\n\r\n3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\nX: y\r\n\r\n", "hello"},
    {"POST /echo HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello", "hello"},
};

static void a_body_reaches_its_handler(void **state) {
    (void)state;
    struct httpd *h = start();
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++) {
        char *all = stage_exchange(httpd_port(h), taken[i].request);
        if (strncmp(all, "HTTP/1.1 200 ", 13)) fail_msg("%s for %s", all, taken[i].request);
        assert_string_equal(strstr(all, "\r\n\r\n") + 4, taken[i].body);
        free(all);
    }
    assert_int_equal(stage_handled, sizeof taken / sizeof taken[0]);
    httpd_stop(h);
}

static void a_body_cut_at_any_byte_is_the_same_and_the_next_request_is_whole(void **state) {
    (void)state;
    static const char two[] = POST "Transfer-Encoding: chunked\r\n\r\n3;x\r\nhel\r\n2\r\nlo\r\n0\r\nX: y\r\n\r\n" NEXT;
    struct httpd *h = start();
    size_t n = sizeof two - 1;
    for (size_t cut = 1; cut < n; cut++) {
        int fd = client_connect(httpd_port(h)), on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        client_send(fd, two, cut);
        client_send(fd, two + cut, n - cut);
        char *all = client_read_all(fd);
        const char *first = strstr(all, "\r\n\r\nhelloHTTP/1.1 200");
        if (!first || !strstr(first, "\r\n\r\nnext")) fail_msg("cut at %zu: %s", cut, all);
        free(all);
    }
    assert_int_equal(stage_handled, 2 * (n - 1));
    httpd_stop(h);
}

/*
 * Requests whose end is in doubt, each with one behind it that would reach a handler if the doubt were resolved
 * wrongly. At most one handler is reached, none where the request itself is malformed, and the connection ends.
 */
static const struct {
    const char *request;
    int status, handled;
} doubtful[] = {
    {POST "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" NEXT, 400, 0},
    {POST "Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\n" NEXT, 400, 0},
    {POST "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" NEXT, 400, 0},
    {POST "Content-Length: 0\r\nContent-Length: 4\r\n\r\n" NEXT, 400, 0},
    {POST "Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd" NEXT, 400, 0},
    {POST "Content-Length: 4, 4\r\n\r\nabcd" NEXT, 400, 0},
    {POST "Content-Length: +4\r\n\r\nabcd" NEXT, 400, 0},
    {POST "Content-Length: -1\r\n\r\n" NEXT, 400, 0},
    {POST "Content-Length: 0x4\r\n\r\nabcd" NEXT, 400, 0},
    {POST "Content-Length: 4 \x0b\r\n\r\nabcd" NEXT, 400, 0},
    {POST "Content-Length : 4\r\n\r\nabcd" NEXT, 400, 0},
    {POST " Content-Length: 4\r\n\r\nabcd" NEXT, 400, 0},
    {POST "X: y\r\n Content-Length: 4\r\n\r\nabcd" NEXT, 400, 0},
    {POST "X: y\nContent-Length: 4\r\n\r\nabcd" NEXT, 400, 0},
    {POST "X: y\rContent-Length: 4\r\n\r\nabcd" NEXT, 400, 0},
    {POST "Transfer-Encoding: gzip\r\n\r\n0\r\n\r\n" NEXT, 400, 0},
    {POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" NEXT, 501, 0},
    {POST "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" NEXT, 400, 0},
    {POST "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n" NEXT, 400, 0},
    {POST "Transfer-Encoding: , chunked\r\n\r\n0\r\n\r\n" NEXT, 400, 0},
    {POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n" NEXT, 400, 0},
    {POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" NEXT, 400, 0},
    {POST "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" NEXT, 400, 0},
    {POST "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n" NEXT, 400, 0},
    {POST "Transfer-Encoding: \x0b"
          "chunked\r\n\r\n0\r\n\r\n" NEXT,
     400, 0},
    {"POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" NEXT, 400, 0},
    {POST "Transfer-Encoding: chunked\r\n\r\n0\n\n" NEXT, 400, 0},
    {POST "Transfer-Encoding: chunked\r\n\r\n0\r\n\n" NEXT, 400, 0},
    {POST "Transfer-Encoding: chunked\r\n\r\n0 x\r\n\r\n" NEXT, 400, 0},
    {POST "Transfer-Encoding: chunked\r\n\r\n-0\r\n\r\n" NEXT, 400, 0},
    {POST "Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n" NEXT, 400, 0},
    {POST "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n" NEXT, 400, 0},
    {POST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc0\r\n\r\n" NEXT, 400, 0},
    {POST "Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n" NEXT, 400, 0},
    {POST "Transfer-Encoding: chunked\r\n\r\n3;\nabc\r\n0\r\n\r\n" NEXT, 400, 0},
    {POST "Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n" NEXT, 400, 0},
    {POST "Transfer-Encoding: chunked\r\n\r\nfffffffffffffff\r\n" NEXT, 413, 0},
    {POST "Transfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n Z\r\n\r\n" NEXT, 400, 0},
    {POST "Transfer-Encoding: chunked\r\n\r\n0\r\n" NEXT, 400, 0},
    {POST "Content-Length: 999999999\r\n\r\n" NEXT, 413, 0},
    {POST "Expect: 200-ok\r\nContent-Length: 4\r\n\r\nabcd" NEXT, 417, 0},
    {"POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nabcd" NEXT, 404, 0},
    {"DELETE /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nabcd" NEXT, 405, 0},
    {"OPTIONS /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nabcd" NEXT, 204, 0},
    {"POST /none HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nabcd" NEXT, 200, 1},
    {"POST /echo%00 HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nabcd" NEXT, 400, 0},
};

static void no_case_reaches_a_handler_twice(void **state) {
    (void)state;
    struct httpd *h = start();
    for (size_t i = 0; i < sizeof doubtful / sizeof doubtful[0]; i++) {
        int status = 0;
        atomic_store(&stage_handled, 0);
        char *all = stage_exchange(httpd_port(h), doubtful[i].request);
        (void)sscanf(all, "HTTP/1.1 %d", &status);
        if (status != doubtful[i].status || stage_handled != doubtful[i].handled || strstr(all + 1, "HTTP/1.1 "))
            fail_msg("%d handled for %s: %s", stage_handled, doubtful[i].request, all);
        assert_non_null(strstr(all, "\r\nConnection: close\r\n"));
        free(all);
    }
    httpd_stop(h);
}

static char *bytes_of(size_t n) {
    char *bytes = malloc(n + 1);
    assert_non_null(bytes);
    memset(bytes, 'x', n);
    bytes[n] = 0;
    return bytes;
}

static void the_limit_of_a_route_holds_to_the_byte(void **state) {
    (void)state;
    struct httpd *h = start();
    int64_t before = pl_metric_get(PL_M_HTTP_BODY_TOO_LARGE);
    for (int over = 0; over < 2; over++) {
        char *body = bytes_of((size_t)STAGE_BODY_MAX + (size_t)over), head[200];
        int fd = client_connect(httpd_port(h));
        snprintf(head, sizeof head, POST CLOSE "Content-Length: %d\r\n\r\n", STAGE_BODY_MAX + over);
        client_say(fd, head);
        if (!over) client_say(fd, body); /* what is too large is refused before any of it has come */
        char *all = client_read_all(fd);
        assert_int_equal(strncmp(all, over ? "HTTP/1.1 413 " : "HTTP/1.1 200 ", 13), 0);
        if (!over) assert_string_equal(strstr(all, "\r\n\r\n") + 4, body);
        free(all);
        free(body);
    }
    assert_int_equal(pl_metric_get(PL_M_HTTP_BODY_TOO_LARGE), before + 1);
    httpd_stop(h);
}

static void a_chunked_body_over_the_limit_is_refused_when_it_passes_it(void **state) {
    (void)state;
    struct httpd *h = start();
    char *body = bytes_of(STAGE_BODY_MAX), size[32];
    int fd = client_connect(httpd_port(h));
    client_say(fd, POST "Transfer-Encoding: chunked\r\n\r\n");
    snprintf(size, sizeof size, "%x\r\n", STAGE_BODY_MAX);
    client_say(fd, size);
    client_say(fd, body);
    client_say(fd, "\r\n1\r\n");
    char *all = client_read_all(fd);
    assert_non_null(strstr(all, "HTTP/1.1 413 "));
    free(all);
    free(body);
    assert_int_equal(stage_handled, 0);
    httpd_stop(h);
}

static void a_client_that_waits_for_it_is_told_to_go_on_or_gets_its_refusal(void **state) {
    (void)state;
    struct httpd *h = start();
    char out[2048];
    int fd = client_connect(httpd_port(h));
    client_say(fd, POST CLOSE "Expect: 100-Continue\r\nContent-Length: 5\r\n\r\n");
    size_t n = client_read(fd, out, sizeof out - 1);
    out[n] = 0;
    assert_string_equal(out, "HTTP/1.1 100 Continue\r\n\r\n");
    client_say(fd, "hello");
    char *all = client_read_all(fd);
    assert_non_null(strstr(all, "\r\n\r\nhello"));
    free(all);
    static const char *const refused[] = {
        POST "Expect: 100-continue\r\nContent-Length: 999999\r\n\r\n",
        "POST /nowhere HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        all = stage_exchange(httpd_port(h), refused[i]);
        assert_null(strstr(all, "100 Continue"));
        assert_int_equal(strncmp(all, "HTTP/1.1 4", 10), 0);
        free(all);
    }
    httpd_stop(h);
}

static void a_body_that_trickles_is_refused_and_others_are_answered_meanwhile(void **state) {
    (void)state;
    struct httpd_options o = options_of();
    o.limits.body_ms = 100;
    o.limits.body_rate = 10000;
    struct httpd *h = stage_start(&o);
    int64_t before = pl_metric_get(PL_M_HTTP_BODY_TIMEOUT);
    int slow = client_connect(httpd_port(h)), silent = client_connect(httpd_port(h));
    pthread_t thread;
    client_say(silent, POST "Content-Length: 90000\r\n\r\n");
    client_say(slow, POST "Content-Length: 90000\r\n\r\n");
    assert_int_equal(pthread_create(&thread, NULL, client_trickle, &slow), 0);
    char *all = stage_exchange(httpd_port(h), NEXT);
    assert_non_null(strstr(all, "next"));
    free(all);
    pthread_join(thread, NULL);
    int fds[] = {slow, silent};
    for (size_t i = 0; i < 2; i++) {
        all = client_read_all(fds[i]);
        assert_non_null(strstr(all, "HTTP/1.1 408 "));
        free(all);
    }
    assert_int_equal(pl_metric_get(PL_M_HTTP_BODY_TIMEOUT), before + 2);
    httpd_stop(h);
}

static void all_bodies_together_have_a_budget_until_their_calls_end(void **state) {
    (void)state;
    struct httpd_options o = options_of();
    o.limits.body_bytes = 60000;
    struct httpd *h = stage_start(&o);
    char *body = bytes_of(40000);
    int announced = client_connect(httpd_port(h)), holding = client_connect(httpd_port(h));
    int64_t before = pl_metric_get(PL_M_HTTP_BODY_BYTES);
    client_say(announced, POST "Content-Length: 90000\r\n\r\n"); /* which alone holds nothing */
    client_say(holding, "POST /hold HTTP/1.1\r\nHost: a\r\n" CLOSE "Content-Length: 40000\r\n\r\n");
    client_say(holding, body);
    stage_wait_for_count(&stage_handled, 1);
    int fd = client_connect(httpd_port(h));
    client_say(fd, POST "Content-Length: 40000\r\n\r\n");
    client_say(fd, body);
    char *all = client_read_all(fd);
    assert_non_null(strstr(all, "HTTP/1.1 503 "));
    assert_non_null(strstr(all, "\r\nRetry-After: 1\r\n"));
    free(all);
    assert_int_equal(pl_metric_get(PL_M_HTTP_BODY_BYTES), before + 1);
    struct httpd_answer a;
    httpd_answer_init(&a);
    httpd_reply(held, &a);
    free(client_read_all(holding));
    fd = client_connect(httpd_port(h));
    client_say(fd, POST CLOSE "Content-Length: 40000\r\n\r\n");
    client_say(fd, body);
    all = client_read_all(fd);
    assert_string_equal(strstr(all, "\r\n\r\n") + 4, body);
    free(all);
    close(announced);
    free(body);
    httpd_stop(h);
}

static void a_stop_lets_a_body_under_way_arrive(void **state) {
    (void)state;
    struct httpd_options o = options_of();
    o.limits.stop_ms = CLIENT_PATIENCE_MS;
    struct httpd *h = stage_start(&o);
    char out[64];
    int port = httpd_port(h), fd = client_connect(port);
    client_say(fd, POST "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    assert_true(client_read(fd, out, sizeof out) > 0); /* it waits for the body now */
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, stage_stop, h), 0);
    stage_wait_until_nobody_is_let_in(port);
    client_say(fd, "hello");
    char *all = client_read_all(fd);
    assert_non_null(strstr(all, "HTTP/1.1 200 "));
    assert_non_null(strstr(all, "\r\nConnection: close\r\n"));
    assert_non_null(strstr(all, "\r\n\r\nhello"));
    free(all);
    pthread_join(thread, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_reaches_its_handler),
        cmocka_unit_test(a_body_cut_at_any_byte_is_the_same_and_the_next_request_is_whole),
        cmocka_unit_test(no_case_reaches_a_handler_twice),
        cmocka_unit_test(the_limit_of_a_route_holds_to_the_byte),
        cmocka_unit_test(a_chunked_body_over_the_limit_is_refused_when_it_passes_it),
        cmocka_unit_test(a_client_that_waits_for_it_is_told_to_go_on_or_gets_its_refusal),
        cmocka_unit_test(a_body_that_trickles_is_refused_and_others_are_answered_meanwhile),
        cmocka_unit_test(all_bodies_together_have_a_budget_until_their_calls_end),
        cmocka_unit_test(a_stop_lets_a_body_under_way_arrive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
