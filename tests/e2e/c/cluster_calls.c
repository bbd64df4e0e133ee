/*
 * cluster_calls BROKERS TOPIC
 *
 * Every call of lib/cluster on a real Kafka, as the mock has no admin requests: TOPIC is made with
 * configs, described, read by a member of a group, counted, and deleted. Exit 1 with a line on stderr
 * when an answer is wrong; else one JSON line.
 */
#include <base/clock.h>
#include <base/log.h>
#include <bus/group.h>
#include <cluster/topics.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tsan.h>

enum { PARTITIONS = 3, ASK_MS = 30000, PATIENCE_US = 60000000 };

#define EXPECT(condition) expect((condition), #condition, __LINE__)

static void expect(bool right, const char *what, int line) {
    if (right) return;
    fprintf(stderr, "cluster_calls: line %d: not %s; the last why: %s\n", line, what, pouch_why());
    exit(1);
}

static bool why_has(const char *text) {
    return strstr(pouch_why(), text) != NULL;
}

static void make(rd_kafka_t *rk, const char *topic) {
    const char *const configs[] = {"retention.ms", "3600000", "cleanup.policy", "delete", NULL};
    const char *const wrong[] = {"retention.ms", "soon", NULL};
    const struct pl_topic_spec spec = {topic, PARTITIONS, -1, configs}, bad_config = {topic, 1, 1, wrong},
                               bad_replication = {topic, 1, 99, NULL};
    bool existed = true, mock = true;
    EXPECT(pl_cluster_mock(rk, &mock, ASK_MS) == POUCH_OK && !mock);
    EXPECT(pl_topic_create(rk, &bad_config, NULL, ASK_MS) == POUCH_E_CONFIG && why_has(topic));
    EXPECT(pl_topic_create(rk, &bad_replication, NULL, ASK_MS) == POUCH_E_CONFIG && why_has(topic));
    EXPECT(pl_topic_create(rk, &spec, &existed, ASK_MS) == POUCH_OK && !existed);
    EXPECT(pl_topic_create(rk, &spec, &existed, ASK_MS) == POUCH_OK && existed);
}

static bool has_config(char **configs, const char *name, const char *value) {
    for (; *configs; configs += 2)
        if (strcmp(configs[0], name) == 0) return strcmp(configs[1], value) == 0;
    return false;
}

static void describe(rd_kafka_t *rk, const char *topic) {
    struct pl_topic_info *info, *all;
    size_t n;
    int partitions = 0;
    bool listed = false;
    EXPECT(pl_topic_partitions(rk, topic, &partitions, ASK_MS) == POUCH_OK && partitions == PARTITIONS);
    EXPECT(pl_topic_describe(rk, topic, &info, ASK_MS) == POUCH_OK);
    EXPECT(info->n_partitions == PARTITIONS && info->replication >= 1);
    for (size_t i = 0; i < info->n_partitions; i++) {
        const struct pl_topic_partition_info *p = &info->partitions[i];
        EXPECT(p->leader >= 0 && p->in_sync == p->replicas && p->low == 0 && p->high == 0);
    }
    EXPECT(has_config(info->configs, "retention.ms", "3600000"));
    pl_topic_info_free(info, 1);
    EXPECT(pl_topic_list(rk, &all, &n, ASK_MS) == POUCH_OK);
    for (size_t i = 0; i < n; i++) {
        EXPECT(strncmp(all[i].name, "__", 2) != 0);
        listed |= strcmp(all[i].name, topic) == 0;
    }
    EXPECT(listed);
    pl_topic_info_free(all, n);
}

static void on_revoke(struct pl_partition *const parts[], size_t n, bool lost, void *owner) {
    (void)parts;
    (void)n;
    (void)lost;
    (void)owner;
}

/* Under the name of a group without members, as one does who reads by hand. */
static void commit(rd_kafka_t *rk, const char *topic) {
    rd_kafka_topic_partition_list_t *offsets = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(offsets, topic, 0)->offset = 0;
    rd_kafka_AlterConsumerGroupOffsets_t *change = rd_kafka_AlterConsumerGroupOffsets_new("by-hand", offsets);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_AlterConsumerGroupOffsets(rk, &change, 1, NULL, queue);
    rd_kafka_event_t *done = rd_kafka_queue_poll(queue, ASK_MS);
    EXPECT(done && !rd_kafka_event_error(done));
    rd_kafka_event_destroy(done);
    rd_kafka_queue_destroy(queue);
    rd_kafka_AlterConsumerGroupOffsets_destroy(change);
    rd_kafka_topic_partition_list_destroy(offsets);
}

