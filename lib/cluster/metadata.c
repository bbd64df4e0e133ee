#include <base/why.h>
#include <cluster/cluster.h>
#include <cluster/metadata.h>
#include <cluster/until.h>
#include <poll.h>
#include <string.h>
#include <wire/envelope.h>

enum { STEP_MS = 20, AGAIN_MS = 2000, LAST_MS = 1000 };

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

/* What the connections say, when they say anything. */
static pouch_err told_by_brokers(rd_kafka_t *rk, const char *what, const char *topic, const char *brokers) {
    const struct pl_kafka_opaque *o = rd_kafka_opaque(rk);
    char text[512];
    if (!o || !o->alone) return POUCH_OK;
    while (rd_kafka_poll(rk, 0)) continue;
    if (!pl_kafka_all_down(o->health)) return POUCH_OK;
    pl_kafka_health_text(o->health, brokers, text, sizeof text);
    return pl_fail(pl_kafka_health_error(o->health), "%s%s%s: %s", what, topic ? " " : "", topic ? topic : "", text);
}

pouch_err pl_metadata_fail(rd_kafka_t *rk, rd_kafka_resp_err_t e, const char *what, const char *topic, int timeout) {
    char brokers[512];
    size_t n = sizeof brokers;
    if (!unreachable(e)) return pl_kafka_fail(e, what, topic);
    if (rd_kafka_conf_get(rd_kafka_conf(rk), "bootstrap.servers", brokers, &n) != RD_KAFKA_CONF_OK) brokers[0] = 0;
    pouch_err told = told_by_brokers(rk, what, topic, brokers);
    if (told) return told;
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

/*
 * librdkafka keeps a request for a broker that goes away until that is back, so that no question may take all of the
 * time: the next one goes to a broker that is there.
 */
rd_kafka_resp_err_t pl_metadata_ask(rd_kafka_t *rk, bool all, const rd_kafka_metadata_t **md, int64_t until_us) {
    int64_t again_until_us = pl_until_us(pl_at_most(pl_left_ms(until_us), AGAIN_MS));
    for (;;) {
        int left = pl_left_ms(until_us);
        bool last = left <= LAST_MS;
        rd_kafka_resp_err_t e = rd_kafka_metadata(rk, all, NULL, md, last ? left : left / 2);
        if (e == RD_KAFKA_RESP_ERR__TRANSPORT && !pl_is_past(again_until_us))
            poll(NULL, 0, STEP_MS);
        else if (e != RD_KAFKA_RESP_ERR__TIMED_OUT || last)
            return e;
    }
}

pouch_err pl_metadata_all(rd_kafka_t *rk, const rd_kafka_metadata_t **md, int timeout) {
    rd_kafka_resp_err_t e = pl_metadata_ask(rk, true, md, pl_until_us(timeout));
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
