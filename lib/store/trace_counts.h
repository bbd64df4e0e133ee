/*
 * How many of a trace file's rows count for which route: added up by the file's writer now and then, and where they
 * are not yet, by whoever reads. Inside the room.
 */
#ifndef POUCH_STORE_TRACE_COUNTS_H
#define POUCH_STORE_TRACE_COUNTS_H

#include <sqlite3.h>
#include <store/store.h>
#include <store/tally.h>

/* ---- for the writer, within its transactions; after a failure good for freeing only ---- */

struct pl_counts;

/* Takes in what is in the file and not added up: it may be that of a writer that died. STORE, NO_MEMORY. */
POUCH_MUST_CHECK pouch_err pl_counts_new(struct pl_counts **c, sqlite3 *db, const char *path);
void pl_counts_free(struct pl_counts *c); /* NULL allowed; before db is closed */

/* Counts the row that has just been written under that number. */
POUCH_MUST_CHECK pouch_err pl_counts_row(struct pl_counts *c, int64_t number, const struct pl_trace *row);

/* Whether there is anything to be added up. */
bool pl_counts_waiting(const struct pl_counts *c);

/* Adds up what was counted, when `least` rows or more have been written since. */
POUCH_MUST_CHECK pouch_err pl_counts_write(struct pl_counts *c, int64_t last_row, int64_t least);

/* ---- for a reader ---- */

/* Adds what the query is about to sums. STORE, NO_MEMORY. */
POUCH_MUST_CHECK pouch_err pl_counts_read(sqlite3 *db, const struct pl_stats_query *q, struct pl_tally *sums);

#endif
