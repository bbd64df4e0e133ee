#include <bus/offsets.h>

/* The edges have the numbers that the protocol gives them among timestamps. */
rd_kafka_resp_err_t pl_offsets_ask(rd_kafka_t *rk, rd_kafka_topic_partition_list_t *list, int64_t edge, int timeout) {
    for (int i = 0; i < list->cnt; i++) list->elems[i].offset = edge;
    rd_kafka_resp_err_t e = rd_kafka_offsets_for_times(rk, list, timeout);
    for (int i = 0; i < list->cnt && !e; i++) e = list->elems[i].err;
    return e;
}

rd_kafka_resp_err_t pl_offset_ask(rd_kafka_t *rk, const char *topic, int32_t partition, int64_t edge, int timeout,
                                  int64_t *offset) {
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, partition);
    rd_kafka_resp_err_t e = pl_offsets_ask(rk, list, edge, timeout);
    if (!e) *offset = list->elems[0].offset;
    rd_kafka_topic_partition_list_destroy(list);
    return e;
}