/* Groups of others that are about to read something make it unknown for a moment. */
static void await_audience(rd_kafka_t *rk, const char *topic, enum pl_audience wanted) {
    enum pl_audience audience;
    int64_t until_us = pl_mono_us(&pl_clock_system) + PATIENCE_US;
    do {
        EXPECT(pl_mono_us(&pl_clock_system) < until_us);
        EXPECT(pl_topic_audience(rk, topic, &audience, ASK_MS) == POUCH_OK);
        EXPECT(audience == wanted || audience == PL_AUDIENCE_UNKNOWN);
    } while (audience != wanted);
}

static void count_readers(rd_kafka_t *rk, const struct pl_settings *s, const char *topic) {
    const struct pl_group_hooks hooks = {.revoke = on_revoke};
    struct pl_taken taken[1];
    struct pl_group *g;
    struct pl_wake wake;
    enum pl_audience audience;
    int members = -1;
    int64_t until_us = pl_mono_us(&pl_clock_system) + PATIENCE_US;
    EXPECT(pl_topic_readers(rk, topic, &members, ASK_MS) == POUCH_OK && members == 0);
    await_audience(rk, topic, PL_AUDIENCE_NONE);
    EXPECT(pl_topic_audience(rk, "no-such-topic", &audience, ASK_MS) == POUCH_E_TARGET_REFUSED &&
           audience == PL_AUDIENCE_UNKNOWN);
    EXPECT(pl_wake_init(&wake) == POUCH_OK);
    EXPECT(pl_group_join(&g, s, "cluster-calls", topic, &topic, 1, false, 10, NULL, &wake, &hooks) == POUCH_OK);
    while (members != 1 || !pl_group_joined(g)) { /* where it begins is committed by then */
        pl_group_take(g, taken, 1);
        EXPECT(pl_group_failed(g) == POUCH_OK);
        EXPECT(pl_topic_readers(rk, topic, &members, ASK_MS) == POUCH_OK);
        EXPECT(pl_mono_us(&pl_clock_system) < until_us);
    }
    await_audience(rk, topic, PL_AUDIENCE_THERE);
    pl_group_leave(g);
    pl_wake_free(&wake);
    EXPECT(pl_topic_readers(rk, topic, &members, ASK_MS) == POUCH_OK && members == 0);
    await_audience(rk, topic, PL_AUDIENCE_AWAY);
    commit(rk, topic);
    EXPECT(pl_topic_audience(rk, topic, &audience, ASK_MS) == POUCH_OK && audience == PL_AUDIENCE_UNKNOWN);
}

static void delete_it(rd_kafka_t *rk, const char *topic) {
    struct pl_outcome outcome;
    int64_t until_us = pl_mono_us(&pl_clock_system) + PATIENCE_US;
    int n;
    EXPECT(pl_topics_delete(rk, &topic, 1, &outcome, NULL, ASK_MS) == POUCH_OK && !outcome.error);
    while (pl_topic_partitions(rk, topic, &n, ASK_MS) != POUCH_E_TARGET_REFUSED)
        EXPECT(pl_mono_us(&pl_clock_system) < until_us);
    EXPECT(why_has("pouch topic create"));
    EXPECT(pl_topics_delete(rk, &topic, 1, &outcome, NULL, ASK_MS) == POUCH_OK);
    EXPECT(outcome.error == POUCH_E_TARGET_REFUSED && strstr(outcome.why, topic));
}

int main(int argc, char **argv) {
    struct pl_settings s;
    struct pl_cluster *c;
    if (argc != 3) {
        fprintf(stderr, "usage: cluster_calls BROKERS TOPIC\n");
        return 64;
    }
    pl_log_set_level(PL_LOG_ERROR);
    pouch_options *o = pouch_options_new();
    EXPECT(o && pouch_options_set(o, "brokers", argv[1]) == POUCH_OK && pl_settings_read(&s, o) == POUCH_OK);
    pouch_options_free(o);
    EXPECT(pl_cluster_open(&c, &s, "cluster-calls") == POUCH_OK);
    rd_kafka_t *rk = pl_cluster_handle(c);
    make(rk, argv[2]);
    describe(rk, argv[2]);
    count_readers(rk, &s, argv[2]);
    delete_it(rk, argv[2]);
    pl_cluster_close(c);
    pl_settings_free(&s);
    printf("{\"topic\":\"%s\",\"right\":true}\n", argv[2]);
    return 0;
}
