/*
 * Whether anybody reads the topics that are asked (client.no_responders = on), so that a request that nobody can
 * answer ends soon. The keeper looks (client/lane.h) when a request has waited for a moment, and again while it waits
 * on. What is answered at once costs no look, and a look ends only what had waited for a moment before it: a worker
 * that has come since may be at the rest.
 *
 * Who reads without a group is in no list. So a topic that was answered is not judged by an empty one. Groups without
 * members count as nobody when they were seen so for 30 s.
 *
 * THREADS  Any, behind one mutex; no look is taken under it.
 */
#ifndef POUCH_CLIENT_WATCH_H
#define POUCH_CLIENT_WATCH_H

#include <base/clock.h>
#include <client/pending.h>
#include <cluster/cluster.h>

enum { PL_WATCH_TOPICS = 64 }; /* the one that was asked longest ago makes room */

struct pl_watched {
    char topic[PL_NAME_MAX + 1];
    int64_t asked_us;
    int64_t looked_us; /* 0: not yet */
    int64_t away_us;   /* since when its groups have been seen without members; 0: they were not */
    enum pl_audience audience;
    bool answered; /* at some time, by somebody */
    bool waits;    /* a request to it may be open */
};

struct pl_watch {
    const struct pl_clock *clock;
    struct pl_pending *pending;
    pthread_mutex_t lock;
    struct pl_watched topics[PL_WATCH_TOPICS];
    size_t n;
    bool ticking;     /* the keeper comes again by itself */
    atomic_bool told; /* there are calls to claim */
};

/* Borrows both. NULL: out of memory. */
struct pl_watch *pl_watch_new(struct pl_pending *pending, const struct pl_clock *clock);
void pl_watch_free(struct pl_watch *w); /* NULL is allowed */

/*
 * A request goes to the topic. NO_RESPONDERS: by what was seen a moment ago, nobody reads it. *wake: the keeper is to
 * come.
 */
POUCH_MUST_CHECK pouch_err pl_watch_asked(struct pl_watch *w, const char *topic, bool *wake);

/* A request to the topic was answered. */
void pl_watch_answered(struct pl_watch *w, const char *topic);

/* How the keeper looks at a topic. */
typedef enum pl_audience pl_watch_look_fn(void *arg, const char *topic);

/*
 * Looks at one topic if any is due. *tell: there are calls that pl_watch_claim() is to take. In how many ms to come
 * again; -1: when pl_watch_asked() says so.
 */
int pl_watch_tick(struct pl_watch *w, pl_watch_look_fn *look, void *arg, bool *tell);

/* Claims up to max of the calls that nobody will answer; 0 until the keeper has found more. */
size_t pl_watch_claim(struct pl_watch *w, struct pl_call *out[], size_t max);

/* "nobody reads …", for the topic of such a call. NO_RESPONDERS. */
pouch_err pl_watch_fail(const char *topic);

#endif
