/* Streams: what many clients get from one block, and what bounds those that do not read. */
#include "http_stage.h"

#include <errno.h>
#include <event2/bufferevent.h>
#include <httpd/state.h>

#define GET "GET /events HTTP/1.1\r\nHost: a\r\n\r\n"

enum { STREAMS_MAX = 64 };

/* Owned by the thread of the one loop, but for what is atomic. */
static struct httpd_stream *streams[STREAMS_MAX];
static atomic_int n_open, n_ended, n_drained, n_stopping, n_refused, last_end;
static struct httpd_block *last_words;

static void drained(struct httpd_stream *s, void *arg) {
    (void)s, (void)arg;
    atomic_fetch_add(&n_drained, 1);
}

static void stopping(struct httpd_stream *s, void *arg) {
    (void)arg;
    atomic_fetch_add(&n_stopping, 1);
    httpd_stream_end(s, last_words);
}

static void end(struct httpd_stream *s, enum httpd_ended why, void *arg) {
    struct httpd_stream **slot = arg;
    assert_ptr_equal(*slot, s);
    *slot = NULL;
    atomic_store(&last_end, (int)why);
    atomic_fetch_add(&n_ended, 1);
}

static const struct httpd_stream_events events = {drained, stopping, end};

static pouch_err open_stream(struct httpd_call *c, struct httpd_answer *a, void *arg) {
    struct httpd_stream **slot = &streams[n_open];
    (void)arg;
    a->type = "text/event-stream";
    pouch_err e = httpd_stream_open(slot, c, a, &events, slot);
    if (e)
        atomic_fetch_add(&n_refused, 1);
    else
        atomic_fetch_add(&n_open, 1);
    return POUCH_OK;
}

static const struct httpd_route routes[] = {{"GET", "/events", open_stream, NULL, 0}};

static struct httpd_options options_of(void) {
    struct httpd_options o = {.routes = routes, .n_routes = 1, .limits = httpd_limits, .serving = "serving tests"};
    o.limits.linger_ms = 100;
    return o;
}

static struct httpd *start(const struct httpd_options *o) {
    struct httpd *h = stage_start(o);
    atomic_int *const counts[] = {&n_open, &n_ended, &n_drained, &n_stopping, &n_refused};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) atomic_store(counts[i], 0);
    return h;
}

static int open_client(const struct httpd *h, const char *request) {
    int before = n_open, fd = client_connect(httpd_port(h));
    client_say(fd, request);
    stage_wait_for_count(&n_open, before + 1);
    return fd;
}

enum what { SEND, END, DROP, FILL, GIVE_UP };

/* What is done with all streams, on the thread of their loop. */
struct order {
    struct httpd_job job;
    struct httpd *server;
    struct httpd_block *block;
    enum what what;
    atomic_int done;
    int sent;
};

/* As the kernel does with what was not acknowledged in time (tcp(7), TCP_USER_TIMEOUT). */
static void give_up(struct httpd *h) {
    errno = ETIMEDOUT;
    bufferevent_trigger_event(TAILQ_FIRST(&h->loops[0].live)->wire, BEV_EVENT_WRITING | BEV_EVENT_ERROR, 0);
}

static void carry_out(struct httpd_job *job) {
    struct order *o = (struct order *)job;
    for (int i = 0; i < n_open; i++) {
        struct httpd_stream *s = streams[i];
        if (!s) continue;
        if (o->what == SEND) o->sent += httpd_stream_send(s, o->block);
        while (o->what == FILL && httpd_stream_send(s, o->block)) o->sent++;
        if (o->what == END) httpd_stream_end(s, o->block);
        if (o->what == DROP) httpd_stream_drop(s);
        if (o->what == GIVE_UP) give_up(o->server);
    }
    atomic_store(&o->done, 1);
}

static int order(struct httpd *h, enum what what, struct httpd_block *block) {
    struct order o = {.job.run = carry_out, .server = h, .block = block, .what = what};
    assert_true(httpd_post(h, 0, &o.job));
    stage_wait_for_count(&o.done, 1);
    return o.sent;
}

static struct httpd_block *block_of(const char *text) {
    struct httpd_block *b = httpd_block_new(text, strlen(text));
    assert_non_null(b);
    assert_int_equal(httpd_block_size(b), strlen(text));
    return b;
}

static void one_block_reaches_all_streams_in_the_form_each_understands(void **state) {
    (void)state;
    enum { CLIENTS = 20 };
    const struct httpd_options o = options_of();
    struct httpd *h = start(&o);
    struct httpd_block *first = block_of("data: 1\n\n"), *last = block_of("retry: 5\n\n");
    int fds[CLIENTS + 1];
    for (int i = 0; i < CLIENTS; i++) fds[i] = open_client(h, GET);
    fds[CLIENTS] = open_client(h, "GET /events HTTP/1.0\r\n\r\n");
    assert_int_equal(pl_metric_get(PL_M_HTTP_STREAMS), CLIENTS + 1);
    assert_int_equal(order(h, SEND, first), CLIENTS + 1);
    httpd_block_free(first); /* the streams have their own references */
    order(h, END, last);
    httpd_block_free(last);
    for (int i = 0; i <= CLIENTS; i++) {
        char *all = client_read_all(fds[i]);
        assert_int_equal(strncmp(all, "HTTP/1.1 200 OK\r\n", 17), 0);
        assert_non_null(strstr(all, "\r\nContent-Type: text/event-stream\r\n"));
        assert_null(strstr(all, "Content-Length"));
        assert_int_equal(strstr(all, "Transfer-Encoding: chunked\r\n") != NULL, i < CLIENTS);
        assert_string_equal(strstr(all, "\r\n\r\n") + 4, i < CLIENTS
                                                             ? "9\r\ndata: 1\n\n\r\na\r\nretry: 5\n\n\r\n0\r\n\r\n"
                                                             : "data: 1\n\nretry: 5\n\n");
        free(all);
    }
    stage_wait_for_count(&n_ended, CLIENTS + 1);
    assert_int_equal(last_end, HTTPD_ENDED);
    assert_true(n_drained > 0);
    httpd_stop(h);
}

