#include <base/why.h>
#include <metrics/metrics.h>
#include <pthread.h>
#include <schema/cache.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WHY_MAX = 400 };

/* A subject or an id, and what is known of it. While it is being fetched it stays where it is. */
struct entry {
    bool used, fetching;
    char *subject; /* NULL: an id */
    uint32_t id;
    uint64_t wanted;        /* when, counted in calls */
    struct schema_doc *doc; /* NULL: none yet */
    int64_t fetched_us;     /* when the registry last said it */
    int64_t asked_us;       /* when it was last asked, in vain or not */
    int64_t again_us;       /* after a failure: when it is asked again */
    pouch_err error;        /* of the time it was last asked */
    char why[WHY_MAX];
};

struct cache {
    pthread_mutex_t lock; /* over all below; never held while the registry is asked */
    pthread_cond_t fetched;
    struct entry subjects[CACHE_SUBJECTS], ids[CACHE_IDS];
    uint64_t calls;
    schema_fetch_fn *fetch;
    void *arg;
    int64_t ttl_us;
    const struct pl_clock *clock;
};

pouch_err schema_cache_new(struct cache **out, schema_fetch_fn *fetch, void *arg, int ttl_ms,
                           const struct pl_clock *clock) {
    struct cache *c = calloc(1, sizeof *c);
    *out = c;
    if (!c) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for schemas");
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->fetched, NULL);
    c->fetch = fetch;
    c->arg = arg;
    c->ttl_us = ttl_ms * INT64_C(1000);
    c->clock = clock;
    return POUCH_OK;
}

static void clear(struct entry *entry) {
    schema_doc_drop(entry->doc);
    free(entry->subject);
    *entry = (struct entry){0};
}

