/* A shape from metadata: what is where. No I/O. */
#include <base/why.h>
#include <cluster/shape_parts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pouch_err no_memory(void) {
    return pl_fail(POUCH_E_NO_MEMORY, "out of memory for what a cluster has");
}

/* ---- brokers ---- */

static int by_id(const void *a, const void *b) {
    int32_t x = ((const struct pl_shape_broker *)a)->id, y = ((const struct pl_shape_broker *)b)->id;
    return (x > y) - (x < y);
}

static struct pl_shape_broker *find_broker(const struct pl_shape *s, int32_t id) {
    const struct pl_shape_broker key = {.id = id};
    return s->n_brokers ? bsearch(&key, s->brokers, s->n_brokers, sizeof key, by_id) : NULL;
}

static pouch_err fill_brokers(struct pl_shape *s, const rd_kafka_metadata_t *md) {
    s->brokers = calloc((size_t)md->broker_cnt + 1, sizeof *s->brokers);
    if (!s->brokers) return no_memory();
    for (int i = 0; i < md->broker_cnt; i++) {
        const rd_kafka_metadata_broker_t *b = &md->brokers[i];
        struct pl_shape_broker *to = &s->brokers[s->n_brokers++];
        *to = (struct pl_shape_broker){.id = b->id, .host = strdup(b->host), .port = b->port, .took_us = -1};
        if (!to->host) return no_memory();
    }
    s->n_registered = s->n_brokers;
    qsort(s->brokers, s->n_brokers, sizeof *s->brokers, by_id);
    return POUCH_OK;
}

pouch_err pl_shape_take_brokers(struct pl_shape **out, const rd_kafka_metadata_t *md) {
    struct pl_shape *s = calloc(1, sizeof *s);
    *out = NULL;
    if (!s) return no_memory();
    s->controller = -1;
    s->ping_us = -1;
    pouch_err e = fill_brokers(s, md);
    if (e)
        pl_shape_free(s);
    else
        *out = s;
    return e;
}

/* One that has replicas, and has left the cluster, or never came back. */
static pouch_err add_missing(struct pl_shape *s, int32_t id) {
    struct pl_shape_broker *more = realloc(s->brokers, (s->n_brokers + 1) * sizeof *more);
    if (!more) return no_memory();
    s->brokers = more;
    struct pl_shape_broker *b = &more[s->n_brokers++];
    *b = (struct pl_shape_broker){.id = id, .took_us = -1};
    snprintf(b->why, sizeof b->why, "it is not in the cluster");
    qsort(s->brokers, s->n_brokers, sizeof *s->brokers, by_id);
    return POUCH_OK;
}

static bool has(const int32_t *ids, int n, int32_t id) {
    for (int i = 0; i < n; i++)
        if (ids[i] == id) return true;
    return false;
}

/*
 * The metadata says so of a broker that has died until its session is over, 9 s by default; so it must answer as well.
 */
static bool is_in_sync(const struct pl_shape_broker *b, const rd_kafka_metadata_partition_t *p) {
    return b->answers && has(p->isrs, p->isr_cnt, b->id);
}

static pouch_err count_replicas(struct pl_shape *s, const rd_kafka_metadata_partition_t *p, int *in_sync) {
    *in_sync = 0;
    for (int i = 0; i < p->replica_cnt; i++) {
        pouch_err e = find_broker(s, p->replicas[i]) ? POUCH_OK : add_missing(s, p->replicas[i]);
        if (e) return e;
        struct pl_shape_broker *b = find_broker(s, p->replicas[i]);
        bool is = is_in_sync(b, p);
        b->replicas++;
        b->lagging += !is;
        b->leads += p->leader == p->replicas[i];
        *in_sync += is;
    }
    return POUCH_OK;
}

/* ---- topics ---- */