static void a_client_that_closes_ends_its_stream_alone(void **state) {
    (void)state;
    const struct httpd_options o = options_of();
    struct httpd *h = start(&o);
    int gone = open_client(h, GET), stays = open_client(h, GET);
    client_say(stays, "what comes is thrown away");
    close(gone);
    stage_wait_for_count(&n_ended, 1);
    assert_int_equal(last_end, HTTPD_CLOSED);
    struct httpd_block *b = block_of("x");
    assert_int_equal(order(h, SEND, b), 1);
    httpd_block_free(b);
    order(h, DROP, NULL);
    assert_int_equal(n_ended, 2);
    char *all = client_read_all(stays);
    assert_null(strstr(all, "0\r\n\r\n")); /* it shows that this was not the end */
    free(all);
    httpd_stop(h);
}

static void a_stream_that_is_not_read_takes_no_more_than_its_bound_and_is_ended(void **state) {
    (void)state;
    struct httpd_options o = options_of();
    o.limits.stream_bytes = 100000;
    o.limits.answer_ms = 200;
    struct httpd *h = start(&o);
    int64_t before = pl_metric_get(PL_M_HTTP_STREAM_SLOW);
    static char much[10000];
    memset(much, 'x', sizeof much);
    struct httpd_block *b = httpd_block_new(much, sizeof much);
    int fd = open_client(h, GET);
    while (!n_ended) { /* until the kernel's buffers are full, too */
        int sent = order(h, FILL, b);
        assert_true(sent <= 10);
        poll(NULL, 0, 1);
    }
    assert_int_equal(last_end, HTTPD_SLOW);
    assert_int_equal(pl_metric_get(PL_M_HTTP_STREAM_SLOW), before + 1);
    assert_int_equal(pl_metric_get(PL_M_HTTP_STREAMS), 0);
    httpd_block_free(b);
    close(fd);
    httpd_stop(h);
}

static void a_stream_that_the_kernel_gives_up_counts_as_one_that_is_not_read(void **state) {
    (void)state;
    const struct httpd_options o = options_of();
    struct httpd *h = start(&o);
    int64_t before = pl_metric_get(PL_M_HTTP_STREAM_SLOW);
    int fd = open_client(h, GET);
    order(h, GIVE_UP, NULL);
    stage_wait_for_count(&n_ended, 1);
    assert_int_equal(last_end, HTTPD_SLOW);
    assert_int_equal(pl_metric_get(PL_M_HTTP_STREAM_SLOW), before + 1);
    close(fd);
    httpd_stop(h);
}

static void a_head_of_a_stream_is_all_that_head_gets(void **state) {
    (void)state;
    const struct httpd_options o = options_of();
    struct httpd *h = start(&o);
    char *all = stage_exchange(httpd_port(h), "HEAD /events HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_non_null(strstr(all, "text/event-stream"));
    assert_string_equal(strstr(all, "\r\n\r\n"), "\r\n\r\n");
    free(all);
    assert_int_equal(n_refused, 1);
    assert_int_equal(n_open, 0);
    httpd_stop(h);
}

static void a_stop_tells_the_streams_and_sends_their_last_words(void **state) {
    (void)state;
    struct httpd_options o = options_of();
    o.limits.stop_ms = CLIENT_PATIENCE_MS;
    struct httpd *h = start(&o);
    int fds[3];
    pthread_t thread;
    last_words = block_of("retry: 1\n\n");
    for (int i = 0; i < 3; i++) fds[i] = open_client(h, GET);
    assert_int_equal(pthread_create(&thread, NULL, stage_stop, h), 0);
    for (int i = 0; i < 3; i++) {
        char *all = client_read_all(fds[i]);
        assert_string_equal(strstr(all, "\r\n\r\n") + 4, "a\r\nretry: 1\n\n\r\n0\r\n\r\n");
        free(all);
    }
    pthread_join(thread, NULL);
    assert_int_equal(n_stopping, 3);
    assert_int_equal(n_ended, 3);
    httpd_block_free(last_words);
    last_words = NULL;
}

static void a_stop_ends_streams_whose_clients_do_not_read(void **state) {
    (void)state;
    struct httpd_options o = options_of();
    o.limits.stop_ms = 50;
    struct httpd *h = start(&o);
    int fd = open_client(h, GET);
    httpd_stop(h); /* the client keeps its side open */
    assert_int_equal(n_ended, 1);
    assert_int_equal(pl_metric_get(PL_M_HTTP_STREAMS), 0);
    free(client_read_all(fd));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_block_reaches_all_streams_in_the_form_each_understands),
        cmocka_unit_test(a_client_that_closes_ends_its_stream_alone),
        cmocka_unit_test(a_stream_that_is_not_read_takes_no_more_than_its_bound_and_is_ended),
        cmocka_unit_test(a_stream_that_the_kernel_gives_up_counts_as_one_that_is_not_read),
        cmocka_unit_test(a_head_of_a_stream_is_all_that_head_gets),
        cmocka_unit_test(a_stop_tells_the_streams_and_sends_their_last_words),
        cmocka_unit_test(a_stop_ends_streams_whose_clients_do_not_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
