/* Rows as they come back. All of an answer was checked when it came, so that reading it cannot fail. */
#ifndef POUCH_CQL_ROWS_H
#define POUCH_CQL_ROWS_H

#include <base/uuid.h>
#include <cql/value.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PL_CQL_COLUMNS_MAX = 128 }; /* of a result, and of a statement's markers */

/* An answer's rows and the one that is being read. Borrowed: see whoever gives it. */
struct pl_cql_rows;

/* How many rows this answer (this page) has in all. */
size_t pl_cql_rows_count(const struct pl_cql_rows *r);

/* Steps to the next row; the first call to the first one. False: there is no further row in this answer. */
bool pl_cql_rows_next(struct pl_cql_rows *r);

/*
 * The place of a column by its name, -1: the result has none of that name. Places count from 0 in the SELECT's order.
 */
int pl_cql_column(const struct pl_cql_rows *r, const char *name);

/* For LWT: the value of "[applied]" in the first row; true when the result has no such column. Steps to that row. */
bool pl_cql_applied(struct pl_cql_rows *r);

/*
 * Cells of the current row. A column of -1 or beyond the last reads as null.
 * _bytes: any type as the protocol carries it. n is -1 for null, and at is then NULL.
 * _text: the bytes of a text as they are, not NUL-terminated; "" and 0 for null.
 * _number: bigint, int, smallint, tinyint, timestamp, time, counter, boolean; `otherwise` for null and other types.
 * _double: double and float. _uuid: false for null and other types.
 * _texts: calls fn for each element of a list or set of texts (or blobs), in order; how many.
 */
struct pl_cql_cell {
    const char *at;
    int32_t n;
};
struct pl_cql_cell pl_cql_cell_bytes(const struct pl_cql_rows *r, int column);
const char *pl_cql_cell_text(const struct pl_cql_rows *r, int column, size_t *n);
bool pl_cql_cell_null(const struct pl_cql_rows *r, int column);
int64_t pl_cql_cell_number(const struct pl_cql_rows *r, int column, int64_t otherwise);
double pl_cql_cell_double(const struct pl_cql_rows *r, int column, double otherwise);
bool pl_cql_cell_uuid(const struct pl_cql_rows *r, int column, struct pl_uuid *id);
typedef void pl_cql_text_fn(const char *at, size_t n, void *arg);
size_t pl_cql_cell_texts(const struct pl_cql_rows *r, int column, pl_cql_text_fn *fn, void *arg);

#endif
