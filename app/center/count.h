/* What has gone to a target, or come from a publisher. The polling thread's. */
#ifndef POUCH_CENTER_COUNT_H
#define POUCH_CENTER_COUNT_H

#include <stdint.h>

struct center_count {
    uint64_t routed, failed; /* once for each target */
    uint64_t limited;        /* of those that failed: over the publisher's rate */
    uint64_t told;           /* of all, when last aged */
    uint64_t lately;         /* how busy it has been: halves with each aging */
};

/* About once a second; gives lately. */
static inline uint64_t center_count_age(struct center_count *c) {
    uint64_t all = c->routed + c->failed;
    c->lately = c->lately / 2 + (all - c->told);
    c->told = all;
    return c->lately;
}

#endif
