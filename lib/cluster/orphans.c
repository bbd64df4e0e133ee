#include <base/why.h>
#include <cluster/cluster.h>
#include <cluster/configs.h>
#include <cluster/edges.h>
#include <cluster/lag.h>
#include <cluster/orphans.h>
#include <cluster/until.h>
#include <stdlib.h>
#include <string.h>

static pouch_err no_memory(void) {
    return pl_fail(POUCH_E_NO_MEMORY, "out of memory for reply topics");
}

const char *pl_reply_use_name(enum pl_reply_use use) {
    static const char *const names[] = {
        [PL_REPLY_ORPHAN] = "orphan", [PL_REPLY_UNUSED] = "unused",     [PL_REPLY_RECENT] = "recent",
        [PL_REPLY_GROUP] = "group",   [PL_REPLY_UNPROVEN] = "unproven", [PL_REPLY_UNKNOWN] = "unknown"};
    return names[use];
}

/*
 * An emptied partition had its last record longer ago than records are kept; one that was never written to says
 * nothing.
 */
enum pl_reply_use pl_reply_use_of(const struct pl_edge *edges, size_t n, int64_t retention_ms, int64_t older_ms) {
    bool written = false, unproven = false;
    for (size_t i = 0; i < n; i++) {
        const struct pl_edge *p = &edges[i];
        if (p->begin < 0 || p->end < 0 || p->since == PL_EDGE_UNKNOWN) return PL_REPLY_UNKNOWN;
        if (p->since >= 0 && p->since < p->end) return PL_REPLY_RECENT;
        written = written || p->end > 0;
        unproven = unproven || (p->end > 0 && p->begin == p->end && (retention_ms < 0 || retention_ms < older_ms));
    }
    if (unproven) return PL_REPLY_UNPROVEN;
    return written ? PL_REPLY_ORPHAN : PL_REPLY_UNUSED;
}

/* ---- which there are ---- */

bool pl_is_reply_topic(const char *name) {
    static const char suffix[] = ".replies";
    size_t n = strlen(name), m = sizeof suffix - 1;
    return n > m && !strcmp(name + n - m, suffix);
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const struct pl_reply_topic *)a)->name, ((const struct pl_reply_topic *)b)->name);
}

static pouch_err list(rd_kafka_t *rk, struct pl_reply_topic **out, size_t *n, int timeout) {
    struct pl_topic_info *all;
    size_t n_all;
    pouch_err e = pl_topic_list(rk, &all, &n_all, timeout);
    if (e) return e;
    *out = calloc(n_all + 1, sizeof **out);
    if (!*out) e = no_memory();
    for (size_t i = 0; i < n_all && !e; i++) {
        if (!pl_is_reply_topic(all[i].name)) continue;
        struct pl_reply_topic *t = &(*out)[(*n)++];
        *t = (struct pl_reply_topic){.name = strdup(all[i].name),
                                     .use = PL_REPLY_UNKNOWN,
                                     .partitions = (int)all[i].n_partitions,
                                     .retention_ms = -1};
        if (!t->name) e = no_memory();
    }
    pl_topic_info_free(all, n_all);
    if (!e && *n) qsort(*out, *n, sizeof **out, by_name);
    return e;
}

void pl_reply_topics_free(struct pl_reply_topic *topics, size_t n) {
    for (size_t i = 0; topics && i < n; i++) free(topics[i].name);
    free(topics);
}

/* ---- how they are used ---- */

static pouch_err read_retention(rd_kafka_t *rk, struct pl_reply_topic *topics, size_t n, int timeout) {
    const char **names = calloc(n + 1, sizeof *names);
    struct pl_configs *configs = calloc(n + 1, sizeof *configs);
    pouch_err e = names && configs ? POUCH_OK : no_memory();
    for (size_t i = 0; i < n && !e; i++) names[i] = topics[i].name;
    if (!e) {
        e = pl_topics_configs(rk, names, n, configs, NULL, timeout);
        for (size_t i = 0; i < n; i++) {
            const struct pl_config *c = configs[i].outcome.error ? NULL : pl_configs_find(&configs[i], "retention.ms");
            if (c && c->value) topics[i].retention_ms = strtoll(c->value, NULL, 10);
        }
        pl_configs_free(configs, n);
    }
    free(configs);
    free(names);
    return e;
}

static int64_t records(const struct pl_edge *edges, int n) {
    int64_t sum = 0;
    for (int i = 0; i < n; i++) {
        if (edges[i].begin < 0 || edges[i].end < 0) return -1;
        sum += edges[i].end - edges[i].begin;
    }
    return sum;
}

static pouch_err read_edges(rd_kafka_t *rk, struct pl_reply_topic *topics, size_t n, int64_t older_ms,
                            int64_t until_us) {
    size_t all = 0, at = 0;
    for (size_t i = 0; i < n; i++) all += (size_t)topics[i].partitions;
    struct pl_edge *edges = calloc(all + 1, sizeof *edges);
    if (!edges) return no_memory();
    for (size_t i = 0; i < n; i++)
        for (int p = 0; p < topics[i].partitions; p++)
            edges[at++] = (struct pl_edge){.topic = topics[i].name, .partition = p};
    pouch_err e = pl_edges_ask(rk, edges, all, pl_wall_ms(&pl_clock_system) - older_ms, until_us);
    at = 0;
    for (size_t i = 0; i < n && !e; at += (size_t)topics[i++].partitions) {
        struct pl_reply_topic *t = &topics[i];
        t->records = records(edges + at, t->partitions);
        t->use = pl_reply_use_of(edges + at, (size_t)t->partitions, t->retention_ms, older_ms);
    }
    free(edges);
    return e;
}

static pouch_err look_at_groups(rd_kafka_t *rk, struct pl_reply_topic *topics, size_t n, bool *sees_all, int timeout) {
    struct pl_lag_report *r;
    pouch_err e = pl_lag_read(rk, NULL, 0, &r, timeout);
    if (e) return e;
    *sees_all = !r->partial && !r->left_out;
    for (size_t i = 0; i < r->n; i++) {
        *sees_all = *sees_all && !r->groups[i].outcome.error;
        for (size_t k = 0; k < r->groups[i].n; k++) {
            const struct pl_reply_topic key = {.name = (char *)r->groups[i].at[k].topic};
            struct pl_reply_topic *t = bsearch(&key, topics, n, sizeof key, by_name);
            if (t) t->use = PL_REPLY_GROUP;
        }
    }
    pl_lag_free(r);
    return POUCH_OK;
}

pouch_err pl_reply_topics(rd_kafka_t *rk, int64_t older_ms, struct pl_reply_topic **topics, size_t *n, bool *sees_all,
                          int timeout) {
    int64_t until_us = pl_until_us(timeout);
    *topics = NULL;
    *n = 0;
    *sees_all = true;
    pouch_err e = list(rk, topics, n, timeout);
    if (!e && *n) e = read_retention(rk, *topics, *n, pl_left_ms(until_us));
    if (!e && *n) e = read_edges(rk, *topics, *n, older_ms, until_us);
    if (!e && *n) e = look_at_groups(rk, *topics, *n, sees_all, pl_left_ms(until_us));
    if (e) {
        pl_reply_topics_free(*topics, *n);
        *topics = NULL;
        *n = 0;
    }
    return e;
}
