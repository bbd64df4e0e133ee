/*
 * The text is base64url of: 12 bytes nonce, what is sealed by AES-256-GCM, 16 bytes tag. Sealed are
 *
 *   0   version, 1       1   kind          2   id, 16 bytes     18  until, 8 bytes
 *   26  expires, 8       34  digest, 32    66  name, NUL, scopes, NUL
 *
 * with the numbers most significant byte first.
 */
#include <auth/base64url.h>
#include <auth/ticket.h>
#include <base/why.h>
#include <crypto/keyring.h>
#include <crypto/random.h>
#include <endian.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

enum { VERSION = 1, NONCE = 12, TAG = 16, ID = 2, UNTIL = 18, EXPIRES = 26, DIGEST = 34, TEXTS = 66 };
enum { PLAIN_MAX = AUTH_TICKET_MAX / 4 * 3 - NONCE - TAG };

/* Says what the key is for: another label would give another key. */
static const char label[] = "pouch gateway ticket 1";

static void put_number(uint8_t *at, int64_t n) {
    uint64_t big = htobe64((uint64_t)n);
    memcpy(at, &big, sizeof big);
}

static int64_t get_number(const uint8_t *at) {
    uint64_t big;
    memcpy(&big, at, sizeof big);
    return (int64_t)be64toh(big);
}

/* ---- sealing ---- */

/* sealed has NONCE bytes in front and TAG behind. Seals, or opens, n bytes in place. */
static bool crypt(const uint8_t key[PL_KEY_BYTES], uint8_t *sealed, size_t n, bool seal) {
    uint8_t *at = sealed + NONCE, *tag = at + n;
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    int done, last;
    bool ok = c && EVP_CipherInit_ex(c, EVP_aes_256_gcm(), NULL, key, sealed, seal) == 1 &&
              (seal || EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, TAG, tag) == 1) &&
              EVP_CipherUpdate(c, at, &done, at, (int)n) == 1 && EVP_CipherFinal_ex(c, at + done, &last) == 1 &&
              (!seal || EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, TAG, tag) == 1);
    EVP_CIPHER_CTX_free(c);
    return ok;
}

static pouch_err append_text(struct pl_buf *out, const uint8_t *sealed, size_t n) {
    size_t chars = AUTH_BASE64_CHARS(n);
    pouch_err e = pl_buf_reserve(out, chars);
    if (e) return e;
    auth_base64_encode(out->at + out->len, sealed, n);
    out->len += chars;
    out->at[out->len] = 0;
    return POUCH_OK;
}

pouch_err auth_ticket_write(pouch_keyring *ring, const struct auth_ticket *t, struct pl_buf *out) {
    uint8_t sealed[NONCE + PLAIN_MAX + TAG] = {0}, *plain = sealed + NONCE, key[PL_KEY_BYTES];
    const char *scopes = t->scopes ? t->scopes : "";
    size_t name_n = strlen(t->name) + 1, scopes_n = strlen(scopes) + 1, n = TEXTS + name_n + scopes_n;
    if (n > PLAIN_MAX) return pl_fail(POUCH_E_TOO_LARGE, "the scopes of the token are too many for a ticket");
    pouch_err e = pl_random(sealed, NONCE);
    if (!e) e = pl_keyring_derive(ring, 0, label, key);
    if (e) return e;
    plain[0] = VERSION;
    plain[1] = (uint8_t)t->kind;
    memcpy(plain + ID, t->id, sizeof t->id);
    put_number(plain + UNTIL, t->until_ms);
    put_number(plain + EXPIRES, t->expires_ms);
    memcpy(plain + DIGEST, t->digest, sizeof t->digest);
    memcpy(plain + TEXTS, t->name, name_n);
    memcpy(plain + TEXTS + name_n, scopes, scopes_n);
    e = crypt(key, sealed, n, true) ? append_text(out, sealed, NONCE + n + TAG)
                                    : pl_fail(POUCH_E_NO_MEMORY, "out of memory for a ticket");
    OPENSSL_cleanse(key, sizeof key);
    OPENSSL_cleanse(sealed, sizeof sealed);
    return e;
}

/* ---- opening ---- */

static pouch_err refused(void) {
    return pl_fail(POUCH_E_NOT_ALLOWED, "this is no ticket of these gateways");
}

/* What is sealed has been written by one of ours, so that its form needs no doubt, but its version does. */
static pouch_err take(const uint8_t *plain, size_t n, struct auth_ticket *t) {
    const char *name = (const char *)plain + TEXTS;
    if (n <= TEXTS + 1 || plain[0] != VERSION || plain[n - 1] || plain[1] > AUTH_BY_TOKEN) return refused();
    size_t name_n = strlen(name) + 1;
    if (name_n > sizeof t->name || TEXTS + name_n >= n) return refused();
    t->kind = (enum auth_kind)plain[1];
    memcpy(t->id, plain + ID, sizeof t->id);
    t->until_ms = get_number(plain + UNTIL);
    t->expires_ms = get_number(plain + EXPIRES);
    memcpy(t->digest, plain + DIGEST, sizeof t->digest);
    memcpy(t->name, name, name_n);
    t->scopes = strdup(name + name_n);
    return t->scopes ? POUCH_OK : pl_fail(POUCH_E_NO_MEMORY, "out of memory for a ticket");
}

/* Opens with the i-th key of the ring. NOT_FOUND: there is none; NOT_ALLOWED: it is not that one. */
static pouch_err open_with(pouch_keyring *ring, size_t i, const uint8_t *sealed, size_t n, struct auth_ticket *t) {
    uint8_t key[PL_KEY_BYTES], copy[NONCE + PLAIN_MAX + TAG];
    pouch_err e = pl_keyring_derive(ring, i, label, key);
    if (e) return e;
    memcpy(copy, sealed, n);
    e = crypt(key, copy, n - NONCE - TAG, false) ? take(copy + NONCE, n - NONCE - TAG, t) : refused();
    OPENSSL_cleanse(key, sizeof key);
    OPENSSL_cleanse(copy, sizeof copy);
    return e;
}

pouch_err auth_ticket_read(pouch_keyring *ring, const char *text, struct auth_ticket *t) {
    uint8_t sealed[NONCE + PLAIN_MAX + TAG];
    size_t chars = strlen(text), n;
    *t = (struct auth_ticket){0};
    if (chars > AUTH_BASE64_CHARS(sizeof sealed) || !auth_base64_decode(sealed, &n, text, chars) || n <= NONCE + TAG)
        return refused();
    pouch_err e = POUCH_E_NOT_ALLOWED;
    for (size_t i = 0; e == POUCH_E_NOT_ALLOWED; i++) e = open_with(ring, i, sealed, n, t);
    return e == POUCH_E_NOT_FOUND ? refused() : e;
}

void auth_ticket_clear(struct auth_ticket *t) {
    free(t->scopes);
    OPENSSL_cleanse(t, sizeof *t);
}
