/* Calls: what their owner sees of them, answers from other threads, the hooks, loops, and the end of a server. */
#include "http_stage.h"

#include <event2/buffer.h>
#include <httpd/state.h>

#define CLOSE "Host: a\r\nConnection: close\r\n"

enum { HELD_MAX = 64 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct httpd_call *held[HELD_MAX];
static atomic_int n_held, ended, loops_seen;

static void note_end(void *own) {
    assert_ptr_equal(own, &ended);
    atomic_fetch_add(&ended, 1);
}

static pouch_err hold(struct httpd_call *c, struct httpd_answer *a, void *arg) {
    (void)a, (void)arg;
    httpd_later(c);
    httpd_call_set(c, &ended, note_end);
    pthread_mutex_lock(&lock);
    held[atomic_load(&n_held)] = c;
    atomic_fetch_add(&n_held, 1);
    pthread_mutex_unlock(&lock);
    return POUCH_OK;
}

enum { STOP_MS = 100 };
static atomic_bool go_on;

/* Keeps its loop until the time of a stop is over. */
static pouch_err outlast(struct httpd_call *c, struct httpd_answer *a, void *arg) {
    (void)c, (void)a, (void)arg;
    atomic_fetch_add(&n_held, 1);
    while (!atomic_load(&go_on)) poll(NULL, 0, 1);
    poll(NULL, 0, 2 * STOP_MS);
    return POUCH_OK;
}

static size_t most_ahead; /* bytes that had been read ahead of a call; of the loop's thread */

static pouch_err hold_and_look(struct httpd_call *c, struct httpd_answer *a, void *arg) {
    size_t ahead = evbuffer_get_length(bufferevent_get_input(c->conn->wire));
    if (ahead > most_ahead) most_ahead = ahead;
    return hold(c, a, arg);
}

/* Answers all that are held, on the thread that calls it. */
static void reply_to_all(void) {
    pthread_mutex_lock(&lock);
    for (int i = 0, n = atomic_load(&n_held); i < n; i++) {
        struct httpd_answer a;
        httpd_answer_init(&a);
        a.status = 202;
        assert_int_equal(httpd_answer_field(&a, "Location", "/later"), POUCH_OK);
        assert_int_equal(pl_buf_puts(&a.body, "{}"), POUCH_OK);
        httpd_reply(held[i], &a);
    }
    atomic_store(&n_held, 0);
    pthread_mutex_unlock(&lock);
}

static pouch_err show(struct httpd_call *c, struct httpd_answer *a, void *arg) {
    char peer[HTTPD_PEER_MAX];
    const struct httpd_span *field = httpd_call_field(c, "x-test");
    const char *topic = httpd_call_param(c, "topic"), *q = httpd_call_query(c, "q"), *name, *value;
    (void)arg;
    atomic_fetch_or(&loops_seen, 1 << httpd_call_loop(c));
    httpd_call_peer(c, peer);
    assert_null(httpd_call_param(c, "none"));
    assert_null(httpd_call_query(c, "none"));
    for (size_t i = 0; i < httpd_call_queries(c); i++) httpd_call_query_at(c, i, &name, &value);
    return pl_buf_printf(&a->body, "%.*s %.*s %s %s %s %.*s %zu", (int)httpd_call_method(c).n, httpd_call_method(c).at,
                         (int)httpd_call_path(c).n, httpd_call_path(c).at, topic ? topic : "-", q ? q : "-", peer,
                         field ? (int)field->n : 1, field ? field->at : "-", httpd_call_queries(c));
}

static pouch_err page(struct httpd_call *c, struct httpd_answer *a, void *arg) {
    (void)c, (void)arg;
    static const char text[] = "<p>page";
    a->type = "text/html";
    a->cached = true;
    a->page = (struct httpd_span){text, sizeof text - 1};
    return httpd_answer_field(a, "Cache-Control", "max-age=60");
}

enum { MUCH = 7 * 1024 * 1024 };
static char much[MUCH];

/* More than a socket takes at once, as a page or as a body. */
static pouch_err large(struct httpd_call *c, struct httpd_answer *a, void *page) {
    (void)c;
    memset(much, 'm', sizeof much);
    if (!page) return pl_buf_append(&a->body, much, sizeof much);
    a->page = (struct httpd_span){page, sizeof much};
    return POUCH_OK;
}

static pouch_err limited(struct httpd_call *c, struct httpd_answer *a, void *arg) {
    (void)c, (void)arg;
    a->retry_after_s = 7;
    return httpd_answer_problem(a, 429, "too \"many\"");
}

static pouch_err spoiled(struct httpd_call *c, struct httpd_answer *a, void *arg) {
    (void)c, (void)arg;
    return httpd_answer_field(a, "X", "a\r\nSet-Cookie: b");
}

static const struct httpd_route routes[] = {{"GET", "/topics/all", stage_echo, NULL, 0},
                                            {"GET", "/topics/{topic}", show, NULL, 0},
                                            {"DELETE", "/topics/{topic}", show, NULL, 0},
                                            {"POST", "/hold", hold, NULL, 100},
                                            {"GET", "/hold", hold, NULL, 0},
                                            {"GET", "/hold/{n}", hold_and_look, NULL, 0},
                                            {"POST", "/echo", stage_echo, NULL, 100},
                                            {"POST", "/outlast", outlast, NULL, 100},
                                            {"GET", "/page", page, NULL, 0},
                                            {"GET", "/large/body", large, NULL, 0},
                                            {"GET", "/large/page", large, much, 0},
                                            {"GET", "/limited", limited, NULL, 0},
                                            {"GET", "/spoiled", spoiled, NULL, 0}};

static struct httpd_options options_of(void) {
    struct httpd_options o = {.routes = routes,
                              .n_routes = sizeof routes / sizeof routes[0],
                              .limits = httpd_limits,
                              .serving = "serving tests"};
    o.limits.linger_ms = 100;
    return o;
}

static struct httpd *start(const struct httpd_options *o) {
    atomic_store(&n_held, 0);
    atomic_store(&ended, 0);
    return stage_start(o);
}

static void require(int port, const char *request, const char *const parts[], size_t n) {
    char *all = stage_exchange(port, request);
    for (size_t i = 0; i < n; i++)
        if (!strstr(all, parts[i])) fail_msg("no '%s' in reply to %s: %s", parts[i], request, all);
    free(all);
}

static void a_call_says_what_was_asked(void **state) {
    (void)state;
    const struct httpd_options o = options_of();
    struct httpd *h = start(&o);
    static const struct {
        const char *request, *parts[4];
    } rows[] = {
        {"GET /topics/a%20b?x=1&q=%C3%A9+z HTTP/1.1\r\n" CLOSE "X-Test: yes\r\n\r\n",
         {"HTTP/1.1 200 OK\r\n", "GET /topics/a%20b a b \xc3\xa9 z 127.0.0.1 yes 2"}},
        {"DELETE /topics/all HTTP/1.1\r\n" CLOSE "\r\n", {"HTTP/1.1 200 ", "DELETE /topics/all all - 127.0.0.1 - 0"}},
        {"GET /topics/all HTTP/1.1\r\n" CLOSE "\r\n", {"\r\nContent-Length: 0\r\n"}},
        {"GET /topics/x?q=%zz HTTP/1.1\r\n" CLOSE "\r\n", {"HTTP/1.1 400 "}},
        {"GET /topics/x?q=%00 HTTP/1.1\r\n" CLOSE "\r\n", {"HTTP/1.1 400 "}},
        {"PUT /topics/x HTTP/1.1\r\n" CLOSE "\r\n",
         {"HTTP/1.1 405 Method Not Allowed\r\n", "\r\nAllow: GET, HEAD, DELETE, OPTIONS\r\n", "\"success\":false"}},
        {"OPTIONS /topics/x HTTP/1.1\r\n" CLOSE "\r\n",
         {"HTTP/1.1 204 No Content\r\n", "\r\nAllow: GET, HEAD, DELETE, OPTIONS\r\n"}},
        {"GET /page HTTP/1.1\r\n" CLOSE "\r\n",
         {"\r\nContent-Type: text/html\r\n", "\r\nCache-Control: max-age=60\r\n", "\r\nContent-Length: 7\r\n",
          "\r\n\r\n<p>page"}},
        {"GET /limited HTTP/1.1\r\n" CLOSE "\r\n",
         {"HTTP/1.1 429 Too Many Requests\r\n", "\r\nRetry-After: 7\r\n",
          "\"status\":429,\"detail\":\"too "
          "\\\"many\\\"\",\"code\":\"too_many_requests\",\"success\":false,\"message\":\"too \\\"many\\\"\"",
          "\"timestamp\":\"2"}},
        {"GET /spoiled HTTP/1.1\r\n" CLOSE "\r\n", {"HTTP/1.1 500 "}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t n = 0;
        while (n < 4 && rows[i].parts[n]) n++;
        require(httpd_port(h), rows[i].request, rows[i].parts, n);
    }
    httpd_stop(h);
}

static void an_answer_without_content_has_none(void **state) {
    (void)state;
    const struct httpd_options o = options_of();
    struct httpd *h = start(&o);
    char *all = stage_exchange(httpd_port(h), "OPTIONS /page HTTP/1.1\r\n" CLOSE "\r\n");
    assert_null(strstr(all, "Content-Length"));
    assert_null(strstr(all, "Content-Type"));
    assert_string_equal(strstr(all, "\r\n\r\n"), "\r\n\r\n");
    free(all);
    httpd_stop(h);
}

static void an_answer_that_a_socket_does_not_take_at_once_comes_whole(void **state) {
    (void)state;
    static const char *const requests[] = {"GET /large/body HTTP/1.1\r\n" CLOSE "\r\n",
                                           "GET /large/page HTTP/1.1\r\n" CLOSE "\r\n"};
    const struct httpd_options o = options_of();
    struct httpd *h = start(&o);
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        char *all = stage_exchange(httpd_port(h), requests[i]), *body = strstr(all, "\r\n\r\n");
        assert_non_null(body);
        assert_int_equal(strspn(body + 4, "m"), MUCH);
        assert_int_equal(strlen(body + 4), MUCH);
        free(all);
    }
    httpd_stop(h);
}

/* The loop has seen all that was sent before. */
static void pass(struct httpd *h) {
    free(stage_exchange(httpd_port(h), "GET /page HTTP/1.1\r\n" CLOSE "\r\n"));
}

static void what_comes_while_a_call_is_held_is_answered_after_it(void **state) {
    (void)state;
    char out[2048];
    const struct httpd_options o = options_of();
    struct httpd *h = start(&o);
    int fd = client_connect(httpd_port(h));
    client_say(fd, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
    stage_wait_for_count(&n_held, 1);
    client_say(fd, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
    pass(h);
    client_say(fd, "GET /page HTTP/1.1\r\n" CLOSE "\r\n");
    pass(h);
    assert_int_equal(n_held, 1);
    reply_to_all();
    client_read_answer(fd, out, sizeof out, false);
    assert_non_null(strstr(out, "HTTP/1.1 202 "));
    stage_wait_for_count(&n_held, 1);
    reply_to_all();
    char *all = client_read_all(fd);
    assert_int_equal(strncmp(all, "HTTP/1.1 202 ", 13), 0);
    assert_non_null(strstr(all, "<p>page"));
    free(all);
    httpd_stop(h);
}

/* A socket holds what the server has not read: much more than its calls have used up. */
static void what_is_sent_ahead_of_answers_is_read_as_it_is_answered(void **state) {
    (void)state;
    enum { EACH = 200, CALLS = 480, ANSWERED = 16, READ_MAX = 16 * 1024, SOCKET = 1024 * 1024 };
    static char ahead[CALLS * EACH + 1];
    const int size = SOCKET;
    struct httpd_options o = options_of();
    o.limits.stop_ms = 50;
    struct httpd *h = start(&o);
    for (size_t i = 0; i < CALLS; i++)
        snprintf(ahead + i * EACH, EACH + 1, "GET /hold/1 HTTP/1.1\r\nHost: a\r\nX: %0*d\r\n\r\n", EACH - 38, 0);
    most_ahead = 0;
    int fd = client_connect(httpd_port(h));
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size), 0);
    client_say(fd, ahead);
    for (int i = 0; i < ANSWERED; i++) {
        stage_wait_for_count(&n_held, 1);
        pass(h);
        reply_to_all();
    }
    stage_wait_for_count(&n_held, 1);
    close(fd);
    httpd_stop(h);
    reply_to_all();
    assert_in_range(most_ahead, EACH, 2 * READ_MAX);
}

static void who_has_said_that_no_more_comes_is_answered_all_the_same(void **state) {
    (void)state;
    const struct httpd_options o = options_of();
    struct httpd *h = start(&o);
    int fd = client_connect(httpd_port(h));
    client_say(fd, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\nGET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
    shutdown(fd, SHUT_WR);
    for (int i = 0; i < 2; i++) {
        stage_wait_for_count(&n_held, 1);
        pass(h);
        reply_to_all();
    }
    char *all = client_read_all(fd), *second = strstr(all + 1, "HTTP/1.1 202 ");
    assert_non_null(second);
    assert_null(strstr(second + 1, "HTTP/1.1 "));
    free(all);
    httpd_stop(h);
}

static void a_call_is_answered_later_from_another_thread_and_the_connection_goes_on(void **state) {
    (void)state;
    char out[2048];
    const struct httpd_options o = options_of();
    struct httpd *h = start(&o);
    int fd = client_connect(httpd_port(h));
    for (int i = 0; i < 3; i++) {
        client_say(fd, "POST /hold HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
        stage_wait_for_count(&n_held, 1);
        assert_int_equal(httpd_call_body(held[0]).n, 3);
        reply_to_all();
        client_read_answer(fd, out, sizeof out, false);
        assert_non_null(strstr(out, "HTTP/1.1 202 Accepted\r\n"));
        assert_non_null(strstr(out, "\r\nLocation: /later\r\n"));
        stage_wait_for_count(&ended, i + 1);
    }
    close(fd);
    httpd_stop(h);
}

static void a_call_outlives_its_connection_and_its_server(void **state) {
    (void)state;
    struct httpd_options o = options_of();
    o.limits.stop_ms = 50;
    o.limits.call_ms = 50;
    struct httpd *h = start(&o);
    int64_t before = pl_metric_get(PL_M_HTTP_CALL_TIMEOUT);
    char *all = stage_exchange(httpd_port(h), "GET /hold HTTP/1.1\r\n" CLOSE "\r\n");
    assert_non_null(strstr(all, "HTTP/1.1 503 "));
    free(all);
    assert_int_equal(pl_metric_get(PL_M_HTTP_CALL_TIMEOUT), before + 1);
    stage_wait_for(PL_M_HTTP_CONNECTIONS, 0);
    int fd = client_connect(httpd_port(h));
    client_say(fd, "GET /hold HTTP/1.1\r\n" CLOSE "\r\n");
    stage_wait_for_count(&n_held, 2);
    httpd_reply(held[0], &(struct httpd_answer){.status = 200});
    stage_wait_for_count(&ended, 1);
    held[0] = held[1];
    atomic_store(&n_held, 1);
    httpd_stop(h);
    assert_int_equal(ended, 1);
    reply_to_all();
    assert_int_equal(ended, 2);
    free(client_read_all(fd));
}

static void a_stop_waits_for_calls_that_are_answered_in_time(void **state) {
    (void)state;
    struct httpd_options o = options_of();
    o.limits.stop_ms = CLIENT_PATIENCE_MS;
    struct httpd *h = start(&o);
    int fd = client_connect(httpd_port(h)), port = httpd_port(h);
    client_say(fd, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
    stage_wait_for_count(&n_held, 1);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, stage_stop, h), 0);
    stage_wait_until_nobody_is_let_in(port);
    reply_to_all();
    char *all = client_read_all(fd);
    assert_non_null(strstr(all, "HTTP/1.1 202 "));
    assert_non_null(strstr(all, "\r\nConnection: close\r\n"));
    free(all);
    pthread_join(thread, NULL);
}

/*
 * Its answer is with the kernel, and the loop has had no turn for it since. Where the stop is over before the keeper
 * has come, it has ended without an answer.
 */
static void a_connection_that_is_answered_as_a_stop_runs_out_of_time_ends_all_the_same(void **state) {
    (void)state;
    struct httpd_options o = options_of();
    o.limits.stop_ms = STOP_MS;
    struct httpd *h = start(&o);
    atomic_store(&go_on, false);
    int fd = client_connect(httpd_port(h)), keeper = client_connect(httpd_port(h)), port = httpd_port(h);
    client_say(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nec");
    client_say(keeper, "POST /outlast HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nke");
    pass(h);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, stage_stop, h), 0);
    stage_wait_until_nobody_is_let_in(port);
    client_say(keeper, "ep");
    for (int i = 0; i < 10 * STOP_MS && !atomic_load(&n_held); i++) poll(NULL, 0, 1);
    client_say(fd, "ho");
    atomic_store(&go_on, true);
    char *all = client_read_all(fd);
    assert_true(!*all || strstr(all, "\r\n\r\necho"));
    free(all);
    free(client_read_all(keeper));
    pthread_join(thread, NULL);
}

static void calls_beyond_their_number_are_told_to_come_back(void **state) {
    (void)state;
    struct httpd_options o = options_of();
    o.limits.calls = 2;
    struct httpd *h = start(&o);
    int fds[2] = {client_connect(httpd_port(h)), client_connect(httpd_port(h))};
    for (int i = 0; i < 2; i++) client_say(fds[i], "GET /hold HTTP/1.1\r\n" CLOSE "\r\n");
    stage_wait_for_count(&n_held, 2);
    char *all = stage_exchange(httpd_port(h), "GET /page HTTP/1.1\r\n" CLOSE "\r\n");
    assert_non_null(strstr(all, "HTTP/1.1 503 "));
    assert_non_null(strstr(all, "\r\nRetry-After: 1\r\n"));
    free(all);
    reply_to_all();
    for (int i = 0; i < 2; i++) free(client_read_all(fds[i]));
    httpd_stop(h);
}

static bool admit(struct httpd_call *c, struct httpd_answer *a, void *arg) {
    (void)arg;
    if (httpd_call_field(c, "X-Key")) return true;
    assert_int_equal(httpd_answer_field(a, "WWW-Authenticate", "Bearer"), POUCH_OK);
    assert_int_equal(httpd_answer_problem(a, 401, "who are you?"), POUCH_OK);
    return false;
}

static void finish(const struct httpd_call *c, struct httpd_answer *a, void *arg) {
    assert_int_equal(httpd_answer_field(a, "X-Finish", c ? arg : "malformed"), POUCH_OK);
}

static void hooks_see_each_call_before_its_body_and_each_answer(void **state) {
    (void)state;
    static char mark[] = "mark";
    struct httpd_options o = options_of();
    o.admit = admit;
    o.finish = finish;
    o.arg = mark;
    struct httpd *h = start(&o);
    static const struct {
        const char *request, *status, *mark;
    } rows[] = {
        {"POST /hold HTTP/1.1\r\n" CLOSE "Content-Length: 90\r\n\r\n", "HTTP/1.1 401 Unauthorized\r\n", "mark"},
        {"POST /hold HTTP/1.1\r\n" CLOSE "X-Key: k\r\nContent-Length: 999\r\n\r\n", "HTTP/1.1 413 ", "mark"},
        {"GET /page HTTP/1.1\r\n" CLOSE "X-Key: k\r\n\r\n", "HTTP/1.1 200 ", "mark"},
        {"GET /none HTTP/1.1\r\n" CLOSE "\r\n", "HTTP/1.1 404 ", "mark"},
        {"OPTIONS /page HTTP/1.1\r\n" CLOSE "\r\n", "HTTP/1.1 204 ", "mark"},
        {"GET\r\n\r\n", "HTTP/1.1 400 ", "malformed"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char field[40];
        snprintf(field, sizeof field, "\r\nX-Finish: %s\r\n", rows[i].mark);
        const char *const parts[] = {rows[i].status, field};
        require(httpd_port(h), rows[i].request, parts, 2);
    }
    assert_int_equal(n_held, 0);
    httpd_stop(h);
}

static void connections_are_spread_over_the_loops(void **state) {
    (void)state;
    struct httpd_options o = options_of();
    o.limits.loops = 3;
    struct httpd *h = start(&o);
    atomic_store(&loops_seen, 0);
    assert_int_equal(httpd_loops(h), 3);
    for (int i = 0; i < 6; i++) free(stage_exchange(httpd_port(h), "GET /topics/x HTTP/1.1\r\n" CLOSE "\r\n"));
    assert_int_equal(loops_seen, 7);
    int fds[9];
    for (int i = 0; i < 9; i++) {
        fds[i] = client_connect(httpd_port(h));
        client_say(fds[i], "GET /hold HTTP/1.1\r\n" CLOSE "\r\n");
    }
    stage_wait_for_count(&n_held, 9);
    reply_to_all();
    for (int i = 0; i < 9; i++) {
        char *all = client_read_all(fds[i]);
        assert_non_null(strstr(all, "HTTP/1.1 202 "));
        free(all);
    }
    httpd_stop(h);
}

struct counted {
    struct httpd_job job;
    int number;
};

static atomic_int run_jobs;

static void run(struct httpd_job *job) {
    assert_int_equal(((struct counted *)job)->number, atomic_fetch_add(&run_jobs, 1));
}

static void jobs_run_once_and_in_order_also_those_that_a_stop_finds(void **state) {
    (void)state;
    enum { JOBS = 1000 };
    static struct counted jobs[JOBS];
    const struct httpd_options o = options_of();
    struct httpd *h = start(&o);
    atomic_store(&run_jobs, 0);
    for (int i = 0; i < JOBS; i++) {
        jobs[i] = (struct counted){{NULL, run}, i};
        assert_true(httpd_post(h, 0, &jobs[i].job));
    }
    httpd_stop(h);
    assert_int_equal(run_jobs, JOBS);
}

static void a_malformed_route_is_told_at_the_start(void **state) {
    (void)state;
    static const struct httpd_route wrong[] = {{"GET", "/a{b}", show, NULL, 0}};
    struct httpd_options o = options_of();
    struct httpd *h;
    o.routes = wrong;
    o.n_routes = 1;
    assert_int_equal(httpd_start(&h, "127.0.0.1:0", &o), POUCH_E_CONFIG);
    assert_non_null(strstr(pouch_why(), "/a{b}"));
    o = options_of();
    o.limits.loops = 0;
    assert_int_equal(httpd_start(&h, "127.0.0.1:0", &o), POUCH_E_CONFIG);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_says_what_was_asked),
        cmocka_unit_test(an_answer_without_content_has_none),
        cmocka_unit_test(an_answer_that_a_socket_does_not_take_at_once_comes_whole),
        cmocka_unit_test(what_comes_while_a_call_is_held_is_answered_after_it),
        cmocka_unit_test(what_is_sent_ahead_of_answers_is_read_as_it_is_answered),
        cmocka_unit_test(who_has_said_that_no_more_comes_is_answered_all_the_same),
        cmocka_unit_test(a_call_is_answered_later_from_another_thread_and_the_connection_goes_on),
        cmocka_unit_test(a_call_outlives_its_connection_and_its_server),
        cmocka_unit_test(a_stop_waits_for_calls_that_are_answered_in_time),
        cmocka_unit_test(a_connection_that_is_answered_as_a_stop_runs_out_of_time_ends_all_the_same),
        cmocka_unit_test(calls_beyond_their_number_are_told_to_come_back),
        cmocka_unit_test(hooks_see_each_call_before_its_body_and_each_answer),
        cmocka_unit_test(connections_are_spread_over_the_loops),
        cmocka_unit_test(jobs_run_once_and_in_order_also_those_that_a_stop_finds),
        cmocka_unit_test(a_malformed_route_is_told_at_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
