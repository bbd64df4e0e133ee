/* What the files of the group share. */
#ifndef POUCH_BUS_GROUP_STATE_H
#define POUCH_BUS_GROUP_STATE_H

#include <bus/group.h>
#include <pthread.h>

/*
 * When the coordinator last answered as a session wants it; for librdkafka's threads, and freed when they have ended.
 */
struct pl_ear {
    pthread_mutex_t lock;
    int64_t heard_us;
    struct pl_wake *wake; /* signalled with each answer since one was waited for; NULL: nobody waits */
};

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

    rd_kafka_queue_t *commits; /* the answer to the commit that is under way */
    bool committing;
    int64_t commit_us, commit_every_us; /* the next one; not before it */

    struct pl_ear *ear;
    int64_t patience_us; /* how long the coordinator may be silent */
    int64_t looked_us;   /* the owner's last call ended then */
    int64_t stood_us;    /* it had not called for too long, then */
    bool steady;         /* a member that has been told what is its own, which librdkafka's session check is for */
    int64_t silent_us;   /* since when the coordinator counts as silent; 0: it does not */
    bool withheld;       /* partitions were called back, and the answer waits for the coordinator */

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

/* Commits what is done when it is time to, unless a commit is under way or the coordinator is silent. Never waits. */
void pl_group_commit_due(struct pl_group *g);

/*
 * Commits the list and waits PL_GROUP_ASK_MS for the answer. rd_kafka_commit() waits for as long as there is no broker.
 * TIMED_OUT: whether it was committed is not known.
 */
rd_kafka_resp_err_t pl_group_commit(struct pl_group *g, const rd_kafka_topic_partition_list_t *list);
void pl_group_commit_done(struct pl_group *g); /* the same with all that is done */

/* What librdkafka's bounds are; to be called once there is a handle. */
void pl_group_read_bounds(struct pl_group *g);

/* Sees to it that fetching goes on when a queue that was full has room again. there: records in it. */
void pl_partition_watch(struct pl_group *g, struct pl_partition *p, size_t there);

/* A record was taken from the queue. */
size_t pl_partition_weigh(struct pl_partition *p, const rd_kafka_message_t *m); /* bytes of the record */

void pl_partition_unref(struct pl_partition *p);

/* Hears what comes on the handle that conf is for, and is freed after it. NULL: no memory. */
struct pl_ear *pl_ear_new(rd_kafka_conf_t *conf);
void pl_ear_free(void *ear);

/* Holds the member's place when the coordinator is silent for nearly a session; to be called at least each second. */
void pl_group_mind_silence(struct pl_group *g);
void pl_group_give_back(struct pl_group *g); /* what is withheld, if anything */
void pl_group_unhook(struct pl_group *g);    /* the wake is not signalled any more */

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
