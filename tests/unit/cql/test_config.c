/* URLs of clusters: what is taken, what is refused and why. Every allocation fails once. */
#include <support.h>

#include <cql/config.h>
#include <cql/cql.h>
#include <oom.h>
#include <stdio.h>
#include <unistd.h>

static char password_path[] = "/tmp/pouch-cql-password-XXXXXX";

static int make_password_file(void **state) {
    (void)state;
    int fd = mkstemp(password_path);
    return fd < 0 || write(fd, "secret word\nmore\n", 17) != 17 || close(fd);
}

static int remove_password_file(void **state) {
    (void)state;
    return unlink(password_path);
}

static void a_url_names_hosts_keyspace_and_parameters(void **state) {
    (void)state;
    char url[300];
    snprintf(
        url, sizeof url,
        "cassandra://one,two:19042,[::1]:9043/pouch?dc=dc%%31&user=u&password_file=%s&ca=/ca&request_timeout=250ms&"
        "in_flight=7&replication=3",
        password_path);
    struct pl_cql_config c;
    assert_int_equal(pl_cql_config_parse(&c, url), POUCH_OK);
    assert_int_equal(c.n_contacts, 3);
    assert_string_equal(c.contacts[0].host, "one");
    assert_int_equal(c.contacts[0].port, 9042);
    assert_int_equal(c.contacts[1].port, 19042);
    assert_string_equal(c.contacts[2].host, "::1");
    assert_string_equal(c.keyspace, "pouch");
    assert_string_equal(c.dc, "dc1");
    assert_string_equal(c.password, "secret word");
    assert_true(c.tls);
    assert_int_equal(c.request_us, 250000);
    assert_int_equal(c.in_flight, 7);
    assert_int_equal(pl_cql_config_check(&c), POUCH_E_CONFIG);
    assert_non_null(strstr(pouch_why(), "replication"));
    assert_string_equal(pl_cql_config_take(&c, "replication"), "3");
    assert_null(pl_cql_config_take(&c, "other"));
    assert_int_equal(pl_cql_config_check(&c), POUCH_OK);
    pl_cql_config_free(&c);
}

static void the_smallest_url_has_the_defaults(void **state) {
    (void)state;
    struct pl_cql_config c;
    assert_int_equal(pl_cql_config_parse(&c, "localhost"), POUCH_OK);
    assert_null(c.keyspace);
    assert_false(c.tls);
    assert_int_equal(c.in_flight, 2048);
    assert_int_equal(c.connections, 1);
    pl_cql_config_free(&c);
}

static void what_is_wrong_is_named(void **state) {
    (void)state;
    static const struct {
        const char *url, *word;
    } wrong[] = {
        {"", "''"},
        {"cassandra://", "''"},
        {"cassandra:///keyspace", "''"},
        {"a,,b", "''"},
        {"a:0", "a:0"},
        {"a:65536", "65536"},
        {"a:", "a:"},
        {"[::1", "[::1"},
        {"[::1]9042", "[::1]9042"},
        {"user:word@host", "password_file"},
        {"a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a", "16"},
        {"a/9lives", "9lives"},
        {"a/key-space", "key-space"},
        {"a?dc", "name=value"},
        {"a?=x", "name=value"},
        {"a?dc=%4", "hexadecimal"},
        {"a?dc=%00", "hexadecimal"},
        {"a?dc=a&dc=b", "dc is given twice"},
        {"a?dc=", "dc is empty"},
        {"a?tls=maybe", "maybe"},
        {"a?tls=off&ca=/ca", "tls=off"},
        {"a?cert=/c", "together"},
        {"a?in_flight=0", "32767"},
        {"a?in_flight=32768", "32767"},
        {"a?in_flight=1x", "1x"},
        {"a?connections=9", "connections"},
        {"a?request_timeout=5", "5s"},
        {"a?request_timeout=0s", "0s"},
        {"a?connect_timeout=2h", "2h"},
        {"a?password=x", "lists of processes"},
        {"a?password_file=/x", "without user"},
        {"a?user=u", "POUCH_CASSANDRA_PASSWORD"},
        {"a?user=u&password_file=/nowhere/at/all", "/nowhere/at/all"},
        {"a?user=u&password_file=/tmp", "/tmp is not a file"},
    };
    unsetenv("POUCH_CASSANDRA_PASSWORD");
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct pl_cql_config c;
        assert_int_equal(pl_cql_config_parse(&c, wrong[i].url), POUCH_E_CONFIG);
        if (!strstr(pouch_why(), wrong[i].word)) fail_msg("%s: %s", wrong[i].url, pouch_why());
    }
}

static void a_password_may_come_from_the_environment(void **state) {
    (void)state;
    struct pl_cql_config c;
    setenv("POUCH_CASSANDRA_PASSWORD", "word", 1);
    assert_int_equal(pl_cql_config_parse(&c, "a?user=u"), POUCH_OK);
    assert_string_equal(c.password, "word");
    pl_cql_config_free(&c);
    unsetenv("POUCH_CASSANDRA_PASSWORD");
}

static void consistencies_have_names_both_ways(void **state) {
    (void)state;
    enum pl_cql_consistency c;
    for (int i = PL_CQL_ANY; i <= PL_CQL_LOCAL_ONE; i++) {
        assert_true(pl_cql_consistency_parse(&c, pl_cql_consistency_name((enum pl_cql_consistency)i)));
        assert_int_equal(c, i);
    }
    assert_true(pl_cql_consistency_parse(&c, "local_quorum") && c == PL_CQL_LOCAL_QUORUM);
    assert_false(pl_cql_consistency_parse(&c, "default"));
    assert_false(pl_cql_consistency_parse(&c, "most"));
}

static bool parse_and_open(void) {
    char url[200];
    snprintf(url, sizeof url, "127.0.0.1:1,127.0.0.2:1/k?dc=d&user=u&password_file=%s&in_flight=3", password_path);
    struct pl_cql_config c;
    struct pl_cql *s = NULL;
    pouch_err e = pl_cql_config_parse(&c, url);
    if (!e) e = pl_cql_open(&s, &c, NULL);
    pl_cql_config_free(&c);
    pl_cql_close(s);
    return !e;
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    if (!test_oom_works()) skip();
    assert_true(parse_and_open()); /* what libraries keep for good, they take now */
    assert_true(test_oom_each(parse_and_open) > 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_url_names_hosts_keyspace_and_parameters),
        cmocka_unit_test(the_smallest_url_has_the_defaults),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(a_password_may_come_from_the_environment),
        cmocka_unit_test(consistencies_have_names_both_ways),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, make_password_file, remove_password_file);
}
