#include <base/why.h>
#include <bus/topics.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static uint32_t hash(const char *name) { /* FNV-1a */
    uint32_t h = 2166136261u;
    for (; *name; name++) h = (h ^ (uint8_t)*name) * 16777619u;
    return h;
}

/* The name's slot, or the empty one where it belongs. The table is never more than half full. */
static size_t slot_of(const struct pl_topics *t, const char *name, struct pl_topic **found) {
    size_t i = hash(name) % PL_TOPICS_SLOTS;
    for (;; i = (i + 1) % PL_TOPICS_SLOTS) {
        *found = atomic_load_explicit(&t->slots[i], memory_order_acquire);
        if (!*found || !strcmp((*found)->name, name)) return i;
    }
}

struct pl_topic *pl_topics_find(const struct pl_topics *t, const char *name) {
    struct pl_topic *found;
    (void)slot_of(t, name, &found);
    return found;
}

pouch_err pl_topics_init(struct pl_topics *t, size_t most) {
    memset(t, 0, sizeof *t);
    return pl_batches_init(&t->batches, most, &pl_clock_system);
}

/*
 * The partitioner that bus/kafka.c names, which on its way learns how many partitions there are: librdkafka
 * 2.0.2 has no other way to ask that does not wait. Any thread of librdkafka or of a sender.
 */
static int32_t partition(const rd_kafka_topic_t *rkt, const void *key, size_t key_n, int32_t partitions, void *topics,
                         void *record) {
    struct pl_topic *topic = pl_topics_find(topics, rd_kafka_topic_name(rkt));
    if (topic) atomic_store_explicit(&topic->partitions, partitions, memory_order_relaxed);
    return rd_kafka_msg_partitioner_murmur2_random(rkt, key, key_n, partitions, topics, record);
}

/* For all topics: one that librdkafka knows before it is opened here keeps the configuration it has. */
void pl_topics_listen(struct pl_topics *t, rd_kafka_conf_t *conf) {
    rd_kafka_topic_conf_t *of_all = rd_kafka_conf_get_default_topic_conf(conf);
    rd_kafka_topic_conf_set_opaque(of_all, t);
    rd_kafka_topic_conf_set_partitioner_cb(of_all, partition);
}

static void free_topic(struct pl_topic *topic) {
    pl_topic_free(topic);
    free(topic);
}

static pouch_err open_topic(struct pl_topic **out, rd_kafka_t *rk, const char *name, size_t max_bytes) {
    struct pl_topic *topic = calloc(1, sizeof *topic);
    if (!topic) return pl_fail(POUCH_E_NO_MEMORY, "no memory for the topic %s", name);
    pouch_err e = pl_topic_init(topic, name, max_bytes);
    if (!e && !(topic->rkt = rd_kafka_topic_new(rk, name, NULL)))
        e = pl_kafka_fail(rd_kafka_last_error(), "opening", name);
    if (e)
        free_topic(topic);
    else
        *out = topic;
    return e;
}

pouch_err pl_topics_add(struct pl_topics *t, rd_kafka_t *rk, const char *name, size_t max_bytes) {
    struct pl_topic *topic;
    size_t i = slot_of(t, name, &topic);
    if (topic || pl_topics_full(t)) return POUCH_OK;
    pouch_err e = open_topic(&topic, rk, name, max_bytes);
    if (e) return e;
    atomic_fetch_add_explicit(&t->count, 1, memory_order_relaxed);
    atomic_store_explicit(&t->slots[i], topic, memory_order_release);
    return POUCH_OK;
}

bool pl_topics_full(const struct pl_topics *t) {
    return atomic_load_explicit(&t->count, memory_order_relaxed) == PL_TOPICS_MAX;
}

void pl_topics_close(struct pl_topics *t) {
    for (size_t i = 0; i < PL_TOPICS_SLOTS; i++) {
        struct pl_topic *topic = t->slots[i];
        if (topic) rd_kafka_topic_destroy(topic->rkt);
    }
}

void pl_topics_free(struct pl_topics *t) {
    for (size_t i = 0; i < PL_TOPICS_SLOTS; i++)
        if (t->slots[i]) free_topic(t->slots[i]);
    pl_batches_free(&t->batches);
}
