/*
 * Where partitions begin and end. rd_kafka_query_watermark_offsets() of librdkafka 2.0.2 is not used:
 * once its requests are out it waits for the answers whatever its timeout, a minute with a frozen broker.
 */
#ifndef POUCH_BUS_OFFSETS_H
#define POUCH_BUS_OFFSETS_H

#include <librdkafka/rdkafka.h>

/*
 * Sets the offset of each partition of the list to its edge: RD_KAFKA_OFFSET_BEGINNING, the first record there is, or
 * RD_KAFKA_OFFSET_END, where the next one goes. The first error, also of a single partition.
 */
rd_kafka_resp_err_t pl_offsets_ask(rd_kafka_t *rk, rd_kafka_topic_partition_list_t *list, int64_t edge, int timeout);

/* The same for one partition. */
rd_kafka_resp_err_t pl_offset_ask(rd_kafka_t *rk, const char *topic, int32_t partition, int64_t edge, int timeout,
                                  int64_t *offset);

#endif
