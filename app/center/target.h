/*
 * The topics that routes lead to, and whether each takes what it is sent. One may hold a third of what the others and it
 * have left: alone that is a quarter of all, and those that take nothing leave room for others as long as they are fewer
 * than there is room for records, since one record each target may always have. One that takes nothing while the cluster
 * works is stalled: what is for it is refused until it takes something again, so that it stops nobody else.
 *
 * How long a target has taken nothing is counted in time during which the cluster was seen to work:
 * between two signs of life, such as deliveries to whatever topic, that were at most a second
 * apart. So a broker that was away for a while stalls nobody.
 */
#ifndef POUCH_CENTER_TARGET_H
#define POUCH_CENTER_TARGET_H

#include <pouch/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CENTER_STALL_US = 5000000, CENTER_CROWDED_US = 1000000, CENTER_GAP_US = 1000000, CENTER_SLOTS = 1024 };

struct center_target {
    char *name;
    size_t in_flight, bytes; /* with the producer */
    int64_t took_at;         /* on the clock of proven health: when it last took something, or began to be waited for */
    bool stalled;
    bool takes_replies;         /* its name is one of those that replies go to */
    struct center_target *next; /* in its slot */
};

struct center_targets {
    struct center_target *slots[CENTER_SLOTS];
    size_t room, room_bytes; /* for all together */
    const char *reply_topics;
    int64_t healthy_us; /* time of proven health so far */
    int64_t alive_us;   /* when the last sign of life came */
    size_t in_flight, bytes, stalled;
};

/* reply_topics: patterns, borrowed. */
void center_targets_init(struct center_targets *t, size_t room, size_t room_bytes, const char *reply_topics);
void center_targets_free(struct center_targets *t);

/* The target of that name, made when it is new. NULL: no memory. */
struct center_target *center_target_of(struct center_targets *t, const char *name);

/* Frees a target that nothing is on its way to; whoever keeps targets does not call it. */
void center_target_forget(struct center_targets *t, struct center_target *target);

/* Whether it has no room for a record of so many bytes; one record it takes always. */
bool center_target_full(const struct center_targets *t, const struct center_target *target, size_t bytes);

/* A record has been given to the producer; its report has come. */
void center_target_enter(struct center_targets *t, struct center_target *target, size_t bytes);
void center_target_leave(struct center_targets *t, struct center_target *target, size_t bytes, bool stored);

/* A sign of life: something, on whatever topic, has been stored, or a broker has answered. */
void center_targets_alive(struct center_targets *t, int64_t now_us);

/* Marks those that have stalled since the last look and gives them to fn. crowded: somebody waits for room at it. */
typedef bool center_crowded_fn(const struct center_target *target, void *arg);
typedef void center_stalled_fn(struct center_target *target, void *arg);
void center_targets_look(struct center_targets *t, center_crowded_fn *crowded, center_stalled_fn *fn, void *arg);

#endif
