#include <base/why.h>
#include <client/watch.h>
#include <stdlib.h>
#include <string.h>

enum {
    PATIENCE_US = 300000,    /* a request that is answered sooner needs no look */
    LOOK_AGAIN_US = 2000000, /* so long a look holds */
    SEEN_AWAY_US = 30000000,
    LOOKS_APART_US = 10000000, /* between looks further apart, members may have come and gone */
    TICK_MS = 150,
};

struct pl_watch *pl_watch_new(struct pl_pending *pending, const struct pl_clock *clock) {
    struct pl_watch *w = calloc(1, sizeof *w);
    if (!w) return NULL;
    w->pending = pending;
    w->clock = clock;
    if (!pthread_mutex_init(&w->lock, NULL)) return w;
    free(w);
    return NULL;
}

void pl_watch_free(struct pl_watch *w) {
    if (!w) return;
    pthread_mutex_destroy(&w->lock);
    free(w);
}

pouch_err pl_watch_fail(const char *topic) {
    return pl_fail(
        POUCH_E_NO_RESPONDERS,
        "nobody reads topic %s: no consumer group does, or none has had a member for 30 s; start a worker on "
        "it, or wait for one with client.no_responders = off",
        topic);
}

/* ---- under the lock ---- */

static struct pl_watched *find(struct pl_watch *w, const char *topic) {
    for (size_t i = 0; i < w->n; i++)
        if (!strcmp(w->topics[i].topic, topic)) return &w->topics[i];
    return NULL;
}

static struct pl_watched *find_or_add(struct pl_watch *w, const char *topic) {
    struct pl_watched *t = find(w, topic);
    if (t) return t;
    t = &w->topics[w->n < PL_WATCH_TOPICS ? w->n++ : 0];
    for (size_t i = 0; w->n == PL_WATCH_TOPICS && i < w->n; i++)
        if (w->topics[i].asked_us < t->asked_us) t = &w->topics[i];
    *t = (struct pl_watched){0};
    strcpy(t->topic, topic); /* a checked name, so it fits */
    return t;
}

static bool seems_empty(const struct pl_watched *t) {
    return (t->audience == PL_AUDIENCE_NONE && !t->answered) ||
           (t->audience == PL_AUDIENCE_AWAY && t->looked_us - t->away_us >= SEEN_AWAY_US);
}

static bool nobody_reads(const struct pl_watched *t, int64_t now) {
    return seems_empty(t) && now - t->looked_us < LOOK_AGAIN_US;
}

/*
 * Whether a request waits that a look could end. Finding none of those that were asked by then, there is none until the
 * next is asked: a request is open before pl_watch_asked() is told of it.
 */
static bool is_due(const struct pl_watch *w, struct pl_watched *t, int64_t now) {
    int64_t apart = seems_empty(t) ? PATIENCE_US : LOOK_AGAIN_US, before = now - PATIENCE_US;
    if (!t->waits || now - t->looked_us < apart) return false;
    bool due = pl_pending_waits(w->pending, t->topic, before);
    t->waits = due || t->asked_us >= before;
    return due;
}

static const struct pl_watched *find_due(struct pl_watch *w, int64_t now) {
    for (size_t i = 0; i < w->n; i++)
        if (is_due(w, &w->topics[i], now)) return &w->topics[i];
    return NULL;
}

static void take_in(struct pl_watched *t, enum pl_audience audience, int64_t now) {
    bool stays_away = t->audience == PL_AUDIENCE_AWAY && now - t->looked_us < LOOKS_APART_US;
    if (audience != PL_AUDIENCE_AWAY)
        t->away_us = 0;
    else if (!stays_away)
        t->away_us = now;
    t->audience = audience;
    t->looked_us = now;
}

/* Whether there are requests that a look has found to be in vain. */
static bool has_vain(const struct pl_watch *w, const struct pl_watched *t, int64_t now) {
    return nobody_reads(t, now) && pl_pending_waits(w->pending, t->topic, t->looked_us - PATIENCE_US);
}

/* ---- any thread ---- */

pouch_err pl_watch_asked(struct pl_watch *w, const char *topic, bool *wake) {
    int64_t now = pl_mono_us(w->clock);
    pthread_mutex_lock(&w->lock);
    struct pl_watched *t = find_or_add(w, topic);
    bool refused = nobody_reads(t, now);
    t->asked_us = now;
    t->waits = t->waits || !refused;
    *wake = !refused && !w->ticking;
    w->ticking = w->ticking || *wake;
    pthread_mutex_unlock(&w->lock);
    return refused ? pl_watch_fail(topic) : POUCH_OK;
}

void pl_watch_answered(struct pl_watch *w, const char *topic) {
    pthread_mutex_lock(&w->lock);
    struct pl_watched *t = find(w, topic);
    if (t) t->answered = true;
    pthread_mutex_unlock(&w->lock);
}

int pl_watch_tick(struct pl_watch *w, pl_watch_look_fn *look, void *arg, bool *tell) {
    char topic[PL_NAME_MAX + 1];
    pthread_mutex_lock(&w->lock);
    int64_t now = pl_mono_us(w->clock);
    const struct pl_watched *due = find_due(w, now);
    if (due) strcpy(topic, due->topic);
    pthread_mutex_unlock(&w->lock);
    enum pl_audience seen = due ? look(arg, topic) : PL_AUDIENCE_UNKNOWN;

    pthread_mutex_lock(&w->lock);
    now = pl_mono_us(w->clock);
    struct pl_watched *t = due ? find(w, topic) : NULL;
    if (t) take_in(t, seen, now);
    *tell = false;
    for (size_t i = 0; i < w->n && !*tell; i++) *tell = has_vain(w, &w->topics[i], now);
    if (*tell) atomic_store_explicit(&w->told, true, memory_order_relaxed);
    w->ticking = atomic_load_explicit(&w->pending->open, memory_order_acquire) > 0;
    int wait = !w->ticking ? -1 : find_due(w, now) ? 0 : TICK_MS;
    pthread_mutex_unlock(&w->lock);
    return wait;
}

size_t pl_watch_claim(struct pl_watch *w, struct pl_call *out[], size_t max) {
    size_t n = 0;
    if (!atomic_load_explicit(&w->told, memory_order_relaxed)) return 0;
    pthread_mutex_lock(&w->lock);
    int64_t now = pl_mono_us(w->clock);
    for (size_t i = 0; i < w->n; i++) {
        const struct pl_watched *t = &w->topics[i];
        if (!nobody_reads(t, now)) continue;
        n += pl_pending_claim_topic(w->pending, t->topic, t->looked_us - PATIENCE_US, out + n, max - n);
    }
    if (n == 0) atomic_store_explicit(&w->told, false, memory_order_relaxed);
    pthread_mutex_unlock(&w->lock);
    return n;
}
