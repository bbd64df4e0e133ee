/* The log itself: finding it, reading it, and what becomes of its records. */
#include <base/log.h>
#include <base/why.h>
#include <cluster/cluster.h>
#include <events/record.h>
#include <events/state.h>
#include <inttypes.h>
#include <metrics/metrics.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CALL_MS = 1000, CREATE_MS = 5000, BATCH = 256, BATCHES = 64, TALK_PARTITIONS_MAX = 64 };

/* ---- records ---- */

static struct httpd_block *block_of(const struct events_record *r, int64_t offset) {
    struct pl_buf text;
    pl_buf_init(&text, EVENTS_BYTES_MAX);
    pouch_err err = events_event_write(&text, &r->event, offset);
    struct httpd_block *block = err ? NULL : httpd_block_new(text.at, text.len);
    pl_buf_free(&text);
    if (!err && !block) pl_why_set("out of memory for an event");
    return block;
}

static struct events_item *item_of(const struct events_record *r, int64_t offset) {
    struct httpd_block *block = block_of(r, offset);
    struct events_item *item = block ? events_item_new(offset, r->event.channel, block) : NULL;
    if (block && !item) {
        pl_why_set("out of memory for an event");
        httpd_block_free(block);
    }
    return item;
}

struct events_item *events_log_item(const rd_kafka_message_t *m, struct events_sources *sources) {
    struct events_record r;
    struct events_item *item = NULL;
    pouch_err err = events_record_read(&r, m->payload, m->len);
    if (!err && r.source.topic[0] && events_sources_has(sources, &r.source)) {
        json_decref(r.root);
        return NULL;
    }
    if (!err) item = item_of(&r, m->offset);
    json_decref(r.root);
    if (item) return item;
    char offset[24];
    snprintf(offset, sizeof offset, "%" PRId64, m->offset);
    pl_metric_add(PL_M_EVENTS_UNREADABLE, 1);
    PL_LOG(PL_LOG_WARN, "a record on the log of events was passed over", "offset", offset, "why", pouch_why());
    return NULL;
}

/* ---- finding it ---- */

static pouch_err make_topic(rd_kafka_t *rk, const char *topic, const char *const *configs, int *partitions) {
    const struct pl_topic_spec spec = {.name = topic, .partitions = 1, .replication = -1, .configs = configs};
    pouch_err err = pl_topic_partitions(rk, topic, partitions, CALL_MS);
    if (err != POUCH_E_TARGET_REFUSED) return err;
    err = pl_topic_create(rk, &spec, NULL, CREATE_MS);
    return err ? err : pl_topic_partitions(rk, topic, partitions, CALL_MS);
}

/* The mock makes four partitions of a topic that is first used; there, events go to the one of their key. */
static pouch_err find_partition(struct events *e, int partitions) {
    if (partitions != 1 && !e->mock)
        return pl_fail(POUCH_E_CONFIG, "the topic %s has %d partitions; events are in order only in a topic with one",
                       e->settings.gateway_events_topic, partitions);
    e->partition = partitions == 1 ? 0
                                   : rd_kafka_msg_partitioner_murmur2(NULL, EVENTS_KEY, sizeof EVENTS_KEY - 1,
                                                                      partitions, NULL, NULL);
    return POUCH_OK;
}

/* On from where it was, unless the log is another one or no longer has that. */
static int64_t start_of(struct events *e, int64_t low, int64_t high) {
    int64_t next = events_ring_next(&e->ring), start = high - EVENTS_RING > low ? high - EVENTS_RING : low;
    if (e->found && next >= low && next <= high) return next;
    events_ring_restart(&e->ring, start);
    events_sources_free(&e->sources);
    if (e->found) atomic_fetch_add(&e->epoch, 1);
    return start;
}

static void on_end(int32_t partition, void *arg);

static pouch_err assign(struct events *e, int64_t low, int64_t high) {
    pouch_err err =
        pl_reader_new_to_end(&e->reader, &e->settings, e->client_id, e->mock, e->health, &e->wake, on_end, e);
    if (err) return err;
    const struct pl_position p = {e->partition, start_of(e, low, high)};
    e->found = true;
    e->talking = false;
    err = pl_reader_assign(e->reader, e->settings.gateway_events_topic, &p, 1, true);
    if (!err) return POUCH_OK;
    pl_reader_free(e->reader);
    e->reader = NULL;
    return err;
}

