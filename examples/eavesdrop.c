/*
 * What somebody without the key sees: reads a topic from its beginning with bare librdkafka
 * and prints each record's value as it is, until the end.
 *
 *   ./eavesdrop BROKERS TOPIC [MOST]
 */
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>

static rd_kafka_t *reader(const char *brokers) {
    char why[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    const char *const settings[][2] = {{"bootstrap.servers", brokers},
                                       {"group.id", "eavesdropper"},
                                       {"enable.auto.commit", "false"},
                                       {"enable.partition.eof", "true"}};
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
        if (rd_kafka_conf_set(conf, settings[i][0], settings[i][1], why, sizeof why)) {
            fprintf(stderr, "eavesdrop: %s\n", why);
            rd_kafka_conf_destroy(conf);
            return NULL;
        }
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
    if (!rk) fprintf(stderr, "eavesdrop: %s\n", why);
    return rk;
}

/* Assigns every partition from its beginning; how many there are. */
static int assign_all(rd_kafka_t *rk, const char *topic) {
    rd_kafka_topic_t *handle = rd_kafka_topic_new(rk, topic, NULL);
    const struct rd_kafka_metadata *metadata;
    if (!handle || rd_kafka_metadata(rk, 0, handle, &metadata, 15000)) return 0;
    int n = metadata->topics[0].partition_cnt;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(n);
    for (int i = 0; i < n; i++) rd_kafka_topic_partition_list_add(list, topic, i)->offset = RD_KAFKA_OFFSET_BEGINNING;
    rd_kafka_resp_err_t e = rd_kafka_assign(rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(handle);
    return e ? 0 : n;
}

int main(int argc, char **argv) {
    if (argc < 3) {
        fprintf(stderr, "usage: eavesdrop BROKERS TOPIC [MOST]\n");
        return 64;
    }
    rd_kafka_t *rk = reader(argv[1]);
    if (!rk) return 1;
    int open_partitions = assign_all(rk, argv[2]), most = argc > 3 ? atoi(argv[3]) : 1000, seen = 0;
    if (!open_partitions) fprintf(stderr, "eavesdrop: %s cannot be read\n", argv[2]);
    while (open_partitions > 0 && seen < most) {
        rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, 15000);
        if (!m) break;
        if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
            open_partitions--;
        else if (!m->err && ++seen)
            printf("%.*s\n", (int)m->len, (const char *)m->payload);
        rd_kafka_message_destroy(m);
    }
    rd_kafka_consumer_close(rk);
    rd_kafka_destroy(rk);
    return seen ? 0 : 1;
}
