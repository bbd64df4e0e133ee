/* A list of trace_by_time in the order of time, whole days long, with a few pages of it in memory. Inside the room. */
#ifndef POUCH_STORE_CASSANDRA_WALK_H
#define POUCH_STORE_CASSANDRA_WALK_H

#include <store/cassandra.h>

struct pl_walk;

struct pl_listed { /* where a row is */
    int64_t at_us;
    uint64_t row_id;
    struct pl_uuid request_id;
};

/* list is borrowed until the walk is closed; of q, the span, the order and the limit count. */
POUCH_MUST_CHECK pouch_err pl_walk_open(struct pl_walk **w, struct pl_cassandra *c, const char *list,
                                        const struct pl_trace_query *q);
void pl_walk_close(struct pl_walk *w); /* NULL allowed */

/* *more: false: there is no further one. */
POUCH_MUST_CHECK pouch_err pl_walk_next(struct pl_walk *w, struct pl_listed *row, bool *more);

#endif
