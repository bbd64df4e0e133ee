/*
 * The jobs that a command has in hand, oldest first. Two records of one request may be open at
 * once (a duplicate); an answer ends the older. A command has few in hand and mostly answers in
 * order, so a job is found by walking from the oldest. One owner, no locking.
 */
#ifndef POUCH_RUNNER_OPEN_H
#define POUCH_RUNNER_OPEN_H

#include <base/uuid.h>
#include <pouch/worker.h>

struct runner_open_job {
    pouch_job *job;
    struct pl_uuid id;
    int64_t since_us;
    struct runner_open_job *older, *newer; /* newer is the next one in the list of the free, too */
};

struct runner_open {
    struct runner_open_job *slots, *free;
    struct runner_open_job *oldest, *newest;
    size_t count, max;
};

POUCH_MUST_CHECK pouch_err runner_open_init(struct runner_open *o, size_t max); /* NO_MEMORY */
void runner_open_free(struct runner_open *o);

/* count must be below max. */
void runner_open_add(struct runner_open *o, const struct pl_uuid *id, pouch_job *job, int64_t now_us);

/* The oldest job of that request, not open any more; NULL: there is none. */
pouch_job *runner_open_take(struct runner_open *o, const struct pl_uuid *id);

/* The oldest of all if it came at or before until_us; NULL otherwise. */
pouch_job *runner_open_take_oldest(struct runner_open *o, int64_t until_us);

/* When the oldest came; INT64_MAX when none is open. */
int64_t runner_open_since(const struct runner_open *o);

#endif
