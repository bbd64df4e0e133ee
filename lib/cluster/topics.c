/* One way for all three: items become requests, a batch of them is asked for, and what it has done is waited for. */
#include <base/why.h>
#include <cluster/admin.h>
#include <cluster/metadata.h>
#include <cluster/topics.h>
#include <cluster/until.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum { TOPICS_A_REQUEST = 200, PARTITIONS_A_REQUEST = 2000, USUAL_PARTITIONS = 16, STEP_MS = 20 };

/*
 * What differs between making, deleting and growing. Items are an array of the caller's, of which only these know the
 * type.
 */
struct kind {
    rd_kafka_admin_op_t op;
    const char *what, *what_all; /* "cannot make the topic", "cannot make the topics" */
    const char *(*name)(const void *items, size_t i);
    int (*partitions)(const void *items, size_t i); /* how much work it is for a broker */
    pouch_err (*build)(const void *items, size_t i, void **request);
    void (*send)(rd_kafka_t *rk, void **requests, size_t n, struct pl_admin *a);
    const rd_kafka_topic_result_t **(*results)(rd_kafka_event_t *event, size_t *n);
    void (*destroy)(void *request);
    bool (*is_seen)(const void *items, size_t i,
                    const rd_kafka_metadata_topic_t *t); /* t NULL: the topic is not there */
};

struct bulk {
    rd_kafka_t *rk;
    const struct kind *kind;
    const void *items;
    size_t n;
    struct pl_outcome *outcomes;
    const struct pl_progress *progress;
    int timeout;
};

struct batch {
    void *requests[TOPICS_A_REQUEST];
    size_t items[TOPICS_A_REQUEST];
    size_t n;
};

/* ---- asking ---- */

/*
 * Fills the batch with items from `from` on; gives where the next one begins. Items that cannot be asked for have their
 * outcome then.
 */
static size_t gather(struct bulk *b, size_t from, struct batch *batch) {
    int partitions = 0;
    size_t i = from;
    for (batch->n = 0; i < b->n && batch->n < TOPICS_A_REQUEST; i++) {
        int more = b->kind->partitions(b->items, i);
        if (batch->n && partitions + more > PARTITIONS_A_REQUEST) break;
        pouch_err e = pl_topic_name_check(b->kind->name(b->items, i));
        if (!e) e = b->kind->build(b->items, i, &batch->requests[batch->n]);
        pl_outcome_set(&b->outcomes[i], e);
        if (e) continue;
        batch->items[batch->n++] = i;
        partitions += more;
    }
    return i;
}

