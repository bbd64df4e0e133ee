/* Every allocation of the server fails in turn: it does not start, or a connection is lost, and then it goes on. */
#include <support.h>

#include <oom.h>

#include "http_client.h"

#include <httpd/httpd.h>
#include <metrics/metrics.h>

static pouch_err page(struct httpd_answer *a, void *arg) {
    (void)arg;
    return pl_buf_puts(&a->body, "{}");
}

static const struct httpd_page pages[] = {{"/page", page, NULL}};

/* What there is no memory to read is read again and again, until the connection's deadline. */
static struct httpd_limits limits;

static pouch_err start(struct httpd **h) {
    limits = httpd_limits;
    limits.head_ms = 50;
    return httpd_start(h, "127.0.0.1:0", pages, 1, &limits);
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
    } rows[] = {{"GET /page HTTP/1.0\r\n\r\n", 200}, {"GET /none HTTP/1.0\r\n\r\n", 404}, {"GET /page\r\n\r\n", 400}};
    if (!test_oom_works()) skip();
    struct httpd *h;
    assert_int_equal(start(&h), POUCH_OK);
    int port = httpd_port(h);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int status = 0;
        for (long n = 0; n < 1000 && status != rows[i].status; n++) {
            status = get_with(port, rows[i].request, n);
            if (status != 0 && status != 408 && status != 500 && status != rows[i].status)
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
