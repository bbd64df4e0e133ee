#include <base/why.h>
#include <cluster/cluster.h>
#include <cluster/metadata.h>
#include <string.h>
#include <wire/envelope.h>

pouch_err pl_topic_name_check(const char *topic) {
    if (pl_name_valid(topic, strlen(topic))) return POUCH_OK;
    return pl_fail(POUCH_E_CONFIG,
                   "\"%.64s\" cannot be a topic's name: 1 to %d characters of A-Z a-z 0-9 . _ - are allowed", topic,
                   PL_NAME_MAX);
}

static bool unreachable(rd_kafka_resp_err_t e) {
    return e == RD_KAFKA_RESP_ERR__TIMED_OUT || e == RD_KAFKA_RESP_ERR__TRANSPORT ||
           e == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || e == RD_KAFKA_RESP_ERR__RESOLVE;
}

pouch_err pl_metadata_fail(rd_kafka_t *rk, rd_kafka_resp_err_t e, const char *what, const char *topic, int timeout) {
    char brokers[512];
    size_t n = sizeof brokers;
    if (!unreachable(e)) return pl_kafka_fail(e, what, topic);
    if (rd_kafka_conf_get(rd_kafka_conf(rk), "bootstrap.servers", brokers, &n) != RD_KAFKA_CONF_OK) brokers[0] = 0;
    return pl_fail(POUCH_E_NO_BROKER,
                   "%s%s%s: no broker of %s answered within %d ms; check that Kafka runs there and that the "
                   "addresses (--brokers, POUCH_BROKERS) are right",
                   what, topic ? " " : "", topic ? topic : "", brokers, timeout);
}

static pouch_err missing(const char *topic) {
    return pl_fail(POUCH_E_TARGET_REFUSED, "there is no topic %s; make it with `pouch topic create %s`", topic, topic);
}

pouch_err pl_metadata_topic(rd_kafka_t *rk, const char *topic, const rd_kafka_metadata_t **md, int timeout) {
    static const char what[] = "cannot look up the topic";
    rd_kafka_topic_t *rkt = rd_kafka_topic_new(rk, topic, NULL);
    if (!rkt) return pl_kafka_fail(rd_kafka_last_error(), what, topic);
    rd_kafka_resp_err_t e = rd_kafka_metadata(rk, 0, rkt, md, timeout);
    rd_kafka_topic_destroy(rkt);
    if (e) return pl_metadata_fail(rk, e, what, topic, timeout);
    e = (*md)->topic_cnt == 1 ? (*md)->topics[0].err : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    if (!e || e == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE) return POUCH_OK;
    rd_kafka_metadata_destroy(*md);
    return e == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ? missing(topic) : pl_kafka_fail(e, what, topic);
}

pouch_err pl_metadata_all(rd_kafka_t *rk, const rd_kafka_metadata_t **md, int timeout) {
    rd_kafka_resp_err_t e = rd_kafka_metadata(rk, 1, NULL, md, timeout);
    return e ? pl_metadata_fail(rk, e, "cannot list the topics", NULL, timeout) : POUCH_OK;
}

pouch_err pl_topic_check(rd_kafka_t *rk, const char *topic, int timeout) {
    const rd_kafka_metadata_t *md;
    bool mock, found = false;
    pouch_err err = pl_topic_name_check(topic);
    if (!err) err = pl_cluster_mock(rk, &mock, timeout);
    if (err || !mock) return err;
    err = pl_metadata_all(rk, &md, timeout);
    if (err) return err;
    for (int i = 0; i < md->topic_cnt && !found; i++) found = strcmp(md->topics[i].topic, topic) == 0;
    rd_kafka_metadata_destroy(md);
    return found ? POUCH_OK : missing(topic);
}
