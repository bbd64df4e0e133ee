#include <base/why.h>
#include <metrics/metrics.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <worker/dedupe.h>

struct pl_dedupe_entry {
    struct pl_dedupe_key key;
    struct pl_dedupe_entry *next_in_bucket;
    struct pl_dedupe_entry *next; /* the one that ended after it */
    struct pl_dedupe_waiter *waiting;
    size_t n_waiting;
    unsigned refs; /* the map's, and one for each who holds it */
    bool ended;
    bool gone;        /* from the map */
    int64_t due_us;   /* when it is past its time, on the monotonic clock */
    int64_t ended_ms; /* on the wall clock */
    int64_t number;   /* in the file; 0: not there yet */
    size_t reply_n;
    char *reply;
};

struct pl_dedupe {
    struct pl_dedupe_bounds bounds;
    const struct pl_clock *clock;
    size_t mask; /* buckets - 1 */

    pthread_mutex_t lock; /* holds what follows */
    bool closed;
    struct pl_dedupe_entry **buckets;        /* all entries, by tag */
    struct pl_dedupe_entry *oldest, *newest; /* those that have ended */
    struct pl_dedupe_entry *unsaved;         /* of those the first that may be in no file yet */
    size_t ended, bytes, in_no_file;
    int64_t counted_ended, counted_in_no_file; /* as the metrics have them */
    int64_t forgotten;                         /* the greatest number that was */
};

/* ---- the map ---- */

/* Only envelopes that opened come here, and the tags of those are spread by their cipher. */
static struct pl_dedupe_entry **bucket_of(const struct pl_dedupe *d, const struct pl_dedupe_key *key) {
    uint64_t hash;
    memcpy(&hash, key->tag, sizeof hash);
    return &d->buckets[hash & d->mask];
}

static struct pl_dedupe_entry *find(const struct pl_dedupe *d, const struct pl_dedupe_key *key) {
    struct pl_dedupe_entry *e = *bucket_of(d, key);
    while (e && (e->key.topic != key->topic || memcmp(e->key.tag, key->tag, sizeof key->tag))) e = e->next_in_bucket;
    return e;
}

static struct pl_dedupe_entry *add(struct pl_dedupe *d, const struct pl_dedupe_key *key) {
    struct pl_dedupe_entry *e = calloc(1, sizeof *e), **bucket = bucket_of(d, key);
    if (!e) return NULL;
    e->key = *key;
    e->refs = 1;
    e->next_in_bucket = *bucket;
    return *bucket = e;
}

static void drop_ref(struct pl_dedupe_entry *e) {
    if (--e->refs) return;
    free(e->reply);
    free(e);
}

static void take_out(struct pl_dedupe *d, struct pl_dedupe_entry *e) {
    struct pl_dedupe_entry **at = bucket_of(d, &e->key);
    while (*at != e) at = &(*at)->next_in_bucket;
    *at = e->next_in_bucket;
    e->gone = true;
    drop_ref(e);
}

/* ---- those that have ended ---- */

/* With room for what malloc() adds. */
static size_t cost_of(size_t reply_n) {
    return sizeof(struct pl_dedupe_entry) + reply_n + 32;
}

static void forget_oldest(struct pl_dedupe *d) {
    struct pl_dedupe_entry *e = d->oldest;
    d->oldest = e->next;
    if (!d->oldest) d->newest = NULL;
    if (d->unsaved == e) d->unsaved = e->next;
    if (e->number > d->forgotten) d->forgotten = e->number;
    d->in_no_file -= !e->number;
    d->ended--;
    d->bytes -= cost_of(e->reply_n);
    take_out(d, e);
}

static void forget_expired(struct pl_dedupe *d) {
    int64_t now = pl_mono_us(d->clock);
    while (d->oldest && d->oldest->due_us <= now) forget_oldest(d);
}

/* Room for one more with an answer of that size. */
static bool make_room(struct pl_dedupe *d, size_t reply_n) {
    size_t cost = cost_of(reply_n);
    forget_expired(d);
    if (cost > d->bounds.max_bytes) return false;
    while (d->ended >= d->bounds.max || d->bytes > d->bounds.max_bytes - cost) {
        forget_oldest(d);
        pl_metric_add(PL_M_DEDUPE_FORGOTTEN, 1);
    }
    return true;
}

