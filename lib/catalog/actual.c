#include <base/why.h>
#include <catalog/actual.h>
#include <cluster/configs.h>
#include <cluster/metadata.h>
#include <stdlib.h>
#include <string.h>

static pouch_err no_memory(void) {
    return pl_fail(POUCH_E_NO_MEMORY, "out of memory for the topics of the cluster");
}

static int topics_by_name(const void *a, const void *b) {
    return strcmp(((const struct pl_actual_topic *)a)->name, ((const struct pl_actual_topic *)b)->name);
}

static int configs_by_name(const void *a, const void *b) {
    return strcmp(((const struct pl_actual_config *)a)->name, ((const struct pl_actual_config *)b)->name);
}

static int named(const void *name, const void *topic) {
    return strcmp(name, ((const struct pl_actual_topic *)topic)->name);
}

void pl_actual_sort(struct pl_actual *a) {
    if (a->n) qsort(a->topics, a->n, sizeof *a->topics, topics_by_name);
    for (size_t i = 0; i < a->n; i++)
        if (a->topics[i].n_configs)
            qsort(a->topics[i].configs, a->topics[i].n_configs, sizeof *a->topics[i].configs, configs_by_name);
}

const struct pl_actual_topic *pl_actual_find(const struct pl_actual *a, const char *name) {
    return a->n ? bsearch(name, a->topics, a->n, sizeof *a->topics, named) : NULL;
}

static void free_topic(struct pl_actual_topic *t) {
    for (size_t i = 0; i < t->n_configs; i++) {
        free(t->configs[i].name);
        free(t->configs[i].value);
    }
    free(t->configs);
    free(t->name);
}

void pl_actual_free(struct pl_actual *a) {
    for (size_t i = 0; i < a->n; i++) free_topic(&a->topics[i]);
    free(a->topics);
    *a = (struct pl_actual){0};
}

/* ---- topics ---- */

static pouch_err take_topic(struct pl_actual *a, const rd_kafka_metadata_topic_t *m) {
    struct pl_actual_topic t = {.name = strdup(m->topic), .partitions = m->partition_cnt};
    if (!t.name) return no_memory();
    for (int i = 0; i < m->partition_cnt; i++) {
        int copies = m->partitions[i].replica_cnt;
        if (!i || copies < t.replication) t.replication = copies;
    }
    a->topics[a->n++] = t;
    return POUCH_OK;
}

/* A topic that is being deleted has no partitions any more. */
static bool counts(const rd_kafka_metadata_topic_t *m) {
    return strncmp(m->topic, "__", 2) && m->partition_cnt > 0;
}

pouch_err pl_actual_topics(struct pl_actual *a, rd_kafka_t *rk, int timeout) {
    const rd_kafka_metadata_t *md;
    *a = (struct pl_actual){0};
    pouch_err err = pl_metadata_all(rk, &md, timeout);
    if (err) return err;
    a->brokers = md->broker_cnt;
    a->topics = calloc((size_t)md->topic_cnt + 1, sizeof *a->topics);
    if (!a->topics) err = no_memory();
    for (int i = 0; i < md->topic_cnt && !err; i++)
        if (counts(&md->topics[i])) err = take_topic(a, &md->topics[i]);
    rd_kafka_metadata_destroy(md);
    pl_actual_sort(a);
    if (err) pl_actual_free(a);
    return err;
}

/* ---- configs ---- */

static pouch_err take_configs(struct pl_actual_topic *t, const struct pl_configs *from) {
    if (!(t->configs = calloc(from->n + 1, sizeof *t->configs))) return no_memory();
    for (size_t i = 0; i < from->n; i++) {
        const struct pl_config *c = &from->at[i];
        struct pl_actual_config *to = &t->configs[t->n_configs++];
        *to =
            (struct pl_actual_config){strdup(c->name), strdup(c->value ? c->value : ""), c->source == PL_CONFIG_TOPIC};
        if (!to->name || !to->value) return no_memory();
    }
    return POUCH_OK;
}

/* A topic that was deleted since the list was made is none any more, which the next plan shows. */
static pouch_err take_all(struct pl_actual_topic *const topics[], const struct pl_configs *configs, size_t n) {
    pouch_err err = POUCH_OK;
    for (size_t i = 0; !err && i < n; i++) {
        const struct pl_outcome *o = &configs[i].outcome;
        if (!o->error)
            err = take_configs(topics[i], &configs[i]);
        else if (o->error != POUCH_E_TARGET_REFUSED)
            err = pl_fail(o->error, "%s", o->why);
    }
    return err;
}

pouch_err pl_actual_configs(struct pl_actual *a, rd_kafka_t *rk, bool (*wanted)(const char *topic, void *arg),
                            void *arg, int timeout) {
    struct pl_actual_topic **topics = calloc(a->n + 1, sizeof *topics);
    const char **names = calloc(a->n + 1, sizeof *names);
    struct pl_configs *configs = calloc(a->n + 1, sizeof *configs);
    size_t n = 0;
    pouch_err err = topics && names && configs ? POUCH_OK : no_memory();
    for (size_t i = 0; !err && i < a->n; i++) {
        if (!wanted(a->topics[i].name, arg)) continue;
        topics[n] = &a->topics[i];
        names[n++] = a->topics[i].name;
    }
    if (!err && n) {
        err = pl_topics_configs(rk, names, n, configs, NULL, timeout);
        if (!err) err = take_all(topics, configs, n);
        pl_configs_free(configs, n);
    }
    free(topics);
    free(names);
    free(configs);
    return err;
}
