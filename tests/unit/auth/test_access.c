/* Access files: what they may say, and what is told of those that are wrong. */
#include <support.h>

#include "files.h"
#include <auth/access.h>

#define HASH_A "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define HASH_B "1123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define KEY_A  "  - name: a\n    sha256: " HASH_A "\n    scopes: ask\n"

static const struct auth_topics topics = {"*", "internal.*"};

static int make_files(void **state) {
    if (test_folder_make(state)) return -1;
    EVP_PKEY_free(test_pair("rsa.pem", EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048)));
    EVP_PKEY_free(test_pair("weak.pem", EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024)));
    EVP_PKEY_free(test_pair("p384.pem", EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384")));
    EVP_PKEY_free(test_pair("open.pem", EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048)));
    assert_int_equal(chmod(test_path("open.pem"), 0666), 0);
    test_write("secret", TEST_SECRET "\n", 0600);
    test_write("seen", TEST_SECRET "\n", 0644);
    test_write("short", "too short\n", 0600);
    return 0;
}

static void a_file_says_who_may_do_what(void **state) {
    static const char text[] = "# the console, and a shop\n"
                               "keys:\n" KEY_A "  - name: shop\n    sha256: " HASH_B "\n"
                               "    scopes:\n      - \"ask:shop.* send:orders.*\"\n      - subscribe:orders\n"
                               "    rate: 50\n    streams: 3\n    not_after: 2027-01-31\n"
                               "    origins: https://shop.example https://*.shop.example\n"
                               "tokens:\n"
                               "  - issuer: https://login.example\n    audience: pouch\n    algorithm: RS256\n"
                               "    key: rsa.pem\n    kid: one\n    skew: 5s\n    burst: 9\n    rate: 3\n";
    struct auth_access *a;
    (void)state;
    if (auth_access_parse(&a, test_path("access.yaml"), text, strlen(text), &topics)) fail_msg("%s", pouch_why());
    assert_int_equal(a->n_keys, 2);
    assert_string_equal(a->keys[0]->name, "key:a");
    assert_int_equal(a->keys[0]->allowance.rate.interval_us, 0);
    const struct auth_who *shop = a->keys[1];
    assert_true(auth_may(shop, AUTH_ASK, "shop.tax") && auth_may(shop, AUTH_SUBSCRIBE, "orders"));
    assert_false(auth_may(shop, AUTH_ASK, "bank.tax"));
    assert_int_equal(shop->allowance.rate.interval_us, 20000);
    assert_int_equal(shop->allowance.rate.burst, 50);
    assert_int_equal(shop->allowance.streams, 3);
    assert_int_equal(shop->expires_ms, INT64_C(1801440000000)); /* the end of that day */
    assert_string_equal(shop->allowance.origins, "https://shop.example,https://*.shop.example");
    assert_int_equal(a->n_issuers, 1);
    assert_int_equal(a->issuers[0].skew_ms, 5000);
    assert_int_equal(a->issuers[0].allowance.rate.burst, 9);
    auth_access_free(a);
}

#define TOKEN(algorithm, key) \
    "tokens:\n  - issuer: i\n    audience: a\n    algorithm: " algorithm "\n    key: " key "\n"

