/*
 * The tables that splp made, as long as they are there: message_logs in keyspace messaging and routing_metadata in
 * command_center, and both in the store's own keyspace. Read only, and never a payload. Inside the room.
 */
#ifndef POUCH_STORE_CASSANDRA_SPLP_H
#define POUCH_STORE_CASSANDRA_SPLP_H

#include <store/cassandra.h>
#include <store/cassandra_row.h>

/* Adds the rows of a request. */
POUCH_MUST_CHECK pouch_err pl_splp_by_request(struct pl_cassandra_store *s, const struct pl_uuid *id,
                                              struct pl_cassandra_rows *rows);

/* What a query finds there, in its order. These tables are not kept by time, so all of them is read. */
struct pl_splp_rows;
POUCH_MUST_CHECK pouch_err pl_splp_by_time(struct pl_cassandra_store *s, const struct pl_trace_query *q,
                                           struct pl_splp_rows **rows);
void pl_splp_rows_free(struct pl_splp_rows *rows); /* NULL allowed */

/* The next row that comes before upto (NULL: any); NULL: there is none. */
const struct pl_trace *pl_splp_next(struct pl_splp_rows *rows, const struct pl_trace *upto, bool oldest_first);

void pl_splp_free(struct pl_splp *splp); /* NULL allowed */

#endif
