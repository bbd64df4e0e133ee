/*
 * All configs of topics and of brokers, with where each value comes from, and changes of topics' that keep those not
 * named.
 *
 * librdkafka 2.0.2 knows AlterConfigs alone, which replaces all overrides of a topic. So a change is read, merged,
 * written and read again. What others change from the first reading on is found and told, but for the moment between
 * the second reading just before the write and the write: what is changed in that, a round trip, is lost, as with any
 * program that uses AlterConfigs.
 */
#ifndef POUCH_CLUSTER_CONFIGS_H
#define POUCH_CLUSTER_CONFIGS_H

#include <cluster/outcome.h>
#include <librdkafka/rdkafka.h>

enum pl_config_source {
    PL_CONFIG_UNKNOWN, /* a broker older than 1.1 does not tell */
    PL_CONFIG_TOPIC,   /* an override of the topic */
    PL_CONFIG_BROKER,  /* set in the broker: in its file, or for it or the cluster while it runs */
    PL_CONFIG_DEFAULT, /* Kafka's own */
};

struct pl_config {
    const char *name;
    const char *value; /* NULL: not told, as of sensitive ones */
    enum pl_config_source source;
    bool read_only;
};

/* Those of one topic or broker, in the order of their names. */
struct pl_configs {
    /* of a topic: whether they could be read. TARGET_REFUSED: no such topic; NOT_ALLOWED, TIMEOUT */
    struct pl_outcome outcome;
    struct pl_config *at;
    size_t n;
    void *texts; /* what names and values point into */
};

/*
 * Reads those of n topics into n configs, which the caller gives as they are to pl_configs_free() whatever is returned.
 * Errors and requests as in cluster/topics.h. The mock knows none, and tells none without an error.
 */
POUCH_MUST_CHECK pouch_err pl_topics_configs(rd_kafka_t *rk, const char *const *topics, size_t n,
                                             struct pl_configs *configs, const struct pl_progress *progress,
                                             int timeout);
void pl_configs_free(struct pl_configs *configs, size_t n);

/* The same of one topic; fails with what else would be its outcome. */
POUCH_MUST_CHECK pouch_err pl_topic_configs(rd_kafka_t *rk, const char *topic, struct pl_configs *c, int timeout);

/* Those of a broker, which the mock has no request for. NOT_ALLOWED, NO_BROKER, TIMEOUT, NO_MEMORY. */
POUCH_MUST_CHECK pouch_err pl_broker_configs(rd_kafka_t *rk, int32_t broker, struct pl_configs *c, int timeout);

/* NULL: there is none of that name. */
const struct pl_config *pl_configs_find(const struct pl_configs *c, const char *name);

/* "": there is none of that name, or its value is not told. */
const char *pl_configs_value(const struct pl_configs *c, const char *name);

struct pl_config_change {
    const char *name;
    const char *value; /* NULL: no override any more, so that the broker's own applies */
};

/*
 * Makes n changes to the overrides of a topic, keeps all others, and waits until a broker shows it. *changed (may be
 * NULL): there was something to change. EXISTS: somebody else has changed overrides meanwhile, with what differs from
 * what was to be; look, and ask again. CONFIG: the broker refuses a name or a value, or an override is there that
 * cannot be read back and so would be lost: nothing was written. TARGET_REFUSED: no such topic; NOT_ALLOWED, NO_BROKER,
 * NO_MEMORY. TIMEOUT: it was written, and no broker shows it.
 */
POUCH_MUST_CHECK pouch_err pl_topic_configs_change(rd_kafka_t *rk, const char *topic,
                                                   const struct pl_config_change *changes, size_t n, bool *changed,
                                                   int timeout);

#endif
