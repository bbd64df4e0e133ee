/*
 * Reads the last of the topic again, by hand: for Redis, when that may have lost something, to the end; for the memory
 * of this process from its beginning on and for as long as it lives.
 */
#include <async/state.h>
#include <base/log.h>
#include <base/why.h>
#include <bus/offsets.h>
#include <cluster/cluster.h>
#include <metrics/metrics.h>
#include <stdio.h>
#include <stdlib.h>

enum { CALL_MS = 2000, ASK_US = 1000000, HOLD_US = 5000000, SETTLE_US = 50000 };

/* ---- where it begins ---- */

/* The first record that is of use, or the end where there is none. The mock knows no times, and keeps little. */
static pouch_err find_starts(struct async *a, rd_kafka_t *rk, rd_kafka_topic_partition_list_t *list) {
    int64_t since = a->mock ? RD_KAFKA_OFFSET_BEGINNING : pl_wall_ms(a->clock) - 2 * a->index.retention_ms;
    for (int i = 0; i < list->cnt; i++) list->elems[i].offset = since;
    rd_kafka_resp_err_t e = rd_kafka_offsets_for_times(rk, list, CALL_MS);
    for (int i = 0; !e && i < list->cnt; i++) {
        rd_kafka_topic_partition_t *p = &list->elems[i];
        e = p->err;
        if (!e && p->offset < 0)
            e = pl_offset_ask(rk, a->topic, p->partition, RD_KAFKA_OFFSET_END, CALL_MS, &p->offset);
    }
    return e ? pl_kafka_fail(e, "finding where to read from", a->topic) : POUCH_OK;
}

static pouch_err find_positions(struct async *a, struct pl_position **out, int *n) {
    rd_kafka_t *rk = pl_producer_take(a->producer);
    rd_kafka_topic_partition_list_t *list = NULL;
    struct pl_position *p = NULL;
    pouch_err e = pl_topic_partitions(rk, a->topic, n, CALL_MS);
    if (!e && *n < 1) e = pl_fail(POUCH_E_NO_BROKER, "%s has no partitions yet", a->topic);
    if (!e) {
        list = rd_kafka_topic_partition_list_new(*n);
        for (int i = 0; i < *n; i++) rd_kafka_topic_partition_list_add(list, a->topic, i);
        e = find_starts(a, rk, list);
    }
    pl_producer_give(rk);
    if (!e && !(p = calloc((size_t)*n, sizeof *p))) e = pl_fail(POUCH_E_NO_MEMORY, "out of memory for partitions");
    for (int i = 0; !e && i < *n; i++) p[i] = (struct pl_position){list->elems[i].partition, list->elems[i].offset};
    if (list) rd_kafka_topic_partition_list_destroy(list);
    *out = p;
    return e;
}

/* ---- reading ---- */

static void on_ended(int32_t partition, void *arg) {
    struct async_scan *scan = &((struct async *)arg)->scan;
    if (partition < 0 || partition >= scan->n || scan->ended[partition]) return;
    scan->ended[partition] = true;
    scan->left--;
}

static void set_whole(struct async *a, bool whole) {
    pthread_mutex_lock(&a->lock);
    a->is_whole = whole;
    pthread_mutex_unlock(&a->lock);
    if (!a->index.share) async_memory_set_complete(&a->index.memory, whole);
}

static pouch_err begin(struct async *a, const struct pl_position *p, int n) {
    struct async_scan *scan = &a->scan;
    scan->ended = calloc((size_t)n, sizeof *scan->ended);
    scan->next = calloc((size_t)n, sizeof *scan->next);
    if (!scan->ended || !scan->next) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for partitions");
    pouch_err e =
        pl_reader_new_to_end(&scan->reader, &a->settings, a->client_id, a->mock, a->health, &a->wake, on_ended, a);
    if (!e) e = pl_reader_assign(scan->reader, a->topic, p, (size_t)n, true);
    if (e) return e;
    scan->n = scan->left = n;
    for (int i = 0; i < n; i++) scan->next[i] = p[i].offset;
    PL_LOG(PL_LOG_INFO, "reading answers again", "topic", a->topic, "index", a->index.share ? "redis" : "memory");
    pl_metric_add(PL_M_ASYNC_SCANS, 1);
    return POUCH_OK;
}

pouch_err async_scan_start(struct async *a) {
    struct pl_position *p;
    int n;
    async_scan_stop(a);
    pouch_err e = find_positions(a, &p, &n);
    if (!e) e = begin(a, p, n);
    if (e) async_scan_stop(a);
    free(p);
    return e;
}