static void hear(struct bulk *b, size_t item, const rd_kafka_topic_result_t *r) {
    struct pl_outcome *o = &b->outcomes[item];
    if (b->kind->op == RD_KAFKA_ADMIN_OP_CREATETOPICS &&
        rd_kafka_topic_result_error(r) == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
        o->existed = true;
    else
        pl_outcome_set(o, pl_admin_refused(r, b->kind->what));
}

/* librdkafka gives the results in the order of the requests. */
static pouch_err ask(struct bulk *b, struct batch *batch) {
    struct pl_admin a;
    size_t n;
    pouch_err e = pl_admin_begin(&a, b->rk, b->kind->op, b->timeout);
    if (e) return e;
    b->kind->send(b->rk, batch->requests, batch->n, &a);
    e = pl_admin_wait(&a, b->kind->what_all, NULL);
    if (!e) {
        const rd_kafka_topic_result_t **r = b->kind->results(a.event, &n);
        for (size_t i = 0; i < n && i < batch->n; i++) hear(b, batch->items[i], r[i]);
        if (n != batch->n) e = pl_kafka_fail(RD_KAFKA_RESP_ERR__BAD_MSG, b->kind->what_all, NULL);
    }
    pl_admin_end(&a);
    return e;
}

static pouch_err ask_all(struct bulk *b, struct batch *batch) {
    pouch_err e = POUCH_OK;
    size_t done = 0;
    while (done < b->n && !e) {
        size_t next = gather(b, done, batch);
        if (batch->n) e = ask(b, batch);
        for (size_t i = 0; i < batch->n; i++) b->kind->destroy(batch->requests[i]);
        if (e) break;
        done = next;
        if (b->progress) b->progress->tell(done, b->n, b->progress->arg);
    }
    for (; done < b->n; done++)
        if (!b->outcomes[done].error) pl_outcome_set(&b->outcomes[done], e);
    return e;
}

/* ---- waiting until it is seen ---- */

static int by_name(const void *a, const void *b) {
    const rd_kafka_metadata_topic_t *const *x = a, *const *y = b;
    return strcmp((*x)->topic, (*y)->topic);
}

static int name_and_topic(const void *name, const void *topic) {
    const rd_kafka_metadata_topic_t *const *t = topic;
    return strcmp(name, (*t)->topic);
}

/* Whether all that was done is in the metadata; with `last`, what is not has its outcome. */
static bool is_all_seen(struct bulk *b, const rd_kafka_metadata_topic_t **sorted, size_t n, bool last) {
    bool all = true;
    for (size_t i = 0; i < b->n && (all || last); i++) {
        if (b->outcomes[i].error || b->outcomes[i].existed) continue;
        const char *name = b->kind->name(b->items, i);
        const rd_kafka_metadata_topic_t **t = n ? bsearch(name, sorted, n, sizeof *sorted, name_and_topic) : NULL;
        if (b->kind->is_seen(b->items, i, t ? *t : NULL)) continue;
        all = false;
        if (last)
            pl_outcome_set(&b->outcomes[i],
                           pl_fail(POUCH_E_TIMEOUT,
                                   "%s %s: the broker has taken it, but does not show it within %d ms; see `pouch "
                                   "topic describe %s`",
                                   b->kind->what, name, b->timeout, name));
    }
    return all;
}

static bool look(struct bulk *b, bool last, int timeout) {
    const rd_kafka_metadata_t *md = NULL;
    bool known = !pl_metadata_all(b->rk, &md, timeout);
    size_t n = known ? (size_t)md->topic_cnt : 0;
    const rd_kafka_metadata_topic_t **sorted = calloc(n + 1, sizeof *sorted);
    if (!sorted) n = 0;
    known = known && sorted;
    for (size_t i = 0; i < n; i++) sorted[i] = &md->topics[i];
    if (n) qsort(sorted, n, sizeof *sorted, by_name);
    bool all = (known || last) && is_all_seen(b, sorted, n, last) && known;
    free(sorted);
    if (md) rd_kafka_metadata_destroy(md);
    return all;
}

static void settle(struct bulk *b) {
    int64_t until_us = pl_until_us(b->timeout);
    for (bool last = false; !look(b, last, pl_left_ms(until_us)) && !last; poll(NULL, 0, STEP_MS))
        last = pl_is_past(until_us);
}

static pouch_err run(struct bulk *b) {
    struct batch *batch = calloc(1, sizeof *batch);
    pouch_err e = batch ? POUCH_OK : pl_fail(POUCH_E_NO_MEMORY, "out of memory for requests of %zu topics", b->n);
    for (size_t i = 0; i < b->n; i++) b->outcomes[i] = (struct pl_outcome){0};
    if (e)
        for (size_t i = 0; i < b->n; i++) pl_outcome_set(&b->outcomes[i], e);
    else
        e = ask_all(b, batch);
    free(batch);
    if (!e && b->n) settle(b);
    return e;
}

/* For a call that cannot even begin. */
static pouch_err none(struct pl_outcome *outcomes, size_t n, pouch_err e) {
    for (size_t i = 0; i < n; i++) {
        outcomes[i] = (struct pl_outcome){0};
        pl_outcome_set(&outcomes[i], e);
    }
    return e;
}

static pouch_err no_mock(rd_kafka_t *rk, const char *what, int timeout) {
    bool mock;
    pouch_err e = pl_cluster_mock(rk, &mock, timeout);
    if (e || !mock) return e;
    return pl_fail(POUCH_E_NOT_ALLOWED, "%s: the embedded broker cannot do that; topics go when `pouch dev` ends",
                   what);
}

/* ---- making ---- */

static const char *spec_name(const void *items, size_t i) {
    return ((const struct pl_topic_spec *)items)[i].name;
}

static int spec_partitions(const void *items, size_t i) {
    int n = ((const struct pl_topic_spec *)items)[i].partitions;
    return n > 0 ? n : USUAL_PARTITIONS;
}

static pouch_err spec_build(const void *items, size_t i, void **request) {
    rd_kafka_NewTopic_t *topic = NULL;
    pouch_err e = pl_new_topic(&topic, &((const struct pl_topic_spec *)items)[i]);
    *request = topic;
    return e;
}

static void spec_send(rd_kafka_t *rk, void **requests, size_t n, struct pl_admin *a) {
    rd_kafka_CreateTopics(rk, (rd_kafka_NewTopic_t **)requests, n, a->options, a->queue);
}

static const rd_kafka_topic_result_t **spec_results(rd_kafka_event_t *event, size_t *n) {
    return rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), n);
}

