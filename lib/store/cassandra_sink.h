/* What the writer of traces counts of the routes, minute by minute (tally.h), and stores. Inside the room. */
#ifndef POUCH_STORE_CASSANDRA_SINK_H
#define POUCH_STORE_CASSANDRA_SINK_H

#include <store/cassandra.h>

struct pl_stats_sink;

POUCH_MUST_CHECK pouch_err pl_stats_sink_new(struct pl_stats_sink **s); /* NO_MEMORY */
void pl_stats_sink_free(struct pl_stats_sink *s);                       /* NULL allowed */

/* Counts rows that were written, those that were counted before excepted. */
POUCH_MUST_CHECK pouch_err pl_stats_sink_count(struct pl_stats_sink *s, const struct pl_trace_batch *batch);

/* Starts a request, waiting for room. */
typedef pouch_err pl_sink_start(void *arg, const struct pl_cql_bound *bound, size_t n);

/*
 * Starts to store the minutes that have changed; many of them once a second at most, unless it is the last call (all).
 * When all that was started has ended, pl_stats_sink_stored() says that it is stored, and minutes may be forgotten;
 * pl_stats_sink_failed(): not all of it is, so the next call does all again.
 */
POUCH_MUST_CHECK pouch_err pl_stats_sink_write(struct pl_stats_sink *s, struct pl_cassandra *c, int64_t ttl_us,
                                               bool all, pl_sink_start *start, void *arg);
POUCH_MUST_CHECK pouch_err pl_stats_sink_stored(struct pl_stats_sink *s); /* NO_MEMORY */
void pl_stats_sink_failed(struct pl_stats_sink *s);

#endif
