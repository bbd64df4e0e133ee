/*
 * Until when all that was written to the topic has been read, by whichever gateway has its partitions: where the log
 * ended at a moment, all of us have come by now. Asked only where somebody wants to know it, as it takes questions to
 * the brokers.
 */
#include <async/state.h>
#include <base/why.h>
#include <bus/offsets.h>
#include <cluster/cluster.h>

/*
 * GIVE_UP_US: what a transaction leaves at the log's end is never read, and a gateway with much to read may be long
 * about it.
 */
enum { CALL_MS = 500, AGAIN_US = 250000, RETRY_US = 2000000, GIVE_UP_US = 60000000 };

int64_t async_level_ms(struct async *a) {
    pthread_mutex_lock(&a->lock);
    int64_t ms = a->level.read_ms;
    pthread_mutex_unlock(&a->lock);
    return ms;
}

void async_level_want(struct async *a) {
    pthread_mutex_lock(&a->lock);
    bool is_new = !a->level.is_wanted;
    a->level.is_wanted = true;
    if (is_new) pl_wake_signal(&a->wake);
    pthread_mutex_unlock(&a->lock);
}

static bool is_wanted(struct async *a) {
    pthread_mutex_lock(&a->lock);
    bool wanted = a->level.is_wanted;
    pthread_mutex_unlock(&a->lock);
    return wanted;
}

static void reach(struct async *a) {
    pthread_mutex_lock(&a->lock);
    a->level.read_ms = a->level.asked_ms;
    a->level.is_wanted = false;
    pthread_mutex_unlock(&a->lock);
    async_level_stop(a);
}

void async_level_stop(struct async *a) {
    if (a->level.ends) rd_kafka_topic_partition_list_destroy(a->level.ends);
    a->level.ends = NULL;
}

/* ---- asking ---- */

static pouch_err ask_edge(struct async *a, rd_kafka_topic_partition_list_t *list, int64_t edge) {
    rd_kafka_t *rk = pl_producer_take(a->producer);
    rd_kafka_resp_err_t e = pl_offsets_ask(rk, list, edge, CALL_MS);
    pl_producer_give(rk);
    return e ? pl_kafka_fail(e, "asking for the offsets of", a->topic) : POUCH_OK;
}

/* The time first: what is written after it may be behind the end. */
static pouch_err begin(struct async *a, int64_t now_us) {
    int n = 0;
    a->level.begun_us = now_us;
    a->level.asked_ms = pl_wall_ms(a->clock);
    rd_kafka_t *rk = pl_producer_take(a->producer);
    pouch_err e = pl_topic_partitions(rk, a->topic, &n, CALL_MS);
    pl_producer_give(rk);
    if (!e && n < 1) e = pl_fail(POUCH_E_NO_BROKER, "%s has no partitions yet", a->topic);
    if (e) return e;
    a->level.ends = rd_kafka_topic_partition_list_new(n);
    rd_kafka_topic_partition_list_add_range(a->level.ends, a->topic, 0, n - 1);
    return ask_edge(a, a->level.ends, RD_KAFKA_OFFSET_END);
}

static pouch_err ask_read(struct async *a, rd_kafka_topic_partition_list_t *at) {
    if (a->group) return pl_group_committed(a->group, at, CALL_MS);
    if (a->index.share) return pl_fail(POUCH_E_NO_BROKER, "%s is not read at present", a->topic);
    for (int i = 0; i < at->cnt; i++) at->elems[i].offset = i < a->scan.n ? a->scan.next[i] : RD_KAFKA_OFFSET_INVALID;
    return POUCH_OK;
}

/* What has been deleted meanwhile counts as read. */
static pouch_err pass_deleted(struct async *a, rd_kafka_topic_partition_list_t *at) {
    rd_kafka_topic_partition_list_t *begins = rd_kafka_topic_partition_list_copy(at);
    pouch_err e = ask_edge(a, begins, RD_KAFKA_OFFSET_BEGINNING);
    for (int i = 0; !e && i < at->cnt; i++)
        if (at->elems[i].offset < begins->elems[i].offset) at->elems[i].offset = begins->elems[i].offset;
    rd_kafka_topic_partition_list_destroy(begins);
    return e;
}

static bool is_there(const struct async *a, const rd_kafka_topic_partition_list_t *at) {
    for (int i = 0; i < at->cnt; i++)
        if (at->elems[i].offset < a->level.ends->elems[i].offset) return false;
    return true;
}

static pouch_err compare(struct async *a, bool *there) {
    rd_kafka_topic_partition_list_t *at = rd_kafka_topic_partition_list_copy(a->level.ends);
    pouch_err e = ask_read(a, at);
    if (!e && !is_there(a, at)) e = pass_deleted(a, at);
    *there = !e && is_there(a, at);
    rd_kafka_topic_partition_list_destroy(at);
    return e;
}

void async_level_turn(struct async *a, int64_t now_us) {
    bool there;
    if (now_us < a->level.due_us || !is_wanted(a)) return;
    pouch_err e = a->level.ends ? POUCH_OK : begin(a, now_us);
    if (!e) e = compare(a, &there);
    if (e) async_level_stop(a); /* or the time in which no broker answers would count */
    if (!e && (there || now_us - a->level.begun_us > GIVE_UP_US)) reach(a);
    a->level.due_us = pl_mono_us(a->clock) + (e ? RETRY_US : AGAIN_US);
}
