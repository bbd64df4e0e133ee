/* Catalogues from texts, and clusters made by hand. */
#ifndef POUCH_TESTS_CATALOG_MADE_H
#define POUCH_TESTS_CATALOG_MADE_H

#include <catalog/plan.h>
#include <stdlib.h>

static const struct pl_catalog_defaults made_defaults = {.partitions = 3, .replication = 3, .retention_ms = 1000};

static inline struct pl_catalog *made_catalog(const char *text) {
    struct pl_catalog *c;
    pouch_err e = pl_catalog_parse(&c, "topics.yaml", text, strlen(text), &made_defaults);
    if (e) fail_msg("%s", pouch_why());
    return c;
}

/* A topic with no configs; the cluster grows by it. */
static inline struct pl_actual_topic *made_topic(struct pl_actual *a, const char *name, int partitions, int copies) {
    a->topics = reallocarray(a->topics, a->n + 1, sizeof *a->topics);
    assert_non_null(a->topics);
    a->topics[a->n] = (struct pl_actual_topic){strdup(name), partitions, copies, NULL, 0};
    return &a->topics[a->n++];
}

static inline void made_config(struct pl_actual_topic *t, const char *name, const char *value, bool override) {
    t->configs = reallocarray(t->configs, t->n_configs + 1, sizeof *t->configs);
    assert_non_null(t->configs);
    t->configs[t->n_configs++] = (struct pl_actual_config){strdup(name), strdup(value), override};
}

/* The topic just as the entry says it. */
static inline struct pl_actual_topic *made_as(struct pl_actual *a, const struct pl_catalog_entry *e,
                                              const char *tenant) {
    char name[PL_TOPIC_NAME_SIZE];
    pl_catalog_topic(name, e, tenant);
    struct pl_actual_topic *t = made_topic(a, name, e->partitions ? e->partitions : 1, e->replication);
    for (size_t i = 0; i < e->n_configs; i++)
        if (e->configs[i].value[0]) made_config(t, e->configs[i].name, e->configs[i].value, true);
    made_config(t, "segment.bytes", "1073741824", false);
    return t;
}

/* All that a catalogue says, for n tenants. */
static inline struct pl_actual made_cluster(const struct pl_catalog *c, const char *const tenants[], size_t n) {
    struct pl_actual a = {.brokers = 3};
    for (size_t i = 0; i < c->n; i++)
        for (size_t j = 0; j < (c->entries[i].pattern ? n : 1); j++)
            made_as(&a, &c->entries[i], c->entries[i].pattern ? tenants[j] : "");
    pl_actual_sort(&a);
    return a;
}

static inline struct pl_actual_topic *made_find(struct pl_actual *a, const char *name) {
    struct pl_actual_topic *t = (struct pl_actual_topic *)pl_actual_find(a, name);
    if (!t) fail_msg("no topic %s", name);
    return t;
}

static inline void made_remove(struct pl_actual *a, const char *name) {
    struct pl_actual_topic *t = made_find(a, name);
    for (size_t i = 0; i < t->n_configs; i++) {
        free(t->configs[i].name);
        free(t->configs[i].value);
    }
    free(t->configs);
    free(t->name);
    *t = a->topics[--a->n];
    pl_actual_sort(a);
}

#endif
