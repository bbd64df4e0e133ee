/*
 * Whether the wall clock goes on as it did. One that was put forward makes everything look old, so what is removed for
 * its age waits until a new time has stood for an hour. One owner. Inside the room.
 */
#ifndef POUCH_STORE_STEADY_H
#define POUCH_STORE_STEADY_H

#include <base/clock.h>
#include <stdbool.h>

enum { PL_STEADY_TOLERANCE_MS = 60000, PL_STEADY_PROOF_MS = 3600000 };

struct pl_steady {        /* all zero: not looked yet */
    int64_t offset_us;    /* how far the wall clock is ahead of the monotonic one */
    int64_t disbelief_us; /* until then, on the monotonic clock */
    bool known;
};

/* Compares both clocks with the last look. Two looks are a minute apart, or not much more. */
bool pl_steady_look(struct pl_steady *s, const struct pl_clock *c);

#endif
