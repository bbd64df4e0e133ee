/* Files of a test, in a folder of its own: keys to sign tokens with, and access files. */
#ifndef POUCH_TESTS_AUTH_FILES_H
#define POUCH_TESTS_AUTH_FILES_H

#include <auth/base64url.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEST_SECRET "a secret of thirty-two bytes, say"

static char test_folder[] = "/tmp/pouch-auth-XXXXXX";

static inline const char *test_path(const char *name) {
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", test_folder, name);
    return path;
}

static inline void test_write(const char *name, const char *text, mode_t mode) {
    FILE *f = fopen(test_path(name), "w");
    assert_non_null(f);
    assert_int_equal(fputs(text, f) < 0, 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(test_path(name), mode), 0);
}

/* Makes a key pair and writes its public half. */
static inline EVP_PKEY *test_pair(const char *name, EVP_PKEY *key) {
    assert_non_null(key);
    FILE *f = fopen(test_path(name), "w");
    assert_non_null(f);
    assert_int_equal(PEM_write_PUBKEY(f, key), 1);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(test_path(name), 0644), 0);
    return key;
}

static inline void test_sign_hmac(const char *text, const void *secret, size_t secret_n, uint8_t *out, size_t *n) {
    unsigned mac_n;
    assert_non_null(HMAC(EVP_sha256(), secret, (int)secret_n, (const uint8_t *)text, strlen(text), out, &mac_n));
    *n = mac_n;
}

static inline void test_sign_key(const char *text, EVP_PKEY *key, const EVP_MD *md, uint8_t *out, size_t *n) {
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestSignInit(c, NULL, md, NULL, key), 1);
    assert_int_equal(EVP_DigestSign(c, out, n, (const uint8_t *)text, strlen(text)), 1);
    EVP_MD_CTX_free(c);
}

/* From OpenSSL's form to that of tokens. */
static inline void test_sign_ec(const char *text, EVP_PKEY *key, uint8_t *out, size_t *n) {
    uint8_t der[128];
    const uint8_t *at = der;
    size_t der_n = sizeof der;
    test_sign_key(text, key, EVP_sha256(), der, &der_n);
    ECDSA_SIG *s = d2i_ECDSA_SIG(NULL, &at, (long)der_n);
    assert_non_null(s);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_r(s), out, 32), 32);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_s(s), out + 32, 32), 32);
    ECDSA_SIG_free(s);
    *n = 64;
}

enum { TEST_TOKEN_MAX = 16 * 1024 };

static inline void test_encode(char *out, const char *text) {
    auth_base64_encode(out, (const uint8_t *)text, strlen(text));
    out[AUTH_BASE64_CHARS(strlen(text))] = 0;
}

/* "head.claims", to be signed. */
static inline void test_unsigned(char out[TEST_TOKEN_MAX], const char *head, const char *claims) {
    test_encode(out, head);
    strcat(out, ".");
    test_encode(out + strlen(out), claims);
}

static inline void test_append(char token[TEST_TOKEN_MAX], const uint8_t *signature, size_t n) {
    strcat(token, ".");
    char *at = token + strlen(token);
    auth_base64_encode(at, signature, n);
    at[AUTH_BASE64_CHARS(n)] = 0;
}

static inline void test_hs256(char token[TEST_TOKEN_MAX], const char *head, const char *claims) {
    uint8_t mac[64];
    size_t n;
    test_unsigned(token, head, claims);
    test_sign_hmac(token, TEST_SECRET, strlen(TEST_SECRET), mac, &n);
    test_append(token, mac, n);
}

static inline int test_folder_make(void **state) {
    (void)state;
    return mkdtemp(test_folder) ? 0 : -1;
}

static inline int test_folder_remove(void **state) {
    char command[256];
    (void)state;
    snprintf(command, sizeof command, "rm -r %s", test_folder);
    return system(command);
}

#endif
