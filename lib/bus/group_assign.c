/* Partitions come and go. */
#include <base/clock.h>
#include <base/log.h>
#include <base/why.h>
#include <bus/group_state.h>
#include <bus/offsets.h>
#include <metrics/metrics.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RETRY_US = 500000 };

void pl_partition_unref(struct pl_partition *p) {
    if (--p->refs) return;
    pl_watermark_free(&p->watermark);
    free(p->topic);
    free(p);
}

/*
 * The queue is cut from the consumer's before the partition is assigned, so that no record
 * ever comes another way.
 */
static bool open_queue(struct pl_group *g, struct pl_partition *p) {
    p->queue = rd_kafka_queue_get_partition(g->rk, p->topic, p->id);
    if (!p->queue) return false;
    rd_kafka_queue_forward(p->queue, NULL);
    pl_kafka_wake_on(p->queue, g->wake);
    return true;
}

static void close_queue(struct pl_partition *p) {
    if (!p->queue) return;
    rd_kafka_queue_io_event_enable(p->queue, -1, NULL, 0);
    rd_kafka_queue_destroy(p->queue);
    p->queue = NULL;
}

/* Without a queue yet. NULL: no memory. */
static struct pl_partition *new_partition(const struct pl_group *g, const char *topic, int32_t id, int64_t position) {
    struct pl_partition *p = calloc(1, sizeof *p);
    if (!p) return NULL;
    p->refs = 1;
    p->id = id;
    p->position = position;
    p->paused = g->hooks.is_paused && g->hooks.is_paused(topic, g->hooks.owner);
    p->topic = strdup(topic);
    if (p->topic && !pl_watermark_init(&p->watermark, g->max_open)) return p;
    pl_partition_unref(p);
    return NULL;
}

static void let_go(struct pl_partition *p) {
    close_queue(p);
    p->revoked = true;
    pl_partition_unref(p);
}

static void drop_partitions(struct pl_group *g) {
    for (size_t i = 0; i < g->n_parts; i++) let_go(g->parts[i]);
    free(g->parts);
    g->parts = NULL;
    g->n_parts = 0;
}

static void drop_pending(struct pl_group *g) {
    if (g->pending) rd_kafka_topic_partition_list_destroy(g->pending);
    g->pending = NULL;
}

void pl_group_revoke(struct pl_group *g, bool lost) {
    drop_pending(g);
    g->settled = g->start_anew = false;
    if (g->n_parts > 0) {
        g->hooks.revoke(g->parts, g->n_parts, lost, g->hooks.owner);
        if (!lost) pl_group_commit_done(g);
    }
    drop_partitions(g);
}

static void log_rebalance(const struct pl_group *g, const char *what, int n) {
    char count[16];
    snprintf(count, sizeof count, "%d", n);
    PL_LOG(PL_LOG_INFO, what, "group", g->id, "partitions", count);
}

/*
 * Until it is told what is read, librdkafka takes part in no further rebalance, and the group waits for this member as
 * long as its session lasts. Where to begin may take longer, so for now nothing is read.
 */
static void read_nothing_yet(rd_kafka_t *rk) {
    rd_kafka_topic_partition_list_t *none = rd_kafka_topic_partition_list_new(0);
    rd_kafka_resp_err_t e = rd_kafka_assign(rk, none);
    if (e) PL_LOG(PL_LOG_WARN, "an assignment is not taken", "error", rd_kafka_err2name(e));
    rd_kafka_topic_partition_list_destroy(none);
}

void pl_group_on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t e, rd_kafka_topic_partition_list_t *list, void *opaque) {
    struct pl_group *g = ((struct pl_kafka_opaque *)opaque)->owner;
    if (g->leaving) {
        rd_kafka_assign(rk, NULL);
        return;
    }
    if (e == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        log_rebalance(g, "partitions assigned", list->cnt);
        g->silent_us = 0;
        g->withheld = false; /* librdkafka may have gone on without an answer: new metadata makes it join anew */
        g->steady = true;
        drop_pending(g);
        g->pending = rd_kafka_topic_partition_list_copy(list);
        g->pending_us = pl_mono_us(&pl_clock_system);
        g->retry_us = 0;
        read_nothing_yet(rk);
        return;
    }
    bool lost = rd_kafka_assignment_lost(rk);
    g->steady = false;
    g->withheld = g->silent_us && !lost;
    log_rebalance(g, lost || g->withheld ? "partitions lost" : "partitions revoked", list->cnt);
    pl_group_revoke(g, lost || g->withheld);
    if (!g->withheld) rd_kafka_assign(rk, NULL);
}

