/*
 * Making, deleting and growing many topics. They go in requests of at most 200 topics and 2,000 partitions, one after
 * the other, so that no broker refuses one for its size or is busy with it for long.
 *
 * n outcomes are the caller's, and each is set whatever is returned. OK: all topics were asked for, and what came of
 * each is in its outcome. An error is one that would have met all the rest as well, so that nothing further was asked:
 * NO_BROKER, NO_MEMORY, a request that failed as a whole; the outcomes of the rest then have it too. The mock has no
 * such requests: topics are made there by their first use, and otherwise it is NOT_ALLOWED.
 *
 * A change is known to brokers one after the other. After the last request each call waits, in all no longer than
 * timeout, until one of them shows all that was done; what is not seen by then has the outcome TIMEOUT. timeout in ms
 * is of each request and of that wait. progress may be NULL.
 */
#ifndef POUCH_CLUSTER_TOPICS_H
#define POUCH_CLUSTER_TOPICS_H

#include <cluster/cluster.h>
#include <cluster/outcome.h>

/* Outcomes: as pl_topic_create(). */
POUCH_MUST_CHECK pouch_err pl_topics_create(rd_kafka_t *rk, const struct pl_topic_spec *specs, size_t n,
                                            struct pl_outcome *outcomes, const struct pl_progress *progress,
                                            int timeout);

/* Outcomes: TARGET_REFUSED (no such topic), CONFIG (a bad name), NOT_ALLOWED, TIMEOUT. */
POUCH_MUST_CHECK pouch_err pl_topics_delete(rd_kafka_t *rk, const char *const *names, size_t n,
                                            struct pl_outcome *outcomes, const struct pl_progress *progress,
                                            int timeout);

struct pl_topic_growth {
    const char *name;
    int partitions; /* in all, and more than there are */
};
/* Outcomes: CONFIG (not more than there are, or a policy), TARGET_REFUSED (no such topic), NOT_ALLOWED, TIMEOUT. */
POUCH_MUST_CHECK pouch_err pl_topics_grow(rd_kafka_t *rk, const struct pl_topic_growth *growths, size_t n,
                                          struct pl_outcome *outcomes, const struct pl_progress *progress, int timeout);

#endif
