/* Which topics there should be, and how those that are there stand. */
#include <base/clock.h>
#include <base/why.h>
#include <cluster/cluster.h>
#include <cluster/configs.h>
#include <doctor/look.h>
#include <letter/tiers.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TIMEOUT_MS = 10000, TARGETS_MOST = 200 };

static const char check[] = "topic";

struct wanted {
    const char *name;
    enum doctor_use use;
    enum doctor_level missing; /* how bad it is when it is not there; OK: not at all */
    const char *advice;
    int64_t delay_ms; /* of a retry topic */
};

static void take_configs(struct doctor_topic *t, const struct pl_configs *c) {
    t->configs_known = true;
    t->retention_ms = strtoll(pl_configs_value(c, "retention.ms"), NULL, 10);
    t->compacted = strstr(pl_configs_value(c, "cleanup.policy"), "compact") != NULL;
    t->min_insync = (int)strtol(pl_configs_value(c, "min.insync.replicas"), NULL, 10);
    t->max_bytes = strtoll(pl_configs_value(c, "max.message.bytes"), NULL, 10);
}

static void read_configs(struct doctor *d, rd_kafka_t *rk, struct doctor_topic *t) {
    struct pl_configs configs;
    if (pl_topic_configs(rk, t->name, &configs, TIMEOUT_MS))
        doctor_bad(d, DOCTOR_WARN, check, t->name, "allow this user DescribeConfigs on the topic",
                   "its settings cannot be read: %s", pouch_why());
    else if (configs.n) /* the embedded broker has none */
        take_configs(t, &configs);
    pl_configs_free(&configs, 1);
}

static struct doctor_topic facts_of(const struct pl_topic_info *info, enum doctor_use use) {
    struct doctor_topic t = {
        .name = info->name, .use = use, .partitions = (int)info->n_partitions, .replication = info->replication};
    t.least_in_sync = t.replication;
    for (size_t i = 0; i < info->n_partitions; i++) {
        const struct pl_topic_partition_info *p = &info->partitions[i];
        t.offline += p->leader < 0;
        t.lagging += p->in_sync < p->replicas;
        if (p->in_sync < t.least_in_sync) t.least_in_sync = p->in_sync;
    }
    return t;
}

static const struct pl_topic_info *find(const struct pl_topic_info *topics, size_t n, const char *name) {
    for (size_t i = 0; i < n; i++)
        if (!strcmp(topics[i].name, name)) return &topics[i];
    return NULL;
}

/*
 * Whether a partition has a record that was written later than our clock says it is, by more than deadlines allow for.
 */
static void look_ahead(struct doctor *d, rd_kafka_t *rk, const struct doctor_topic *t) {
    int64_t limit = pl_wall_ms(&pl_clock_system) + d->settings->deadline_skew_ms;
    rd_kafka_topic_partition_list_t *all = rd_kafka_topic_partition_list_new(t->partitions);
    rd_kafka_topic_partition_list_add_range(all, t->name, 0, t->partitions - 1);
    for (int i = 0; i < all->cnt; i++) all->elems[i].offset = limit;
    rd_kafka_resp_err_t e = rd_kafka_offsets_for_times(rk, all, TIMEOUT_MS);
    int ahead = 0;
    for (int i = 0; i < all->cnt && !e; i++) ahead += !all->elems[i].err && all->elems[i].offset >= 0;
    rd_kafka_topic_partition_list_destroy(all);
    if (ahead)
        doctor_bad(d, DOCTOR_WARN, "clock", t->name, "synchronize the clocks of this host, of senders and of brokers",
                   "it holds records that are more than deadline.skew (%d ms) ahead of this host's clock",
                   d->settings->deadline_skew_ms);
}

static void look_at(struct doctor *d, rd_kafka_t *rk, const struct wanted *w, const struct pl_topic_info *info) {
    if (!info) {
        if (w->missing) doctor_bad(d, w->missing, check, w->name, w->advice, "there is no such topic");
        return;
    }
    struct doctor_topic t = facts_of(info, w->use);
    t.delay_ms = w->delay_ms;
    read_configs(d, rk, &t);
    doctor_judge_topic(d, &t);
    if ((w->use == DOCTOR_REQUESTS || w->use == DOCTOR_LETTERS) && t.partitions && !t.offline) look_ahead(d, rk, &t);
}

