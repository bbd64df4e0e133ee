/* The snapshot in force, and the thread that puts newer ones in its place. */
#include <base/clock.h>
#include <base/log.h>
#include <base/why.h>
#include <inttypes.h>
#include <pthread.h>
#include <registry/control.h>
#include <registry/registry.h>
#include <registry/source.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    REFRESH_US = 10 * 1000000, /* what was changed without an announcement is seen after that */
    RETRY_US = 1000000,        /* a store or a broker that did not answer is asked again */
    SEEK_FIRST_US = 20000,     /* a version that was announced is looked for, each time twice as long after */
    SEEK_MOST_US = RETRY_US,
    SEEK_FOR_US = 60 * 1000000, /* and given up after that */
    CATCH_UP_US = 3000000,      /* a start without the store hears first what was announced, for that long */
    CLIENT_ID_MAX = 256,
};

struct pl_registry {
    pthread_mutex_t lock; /* over `current`, for the time of a count */
    /* held once by the registry; only the thread replaces it: `routes`, or it awaiting some */
    struct pl_snapshot *current;
    atomic_int_fast64_t read_us; /* when the store was last read; 0: never */
    struct pl_wake wake;
    atomic_bool stop;
    pthread_t thread;
    char client_id[CLIENT_ID_MAX];

    /* the thread's own */
    struct pl_source source;
    struct pl_control *control;
    struct pl_snapshot *routes;     /* what the store held when it was last read; held once */
    struct pl_awaited_list awaited; /* what was announced since, until the store is read again */
    bool heard;                     /* that list has grown, and `current` does not say so yet */
    int64_t refresh_us, connect_us; /* when the store is read next, the control topic tried again */
    int64_t connect_pause_us;
    int64_t wanted;                 /* the highest version announced; 0: none that is not in force */
    int64_t seek_us, seek_until_us; /* the pause before the next look for it, and the last one */
    bool store_down;                /* so that it is told once */
    pouch_err control_error;        /* told last: one that hides behind another is told as well */
};

static int64_t now(void) {
    return pl_mono_us(&pl_clock_system);
}

const struct pl_snapshot *pl_registry_take(struct pl_registry *r) {
    pthread_mutex_lock(&r->lock);
    struct pl_snapshot *s = r->current;
    pl_snapshot_hold(s);
    pthread_mutex_unlock(&r->lock);
    return s;
}

void pl_registry_give(struct pl_registry *r, const struct pl_snapshot *s) {
    (void)r;
    pl_snapshot_drop(s);
}

static void put_in_force(struct pl_registry *r, struct pl_snapshot *s) {
    pthread_mutex_lock(&r->lock);
    struct pl_snapshot *before = r->current;
    r->current = s;
    pthread_mutex_unlock(&r->lock);
    pl_snapshot_drop(before);
}

/* Takes the snapshot, which is what the store holds. */
static void put_routes(struct pl_registry *r, struct pl_snapshot *s) {
    pl_snapshot_drop(r->routes);
    r->routes = s;
    pl_snapshot_hold(s);
    put_in_force(r, s);
    char version[24], routes[24];
    snprintf(version, sizeof version, "%" PRId64, pl_snapshot_version(s));
    snprintf(routes, sizeof routes, "%zu", pl_snapshot_routes(s));
    PL_LOG(PL_LOG_INFO, "routes in force", "version", version, "routes", routes);
}

int64_t pl_registry_age_ms(struct pl_registry *r) {
    int64_t read_us = r->read_us;
    return read_us ? (now() - read_us) / 1000 : -1;
}

/* ---- the thread ---- */

static void note_store(struct pl_registry *r, pouch_err e) {
    if (e && !r->store_down)
        PL_LOG(PL_LOG_ERROR, "the store cannot be read: the last routes stay in force", "why", pouch_why());
    if (!e && r->store_down) PL_LOG(PL_LOG_INFO, "the store can be read again");
    r->store_down = e != POUCH_OK;
    if (!e) r->read_us = now();
}

/* ---- what was announced and is not known yet ---- */

