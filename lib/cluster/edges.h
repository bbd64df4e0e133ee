/*
 * Where partitions of many topics begin and end. Inside the room.
 *
 * Those of one leader are asked for in requests of their own, so that a leader that does not answer leaves the others
 * their answers; it costs half of the time that is left. rd_kafka_offsets_for_times() waits for partitions without a
 * leader as long as it may, so those are not asked for.
 */
#ifndef POUCH_CLUSTER_EDGES_H
#define POUCH_CLUSTER_EDGES_H

#include <librdkafka/rdkafka.h>
#include <pouch/error.h>
#include <stddef.h>
#include <stdint.h>

enum { PL_EDGE_UNKNOWN = -2 }; /* of `since` */

struct pl_edge {
    const char *topic;
    int32_t partition, leader; /* leader -1: none, or no such partition */
    int64_t begin, end;        /* the first record there is, where the next one goes; -1: not known */
    /* the first record that is not older than asked for; RD_KAFKA_OFFSET_END: none; PL_EDGE_UNKNOWN: not known */
    int64_t since;
};

/*
 * Sets all but topic and partition of n different edges, as far as answers come in time, and leaves them in the order
 * of topics and partitions. since_ms negative: `since` is not asked for. NO_BROKER.
 */
POUCH_MUST_CHECK pouch_err pl_edges_ask(rd_kafka_t *rk, struct pl_edge *edges, size_t n, int64_t since_ms,
                                        int64_t until_us);

/* Sorts them, and leaves each once; gives how many those are. */
size_t pl_edges_unique(struct pl_edge *edges, size_t n);

/* Among sorted ones. NULL: it is not there. */
struct pl_edge *pl_edges_find(struct pl_edge *edges, size_t n, const char *topic, int32_t partition);

#endif
