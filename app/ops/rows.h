/* Printing trace rows. */
#ifndef POUCH_OPS_ROWS_H
#define POUCH_OPS_ROWS_H

#include <admin/rows.h>
#include <ops/ops.h>
#include <store/store.h>

/* Prints it as one JSON object, without a line's end; a sealed payload as "envelope". Gives the exit code. */
int ops_row_print(const struct pl_trace *row);

/* As a record of CSV, and the record of names that stands above those. */
void ops_row_csv_names(void);
void ops_row_csv(const struct pl_trace *row);

/*
 * The store that --store or the settings name, or the default one; *url is the caller's, also after an error (may be
 * NULL).
 */
POUCH_MUST_CHECK pouch_err ops_rows_store(const struct ops_call *call, struct pl_store **store, char **url);

#endif