/* From now on the routes on the list are not to be relied on. */
static void put_awaiting(struct pl_registry *r) {
    struct pl_snapshot *s;
    r->heard = false;
    if (pl_snapshot_awaiting(&s, r->routes, &r->awaited))
        PL_LOG(PL_LOG_ERROR, "routes that were announced newer are still in force as they were", "why", pouch_why());
    else
        put_in_force(r, s);
}

/* The store has been read: what it says is so, whatever was announced. */
static void await_nothing(struct pl_registry *r) {
    pl_awaited_clear(&r->awaited);
    r->heard = false;
    if (r->current == r->routes) return;
    pl_snapshot_hold(r->routes);
    put_in_force(r, r->routes);
}

static void note_announced(const struct pl_announced *a, void *registry) {
    struct pl_registry *r = registry;
    if (a->version <= pl_snapshot_version(r->routes)) return;
    if (a->publisher[0] && pl_awaited_add(&r->awaited, a->publisher))
        PL_LOG(PL_LOG_ERROR, "a route that was announced newer stays in force as it was", "publisher", a->publisher,
               "why", pouch_why());
    r->heard |= r->awaited.n > 0;
    if (a->version <= r->wanted) return;
    r->wanted = a->version;
    r->seek_us = SEEK_FIRST_US;
    r->seek_until_us = now() + SEEK_FOR_US;
    r->refresh_us = 0;
}

static void hear(struct pl_registry *r) {
    pl_control_take(r->control, note_announced, r);
    if (r->heard) put_awaiting(r);
}

/* ---- the store ---- */

/* When to look again for a version that was announced and is not there; never again after a minute. */
static int64_t next_look(struct pl_registry *r, pouch_err e) {
    if (e) return now() + RETRY_US;
    if (!r->wanted) return now() + REFRESH_US;
    if (now() > r->seek_until_us) {
        PL_LOG(PL_LOG_ERROR, "a version of the routes was announced that the store does not have", "why",
               "somebody announced it without writing it, or writes to another store; see --store of both");
        r->wanted = 0;
        return now() + REFRESH_US;
    }
    int64_t pause = r->seek_us;
    r->seek_us = pause * 2 < SEEK_MOST_US ? pause * 2 : SEEK_MOST_US;
    return now() + pause;
}

static void refresh(struct pl_registry *r) {
    struct pl_snapshot *newer;
    pouch_err e = pl_source_read(&r->source, r->routes, &newer);
    note_store(r, e);
    if (newer) put_routes(r, newer);
    if (!e) await_nothing(r);
    if (r->wanted <= pl_snapshot_version(r->routes)) r->wanted = 0;
    r->refresh_us = next_look(r, e);
    int64_t keep_us = pl_source_keep(&r->source, r->routes, false);
    if (keep_us < r->refresh_us) r->refresh_us = keep_us;
}

/*
 * A change may be announced before we listen: then the store is read once more, or, while it cannot be, all
 * announcements are. A cluster that does not answer is asked ever more seldom.
 */
static void connect_control(struct pl_registry *r) {
    pouch_err e = pl_control_connect(r->control, r->store_down);
    if (e && e != r->control_error)
        PL_LOG(PL_LOG_WARN, "changes of routes are not heard of, but seen within 10 s", "why", pouch_why());
    if (!e && r->control_error) PL_LOG(PL_LOG_INFO, "changes of routes are heard of again");
    r->control_error = e;
    int64_t pause = r->connect_pause_us * 2;
    r->connect_pause_us = !e || !pause ? RETRY_US : pause < REFRESH_US ? pause : REFRESH_US;
    r->connect_us = now() + r->connect_pause_us;
    if (!e) r->refresh_us = 0;
}

static void *follow(void *arg) {
    struct pl_registry *r = arg;
    while (!r->stop) {
        if (now() >= r->refresh_us) refresh(r);
        if (!pl_control_connected(r->control) && now() >= r->connect_us) connect_control(r);
        hear(r);
        int64_t next = r->refresh_us;
        if (!pl_control_connected(r->control) && r->connect_us < next) next = r->connect_us;
        int64_t wait = next - now();
        if (!r->stop && wait > 0) pl_wake_wait(&r->wake, wait);
    }
    pl_source_keep(&r->source, r->routes, true);
    return NULL;
}

