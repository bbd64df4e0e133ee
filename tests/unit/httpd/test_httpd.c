/* The server, by sockets: what it answers, what it bounds, and how it ends. */
#include "http_client.h"

#include <base/why.h>
#include <httpd/httpd.h>
#include <metrics/metrics.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>

#define GET   "GET /page HTTP/1.1\r\nHost: a\r\n\r\n"
#define CLOSE "GET /page HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

enum { BIG = 6 * 1024 * 1024 };

static atomic_int made;

static pouch_err page(struct httpd_call *c, struct httpd_answer *a, void *arg) {
    (void)c;
    atomic_fetch_add(&made, 1);
    return pl_buf_puts(&a->body, arg);
}

static pouch_err broken(struct httpd_call *c, struct httpd_answer *a, void *arg) {
    (void)c, (void)arg;
    pouch_err e = pl_buf_puts(&a->body, "half of it");
    return e ? e : pl_fail(POUCH_E_STORE, "it does not work");
}

static pouch_err unwell(struct httpd_call *c, struct httpd_answer *a, void *arg) {
    (void)c, (void)arg;
    a->status = 503;
    return pl_buf_puts(&a->body, "{}");
}

static pouch_err big(struct httpd_call *c, struct httpd_answer *a, void *arg) {
    (void)c, (void)arg;
    pouch_err e = pl_buf_reserve(&a->body, BIG);
    for (size_t i = 0; !e && i < BIG / 16; i++) e = pl_buf_append(&a->body, "0123456789abcdef", 16);
    return e;
}

static char text[] = "{\"a\":1}\n";
static const struct httpd_route routes[] = {{"GET", "/page", page, text, 0},
                                            {"GET", "/broken", broken, NULL, 0},
                                            {"GET", "/unwell", unwell, NULL, 0},
                                            {"GET", "/big", big, NULL, 0}};

static struct httpd_options options_of(const struct httpd_limits *limits) {
    return (struct httpd_options){
        .routes = routes, .n_routes = sizeof routes / sizeof routes[0], .limits = *limits, .serving = "serving tests"};
}

static struct httpd *start(const struct httpd_limits *limits) {
    struct httpd *h = NULL;
    const struct httpd_options options = options_of(limits);
    pouch_err e = httpd_start(&h, "127.0.0.1:0", &options);
    if (e) fail_msg("%s", pouch_why());
    assert_true(httpd_port(h) > 0);
    atomic_store(&made, 0);
    return h;
}

static struct httpd_limits quick(void) {
    struct httpd_limits l = httpd_limits;
    l.linger_ms = 100;
    return l;
}

static void a_page_is_answered_with_its_fields(void **state) {
    (void)state;
    struct httpd *h = start(&httpd_limits);
    int fd = client_connect(httpd_port(h));
    client_say(fd, CLOSE);
    char *all = client_read_all(fd);
    static const char *const parts[] = {"HTTP/1.1 200 OK\r\n",       "\r\nContent-Type: application/json\r\n",
                                        "\r\nContent-Length: 8\r\n", "\r\nCache-Control: no-store\r\n",
                                        "\r\nConnection: close\r\n", "\r\n\r\n{\"a\":1}\n"};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (!strstr(all, parts[i])) fail_msg("no '%s' in %s", parts[i], all);
    char day[4], month[4], zone[4];
    int n, year, hour, minute, second;
    const char *date = strstr(all, "\r\nDate: ");
    assert_non_null(date);
    assert_int_equal(sscanf(date, "\r\nDate: %3s, %2d %3s %4d %2d:%2d:%2d %3s", day, &n, month, &year, &hour, &minute,
                            &second, zone),
                     8);
    free(all);
    httpd_stop(h);
}

