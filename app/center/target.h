/* A target, and what has gone to it. */
#ifndef POUCH_CENTER_TARGET_H
#define POUCH_CENTER_TARGET_H

#include <bus/target.h>
#include <center/count.h>

struct center_target {
    struct pl_target at; /* first, so that one is the other */
    struct center_count count;
    size_t parked; /* legs that wait for room at it */
};

static inline struct center_count *center_count_of(struct pl_target *target) {
    return &((struct center_target *)target)->count;
}

static inline size_t *center_parked_at(struct pl_target *target) {
    return &((struct center_target *)target)->parked;
}

#endif