/* False: no room or no memory; e is as it was. */
static bool remember(struct pl_dedupe *d, struct pl_dedupe_entry *e, const void *reply, size_t n, int64_t left_ms) {
    if (!make_room(d, n)) return false;
    char *copy = n ? malloc(n) : NULL;
    if (n && !copy) return false;
    if (n) memcpy(copy, reply, n);
    e->reply = copy;
    e->reply_n = n;
    e->ended = true;
    e->due_us = pl_mono_us(d->clock) + left_ms * 1000;
    if (d->newest)
        d->newest->next = e;
    else
        d->oldest = e;
    d->newest = e;
    if (!d->unsaved) d->unsaved = e;
    d->in_no_file += !e->number;
    d->ended++;
    d->bytes += cost_of(n);
    return true;
}

/* The metrics are of all windows of the process. */
static void count(struct pl_dedupe *d) {
    pl_metric_add(PL_M_DEDUPE_ENTRIES, (int64_t)d->ended - d->counted_ended);
    pl_metric_add(PL_M_DEDUPE_UNSAVED, (int64_t)d->in_no_file - d->counted_in_no_file);
    d->counted_ended = (int64_t)d->ended;
    d->counted_in_no_file = (int64_t)d->in_no_file;
}

/* ---- for the worker ---- */

pouch_err pl_dedupe_new(struct pl_dedupe **out, const struct pl_dedupe_bounds *bounds, const struct pl_clock *clock) {
    size_t buckets = 64;
    while (buckets < bounds->max) buckets *= 2;
    struct pl_dedupe *d = calloc(1, sizeof *d);
    if (d) d->buckets = calloc(buckets, sizeof(struct pl_dedupe_entry *));
    if (!d || !d->buckets) {
        free(d);
        return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a window of %zu requests (dedupe.max)", bounds->max);
    }
    d->bounds = *bounds;
    d->clock = clock;
    d->mask = buckets - 1;
    pthread_mutex_init(&d->lock, NULL);
    *out = d;
    return POUCH_OK;
}

void pl_dedupe_free(struct pl_dedupe *d) {
    if (!d) return;
    while (d->oldest) forget_oldest(d);
    count(d);
    pthread_mutex_destroy(&d->lock);
    free(d->buckets);
    free(d);
}

static enum pl_dedupe_verdict judge(struct pl_dedupe *d, const struct pl_dedupe_key *key,
                                    struct pl_dedupe_waiter *waiter, struct pl_dedupe_entry **entry) {
    forget_expired(d);
    struct pl_dedupe_entry *e = d->closed ? NULL : find(d, key);
    if (!e) return PL_DEDUPE_UNKNOWN;
    if (memcmp(&e->key.id, &key->id, sizeof key->id)) return PL_DEDUPE_RELABELLED;
    if (!e->ended) {
        waiter->next = e->waiting;
        e->waiting = waiter;
        e->n_waiting++;
        return PL_DEDUPE_WAITS;
    }
    e->refs++;
    *entry = e;
    return PL_DEDUPE_ENDED;
}

enum pl_dedupe_verdict pl_dedupe_enter(struct pl_dedupe *d, const struct pl_dedupe_key *key,
                                       struct pl_dedupe_waiter *waiter, struct pl_dedupe_entry **entry) {
    *entry = NULL;
    pthread_mutex_lock(&d->lock);
    enum pl_dedupe_verdict v = judge(d, key, waiter, entry);
    if (v == PL_DEDUPE_UNKNOWN && !d->closed) *entry = add(d, key);
    pthread_mutex_unlock(&d->lock);
    return v == PL_DEDUPE_UNKNOWN ? PL_DEDUPE_FIRST : v;
}

enum pl_dedupe_verdict pl_dedupe_join(struct pl_dedupe *d, const struct pl_dedupe_key *key,
                                      struct pl_dedupe_waiter *waiter, struct pl_dedupe_entry **entry) {
    *entry = NULL;
    pthread_mutex_lock(&d->lock);
    enum pl_dedupe_verdict v = judge(d, key, waiter, entry);
    pthread_mutex_unlock(&d->lock);
    return v;
}

size_t pl_dedupe_waiting(struct pl_dedupe *d, const struct pl_dedupe_entry *e) {
    pthread_mutex_lock(&d->lock);
    size_t n = e->n_waiting;
    pthread_mutex_unlock(&d->lock);
    return n;
}

