/*
 * Keeps librdkafka fetching. When the queues of all partitions of a broker are full, 2.0.2's thread for
 * that broker sleeps a second, however soon there is room again. Any request to the
 * broker wakes it, so one is made as soon as a queue that was full is half empty: once for
 * thousands of records.
 */
#include <bus/group_state.h>
#include <bus/offsets.h>
#include <bus/producer.h>
#include <stdlib.h>
#include <string.h>

/* The answer does not matter, only that the request has been sent. */
enum { NUDGE_MS = 50 };

static size_t bound(const struct pl_group *g, const char *name) {
    char text[32];
    size_t n = sizeof text;
    if (rd_kafka_conf_get(rd_kafka_conf(g->rk), name, text, &n) != RD_KAFKA_CONF_OK) return 0;
    return strtoul(text, NULL, 10);
}

void pl_group_read_bounds(struct pl_group *g) {
    g->queue_records = bound(g, "queued.min.messages");
    g->queue_bytes = bound(g, "queued.max.messages.kbytes") * 1024;
    g->commit_every_us = (int64_t)bound(g, "auto.commit.interval.ms") * 1000;
    /* A heartbeat is due so long after the last answer, and may take its time. */
    int64_t session = (int64_t)bound(g, "session.timeout.ms") * 1000,
            beat = (int64_t)bound(g, "heartbeat.interval.ms") * 1000;
    g->patience_us = beat + (session - beat) / 4 * 3;
}

static size_t bytes_of_headers(const rd_kafka_message_t *m) {
    rd_kafka_headers_t *headers;
    const char *name;
    const void *value;
    size_t bytes = 0, n;
    if (rd_kafka_message_headers(m, &headers)) return 0;
    for (size_t i = 0; !rd_kafka_header_get_all(headers, i, &name, &value, &n); i++)
        bytes += strlen(name) + n + PL_HEADER_BYTES;
    return bytes;
}

size_t pl_partition_weigh(struct pl_partition *p, const rd_kafka_message_t *m) {
    size_t n = m->len + m->key_len + bytes_of_headers(m);
    p->mean_bytes = p->mean_bytes ? p->mean_bytes - p->mean_bytes / 16 + n / 16 : n;
    return n;
}

void pl_partition_watch(struct pl_group *g, struct pl_partition *p, size_t there) {
    size_t bytes = there * p->mean_bytes;
    int64_t end;
    if (there >= g->queue_records / 4 * 3 || bytes >= g->queue_bytes / 4 * 3)
        p->full = true;
    else if (p->full && there < g->queue_records / 2 && bytes < g->queue_bytes / 2) {
        p->full = false;
        pl_offset_ask(g->rk, p->topic, p->id, RD_KAFKA_OFFSET_END, NUDGE_MS, &end);
    }
}