static void spec_destroy(void *request) {
    rd_kafka_NewTopic_destroy(request);
}

static bool is_made(const void *items, size_t i, const rd_kafka_metadata_topic_t *t) {
    (void)items;
    (void)i;
    if (!t || t->err || !t->partition_cnt) return false;
    for (int p = 0; p < t->partition_cnt; p++)
        if (t->partitions[p].leader < 0) return false;
    return true;
}

static const struct kind making = {.op = RD_KAFKA_ADMIN_OP_CREATETOPICS,
                                   .what = "cannot make the topic",
                                   .what_all = "cannot make topics",
                                   .name = spec_name,
                                   .partitions = spec_partitions,
                                   .build = spec_build,
                                   .send = spec_send,
                                   .results = spec_results,
                                   .destroy = spec_destroy,
                                   .is_seen = is_made};

/* The mock makes topics by their first use alone. */
static pouch_err make_on_mock(rd_kafka_t *rk, const struct pl_topic_spec *specs, size_t n, struct pl_outcome *outcomes,
                              const struct pl_progress *progress, int timeout) {
    for (size_t i = 0; i < n; i++) {
        bool existed = false;
        pouch_err e = pl_topic_create(rk, &specs[i], &existed, timeout);
        if (e == POUCH_E_NO_BROKER) return none(outcomes + i, n - i, e);
        pl_outcome_set(&outcomes[i], e);
        outcomes[i].existed = existed;
        if (progress) progress->tell(i + 1, n, progress->arg);
    }
    return POUCH_OK;
}

pouch_err pl_topics_create(rd_kafka_t *rk, const struct pl_topic_spec *specs, size_t n, struct pl_outcome *outcomes,
                           const struct pl_progress *progress, int timeout) {
    struct bulk b = {rk, &making, specs, n, outcomes, progress, timeout};
    bool mock;
    pouch_err e = pl_cluster_mock(rk, &mock, timeout);
    if (e) return none(outcomes, n, e);
    return mock ? make_on_mock(rk, specs, n, outcomes, progress, timeout) : run(&b);
}

/* ---- deleting ---- */

static const char *deleted_name(const void *items, size_t i) {
    return ((const char *const *)items)[i];
}

static int deleted_partitions(const void *items, size_t i) {
    (void)items;
    (void)i;
    return 1;
}

static pouch_err deleted_build(const void *items, size_t i, void **request) {
    *request = rd_kafka_DeleteTopic_new(deleted_name(items, i));
    return *request ? POUCH_OK : pl_fail(POUCH_E_NO_MEMORY, "no memory to delete a topic");
}

