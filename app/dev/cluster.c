#include <base/why.h>
#include <bus/kafka.h>
#include <dev/dev.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdlib.h>
#include <string.h>
#include <wire/envelope.h>

struct dev_cluster {
    rd_kafka_t *host; /* the mock lives in a handle; this one does nothing else */
    rd_kafka_mock_cluster_t *mock;
};

pouch_err dev_cluster_start(struct dev_cluster **out) {
    struct dev_cluster *c = calloc(1, sizeof *c);
    if (!c) return pl_fail(POUCH_E_NO_MEMORY, "out of memory");
    char why[256] = "";
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    /* The host has no brokers to know of, and would say so on stderr. */
    rd_kafka_conf_set_log_cb(conf, NULL);
    c->host = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    if (!c->host) rd_kafka_conf_destroy(conf);
    c->mock = c->host ? rd_kafka_mock_cluster_new(c->host, 1) : NULL;
    if (!c->mock) {
        dev_cluster_stop(c);
        return pl_fail(POUCH_E_NO_BROKER, "the embedded broker does not start: %s",
                       *why ? why : "no port or no memory left");
    }
    *out = c;
    return POUCH_OK;
}

const char *dev_cluster_brokers(const struct dev_cluster *c) {
    return rd_kafka_mock_cluster_bootstraps(c->mock);
}

pouch_err dev_cluster_topic(struct dev_cluster *c, const char *name, int partitions) {
    if (!pl_name_valid(name, strlen(name)))
        return pl_fail(POUCH_E_CONFIG,
                       "'%.249s' is no topic name: 1 to 249 characters of letters, digits, '.', '_' and '-'", name);
    if (partitions < 1 || partitions > 1000)
        return pl_fail(POUCH_E_CONFIG, "topic %s: %d is not a number of partitions (1 to 1000)", name, partitions);
    rd_kafka_resp_err_t e = rd_kafka_mock_topic_create(c->mock, name, partitions, 1);
    return e ? pl_fail(POUCH_E_CONFIG, "topic %s: %s", name, rd_kafka_err2str(e)) : POUCH_OK;
}

pouch_err dev_cluster_rtt(struct dev_cluster *c, int ms) {
    rd_kafka_resp_err_t e = rd_kafka_mock_broker_set_rtt(c->mock, 1, ms);
    return e ? pl_fail(POUCH_E_CONFIG, "a round trip of %d ms cannot be set: %s", ms, rd_kafka_err2str(e)) : POUCH_OK;
}

void dev_cluster_stop(struct dev_cluster *c) {
    if (!c) return;
    if (c->mock) rd_kafka_mock_cluster_destroy(c->mock);
    if (c->host) rd_kafka_destroy(c->host);
    free(c);
}