pouch_err events_log_connect(struct events *e) {
    static const char *const log[] = {"retention.ms", "86400000", NULL};
    static const char *const talk[] = {"retention.ms", "3600000", "segment.ms", "600000", NULL};
    rd_kafka_t *rk = pl_producer_handle(e->producer);
    const char *topic = e->settings.gateway_events_topic;
    int partitions;
    int64_t low, high;
    pouch_err err = pl_cluster_mock(rk, &e->mock, CALL_MS);
    if (!err) err = make_topic(rk, e->talk_topic, talk, &e->talk_partitions);
    if (!err) err = make_topic(rk, topic, log, &partitions);
    if (!err) err = find_partition(e, partitions);
    if (!err) err = pl_topic_offsets(rk, topic, e->partition, &low, &high, CALL_MS);
    return err ? err : assign(e, low, high);
}

/* ---- following it ---- */

/* From their ends on: what gateways told before they tell again when somebody says hello. */
static pouch_err hear_others(struct events *e) {
    struct pl_position p[TALK_PARTITIONS_MAX];
    rd_kafka_t *rk = pl_producer_handle(e->producer);
    int n = e->talk_partitions < TALK_PARTITIONS_MAX ? e->talk_partitions : TALK_PARTITIONS_MAX;
    pouch_err err = POUCH_OK;
    int64_t low;
    for (int i = 0; !err && i < n; i++) {
        p[i].partition = i;
        err = pl_topic_offsets(rk, e->talk_topic, i, &low, &p[i].offset, CALL_MS);
    }
    return err ? err : pl_reader_assign(e->reader, e->talk_topic, p, (size_t)n, false);
}

/* The first end is that of the log, since nothing else is read before; later ones tell nothing. */
static void on_end(int32_t partition, void *arg) {
    struct events *e = arg;
    (void)partition;
    e->at_end = true;
}

static void begin_talking(struct events *e) {
    if (e->talking || !e->at_end) return;
    e->talking = !hear_others(e);
    if (!e->talking) {
        PL_LOG(PL_LOG_WARN, "other gateways are not heard yet", "reason", pouch_why());
        return;
    }
    atomic_store(&e->ready, true);
    events_log_trouble(e, NULL);
    events_talk_hello(e);
}

static bool take_one(struct events *e, const rd_kafka_message_t *m) {
    if (!strcmp(rd_kafka_topic_name(m->rkt), e->talk_topic)) {
        events_talk_take(e, m);
        return false;
    }
    struct events_item *item = events_log_item(m, &e->sources);
    if (item)
        events_ring_append(&e->ring, item);
    else
        events_ring_advance(&e->ring, m->offset + 1);
    return true;
}

static void lose(struct events *e, enum pl_reader_trouble trouble) {
    pl_reader_free(e->reader);
    e->reader = NULL;
    e->talking = e->at_end = false;
    events_log_trouble(e, trouble == PL_READER_REFUSED ? "the broker does not let us read the log of events"
                                                       : "the topic of the log of events is gone");
}

void events_log_take(struct events *e) {
    rd_kafka_message_t *m[BATCH];
    enum pl_reader_trouble trouble = PL_READER_NONE;
    size_t n = BATCH;
    bool any = false;
    for (int round = 0; n == BATCH && !trouble && round < BATCHES; round++) {
        n = pl_reader_take(e->reader, m, BATCH, &trouble);
        for (size_t i = 0; i < n; i++) {
            any = take_one(e, m[i]) || any;
            rd_kafka_message_destroy(m[i]);
        }
        if (any) events_loops_wake(e);
    }
    if (trouble)
        lose(e, trouble);
    else
        begin_talking(e);
}

/* ---- what is wrong ---- */

static void tell_of(struct events *e, const char *why) {
    char now[EVENTS_TIME_MAX];
    events_time(now, pl_wall_ms(&pl_clock_system));
    json_t *data = json_pack("{s:s, s:s, s:s}", "error", why, "gateway", e->instance, "timestamp", now);
    if (data) events_tell(e, "system", "system_error", data);
    json_decref(data);
}

void events_log_trouble(struct events *e, const char *why) {
    char text[sizeof e->why];
    snprintf(text, sizeof text, "%s", why ? why : "");
    pthread_mutex_lock(&e->lock);
    bool changed = strcmp(e->why, text) != 0;
    memcpy(e->why, text, sizeof text);
    pthread_mutex_unlock(&e->lock);
    if (!changed) return;
    if (!why) {
        PL_LOG(PL_LOG_INFO, "the log of events is followed", "topic", e->settings.gateway_events_topic);
        return;
    }
    PL_LOG(PL_LOG_WARN, "the log of events is not followed at present", "topic", e->settings.gateway_events_topic,
           "why", text);
    tell_of(e, text);
}
