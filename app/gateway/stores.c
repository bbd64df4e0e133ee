#include <admin/registry.h>
#include <base/clock.h>
#include <base/why.h>
#include <gateway/stores.h>
#include <metrics/metrics.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

/* IDLE_MAX: more than threads that use them, so that one that is given back is kept. */
enum { IDLE_MAX = 16, AGAIN_US = 1000000 };

struct gateway_stores {
    char *url;
    pthread_mutex_t lock; /* holds what follows */
    struct pl_store *idle[IDLE_MAX];
    size_t n_idle;
    bool failed, trying; /* the last try to open one, and why; somebody tries again */
    int64_t failed_us;
    char why[512];
};

pouch_err gateway_stores_new(struct gateway_stores **out, const char *named) {
    struct gateway_stores *s = *out = calloc(1, sizeof *s);
    if (!s) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a store");
    pthread_mutex_init(&s->lock, NULL);
    return admin_store_url(&s->url, named);
}

static void close_all(struct pl_store *const stores[], size_t n) {
    for (size_t i = 0; i < n; i++) pl_store_close(stores[i]);
}

void gateway_stores_free(struct gateway_stores *s) {
    if (!s) return;
    close_all(s->idle, s->n_idle);
    pthread_mutex_destroy(&s->lock);
    free(s->url);
    free(s);
}

const char *gateway_stores_url(const struct gateway_stores *s) {
    return s->url;
}

/* With the lock. Whether there is nothing to be had right now. */
static bool is_away(const struct gateway_stores *s) {
    return s->failed && (s->trying || pl_mono_us(&pl_clock_system) - s->failed_us < AGAIN_US);
}

/* Without the lock, since it may take seconds. */
static pouch_err open_one(struct gateway_stores *s, struct pl_store **store) {
    pouch_err e = pl_store_open(store, s->url);
    pthread_mutex_lock(&s->lock);
    s->failed = e;
    s->trying = false;
    if (e) {
        s->failed_us = pl_mono_us(&pl_clock_system);
        snprintf(s->why, sizeof s->why, "the gateway cannot open its store: %s%s", pouch_why(),
                 e == POUCH_E_CONFIG ? "; mend what the gateway's setting store (--store) names" : "");
        e = pl_fail(POUCH_E_STORE, "%s", s->why);
    }
    pthread_mutex_unlock(&s->lock);
    if (!e) pl_metric_add(PL_M_GATEWAY_STORE_OPENS, 1);
    return e;
}

pouch_err gateway_stores_take(struct gateway_stores *s, struct pl_store **store) {
    pouch_err e = POUCH_OK;
    *store = NULL;
    pthread_mutex_lock(&s->lock);
    if (s->n_idle)
        *store = s->idle[--s->n_idle];
    else if (is_away(s))
        e = pl_fail(POUCH_E_STORE, "%s", s->why);
    else
        s->trying = true;
    pthread_mutex_unlock(&s->lock);
    return e || *store ? e : open_one(s, store);
}

/* What the store itself says of a thing that is asked for. */
static bool is_sound(pouch_err e) {
    return !e || e == POUCH_E_NOT_FOUND || e == POUCH_E_EXISTS;
}

/* Others that are idle were opened before it failed, and are likely to fail as it did. */
void gateway_stores_give(struct gateway_stores *s, struct pl_store *store, pouch_err e) {
    struct pl_store *dropped[IDLE_MAX + 1];
    size_t n = 0;
    if (!store) return;
    pthread_mutex_lock(&s->lock);
    if (is_sound(e) && s->n_idle < IDLE_MAX)
        s->idle[s->n_idle++] = store;
    else
        dropped[n++] = store;
    while (e == POUCH_E_STORE && s->n_idle) dropped[n++] = s->idle[--s->n_idle];
    pthread_mutex_unlock(&s->lock);
    close_all(dropped, n); /* without the lock, since it may take its time */
}
