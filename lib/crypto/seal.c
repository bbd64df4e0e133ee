#include <base/log.h>
#include <base/why.h>
#include <crypto/random.h>
#include <crypto/ring.h>
#include <crypto/seal.h>
#include <limits.h>
#include <metrics/metrics.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* A keyed cipher context; made at its first use, freed (and wiped by OpenSSL) when the keys change. */
struct context {
    EVP_CIPHER_CTX *evp;
    size_t iv_n;
};

struct pl_sealer {
    pouch_keyring *ring;
    struct pl_keyset *set;
    uint64_t generation;
    enum pl_over_limit over;
    EVP_CIPHER *cipher;
    struct context seal, open[PL_KEYS_MAX];
};

static void context_free(struct context *c) {
    EVP_CIPHER_CTX_free(c->evp);
    *c = (struct context){NULL, 0};
}

static void contexts_free(struct pl_sealer *s) {
    context_free(&s->seal);
    for (size_t i = 0; i < PL_KEYS_MAX; i++) context_free(&s->open[i]);
}

static pouch_err sealer_new(struct pl_sealer **out, pouch_keyring *ring) {
    struct pl_sealer *s = calloc(1, sizeof *s);
    if (s) s->cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    if (!s || !s->cipher) {
        free(s);
        return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a cipher");
    }
    s->ring = ring;
    s->set = pl_keyring_set(ring, &s->generation);
    *out = s;
    return POUCH_OK;
}

pouch_err pl_sealer_new(struct pl_sealer **s, pouch_keyring *ring, enum pl_over_limit over) {
    pouch_err e = sealer_new(s, ring);
    if (e) return e;
    pl_keyring_ref(ring);
    (*s)->over = over;
    return POUCH_OK;
}

void pl_sealer_dispose(struct pl_sealer *s) {
    contexts_free(s);
    EVP_CIPHER_free(s->cipher);
    pl_keyset_unref(s->set);
    free(s);
}

void pl_sealer_free(struct pl_sealer *s) {
    if (!s) return;
    pouch_keyring *ring = s->ring;
    pl_sealer_dispose(s);
    pouch_keyring_free(ring);
}

pouch_err pl_sealer_take(struct pl_sealer **s, pouch_keyring *ring, enum pl_over_limit over) {
    pthread_mutex_lock(&ring->lock);
    *s = ring->n_spares ? ring->spares[--ring->n_spares] : NULL;
    pthread_mutex_unlock(&ring->lock);
    if (!*s) return pl_sealer_new(s, ring, over);
    pl_keyring_ref(ring);
    (*s)->over = over;
    return POUCH_OK;
}

void pl_sealer_give(struct pl_sealer *s) {
    pouch_keyring *ring = s->ring;
    pthread_mutex_lock(&ring->lock);
    bool keep = ring->n_spares < PL_SPARES_MAX && s->generation == ring->generation;
    if (keep) ring->spares[ring->n_spares++] = s;
    pthread_mutex_unlock(&ring->lock);
    if (!keep) pl_sealer_dispose(s);
    pouch_keyring_free(ring);
}

/* Takes over the ring's keys after a reload. */
static void follow_ring(struct pl_sealer *s) {
    if (atomic_load_explicit(&s->ring->generation, memory_order_acquire) == s->generation) return;
    contexts_free(s);
    pl_keyset_unref(s->set);
    s->set = pl_keyring_set(s->ring, &s->generation);
}

static pouch_err no_cipher(void) {
    return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a cipher");
}

/*
 * Readies c for one message: tag NULL seals, else it opens against that tag. Keeps the key and,
 * when it is the same again, the IV's length. The tag goes as a parameter, here and in sealing:
 * EVP_CIPHER_CTX_ctrl() would build the same and take 20 ns more.
 */
static pouch_err context_begin(struct context *c, const struct pl_sealer *s, const struct pl_key *key,
                               const uint8_t *iv, size_t iv_n, const uint8_t *tag) {
    int seals = tag == NULL;
    if (!c->evp) {
        c->evp = EVP_CIPHER_CTX_new();
        if (!c->evp) return no_cipher();
        if (EVP_CipherInit_ex2(c->evp, s->cipher, key->secret, NULL, seals, NULL) != 1) {
            context_free(c);
            return no_cipher();
        }
    }
    if (c->iv_n != iv_n) {
        if (EVP_CIPHER_CTX_ctrl(c->evp, EVP_CTRL_AEAD_SET_IVLEN, (int)iv_n, NULL) != 1) return no_cipher();
        c->iv_n = iv_n;
    }
    OSSL_PARAM params[] = {OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, (void *)tag, PL_TAG_BYTES),
                           OSSL_PARAM_construct_end()};
    return EVP_CipherInit_ex2(c->evp, NULL, NULL, iv, seals, seals ? NULL : params) == 1 ? POUCH_OK : no_cipher();
}

static int64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME_COARSE, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Once when half the limit is passed, and once when it is reached. */
static void warn_of_limit(const struct pl_key *key, uint64_t sealed) {
    unsigned level = sealed < PL_SEALS_LIMIT ? 1 : 2;
    if (atomic_load_explicit(&key->count->warned, memory_order_relaxed) >= level) return;
    if (atomic_exchange(&key->count->warned, level) >= level) return;
    if (level == 1)
        PL_LOG(PL_LOG_WARN, "a key has sealed more than 2^31 messages, half its limit: rotate to a new key", "kid",
               key->kid, "key", key->count->fingerprint);
    else
        PL_LOG(PL_LOG_ERROR, "a key has sealed 2^32 messages, its limit: rotate to a new key", "kid", key->kid, "key",
               key->count->fingerprint);
}