static pouch_err note_trouble(struct pl_shape *s, const struct pl_shape_topic *t,
                              const rd_kafka_metadata_partition_t *p, int in_sync) {
    enum { STEP = 64 };
    if (s->n_troubles % STEP == 0) {
        struct pl_shape_trouble *more = realloc(s->troubles, (s->n_troubles + STEP) * sizeof *more);
        if (!more) return no_memory();
        s->troubles = more;
    }
    s->troubles[s->n_troubles++] =
        (struct pl_shape_trouble){.topic = t->name,
                                  .partition = p->id,
                                  .leader = p->leader,
                                  .kind = p->leader < 0 ? PL_TROUBLE_OFFLINE : PL_TROUBLE_UNDER_REPLICATED,
                                  .replicas = p->replica_cnt,
                                  .in_sync = in_sync};
    return POUCH_OK;
}

static pouch_err take_topic(struct pl_shape *s, const rd_kafka_metadata_topic_t *m) {
    struct pl_shape_topic *t = &s->topics[s->n_topics++];
    *t = (struct pl_shape_topic){
        .name = strdup(m->topic), .internal = m->topic[0] == '_' && m->topic[1] == '_', .partitions = m->partition_cnt};
    if (!t->name) return no_memory();
    pouch_err e = POUCH_OK;
    for (int i = 0; i < m->partition_cnt && !e; i++) {
        const rd_kafka_metadata_partition_t *p = &m->partitions[i];
        int in_sync;
        if (p->replica_cnt > t->replication) t->replication = p->replica_cnt;
        e = count_replicas(s, p, &in_sync);
        if (e) break;
        t->offline += p->leader < 0;
        t->under_replicated += in_sync < p->replica_cnt;
        if (p->leader < 0 || in_sync < p->replica_cnt) e = note_trouble(s, t, p, in_sync);
    }
    return e;
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const struct pl_shape_topic *)a)->name, ((const struct pl_shape_topic *)b)->name);
}

struct pl_shape_topic *pl_shape_topic(struct pl_shape *s, const char *name) {
    const struct pl_shape_topic key = {.name = (char *)name};
    return s->n_topics ? bsearch(&key, s->topics, s->n_topics, sizeof key, by_name) : NULL;
}

pouch_err pl_shape_take_topics(struct pl_shape *s, const rd_kafka_metadata_t *md) {
    s->topics = calloc((size_t)md->topic_cnt + 1, sizeof *s->topics);
    if (!s->topics) return no_memory();
    pouch_err e = POUCH_OK;
    for (int i = 0; i < md->topic_cnt && !e; i++) e = take_topic(s, &md->topics[i]);
    if (e) return e;
    qsort(s->topics, s->n_topics, sizeof *s->topics, by_name);
    for (size_t i = 0; i < s->n_topics; i++) {
        s->n_internal += s->topics[i].internal;
        s->partitions += (size_t)s->topics[i].partitions;
        s->offline += (size_t)s->topics[i].offline;
        s->under_replicated += (size_t)s->topics[i].under_replicated;
    }
    return POUCH_OK;
}

/* ---- what it comes to ---- */

enum pl_shape_status pl_shape_status(const struct pl_shape *s) {
    if (s->offline || s->under_min_insync) return PL_SHAPE_UNHEALTHY;
    if (s->under_replicated) return PL_SHAPE_DEGRADED;
    for (size_t i = 0; i < s->n_brokers; i++)
        if (!s->brokers[i].answers) return PL_SHAPE_DEGRADED;
    return PL_SHAPE_HEALTHY;
}

const char *pl_shape_status_name(enum pl_shape_status status) {
    static const char *const names[] = {
        [PL_SHAPE_HEALTHY] = "healthy", [PL_SHAPE_DEGRADED] = "degraded", [PL_SHAPE_UNHEALTHY] = "unhealthy"};
    return names[status];
}

const char *pl_shape_trouble_name(enum pl_shape_trouble_kind kind) {
    static const char *const names[] = {[PL_TROUBLE_OFFLINE] = "offline",
                                        [PL_TROUBLE_UNDER_MIN_INSYNC] = "under_min_insync",
                                        [PL_TROUBLE_UNDER_REPLICATED] = "under_replicated"};
    return names[kind];
}

void pl_shape_free(struct pl_shape *s) {
    if (!s) return;
    for (size_t i = 0; i < s->n_brokers; i++) free(s->brokers[i].host);
    for (size_t i = 0; i < s->n_topics; i++) free(s->topics[i].name);
    free(s->brokers);
    free(s->topics);
    free(s->troubles);
    free(s->cluster_id);
    free(s);
}
