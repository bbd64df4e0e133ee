#include <base/hex.h>
#include <base/why.h>
#include <crypto/keyfile.h>
#include <crypto/random.h>
#include <crypto/ring.h>
#include <metrics/metrics.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

static pouch_err read_environment(struct pl_keyset *set) {
    const char *text = getenv("ENCRYPTION_KEY");
    if (!text || !*text)
        return pl_fail(POUCH_E_CONFIG,
                       "no key: set ENCRYPTION_KEY to 64 hex characters, or --key-file; pouch key new makes one");
    pouch_err e = pl_keyfile_parse(set, "ENCRYPTION_KEY", text, strnlen(text, PL_KEYFILE_MAX));
    if (!e && set->n > 1)
        e = pl_fail(POUCH_E_CONFIG, "ENCRYPTION_KEY takes one key; put several into a file, for --key-file");
    return e;
}

static pouch_err read_keys(struct pl_keyset **out, const char *path) {
    struct pl_keyset *set;
    pouch_err e = pl_keyset_new(&set);
    if (e) return e;
    e = path ? pl_keyfile_read(set, path) : read_environment(set);
    if (e) {
        pl_keyset_unref(set);
        return e;
    }
    *out = set;
    return POUCH_OK;
}

static pouch_keyring *ring_new(const char *path) {
    pouch_keyring *ring = calloc(1, sizeof *ring);
    if (!ring) return NULL;
    if (path && !(ring->path = strdup(path))) {
        free(ring);
        return NULL;
    }
    atomic_init(&ring->refs, 1);
    pthread_mutex_init(&ring->reload, NULL);
    pthread_mutex_init(&ring->lock, NULL);
    return ring;
}

pouch_err pouch_keyring_load(pouch_keyring **out, const char *path) {
    pouch_keyring *ring = ring_new(path);
    if (!ring) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a key ring");
    pouch_err e = read_keys(&ring->set, path);
    if (e) {
        pouch_keyring_free(ring);
        return e;
    }
    *out = ring;
    return POUCH_OK;
}

/* Spares would keep the old keys in memory until somebody takes them, so they go with the old set. */
static void swap(pouch_keyring *ring, struct pl_keyset *set) {
    struct pl_sealer *spares[PL_SPARES_MAX];
    pthread_mutex_lock(&ring->lock);
    struct pl_keyset *old = ring->set;
    ring->set = set;
    atomic_fetch_add(&ring->generation, 1);
    size_t n = ring->n_spares;
    memcpy(spares, ring->spares, n * sizeof spares[0]);
    ring->n_spares = 0;
    pthread_mutex_unlock(&ring->lock);
    for (size_t i = 0; i < n; i++) pl_sealer_dispose(spares[i]);
    pl_keyset_unref(old);
}

pouch_err pouch_keyring_reload(pouch_keyring *ring) {
    if (!ring->path) return POUCH_OK;
    pthread_mutex_lock(&ring->reload);
    struct pl_keyset *set;
    pouch_err e = read_keys(&set, ring->path);
    if (!e) swap(ring, set);
    pthread_mutex_unlock(&ring->reload);
    pl_metric_add(e ? PL_M_KEY_RELOADS_REFUSED : PL_M_KEY_RELOADS, 1);
    if (!e) pl_key_counts_save();
    return e;
}

pouch_keyring *pl_keyring_ref(pouch_keyring *ring) {
    atomic_fetch_add_explicit(&ring->refs, 1, memory_order_relaxed);
    return ring;
}

void pouch_keyring_free(pouch_keyring *ring) {
    if (!ring || atomic_fetch_sub_explicit(&ring->refs, 1, memory_order_acq_rel) > 1) return;
    pl_keyring_unfollow(ring);
    for (size_t i = 0; i < ring->n_spares; i++) pl_sealer_dispose(ring->spares[i]);
    pl_keyset_unref(ring->set);
    pl_key_counts_save();
    pthread_mutex_destroy(&ring->lock);
    pthread_mutex_destroy(&ring->reload);
    free(ring->path);
    free(ring);
}

struct pl_keyset *pl_keyring_set(pouch_keyring *ring, uint64_t *generation) {
    pthread_mutex_lock(&ring->lock);
    struct pl_keyset *set = pl_keyset_ref(ring->set);
    *generation = atomic_load(&ring->generation);
    pthread_mutex_unlock(&ring->lock);
    return set;
}

size_t pl_keyring_uses(pouch_keyring *ring, struct pl_key_use *out, size_t max) {
    uint64_t generation;
    struct pl_keyset *set = pl_keyring_set(ring, &generation);
    size_t n = set->n < max ? set->n : max;
    for (size_t i = 0; i < n; i++) {
        struct pl_key_count *count = set->keys[i].count;
        memcpy(out[i].kid, set->keys[i].kid, sizeof out[i].kid);
        memcpy(out[i].fingerprint, count->fingerprint, sizeof out[i].fingerprint);
        out[i].sealed = atomic_load_explicit(&count->sealed, memory_order_relaxed);
        out[i].opened = atomic_load_explicit(&count->opened, memory_order_relaxed);
        out[i].sealed_ever = out[i].sealed + atomic_load_explicit(&count->others, memory_order_relaxed);
        out[i].last_used_ms = atomic_load_explicit(&count->last_used_ms, memory_order_relaxed);
    }
    pl_keyset_unref(set);
    return n;
}

pouch_err pouch_key_generate(char hex[65]) {
    uint8_t secret[PL_KEY_BYTES];
    pouch_err e = pl_random(secret, sizeof secret);
    if (e) return e;
    pl_hex_encode(hex, secret, sizeof secret);
    hex[64] = 0;
    OPENSSL_cleanse(secret, sizeof secret);
    return POUCH_OK;
}
