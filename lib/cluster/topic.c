/* Making a topic, and where its partitions begin and end. */
#include <base/why.h>
#include <bus/offsets.h>
#include <cluster/admin.h>
#include <cluster/cluster.h>
#include <cluster/metadata.h>
#include <cluster/until.h>
#include <poll.h>
#include <string.h>

enum { STEP_MS = 10, NEW_TOPIC_MS = 2000 };

static bool has_leaders(const rd_kafka_metadata_t *md) {
    const rd_kafka_metadata_topic_t *t = &md->topics[0];
    if (t->err || t->partition_cnt == 0) return false;
    for (int i = 0; i < t->partition_cnt; i++)
        if (t->partitions[i].leader < 0) return false;
    return true;
}

/* Brokers learn of a new topic one after the other: a producer may use it once one of them shows all leaders. */
static pouch_err wait_visible(rd_kafka_t *rk, const char *topic, int64_t until_us) {
    for (;;) {
        const rd_kafka_metadata_t *md;
        pouch_err err = pl_metadata_topic(rk, topic, &md, pl_left_ms(until_us));
        if (err && err != POUCH_E_TARGET_REFUSED) return err;
        bool ready = !err && has_leaders(md);
        if (!err) rd_kafka_metadata_destroy(md);
        if (ready) return POUCH_OK;
        if (pl_is_past(until_us))
            return pl_fail(POUCH_E_TIMEOUT,
                           "the topic %s was made, but its partitions have no leaders yet; check the brokers with "
                           "`pouch topic describe %s`",
                           topic, topic);
        poll(NULL, 0, STEP_MS);
    }
}

static pouch_err ask_to_create(rd_kafka_t *rk, rd_kafka_NewTopic_t *topic, const char *name, bool *existed,
                               int timeout) {
    static const char what[] = "cannot make the topic";
    struct pl_admin a;
    pouch_err err = pl_admin_begin(&a, rk, RD_KAFKA_ADMIN_OP_CREATETOPICS, timeout);
    if (err) return err;
    rd_kafka_CreateTopics(rk, &topic, 1, a.options, a.queue);
    err = pl_admin_wait(&a, what, name);
    if (!err) {
        size_t n;
        const rd_kafka_topic_result_t **r =
            rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(a.event), &n);
        if (rd_kafka_topic_result_error(r[0]) == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
            *existed = true;
        else
            err = pl_admin_refused(r[0], what);
    }
    pl_admin_end(&a);
    return err;
}

/* Before it is made: whoever may use a topic that is there need not be allowed to make it. */
static pouch_err look_for(rd_kafka_t *rk, const char *topic, bool *found, int64_t until_us) {
    const rd_kafka_metadata_t *md;
    pouch_err err = pl_metadata_topic(rk, topic, &md, pl_left_ms(until_us));
    *found = !err;
    if (!err) rd_kafka_metadata_destroy(md);
    return err == POUCH_E_TARGET_REFUSED || err == POUCH_E_NOT_ALLOWED ? POUCH_OK : err;
}

static pouch_err create(rd_kafka_t *rk, const struct pl_topic_spec *t, bool *existed, int64_t until_us) {
    rd_kafka_NewTopic_t *topic;
    pouch_err err = look_for(rk, t->name, existed, until_us);
    if (err || *existed) return err;
    err = pl_new_topic(&topic, t);
    if (err) return err;
    err = ask_to_create(rk, topic, t->name, existed, pl_left_ms(until_us));
    rd_kafka_NewTopic_destroy(topic);
    return err;
}

/* The mock answers no CreateTopics but makes the topics it is asked about, with its own number of partitions. */
static pouch_err create_on_mock(rd_kafka_t *rk, const char *topic, bool *existed, int64_t until_us) {
    pouch_err err = pl_topic_check(rk, topic, pl_left_ms(until_us));
    *existed = !err;
    return err == POUCH_E_TARGET_REFUSED ? POUCH_OK : err;
}

pouch_err pl_topic_create(rd_kafka_t *rk, const struct pl_topic_spec *t, bool *existed, int timeout) {
    int64_t until_us = pl_until_us(timeout);
    bool mock, was_there = false;
    pouch_err err = pl_topic_name_check(t->name);
    if (!err) err = pl_cluster_mock(rk, &mock, timeout);
    if (!err) err = mock ? create_on_mock(rk, t->name, &was_there, until_us) : create(rk, t, &was_there, until_us);
    if (!err) err = wait_visible(rk, t->name, until_us);
    if (existed) *existed = was_there;
    return err;
}

pouch_err pl_topic_partitions(rd_kafka_t *rk, const char *topic, int *n, int timeout) {
    const rd_kafka_metadata_t *md;
    pouch_err err = pl_topic_check(rk, topic, timeout);
    if (!err) err = pl_metadata_topic(rk, topic, &md, timeout);
    if (err) return err;
    *n = md->topics[0].partition_cnt;
    rd_kafka_metadata_destroy(md);
    return POUCH_OK;
}

pouch_err pl_topic_find(rd_kafka_t *rk, const char *topic, int timeout) {
    int64_t until_us = pl_until_us(pl_at_most(timeout, NEW_TOPIC_MS));
    int partitions;
    pouch_err err;
    while ((err = pl_topic_partitions(rk, topic, &partitions, timeout)) == POUCH_E_TARGET_REFUSED &&
           !pl_is_past(until_us))
        poll(NULL, 0, STEP_MS);
    return err;
}

/* A leader that was named a moment ago may not know it yet. */
static bool leader_moving(rd_kafka_resp_err_t e) {
    return e == RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION || e == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE;
}

static rd_kafka_resp_err_t ask_edge(rd_kafka_t *rk, const char *topic, int32_t partition, int64_t edge,
                                    int64_t until_us, int64_t *offset) {
    rd_kafka_resp_err_t e;
    while (leader_moving(e = pl_offset_ask(rk, topic, partition, edge, pl_left_ms(until_us), offset)) &&
           !pl_is_past(until_us))
        poll(NULL, 0, STEP_MS);
    return e;
}

pouch_err pl_topic_offsets(rd_kafka_t *rk, const char *topic, int32_t partition, int64_t *low, int64_t *high,
                           int timeout) {
    int64_t until_us = pl_until_us(timeout);
    rd_kafka_resp_err_t e = ask_edge(rk, topic, partition, RD_KAFKA_OFFSET_BEGINNING, until_us, low);
    if (!e) e = ask_edge(rk, topic, partition, RD_KAFKA_OFFSET_END, until_us, high);
    if (e == RD_KAFKA_RESP_ERR__TIMED_OUT)
        return pl_fail(POUCH_E_NO_BROKER,
                       "cannot read the offsets of %s: the leader of its partition %d did not answer within %d ms; "
                       "see whether it has one: pouch topic describe %s",
                       topic, (int)partition, timeout, topic);
    return e ? pl_metadata_fail(rk, e, "cannot read the offsets of", topic, timeout) : POUCH_OK;
}
