/* Addresses of Redis. */
#include <support.h>

#include <share/url.h>

static const struct {
    const char *text, *host;
    int port, database;
    const char *user, *password, *shown;
} good[] = {
    {"redis://cache", "cache", 6379, 0, NULL, NULL, "redis://cache:6379/0"},
    {"redis://cache/", "cache", 6379, 0, NULL, NULL, "redis://cache:6379/0"},
    {"redis://cache:7000/12", "cache", 7000, 12, NULL, NULL, "redis://cache:7000/12"},
    {"redis://:p%40ss%2Fword@127.0.0.1:1", "127.0.0.1", 1, 0, NULL, "p@ss/word", "redis://127.0.0.1:1/0"},
    {"redis://me:secret@cache", "cache", 6379, 0, "me", "secret", "redis://cache:6379/0"},
    {"redis://me:a:b@cache", "cache", 6379, 0, "me", "a:b", "redis://cache:6379/0"},
    {"redis://[::1]", "::1", 6379, 0, NULL, NULL, "redis://[::1]:6379/0"},
    {"redis://[::1]:7/3", "::1", 7, 3, NULL, NULL, "redis://[::1]:7/3"},
};

static void same(const char *a, const char *b) {
    if (b)
        assert_string_equal(a, b);
    else
        assert_null(a);
}

static void an_address_is_read(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct share_url u;
        if (share_url_read(&u, good[i].text)) fail_msg("%s: %s", good[i].text, pouch_why());
        assert_string_equal(u.host, good[i].host);
        assert_int_equal(u.port, good[i].port);
        assert_int_equal(u.database, good[i].database);
        same(u.user, good[i].user);
        same(u.password, good[i].password);
        assert_string_equal(u.shown, good[i].shown);
        share_url_free(&u);
    }
}

static const char *const bad[] = {
    "",
    "cache:6379",
    "http://cache",
    "redis://",
    "redis://:6379",
    "redis://cache:",
    "redis://cache:0",
    "redis://cache:65536",
    "redis://cache:12345678901234567890",
    "redis://cache:6379x",
    "redis://cache/one",
    "redis://cache/-1",
    "redis://cache/1/2",
    "redis://secret@cache",
    "redis://:secret%zz@cache",
    "redis://:secret%00@cache",
    "redis://:secret%@cache",
    "redis://:secret@",
    "redis://[::1",
    "redis://[::1]7",
    "redis://[]",
    "redis://cache?secret=1",
};

static void what_is_no_address_is_refused_without_its_password(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct share_url u;
        if (share_url_read(&u, bad[i]) != POUCH_E_CONFIG) fail_msg("taken: %s", bad[i]);
        assert_null(strstr(pouch_why(), "secret"));
        assert_null(u.password);
    }
}

static void tls_is_refused_with_the_reason(void **state) {
    struct share_url u;
    (void)state;
    assert_int_equal(share_url_read(&u, "rediss://:secret@cache"), POUCH_E_CONFIG);
    assert_non_null(strstr(pouch_why(), "TLS"));
    assert_non_null(strstr(pouch_why(), "tunnel"));
    assert_null(strstr(pouch_why(), "secret"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_is_read),
        cmocka_unit_test(what_is_no_address_is_refused_without_its_password),
        cmocka_unit_test(tls_is_refused_with_the_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
