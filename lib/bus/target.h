/*
 * The topics that records are sent to, and whether each takes what it is sent. One may hold a third of what the others
 * and it have left: alone that is a quarter of all, and those that take nothing leave room for others as long as they
 * are fewer than there is room for records, since one record each target may always have. One that takes nothing while
 * the cluster works is stalled: what is for it is refused until it takes something again, so that it stops nobody else.
 *
 * How long a target has taken nothing is counted in time during which the cluster was seen to work:
 * between two signs of life, such as deliveries to whatever topic, that were at most a second
 * apart. So a broker that was away for a while stalls nobody.
 *
 * That is a circuit breaker: it opens when a target stalls. When the last report of what the producer had for a stalled
 * target has come, it is half open: the target is in doubt and is tried with one record, until it takes one.
 */
#ifndef POUCH_BUS_TARGET_H
#define POUCH_BUS_TARGET_H

#include <base/breaker.h>
#include <pouch/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The first is longer than a cluster needs to find that a broker was killed and to name another leader: 9 s and a bit.
 */
enum {
    PL_TARGET_STALL_US = 15000000,
    PL_TARGET_CROWDED_US =
        3000000, /* where somebody waits for it, or it is in doubt; a busy cluster may be that slow */
    PL_TARGET_GAP_US = 1000000,
    PL_TARGET_SLOTS = 1024,
    PL_TARGET_DOUBTS = 256
};

struct pl_target {
    char *name;
    size_t in_flight, bytes; /* with the producer */
    int64_t took_at;         /* on the clock of proven health: when it last took something, or began to be waited for */
    bool stalled;
    bool doubted;           /* has stalled, and has taken nothing since */
    size_t stalls;          /* since it last took something */
    int64_t since_us;       /* when it was last made, stalled, doubted or trusted; exact to a second or so */
    bool takes_replies;     /* its name is one of those that replies go to */
    struct pl_target *next; /* in its slot */
};

struct pl_targets {
    struct pl_target *slots[PL_TARGET_SLOTS];
    /* of what is made for each: begins with a struct pl_target, the rest is the owner's, zero at first */
    size_t target_bytes;
    size_t room, room_bytes; /* for all together */
    const char *reply_topics;
    /* how long one takes nothing until it has stalled; PL_TARGET_… unless the owner sets others */
    int64_t stall_us, crowded_us;
    int64_t healthy_us; /* time of proven health so far */
    int64_t alive_us;   /* when the last sign of life came */
    size_t in_flight, bytes;
    size_t known, stalled, doubted, refusing; /* targets */
};

/* reply_topics: patterns, borrowed. */
void pl_targets_init(struct pl_targets *t, size_t target_bytes, size_t room, size_t room_bytes,
                     const char *reply_topics);
void pl_targets_free(struct pl_targets *t);

/* The target of that name, made when it is new. NULL: no memory. */
struct pl_target *pl_target_of(struct pl_targets *t, const char *name);
struct pl_target *pl_target_find(const struct pl_targets *t, const char *name); /* NULL: it is not known */

/*
 * Frees a target that nothing is on its way to, unless it is one of few that are in doubt; whoever keeps targets does
 * not call it.
 */
void pl_target_forget(struct pl_targets *t, struct pl_target *target);

/* Whether it has no room for a record of so many bytes; one record it takes always. */
bool pl_target_full(const struct pl_targets *t, const struct pl_target *target, size_t bytes);

/* Whether nothing is to be sent to it at present: it has stalled, or is being tried with a record. */
bool pl_target_refuses(const struct pl_target *target);

/* A record has been given to the producer; its report has come; something that was not counted has been stored. */
void pl_target_enter(struct pl_targets *t, struct pl_target *target, size_t bytes);
void pl_target_leave(struct pl_targets *t, struct pl_target *target, size_t bytes, bool stored);
void pl_target_took(struct pl_targets *t, struct pl_target *target);

/* A sign of life: something, on whatever topic, has been stored, or a broker has answered. */
void pl_targets_alive(struct pl_targets *t, int64_t now_us);

/* Marks those that have stalled since the last look and gives them to fn. crowded: somebody waits for room at it. */
typedef bool pl_target_crowded_fn(const struct pl_target *target, void *arg);
typedef void pl_target_stalled_fn(struct pl_target *target, void *arg);
void pl_targets_look(struct pl_targets *t, pl_target_crowded_fn *crowded, pl_target_stalled_fn *fn, void *arg);

/* Its breaker's. */
enum pl_breaker_state pl_target_state(const struct pl_target *target);

/* Gives all to fn: those whose breaker is not closed first. */
void pl_targets_each(const struct pl_targets *t, void (*fn)(const struct pl_target *target, void *arg), void *arg);

#endif