static void deleted_send(rd_kafka_t *rk, void **requests, size_t n, struct pl_admin *a) {
    rd_kafka_DeleteTopics(rk, (rd_kafka_DeleteTopic_t **)requests, n, a->options, a->queue);
}

static const rd_kafka_topic_result_t **deleted_results(rd_kafka_event_t *event, size_t *n) {
    return rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event), n);
}

static void deleted_destroy(void *request) {
    rd_kafka_DeleteTopic_destroy(request);
}

static bool is_deleted(const void *items, size_t i, const rd_kafka_metadata_topic_t *t) {
    (void)items;
    (void)i;
    return !t;
}

static const struct kind deleting = {.op = RD_KAFKA_ADMIN_OP_DELETETOPICS,
                                     .what = "cannot delete the topic",
                                     .what_all = "cannot delete topics",
                                     .name = deleted_name,
                                     .partitions = deleted_partitions,
                                     .build = deleted_build,
                                     .send = deleted_send,
                                     .results = deleted_results,
                                     .destroy = deleted_destroy,
                                     .is_seen = is_deleted};

pouch_err pl_topics_delete(rd_kafka_t *rk, const char *const *names, size_t n, struct pl_outcome *outcomes,
                           const struct pl_progress *progress, int timeout) {
    struct bulk b = {rk, &deleting, names, n, outcomes, progress, timeout};
    pouch_err e = no_mock(rk, deleting.what_all, timeout);
    return e ? none(outcomes, n, e) : run(&b);
}

/* ---- growing ---- */

static const struct pl_topic_growth *growth(const void *items, size_t i) {
    return &((const struct pl_topic_growth *)items)[i];
}

static const char *growth_name(const void *items, size_t i) {
    return growth(items, i)->name;
}

static int growth_partitions(const void *items, size_t i) {
    return growth(items, i)->partitions;
}

static pouch_err growth_build(const void *items, size_t i, void **request) {
    const struct pl_topic_growth *g = growth(items, i);
    char why[128];
    if (g->partitions < 1)
        return pl_fail(POUCH_E_CONFIG, "the topic %s cannot have %d partitions", g->name, g->partitions);
    *request = rd_kafka_NewPartitions_new(g->name, (size_t)g->partitions, why, sizeof why);
    return *request ? POUCH_OK : pl_fail(POUCH_E_CONFIG, "cannot grow the topic %s: %s", g->name, why);
}

static void growth_send(rd_kafka_t *rk, void **requests, size_t n, struct pl_admin *a) {
    rd_kafka_CreatePartitions(rk, (rd_kafka_NewPartitions_t **)requests, n, a->options, a->queue);
}

static const rd_kafka_topic_result_t **growth_results(rd_kafka_event_t *event, size_t *n) {
    return rd_kafka_CreatePartitions_result_topics(rd_kafka_event_CreatePartitions_result(event), n);
}

static void growth_destroy(void *request) {
    rd_kafka_NewPartitions_destroy(request);
}

static bool is_grown(const void *items, size_t i, const rd_kafka_metadata_topic_t *t) {
    return is_made(items, i, t) && t->partition_cnt >= growth(items, i)->partitions;
}

static const struct kind growing = {.op = RD_KAFKA_ADMIN_OP_CREATEPARTITIONS,
                                    .what = "cannot grow the topic",
                                    .what_all = "cannot grow topics",
                                    .name = growth_name,
                                    .partitions = growth_partitions,
                                    .build = growth_build,
                                    .send = growth_send,
                                    .results = growth_results,
                                    .destroy = growth_destroy,
                                    .is_seen = is_grown};

pouch_err pl_topics_grow(rd_kafka_t *rk, const struct pl_topic_growth *growths, size_t n, struct pl_outcome *outcomes,
                         const struct pl_progress *progress, int timeout) {
    struct bulk b = {rk, &growing, growths, n, outcomes, progress, timeout};
    pouch_err e = no_mock(rk, growing.what_all, timeout);
    return e ? none(outcomes, n, e) : run(&b);
}
