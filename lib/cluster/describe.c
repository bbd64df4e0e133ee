/* What topics there are and how they stand. */
#include <base/clock.h>
#include <base/why.h>
#include <cluster/admin.h>
#include <cluster/cluster.h>
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

static pouch_err copy_configs(struct pl_topic_info *t, const rd_kafka_ConfigEntry_t **entries, size_t n) {
    size_t at = 0;
    t->configs = calloc(2 * n + 1, sizeof *t->configs);
    if (!t->configs) return no_memory();
    for (size_t i = 0; i < n; i++) {
        if (rd_kafka_ConfigEntry_source(entries[i]) != RD_KAFKA_CONFIG_SOURCE_DYNAMIC_TOPIC_CONFIG) continue;
        const char *value = rd_kafka_ConfigEntry_value(entries[i]);
        if (!(t->configs[at] = strdup(rd_kafka_ConfigEntry_name(entries[i])))) return no_memory();
        if (!(t->configs[at + 1] = strdup(value ? value : ""))) return no_memory();
        at += 2;
    }
    return POUCH_OK;
}

static pouch_err ask_configs(rd_kafka_t *rk, struct pl_topic_info *t, rd_kafka_ConfigResource_t *resource,
                             int timeout) {
    static const char what[] = "cannot read the configs of";
    struct pl_admin a;
    size_t n, n_entries;
    pouch_err err = pl_admin_begin(&a, rk, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, timeout);
    if (err) return err;
    rd_kafka_DescribeConfigs(rk, &resource, 1, a.options, a.queue);
    err = pl_admin_wait(&a, what, t->name);
    if (!err) {
        const rd_kafka_ConfigResource_t *r =
            rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(a.event), &n)[0];
        rd_kafka_resp_err_t e = rd_kafka_ConfigResource_error(r);
        if (e)
            err = pl_kafka_fail(e, what, t->name);
        else {
            const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(r, &n_entries);
            err = copy_configs(t, entries, n_entries);
        }
    }
    pl_admin_end(&a);
    return err;
}

/* The mock knows no configs. */
static pouch_err fill_configs(rd_kafka_t *rk, struct pl_topic_info *t, int timeout) {
    bool mock;
    pouch_err err = pl_cluster_mock(rk, &mock, timeout);
    if (err) return err;
    if (mock) return copy_configs(t, NULL, 0);
    rd_kafka_ConfigResource_t *resource = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, t->name);
    if (!resource) return no_memory();
    err = ask_configs(rk, t, resource, timeout);
    rd_kafka_ConfigResource_destroy(resource);
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