static void readers(struct doctor *d, rd_kafka_t *rk) {
    const char *inbox = d->settings->inbox;
    int n;
    if (pl_topic_readers(rk, inbox, &n, TIMEOUT_MS) || n < 0) return; /* it cannot be told, so nothing is said */
    if (n)
        doctor_good(d, "centers", inbox, "%d read it", n);
    else
        doctor_bad(d, DOCTOR_WARN, "centers", inbox, "start one: `pouch center`",
                   "no center reads it: requests by publisher are not answered");
}

/* Each target of a route once. A missing one is known by its first request only, as target_refused. */
static void targets(struct doctor *d, rd_kafka_t *rk, const struct pl_route_row *routes, size_t n,
                    const struct pl_topic_info *topics, size_t n_topics) {
    const char *seen[TARGETS_MOST];
    size_t n_seen = 0;
    for (size_t r = 0; r < n; r++) {
        for (size_t i = 0; routes[r].enabled && i < routes[r].n_targets && n_seen < TARGETS_MOST; i++) {
            size_t k = 0;
            while (k < n_seen && strcmp(seen[k], routes[r].targets[i]) != 0) k++;
            if (k < n_seen) continue;
            seen[n_seen++] = routes[r].targets[i];
            const struct wanted w = {.name = routes[r].targets[i],
                                     .use = DOCTOR_REQUESTS,
                                     .missing = DOCTOR_FAIL,
                                     .advice =
                                         "make it with `pouch topic create`, or correct the route that leads to it"};
            look_at(d, rk, &w, find(topics, n_topics, w.name));
        }
    }
}

/* Of a client with a name; the CLI's own comes and goes. */
static void replies(struct doctor *d, rd_kafka_t *rk, const struct pl_topic_info *topics, size_t n) {
    const struct pl_settings *s = d->settings;
    char name[512];
    if (!s->reply_topic && !s->client_id) return;
    snprintf(name, sizeof name, "%s%s", s->reply_topic ? s->reply_topic : s->client_id,
             s->reply_topic ? "" : ".replies");
    const struct wanted w = {.name = name, .use = DOCTOR_REPLIES};
    look_at(d, rk, &w, find(topics, n, name));
}

/* Whoever uses one makes it at its start. */
static void retries(struct doctor *d, rd_kafka_t *rk, const struct pl_topic_info *topics, size_t n) {
    struct pl_tiers tiers;
    if (pl_tiers_read(&tiers, d->settings->retry_tiers)) {
        doctor_bad(d, DOCTOR_FAIL, "settings", "retry.tiers", "correct it; no center or worker starts like this", "%s",
                   pouch_why());
        return;
    }
    for (size_t i = 0; i < tiers.n; i++) {
        const struct wanted w = {.name = tiers.at[i].topic, .use = DOCTOR_REQUESTS, .delay_ms = tiers.at[i].delay_ms};
        look_at(d, rk, &w, find(topics, n, w.name));
    }
}

void doctor_topics(struct doctor *d, rd_kafka_t *rk, const struct pl_route_row *routes, size_t n) {
    static const char by_center[] = "start a center, which makes it; or `pouch topic create`";
    const struct pl_settings *s = d->settings;
    const struct wanted ours[] = {
        {s->inbox, DOCTOR_REQUESTS, DOCTOR_WARN, by_center, 0},
        {s->dlq_topic, DOCTOR_LETTERS, DOCTOR_WARN, "start a center or a worker, which makes it", 0},
        {s->routes_topic, DOCTOR_CHANGES, DOCTOR_WARN, by_center, 0},
    };
    struct pl_topic_info *topics;
    size_t n_topics;
    if (pl_topic_list(rk, &topics, &n_topics, TIMEOUT_MS)) {
        doctor_bad(d, DOCTOR_FAIL, check, "all", "allow this user Describe on the topics", "%s", pouch_why());
        return;
    }
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
        look_at(d, rk, &ours[i], find(topics, n_topics, ours[i].name));
    if (find(topics, n_topics, s->inbox)) readers(d, rk);
    replies(d, rk, topics, n_topics);
    retries(d, rk, topics, n_topics);
    targets(d, rk, routes, n, topics, n_topics);
    pl_topic_info_free(topics, n_topics);
}
