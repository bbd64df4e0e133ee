#include <auth/verifier.h>
#include <base/why.h>
#include <conf/settings.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { P256_BYTES = 32 };

struct auth_verifier {
    enum auth_algorithm algorithm;
    EVP_PKEY *key; /* NULL: secret */
    uint8_t secret[PL_SECRET_MAX];
    size_t secret_n;
};

static const char *const names[AUTH_ALGORITHMS] = {"HS256", "RS256", "ES256", "EdDSA"};

const char *auth_algorithm_name(enum auth_algorithm a) {
    return names[a];
}

bool auth_algorithm_parse(enum auth_algorithm *a, const char *name) {
    for (int i = 0; i < AUTH_ALGORITHMS; i++) {
        if (strcmp(names[i], name) != 0) continue;
        *a = (enum auth_algorithm)i;
        return true;
    }
    return false;
}

/* ---- reading ---- */

static pouch_err read_secret(struct auth_verifier *v, const char *path) {
    char line[PL_SECRET_MAX];
    pouch_err e = pl_secret_read(path, line);
    if (e) return e;
    v->secret_n = strlen(line);
    memcpy(v->secret, line, v->secret_n);
    OPENSSL_cleanse(line, sizeof line);
    if (v->secret_n >= AUTH_SECRET_LEAST) return POUCH_OK;
    return pl_fail(POUCH_E_CONFIG, "%s: a secret for HS256 has at least %d bytes, this has %zu", path,
                   AUTH_SECRET_LEAST, v->secret_n);
}

/* NULL, or what is wrong with a key for that algorithm. */
static const char *unfit(const EVP_PKEY *key, enum auth_algorithm a) {
    char group[32];
    size_t n;
    switch (a) {
    case AUTH_RS256:
        if (!EVP_PKEY_is_a(key, "RSA")) return "it is no RSA key";
        return EVP_PKEY_get_bits(key) < AUTH_RSA_BITS_LEAST ? "an RSA key has at least 2,048 bits" : NULL;
    case AUTH_ES256:
        if (!EVP_PKEY_is_a(key, "EC") || !EVP_PKEY_get_group_name(key, group, sizeof group, &n) ||
            strcmp(group, "prime256v1") != 0)
            return "it is no key on the curve P-256";
        return NULL;
    case AUTH_EDDSA: return EVP_PKEY_is_a(key, "ED25519") ? NULL : "it is no Ed25519 key";
    default: return "it is no public key";
    }
}

static pouch_err read_key(struct auth_verifier *v, FILE *file, const char *path) {
    struct stat st;
    if (fstat(fileno(file), &st) || !S_ISREG(st.st_mode) || st.st_mode & (S_IWGRP | S_IWOTH))
        return pl_fail(POUCH_E_CONFIG, "%s: a public key is in a file that its owner alone may write (chmod go-w)",
                       path);
    v->key = PEM_read_PUBKEY(file, NULL, NULL, NULL);
    ERR_clear_error();
    const char *why = v->key ? unfit(v->key, v->algorithm) : "there is no public key in it (BEGIN PUBLIC KEY)";
    return why ? pl_fail(POUCH_E_CONFIG, "%s: not usable for %s: %s", path, names[v->algorithm], why) : POUCH_OK;
}

static pouch_err open_key(struct auth_verifier *v, const char *path) {
    /* A pipe that nobody writes would be waited for. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
    if (!file) {
        pouch_err e = pl_fail(POUCH_E_CONFIG, "cannot read %s: %s", path, strerror(errno));
        if (fd >= 0) close(fd);
        return e;
    }
    pouch_err e = read_key(v, file, path);
    fclose(file);
    return e;
}

pouch_err auth_verifier_new(struct auth_verifier **v, enum auth_algorithm algorithm, const char *path) {
    *v = calloc(1, sizeof **v);
    if (!*v) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a key of tokens");
    (*v)->algorithm = algorithm;
    pouch_err e = algorithm == AUTH_HS256 ? read_secret(*v, path) : open_key(*v, path);
    if (!e) return POUCH_OK;
    auth_verifier_free(*v);
    *v = NULL;
    return e;
}

void auth_verifier_free(struct auth_verifier *v) {
    if (!v) return;
    EVP_PKEY_free(v->key);
    OPENSSL_cleanse(v->secret, sizeof v->secret);
    free(v);
}

enum auth_algorithm auth_verifier_algorithm(const struct auth_verifier *v) {
    return v->algorithm;
}

/* ---- checking ---- */

static bool check_secret(const struct auth_verifier *v, const char *text, size_t n, const uint8_t *signature,
                         size_t signature_n) {
    uint8_t mac[SHA256_DIGEST_LENGTH];
    unsigned mac_n = sizeof mac;
    return HMAC(EVP_sha256(), v->secret, (int)v->secret_n, (const uint8_t *)text, n, mac, &mac_n) &&
           signature_n == sizeof mac && !CRYPTO_memcmp(mac, signature, sizeof mac);
}

static bool check_key(const struct auth_verifier *v, const char *text, size_t n, const uint8_t *signature,
                      size_t signature_n) {
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    const EVP_MD *md = v->algorithm == AUTH_EDDSA ? NULL : EVP_sha256();
    bool ok = c && EVP_DigestVerifyInit(c, NULL, md, NULL, v->key) == 1 &&
              EVP_DigestVerify(c, signature, signature_n, (const uint8_t *)text, n) == 1;
    EVP_MD_CTX_free(c);
    ERR_clear_error();
    return ok;
}

/* Tokens have the two numbers of the signature side by side, OpenSSL wants them in DER. */
static bool check_ec(const struct auth_verifier *v, const char *text, size_t n, const uint8_t *signature,
                     size_t signature_n) {
    if (signature_n != 2 * P256_BYTES) return false;
    ECDSA_SIG *s = ECDSA_SIG_new();
    BIGNUM *a = BN_bin2bn(signature, P256_BYTES, NULL), *b = BN_bin2bn(signature + P256_BYTES, P256_BYTES, NULL);
    uint8_t *der = NULL;
    int der_n = 0;
    if (s && a && b && ECDSA_SIG_set0(s, a, b)) {
        a = b = NULL; /* they are the signature's now */
        der_n = i2d_ECDSA_SIG(s, &der);
    }
    bool ok = der_n > 0 && check_key(v, text, n, der, (size_t)der_n);
    BN_free(a);
    BN_free(b);
    ECDSA_SIG_free(s);
    OPENSSL_free(der);
    return ok;
}

bool auth_verifier_check(const struct auth_verifier *v, const char *text, size_t n, const uint8_t *signature,
                         size_t signature_n) {
    switch (v->algorithm) {
    case AUTH_HS256: return check_secret(v, text, n, signature, signature_n);
    case AUTH_ES256: return check_ec(v, text, n, signature, signature_n);
    default: return check_key(v, text, n, signature, signature_n);
    }
}