struct pl_dedupe_waiter *pl_dedupe_end(struct pl_dedupe *d, struct pl_dedupe_entry *e, bool done, const void *reply,
                                       size_t n) {
    pthread_mutex_lock(&d->lock);
    struct pl_dedupe_waiter *waiting = e->waiting;
    e->waiting = NULL;
    e->n_waiting = 0;
    e->ended_ms = pl_wall_ms(d->clock);
    bool kept = done && remember(d, e, reply, n, d->bounds.window_ms);
    if (done && !kept) pl_metric_add(PL_M_DEDUPE_FORGOTTEN, 1);
    if (!kept) take_out(d, e);
    count(d);
    pthread_mutex_unlock(&d->lock);
    return waiting;
}

const void *pl_dedupe_reply(const struct pl_dedupe_entry *e, size_t *n) {
    *n = e->reply_n;
    return e->reply;
}

void pl_dedupe_release(struct pl_dedupe *d, struct pl_dedupe_entry *e) {
    pthread_mutex_lock(&d->lock);
    drop_ref(e);
    pthread_mutex_unlock(&d->lock);
}

struct pl_dedupe_waiter *pl_dedupe_close(struct pl_dedupe *d) {
    struct pl_dedupe_waiter *all = NULL;
    pthread_mutex_lock(&d->lock);
    d->closed = true;
    for (size_t i = 0; i <= d->mask; i++) {
        for (struct pl_dedupe_entry *e = d->buckets[i]; e; e = e->next_in_bucket) {
            while (e->waiting) {
                struct pl_dedupe_waiter *w = e->waiting;
                e->waiting = w->next;
                e->n_waiting--;
                w->next = all;
                all = w;
            }
        }
    }
    pthread_mutex_unlock(&d->lock);
    return all;
}

/* ---- for the keeper ---- */

size_t pl_dedupe_unsaved(struct pl_dedupe *d, struct pl_dedupe_entry *out[], size_t n) {
    size_t found = 0;
    pthread_mutex_lock(&d->lock);
    while (d->unsaved && d->unsaved->number) d->unsaved = d->unsaved->next;
    for (struct pl_dedupe_entry *e = d->unsaved; e && found < n; e = e->next) {
        if (e->number) continue;
        e->refs++;
        out[found++] = e;
    }
    pthread_mutex_unlock(&d->lock);
    return found;
}

const struct pl_dedupe_key *pl_dedupe_key_of(const struct pl_dedupe_entry *e) {
    return &e->key;
}

int64_t pl_dedupe_ended_ms(const struct pl_dedupe_entry *e) {
    return e->ended_ms;
}

void pl_dedupe_saved(struct pl_dedupe *d, struct pl_dedupe_entry *const entries[], size_t n, const int64_t numbers[]) {
    pthread_mutex_lock(&d->lock);
    for (size_t i = 0; i < n; i++) {
        struct pl_dedupe_entry *e = entries[i];
        if (numbers) e->number = numbers[i];
        if (numbers && !e->gone) d->in_no_file--;
        if (numbers && e->gone && e->number > d->forgotten) d->forgotten = e->number;
        drop_ref(e);
    }
    count(d);
    pthread_mutex_unlock(&d->lock);
}

/* How much of its time is left; a clock that was set back makes none younger than new. */
static int64_t left_ms(const struct pl_dedupe *d, int64_t ended_ms) {
    int64_t age = pl_wall_ms(d->clock) - ended_ms;
    return d->bounds.window_ms - (age > 0 ? age : 0);
}

void pl_dedupe_learn(struct pl_dedupe *d, const struct pl_dedupe_key *key, int64_t ended_ms, int64_t number,
                     const void *reply, size_t n) {
    pthread_mutex_lock(&d->lock);
    int64_t left = left_ms(d, ended_ms);
    bool wanted = left > 0 && !find(d, key);
    struct pl_dedupe_entry *e = wanted ? add(d, key) : NULL;
    if (e) {
        e->number = number;
        e->ended_ms = ended_ms;
        if (!remember(d, e, reply, n, left)) take_out(d, e);
    } else if (left <= 0 && number > d->forgotten) {
        d->forgotten = number;
    }
    count(d);
    pthread_mutex_unlock(&d->lock);
}

int64_t pl_dedupe_expire(struct pl_dedupe *d) {
    pthread_mutex_lock(&d->lock);
    forget_expired(d);
    int64_t forgotten = d->forgotten;
    count(d);
    pthread_mutex_unlock(&d->lock);
    return forgotten;
}