/* Counts one more message; refuses it past the limit when told to. */
static pouch_err count_seal(const struct pl_key *key, enum pl_over_limit over) {
    struct pl_key_count *c = key->count;
    uint64_t others = atomic_load_explicit(&c->others, memory_order_relaxed);
    uint64_t sealed = atomic_fetch_add_explicit(&c->sealed, 1, memory_order_relaxed) + 1 + others;
    atomic_store_explicit(&c->last_used_ms, now_ms(), memory_order_relaxed);
    if (sealed < PL_SEALS_WARN) return POUCH_OK;
    warn_of_limit(key, sealed);
    if (sealed <= PL_SEALS_LIMIT || over == PL_OVER_LIMIT_WARN) return POUCH_OK;
    atomic_fetch_sub_explicit(&c->sealed, 1, memory_order_relaxed);
    return pl_fail(POUCH_E_CONFIG,
                   "key %s%s%s has sealed 2^32 messages, its limit: rotate to a new key (pouch key add)", key->kid,
                   *key->kid ? " " : "", c->fingerprint);
}

pouch_err pl_sealer_seal(struct pl_sealer *s, const uint8_t *in, size_t n, uint8_t *out, uint8_t iv[PL_IV_MAX],
                         size_t iv_n, uint8_t tag[PL_TAG_BYTES], const char **kid) {
    if (n > INT_MAX) return pl_fail(POUCH_E_TOO_LARGE, "more than 2 GiB cannot be sealed in one message");
    follow_ring(s);
    const struct pl_key *key = &s->set->keys[0];
    pouch_err e = count_seal(key, s->over);
    if (!e) e = pl_random(iv, iv_n);
    if (!e) e = context_begin(&s->seal, s, key, iv, iv_n, NULL);
    if (e) return e;
    int done, last;
    OSSL_PARAM params[] = {OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, tag, PL_TAG_BYTES),
                           OSSL_PARAM_construct_end()};
    if (EVP_EncryptUpdate(s->seal.evp, out, &done, in, (int)n) != 1 ||
        EVP_EncryptFinal_ex(s->seal.evp, out + done, &last) != 1 ||
        EVP_CIPHER_CTX_get_params(s->seal.evp, params) != 1) {
        OPENSSL_cleanse(out, n);
        return no_cipher();
    }
    *kid = key->kid;
    return POUCH_OK;
}

/* DECRYPT_FAILED leaves no text: the caller may try further keys. */
static pouch_err open_with(struct pl_sealer *s, size_t i, const uint8_t *iv, size_t iv_n,
                           const uint8_t tag[PL_TAG_BYTES], const uint8_t *in, size_t n, uint8_t *out) {
    const struct pl_key *key = &s->set->keys[i];
    struct context *c = &s->open[i];
    pouch_err e = context_begin(c, s, key, iv, iv_n, tag);
    if (e) return e;
    int done, last;
    if (EVP_DecryptUpdate(c->evp, out, &done, in, (int)n) != 1 || EVP_DecryptFinal_ex(c->evp, out + done, &last) != 1)
        return POUCH_E_DECRYPT_FAILED;
    atomic_fetch_add_explicit(&key->count->opened, 1, memory_order_relaxed);
    atomic_store_explicit(&key->count->last_used_ms, now_ms(), memory_order_relaxed);
    return POUCH_OK;
}

/*
 * Tells operators what a forger is not told. The kid is text of a name's form, as whoever scanned the envelope has seen
 * to.
 */
static void note_unknown_kid(const char *kid, size_t n) {
    char text[PL_KID_MAX + 1];
    snprintf(text, sizeof text, "%.*s", (int)n, kid);
    pl_metric_add(PL_M_DECRYPT_UNKNOWN_KID, 1);
    PL_LOG(PL_LOG_WARN, "a message names a key that the ring does not have: was it retired, or used, too early?", "kid",
           text);
}

/* The keys to be tried: [*from, *to) of the set; none when the kid is unknown. */
static void choose_keys(const struct pl_keyset *set, const char *kid, size_t kid_n, size_t *from, size_t *to) {
    const struct pl_key *named = kid_n ? pl_keyset_find(set, kid, kid_n) : NULL;
    *from = named ? (size_t)(named - set->keys) : 0;
    *to = named ? *from + 1 : kid_n ? 0 : set->n < PL_KEYS_TRIED ? set->n : PL_KEYS_TRIED;
}

pouch_err pl_sealer_open(struct pl_sealer *s, const char *kid, size_t kid_n, const uint8_t *iv, size_t iv_n,
                         const uint8_t tag[PL_TAG_BYTES], const uint8_t *in, size_t n, uint8_t *out) {
    follow_ring(s);
    size_t from, to;
    choose_keys(s->set, kid, kid_n, &from, &to);
    pouch_err e = POUCH_E_DECRYPT_FAILED;
    if (iv_n >= PL_IV_MIN && iv_n <= PL_IV_MAX && n <= INT_MAX)
        for (size_t i = from; i < to && e == POUCH_E_DECRYPT_FAILED; i++)
            e = open_with(s, i, iv, iv_n, tag, in, n, out);
    if (!e) return POUCH_OK;
    OPENSSL_cleanse(out, n);
    if (e != POUCH_E_DECRYPT_FAILED) return e;
    if (from == to)
        note_unknown_kid(kid, kid_n);
    else
        pl_metric_add(PL_M_DECRYPT_FAILURES, 1);
    return pl_fail(POUCH_E_DECRYPT_FAILED, "no key of the ring opens it, or it was altered");
}
