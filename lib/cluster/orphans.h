/*
 * Reply topics that nobody needs any more. A client makes <client id>.replies, and nobody takes it away when the client
 * is gone. Its readers have no group (docs/decisions/0001), so that none is to be seen even while there are some; what
 * counts is that no reply came in a long time, which is what a client that is there and asks nothing looks like as
 * well: it makes its topic again when it is deleted.
 */
#ifndef POUCH_CLUSTER_ORPHANS_H
#define POUCH_CLUSTER_ORPHANS_H

#include <cluster/outcome.h>
#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdint.h>

enum pl_reply_use {
    PL_REPLY_ORPHAN, /* it was written to, and not since the time asked for */
    PL_REPLY_UNUSED, /* never written to: a client that has just been started, or one that never asked */
    PL_REPLY_RECENT, /* a record is younger */
    PL_REPLY_GROUP,  /* a group has an offset of it committed, or a partition assigned */
    /* it is empty, and keeps records for a shorter time than asked for, so that this cannot be told */
    PL_REPLY_UNPROVEN,
    PL_REPLY_UNKNOWN, /* a partition has no leader, or did not answer */
};
const char *pl_reply_use_name(enum pl_reply_use use); /* "orphan" */

struct pl_reply_topic {
    char *name;
    enum pl_reply_use use;
    int partitions;
    int64_t records;      /* that are in it; -1: not known */
    int64_t retention_ms; /* negative: for ever, or not known */
};

/*
 * All topics named *.replies, by name, with how they are used since older_ms ago. *sees_all: all groups could be looked
 * at; else GROUP may be missing from a topic, and none should be deleted. NOT_ALLOWED, also on the mock; NO_BROKER,
 * NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err pl_reply_topics(rd_kafka_t *rk, int64_t older_ms, struct pl_reply_topic **topics, size_t *n,
                                           bool *sees_all, int timeout);
void pl_reply_topics_free(struct pl_reply_topic *topics, size_t n);

/* Whether a topic is called *.replies. */
bool pl_is_reply_topic(const char *name);

/* What the partitions of one topic, and how long it keeps records, say of its use. No I/O. */
struct pl_edge;
enum pl_reply_use pl_reply_use_of(const struct pl_edge *edges, size_t n, int64_t retention_ms, int64_t older_ms);

#endif
