/*
 * Writing traces off the path: a bounded queue, one thread that writes it in batches to the store, or into a spool on
 * disk while the store is away or slow. Nobody ever waits for the store; what does not fit is counted as missing,
 * and the span that it is missing from is written down as soon as that is possible.
 */
#ifndef POUCH_STORE_TRACER_H
#define POUCH_STORE_TRACER_H

#include <base/wake.h>
#include <pouch/error.h>
#include <store/trace.h>

struct pl_tracer;

struct pl_tracer_settings {
    const char *url;
    size_t max_bytes;     /* of rows that wait; about 100 bytes a row */
    int64_t ttl_ms;       /* rows older than that are dropped, file by file */
    size_t keep_bytes;    /* of a SQLite store's trace files: beyond that the oldest are dropped; 0: no bound */
    struct pl_wake *wake; /* signalled when pl_tracer_written() has moved; NULL: nobody looks */
    /* folder of the spool; NULL: the store's own, or the state directory for one that is elsewhere */
    const char *spool;
    size_t spool_bytes;   /* that it may take; 0: there is none */
    size_t spool_reserve; /* of these, what is taken from the disk at once; 0 for those who do not live long */
};

/* Opens the store and starts the thread. CONFIG, NO_MEMORY. */
POUCH_MUST_CHECK pouch_err pl_tracer_new(struct pl_tracer **t, const struct pl_tracer_settings *s);

/*
 * Takes a copy of a row; never waits, any thread. Its ticket: rows are numbered from 1 in the order they were
 * taken. A row that finds no room gets a ticket as well and counts as missing.
 */
uint64_t pl_tracer_put(struct pl_tracer *t, const struct pl_trace *row);

/*
 * Every row up to this ticket is in the store or the spool, or is counted as missing. Any thread, an atomic read. What
 * is written outlives the process, however it ends; what a power failure takes are the last seconds.
 */
uint64_t pl_tracer_written(const struct pl_tracer *t);
uint64_t pl_tracer_missing(const struct pl_tracer *t);

/*
 * Writes what is there, empties the spool for at most ms, and ends the threads; the next process goes on with what is
 * left. NULL allowed.
 */
void pl_tracer_free(struct pl_tracer *t, int ms);

#endif
