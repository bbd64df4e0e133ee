/* The addresses of other processes, and what may answer there. */
#include <http_service.h>

#include <peer/peer.h>
#include <pouch/error.h>
#include <stdlib.h>

static void an_address_is_what_listen_was_given_or_logged(void **state) {
    (void)state;
    static const struct {
        const char *name, *url;
    } rows[] = {{"127.0.0.1:9464", "http://127.0.0.1:9464/statusz"},
                {":9464", "http://127.0.0.1:9464/statusz"},
                {"[::1]:9464", "http://[::1]:9464/statusz"},
                {"worker-1.example:80", "http://worker-1.example:80/statusz"},
                {"http://127.0.0.1:9464", "http://127.0.0.1:9464/statusz"},
                {"http://127.0.0.1:9464/", "http://127.0.0.1:9464/statusz"},
                {"https://pouch.example/metrics?x=1", "https://pouch.example/statusz"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *url;
        if (peer_url(&url, rows[i].name)) fail_msg("%s: %s", rows[i].name, pouch_why());
        assert_string_equal(url, rows[i].url);
        free(url);
    }
}

static void what_is_no_address_is_refused(void **state) {
    (void)state;
    static const char *const rows[] = {"", "9464", "localhost", "ftp://host:21", "http://", "a b:1", "host:port"};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *url;
        assert_int_equal(peer_url(&url, rows[i]), POUCH_E_CONFIG);
        assert_null(url);
        assert_non_null(strstr(pouch_why(), "--listen"));
    }
}

/* Another service than ours answers. */
static void what_is_no_status_page_is_told_as_such(void **state) {
    (void)state;
    static const char *const pages[] = {"echo", "status/404", "status/200", "status/204"};
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        char url[128];
        json_t *status;
        assert_int_equal(peer_status(&status, http_service_url(pages[i], url), 60000, NULL), POUCH_E_INVALID_PAYLOAD);
        assert_null(status);
        assert_non_null(strstr(pouch_why(), url));
    }
}

static void nobody_listens_there(void **state) {
    (void)state;
    json_t *status;
    assert_int_equal(peer_status(&status, "http://127.0.0.1:1/statusz", 60000, NULL), POUCH_E_NO_RESPONDERS);
    assert_null(status);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_is_what_listen_was_given_or_logged),
        cmocka_unit_test(what_is_no_address_is_refused),
        cmocka_unit_test(what_is_no_status_page_is_told_as_such),
        cmocka_unit_test(nobody_listens_there),
    };
    return cmocka_run_group_tests(tests, http_service_start, http_service_stop);
}
