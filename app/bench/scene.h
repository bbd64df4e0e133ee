/*
 * Where a measurement through a center takes place: an inbox, and publishers each of which has a route to
 * a target of its own, all made for one run and named for it, and a center that reads that inbox.
 */
#ifndef POUCH_BENCH_SCENE_H
#define POUCH_BENCH_SCENE_H

#include <bench/part.h>
#include <conf/settings.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

struct pl_cluster;
struct pl_store;

enum { BENCH_PUBLISHERS_MAX = 4, BENCH_NAME_BYTES = 64 };

struct bench_scene {
    struct pl_settings settings;
    struct pl_cluster *cluster;
    struct pl_store *store;
    char inbox[BENCH_NAME_BYTES];
    char publishers[BENCH_PUBLISHERS_MAX][BENCH_NAME_BYTES]; /* each has a target of the same name */
    size_t n_publishers;
    size_t n_topics, n_routes; /* made so far */

    sigset_t mask; /* the caller's, while the scene is open */
    pthread_t guard;
    bool is_guarded;
    pthread_mutex_t lock;   /* held by whoever removes what was made */
    pthread_cond_t changed; /* one of the first two below; all three are under the lock */
    bool is_open, is_over;  /* there is all to be removed; the guard has nothing more to do */
    int ended_by;           /* the signal that the guard has taken; 0: none */
};

/*
 * Makes topics and routes; sets center.inbox in o. bench_scene_close() also after an error. SIGINT, SIGTERM and SIGHUP
 * are blocked in the caller, and in what threads it makes, until then: one that comes ends the program after what was
 * made is removed, if need be once it all is made; a second one at once. The scene stays where it is.
 */
POUCH_MUST_CHECK pouch_err bench_scene_open(struct bench_scene *s, pouch_options *o, size_t n_publishers);

/* Removes them; what cannot be removed, as topics of the embedded broker, stays. pouch_why() keeps its text. */
void bench_scene_close(struct bench_scene *s);

/* Starts a center on the inbox, which takes what is there already; sets group and start in o. */
POUCH_MUST_CHECK pouch_err bench_scene_center(const struct bench_scene *s, pouch_options *o, struct bench_part *center);

#endif
