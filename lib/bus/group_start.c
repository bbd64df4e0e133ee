/*
 * Where a group begins. Committed offsets are where it left off. For a topic of which it has
 * none at all, one member, the one that was given partition 0, decides for all partitions and
 * commits the decision in one request; the others wait for that. So the members of a group that
 * starts for the first time never take each other's first commits for an old group's.
 */
#include <base/clock.h>
#include <base/log.h>
#include <base/why.h>
#include <bus/group_state.h>
#include <bus/offsets.h>
#include <string.h>

/* A member of another make may hold partition 0 and commit nothing: then we decide after all. */
enum { DECIDER_WAIT_US = 30000000 };

pouch_err pl_group_committed(struct pl_group *g, rd_kafka_topic_partition_list_t *list, int timeout) {
    rd_kafka_resp_err_t e = rd_kafka_committed(g->rk, list, timeout);
    for (int i = 0; i < list->cnt && !e; i++) e = list->elems[i].err;
    return e ? pl_kafka_fail(e, "asking for the committed offsets of group", g->id) : POUCH_OK;
}

static pouch_err count_partitions(struct pl_group *g, const char *topic, int *n) {
    static const char what[] = "asking for the partitions of";
    const rd_kafka_metadata_t *md;
    rd_kafka_topic_t *rkt = rd_kafka_topic_new(g->rk, topic, NULL);
    if (!rkt) return pl_kafka_fail(rd_kafka_last_error(), what, topic);
    rd_kafka_resp_err_t e = rd_kafka_metadata(g->rk, 0, rkt, &md, PL_GROUP_ASK_MS);
    rd_kafka_topic_destroy(rkt);
    if (e) return pl_kafka_fail(e, what, topic);
    *n = md->topic_cnt == 1 ? md->topics[0].partition_cnt : 0;
    e = md->topic_cnt == 1 ? md->topics[0].err : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    rd_kafka_metadata_destroy(md);
    return e ? pl_kafka_fail(e, what, topic) : POUCH_OK;
}

static pouch_err ask_edge(struct pl_group *g, const char *topic, rd_kafka_topic_partition_list_t *all, int64_t edge) {
    rd_kafka_resp_err_t e = pl_offsets_ask(g->rk, all, edge, PL_GROUP_ASK_MS);
    return e ? pl_kafka_fail(e, "asking for the offsets of", topic) : POUCH_OK;
}

/* Whether seven days of old requests would be replayed by surprise. */
static pouch_err check_old(struct pl_group *g, const char *topic, const rd_kafka_topic_partition_list_t *all) {
    struct pl_old old;
    pouch_err err = pl_group_count_old(g, topic, all->cnt, &old);
    if (err || (!old.unanswered && !old.more)) return err;
    return pl_fail(POUCH_E_CONFIG,
                   "group %s has no offsets and %s holds %s%lld requests older than 10 minutes that nobody answered; "
                   "--start earliest to handle them, --start latest to skip them",
                   g->id, topic, old.more ? "at least " : "", (long long)old.unanswered);
}

static pouch_err commit_start(struct pl_group *g, const char *topic, rd_kafka_topic_partition_list_t *all) {
    rd_kafka_resp_err_t e = pl_group_commit(g, all);
    return e ? pl_kafka_fail(e, "committing where to begin in", topic) : POUCH_OK;
}

static pouch_err decide(struct pl_group *g, const char *topic, rd_kafka_topic_partition_list_t *all) {
    bool latest = g->settings->start == PL_START_LATEST;
    pouch_err err = POUCH_OK;
    if (g->settings->start == PL_START_AUTO) err = check_old(g, topic, all);
    if (!err) err = ask_edge(g, topic, all, latest ? RD_KAFKA_OFFSET_END : RD_KAFKA_OFFSET_BEGINNING);
    if (!err) err = commit_start(g, topic, all);
    if (!err)
        PL_LOG(PL_LOG_INFO, "the group begins", "group", g->id, "topic", topic, "at", latest ? "latest" : "earliest");
    return err;
}

static bool decides(const struct pl_group *g, const char *topic) {
    return rd_kafka_topic_partition_list_find(g->pending, topic, 0) ||
           pl_mono_us(&pl_clock_system) - g->pending_us > DECIDER_WAIT_US;
}

/* Partitions added since the group began: all that was ever written to them is for the group. */
static pouch_err begin_new_partitions(struct pl_group *g, const char *topic, rd_kafka_topic_partition_list_t *all) {
    for (int i = 0; i < all->cnt; i++) {
        rd_kafka_topic_partition_t *p = &all->elems[i];
        if (p->offset >= 0) continue;
        rd_kafka_resp_err_t e =
            pl_offset_ask(g->rk, topic, p->partition, RD_KAFKA_OFFSET_BEGINNING, PL_GROUP_ASK_MS, &p->offset);
        if (e) return pl_kafka_fail(e, "asking for the offsets of", topic);
    }
    return POUCH_OK;
}

static bool has_offset(const rd_kafka_topic_partition_list_t *list) {
    for (int i = 0; i < list->cnt; i++)
        if (list->elems[i].offset >= 0) return true;
    return false;
}

static void copy_offsets(rd_kafka_topic_partition_list_t *to, const char *topic,
                         const rd_kafka_topic_partition_list_t *all) {
    for (int i = 0; i < to->cnt; i++) {
        rd_kafka_topic_partition_t *e = &to->elems[i];
        if (e->offset < 0 && strcmp(e->topic, topic) == 0 && e->partition < all->cnt)
            e->offset = all->elems[e->partition].offset;
    }
}

static pouch_err begin_topic(struct pl_group *g, const char *topic, rd_kafka_topic_partition_list_t *list,
                             bool *ready) {
    int n = 0;
    pouch_err err = count_partitions(g, topic, &n);
    if (err || n == 0) return err;
    rd_kafka_topic_partition_list_t *all = rd_kafka_topic_partition_list_new(n);
    rd_kafka_topic_partition_list_add_range(all, topic, 0, n - 1);
    err = pl_group_committed(g, all, PL_GROUP_ASK_MS);
    if (!err) {
        if (has_offset(all))
            err = begin_new_partitions(g, topic, all);
        else if (decides(g, topic))
            err = decide(g, topic, all);
        else
            *ready = false;
    }
    if (!err && *ready) copy_offsets(list, topic, all);
    rd_kafka_topic_partition_list_destroy(all);
    return err;
}

/* copy_offsets() fills in all partitions of a topic, so that each topic is begun once. */
pouch_err pl_group_positions(struct pl_group *g, rd_kafka_topic_partition_list_t *list, bool *ready) {
    pouch_err err = list->cnt ? pl_group_committed(g, list, PL_GROUP_ASK_MS) : POUCH_OK;
    *ready = true;
    for (int i = 0; i < list->cnt && !err && *ready; i++)
        if (list->elems[i].offset < 0) err = begin_topic(g, list->elems[i].topic, list, ready);
    for (int i = 0; i < list->cnt && !err && *ready; i++)
        if (list->elems[i].offset < 0)
            err = pl_fail(POUCH_E_NO_BROKER, "partition %d of %s is not known to the broker yet",
                          list->elems[i].partition, list->elems[i].topic);
    return err;
}
