/* Requests for many topics: what came of each, and how far it has got. */
#ifndef POUCH_CLUSTER_OUTCOME_H
#define POUCH_CLUSTER_OUTCOME_H

#include <pouch/error.h>
#include <stdbool.h>
#include <stddef.h>

enum { PL_OUTCOME_WHY_MAX = 256 };

struct pl_outcome {
    pouch_err error;              /* OK: done, and so it is seen by whoever asks the cluster now */
    bool existed;                 /* to be made, and there already: no error */
    char why[PL_OUTCOME_WHY_MAX]; /* of an error, as pouch_why(); else "" */
};

/* e, and of an error this thread's pouch_why(). */
void pl_outcome_set(struct pl_outcome *o, pouch_err e);

/* Told after each request, on the caller's thread; done counts topics, those with an error too. */
struct pl_progress {
    void (*tell)(size_t done, size_t all, void *arg);
    void *arg;
};

#endif
