/*
 * Which offsets of which partitions a trace file has rows of, as one span a partition, for its writer. A record that
 * is handled again has a row in another file only where that file's span holds its offset. Inside the room.
 */
#ifndef POUCH_STORE_TRACE_SPANS_H
#define POUCH_STORE_TRACE_SPANS_H

#include <pouch/error.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PL_SPANS_MAX = 1024 };

struct pl_span {
    uint64_t source; /* pl_trace_source() */
    int64_t low, high;
    bool used, changed;
};

/* Partitions beyond PL_SPANS_MAX all share one entry, `rest`, that then holds every offset. */
struct pl_spans {
    struct pl_span at[PL_SPANS_MAX * 2]; /* by the low bits of source, the next free one on a collision */
    size_t n;
    struct pl_span rest; /* its source is 0, which no partition's is told from */
};

/* Widens source's span to hold low to high. The entry. */
struct pl_span *pl_spans_add(struct pl_spans *s, uint64_t source, int64_t low, int64_t high);

/* Adds what a file has in its table source. STORE, NO_MEMORY. */
POUCH_MUST_CHECK pouch_err pl_spans_load(struct pl_spans *s, sqlite3 *db);

#endif
