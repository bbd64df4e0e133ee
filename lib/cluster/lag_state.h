/* The steps in which a lag report comes together. Inside the room. */
#ifndef POUCH_CLUSTER_LAG_STATE_H
#define POUCH_CLUSTER_LAG_STATE_H

#include <cluster/lag.h>

/* Texts that many rows share, each kept once; in order. */
struct pl_names {
    char **at;
    size_t n, cap;
};

/* The kept copy of text. NULL: no memory. */
const char *pl_names_keep(struct pl_names *names, const char *text);
void pl_names_free(struct pl_names *names);

/* Room for a report of n groups. NO_MEMORY. */
POUCH_MUST_CHECK pouch_err pl_lag_new(struct pl_lag_report **r, size_t n);

/*
 * Rows for those partitions of a list that the group has none for yet; sets committed from the list's offsets where
 * `commits`. NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err pl_lag_add(struct pl_lag_report *r, struct pl_group_lag *g,
                                      const rd_kafka_topic_partition_list_t *list, bool commits);

/* Begin and end of all partitions of the report's rows, as far as answers come in time. NO_BROKER, NO_MEMORY. */
POUCH_MUST_CHECK pouch_err pl_lag_ask_edges(rd_kafka_t *rk, struct pl_lag_report *r, int64_t until_us);

/* Once begin and end are there: what each row and each group is behind. */
void pl_lag_sum(struct pl_lag_report *r);

#endif
