/* Reading the processes, each second anew. */
#include <base/clock.h>
#include <base/why.h>
#include <peer/peer.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <top/state.h>

enum { TIMEOUT_MS = 2000 };

pouch_err top_new(struct top **out, const char *const names[], size_t n, int every_ms) {
    struct top *t = calloc(1, sizeof *t);
    *out = NULL;
    if (!t) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a view");
    if (n > TOP_MOST) {
        free(t);
        return pl_fail(POUCH_E_CONFIG, "%zu processes are more than the %d that fit into a view", n, TOP_MOST);
    }
    t->every_us = (int64_t)every_ms * 1000;
    pouch_err e = pl_wake_init(&t->stopped);
    if (e) {
        free(t);
        return e;
    }
    e = pl_wake_init(&t->news);
    if (e) {
        pl_wake_free(&t->stopped);
        free(t);
        return e;
    }
    for (; t->n < n && !e; t->n++) {
        t->processes[t->n].name = names[t->n];
        t->readers[t->n] = (struct top_reader){t, &t->processes[t->n], NULL};
        e = peer_url(&t->readers[t->n].url, names[t->n]);
    }
    if (e)
        top_free(t);
    else
        *out = t;
    return e;
}

static void forget(struct top_reading *r) {
    json_decref(r->status);
    r->status = NULL;
}

void top_free(struct top *t) {
    if (!t) return;
    for (size_t i = 0; i < t->n; i++) {
        forget(&t->processes[i].before);
        forget(&t->processes[i].now);
        free(t->readers[i].url);
    }
    pl_wake_free(&t->stopped);
    pl_wake_free(&t->news);
    free(t);
}

void top_stop(struct top *t) {
    atomic_store(&t->stopping, true);
    pl_wake_signal(&t->stopped);
    pl_wake_signal(&t->news);
}

/* After a reading that failed the one before it is kept: when the process answers again, rates span the gap. */
static void *read_one(void *arg) {
    struct top_reader *r = arg;
    struct top_reading now = {0};
    int64_t began_us = pl_mono_us(&pl_clock_system);
    pouch_err e = peer_status(&now.status, r->url, TIMEOUT_MS, &r->top->stopping);
    now.at_us = pl_mono_us(&pl_clock_system);
    now.took_us = now.at_us - began_us;
    if (e) snprintf(now.error, sizeof now.error, "%s", pouch_why());
    if (r->process->now.status) {
        forget(&r->process->before);
        r->process->before = r->process->now;
    }
    r->process->now = now;
    return NULL;
}

/* All at once, so that one that does not answer holds up no other. */
static void read_all(struct top *t) {
    pthread_t threads[TOP_MOST];
    bool runs[TOP_MOST];
    for (size_t i = 0; i < t->n; i++) {
        runs[i] = !pthread_create(&threads[i], NULL, read_one, &t->readers[i]);
        if (!runs[i]) read_one(&t->readers[i]);
    }
    for (size_t i = 0; i < t->n; i++)
        if (runs[i]) pthread_join(threads[i], NULL);
}

/* False: it was stopped. */
static bool wait_until(struct top *t, int64_t until_us) {
    int64_t left;
    while (!atomic_load(&t->stopping) && (left = until_us - pl_mono_us(&pl_clock_system)) > 0)
        pl_wake_wait(&t->stopped, left);
    return !atomic_load(&t->stopping);
}

pouch_err top_next(struct top *t, json_t **view) {
    *view = NULL;
    if (!t->read_us) {
        t->read_us = pl_mono_us(&pl_clock_system);
        read_all(t);
    }
    if (!wait_until(t, t->read_us + t->every_us)) return pl_fail(POUCH_E_CLOSED, "stopped");
    t->read_us = pl_mono_us(&pl_clock_system);
    read_all(t);
    *view = top_compare(t->processes, t->n, pl_wall_ms(&pl_clock_system));
    return *view ? POUCH_OK : pl_fail(POUCH_E_NO_MEMORY, "out of memory for a view");
}