void schema_cache_free(struct cache *c) {
    if (!c) return;
    for (size_t i = 0; i < CACHE_SUBJECTS; i++) clear(&c->subjects[i]);
    for (size_t i = 0; i < CACHE_IDS; i++) clear(&c->ids[i]);
    pthread_cond_destroy(&c->fetched);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

/* ---- entries; all with the lock ---- */

static bool is_for(const struct entry *entry, const char *subject, uint32_t id) {
    if (!entry->used) return false;
    return subject ? !strcmp(entry->subject, subject) : entry->id == id;
}

/* One that is free, or else the one that was wanted the longest ago. */
static struct entry *oldest(struct entry *all, size_t n) {
    struct entry *found = NULL;
    for (size_t i = 0; i < n; i++) {
        if (!all[i].used) return &all[i];
        if (!all[i].fetching && (!found || all[i].wanted < found->wanted)) found = &all[i];
    }
    return found;
}

static pouch_err find(struct cache *c, const char *subject, uint32_t id, struct entry **entry) {
    struct entry *all = subject ? c->subjects : c->ids;
    size_t n = subject ? CACHE_SUBJECTS : CACHE_IDS;
    for (size_t i = 0; i < n; i++)
        if (is_for(&all[i], subject, id)) {
            *entry = &all[i];
            return POUCH_OK;
        }
    struct entry *made = oldest(all, n);
    if (!made) return pl_fail(POUCH_E_OVERLOADED, "%zu schemas are being fetched already", n);
    clear(made);
    if (subject && !(made->subject = strdup(subject)))
        return pl_fail(POUCH_E_NO_MEMORY, "out of memory for the name of a subject");
    made->used = true;
    made->id = id;
    *entry = made;
    return POUCH_OK;
}

static int64_t now(const struct cache *c) {
    return pl_mono_us(c->clock);
}

/* What an id stands for never changes. */
static bool is_fresh(const struct cache *c, const struct entry *entry) {
    return entry->doc && (!entry->subject || now(c) - entry->fetched_us < c->ttl_us);
}

/* ---- asking ---- */

/* What the registry says of a subject may also be asked for by its id. */
static void keep_id(struct cache *c, struct schema_doc *doc) {
    struct entry *entry;
    if (find(c, NULL, schema_doc_id(doc), &entry) || entry->doc || entry->fetching) return;
    entry->doc = schema_doc_keep(doc);
    entry->wanted = ++c->calls;
}

/*
 * A schema that cannot be used takes the place of the one before it, for payloads are to be as it says. Any other
 * failure leaves that in use, also where a proxy in front of the registry answers 404 or has another certificate.
 */
static void take(struct cache *c, struct entry *entry, pouch_err e, bool answered, struct schema_doc *doc) {
    entry->asked_us = now(c);
    if (!e || (answered && e != POUCH_E_NO_MEMORY)) {
        schema_doc_drop(entry->doc);
        entry->doc = doc;
        entry->fetched_us = now(c);
    }
    entry->error = e;
    int pause_ms = entry->doc ? CACHE_STALE_AGAIN_MS : CACHE_AGAIN_MS;
    entry->again_us = e ? now(c) + pause_ms * INT64_C(1000) : 0;
    if (e) snprintf(entry->why, sizeof entry->why, "%s", pouch_why());
    if (!e && entry->subject) keep_id(c, doc);
}

/* With the lock, which is open while the registry is asked. */
static void ask(struct cache *c, struct entry *entry) {
    int timeout_ms = entry->doc ? CACHE_HURRY_MS : 0;
    entry->fetching = true;
    pthread_mutex_unlock(&c->lock);
    struct schema_doc *doc = NULL;
    bool answered = false;
    pouch_err e = c->fetch(c->arg, entry->subject, entry->id, timeout_ms, &answered, &doc);
    pthread_mutex_lock(&c->lock);
    entry->fetching = false;
    take(c, entry, e, answered, doc);
    pthread_cond_broadcast(&c->fetched);
}

/* What is known now, and was it asked for? */
static pouch_err give(struct entry *entry, bool asked, bool fresh, struct schema_doc **doc) {
    if (!entry->doc) {
        pl_metric_add(PL_M_SCHEMA_ERRORS, 1);
        return pl_fail(entry->error, "%s", entry->why);
    }
    pl_metric_add(!fresh ? PL_M_SCHEMA_STALE : asked ? PL_M_SCHEMA_MISSES : PL_M_SCHEMA_HITS, 1);
    *doc = schema_doc_keep(entry->doc);
    return POUCH_OK;
}

pouch_err schema_cache_get(struct cache *c, const char *subject, uint32_t id, struct schema_doc **doc) {
    struct entry *entry;
    bool asked = false;
    *doc = NULL;
    pthread_mutex_lock(&c->lock);
    pouch_err e = find(c, subject, id, &entry);
    /* Nobody waits for a newer schema while there is one; without one, for whoever is asking. */
    while (!e && !entry->doc && entry->fetching) {
        pthread_cond_wait(&c->fetched, &c->lock);
        e = find(c, subject, id, &entry);
    }
    if (!e) {
        entry->wanted = ++c->calls;
        if (!is_fresh(c, entry) && !entry->fetching && now(c) >= entry->again_us) {
            ask(c, entry);
            asked = true;
        }
        e = give(entry, asked, is_fresh(c, entry), doc);
    }
    pthread_mutex_unlock(&c->lock);
    return e;
}

/*
 * Who finds another asking waits for that answer: what it replaces may be older than the payload. But not where the
 * registry did not answer the last time: one that is slow is to keep one thread waiting, not all.
 */
static pouch_err renew(struct cache *c, const char *subject, struct entry **entry) {
    pouch_err e = find(c, subject, 0, entry);
    bool waited = false;
    for (; !e && (*entry)->fetching; waited = true) {
        if ((*entry)->error) return pl_fail((*entry)->error, "%s", (*entry)->why);
        pthread_cond_wait(&c->fetched, &c->lock);
        e = find(c, subject, 0, entry);
    }
    if (e) return e;
    bool lately = (*entry)->asked_us && now(c) - (*entry)->asked_us < CACHE_AGAIN_MS * INT64_C(1000);
    if (!waited && !lately) ask(c, *entry);
    return (*entry)->error ? pl_fail((*entry)->error, "%s", (*entry)->why) : POUCH_OK;
}

pouch_err schema_cache_newer(struct cache *c, const char *subject, const struct schema_doc *than,
                             struct schema_doc **doc) {
    struct entry *entry;
    *doc = NULL;
    pthread_mutex_lock(&c->lock);
    pouch_err e = renew(c, subject, &entry);
    if (!e && entry->doc && schema_doc_id(entry->doc) != schema_doc_id(than)) *doc = schema_doc_keep(entry->doc);
    pthread_mutex_unlock(&c->lock);
    return e;
}
