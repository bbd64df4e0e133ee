/* How many connections each address has: whom they are counted for, and that what has left is forgotten. */
#include <support.h>

#include <arpa/inet.h>
#include <httpd/peers.h>

enum { MOST = 2 };

static struct sockaddr_in6 v6(const char *text) {
    struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = htons(1)};
    assert_int_equal(inet_pton(AF_INET6, text, &a.sin6_addr), 1);
    return a;
}

static struct sockaddr_in6 v4(const char *text) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(1)};
    struct sockaddr_in6 in_its_place = {0};
    assert_int_equal(inet_pton(AF_INET, text, &a.sin_addr), 1);
    memcpy(&in_its_place, &a, sizeof a);
    return in_its_place;
}

static void fill(struct httpd_peers *p, struct sockaddr_in6 from) {
    for (int i = 0; i < MOST; i++) assert_true(httpd_peers_enter(p, &from));
    assert_false(httpd_peers_enter(p, &from));
}

static void leave_all(struct httpd_peers *p, struct sockaddr_in6 from) {
    for (int i = 0; i < MOST; i++) httpd_peers_leave(p, &from);
}

static void each_address_has_its_own_number(void **state) {
    (void)state;
    struct httpd_peers p;
    httpd_peers_init(&p, MOST);
    static const char *const others[] = {"10.0.0.2", "10.0.1.1", "127.0.0.1"};
    fill(&p, v4("10.0.0.1"));
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) fill(&p, v4(others[i]));
    leave_all(&p, v4("10.0.0.1"));
    fill(&p, v4("10.0.0.1"));
    leave_all(&p, v4("10.0.0.1"));
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) leave_all(&p, v4(others[i]));
    assert_null(p.root); /* nobody is kept in mind */
    httpd_peers_free(&p);
}

static void who_was_refused_need_not_leave(void **state) {
    (void)state;
    struct httpd_peers p;
    struct sockaddr_in6 a = v4("10.0.0.1");
    httpd_peers_init(&p, 1);
    for (int round = 0; round < 3; round++) {
        assert_true(httpd_peers_enter(&p, &a));
        assert_false(httpd_peers_enter(&p, &a));
        httpd_peers_leave(&p, &a);
    }
    assert_null(p.root);
    httpd_peers_free(&p);
}

static void a_network_of_ipv6_counts_as_one_address(void **state) {
    (void)state;
    struct httpd_peers p;
    struct sockaddr_in6 same = v6("2001:db8:1:2:ffff::1");
    httpd_peers_init(&p, MOST);
    fill(&p, v6("2001:db8:1:2::1"));
    assert_false(httpd_peers_enter(&p, &same));
    fill(&p, v6("2001:db8:1:3::1"));
    fill(&p, v6("::1"));
    leave_all(&p, v6("2001:db8:1:2::9"));
    leave_all(&p, v6("2001:db8:1:3::1"));
    leave_all(&p, v6("::1"));
    assert_null(p.root);
    httpd_peers_free(&p);
}

static void an_address_of_ipv4_is_the_same_however_it_is_written(void **state) {
    (void)state;
    struct httpd_peers p;
    struct sockaddr_in6 mapped = v6("::ffff:10.0.0.1"), next = v6("::ffff:10.0.0.2");
    httpd_peers_init(&p, MOST);
    fill(&p, v4("10.0.0.1"));
    assert_false(httpd_peers_enter(&p, &mapped));
    assert_true(httpd_peers_enter(&p, &next));
    httpd_peers_leave(&p, &next);
    leave_all(&p, mapped);
    assert_null(p.root);
    httpd_peers_free(&p);
}

static void without_a_bound_nobody_is_counted(void **state) {
    (void)state;
    struct httpd_peers p;
    struct sockaddr_in6 a = v4("10.0.0.1");
    httpd_peers_init(&p, 0);
    for (int i = 0; i < 1000; i++) assert_true(httpd_peers_enter(&p, &a));
    assert_null(p.root);
    httpd_peers_leave(&p, &a);
    httpd_peers_free(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_address_has_its_own_number),
        cmocka_unit_test(who_was_refused_need_not_leave),
        cmocka_unit_test(a_network_of_ipv6_counts_as_one_address),
        cmocka_unit_test(an_address_of_ipv4_is_the_same_however_it_is_written),
        cmocka_unit_test(without_a_bound_nobody_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
