/*
 * A member of a consumer group that stores an offset only when told that the record is done.
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
    bool held;      /* set by the owner: take nothing from it */
    bool revoked;   /* no longer ours: _done is then only book-keeping */
    void *arg;      /* the owner's, NULL at first */
    struct pl_watermark watermark;
    struct pl_group *group;
    rd_kafka_queue_t *queue;
    size_t refs;
};

struct pl_taken {
    rd_kafka_message_t *message; /* the taker's, given back with rd_kafka_message_destroy() */
    struct pl_partition *partition;
    uint64_t ticket;
};

struct pl_group_hooks {
    /*
     * Partitions are being taken away. The owner finishes what it has of them, calling
     * pl_group_done() as records end, and returns when done or after its drain time. Stored offsets
     * are committed right after. lost: somebody else has them already; just let go.
     */
    void (*revoke)(struct pl_partition *const parts[], size_t n, bool lost, void *owner);
    void *owner;
};

/*
 * Joins. start decides where partitions without a committed offset begin; with AUTO at the earliest when the oldest
 * record is younger than 10 minutes or all older ones have a passed pouch-deadline, else the group refuses
 * (pl_group_failed() gives CONFIG with the count and the choice to make). Out-of-range offsets
 * are an alarm and restart at the earliest. max_open bounds each watermark. CONFIG, NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err pl_group_join(struct pl_group **g, const struct pl_settings *s, const char *client_id, const char *group_id,
                                         const char *const topics[], size_t n_topics, bool mock, size_t max_open,
                                         struct pl_kafka_health *health, struct pl_wake *wake, const struct pl_group_hooks *hooks);

/*
 * Serves rebalances and errors, then takes up to max records round robin over the partitions that are neither held
 * nor full. Never waits; the wake signals when there may be more. Call at least every few seconds.
 */
size_t pl_group_take(struct pl_group *g, struct pl_taken out[], size_t max);

/* The record's outcome is stored: its offset may be committed (in the background each second; at once on revoke and leave). */
void pl_group_done(struct pl_group *g, struct pl_partition *p, uint64_t ticket);

/* POUCH_OK, or why the group cannot go on (kept in pouch_why() of the calling thread): NOT_ALLOWED, TARGET_REFUSED, CONFIG. */
pouch_err pl_group_failed(struct pl_group *g);

/* True once partitions have been assigned for the first time (even none). */
bool pl_group_joined(const struct pl_group *g);
size_t pl_group_partitions(const struct pl_group *g, struct pl_partition **out, size_t max);

/* Calls revoke for all partitions, commits, leaves, frees. NULL allowed. */
void pl_group_leave(struct pl_group *g);

#endif
