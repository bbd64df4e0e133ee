/*
 * Rows of centers counted by publisher, route and minute. Whoever writes rows counts them here and stores the
 * minutes now and then; whoever reads adds up the minutes that all writers have stored. Inside the room.
 */
#ifndef POUCH_STORE_TALLY_H
#define POUCH_STORE_TALLY_H

#include <metrics/sketch.h>
#include <store/trace.h>

/* One publisher's rows of one route that began in one minute. */
struct pl_minute {
    const char *publisher, *route;
    int64_t minute; /* since the epoch */
    uint64_t count, failed;
    int64_t took_us, last_us; /* the lengths of all; when the newest began */
    struct pl_sketch lengths;
    bool changed; /* since pl_tally_each() has shown it */
};

struct pl_tally;

POUCH_MUST_CHECK pouch_err pl_tally_new(struct pl_tally **t);     /* NO_MEMORY */
POUCH_MUST_CHECK pouch_err pl_tally_new_sum(struct pl_tally **t); /* tells no minutes apart: all are minute 0 */
void pl_tally_free(struct pl_tally *t);                           /* NULL allowed */
void pl_tally_clear(struct pl_tally *t);
size_t pl_tally_minutes(const struct pl_tally *t);

/* Whether a row counts: a request or an answer that a center sent by a route, or could not. */
bool pl_tally_counts(const struct pl_trace *row);

/* Counts a row that does. NO_MEMORY: it was not counted. */
POUCH_MUST_CHECK pouch_err pl_tally_add(struct pl_tally *t, const struct pl_trace *row);

/* Adds a minute that was stored; its lengths come encoded (sketch.h). STORE: they cannot be read. NO_MEMORY. */
POUCH_MUST_CHECK pouch_err pl_tally_merge(struct pl_tally *t, const struct pl_minute *minute, const void *lengths,
                                          size_t n);

/* Shows those that have changed since they were last shown, in no order; ends with fn's first error. */
typedef pouch_err pl_minute_visit(const struct pl_minute *minute, void *arg);
POUCH_MUST_CHECK pouch_err pl_tally_each(struct pl_tally *t, pl_minute_visit *fn, void *arg);

/* All of them count as changed. */
void pl_tally_change_all(struct pl_tally *t);

#endif
