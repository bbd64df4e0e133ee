/* What a topic or a broker is set to, whether by itself or by default. */
#ifndef POUCH_CLUSTER_CONFIG_H
#define POUCH_CLUSTER_CONFIG_H

#include <bus/kafka.h>

enum { PL_TOPIC_CONFIG_MAX = 64 };

struct pl_topic_config {
    const char *name;                /* "retention.ms" */
    char value[PL_TOPIC_CONFIG_MAX]; /* "": the broker does not tell */
};

/* Fills in the values of n configs. NOT_ALLOWED, TARGET_REFUSED: no such topic; NO_BROKER, TIMEOUT; the mock knows none and answers with an error. */
POUCH_MUST_CHECK pouch_err pl_topic_configs(rd_kafka_t *rk, const char *topic, struct pl_topic_config configs[],
                                            size_t n, int timeout);

/* The same of a broker: NOT_ALLOWED, NO_BROKER, TIMEOUT. */
POUCH_MUST_CHECK pouch_err pl_broker_configs(rd_kafka_t *rk, int32_t broker, struct pl_topic_config configs[], size_t n,
                                             int timeout);

#endif
