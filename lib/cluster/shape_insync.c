#include <base/why.h>
#include <cluster/configs.h>
#include <cluster/shape_parts.h>
#include <stdlib.h>
#include <string.h>

size_t pl_shape_set_min_insync(struct pl_shape *s, size_t first, int min_insync) {
    const char *topic = s->troubles[first].topic;
    struct pl_shape_topic *t = pl_shape_topic(s, topic);
    size_t i = first;
    for (; i < s->n_troubles && s->troubles[i].topic == topic; i++) {
        struct pl_shape_trouble *p = &s->troubles[i];
        p->min_in_sync = min_insync < p->replicas ? min_insync : p->replicas;
        if (p->in_sync >= p->min_in_sync) continue;
        if (p->kind == PL_TROUBLE_UNDER_REPLICATED) p->kind = PL_TROUBLE_UNDER_MIN_INSYNC;
        if (t) t->under_min_insync++;
        s->under_min_insync++;
    }
    return i;
}

static int by_kind(const void *a, const void *b) {
    const struct pl_shape_trouble *x = a, *y = b;
    if (x->kind != y->kind) return x->kind < y->kind ? -1 : 1;
    int order = strcmp(x->topic, y->topic);
    return order ? order : (x->partition > y->partition) - (x->partition < y->partition);
}

void pl_shape_sort_troubles(struct pl_shape *s) {
    if (s->n_troubles) qsort(s->troubles, s->n_troubles, sizeof *s->troubles, by_kind);
    if (s->n_troubles > PL_SHAPE_TROUBLES_MAX) s->n_troubles = PL_SHAPE_TROUBLES_MAX;
}

/* The topics of the troubles, each once: those of one stand together. */
static size_t troubled(const struct pl_shape *s, const char **topics) {
    size_t n = 0;
    for (size_t i = 0; i < s->n_troubles; i++)
        if (!n || topics[n - 1] != s->troubles[i].topic) topics[n++] = s->troubles[i].topic;
    return n;
}

/* Gives where the troubles of the next topic begin. */
static size_t take(struct pl_shape *s, size_t first, const struct pl_configs *c) {
    const struct pl_config *min = c->outcome.error ? NULL : pl_configs_find(c, "min.insync.replicas");
    if (!min || !min->value) s->min_insync_known = false;
    return pl_shape_set_min_insync(s, first, min && min->value ? (int)strtol(min->value, NULL, 10) : 0);
}

pouch_err pl_shape_ask_min_insync(rd_kafka_t *rk, struct pl_shape *s, int timeout) {
    const char **topics = calloc(s->n_troubles + 1, sizeof *topics);
    struct pl_configs *configs = calloc(s->n_troubles + 1, sizeof *configs);
    pouch_err e = topics && configs ? POUCH_OK : pl_fail(POUCH_E_NO_MEMORY, "out of memory for the configs of topics");
    s->min_insync_known = !e;
    if (!e) {
        size_t n = troubled(s, topics);
        e = pl_topics_configs(rk, topics, n, configs, NULL, timeout);
        for (size_t i = 0, first = 0; i < n; i++) first = take(s, first, &configs[i]);
        pl_configs_free(configs, n);
    }
    free(configs);
    free(topics);
    return e == POUCH_E_NO_MEMORY ? e : POUCH_OK; /* what could not be read is told as not known */
}