static void each_way_to_ask_gets_its_status(void **state) {
    (void)state;
    static const struct {
        const char *request;
        int status;
    } rows[] = {
        {CLOSE, 200},
        {"GET /page?x=y HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 200},
        {"GET http://a/page HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 200},
        {"GET /page HTTP/1.0\r\n\r\n", 200},
        {"GET /page/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 404},
        {"DELETE /none HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 404},
        {"OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 204},
        {"OPTIONS /page HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 204},
        {"GET /%70age HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 200},
        {"GET /page%2F HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 400},
        {"GET /../page HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 400},
        {"DELETE /page HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 405},
        {"get /page HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 501},
        {"BREW /none HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 501},
        {"TRACE /page HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 405},
        {"GET /unwell HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 503},
        {"GET /broken HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 500},
        {"GET /page HTTP/1.1\r\n\r\n", 400},
        {"GET /page HTTP/3.0\r\n\r\n", 505},
        {"POST /page HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501},
        {"\x16\x03\x01\x02", 400},
    };
    struct httpd *h = start(&httpd_limits);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int status = client_status(httpd_port(h), rows[i].request);
        if (status != rows[i].status) fail_msg("%d for %s", status, rows[i].request);
    }
    httpd_stop(h);
}

static void a_problem_says_what_it_is(void **state) {
    (void)state;
    struct httpd *h = start(&httpd_limits);
    int fd = client_connect(httpd_port(h));
    client_say(fd, "POST /page HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    char *all = client_read_all(fd);
    assert_non_null(strstr(all, "\r\nContent-Type: application/problem+json\r\n"));
    assert_non_null(strstr(all, "\r\nAllow: GET, HEAD, OPTIONS\r\n"));
    assert_non_null(strstr(all, "\"title\":\"Method Not Allowed\",\"status\":405,"));
    free(all);
    fd = client_connect(httpd_port(h));
    client_say(fd, "GET /broken HTTP/1.0\r\n\r\n");
    all = client_read_all(fd);
    assert_null(strstr(all, "half of it"));
    assert_null(strstr(all, "does not work"));
    free(all);
    httpd_stop(h);
}

static void head_is_answered_without_the_body(void **state) {
    (void)state;
    char out[2048];
    struct httpd *h = start(&httpd_limits);
    int fd = client_connect(httpd_port(h));
    client_say(fd, "HEAD /page HTTP/1.1\r\nHost: a\r\n\r\n");
    client_read_answer(fd, out, sizeof out, true);
    assert_non_null(strstr(out, "HTTP/1.1 200 OK\r\n"));
    assert_non_null(strstr(out, "\r\nContent-Length: 8\r\n"));
    client_say(fd, GET);
    client_read_answer(fd, out, sizeof out, false);
    assert_string_equal(strstr(out, "\r\n\r\n"), "\r\n\r\n{\"a\":1}\n");
    close(fd);
    httpd_stop(h);
}

static void a_connection_is_kept_up_to_its_bound(void **state) {
    (void)state;
    char out[2048];
    struct httpd_limits l = httpd_limits;
    l.requests = 3;
    struct httpd *h = start(&l);
    int fd = client_connect(httpd_port(h));
    for (int i = 0; i < 2; i++) {
        client_say(fd, GET);
        client_read_answer(fd, out, sizeof out, false);
        assert_null(strstr(out, "Connection: close"));
    }
    client_say(fd, GET GET);
    char *all = client_read_all(fd);
    assert_non_null(strstr(all, "Connection: close"));
    assert_null(strstr(strstr(all, "HTTP/1.1") + 1, "HTTP/1.1"));
    free(all);
    assert_int_equal(made, 3);
    httpd_stop(h);
}

static void requests_sent_ahead_are_answered_in_order(void **state) {
    (void)state;
    struct httpd *h = start(&httpd_limits);
    int fd = client_connect(httpd_port(h));
    client_say(fd, GET "GET /none HTTP/1.1\r\nHost: a\r\n\r\n" GET "HEAD /page HTTP/1.1\r\nHost: a\r\n\r\n" CLOSE);
    char *all = client_read_all(fd);
    static const char *const order[] = {"HTTP/1.1 200", "{\"a\":1}",    "HTTP/1.1 404", "HTTP/1.1 200",
                                        "{\"a\":1}",    "HTTP/1.1 200", "HTTP/1.1 200", "Connection: close"};
    const char *at = all;
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        at = strstr(at, order[i]);
        if (!at) fail_msg("no '%s' at %zu in %s", order[i], i, all);
        at++;
    }
    free(all);
    assert_int_equal(made, 4);
    httpd_stop(h);
}

static void bytes_that_come_one_by_one_make_a_request(void **state) {
    (void)state;
    char out[2048];
    struct httpd *h = start(&httpd_limits);
    int fd = client_connect(httpd_port(h)), on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    for (const char *at = GET; *at; at++) client_send(fd, at, 1);
    client_read_answer(fd, out, sizeof out, false);
    assert_non_null(strstr(out, "HTTP/1.1 200"));
    close(fd);
    httpd_stop(h);
}

/* A body may hold what looks like a request: it is nobody's. */
static void nothing_after_a_body_is_taken_for_a_request(void **state) {
    (void)state;
    static const char *const requests[] = {
        "GET /none HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nabcd" GET,
        "POST /page HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" GET,
        "POST /page HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" GET,
        "POST /page HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: x\r\nContent-Length: 0\r\n\r\n" GET,
        "POST /page HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 44\r\n\r\n" GET,
        "GET /none HTTP/1.1\r\nHost: a\r\n X: y\r\n\r\n" GET,
    };
    struct httpd *h = start(&httpd_limits);
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        int fd = client_connect(httpd_port(h));
        client_say(fd, requests[i]);
        char *all = client_read_all(fd);
        assert_non_null(strstr(all, "\r\nConnection: close\r\n"));
        if (strstr(all + 1, "HTTP/1.1 ")) fail_msg("two answers to %s: %s", requests[i], all);
        free(all);
    }
    assert_int_equal(made, 0);
    httpd_stop(h);
}

/* The whole answer arrives although the client never stops sending. */
static void an_answer_is_not_lost_to_a_client_that_goes_on_sending(void **state) {
    (void)state;
    enum { MUCH = 4 * 1024 * 1024 };
    static char body[MUCH];
    struct httpd *h = start(&httpd_limits);
    int fd = client_connect(httpd_port(h));
    client_say(fd, "POST /page HTTP/1.1\r\nHost: a\r\nContent-Length: 4194304\r\n\r\n");
    client_send(fd, body, sizeof body);
    shutdown(fd, SHUT_WR);
    char *all = client_read_all(fd);
    assert_non_null(strstr(all, "HTTP/1.1 405 "));
    assert_non_null(strstr(all, "\"success\":false,"));
    free(all);
    httpd_stop(h);
}

static void heads_that_are_too_large_are_refused_and_counted(void **state) {
    (void)state;
    static char request[64 * 1024];
    struct httpd *h = start(&httpd_limits);
    int64_t lines = pl_metric_get(PL_M_HTTP_LINE_TOO_LONG), fields = pl_metric_get(PL_M_HTTP_FIELDS_TOO_LARGE);
    memset(request, 'a', sizeof request - 1);
    memcpy(request, "GET /", 5);
    assert_int_equal(client_status(httpd_port(h), request), 414);
    memcpy(request, "GET / HTTP/1.1\r\nX: ", 19);
    assert_int_equal(client_status(httpd_port(h), request), 431);
    assert_int_equal(pl_metric_get(PL_M_HTTP_LINE_TOO_LONG), lines + 1);
    assert_int_equal(pl_metric_get(PL_M_HTTP_FIELDS_TOO_LARGE), fields + 1);
    assert_int_equal(client_status(httpd_port(h), CLOSE), 200);
    httpd_stop(h);
}

static void bytes_that_trickle_gain_no_time(void **state) {
    (void)state;
    struct httpd_limits l = quick();
    l.head_ms = 100;
    struct httpd *h = start(&l);
    int64_t before = pl_metric_get(PL_M_HTTP_HEAD_TIMEOUT);
    int slow = client_connect(httpd_port(h)), silent = client_connect(httpd_port(h));
    pthread_t thread;
    client_say(slow, "GET /page HTTP/1.1\r\nHost: a\r\nX: ");
    assert_int_equal(pthread_create(&thread, NULL, client_trickle, &slow), 0);
    assert_int_equal(client_status(httpd_port(h), CLOSE), 200);
    pthread_join(thread, NULL);
    char *all = client_read_all(slow);
    assert_non_null(strstr(all, "HTTP/1.1 408 Request Timeout\r\n"));
    free(all);
    all = client_read_all(silent);
    assert_string_equal(all, "");
    free(all);
    assert_int_equal(pl_metric_get(PL_M_HTTP_HEAD_TIMEOUT), before + 2);
    httpd_stop(h);
}

static void an_idle_connection_is_closed(void **state) {
    (void)state;
    char out[2048];
    struct httpd_limits l = quick();
    l.idle_ms = 50;
    struct httpd *h = start(&l);
    int fd = client_connect(httpd_port(h));
    client_say(fd, GET);
    client_read_answer(fd, out, sizeof out, false);
    char *rest = client_read_all(fd);
    assert_string_equal(rest, "");
    free(rest);
    httpd_stop(h);
}

static void wait_for_metric(enum pl_metric m, int64_t value) {
    for (int i = 0; i < CLIENT_PATIENCE_MS && pl_metric_get(m) != value; i++) poll(NULL, 0, 1);
    assert_int_equal(pl_metric_get(m), value);
}

static void a_client_that_does_not_read_is_let_go(void **state) {
    (void)state;
    struct httpd_limits l = quick();
    l.answer_ms = 200;
    struct httpd *h = start(&l);
    int64_t before = pl_metric_get(PL_M_HTTP_ANSWER_TIMEOUT);
    int fd = client_connect(httpd_port(h));
    client_say(fd, "GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
    wait_for_metric(PL_M_HTTP_ANSWER_TIMEOUT, before + 1);
    wait_for_metric(PL_M_HTTP_CONNECTIONS, 0);
    close(fd);
    httpd_stop(h);
}

static void a_big_answer_arrives_whole(void **state) {
    (void)state;
    struct httpd *h = start(&httpd_limits);
    int fd = client_connect(httpd_port(h));
    client_say(fd, "GET /big HTTP/1.0\r\n\r\n");
    char *all = client_read_all(fd);
    const char *body = strstr(all, "\r\n\r\n") + 4;
    assert_int_equal(strlen(body), BIG);
    for (size_t i = 0; i < BIG; i += 16) assert_memory_equal(body + i, "0123456789abcdef", 16);
    free(all);
    httpd_stop(h);
}

/* Whoever waits longest makes room, so that a flood of silent connections shuts nobody out. */
static void one_connection_too_many_ends_the_one_that_waits_longest(void **state) {
    (void)state;
    enum { MOST = 8, MORE = 40 };
    char out[2048];
    int fds[MOST + MORE];
    struct httpd_limits l = quick();
    l.connections = MOST;
    struct httpd *h = start(&l);
    int64_t before = pl_metric_get(PL_M_HTTP_FULL);
    for (int i = 0; i < MOST + MORE; i++) fds[i] = client_connect(httpd_port(h));
    assert_int_equal(client_status(httpd_port(h), CLOSE), 200);
    for (int i = 0; i <= MORE; i++) {
        char *all = client_read_all(fds[i]);
        assert_string_equal(all, "");
        free(all);
    }
    for (int i = MORE + 1; i < MOST + MORE; i++) {
        client_say(fds[i], GET);
        client_read_answer(fds[i], out, sizeof out, false);
        close(fds[i]);
    }
    assert_int_equal(pl_metric_get(PL_M_HTTP_FULL), before + MORE + 1);
    wait_for_metric(PL_M_HTTP_CONNECTIONS, 0);
    httpd_stop(h);
}

static void with_all_connections_busy_one_more_is_told_to_come_back(void **state) {
    (void)state;
    struct httpd_limits l = quick();
    l.connections = 1;
    struct httpd *h = start(&l);
    int busy = client_connect(httpd_port(h));
    client_say(busy, "GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
    char first;
    assert_int_equal(client_read(busy, &first, 1), 1);
    int fd = client_connect(httpd_port(h));
    char *all = client_read_all(fd);
    assert_non_null(strstr(all, "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n"));
    free(all);
    close(busy);
    wait_for_metric(PL_M_HTTP_CONNECTIONS, 0);
    assert_int_equal(client_status(httpd_port(h), CLOSE), 200);
    httpd_stop(h);
}

/* Also on several loops, between which the connections of one address are spread. */
static void one_address_has_its_share_of_the_connections_and_others_are_let_in(void **state) {
    (void)state;
    enum { SHARE = 6, OTHER = 0x7f000002 };
    char out[2048];
    int fds[SHARE];
    struct httpd_limits l = quick();
    l.per_address = SHARE;
    l.loops = 3;
    struct httpd *h = start(&l);
    int64_t before = pl_metric_get(PL_M_HTTP_ADDRESS);
    for (int i = 0; i < SHARE; i++) {
        fds[i] = client_connect(httpd_port(h));
        client_say(fds[i], GET);
        client_read_answer(fds[i], out, sizeof out, false);
    }
    char *all = client_read_all(client_connect(httpd_port(h)));
    assert_non_null(strstr(all, "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n"));
    free(all);
    assert_int_equal(pl_metric_get(PL_M_HTTP_ADDRESS), before + 1);
    int other = client_connect_from(OTHER, httpd_port(h));
    client_say(other, CLOSE);
    all = client_read_all(other);
    assert_non_null(strstr(all, "HTTP/1.1 200 "));
    free(all);
    for (int i = 0; i < SHARE; i++) {
        client_say(fds[i], GET); /* those that were there are served on */
        client_read_answer(fds[i], out, sizeof out, false);
        close(fds[i]);
    }
    wait_for_metric(PL_M_HTTP_CONNECTIONS, 0);
    assert_int_equal(client_status(httpd_port(h), CLOSE), 200);
    httpd_stop(h);
}

static void a_stop_ends_open_connections_whatever_they_do(void **state) {
    (void)state;
    char out[2048];
    struct httpd_limits l = quick();
    l.stop_ms = 100;
    struct httpd *h = start(&l);
    int port = httpd_port(h);
    int silent = client_connect(port), begun = client_connect(port), kept = client_connect(port),
        stuck = client_connect(port);
    client_say(begun, "GET /page HT");
    client_say(kept, GET);
    client_read_answer(kept, out, sizeof out, false);
    client_say(stuck, "GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(client_read(stuck, out, 1), 1);
    wait_for_metric(PL_M_HTTP_CONNECTIONS, 4);
    httpd_stop(h);
    assert_int_equal(pl_metric_get(PL_M_HTTP_CONNECTIONS), 0);
    int fds[] = {silent, begun, kept, stuck};
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++) free(client_read_all(fds[i]));
}

struct reader {
    int fd;
    char *all;
};

static void *read_slowly(void *arg) {
    struct reader *r = arg;
    r->all = client_read_all(r->fd);
    return NULL;
}

static void a_stop_lets_an_answer_under_way_finish(void **state) {
    (void)state;
    struct httpd_limits l = quick();
    l.stop_ms = CLIENT_PATIENCE_MS;
    struct httpd *h = start(&l);
    struct reader r = {.fd = client_connect(httpd_port(h))};
    client_say(r.fd, "GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
    char first;
    assert_int_equal(client_read(r.fd, &first, 1), 1);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, read_slowly, &r), 0);
    httpd_stop(h);
    pthread_join(thread, NULL);
    assert_int_equal(strlen(strstr(r.all, "\r\n\r\n") + 4), BIG);
    free(r.all);
}

static void an_address_is_one_or_the_message_says_how_to_write_it(void **state) {
    (void)state;
    const struct httpd_options options = options_of(&httpd_limits);
    static const char *const wrong[] = {"",
                                        "8080",
                                        "localhost",
                                        "h:",
                                        "h:x",
                                        "h:+1",
                                        "h:65536",
                                        "h:1 ",
                                        "::1:80",
                                        "[::1]",
                                        "[::1]8",
                                        "h:123456",
                                        "h:99999999999999999999"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct httpd *h;
        if (httpd_start(&h, wrong[i], &options) != POUCH_E_CONFIG) fail_msg("'%s'", wrong[i]);
        if (!strstr(pouch_why(), "HOST:PORT")) fail_msg("'%s': %s", wrong[i], pouch_why());
    }
    static const char *const right[] = {"127.0.0.1:0", "localhost:0", ":0", "0.0.0.0:00"};
    for (size_t i = 0; i < sizeof right / sizeof right[0]; i++) {
        struct httpd *h = NULL;
        if (httpd_start(&h, right[i], &options)) fail_msg("'%s': %s", right[i], pouch_why());
        assert_int_equal(client_status(httpd_port(h), CLOSE), 200);
        httpd_stop(h);
    }
}

static void an_address_that_cannot_be_had_is_told(void **state) {
    (void)state;
    const struct httpd_options options = options_of(&httpd_limits);
    struct httpd *h = start(&httpd_limits), *second;
    char taken[32];
    snprintf(taken, sizeof taken, "127.0.0.1:%d", httpd_port(h));
    assert_int_equal(httpd_start(&second, taken, &options), POUCH_E_CONFIG);
    assert_non_null(strstr(pouch_why(), taken));
    assert_non_null(strstr(pouch_why(), "another program listens there"));
    httpd_stop(h);
    assert_int_equal(httpd_start(&second, "192.0.2.1:0", &options), POUCH_E_CONFIG);
    assert_non_null(strstr(pouch_why(), "does this host have that address?"));
    assert_int_equal(httpd_start(&second, "no.such.host.invalid:0", &options), POUCH_E_CONFIG);
    assert_non_null(strstr(pouch_why(), "no.such.host.invalid"));
    httpd_stop(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_is_answered_with_its_fields),
        cmocka_unit_test(each_way_to_ask_gets_its_status),
        cmocka_unit_test(a_problem_says_what_it_is),
        cmocka_unit_test(head_is_answered_without_the_body),
        cmocka_unit_test(a_connection_is_kept_up_to_its_bound),
        cmocka_unit_test(requests_sent_ahead_are_answered_in_order),
        cmocka_unit_test(bytes_that_come_one_by_one_make_a_request),
        cmocka_unit_test(nothing_after_a_body_is_taken_for_a_request),
        cmocka_unit_test(an_answer_is_not_lost_to_a_client_that_goes_on_sending),
        cmocka_unit_test(heads_that_are_too_large_are_refused_and_counted),
        cmocka_unit_test(bytes_that_trickle_gain_no_time),
        cmocka_unit_test(an_idle_connection_is_closed),
        cmocka_unit_test(a_client_that_does_not_read_is_let_go),
        cmocka_unit_test(a_big_answer_arrives_whole),
        cmocka_unit_test(one_connection_too_many_ends_the_one_that_waits_longest),
        cmocka_unit_test(with_all_connections_busy_one_more_is_told_to_come_back),
        cmocka_unit_test(one_address_has_its_share_of_the_connections_and_others_are_let_in),
        cmocka_unit_test(a_stop_ends_open_connections_whatever_they_do),
        cmocka_unit_test(a_stop_lets_an_answer_under_way_finish),
        cmocka_unit_test(an_address_is_one_or_the_message_says_how_to_write_it),
        cmocka_unit_test(an_address_that_cannot_be_had_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
