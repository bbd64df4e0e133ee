/*
 * The dedupe window: which requests a worker has in hand, and how those of the last while have ended, so that one that
 * comes again is answered and not handled again. In memory and bounded; dedupe_file.h keeps it over restarts.
 *
 *   in hand   from _enter() to _end(); others of the same key wait for that end
 *   ended     with its answer, for the time of the window; the oldest goes first when there is no room
 *
 * An envelope is known by its topic, its request id and its tag. A tag belongs to one sealing, so the
 * same tag under another request id is an envelope that somebody has relabelled.
 *
 * Any thread. The lock is held for a look-up and never over I/O.
 */
#ifndef POUCH_WORKER_DEDUPE_H
#define POUCH_WORKER_DEDUPE_H

#include <base/clock.h>
#include <base/uuid.h>
#include <pouch/error.h>
#include <stdbool.h>
#include <stddef.h>

enum { PL_DEDUPE_TAG = 16 };

struct pl_dedupe_key {
    const char *topic; /* compared by its place: one string for each topic, which outlives the window */
    struct pl_uuid id;
    uint8_t tag[PL_DEDUPE_TAG];
};

struct pl_dedupe_bounds {
    int64_t window_ms;
    size_t max;       /* requests that have ended */
    size_t max_bytes; /* of them, their answers and what keeps them */
};

/* Who waits for a request's end: lies in a job. */
struct pl_dedupe_waiter {
    struct pl_dedupe_waiter *next;
};

enum pl_dedupe_verdict {
    PL_DEDUPE_FIRST,      /* it is to be handled, and then ended */
    PL_DEDUPE_WAITS,      /* it is in hand: the waiter comes back from its _end() or from _close() */
    PL_DEDUPE_ENDED,      /* it has ended: the entry has the answer, until _release() */
    PL_DEDUPE_RELABELLED, /* it was sealed with another request id */
    PL_DEDUPE_UNKNOWN
};

struct pl_dedupe;
struct pl_dedupe_entry;

/* NO_MEMORY */
POUCH_MUST_CHECK pouch_err pl_dedupe_new(struct pl_dedupe **d, const struct pl_dedupe_bounds *bounds,
                                         const struct pl_clock *clock);
void pl_dedupe_free(struct pl_dedupe *d); /* closed, and every entry ended or released; NULL allowed */

/*
 * *entry: for FIRST the caller's, to be given to _end(), or NULL where there is no memory for it and after
 * _close(): then it is handled without. For ENDED to be given to _release(). Else NULL.
 */
enum pl_dedupe_verdict pl_dedupe_enter(struct pl_dedupe *d, const struct pl_dedupe_key *key,
                                       struct pl_dedupe_waiter *waiter, struct pl_dedupe_entry **entry);

/*
 * The same for one that is not to be handled, whoever came before it: UNKNOWN in place of FIRST, and nothing is
 * entered.
 */
enum pl_dedupe_verdict pl_dedupe_join(struct pl_dedupe *d, const struct pl_dedupe_key *key,
                                      struct pl_dedupe_waiter *waiter, struct pl_dedupe_entry **entry);

size_t pl_dedupe_waiting(struct pl_dedupe *d, const struct pl_dedupe_entry *entry); /* how many wait for its end */

/*
 * What was FIRST has ended. done: n bytes of answer (0: none) are copied and remembered; else it is as if it had never
 * come. The waiters, for the caller to let each enter anew.
 */
struct pl_dedupe_waiter *pl_dedupe_end(struct pl_dedupe *d, struct pl_dedupe_entry *entry, bool done, const void *reply,
                                       size_t n);

const void *pl_dedupe_reply(const struct pl_dedupe_entry *entry, size_t *n); /* *n == 0: there was no answer */
void pl_dedupe_release(struct pl_dedupe *d, struct pl_dedupe_entry *entry);

/* Nobody waits from now on: all that do, for the caller. */
struct pl_dedupe_waiter *pl_dedupe_close(struct pl_dedupe *d);

/* ---- for whoever keeps the window ---- */

/* Up to n entries that have ended and are in no file yet, oldest first; held until _saved(). */
size_t pl_dedupe_unsaved(struct pl_dedupe *d, struct pl_dedupe_entry *out[], size_t n);
const struct pl_dedupe_key *pl_dedupe_key_of(const struct pl_dedupe_entry *entry);
int64_t pl_dedupe_ended_ms(const struct pl_dedupe_entry *entry); /* since the epoch */

/* The numbers that those entries have in the file; NULL: they could not be written. */
void pl_dedupe_saved(struct pl_dedupe *d, struct pl_dedupe_entry *const entries[], size_t n, const int64_t numbers[]);

/* What another process, or this one before its restart, has answered. Nothing when it is past its time or known. */
void pl_dedupe_learn(struct pl_dedupe *d, const struct pl_dedupe_key *key, int64_t ended_ms, int64_t number,
                     const void *reply, size_t n);

/* Forgets what is past its time. The greatest number that anything forgotten had, then or before. */
int64_t pl_dedupe_expire(struct pl_dedupe *d);

#endif
