/* Where a request says it comes from, and which host it meant. */
#include <support.h>

#include <auth/origin.h>

static struct httpd_span span(const char *text) {
    return (struct httpd_span){text, text ? strlen(text) : 0};
}

static void only_names_that_cannot_be_made_to_point_elsewhere_are_local(void **state) {
    static const char *const local[] = {"localhost", "LocalHost:8080", "127.0.0.1", "127.9.9.9:1", "[::1]", "[::1]:80"};
    static const char *const others[] = {"",
                                         "example.com",
                                         "localhost.evil.example",
                                         "127.0.0.1.evil.example",
                                         "evil:127",
                                         "0.0.0.0",
                                         "10.0.0.1",
                                         "[::2]",
                                         "[::1",
                                         "::1]",
                                         "localhost@evil.example",
                                         "127.0.0.256",
                                         "2130706433",
                                         "[fe80::1]:80",
                                         "x127.0.0.1"};
    (void)state;
    for (size_t i = 0; i < sizeof local / sizeof local[0]; i++) assert_true(auth_host_is_local(span(local[i])));
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) assert_false(auth_host_is_local(span(others[i])));
}

static void an_address_to_listen_on_is_local_or_not(void **state) {
    static const char *const local[] = {"127.0.0.1:0", "localhost:8080", "[::1]:8080"};
    static const char *const others[] = {":8080", "0.0.0.0:8080", "[::]:8080", "10.1.2.3:80", "gateway.example:80"};
    (void)state;
    for (size_t i = 0; i < sizeof local / sizeof local[0]; i++) assert_true(auth_listen_is_local(local[i]));
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) assert_false(auth_listen_is_local(others[i]));
}

static void a_peer_is_local_by_its_address(void **state) {
    (void)state;
    assert_true(auth_peer_is_local("127.0.0.1"));
    assert_true(auth_peer_is_local("::1"));
    assert_true(auth_peer_is_local("::ffff:127.0.0.1"));
    assert_false(auth_peer_is_local("192.0.2.1"));
    assert_false(auth_peer_is_local("::ffff:192.0.2.1"));
    assert_false(auth_peer_is_local(""));
}

static void a_page_of_the_same_host_is_our_own(void **state) {
    (void)state;
    assert_true(auth_origin_is_own(span("http://a.example:8080"), span("a.example:8080")));
    assert_true(auth_origin_is_own(span("https://A.example"), span("a.example")));
    assert_false(auth_origin_is_own(span("http://a.example:8081"), span("a.example:8080")));
    assert_false(auth_origin_is_own(span("http://b.example"), span("a.example")));
    assert_false(auth_origin_is_own(span("null"), span("null")));
    assert_false(auth_origin_is_own(span("http://"), span("")));
}

static void origins_are_listed_whole_or_by_a_star(void **state) {
    static const char list[] = "https://app.example, https://*.apps.example,http://localhost:*";
    static const struct {
        const char *origin;
        bool listed;
    } rows[] = {
        {"https://app.example", true},
        {"https://APP.example", true},
        {"http://app.example", false},
        {"https://app.example.evil", false},
        {"https://x.apps.example", true},
        {"https://x.y.apps.example", true},
        {"https://apps.example", false},
        {"https://.apps.example", false},
        {"https://evil/.apps.example", false},
        {"http://localhost:5173", true},
        {"null", false},
        {"", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(auth_origin_is_listed(span(rows[i].origin), list), rows[i].listed);
    assert_false(auth_origin_is_listed(span("https://app.example"), NULL));
    assert_false(auth_origin_is_listed(span("https://app.example"), "*")); /* a star is never all pages */
    assert_false(auth_origin_is_listed(span("null"), "*,n*"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_names_that_cannot_be_made_to_point_elsewhere_are_local),
        cmocka_unit_test(an_address_to_listen_on_is_local_or_not),
        cmocka_unit_test(a_peer_is_local_by_its_address),
        cmocka_unit_test(a_page_of_the_same_host_is_our_own),
        cmocka_unit_test(origins_are_listed_whole_or_by_a_star),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
