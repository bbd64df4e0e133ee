/*
 * A member of a consumer group that commits an offset only when told that all records before it are done.
 *
 * Each assigned partition keeps its own queue and its own watermark. Holding a partition back
 * is leaving its queue unread: librdkafka 2.0.2 loses records when pause or seek race with a
 * batch call, so neither is used.
 *
 * THREADS  One thread owns the group and makes all calls.
 */
#ifndef POUCH_BUS_GROUP_H
#define POUCH_BUS_GROUP_H

#include <bus/kafka.h>
#include <bus/watermark.h>

struct pl_group;

/* An assigned partition. Counted: outlives its assignment while records of it are out. */
struct pl_partition {
    char *topic;
    int32_t id;
    bool held;    /* set by the owner: take nothing from it */
    bool paused;  /* the same, for a reason of its own */
    bool revoked; /* no longer ours: _done is then only book-keeping */
    void *arg;    /* the owner's, NULL at first */
    struct pl_watermark watermark;

    /* The group's own. */
    rd_kafka_queue_t *queue; /* its records, and nobody else's */
    int64_t position;        /* the offset after the last one taken: where reading goes on if it must start anew */
    int64_t commit;          /* the watermark's last word */
    bool dirty;              /* commit is not yet sent */
    bool out_of_range;       /* position is no longer in the log */
    size_t mean_bytes;       /* of its latest records */
    bool full;               /* librdkafka has stopped fetching it until there is room */
    size_t refs;             /* the group's one, and one for each record that is out */
};

struct pl_taken {
    rd_kafka_message_t *message; /* the taker's, given back with rd_kafka_message_destroy() */
    struct pl_partition *partition;
    uint64_t ticket;
    size_t bytes; /* of the record: value, key and headers, any of which may be the largest part */
};

struct pl_group_hooks {
    /*
     * Partitions are being taken away. The owner finishes what it has of them, calling
     * pl_group_done() as records end, and returns when done or after its drain time. What is done
     * is committed right after. lost: somebody else has them already, or will have, since the coordinator
     * does not answer, or their log is another one now; just let go. Called inside pl_group_take() and
     * pl_group_leave().
     */
    void (*revoke)(struct pl_partition *const parts[], size_t n, bool lost, void *owner);
    void *owner;
    /*
     * Whether a partition of that topic is paused when it comes: records of it may be taken in the same call. NULL:
     * none is.
     */
    bool (*is_paused)(const char *topic, void *owner);
};

/*
 * Joins. What is borrowed (s, health, wake, hooks->owner) outlives the group; texts are copied.
 * s->start decides where a group without committed offsets of a topic begins: with AUTO at the earliest when
 * the oldest record is younger than 10 minutes or all older ones have a passed pouch-deadline, else
 * the group refuses (pl_group_failed() gives CONFIG with the count and the choice to make). The
 * decision is committed at once, for all partitions of the topic. A partition that is new to a
 * group with offsets begins at the earliest. A position outside the log is an alarm and starts anew at
 * the earliest. max_open bounds each watermark. CONFIG, NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err pl_group_join(struct pl_group **g, const struct pl_settings *s, const char *client_id,
                                         const char *group_id, const char *const topics[], size_t n_topics, bool mock,
                                         size_t max_open, struct pl_kafka_health *health, struct pl_wake *wake,
                                         const struct pl_group_hooks *hooks);

/*
 * Serves rebalances and errors, then takes up to max records round robin over the partitions that
 * are neither held nor full. Never waits for records (a rebalance waits for the broker's answers, within seconds);
 * the wake signals when there may be more, but not for a partition that stops being held: then the
 * owner calls by itself. Call at least each second. Offsets of what is done are committed here.
 */
size_t pl_group_take(struct pl_group *g, struct pl_taken out[], size_t max);

/*
 * The record's outcome is stored: its offset may be committed (in the background each second; at
 * once on revoke and leave). Once for each record taken. p may be gone afterwards if it was
 * revoked; g is not looked at then, and may have been left.
 */
void pl_group_done(struct pl_group *g, struct pl_partition *p, uint64_t ticket);

/*
 * POUCH_OK, or why the group cannot go on (then in pouch_why()): NOT_ALLOWED, TARGET_REFUSED, CONFIG. Nothing is taken
 * any more.
 */
pouch_err pl_group_failed(struct pl_group *g);

/*
 * Where the group goes on in each partition of the list, whoever has it; RD_KAFKA_OFFSET_INVALID: nobody has begun
 * there. Waits for the broker. What is done is committed up to a second later. The errors of pl_kafka_fail().
 */
POUCH_MUST_CHECK pouch_err pl_group_committed(struct pl_group *g, rd_kafka_topic_partition_list_t *list, int timeout);

/* True once partitions have been assigned for the first time (even none). */
bool pl_group_joined(const struct pl_group *g);
size_t pl_group_partitions(const struct pl_group *g, struct pl_partition **out, size_t max);
struct pl_partition *pl_group_partition(const struct pl_group *g, size_t i); /* of those */

/*
 * Calls revoke for all partitions, commits, leaves, frees. NULL allowed. Messages that were taken
 * should be destroyed before: librdkafka does not end until they are (pl_kafka_close).
 */
void pl_group_leave(struct pl_group *g);

#endif
