/* What topics there are and how they stand. */
#include <base/why.h>
#include <cluster/cluster.h>
#include <cluster/configs.h>
#include <cluster/metadata.h>
#include <stdlib.h>
#include <string.h>

static void free_one(struct pl_topic_info *t) {
    for (char **c = t->configs; c && *c; c++) free(*c);
    free(t->configs);
    free(t->partitions);
    free(t->name);
}

void pl_topic_info_free(struct pl_topic_info *t, size_t n) {
    if (!t) return;
    for (size_t i = 0; i < n; i++) free_one(&t[i]);
    free(t);
}

static pouch_err no_memory(void) {
    return pl_fail(POUCH_E_NO_MEMORY, "no memory to describe the topics");
}

static pouch_err fill(struct pl_topic_info *t, const rd_kafka_metadata_topic_t *m) {
    t->name = strdup(m->topic);
    t->n_partitions = (size_t)m->partition_cnt;
    t->partitions = calloc(t->n_partitions ? t->n_partitions : 1, sizeof *t->partitions);
    if (!t->name || !t->partitions) return no_memory();
    for (int i = 0; i < m->partition_cnt; i++) {
        const rd_kafka_metadata_partition_t *p = &m->partitions[i];
        t->partitions[i] = (struct pl_topic_partition_info){
            .id = p->id, .leader = p->leader, .replicas = p->replica_cnt, .in_sync = p->isr_cnt, .low = -1, .high = -1};
        if (p->replica_cnt > t->replication) t->replication = p->replica_cnt;
    }
    return POUCH_OK;
}

static bool internal(const char *topic) {
    return topic[0] == '_' && topic[1] == '_';
}

pouch_err pl_topic_list(rd_kafka_t *rk, struct pl_topic_info **topics, size_t *n, int timeout) {
    const rd_kafka_metadata_t *md;
    *topics = NULL;
    *n = 0;
    pouch_err err = pl_metadata_all(rk, &md, timeout);
    if (err) return err;
    *topics = calloc((size_t)md->topic_cnt + 1, sizeof **topics);
    if (!*topics) err = no_memory();
    for (int i = 0; i < md->topic_cnt && !err; i++)
        if (!internal(md->topics[i].topic)) err = fill(&(*topics)[(*n)++], &md->topics[i]);
    rd_kafka_metadata_destroy(md);
    if (err) {
        pl_topic_info_free(*topics, *n);
        *topics = NULL;
        *n = 0;
    }
    return err;
}

static pouch_err fill_offsets(rd_kafka_t *rk, struct pl_topic_info *t, int timeout) {
    for (size_t i = 0; i < t->n_partitions; i++) {
        struct pl_topic_partition_info *p = &t->partitions[i];
        if (p->leader < 0) continue;
        pouch_err err = pl_topic_offsets(rk, t->name, p->id, &p->low, &p->high, timeout);
        if (err) return err;
    }
    return POUCH_OK;
}

static pouch_err copy_overrides(struct pl_topic_info *t, const struct pl_configs *c) {
    size_t at = 0;
    t->configs = calloc(2 * c->n + 1, sizeof *t->configs);
    if (!t->configs) return no_memory();
    for (size_t i = 0; i < c->n; i++) {
        if (c->at[i].source != PL_CONFIG_TOPIC) continue;
        if (!(t->configs[at++] = strdup(c->at[i].name))) return no_memory();
        if (!(t->configs[at++] = strdup(c->at[i].value ? c->at[i].value : ""))) return no_memory();
    }
    return POUCH_OK;
}

static pouch_err fill_configs(rd_kafka_t *rk, struct pl_topic_info *t, int timeout) {
    struct pl_configs c;
    pouch_err err = pl_topic_configs(rk, t->name, &c, timeout);
    if (!err) err = copy_overrides(t, &c);
    pl_configs_free(&c, 1);
    return err;
}

pouch_err pl_topic_describe(rd_kafka_t *rk, const char *topic, struct pl_topic_info **info, int timeout) {
    const rd_kafka_metadata_t *md;
    *info = NULL;
    pouch_err err = pl_topic_check(rk, topic, timeout);
    if (!err) err = pl_metadata_topic(rk, topic, &md, timeout);
    if (err) return err;
    struct pl_topic_info *t = calloc(1, sizeof *t);
    err = t ? fill(t, &md->topics[0]) : no_memory();
    rd_kafka_metadata_destroy(md);
    if (!err) err = fill_offsets(rk, t, timeout);
    if (!err) err = fill_configs(rk, t, timeout);
    if (err)
        pl_topic_info_free(t, 1);
    else
        *info = t;
    return err;
}