/* Tries again a little later; the owner calls at least each second. */
static void not_yet(struct pl_group *g, pouch_err err) {
    if (err == POUCH_E_CONFIG || err == POUCH_E_NOT_ALLOWED || err == POUCH_E_TARGET_REFUSED) {
        pl_group_fail(g, err);
        return;
    }
    if (err) PL_LOG(PL_LOG_WARN, "partitions wait to be read", "group", g->id, "why", pouch_why());
    g->retry_us = pl_mono_us(&pl_clock_system) + RETRY_US;
}

static pouch_err assign_at_positions(struct pl_group *g) {
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)g->n_parts);
    for (size_t i = 0; i < g->n_parts; i++)
        rd_kafka_topic_partition_list_add(list, g->parts[i]->topic, g->parts[i]->id)->offset = g->parts[i]->position;
    rd_kafka_resp_err_t e = rd_kafka_assign(g->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    return e ? pl_kafka_fail(e, "reading the partitions of group", g->id) : POUCH_OK;
}

static pouch_err take_over(struct pl_group *g, const rd_kafka_topic_partition_list_t *list) {
    g->parts = calloc((size_t)list->cnt + 1, sizeof *g->parts);
    if (!g->parts) return pl_fail(POUCH_E_NO_MEMORY, "no memory for %d partitions", list->cnt);
    for (int i = 0; i < list->cnt; i++) {
        const rd_kafka_topic_partition_t *e = &list->elems[i];
        struct pl_partition *p = new_partition(g, e->topic, e->partition, e->offset);
        if (p) g->parts[g->n_parts++] = p;
        if (!p || !open_queue(g, p)) {
            drop_partitions(g);
            return pl_fail(POUCH_E_NO_MEMORY, "no memory for %d partitions", list->cnt);
        }
    }
    pouch_err err = assign_at_positions(g);
    if (err) drop_partitions(g);
    return err;
}

static void settle_pending(struct pl_group *g) {
    bool ready = false;
    pouch_err err = pl_group_positions(g, g->pending, &ready);
    if (!err && ready) err = take_over(g, g->pending);
    if (err || !ready) {
        not_yet(g, err);
        return;
    }
    drop_pending(g);
    g->joined = g->settled = true;
}

static void commit_one(struct pl_group *g, const struct pl_partition *p) {
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, p->topic, p->id)->offset = p->position;
    rd_kafka_resp_err_t e = rd_kafka_commit(g->rk, list, 1);
    if (e) PL_LOG(PL_LOG_WARN, "the new position is not committed", "group", g->id, "error", rd_kafka_err2name(e));
    rd_kafka_topic_partition_list_destroy(list);
}

static void alarm_reset(const struct pl_partition *p, int64_t earliest) {
    char id[16], from[24], to[24];
    snprintf(id, sizeof id, "%d", p->id);
    snprintf(from, sizeof from, "%lld", (long long)p->position);
    snprintf(to, sizeof to, "%lld", (long long)earliest);
    PL_LOG(PL_LOG_ERROR, "a position is outside the log: records are gone; reading begins anew at the earliest",
           "topic", p->topic, "partition", id, "position", from, "earliest", to);
    pl_metric_add(PL_M_OFFSET_RESETS, 1);
}

/*
 * A partition whose position is outside the log gets a new life at its earliest offset, with a new
 * watermark: offsets of the old one say nothing about the log that is there now. The earliest is
 * committed, so that the old offset is not found again after a restart.
 */
static pouch_err restart(struct pl_group *g, struct pl_partition **slot) {
    struct pl_partition *old = *slot;
    int64_t low;
    rd_kafka_resp_err_t e = pl_offset_ask(g->rk, old->topic, old->id, RD_KAFKA_OFFSET_BEGINNING, PL_GROUP_ASK_MS, &low);
    if (e) return pl_kafka_fail(e, "asking for the earliest offset of", old->topic);
    struct pl_partition *new = new_partition(g, old->topic, old->id, low);
    if (!new) return pl_fail(POUCH_E_NO_MEMORY, "no memory for a partition of %s", old->topic);
    alarm_reset(old, low);
    g->hooks.revoke(slot, 1, true, g->hooks.owner);
    new->queue = old->queue;
    old->queue = NULL;
    let_go(old);
    *slot = new;
    commit_one(g, new);
    return POUCH_OK;
}

static void settle_anew(struct pl_group *g) {
    pouch_err err = POUCH_OK;
    pl_group_commit_done(g);
    for (size_t i = 0; i < g->n_parts && !err; i++)
        if (g->parts[i]->out_of_range) err = restart(g, &g->parts[i]);
    if (!err) err = assign_at_positions(g);
    if (err)
        not_yet(g, err);
    else
        g->start_anew = false;
}

void pl_group_settle(struct pl_group *g) {
    if (g->failed || g->silent_us || pl_mono_us(&pl_clock_system) < g->retry_us) return;
    if (g->pending) settle_pending(g);
    if (g->start_anew && g->n_parts) settle_anew(g);
}
