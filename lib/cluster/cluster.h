/* What the cluster has: topics, partitions, groups. Calls block up to their timeout; never on a message path. */
#ifndef POUCH_CLUSTER_CLUSTER_H
#define POUCH_CLUSTER_CLUSTER_H

#include <bus/kafka.h>

/* All take any librdkafka handle. timeouts in ms. */

/*
 * A handle for those who have none: the CLI. NO_BROKER is found out by the first call. CONFIG, NO_MEMORY. Freed with
 * pl_cluster_close().
 */
struct pl_cluster;
POUCH_MUST_CHECK pouch_err pl_cluster_open(struct pl_cluster **c, const struct pl_settings *s, const char *client_id);
rd_kafka_t *pl_cluster_handle(struct pl_cluster *c);
void pl_cluster_close(struct pl_cluster *c);

/*
 * Waits at most 10 s until a broker answers. What then waits longer, for many topics, need not find out that there is
 * none. NO_BROKER.
 */
POUCH_MUST_CHECK pouch_err pl_cluster_reach(rd_kafka_t *rk);

/* Whether it is the mock. NO_BROKER when none answers in time. */
POUCH_MUST_CHECK pouch_err pl_cluster_mock(rd_kafka_t *rk, bool *mock, int timeout);

struct pl_topic_spec {
    const char *name;
    int partitions;             /* -1 = broker's default */
    int replication;            /* -1 = broker's default */
    const char *const *configs; /* name, value, …, NULL; may be NULL */
};
/*
 * *existed (may be NULL) tells a topic that was there already, which is no error. NOT_ALLOWED, CONFIG (a bad name or
 * config), NO_BROKER, TIMEOUT. The mock answers no CreateTopics: first use makes the topic there; this does that.
 */
POUCH_MUST_CHECK pouch_err pl_topic_create(rd_kafka_t *rk, const struct pl_topic_spec *t, bool *existed, int timeout);
/* *n partitions. TARGET_REFUSED: no such topic; NO_BROKER. */
POUCH_MUST_CHECK pouch_err pl_topic_partitions(rd_kafka_t *rk, const char *topic, int *n, int timeout);
/*
 * Whether the topic is there. A broker that does not know it is asked again, for 2 s at most: a topic that was made a
 * moment ago is not known to all brokers at once. TARGET_REFUSED: no such topic; NO_BROKER.
 */
POUCH_MUST_CHECK pouch_err pl_topic_find(rd_kafka_t *rk, const char *topic, int timeout);
POUCH_MUST_CHECK pouch_err pl_topic_offsets(rd_kafka_t *rk, const char *topic, int32_t partition, int64_t *low,
                                            int64_t *high, int timeout);

/*
 * Deletes what stands before an offset, in n partitions. TARGET_REFUSED: no such topic; NOT_ALLOWED, NO_BROKER,
 * TIMEOUT.
 */
struct pl_topic_cut {
    int32_t partition;
    int64_t before;
};
POUCH_MUST_CHECK pouch_err pl_topic_cut(rd_kafka_t *rk, const char *topic, const struct pl_topic_cut *cuts, size_t n,
                                        int timeout);

struct pl_topic_partition_info {
    int32_t id, leader; /* leader -1: none, the partition is offline */
    int replicas, in_sync;
    int64_t low, high;
};
struct pl_topic_info {
    char *name;
    int replication;
    struct pl_topic_partition_info *partitions;
    size_t n_partitions;
    char **configs; /* name, value, …, NULL: those that differ from the broker's default */
};
void pl_topic_info_free(struct pl_topic_info *t, size_t n); /* an array of n */
/* All topics (internal __* ones left out) with partitions' leaders, without offsets and configs. */
POUCH_MUST_CHECK pouch_err pl_topic_list(rd_kafka_t *rk, struct pl_topic_info **topics, size_t *n, int timeout);
/* One topic with everything. TARGET_REFUSED: no such topic. */
POUCH_MUST_CHECK pouch_err pl_topic_describe(rd_kafka_t *rk, const char *topic, struct pl_topic_info **info,
                                             int timeout);

/*
 * Members of any group that have a partition of topic assigned. -1: this cannot be told, as on the mock,
 * or while groups that have nothing assigned are in a rebalance. Takes no longer than timeout, in all that it asks for.
 */
POUCH_MUST_CHECK pouch_err pl_topic_readers(rd_kafka_t *rk, const char *topic, int *members, int timeout);

/* Whether anybody may read a topic, as far as groups tell. */
enum pl_audience {
    PL_AUDIENCE_UNKNOWN, /* it cannot be told: now, or here, as on the mock or where we may not see all groups */
    PL_AUDIENCE_THERE,   /* a member of a group has a partition of it assigned */
    PL_AUDIENCE_AWAY,    /* groups have offsets of it committed, and none of these has a member */
    PL_AUDIENCE_NONE,    /* no group has a partition of it assigned or an offset of it committed */
};
/*
 * Asks each group that there is, so for each topic seldom. An error, with UNKNOWN: as pl_topic_partitions(),
 * NOT_ALLOWED, NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err pl_topic_audience(rd_kafka_t *rk, const char *topic, enum pl_audience *audience,
                                             int timeout);

#endif
