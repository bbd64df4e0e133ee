/*
 * floor: the least that request-reply over Kafka can cost. The same flow of records as
 * `pouch bench` over bare librdkafka: no JSON, no cipher, no ids beyond a counter, no
 * deadlines. Pouch is measured as a ratio to this, in the same run, on the same topics.
 *
 *   floor echo BROKERS TOPIC                            answers to the topic that the value names
 *   floor ask  BROKERS TOPIC REPLY COUNT IN_FLIGHT SIZE one line of JSON; times in microseconds
 *   floor route BROKERS FROM TO COUNT SIZE              fills FROM, then moves all of it to TO; one line of JSON
 *
 * FLOOR_REQUESTS (default 1) is how many produce requests may be under way.
 * FLOOR_FETCH_WAIT (default 100) is fetch.wait.max.ms; the mock broker needs 1.
 */
#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 500, WARM_UP = 200, TOPIC_BYTES = 256 };

/* A request's key, echoed: which run it belongs to, and its number there. */
struct ticket {
    uint64_t run;
    uint64_t number;
};

struct phase {
    struct ticket first;
    uint64_t count, in_flight;
    int64_t *began, *took;
};

static void die(const char *what, const char *why) {
    fprintf(stderr, "floor: %s: %s\n", what, why);
    exit(1);
}

static int64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static const char *from_env(const char *name, const char *otherwise) {
    const char *value = getenv(name);
    return value ? value : otherwise;
}