/* ---- opening and closing ---- */

/* From the store; while that cannot be read, from what was kept. */
static pouch_err load(struct pl_registry *r) {
    struct pl_snapshot *s = NULL;
    pouch_err e = pl_source_read(&r->source, NULL, &s);
    if (!e) {
        r->read_us = now();
        put_routes(r, s);
        return POUCH_OK;
    }
    char why[1024];
    int64_t read_ms;
    snprintf(why, sizeof why, "%s", pouch_why());
    if (e == POUCH_E_NO_MEMORY) return e;
    if (pl_source_kept(&r->source, &s, &read_ms)) {
        PL_LOG(PL_LOG_WARN, "no kept routes to start with", "why", pouch_why());
        return pl_fail(e, "%s", why);
    }
    char minutes[24];
    snprintf(minutes, sizeof minutes, "%" PRId64, (pl_wall_ms(&pl_clock_system) - read_ms) / 60000);
    PL_LOG(PL_LOG_ERROR, "the store cannot be read: routing by the routes that were kept", "why", why, "kept",
           r->source.kept, "minutes_old", minutes);
    r->store_down = true;
    put_routes(r, s);
    return POUCH_OK;
}

/* Kept routes may be out of date: which ones is heard before anything is routed by them. */
static void catch_up(struct pl_registry *r) {
    int64_t until_us = now() + CATCH_UP_US;
    connect_control(r);
    while (pl_control_connected(r->control) && !pl_control_caught_up(r->control) && now() < until_us) {
        pl_wake_wait(&r->wake, until_us - now());
        hear(r);
    }
    if (!pl_control_caught_up(r->control))
        PL_LOG(PL_LOG_ERROR, "whether the routes that were kept have changed since is not known");
}

/* Signals are for the program's own threads. */
static pouch_err start(struct pl_registry *r) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&r->thread, NULL, follow, r);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) return pl_fail(POUCH_E_NO_MEMORY, "no thread to follow the routes: %s", strerrordesc_np(failed));
    pthread_setname_np(r->thread, "pouch-routes");
    return POUCH_OK;
}

static void let_go(struct pl_registry *r) {
    pl_snapshot_drop(r->current);
    pl_snapshot_drop(r->routes);
    pl_awaited_clear(&r->awaited);
}

pouch_err pl_registry_open(struct pl_registry **out, const struct pl_settings *s, const char *client_id) {
    struct pl_registry *r = calloc(1, sizeof *r);
    *out = NULL;
    if (!r) return pl_fail(POUCH_E_NO_MEMORY, "no memory for the routes");
    snprintf(r->client_id, sizeof r->client_id, "%s", client_id);
    pouch_err e = pl_fail(POUCH_E_NO_MEMORY, "no memory for the routes");
    if (pthread_mutex_init(&r->lock, NULL)) goto fail_lock;
    e = pl_wake_init(&r->wake);
    if (e) goto fail_wake;
    e = pl_source_init(&r->source, s->store);
    if (e) goto fail_source;
    e = load(r);
    if (e) goto fail_load;
    e = pl_control_new(&r->control, s, r->client_id, &r->wake);
    if (e) goto fail_control;
    if (r->store_down) catch_up(r);
    e = start(r);
    if (e) goto fail_start;
    *out = r;
    return POUCH_OK;

fail_start:
    pl_control_free(r->control);
fail_control:
    let_go(r);
fail_load:
    pl_source_free(&r->source);
fail_source:
    pl_wake_free(&r->wake);
fail_wake:
    pthread_mutex_destroy(&r->lock);
fail_lock:
    free(r);
    return e;
}

void pl_registry_close(struct pl_registry *r) {
    if (!r) return;
    r->stop = true;
    pl_wake_signal(&r->wake);
    pthread_join(r->thread, NULL);
    pl_control_free(r->control);
    let_go(r);
    pl_source_free(&r->source);
    pl_wake_free(&r->wake);
    pthread_mutex_destroy(&r->lock);
    free(r);
}
