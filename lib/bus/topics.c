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
static size_t slot_of(const struct pl_topics *t, const char *name) {
    size_t i = hash(name) % PL_TOPICS_SLOTS;
    while (t->slots[i] && strcmp(rd_kafka_topic_name(t->slots[i]->rkt), name)) i = (i + 1) % PL_TOPICS_SLOTS;
    return i;
}

struct pl_topic *pl_topics_find(const struct pl_topics *t, const char *name) {
    return t->slots[slot_of(t, name)];
}

static struct pl_topic *open_topic(rd_kafka_t *rk, const char *name, size_t max_bytes) {
    struct pl_topic *topic = calloc(1, sizeof *topic);
    if (!topic) return NULL;
    if (pl_batch_init(&topic->batch, max_bytes)) {
        free(topic);
        return NULL;
    }
    topic->rkt = rd_kafka_topic_new(rk, name, NULL);
    if (topic->rkt) return topic;
    pl_batch_free(&topic->batch);
    free(topic);
    return NULL;
}

void pl_topics_add(struct pl_topics *t, rd_kafka_t *rk, const char *name, size_t max_bytes) {
    size_t i = slot_of(t, name);
    if (t->slots[i] || t->count == PL_TOPICS_MAX) return;
    t->slots[i] = open_topic(rk, name, max_bytes);
    if (t->slots[i]) t->count++;
}

void pl_topics_close(struct pl_topics *t) {
    for (size_t i = 0; i < PL_TOPICS_SLOTS; i++) {
        struct pl_topic *topic = t->slots[i];
        if (!topic) continue;
        pl_batch_free(&topic->batch);
        rd_kafka_topic_destroy(topic->rkt);
        free(topic);
    }
    memset(t, 0, sizeof *t);
}
