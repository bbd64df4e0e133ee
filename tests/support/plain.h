/* The other side of a test, on plain librdkafka: handles, a tap that keeps what it reads, offsets. After support.h. */
#ifndef POUCH_TESTS_PLAIN_H
#define POUCH_TESTS_PLAIN_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline rd_kafka_t *plain_handle(const char *brokers, rd_kafka_type_t type, const char *group) {
    const char *const consumer[] = {"group.id", group, "fetch.wait.max.ms", "1", "auto.offset.reset", "earliest", NULL};
    char why[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", brokers, NULL, 0);
    for (size_t i = 0; type == RD_KAFKA_CONSUMER && consumer[i]; i += 2)
        assert_int_equal(rd_kafka_conf_set(conf, consumer[i], consumer[i + 1], why, sizeof why), RD_KAFKA_CONF_OK);
    if (type == RD_KAFKA_PRODUCER) rd_kafka_conf_set(conf, "linger.ms", "0", NULL, 0);
    rd_kafka_conf_set_log_cb(conf, NULL);
    rd_kafka_t *rk = rd_kafka_new(type, conf, why, sizeof why);
    assert_non_null(rk);
    return rk;
}

/* Keeps up to max records of the first partitions of the topics, from their beginning. */
struct plain_tap {
    rd_kafka_t *rk;
    rd_kafka_message_t **seen;
    size_t n, max;
};

static inline void plain_tap_open(struct plain_tap *t, const char *brokers, const char *const topics[], size_t n,
                                  size_t max) {
    *t = (struct plain_tap){.rk = plain_handle(brokers, RD_KAFKA_CONSUMER, "tap"), .max = max};
    t->seen = calloc(max, sizeof(rd_kafka_message_t *));
    assert_non_null(t->seen);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)n);
    for (size_t i = 0; i < n; i++)
        rd_kafka_topic_partition_list_add(list, topics[i], 0)->offset = RD_KAFKA_OFFSET_BEGINNING;
    assert_int_equal(rd_kafka_assign(t->rk, list), 0);
    rd_kafka_topic_partition_list_destroy(list);
}

/* Reads what is there; true when there was something. */
static inline bool plain_tap_read(struct plain_tap *t) {
    rd_kafka_message_t *m = rd_kafka_consumer_poll(t->rk, 20);
    if (!m) return false;
    if (m->err || t->n == t->max) {
        rd_kafka_message_destroy(m);
        return false;
    }
    t->seen[t->n++] = m;
    return true;
}

static inline void plain_tap_close(struct plain_tap *t) {
    for (size_t i = 0; i < t->n; i++) rd_kafka_message_destroy(t->seen[i]);
    free(t->seen);
    rd_kafka_consumer_close(t->rk);
    rd_kafka_destroy(t->rk);
}

static inline void plain_producer_close(rd_kafka_t *producer) {
    rd_kafka_flush(producer, 5000);
    rd_kafka_destroy(producer);
}

static inline bool on_topic(const rd_kafka_message_t *m, const char *topic) {
    return !strcmp(rd_kafka_topic_name(m->rkt), topic);
}

static inline size_t plain_tap_count(const struct plain_tap *t, const char *topic) {
    size_t n = 0;
    for (size_t i = 0; i < t->n; i++) n += on_topic(t->seen[i], topic);
    return n;
}

/* headers: name, value, …, up to 2 * most or a NULL; may be NULL. key: text or NULL. */
static inline void plain_produce(rd_kafka_t *producer, const char *topic, const char *key, const void *value, size_t n,
                                 const char *const headers[], size_t most) {
    rd_kafka_headers_t *h = rd_kafka_headers_new(most);
    for (size_t i = 0; headers && i < 2 * most && headers[i]; i += 2)
        assert_int_equal(rd_kafka_header_add(h, headers[i], -1, headers[i + 1], -1), 0);
    assert_int_equal(rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                       RD_KAFKA_V_KEY(key, key ? strlen(key) : 0), RD_KAFKA_V_VALUE((void *)value, n),
                                       RD_KAFKA_V_HEADERS(h), RD_KAFKA_V_END),
                     0);
    rd_kafka_poll(producer, 0);
}

/* The value of the first header of that name as text; "" when there is none. Good until the fourth next call. */
static inline const char *header_of(const rd_kafka_message_t *m, const char *name) {
    static char texts[4][2048];
    static size_t turn;
    char *text = texts[turn++ % 4];
    rd_kafka_headers_t *h;
    const void *value;
    size_t n;
    text[0] = 0;
    if (!rd_kafka_message_headers(m, &h) && !rd_kafka_header_get(h, 0, name, &value, &n))
        snprintf(text, sizeof texts[0], "%.*s", (int)n, (const char *)value);
    return text;
}

/* What the group has committed of the topic's first partition; negative: nothing. */
static inline int64_t plain_committed(const char *brokers, const char *group, const char *topic) {
    rd_kafka_t *rk = plain_handle(brokers, RD_KAFKA_CONSUMER, group);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, 0);
    assert_int_equal(rd_kafka_committed(rk, list, 60000), RD_KAFKA_RESP_ERR_NO_ERROR);
    int64_t offset = list->elems[0].offset;
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(rk);
    return offset;
}

/* The offset that the next record of the topic's first partition will have. */
static inline int64_t plain_next_offset(rd_kafka_t *rk, const char *topic) {
    int64_t low, high;
    assert_int_equal(rd_kafka_query_watermark_offsets(rk, topic, 0, &low, &high, 60000), 0);
    return high;
}

#endif
