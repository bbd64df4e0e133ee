/* Which tokens are taken. */
#include <support.h>

#include "files.h"
#include <auth/token.h>
#include <inttypes.h>

#define NOW_S 1700000000

static const struct auth_topics topics = {"*", "internal.*"};
static EVP_PKEY *rsa, *ec, *ed, *other;

static const char access_text[] = "tokens:\n"
                                  "  - {issuer: iss-hs, audience: pouch, algorithm: HS256, key: secret, roles: "
                                  "{reader: read.*, caller: \"ask:citizen send:orders.*\"}, claim: roles}\n"
                                  "  - {issuer: iss-rs, audience: pouch, algorithm: RS256, key: rsa.pem, kid: one}\n"
                                  "  - {issuer: iss-rs, audience: pouch, algorithm: RS256, key: other.pem, kid: two}\n"
                                  "  - {issuer: iss-es, audience: pouch, algorithm: ES256, key: ec.pem, skew: 0}\n"
                                  "  - {issuer: iss-ed, audience: pouch, algorithm: EdDSA, key: ed.pem, rate: 7}\n";

static int make_files(void **state) {
    if (test_folder_make(state)) return -1;
    rsa = test_pair("rsa.pem", EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048));
    other = test_pair("other.pem", EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048));
    ec = test_pair("ec.pem", EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"));
    ed = test_pair("ed.pem", EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"));
    test_write("secret", TEST_SECRET "\n", 0600);
    return 0;
}

static int remove_files(void **state) {
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(other);
    EVP_PKEY_free(ec);
    EVP_PKEY_free(ed);
    return test_folder_remove(state);
}

static struct auth_access *access_made(void) {
    struct auth_access *a;
    pouch_err e = auth_access_parse(&a, test_path("access.yaml"), access_text, strlen(access_text), &topics);
    if (e) fail_msg("%s", pouch_why());
    return a;
}

static enum auth_token_end read_at(const char *token, int64_t now_s, struct auth_who **who) {
    struct auth_access *a = access_made();
    enum auth_token_end end = auth_token_read(who, a, (struct httpd_span){token, strlen(token)}, &topics, now_s * 1000);
    assert_int_equal(!*who, end != AUTH_TOKEN_OK);
    auth_access_free(a);
    return end;
}

static enum auth_token_end end_of(const char *token) {
    struct auth_who *who;
    enum auth_token_end end = read_at(token, NOW_S, &who);
    auth_who_free(who);
    return end;
}

static void sign(char token[TEST_TOKEN_MAX], const char *head, const char *claims, EVP_PKEY *key) {
    uint8_t signature[512];
    size_t n = sizeof signature;
    test_unsigned(token, head, claims);
    if (key == ec)
        test_sign_ec(token, key, signature, &n);
    else
        test_sign_key(token, key, key == ed ? NULL : EVP_sha256(), signature, &n);
    test_append(token, signature, n);
}

#define CLAIMS(iss)   \
    "{\"iss\":\"" iss \
    "\",\"aud\":[\"x\",\"pouch\"],\"sub\":\"ann\",\"exp\":1700000100,\"scope\":\"openid ask:citizen\"}"

static void a_token_of_each_algorithm_is_taken(void **state) {
    char token[TEST_TOKEN_MAX];
    struct auth_who *who;
    (void)state;
    sign(token, "{\"alg\":\"RS256\",\"kid\":\"one\",\"typ\":\"JWT\"}", CLAIMS("iss-rs"), rsa);
    assert_int_equal(read_at(token, NOW_S, &who), AUTH_TOKEN_OK);
    assert_string_equal(auth_who_name(who), "jwt:ann@iss-rs");
    assert_true(auth_may(who, AUTH_ASK, "citizen"));
    assert_false(auth_may(who, AUTH_ASK, "tax"));
    assert_string_equal(auth_who_scope(who, 0), "ask:citizen");
    assert_null(auth_who_scope(who, 1));
    auth_who_free(who);
    sign(token, "{\"alg\":\"RS256\",\"kid\":\"two\"}", CLAIMS("iss-rs"), other);
    assert_int_equal(end_of(token), AUTH_TOKEN_OK);
    sign(token, "{\"alg\":\"ES256\"}", CLAIMS("iss-es"), ec);
    assert_int_equal(end_of(token), AUTH_TOKEN_OK);
    sign(token, "{\"alg\":\"EdDSA\"}", CLAIMS("iss-ed"), ed);
    assert_int_equal(end_of(token), AUTH_TOKEN_OK);
    test_hs256(token, "{\"alg\":\"HS256\"}", CLAIMS("iss-hs"));
    assert_int_equal(end_of(token), AUTH_TOKEN_OK);
}

static void words_of_a_claim_are_names_of_roles_where_there_are_any(void **state) {
    char token[TEST_TOKEN_MAX];
    struct auth_who *who;
    (void)state;
    test_hs256(token, "{\"alg\":\"HS256\"}",
               "{\"iss\":\"iss-hs\",\"aud\":\"pouch\",\"sub\":\"ann\",\"exp\":1700000100,"
               "\"roles\":[\"caller\",\"*\",\"nothing\"]}");
    assert_int_equal(read_at(token, NOW_S, &who), AUTH_TOKEN_OK);
    assert_true(auth_may(who, AUTH_ASK, "citizen"));
    assert_true(auth_may(who, AUTH_SEND, "orders.new"));
    assert_false(auth_may(who, AUTH_READ_ROUTES, NULL)); /* "*" is no role, and roles are all that counts */
    auth_who_free(who);
}

/* The attacks of RFC 8725, and what else is no token of these issuers. */
static void a_token_that_nobody_here_has_signed_is_refused(void **state) {
    char token[TEST_TOKEN_MAX], pem[4096];
    uint8_t mac[64];
    size_t n;
    (void)state;
    static const char *const nones[] = {"none", "None", "NONE", ""};
    for (size_t i = 0; i < 4; i++) {
        char head[32];
        snprintf(head, sizeof head, "{\"alg\":\"%s\"}", nones[i]);
        test_unsigned(token, head, CLAIMS("iss-hs"));
        strcat(token, ".");
        assert_int_equal(end_of(token), AUTH_TOKEN_MALFORMED);
        strcat(token, "AA");
        assert_int_equal(end_of(token), AUTH_TOKEN_UNKNOWN);
    }
    /* A public key as the secret of HS256, with and without its file's last line end. */
    FILE *f = fopen(test_path("rsa.pem"), "r");
    size_t pem_n = fread(pem, 1, sizeof pem, f);
    fclose(f);
    for (size_t less = 0; less < 2; less++) {
        test_unsigned(token, "{\"alg\":\"HS256\",\"kid\":\"one\"}", CLAIMS("iss-rs"));
        test_sign_hmac(token, pem, pem_n - less, mac, &n);
        test_append(token, mac, n);
        assert_int_equal(end_of(token), AUTH_TOKEN_FORGED);
    }
    /* Another's key, though its id and algorithm are right; and a key id that nobody has. */
    sign(token, "{\"alg\":\"RS256\",\"kid\":\"one\"}", CLAIMS("iss-rs"), other);
    assert_int_equal(end_of(token), AUTH_TOKEN_FORGED);
    sign(token, "{\"alg\":\"RS256\",\"kid\":\"three\"}", CLAIMS("iss-rs"), rsa);
    assert_int_equal(end_of(token), AUTH_TOKEN_UNKNOWN);
    sign(token, "{\"alg\":\"RS256\"}", CLAIMS("iss-rs"), rsa);
    assert_int_equal(end_of(token), AUTH_TOKEN_UNKNOWN);
    /* A key that speaks for another issuer. */
    sign(token, "{\"alg\":\"EdDSA\"}", CLAIMS("iss-rs"), ed);
    assert_int_equal(end_of(token), AUTH_TOKEN_ELSEWHERE);
    sign(token, "{\"alg\":\"EdDSA\",\"crit\":[\"exp\"]}", CLAIMS("iss-ed"), ed);
    assert_int_equal(end_of(token), AUTH_TOKEN_MALFORMED);
    sign(token, "{\"alg\":\"EdDSA\",\"alg\":\"EdDSA\"}", CLAIMS("iss-ed"), ed);
    assert_int_equal(end_of(token), AUTH_TOKEN_MALFORMED);
}

static void a_flip_of_any_bit_is_refused(void **state) {
    char token[TEST_TOKEN_MAX];
    struct auth_access *a = access_made();
    struct auth_who *who;
    (void)state;
    test_hs256(token, "{\"alg\":\"HS256\"}", CLAIMS("iss-hs"));
    size_t n = strlen(token);
    for (size_t i = 0; i < n; i++)
        for (int bit = 0; bit < 8; bit++) {
            token[i] = (char)(token[i] ^ 1 << bit);
            assert_int_not_equal(
                auth_token_read(&who, a, (struct httpd_span){token, n}, &topics, INT64_C(1000) * NOW_S), AUTH_TOKEN_OK);
            token[i] = (char)(token[i] ^ 1 << bit);
        }
    for (size_t cut = 0; cut < n; cut++)
        assert_int_not_equal(auth_token_read(&who, a, (struct httpd_span){token, cut}, &topics, INT64_C(1000) * NOW_S),
                             AUTH_TOKEN_OK);
    auth_access_free(a);
}

static const struct {
    const char *claims;
    enum auth_token_end end;
} rows[] = {
    {"\"exp\":1700000100,\"aud\":\"pouch\",\"sub\":\"a\"", AUTH_TOKEN_OK},
    {"\"exp\":1700000100.5,\"aud\":\"pouch\",\"sub\":\"a\"", AUTH_TOKEN_OK},
    {"\"aud\":\"pouch\",\"sub\":\"a\"", AUTH_TOKEN_TIME},
    {"\"exp\":\"1700000100\",\"aud\":\"pouch\",\"sub\":\"a\"", AUTH_TOKEN_TIME},
    {"\"exp\":null,\"aud\":\"pouch\",\"sub\":\"a\"", AUTH_TOKEN_TIME},
    {"\"exp\":-1,\"aud\":\"pouch\",\"sub\":\"a\"", AUTH_TOKEN_TIME},
    {"\"exp\":1e300,\"aud\":\"pouch\",\"sub\":\"a\"", AUTH_TOKEN_TIME},
    {"\"exp\":0,\"aud\":\"pouch\",\"sub\":\"a\"", AUTH_TOKEN_TIME},
    {"\"exp\":1700000000,\"aud\":\"pouch\",\"sub\":\"a\"", AUTH_TOKEN_OK}, /* within the skew of 60 s */
    {"\"exp\":1699999940,\"aud\":\"pouch\",\"sub\":\"a\"", AUTH_TOKEN_TIME},
    {"\"exp\":1700000100,\"nbf\":1700000060,\"aud\":\"pouch\",\"sub\":\"a\"", AUTH_TOKEN_OK},
    {"\"exp\":1700000100,\"nbf\":1700000061,\"aud\":\"pouch\",\"sub\":\"a\"", AUTH_TOKEN_TIME},
    {"\"exp\":1700000100,\"iat\":1700000061,\"aud\":\"pouch\",\"sub\":\"a\"", AUTH_TOKEN_TIME},
    {"\"exp\":1700000100,\"iat\":[],\"aud\":\"pouch\",\"sub\":\"a\"", AUTH_TOKEN_TIME},
    {"\"exp\":1700000100,\"sub\":\"a\"", AUTH_TOKEN_ELSEWHERE},
    {"\"exp\":1700000100,\"aud\":\"pouch2\",\"sub\":\"a\"", AUTH_TOKEN_ELSEWHERE},
    {"\"exp\":1700000100,\"aud\":[],\"sub\":\"a\"", AUTH_TOKEN_ELSEWHERE},
    {"\"exp\":1700000100,\"aud\":{\"pouch\":\"pouch\"},\"sub\":\"a\"", AUTH_TOKEN_ELSEWHERE},
    {"\"exp\":1700000100,\"aud\":\"pouch\"", AUTH_TOKEN_NOBODY},
    {"\"exp\":1700000100,\"aud\":\"pouch\",\"sub\":\"\"", AUTH_TOKEN_NOBODY},
    {"\"exp\":1700000100,\"aud\":\"pouch\",\"sub\":\"a b\"", AUTH_TOKEN_NOBODY},
    {"\"exp\":1700000100,\"aud\":\"pouch\",\"sub\":5", AUTH_TOKEN_NOBODY},
    {"\"exp\":1700000100,\"aud\":\"pouch\",\"sub\":\"a\",\"sub\":\"b\"", AUTH_TOKEN_MALFORMED},
};

static void claims_must_say_for_whom_and_until_when(void **state) {
    char token[TEST_TOKEN_MAX], claims[512];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        snprintf(claims, sizeof claims, "{\"iss\":\"iss-hs\",%s}", rows[i].claims);
        test_hs256(token, "{\"alg\":\"HS256\"}", claims);
        if (end_of(token) != rows[i].end) fail_msg("%s", claims);
    }
    test_hs256(token, "{\"alg\":\"HS256\"}", "{\"exp\":1700000100,\"aud\":\"pouch\",\"sub\":\"a\"}");
    assert_int_equal(end_of(token), AUTH_TOKEN_ELSEWHERE);
    test_hs256(token, "{\"alg\":\"HS256\"}", "[]");
    assert_int_equal(end_of(token), AUTH_TOKEN_MALFORMED);
}

