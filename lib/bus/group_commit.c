/*
 * Offsets of what is done are committed each second, and at once when partitions go. librdkafka could do the first by
 * itself, but would send a request each second to a coordinator that does not answer; when it does, and knows the
 * member no more, each of their answers makes librdkafka 2.0.2 forget the member id that it has got meanwhile. So there
 * is one under way at most.
 */
#include <base/clock.h>
#include <base/log.h>
#include <bus/group_state.h>
#include <string.h>

/* What is done since the last time; NULL: nothing. */
static rd_kafka_topic_partition_list_t *take_done(struct pl_group *g) {
    rd_kafka_topic_partition_list_t *list = NULL;
    for (size_t i = 0; i < g->n_parts; i++) {
        struct pl_partition *p = g->parts[i];
        if (!p->dirty) continue;
        if (!list) list = rd_kafka_topic_partition_list_new((int)g->n_parts);
        rd_kafka_topic_partition_list_add(list, p->topic, p->id)->offset = p->commit;
        p->dirty = false;
    }
    return list;
}

/* A partition that came anew meanwhile has committed nothing yet: what it begins with is not ours to say. */
static void mark_again(struct pl_group *g, const rd_kafka_topic_partition_list_t *list) {
    for (size_t i = 0; i < g->n_parts; i++) {
        struct pl_partition *p = g->parts[i];
        for (int k = 0; k < list->cnt; k++)
            if (list->elems[k].partition == p->id && !strcmp(list->elems[k].topic, p->topic) &&
                p->commit >= list->elems[k].offset)
                p->dirty = true;
    }
}

static void failed(struct pl_group *g, rd_kafka_resp_err_t e, const rd_kafka_topic_partition_list_t *list) {
    PL_LOG(PL_LOG_WARN, "a commit fails; some records may come again", "group", g->id, "error", rd_kafka_err2name(e));
    mark_again(g, list);
}

/* True when none is under way, within so long. */
static bool answered(struct pl_group *g, int ms) {
    rd_kafka_event_t *event = g->committing ? rd_kafka_queue_poll(g->commits, ms) : NULL;
    if (!event) return !g->committing;
    g->committing = false;
    rd_kafka_resp_err_t e = rd_kafka_event_error(event);
    if (e) failed(g, e, rd_kafka_event_topic_partition_list(event));
    rd_kafka_event_destroy(event);
    return true;
}

void pl_group_commit_due(struct pl_group *g) {
    int64_t now = pl_mono_us(&pl_clock_system);
    if (!answered(g, 0) || g->silent_us || now < g->commit_us) return;
    rd_kafka_topic_partition_list_t *list = take_done(g);
    if (!list) return;
    g->commit_us = now + g->commit_every_us;
    rd_kafka_resp_err_t e = rd_kafka_commit_queue(g->rk, list, g->commits, NULL, NULL);
    g->committing = !e;
    if (e) failed(g, e, list);
    rd_kafka_topic_partition_list_destroy(list);
}

rd_kafka_resp_err_t pl_group_commit(struct pl_group *g, const rd_kafka_topic_partition_list_t *list) {
    rd_kafka_queue_t *answer = rd_kafka_queue_new(g->rk);
    rd_kafka_resp_err_t e = rd_kafka_commit_queue(g->rk, list, answer, NULL, NULL);
    if (!e) {
        rd_kafka_event_t *event = rd_kafka_queue_poll(answer, PL_GROUP_ASK_MS);
        e = event ? rd_kafka_event_error(event) : RD_KAFKA_RESP_ERR__TIMED_OUT;
        if (event) rd_kafka_event_destroy(event);
    }
    rd_kafka_queue_destroy(answer);
    return e;
}

/* Not beside another one, which librdkafka may send again, and so after this one. */
void pl_group_commit_done(struct pl_group *g) {
    rd_kafka_topic_partition_list_t *list = answered(g, PL_GROUP_ASK_MS) ? take_done(g) : NULL;
    if (!list) return;
    rd_kafka_resp_err_t e = pl_group_commit(g, list);
    if (e) failed(g, e, list);
    rd_kafka_topic_partition_list_destroy(list);
}
