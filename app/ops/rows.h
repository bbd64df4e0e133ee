/* Trace rows kept beyond the walk that found them, and as JSON. */
#ifndef POUCH_OPS_ROWS_H
#define POUCH_OPS_ROWS_H

#include <json/json.h>
#include <ops/ops.h>
#include <store/store.h>

/* A growing list; its rows' texts and payloads are its own. */
struct ops_rows {
    struct pl_trace *at;
    size_t n, cap, most; /* no more than `most` are taken */
    bool full;           /* there was one more */
    pouch_err error;
};

/* Takes a copy; false when there is no room or no memory. The visit of pl_store_by_request() and _by_time(), arg is the list. */
bool ops_rows_add(const struct pl_trace *row, void *rows);
void ops_rows_free(struct ops_rows *rows);

/* Prints it as one JSON object, without a line's end; a sealed payload as "envelope". Gives the exit code. */
int ops_row_print(const struct pl_trace *row);

/* As a record of CSV, and the record of names that stands above those. */
void ops_row_csv_names(void);
void ops_row_csv(const struct pl_trace *row);

/* The store that --store or the settings name, or the default one; *url is the caller's, also after an error (may be NULL). */
POUCH_MUST_CHECK pouch_err ops_rows_store(const struct ops_call *call, struct pl_store **store, char **url);

#endif
