/*
 * How the brokers are. The client learns that only from its traffic, so that a gateway which nobody asks anything would
 * go on calling itself healthy, or ill.
 */
#include <base/clock.h>
#include <base/thread.h>
#include <base/why.h>
#include <gateway/state.h>
#include <metrics/timing.h>
#include <pouch/health.h>
#include <stdio.h>
#include <stdlib.h>

enum { PERIOD_US = 1000000, PING_EVERY = 2, PING_MS = 2000 };

struct gateway_watch {
    pouch_cluster *cluster;
    struct pl_wake wake;
    pthread_t thread;
    bool running;
    atomic_bool stop;
    pthread_mutex_t lock;
    bool known, well; /* under the lock, as `why` */
    char why[512];
};

static void ping(struct gateway_watch *w) {
    int64_t took_us;
    pouch_err e = pouch_cluster_ping(w->cluster, PING_MS, &took_us);
    pthread_mutex_lock(&w->lock);
    w->known = true;
    w->well = !e;
    snprintf(w->why, sizeof w->why, "%s", e ? pouch_why() : "");
    pthread_mutex_unlock(&w->lock);
}

static void *run(void *arg) {
    struct gateway_watch *w = arg;
    for (unsigned turn = 0; !atomic_load(&w->stop); turn++) {
        if (turn % PING_EVERY == 0) ping(w);
        pl_timings_tick(pl_mono_us(&pl_clock_system));
        pl_wake_wait(&w->wake, PERIOD_US);
    }
    return NULL;
}

pouch_err gateway_watch_start(struct gateway_watch **out, const struct gateway *g) {
    struct gateway_watch *w = calloc(1, sizeof *w);
    if (!w) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a watch of the brokers");
    *out = w;
    w->wake.fd = -1;
    pthread_mutex_init(&w->lock, NULL);
    pouch_err e = pl_wake_init(&w->wake);
    if (!e) e = pouch_cluster_open(&w->cluster, g->options);
    if (!e) e = pl_thread_start(&w->thread, "gateway-watch", run, w);
    w->running = !e;
    return e;
}

bool gateway_watch_is_well(struct gateway_watch *w, char *why, size_t n) {
    pthread_mutex_lock(&w->lock);
    bool well = w->well;
    snprintf(why, n, "%s", w->known ? w->why : "the brokers have not answered yet");
    pthread_mutex_unlock(&w->lock);
    return well;
}

void gateway_watch_stop(struct gateway_watch *w) {
    if (!w) return;
    atomic_store(&w->stop, true);
    if (w->running) {
        pl_wake_signal(&w->wake);
        pthread_join(w->thread, NULL);
    }
    pouch_cluster_close(w->cluster);
    pl_wake_free(&w->wake);
    pthread_mutex_destroy(&w->lock);
    free(w);
}
