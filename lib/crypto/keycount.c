#include <base/buf.h>
#include <base/hex.h>
#include <base/why.h>
#include <crypto/keyset.h>
#include <metrics/metrics.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* The table: a list, since a process holds a handful of keys. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct pl_key_count *counts;
static bool collected; /* collect() is known to the metrics; it stays so, as the table is the process's */

static uint64_t count_of(_Atomic uint64_t *n) {
    return atomic_load_explicit(n, memory_order_relaxed);
}

/* Lines that no longer fit are left out, as the collector's contract has no way to fail. */
static void collect_series(struct pl_buf *out, const char *name, const char *help, bool opens) {
    pouch_err e = pl_buf_printf(out, "# HELP %s %s\n# TYPE %s counter\n", name, help, name);
    for (struct pl_key_count *c = counts; c && !e; c = c->next)
        e = pl_buf_printf(out, "%s{kid=\"%s\",key=\"%s\"} %llu\n", name, c->kid, c->fingerprint,
                          (unsigned long long)count_of(opens ? &c->opened : &c->sealed));
}

static void collect(struct pl_buf *out, void *arg) {
    (void)arg;
    pthread_mutex_lock(&lock);
    collect_series(out, "pouch_seals_total", "Messages sealed with each key; a key may seal 2^32 over all its users.",
                   false);
    collect_series(out, "pouch_opens_total", "Messages opened with each key; a key that opens none may be retired.",
                   true);
    pthread_mutex_unlock(&lock);
}

static struct pl_key_count *count_find(const uint8_t digest[32]) {
    struct pl_key_count *c = counts;
    while (c && CRYPTO_memcmp(c->digest, digest, 32)) c = c->next;
    return c;
}

static struct pl_key_count *count_new(const uint8_t digest[32]) {
    struct pl_key_count *c = calloc(1, sizeof *c);
    if (!c) return NULL;
    memcpy(c->digest, digest, sizeof c->digest);
    pl_hex_encode(c->fingerprint, digest, 4);
    c->next = counts;
    counts = c;
    return c;
}

pouch_err pl_key_count_get(struct pl_key_count **out, const uint8_t secret[PL_KEY_BYTES], const char *kid) {
    uint8_t digest[32];
    SHA256(secret, PL_KEY_BYTES, digest);
    pthread_mutex_lock(&lock);
    struct pl_key_count *c = count_find(digest);
    if (!c) c = count_new(digest);
    if (c) {
        c->refs++;
        memcpy(c->kid, kid, strlen(kid) + 1);
    }
    bool first = !collected;
    if (c) collected = true;
    pthread_mutex_unlock(&lock);
    *out = c;
    if (!c) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a key");
    /* Outside the lock: a read of the metrics holds theirs while it takes ours. */
    if (!first) return POUCH_OK;
    pouch_err e = pl_metrics_collect(collect, NULL);
    if (!e) return POUCH_OK;
    pthread_mutex_lock(&lock);
    collected = false;
    pthread_mutex_unlock(&lock);
    pl_key_count_put(c);
    return e;
}

void pl_key_count_put(struct pl_key_count *c) {
    if (!c) return;
    pthread_mutex_lock(&lock);
    if (--c->refs == 0) {
        struct pl_key_count **at = &counts;
        while (*at != c) at = &(*at)->next;
        *at = c->next;
        OPENSSL_cleanse(c, sizeof *c);
        free(c);
    }
    pthread_mutex_unlock(&lock);
}
