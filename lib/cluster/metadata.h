/* Asking brokers what there is. */
#ifndef POUCH_CLUSTER_METADATA_H
#define POUCH_CLUSTER_METADATA_H

#include <librdkafka/rdkafka.h>
#include <pouch/error.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Of all topics, or of none; when the broker that is asked goes away meanwhile another one is asked. Freed with
 * rd_kafka_metadata_destroy().
 */
rd_kafka_resp_err_t pl_metadata_ask(rd_kafka_t *rk, bool all, const rd_kafka_metadata_t **md, int64_t until_us);

/* The same, of all topics. */
POUCH_MUST_CHECK pouch_err pl_metadata_all(rd_kafka_t *rk, const rd_kafka_metadata_t **md, int timeout);

/*
 * One topic. TARGET_REFUSED: it does not exist. On the mock this makes it, whatever the handle allows: see
 * pl_topic_check().
 */
POUCH_MUST_CHECK pouch_err pl_metadata_topic(rd_kafka_t *rk, const char *topic, const rd_kafka_metadata_t **md,
                                             int timeout);

/*
 * CONFIG: no topic's name. TARGET_REFUSED: the cluster is the mock and has no such topic, so that asking for it alone
 * would make it.
 */
POUCH_MUST_CHECK pouch_err pl_topic_check(rd_kafka_t *rk, const char *topic, int timeout);

/* pl_kafka_fail(), but when nobody answered: NO_BROKER with the addresses that were tried. */
POUCH_MUST_CHECK pouch_err pl_metadata_fail(rd_kafka_t *rk, rd_kafka_resp_err_t e, const char *what, const char *topic,
                                            int timeout);

/* CONFIG when Kafka would not take it as a topic name. */
POUCH_MUST_CHECK pouch_err pl_topic_name_check(const char *topic);

#endif