/* pairs: name, value, …, NULL */
static rd_kafka_t *open_handle(rd_kafka_type_t type, const char *brokers, const char *const pairs[]) {
    char why[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    if (rd_kafka_conf_set(conf, "bootstrap.servers", brokers, why, sizeof why)) die("brokers", why);
    for (size_t i = 0; pairs[i]; i += 2)
        if (rd_kafka_conf_set(conf, pairs[i], pairs[i + 1], why, sizeof why)) die(pairs[i], why);
    rd_kafka_t *rk = rd_kafka_new(type, conf, why, sizeof why);
    if (!rk) die("librdkafka", why);
    return rk;
}

static rd_kafka_t *open_producer(const char *brokers) {
    const char *const pairs[] = {"acks",
                                 "all",
                                 "linger.ms",
                                 "0",
                                 "enable.idempotence",
                                 "true",
                                 "max.in.flight.requests.per.connection",
                                 from_env("FLOOR_REQUESTS", "1"),
                                 "queue.buffering.max.messages",
                                 "1000000",
                                 NULL};
    return open_handle(RD_KAFKA_PRODUCER, brokers, pairs);
}

static rd_kafka_t *open_consumer(const char *brokers, const char *topic, const char *group, const char *start) {
    const char *const pairs[] = {"group.id",
                                 group,
                                 "enable.auto.commit",
                                 "false",
                                 "auto.offset.reset",
                                 start,
                                 "fetch.wait.max.ms",
                                 from_env("FLOOR_FETCH_WAIT", "100"),
                                 "queued.min.messages",
                                 "1000000",
                                 NULL};
    rd_kafka_t *rk = open_handle(RD_KAFKA_CONSUMER, brokers, pairs);
    rd_kafka_poll_set_consumer(rk);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t e = rd_kafka_subscribe(rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (e) die(topic, rd_kafka_err2str(e));
    return rk;
}

static void produce(rd_kafka_t *rk, const char *topic, const rd_kafka_message_t *key, const void *value, size_t n) {
    for (;;) {
        rd_kafka_resp_err_t e = rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_KEY(key->key, key->key_len),
                                                  RD_KAFKA_V_VALUE((void *)(uintptr_t)value, n),
                                                  RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
        if (!e) break;
        if (e != RD_KAFKA_RESP_ERR__QUEUE_FULL) die(topic, rd_kafka_err2str(e));
        rd_kafka_poll(rk, 10);
    }
    rd_kafka_poll(rk, 0);
}

/* One record, waited for, and all that lie behind it: a batch call alone would sit out its timeout. */
static size_t next_records(rd_kafka_queue_t *queue, rd_kafka_message_t *out[BATCH], int wait_ms) {
    if (!(out[0] = rd_kafka_consume_queue(queue, wait_ms))) return 0;
    ssize_t more = rd_kafka_consume_batch_queue(queue, 0, out + 1, BATCH - 1);
    return 1 + (more > 0 ? (size_t)more : 0);
}

static void echo(const char *brokers, const char *topic) {
    char group[64]; /* of its own: a dead member of an earlier run would be waited for */
    snprintf(group, sizeof group, "floor-echo-%ld", (long)getpid());
    rd_kafka_t *in = open_consumer(brokers, topic, group, "latest"), *out = open_producer(brokers);
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(in);
    for (;;) {
        rd_kafka_message_t *records[BATCH];
        size_t n = next_records(queue, records, 100);
        for (size_t i = 0; i < n; i++) {
            if (!records[i]->err && records[i]->len >= TOPIC_BYTES / 4)
                produce(out, records[i]->payload, records[i], records[i]->payload, records[i]->len);
            rd_kafka_message_destroy(records[i]);
        }
        rd_kafka_poll(out, 0);
    }
}

/* The group has given us partitions, and the echo's too: a first request has come back. */
static void wait_until_answered(rd_kafka_t *in, rd_kafka_t *out, const char *topic, const char *value, size_t n) {
    struct ticket probe = {(uint64_t)getpid(), 0};
    const rd_kafka_message_t key = {.key = &probe, .key_len = sizeof probe};
    int64_t give_up = now_us() + 60000000, again = 0;
    while (now_us() < give_up) {
        if (now_us() > again) {
            produce(out, topic, &key, value, n);
            again = now_us() + 500000;
        }
        rd_kafka_message_t *m = rd_kafka_consumer_poll(in, 50);
        bool answered = m && !m->err && m->key_len == sizeof probe && !memcmp(m->key, &probe, sizeof probe);
        if (m) rd_kafka_message_destroy(m);
        if (answered) return;
    }
    die(topic, "no echo answers: start floor echo");
}

static void exchange(rd_kafka_t *in, rd_kafka_t *out, const char *topic, const char *value, size_t n, struct phase *p) {
    uint64_t sent = 0, got = 0;
    while (got < p->count) {
        while (sent < p->count && sent - got < p->in_flight) {
            struct ticket ticket = {p->first.run, sent};
            const rd_kafka_message_t key = {.key = &ticket, .key_len = sizeof ticket};
            p->began[sent++] = now_us();
            produce(out, topic, &key, value, n);
        }
        rd_kafka_message_t *m = rd_kafka_consumer_poll(in, 1000);
        if (!m) continue;
        struct ticket ticket;
        if (!m->err && m->key_len == sizeof ticket) {
            memcpy(&ticket, m->key, sizeof ticket);
            if (ticket.run == p->first.run && ticket.number < p->count) {
                p->took[ticket.number] = now_us() - p->began[ticket.number];
                got++;
            }
        }
        rd_kafka_message_destroy(m);
    }
}

static int ascending(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void ask(const char *brokers, const char *topic, const char *reply, uint64_t count, uint64_t in_flight,
                size_t size) {
    char group[64];
    snprintf(group, sizeof group, "floor-ask-%ld", (long)getpid());
    rd_kafka_t *in = open_consumer(brokers, reply, group, "latest"), *out = open_producer(brokers);
    char *value = calloc(1, size);
    struct phase p = {.in_flight = in_flight,
                      .began = calloc(count + WARM_UP, sizeof *p.began),
                      .took = calloc(count + WARM_UP, sizeof *p.took)};
    if (!value || !p.began || !p.took || strlen(reply) >= size)
        die("memory", "out of it, or the reply topic's name is longer than SIZE");
    strcpy(value, reply);
    wait_until_answered(in, out, topic, value, size);
    p.first.run = (uint64_t)now_us() << 20 | (uint64_t)(getpid() & 0xfffff);
    p.count = WARM_UP;
    exchange(in, out, topic, value, size, &p);
    p.first.run++;
    p.count = count;
    int64_t begin = now_us();
    exchange(in, out, topic, value, size, &p);
    double seconds = (double)(now_us() - begin) / 1e6;
    qsort(p.took, count, sizeof *p.took, ascending);
    printf("{\"count\":%llu,\"in_flight\":%llu,\"size\":%zu,\"p50_us\":%lld,\"p99_us\":%lld,\"max_us\":%lld,\"rate\":%."
           "0f}\n",
           (unsigned long long)count, (unsigned long long)in_flight, size, (long long)p.took[count / 2],
           (long long)p.took[count * 99 / 100], (long long)p.took[count - 1], (double)count / seconds);
    fflush(stdout);
    _exit(0); /* what has been measured needs no orderly goodbye */
}

static void fill(rd_kafka_t *out, const char *topic, uint64_t count, size_t size) {
    char *value = calloc(1, size);
    if (!value) die("memory", "out of it");
    for (uint64_t i = 0; i < count; i++) {
        const rd_kafka_message_t key = {.key = &i, .key_len = sizeof i};
        produce(out, topic, &key, value, size);
    }
    if (rd_kafka_flush(out, 60000)) die(topic, "the backlog could not be written");
    free(value);
}

/* From the first record that has come to the last one's delivery. */
static void route(const char *brokers, const char *from, const char *to, uint64_t count, size_t size) {
    char group[64];
    snprintf(group, sizeof group, "floor-route-%ld", (long)getpid());
    rd_kafka_t *out = open_producer(brokers);
    fill(out, from, count, size);
    rd_kafka_t *in = open_consumer(brokers, from, group, "earliest");
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(in);
    int64_t begin = 0;
    for (uint64_t got = 0; got < count;) {
        rd_kafka_message_t *records[BATCH];
        size_t n = next_records(queue, records, 100);
        if (n && !begin) begin = now_us();
        for (size_t i = 0; i < n; i++) {
            if (!records[i]->err) produce(out, to, records[i], records[i]->payload, records[i]->len);
            got += !records[i]->err;
            rd_kafka_message_destroy(records[i]);
        }
    }
    if (rd_kafka_flush(out, 60000)) die(to, "not all could be written");
    double seconds = (double)(now_us() - begin) / 1e6;
    printf("{\"count\":%llu,\"size\":%zu,\"rate\":%.0f}\n", (unsigned long long)count, size, (double)count / seconds);
    fflush(stdout);
    _exit(0);
}

int main(int argc, char **argv) {
    if (argc == 4 && !strcmp(argv[1], "echo")) echo(argv[2], argv[3]);
    if (argc == 8 && !strcmp(argv[1], "ask"))
        ask(argv[2], argv[3], argv[4], strtoull(argv[5], NULL, 10), strtoull(argv[6], NULL, 10),
            strtoull(argv[7], NULL, 10));
    if (argc == 7 && !strcmp(argv[1], "route"))
        route(argv[2], argv[3], argv[4], strtoull(argv[5], NULL, 10), strtoull(argv[6], NULL, 10));
    fprintf(stderr, "usage: floor echo BROKERS TOPIC | floor ask BROKERS TOPIC REPLY COUNT IN_FLIGHT SIZE |"
                    " floor route BROKERS FROM TO COUNT SIZE\n");
    return 64;
}
