#include <base/hex.h>
#include <base/why.h>
#include <crypto/keyset.h>
#include <crypto/memory.h>
#include <openssl/crypto.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { SECRETS_BYTES = PL_KEYS_MAX * PL_KEY_BYTES };

pouch_err pl_keyset_new(struct pl_keyset **out) {
    struct pl_keyset *set = calloc(1, sizeof *set);
    if (set) set->secrets = pl_secret_map(SECRETS_BYTES);
    if (!set || !set->secrets) {
        free(set);
        return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a key ring");
    }
    atomic_init(&set->refs, 1);
    *out = set;
    return POUCH_OK;
}

struct pl_keyset *pl_keyset_ref(struct pl_keyset *set) {
    atomic_fetch_add_explicit(&set->refs, 1, memory_order_relaxed);
    return set;
}

void pl_keyset_unref(struct pl_keyset *set) {
    if (!set || atomic_fetch_sub_explicit(&set->refs, 1, memory_order_acq_rel) > 1) return;
    for (size_t i = 0; i < set->n; i++) pl_key_count_put(set->keys[i].count);
    pl_secret_unmap(set->secrets, SECRETS_BYTES);
    free(set);
}

bool pl_kid_valid(const char *kid, size_t n) {
    if (n > PL_KID_MAX) return false;
    for (size_t i = 0; i < n; i++)
        if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-", kid[i]) || !kid[i])
            return false;
    return true;
}

static bool holds_secret(const struct pl_keyset *set, const uint8_t *secret) {
    for (size_t i = 0; i < set->n; i++)
        if (!CRYPTO_memcmp(set->keys[i].secret, secret, PL_KEY_BYTES)) return true;
    return false;
}

pouch_err pl_keyset_add(struct pl_keyset *set, const char *where, const char *kid, size_t kid_n, const char *hex,
                        size_t hex_n) {
    if (set->n == PL_KEYS_MAX)
        return pl_fail(POUCH_E_CONFIG, "%s: a ring holds %d keys at most; retire some", where, PL_KEYS_MAX);
    if (!pl_kid_valid(kid, kid_n))
        return pl_fail(POUCH_E_CONFIG, "%s: a key id is 1 to %d characters of A-Z a-z 0-9 . _ -", where, PL_KID_MAX);
    if (kid_n && pl_keyset_find(set, kid, kid_n)) return pl_fail(POUCH_E_CONFIG, "%s: this key id came before", where);
    if (hex_n != 2 * PL_KEY_BYTES)
        return pl_fail(POUCH_E_CONFIG, "%s: a key is %d hex characters, this has %zu", where, 2 * PL_KEY_BYTES, hex_n);

    uint8_t *secret = set->secrets[set->n];
    struct pl_key *key = &set->keys[set->n];
    if (!pl_hex_decode_secret(secret, hex, PL_KEY_BYTES))
        return pl_fail(POUCH_E_CONFIG, "%s: the key has a character that is no hex digit", where);
    if (holds_secret(set, secret)) return pl_fail(POUCH_E_CONFIG, "%s: this key came before", where);
    memcpy(key->kid, kid, kid_n);
    key->kid[kid_n] = 0;
    key->kid_n = kid_n;
    key->secret = secret;
    pouch_err e = pl_key_count_get(&key->count, secret, key->kid);
    if (!e) set->n++;
    return e;
}

const struct pl_key *pl_keyset_find(const struct pl_keyset *set, const char *kid, size_t kid_n) {
    for (size_t i = 0; i < set->n; i++)
        if (set->keys[i].kid_n == kid_n && !memcmp(set->keys[i].kid, kid, kid_n)) return &set->keys[i];
    return NULL;
}