static void one_key_may_sign_for_several_issuers_and_audiences(void **state) {
    static const char text[] =
        "tokens:\n"
        "  - {issuer: one, audience: shop, algorithm: HS256, key: secret, claim: roles, roles: {r: read.*}}\n"
        "  - {issuer: one, audience: desk, algorithm: HS256, key: secret, claim: roles, roles: {r: \"ask:a\"}}\n"
        "  - {issuer: two, audience: shop, algorithm: HS256, key: secret, claim: roles, roles: {r: \"ask:b\"}}\n";
    static const struct {
        const char *issuer, *audience, *scope; /* NULL: it is refused */
    } cases[] = {{"one", "shop", "read.*"}, {"one", "desk", "ask:a"}, {"two", "shop", "ask:b"}, {"two", "desk", NULL}};
    struct auth_access *a;
    (void)state;
    assert_int_equal(auth_access_parse(&a, test_path("access.yaml"), text, strlen(text), &topics), POUCH_OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char token[TEST_TOKEN_MAX], claims[256];
        struct auth_who *who;
        snprintf(claims, sizeof claims, "{\"iss\":\"%s\",\"aud\":\"%s\",\"sub\":\"ann\",\"exp\":%d,\"roles\":\"r\"}",
                 cases[i].issuer, cases[i].audience, NOW_S + 1);
        test_hs256(token, "{\"alg\":\"HS256\"}", claims);
        enum auth_token_end end =
            auth_token_read(&who, a, (struct httpd_span){token, strlen(token)}, &topics, INT64_C(1000) * NOW_S);
        assert_int_equal(end, cases[i].scope ? AUTH_TOKEN_OK : AUTH_TOKEN_ELSEWHERE);
        if (cases[i].scope) assert_string_equal(auth_who_scope(who, 0), cases[i].scope);
        auth_who_free(who);
    }
    auth_access_free(a);
}

