/* HTTP calls, against a real service on loopback. */
#include <http_service.h>

#include <http/http.h>
#include <pthread.h>
#include <refusing_port.h>
#include <stdbool.h>
#include <stdlib.h>

static struct http_post call_to(const char *url) {
    return (struct http_post){.url = url, .body = "{}", .n = 2, .timeout_ms = 60000};
}

static pouch_err post(const char *path, int timeout_ms, const atomic_bool *stop, long *status, struct pl_buf *body) {
    char url[128];
    struct http_post call = call_to(http_service_url(path, url));
    call.timeout_ms = timeout_ms;
    call.stop = stop;
    return http_post(&call, status, body);
}

static void body_and_clean_headers_arrive(void **state) {
    (void)state;
    char url[128];
    struct http_post call = call_to(http_service_url("echo", url));
    const struct http_header headers[] = {
        {"Content-Type", "application/json"}, {"X-Absent", NULL}, {"X-Forged", "a\r\nX-Injected: b"}, {"X-Good", "c"}};
    call.headers = headers;
    call.n_headers = sizeof headers / sizeof headers[0];
    call.body = "{\"a\":1} and more";
    call.n = 7;
    struct pl_buf body;
    pl_buf_init(&body, 1 << 16);
    long status;
    assert_int_equal(http_post(&call, &status, &body), POUCH_OK);
    assert_int_equal(status, 200);
    assert_non_null(strstr(body.at, "\"body\": \"{\\\"a\\\":1}\""));
    assert_non_null(strstr(body.at, "\"content-type\": \"application/json\""));
    assert_non_null(strstr(body.at, "\"x-good\": \"c\""));
    static const char *const absent[] = {"x-absent", "x-forged", "x-injected", "expect"};
    for (size_t i = 0; i < sizeof absent / sizeof absent[0]; i++) assert_null(strstr(body.at, absent[i]));
    pl_buf_free(&body);
}

/* All on one thread of its own, so that no other test has used its handle. */
static void *call_three_times(void *arg) {
    struct pl_buf body;
    pl_buf_init(&body, 1 << 16);
    long status;
    for (int i = 0; i < 3; i++) assert_int_equal(post("echo", 60000, NULL, &status, &body), POUCH_OK);
    *(bool *)arg = strstr(body.at, "\"requests\": 3}") != NULL;
    pl_buf_free(&body);
    return NULL;
}

static void a_thread_keeps_its_connection(void **state) {
    (void)state;
    pthread_t thread;
    bool kept = false;
    assert_int_equal(pthread_create(&thread, NULL, call_three_times, &kept), 0);
    pthread_join(thread, NULL);
    assert_true(kept);
}

static void every_status_is_an_answer(void **state) {
    (void)state;
    static const long statuses[] = {200, 201, 204, 400, 404, 429, 500, 503};
    struct pl_buf body;
    pl_buf_init(&body, 64);
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        char path[32];
        snprintf(path, sizeof path, "status/%ld", statuses[i]);
        long status;
        assert_int_equal(post(path, 60000, NULL, &status, &body), POUCH_OK);
        assert_int_equal(status, statuses[i]);
        assert_int_equal(body.len, statuses[i] == 204 ? 0 : 10);
    }
    pl_buf_free(&body);
}

static void a_redirect_is_not_followed(void **state) {
    (void)state;
    struct pl_buf body;
    pl_buf_init(&body, 64);
    long status;
    assert_int_equal(post("redirect", 60000, NULL, &status, &body), POUCH_OK);
    assert_int_equal(status, 302);
    pl_buf_free(&body);
}

static void the_ceiling_holds_to_the_byte(void **state) {
    (void)state;
    struct pl_buf body;
    pl_buf_init(&body, 1000);
    long status;
    assert_int_equal(post("body/1000", 60000, NULL, &status, &body), POUCH_OK);
    assert_int_equal(post("body/1001", 60000, NULL, &status, &body), POUCH_E_TOO_LARGE);
    assert_non_null(strstr(pouch_why(), "the answer is larger than 1000 bytes"));
    pl_buf_free(&body);
}

static void what_goes_wrong_is_told_apart(void **state) {
    (void)state;
    char address[32], refused[64];
    int fd = test_refusing_port(address);
    snprintf(refused, sizeof refused, "http://%s/", address);
    struct pl_buf body;
    pl_buf_init(&body, 64);
    long status;
    struct http_post call = call_to(refused);
    assert_int_equal(http_post(&call, &status, &body), POUCH_E_NO_RESPONDERS);
    assert_non_null(strstr(pouch_why(), refused));
    assert_non_null(strstr(pouch_why(), "is the service running?"));
    close(fd);
    assert_int_equal(post("silent", 50, NULL, &status, &body), POUCH_E_TIMEOUT);
    assert_int_equal(post("broken", 60000, NULL, &status, &body), POUCH_E_CLOSED);
    atomic_bool stop = true;
    assert_int_equal(post("silent", 60000, &stop, &status, &body), POUCH_E_CLOSED);
    pl_buf_free(&body);
}

static void a_proxy_of_the_environment_sees_nothing(void **state) {
    (void)state;
    char address[32], proxy[64];
    int fd = test_refusing_port(address);
    snprintf(proxy, sizeof proxy, "http://%s/", address);
    setenv("http_proxy", proxy, 1);
    struct pl_buf body;
    pl_buf_init(&body, 1 << 16);
    long status;
    assert_int_equal(post("echo", 60000, NULL, &status, &body), POUCH_OK);
    pl_buf_free(&body);
    unsetenv("http_proxy");
    close(fd);
}

static void a_url_is_checked_before_it_is_used(void **state) {
    (void)state;
    static const struct {
        const char *url;
        pouch_err e;
    } rows[] = {
        {"http://127.0.0.1:8080/work", POUCH_OK},
        {"https://work.example", POUCH_OK},
        {"", POUCH_E_CONFIG},
        {"localhost:8080", POUCH_E_CONFIG},
        {"ftp://host/", POUCH_E_CONFIG},
        {"file:///etc/passwd", POUCH_E_CONFIG},
        {"http://", POUCH_E_CONFIG},
        {"http://a b/", POUCH_E_CONFIG},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (http_check_url(rows[i].url) != rows[i].e) fail_msg("'%s'", rows[i].url);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(body_and_clean_headers_arrive),
        cmocka_unit_test(a_thread_keeps_its_connection),
        cmocka_unit_test(every_status_is_an_answer),
        cmocka_unit_test(a_redirect_is_not_followed),
        cmocka_unit_test(the_ceiling_holds_to_the_byte),
        cmocka_unit_test(what_goes_wrong_is_told_apart),
        cmocka_unit_test(a_proxy_of_the_environment_sees_nothing),
        cmocka_unit_test(a_url_is_checked_before_it_is_used),
    };
    return cmocka_run_group_tests(tests, http_service_start, http_service_stop);
}
