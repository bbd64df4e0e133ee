#include <auth/base64url.h>
#include <auth/key.h>
#include <base/why.h>
#include <crypto/random.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

enum { KEY_BYTES = 32, PREFIX = sizeof AUTH_KEY_PREFIX - 1 };

pouch_err auth_key_generate(char out[AUTH_KEY_CHARS + 1]) {
    uint8_t bytes[KEY_BYTES];
    pouch_err e = pl_random(bytes, sizeof bytes);
    if (e) return e;
    memcpy(out, AUTH_KEY_PREFIX, PREFIX);
    auth_base64_encode(out + PREFIX, bytes, sizeof bytes);
    out[AUTH_KEY_CHARS] = 0;
    OPENSSL_cleanse(bytes, sizeof bytes);
    return POUCH_OK;
}

bool auth_key_is(struct httpd_span text) {
    uint8_t bytes[KEY_BYTES + 1];
    size_t n;
    bool is = text.n == AUTH_KEY_CHARS && !memcmp(text.at, AUTH_KEY_PREFIX, PREFIX) &&
              auth_base64_decode(bytes, &n, text.at + PREFIX, text.n - PREFIX);
    OPENSSL_cleanse(bytes, sizeof bytes);
    return is;
}

pouch_err auth_digest(uint8_t out[AUTH_DIGEST_BYTES], const void *text, size_t n) {
    if (EVP_Digest(text, n, out, NULL, EVP_sha256(), NULL) == 1) return POUCH_OK;
    return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a hash");
}
