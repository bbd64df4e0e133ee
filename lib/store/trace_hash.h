/* The hashes that trace files are searched by. Inside the room. */
#ifndef POUCH_STORE_TRACE_HASH_H
#define POUCH_STORE_TRACE_HASH_H

#include <store/trace.h>
#include <string.h>

/* Where records come from: a topic's partition. */
uint64_t pl_trace_source(const char *topic, int32_t partition);

/* In place of a partition, for rows that come from no record: they are written twice only when they were spooled. */
enum { PL_TRACE_SPOOLED = 1 };

/*
 * What a row is found by: its request's id. Rows that have none are found by their own, so that they do not all
 * stand under one key.
 */
uint64_t pl_trace_key(const struct pl_uuid *request_id, uint64_t id);

#endif
