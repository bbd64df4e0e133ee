/*
 * How far groups are behind: for each partition that a group has an offset of committed, or a member assigned, where it
 * is and where the log ends. The log's end is the high watermark, the same that Kafka's own tools show.
 */
#ifndef POUCH_CLUSTER_LAG_H
#define POUCH_CLUSTER_LAG_H

#include <cluster/outcome.h>
#include <librdkafka/rdkafka.h>
#include <stdint.h>

struct pl_lag {
    const char *topic; /* within the report */
    int32_t partition;
    /* where the group goes on; -1: it has committed nothing, and its auto.offset.reset says where it would begin */
    int64_t committed;
    /* the first record there is, where the next one goes; -1: not known, as the partition has no leader */
    int64_t begin, end;
    int64_t behind; /* end - committed, 0 where that is past the end; -1: one of them is not known */
};

struct pl_group_lag {
    const char *group; /* within the report */
    const char *state; /* as Kafka calls it: "Stable", "Empty", "PreparingRebalance", …, "Unknown" */
    size_t members;
    struct pl_outcome outcome; /* NOT_FOUND: there is no such group; NOT_ALLOWED, TIMEOUT: its offsets are not known */
    struct pl_lag *at;         /* by topic and partition */
    size_t n;
    int64_t behind; /* of those that are known, together */
    size_t unknown; /* of how many it is not */
    bool awaited;   /* while the report is made: it has been asked and has not answered */
};

struct pl_lag_report {
    struct pl_group_lag *groups; /* by name, or as they were asked for */
    size_t n;
    size_t left_out; /* groups beyond PL_LAG_GROUPS_MAX, which were not asked */
    bool partial;    /* a broker did not list its groups in time, so that there may be more */
    void *texts;
};
enum { PL_LAG_GROUPS_MAX = 10000 };

/*
 * Of n groups, each told once, or with n 0 of all that may be described. Takes no longer than timeout in all: groups
 * whose offsets have not come by then have the outcome TIMEOUT. CONFIG: one has no name that a group can have, or there
 * are more than PL_LAG_GROUPS_MAX of them. NO_BROKER, NOT_ALLOWED, also on the mock, which tells nothing of groups;
 * NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err pl_lag_read(rd_kafka_t *rk, const char *const *groups, size_t n,
                                       struct pl_lag_report **report, int timeout);
void pl_lag_free(struct pl_lag_report *r);

/* CONFIG: no group can be called so. */
POUCH_MUST_CHECK pouch_err pl_lag_group_check(const char *group);

/* What is behind, as in struct pl_lag. */
int64_t pl_lag_behind(int64_t committed, int64_t end);

#endif