void async_scan_stop(struct async *a) {
    struct async_scan *scan = &a->scan;
    for (;;) {
        async_read_settle(a);
        async_read_forget(a, &scan->retry);
        if (!scan->in_flight) break;
        pl_wake_wait(&a->wake, SETTLE_US);
    }
    pl_reader_free(scan->reader);
    free(scan->ended);
    free(scan->next);
    *scan = (struct async_scan){.n = 0};
    if (!a->index.share) set_whole(a, false);
}

static void take(struct async *a) {
    rd_kafka_message_t *batch[ASYNC_BATCH];
    enum pl_reader_trouble trouble = PL_READER_NONE;
    size_t room = async_read_room(a, a->scan.in_flight);
    size_t n = room ? pl_reader_take(a->scan.reader, batch, room, &trouble) : 0;
    for (size_t i = 0; i < n; i++) {
        a->scan.next[batch[i]->partition] = batch[i]->offset + 1;
        async_read_item(a, (struct pl_taken){.message = batch[i]});
    }
    if (trouble == PL_READER_TOPIC_GONE) {
        a->scan.failed = true;
        a->tend_us = 0;
    }
}

/* ---- Redis: whether it has all there is ---- */

static void was_asked(pouch_err e, enum async_whole whole, void *arg) {
    struct async *a = arg;
    pthread_mutex_lock(&a->lock);
    a->is_whole = !e && whole == ASYNC_WHOLE;
    a->is_lost = !e && whole == ASYNC_LOST;
    pthread_mutex_unlock(&a->lock);
    async_errand_end(a);
}

static void was_held(pouch_err e, void *arg) {
    struct async *a = arg;
    pthread_mutex_lock(&a->lock);
    a->is_held = !e;
    pthread_mutex_unlock(&a->lock);
    async_errand_end(a);
}

/* What was asked before, and answered while all was being read, is answered by now. */
static void was_filled(pouch_err e, void *arg) {
    struct async *a = arg;
    pthread_mutex_lock(&a->lock);
    a->is_whole = !e;
    a->is_lost = false;
    pthread_mutex_unlock(&a->lock);
    PL_LOG(PL_LOG_INFO, e ? "answers have to be read once more" : "all answers have been read again", "topic", a->topic,
           "why", e ? pouch_why() : NULL);
    async_errand_end(a);
}

static void ask(struct async *a, int64_t now_us) {
    if (now_us < a->ask_us) return;
    a->ask_us = now_us + ASK_US;
    async_errand_begin(a);
    if (async_index_ask(&a->index, a->nonce, was_asked, a)) was_asked(POUCH_E_STORE, ASYNC_BEING_READ, a);
}

static bool take_lost(struct async *a) {
    pthread_mutex_lock(&a->lock);
    bool lost = a->is_lost;
    a->is_lost = false;
    if (lost) a->is_held = true;
    pthread_mutex_unlock(&a->lock);
    return lost;
}

static bool is_held(struct async *a) {
    pthread_mutex_lock(&a->lock);
    bool held = a->is_held;
    pthread_mutex_unlock(&a->lock);
    return held;
}

static void hold(struct async *a, int64_t now_us) {
    if (now_us < a->hold_us) return;
    a->hold_us = now_us + HOLD_US;
    async_errand_begin(a);
    if (async_index_hold(&a->index, a->nonce, was_held, a)) was_held(POUCH_E_STORE, a);
}

/* All that was there when it began is in the index. */
static bool is_done(const struct async_scan *scan) {
    return !scan->left && !scan->in_flight;
}

static void fill(struct async *a, int64_t now_us) {
    async_read_again(&a->scan.retry, now_us);
    take(a);
    if (a->scan.failed || !is_held(a)) {
        async_scan_stop(a);
    } else if (is_done(&a->scan)) {
        async_scan_stop(a);
        async_errand_begin(a);
        if (async_index_whole(&a->index, a->nonce, was_filled, a)) was_filled(POUCH_E_STORE, a);
    } else {
        hold(a, now_us);
    }
}

void async_scan_turn(struct async *a, int64_t now_us) {
    if (!a->index.share) {
        if (!a->scan.reader) return;
        take(a);
        if (is_done(&a->scan)) set_whole(a, true);
    } else if (a->scan.reader) {
        fill(a, now_us);
    } else {
        ask(a, now_us);
        if (a->group && take_lost(a) && async_scan_start(a))
            PL_LOG(PL_LOG_WARN, "answers cannot be read again yet", "topic", a->topic, "why", pouch_why());
    }
}
