/* A service asked by HTTP, with a real one. */
#include "fake_job.h"

#include <http_service.h>
#include <refusing_port.h>
#include <runner/runner.h>
#include <signal.h>

static const struct runner_limits limits = {.open = 4, .timeout_ms = 60000, .drain_ms = 10000};

static enum fake_end ask(const char *url, struct pouch_job *job) {
    struct runner *r;
    assert_int_equal(runner_url(&r, url, &limits), POUCH_OK);
    r->handle(job, r);
    r->halt(r);
    r->free(r);
    return fake_wait(job);
}

/* acceptance: A26 */
static void what_the_service_answers_is_how_the_request_ends(void **state) {
    (void)state;
    static const struct {
        const char *path;
        enum fake_end end;
        const char *said;
    } rows[] = {
        {"status/404", FAKE_FAIL, "the service answered 404: status 404"},
        {"status/500", FAKE_FAIL, "the service answered 500: status 500"},
        {"redirect", FAKE_FAIL, "the service answered 302: moved"},
        {"status/429", FAKE_RETRY, "the service answered 429: status 429"},
        {"status/503", FAKE_RETRY, "the service answered 503: status 503"},
        {"status/200", FAKE_FAIL, "the service gave a reply that cannot be sent: not one JSON text"},
        {"status/204", FAKE_FAIL, "the service gave a reply that cannot be sent: not one JSON text"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char url[128];
        struct pouch_job job = fake_job("00000000-0000-4000-8000-00000000000a", "{\"a\":10}");
        assert_int_equal(ask(http_service_url(rows[i].path, url), &job), rows[i].end);
        assert_string_equal(job.said, rows[i].said);
        fake_free(&job);
    }
}

static void the_request_is_in_body_and_headers(void **state) {
    (void)state;
    static const char parent[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const struct fake_header headers[] = {{"traceparent", parent, sizeof parent - 1}, {"tracestate", "a\r\nx: y", 7}};
    struct pouch_job job = fake_job("00000000-0000-4000-8000-00000000000a", "{\"a\":10}");
    job.publisher = "shop";
    job.deadline = 1700000000123;
    job.headers = headers;
    job.n_headers = 2;
    char url[128];
    assert_int_equal(ask(http_service_url("echo", url), &job), FAKE_REPLY);
    static const char *const there[] = {
        "\"body\": \"{\\\"a\\\":10}\"",
        "\"content-type\": \"application/json\"",
        "\"x-request-id\": \"00000000-0000-4000-8000-00000000000a\"",
        "\"x-pouch-topic\": \"calculate\"",
        "\"x-pouch-publisher\": \"shop\"",
        "\"x-pouch-deadline\": \"1700000000123\"",
        "\"traceparent\": \"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\"",
    };
    for (size_t i = 0; i < sizeof there / sizeof there[0]; i++) assert_non_null(strstr(job.said, there[i]));
    assert_null(strstr(job.said, "tracestate"));
    fake_free(&job);
}

static void a_service_that_is_not_there_is_tried_again(void **state) {
    (void)state;
    char address[32], url[64];
    int fd = test_refusing_port(address);
    snprintf(url, sizeof url, "http://%s/", address);
    struct pouch_job job = fake_job("00000000-0000-4000-8000-00000000000a", "1");
    assert_int_equal(ask(url, &job), FAKE_RETRY);
    assert_non_null(strstr(job.said, "is the service running?"));
    fake_free(&job);
    close(fd);
}

static void a_request_that_wants_no_reply_needs_no_body(void **state) {
    (void)state;
    struct pouch_job job = fake_job("00000000-0000-4000-8000-00000000000a", "1");
    job.sent = true;
    char url[128];
    assert_int_equal(ask(http_service_url("status/204", url), &job), FAKE_REPLY);
    fake_free(&job);
}

static void what_is_no_url_is_refused_at_once(void **state) {
    (void)state;
    struct runner *r;
    assert_int_equal(runner_url(&r, "localhost:8080", &limits), POUCH_E_CONFIG);
    assert_null(r);
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_service_answers_is_how_the_request_ends),
        cmocka_unit_test(the_request_is_in_body_and_headers),
        cmocka_unit_test(a_service_that_is_not_there_is_tried_again),
        cmocka_unit_test(a_request_that_wants_no_reply_needs_no_body),
        cmocka_unit_test(what_is_no_url_is_refused_at_once),
    };
    return cmocka_run_group_tests(tests, http_service_start, http_service_stop);
}
