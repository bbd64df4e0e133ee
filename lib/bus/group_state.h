/* What the files of the group share. */
#ifndef POUCH_BUS_GROUP_STATE_H
#define POUCH_BUS_GROUP_STATE_H

#include <bus/group.h>

enum { PL_GROUP_ASK_MS = 5000 }; /* how long a broker may take to answer what the group's thread asks */

struct pl_group {
    rd_kafka_t *rk;
    struct pl_kafka_opaque opaque;
    rd_kafka_queue_t *events; /* rebalances and errors; records never come here */
    const struct pl_settings *settings;
    char *client_id, *id;
    struct pl_wake *wake;
    struct pl_group_hooks hooks;
    size_t max_open;
    size_t queue_records, queue_bytes; /* librdkafka fetches no more for a partition that has so much */

    /* Given to us by the group, but where to begin is not known yet. */
    rd_kafka_topic_partition_list_t *pending;
    int64_t pending_us; /* since when */
    int64_t retry_us;   /* a broker did not answer: not before then */
    bool joined;
    bool settled;    /* has its partitions, perhaps none; not from their revocation to the next assignment */
    bool leaving;    /* what is assigned from now on is not taken */
    bool start_anew; /* the assignment is to be made again at the positions kept */

    struct pl_partition **parts;
    size_t n_parts;
    size_t turn; /* whose records are taken first next time */

    pouch_err failed;
    char why[1024];
};

/* The group cannot go on, with this thread's why. The first failure stays. */
void pl_group_fail(struct pl_group *g, pouch_err e);

/* librdkafka's rebalance callback; the opaque is the group's. */
void pl_group_on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t e, rd_kafka_topic_partition_list_t *list, void *opaque);

/* The owner finishes, what is done is committed unless lost, then the partitions are nobody's. */
void pl_group_revoke(struct pl_group *g, bool lost);

/* Begins to read what is pending once its offsets are known, and starts anew what must. */
void pl_group_settle(struct pl_group *g);

/* Hands the offsets of what is done to librdkafka, which commits them each second. */
void pl_group_store(struct pl_group *g);

/*
 * Commits the list, or all that is stored (NULL), and waits PL_GROUP_ASK_MS for the answer. rd_kafka_commit() waits
 * for as long as there is no broker. TIMED_OUT: whether it was committed is not known.
 */
rd_kafka_resp_err_t pl_group_commit(struct pl_group *g, const rd_kafka_topic_partition_list_t *list);

/* What librdkafka's bounds are; to be called once there is a handle. */
void pl_group_read_bounds(struct pl_group *g);

/* Sees to it that fetching goes on when a queue that was full has room again. there: records in it. */
void pl_partition_watch(struct pl_group *g, struct pl_partition *p, size_t there);

/* A record was taken from the queue. */
size_t pl_partition_weigh(struct pl_partition *p, const rd_kafka_message_t *m); /* bytes of the record */

void pl_partition_unref(struct pl_partition *p);

/*
 * Where each partition of the list begins: its committed offset, or what the start policy says.
 * *ready is false while another member has yet to decide. CONFIG: the policy refuses. Else what
 * the brokers said.
 */
POUCH_MUST_CHECK pouch_err pl_group_positions(struct pl_group *g, rd_kafka_topic_partition_list_t *list, bool *ready);

/* Records of a topic that are older than 10 minutes and whose requester may still wait for an answer. */
struct pl_old {
    int64_t unanswered;
    bool more; /* the bound was reached: there may be more */
};

/* In the topic's n partitions. TIMEOUT, NOT_ALLOWED, CONFIG, NO_MEMORY. */
POUCH_MUST_CHECK pouch_err pl_group_count_old(struct pl_group *g, const char *topic, int n, struct pl_old *old);

#endif