static const struct {
    const char *text, *why;
} rows[] = {
    {"- a\n", "wants keys: and tokens:"},
    {"users:\n" KEY_A, ":1: users: there are keys: and tokens:"},
    {"keys: a\n", ":1: keys: wants a list"},
    {"keys:\n  - a\n", ":2: an entry of keys is NAME: VALUE"},
    {"keys:\n  - name: a\n", ":2: entry: wants name, sha256 and scopes"},
    {"keys:\n  - name: a\n    sha256: abc\n    scopes: ask\n", "sha256 wants 64 hexadecimal digits"},
    {"keys:\n  - name: a b\n    sha256: " HASH_A "\n    scopes: ask\n", ":2: name: wants a name"},
    {"keys:\n" KEY_A "    colour: red\n", ":5: colour: there is no such member"},
    {"keys:\n" KEY_A "    rate: fast\n", ":5: rate: wants a number from 0 to 100000"},
    {"keys:\n" KEY_A "    rate: 100001\n", ":5: rate: wants a number from 0 to 100000"},
    {"keys:\n" KEY_A "    not_after: tomorrow\n", ":5: not_after: wants a day"},
    {"keys:\n" KEY_A "    not_after: 2027-13-01\n", ":5: not_after: wants a day"},
    {"keys:\n" KEY_A KEY_A, "an entry before it has the same name or the same key"},
    {"keys:\n" KEY_A "  - name: b\n    sha256: " HASH_A "\n    scopes: ask\n", "the same name or the same key"},
    {"keys:\n  - name: a\n    sha256: " HASH_A "\n    scopes: fly\n", "'fly' is no scope"},
    {"keys:\n  - name: a\n    sha256: " HASH_A "\n    scopes: [ask, {b: c}]\n", "wants words, or a list of them"},
    {"tokens:\n  - issuer: i\n", "wants issuer, audience, algorithm and key"},
    {TOKEN("none", "secret"), "algorithm is one of HS256, RS256, ES256 and EdDSA"},
    {TOKEN("RS512", "rsa.pem"), "algorithm is one of"},
    {TOKEN("RS256", "nothing.pem"), "nothing.pem: No such file"},
    {TOKEN("RS256", "secret"), "there is no public key in it"},
    {TOKEN("RS256", "weak.pem"), "an RSA key has at least 2,048 bits"},
    {TOKEN("RS256", "p384.pem"), "it is no RSA key"},
    {TOKEN("RS256", "open.pem"), "its owner alone may write"},
    {TOKEN("ES256", "rsa.pem"), "it is no key on the curve P-256"},
    {TOKEN("ES256", "p384.pem"), "it is no key on the curve P-256"},
    {TOKEN("EdDSA", "rsa.pem"), "it is no Ed25519 key"},
    {TOKEN("HS256", "rsa.pem"), "open to others than its owner"},
    {TOKEN("HS256", "seen"), "open to others than its owner"},
    {TOKEN("HS256", "short"), "at least 32 bytes, this has 9"},
    {TOKEN("HS256", "secret") "    skew: 1h\n", "skew"},
    {TOKEN("HS256", "secret") "    roles: a\n", "roles: wants NAME: SCOPES"},
};

static void what_is_wrong_is_told_by_line(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct auth_access *a;
        assert_int_equal(auth_access_parse(&a, test_path("access.yaml"), rows[i].text, strlen(rows[i].text), &topics),
                         POUCH_E_CONFIG);
        assert_null(a);
        if (!strstr(pouch_why(), rows[i].why)) fail_msg("\"%s\" instead of \"%s\"", pouch_why(), rows[i].why);
        assert_null(strstr(pouch_why(), "secret of")); /* never quoted */
    }
}

static void a_file_without_entries_lets_nobody_in(void **state) {
    static const char *const texts[] = {"", "# nobody\n", "keys:\n", "keys: []\n", "keys: ~\ntokens: []\n"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct auth_access *a;
        assert_int_equal(auth_access_parse(&a, test_path("access.yaml"), texts[i], strlen(texts[i]), &topics),
                         POUCH_OK);
        assert_int_equal(a->n_keys + a->n_issuers, 0);
        auth_access_free(a);
    }
}

static void a_file_that_others_may_read_or_write_is_refused(void **state) {
    static const struct {
        mode_t mode;
        pouch_err e;
    } modes[] = {{0600, POUCH_OK},       {0400, POUCH_OK},       {0640, POUCH_OK},
                 {0660, POUCH_E_CONFIG}, {0644, POUCH_E_CONFIG}, {0602, POUCH_E_CONFIG}};
    (void)state;
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        struct auth_access *a;
        test_write("access.yaml", "keys:\n" KEY_A, modes[i].mode);
        assert_int_equal(auth_access_read(&a, test_path("access.yaml"), &topics), modes[i].e);
        auth_access_free(a);
    }
    struct auth_access *a;
    assert_int_equal(auth_access_read(&a, test_path("none.yaml"), &topics), POUCH_E_CONFIG);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_says_who_may_do_what),
        cmocka_unit_test(what_is_wrong_is_told_by_line),
        cmocka_unit_test(a_file_without_entries_lets_nobody_in),
        cmocka_unit_test(a_file_that_others_may_read_or_write_is_refused),
    };
    return cmocka_run_group_tests(tests, make_files, test_folder_remove);
}
