/* A trace row as the columns of trace_by_request. Inside the room. */
#ifndef POUCH_STORE_CASSANDRA_ROW_H
#define POUCH_STORE_CASSANDRA_ROW_H

#include <cql/rows.h>
#include <cql/value.h>
#include <pouch/error.h>
#include <store/trace.h>

enum { PL_CASSANDRA_ROW_VALUES = 23, PL_CASSANDRA_ROW_SCRATCH = 4096 };

/* Takes PL_CASSANDRA_ROW_VALUES values. */
extern const char pl_cassandra_row_insert[];

/* Text up to its WHERE; pl_cassandra_row_read() takes the columns in this order. */
extern const char pl_cassandra_row_select[];

/* What texts that are not UTF-8 are copied to, each such byte as a question mark: Cassandra would refuse the row. */
struct pl_cassandra_scratch {
    char at[PL_CASSANDRA_ROW_SCRATCH];
    size_t used;
};

/*
 * The request that a row is kept under: its own, or one made from its id, so that rows without do not all lie together.
 */
struct pl_uuid pl_cassandra_row_key(const struct pl_trace *row);

/* values borrow from row and scratch. */
void pl_cassandra_row_bind(struct pl_cql_value values[PL_CASSANDRA_ROW_VALUES], const struct pl_trace *row,
                           int64_t written_us, int64_t ttl_s, struct pl_cassandra_scratch *scratch);

struct pl_cassandra_row {
    struct pl_trace trace;
    char texts[];
};

/* A copy of the current row, for free(). NO_MEMORY. */
POUCH_MUST_CHECK pouch_err pl_cassandra_row_read(struct pl_cassandra_row **out, const struct pl_cql_rows *row);

/* Rows that were read, in memory. All zero: none. */
struct pl_cassandra_rows {
    struct pl_cassandra_row **at;
    size_t n, max;
};

/* Adds a row, which it takes. NO_MEMORY, or more than a million. */
POUCH_MUST_CHECK pouch_err pl_cassandra_rows_add(struct pl_cassandra_rows *rows, struct pl_cassandra_row *row);

/* By time and id. */
void pl_cassandra_rows_sort(struct pl_cassandra_rows *rows, bool oldest_first);
void pl_cassandra_rows_free(struct pl_cassandra_rows *rows);

#endif
