/* Keys for other uses, derived from those of a ring. */
#include <base/why.h>
#include <crypto/ring.h>
#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <string.h>

/* HKDF (RFC 5869) without a salt: the keys of a ring are uniform. */
static bool derive(const uint8_t secret[PL_KEY_BYTES], const char *label, uint8_t out[PL_KEY_BYTES]) {
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *c = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"SHA256", 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)secret, PL_KEY_BYTES),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)label, strlen(label)),
        OSSL_PARAM_construct_end(),
    };
    bool ok = c && EVP_KDF_derive(c, out, PL_KEY_BYTES, params) == 1;
    EVP_KDF_CTX_free(c);
    EVP_KDF_free(kdf);
    return ok;
}

pouch_err pl_keyring_derive(pouch_keyring *ring, size_t i, const char *label, uint8_t out[PL_KEY_BYTES]) {
    uint64_t generation;
    struct pl_keyset *set = pl_keyring_set(ring, &generation);
    pouch_err e = POUCH_OK;
    if (i >= set->n)
        e = pl_fail(POUCH_E_NOT_FOUND, "the ring has %zu keys", set->n);
    else if (!derive(set->keys[i].secret, label, out))
        e = pl_fail(POUCH_E_NO_MEMORY, "out of memory for a derived key");
    pl_keyset_unref(set);
    return e;
}
