/* What a cluster has, as a plan needs it. */
#ifndef POUCH_CATALOG_ACTUAL_H
#define POUCH_CATALOG_ACTUAL_H

#include <librdkafka/rdkafka.h>
#include <pouch/error.h>
#include <stdbool.h>
#include <stddef.h>

struct pl_actual_config {
    char *name, *value; /* value "": the broker does not tell it */
    bool override;      /* the topic's own, not the broker's default */
};

struct pl_actual_topic {
    char *name;
    int partitions;
    int replication;                  /* copies of the partition that has the fewest */
    struct pl_actual_config *configs; /* in the order of their names */
    size_t n_configs;
};

struct pl_actual {
    struct pl_actual_topic *topics; /* in the order of their names; Kafka's own (__…) are left out */
    size_t n;
    int brokers; /* that are up */
};

/* The topic of that name, NULL: there is none. */
const struct pl_actual_topic *pl_actual_find(const struct pl_actual *a, const char *name);

/* Puts topics and configs in order, for one that was made by hand. */
void pl_actual_sort(struct pl_actual *a);
void pl_actual_free(struct pl_actual *a);

/* Names, partitions and brokers, of all topics; no configs. NO_BROKER, NO_MEMORY. */
POUCH_MUST_CHECK pouch_err pl_actual_topics(struct pl_actual *a, rd_kafka_t *rk, int timeout);

/* Adds the configs of the topics that wanted(topic, arg) says. The same, and NOT_ALLOWED. */
POUCH_MUST_CHECK pouch_err pl_actual_configs(struct pl_actual *a, rd_kafka_t *rk,
                                             bool (*wanted)(const char *topic, void *arg), void *arg, int timeout);

#endif
