#include <base/clock.h>
#include <base/thread.h>
#include <base/why.h>
#include <bench/scene.h>
#include <center/center.h>
#include <cluster/topics.h>
#include <stdio.h>
#include <stdlib.h>
#include <store/store.h>
#include <unistd.h>

enum { PARTITIONS = 3, TIMEOUT_MS = 30000 };

static void name_all(struct bench_scene *s) {
    int pid = (int)getpid();
    long long stamp = (long long)pl_wall_ms(&pl_clock_system);
    snprintf(s->inbox, sizeof s->inbox, "pouch-bench-%d-%lld", pid, stamp);
    for (size_t i = 0; i < s->n_publishers; i++)
        snprintf(s->publishers[i], sizeof s->publishers[i], "pouch-bench-%d-%lld-%zu", pid, stamp, i);
}

static const char *topic_at(const struct bench_scene *s, size_t i) {
    return i ? s->publishers[i - 1] : s->inbox;
}

static pouch_err make_topics(struct bench_scene *s) {
    pouch_err e = POUCH_OK;
    for (; !e && s->n_topics <= s->n_publishers; s->n_topics += !e) {
        struct pl_topic_spec t = {.name = topic_at(s, s->n_topics), .partitions = PARTITIONS, .replication = -1};
        e = pl_topic_create(pl_cluster_handle(s->cluster), &t, NULL, TIMEOUT_MS);
    }
    return e;
}

static pouch_err make_routes(struct bench_scene *s) {
    pouch_err e = POUCH_OK;
    for (; !e && s->n_routes < s->n_publishers; s->n_routes += !e) {
        char *name = s->publishers[s->n_routes];
        struct pl_route_row row = {.publisher = name, .targets = &name, .n_targets = 1, .enabled = true};
        e = pl_store_route_put(s->store, &row, 0);
        free(row.id);
    }
    return e;
}

static void remove_all(struct bench_scene *s) {
    int64_t version;
    for (size_t i = 0; i < s->n_routes; i++) (void)!pl_store_route_remove(s->store, s->publishers[i], -1, &version);
    for (size_t i = 0; i < s->n_topics; i++) {
        struct pl_outcome outcome;
        const char *topic = topic_at(s, i);
        (void)!pl_topics_delete(pl_cluster_handle(s->cluster), &topic, 1, &outcome, NULL, TIMEOUT_MS);
    }
}

/* ---- the end by a signal ---- */

/* What a shell or nohup has the program ignore is still ignored. */
static sigset_t endings(void) {
    static const int numbers[] = {SIGINT, SIGHUP};
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct sigaction now;
        if (!sigaction(numbers[i], NULL, &now) && now.sa_handler != SIG_IGN) sigaddset(&set, numbers[i]);
    }
    return set;
}

/*
 * Nobody else uses the store and the cluster of the scene while it is open; a signal that comes before waits until it
 * is, and one that comes while it closes ends the program when it is closed.
 */
static void *wait_for_end(void *arg) {
    struct bench_scene *s = arg;
    const sigset_t set = endings();
    int number = 0;
    if (sigwait(&set, &number)) return NULL;
    pthread_mutex_lock(&s->lock);
    if (!s->is_over) {
        s->ended_by = number;
        pthread_sigmask(SIG_UNBLOCK, &set, NULL); /* a second one ends the program at once */
    }
    while (!s->is_open && !s->is_over) pthread_cond_wait(&s->changed, &s->lock);
    if (s->is_open) {
        remove_all(s);
        raise(number);
        _exit(128 + number);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

static pouch_err guard(struct bench_scene *s) {
    pouch_err e = pl_thread_start(&s->guard, "pouch-guard", wait_for_end, s);
    s->is_guarded = !e;
    return e;
}

/* While the guard removes what was made this waits, until the program ends by the guard's hand. */
static void set_open(struct bench_scene *s, bool open) {
    pthread_mutex_lock(&s->lock);
    s->is_open = open;
    pthread_cond_signal(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

/* A guard that still waits for a signal is sent one; the signal that another has taken is raised again. */
static void end_guard(struct bench_scene *s) {
    if (!s->is_guarded) return;
    pthread_mutex_lock(&s->lock);
    s->is_over = true;
    if (!s->ended_by) pthread_kill(s->guard, SIGTERM);
    pthread_cond_signal(&s->changed);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->guard, NULL);
    if (s->ended_by) raise(s->ended_by);
}

/* ---- opening and closing ---- */

pouch_err bench_scene_open(struct bench_scene *s, pouch_options *o, size_t n_publishers) {
    const sigset_t set = endings();
    *s = (struct bench_scene){
        .n_publishers = n_publishers, .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    pthread_sigmask(SIG_BLOCK, &set, &s->mask);
    name_all(s);
    pouch_err e = guard(s);
    if (!e) e = pouch_options_set(o, "center.inbox", s->inbox);
    if (!e) e = pl_settings_read(&s->settings, o);
    if (!e && !s->settings.store) e = pl_store_default_url(&s->settings.store);
    if (!e) e = pl_store_open(&s->store, s->settings.store);
    if (!e) e = pl_cluster_open(&s->cluster, &s->settings, "pouch-bench");
    if (!e) e = make_topics(s);
    if (!e) e = make_routes(s);
    if (!e) set_open(s, true);
    return e;
}

void bench_scene_close(struct bench_scene *s) {
    char why[1024];
    snprintf(why, sizeof why, "%s", pouch_why());
    set_open(s, false);
    remove_all(s);
    end_guard(s);
    pl_store_close(s->store);
    pl_cluster_close(s->cluster);
    pl_settings_free(&s->settings);
    pthread_sigmask(SIG_SETMASK, &s->mask, NULL);
    pl_why_set("%s", why);
}

static pouch_err run_center(void *center) {
    return center_run(center);
}

static void stop_center(void *center) {
    center_stop(center);
}

static void free_center(void *center) {
    center_free(center);
}

pouch_err bench_scene_center(const struct bench_scene *s, pouch_options *o, struct bench_part *center) {
    static const struct bench_kind kind = {"center", run_center, stop_center, free_center};
    struct center *c;
    pouch_err e = pouch_options_set(o, "group", s->inbox);
    if (!e) e = pouch_options_set(o, "start", "earliest");
    if (!e) e = center_new(&c, o);
    return e ? e : bench_part_start(center, &kind, c);
}