static void size_and_form_are_bounded(void **state) {
    static const char *const texts[] = {
        "", ".", "..", "...", "a.b", "a.b.c", "a..", "e30..", ".e30.", "e30.e30.", "e30.e30.e30.e30", "=.=.="};
    static char token[TEST_TOKEN_MAX], head[TEST_TOKEN_MAX / 2];
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_int_equal(end_of(texts[i]), AUTH_TOKEN_MALFORMED);
    memset(head, 'x', AUTH_TOKEN_MAX * 3 / 4);
    memcpy(head, "{\"alg\":\"HS256\",\"x\":\"", 20);
    strcpy(head + AUTH_TOKEN_MAX * 3 / 4, "\"}");
    test_hs256(token, head, CLAIMS("iss-hs"));
    assert_int_equal(end_of(token), AUTH_TOKEN_MALFORMED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_of_each_algorithm_is_taken),
        cmocka_unit_test(words_of_a_claim_are_names_of_roles_where_there_are_any),
        cmocka_unit_test(a_token_that_nobody_here_has_signed_is_refused),
        cmocka_unit_test(a_flip_of_any_bit_is_refused),
        cmocka_unit_test(claims_must_say_for_whom_and_until_when),
        cmocka_unit_test(one_key_may_sign_for_several_issuers_and_audiences),
        cmocka_unit_test(size_and_form_are_bounded),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
