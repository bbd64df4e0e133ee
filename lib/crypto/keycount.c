#include <base/buf.h>
#include <base/folder.h>
#include <base/hex.h>
#include <base/log.h>
#include <base/why.h>
#include <crypto/keyset.h>
#include <crypto/ledger.h>
#include <inttypes.h>
#include <limits.h>
#include <metrics/metrics.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The table: a list, since a process holds a handful of keys. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct pl_key_count *counts;
static bool collected; /* collect() is known to the metrics; it stays so, as the table is the process's */

/* Held over a whole saving, and never by those who count; the table's lock is taken inside. */
static pthread_mutex_t saving = PTHREAD_MUTEX_INITIALIZER;
static char file[PATH_MAX];
static bool has_failed;   /* the last saving; said once */
static atomic_bool keeps; /* there is a file */

static uint64_t count_of(_Atomic uint64_t *n) {
    return atomic_load_explicit(n, memory_order_relaxed);
}

static uint64_t sealed(struct pl_key_count *c) {
    return count_of(&c->sealed);
}

static uint64_t opened(struct pl_key_count *c) {
    return count_of(&c->opened);
}

static uint64_t sealed_ever(struct pl_key_count *c) {
    return count_of(&c->sealed) + count_of(&c->others);
}

static uint64_t last_used(struct pl_key_count *c) {
    return (uint64_t)atomic_load_explicit(&c->last_used_ms, memory_order_relaxed) / 1000;
}

#define SERIES(what, type, name, help) {(name), #type, (help), (what)},
static const struct {
    const char *name, *type, *help;
    uint64_t (*of)(struct pl_key_count *c);
} series[] = {PL_KEY_METRICS(SERIES)};
#undef SERIES

/* Lines that no longer fit are left out, as the collector's contract has no way to fail. */
static void collect(struct pl_buf *out, void *arg) {
    (void)arg;
    pouch_err e = POUCH_OK;
    pthread_mutex_lock(&lock);
    for (size_t i = 0; !e && i < sizeof series / sizeof series[0]; i++) {
        e = pl_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", series[i].name, series[i].help, series[i].name,
                          series[i].type);
        for (struct pl_key_count *c = counts; c && !e; c = c->next)
            if (c->refs)
                e = pl_buf_printf(out, "%s{kid=\"%s\",key=\"%s\"} %" PRIu64 "\n", series[i].name, c->kid,
                                  c->fingerprint, series[i].of(c));
    }
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

/* Under the table's lock: frees what no set holds, but for what is still to be kept. */
static void sweep(void) {
    for (struct pl_key_count **at = &counts, *c; (c = *at);) {
        if (c->refs || (atomic_load(&keeps) && sealed(c) != count_of(&c->kept))) {
            at = &c->next;
            continue;
        }
        *at = c->next;
        OPENSSL_cleanse(c, sizeof *c);
        free(c);
    }
}

void pl_key_count_put(struct pl_key_count *c) {
    if (!c) return;
    pthread_mutex_lock(&lock);
    if (--c->refs == 0) sweep();
    pthread_mutex_unlock(&lock);
}

/* A part of the table on its way to the file and back. */
enum { BATCH = 32 };
struct batch {
    size_t n;
    struct pl_key_count *counts[BATCH]; /* each with a reference */
    uint64_t sealed[BATCH];
    struct pl_ledger_line lines[BATCH];
};

/* Those that have something new, or have never been looked up. */
static void batch_take(struct batch *b) {
    b->n = 0;
    pthread_mutex_lock(&lock);
    for (struct pl_key_count *c = counts; c && b->n < BATCH; c = c->next) {
        uint64_t now = sealed(c), kept = count_of(&c->kept);
        if (c->known && now == kept) continue;
        c->refs++;
        b->counts[b->n] = c;
        b->sealed[b->n] = now;
        b->lines[b->n] = (struct pl_ledger_line){.add = now - kept};
        pl_hex_encode(b->lines[b->n].name, c->digest, PL_LEDGER_NAME / 2);
        b->n++;
    }
    pthread_mutex_unlock(&lock);
}

static void batch_kept(struct batch *b) {
    for (size_t i = 0; i < b->n; i++) {
        struct pl_key_count *c = b->counts[i];
        c->known = true;
        atomic_store_explicit(&c->kept, b->sealed[i], memory_order_relaxed);
        atomic_store_explicit(&c->others, b->lines[i].count - b->sealed[i], memory_order_relaxed);
    }
}

static void tell(pouch_err e) {
    if (e && e != POUCH_E_OVERLOADED && !has_failed)
        PL_LOG(PL_LOG_WARN, "how much each key has sealed is not kept over restarts", "why", pouch_why());
    if (e != POUCH_E_OVERLOADED) has_failed = e != POUCH_OK;
}

void pl_key_counts_save(void) {
    if (!atomic_load(&keeps)) return;
    struct batch b;
    pouch_err e = POUCH_OK;
    pthread_mutex_lock(&saving);
    do {
        batch_take(&b);
        if (b.n) e = pl_ledger_add(file, b.lines, b.n);
        if (b.n) tell(e);
        if (!e) batch_kept(&b);
        for (size_t i = 0; i < b.n; i++) pl_key_count_put(b.counts[i]);
    } while (!e && b.n == BATCH);
    pthread_mutex_unlock(&saving);
}

static pouch_err choose(const char *given) {
    char *folder = NULL;
    pouch_err e = given ? POUCH_OK : pl_folder_state(&folder);
    if (e) return e;
    int n = given ? snprintf(file, sizeof file, "%s", given) : snprintf(file, sizeof file, "%s/seals", folder);
    free(folder);
    return n < (int)sizeof file ? POUCH_OK : pl_fail(POUCH_E_CONFIG, "the path of the file is too long");
}

void pl_key_counts_keep(const char *given) {
    pthread_mutex_lock(&saving);
    if (!atomic_load(&keeps)) {
        pouch_err e = choose(given);
        tell(e);
        atomic_store(&keeps, !e);
    }
    pthread_mutex_unlock(&saving);
    pl_key_counts_save();
}
