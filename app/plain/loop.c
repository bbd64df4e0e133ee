/* The thread: a turn is a short list of phases, each of which does what there is and never waits. */
#include <base/log.h>
#include <base/why.h>
#include <metrics/metrics.h>
#include <plain/state.h>
#include <stdlib.h>

static void take_replies(struct plain *p) {
    rd_kafka_message_t *batch[PLAIN_BATCH];
    enum pl_reader_trouble trouble;
    size_t n;
    if (!p->reader) return;
    do {
        n = pl_reader_take(p->reader, batch, PLAIN_BATCH, &trouble);
        if (trouble == PL_READER_TOPIC_GONE) pl_lane_gone(&p->lane);
        if (n || trouble == PL_READER_REFUSED) p->refused = trouble == PL_READER_REFUSED;
        for (size_t i = 0; i < n; i++) {
            plain_take_reply(p, batch[i]);
            rd_kafka_message_destroy(batch[i]);
        }
    } while (n == PLAIN_BATCH);
}

static void position(struct plain *p, const struct pl_lane_news *news) {
    const char *topic = p->settings->plain_replies;
    if (pl_reader_assign(p->reader, topic, news->positions, news->n, news->from_start)) {
        PL_LOG(PL_LOG_ERROR, "the replies of plain workers cannot be read", "topic", topic, "why", pouch_why());
        pl_lane_gone(&p->lane);
        return;
    }
    atomic_store_explicit(&p->positioned, true, memory_order_release);
}

static void hear_lane(struct plain *p) {
    struct pl_lane_news news;
    if (!pl_lane_take(&p->lane, &news)) return;
    if (news.reader) p->reader = news.reader;
    if (news.positions) position(p, &news);
    free(news.positions);
    atomic_store_explicit(&p->trouble, (int)news.trouble, memory_order_relaxed);
    if (news.trouble && news.trouble != POUCH_E_NO_BROKER)
        PL_LOG(PL_LOG_WARN, "the topic of plain workers' replies is not ready, and is tried again", "topic",
               p->settings->plain_replies, "why", news.why);
}

static void expire(struct plain *p) {
    struct pl_call *due[PLAIN_BATCH];
    size_t n;
    do {
        n = pl_pending_expire(&p->pending, pl_mono_us(p->clock), due, PLAIN_BATCH);
        for (size_t i = 0; i < n; i++) plain_expired(p, due[i]);
    } while (n == PLAIN_BATCH);
}

/* Ends what nobody will answer. */
static void dismiss(struct plain *p) {
    struct pl_call *vain[PLAIN_BATCH];
    size_t n;
    while (p->watch && (n = pl_watch_claim(p->watch, vain, PLAIN_BATCH))) {
        pl_metric_add(PL_M_NO_RESPONDERS, (int64_t)n);
        for (size_t i = 0; i < n; i++) plain_ended(p, vain[i], pl_watch_fail(vain[i]->topic), NULL);
    }
}

static void wait(struct plain *p) {
    int64_t due = pl_pending_due(&p->pending), send = pl_producer_due(p->producer), now = pl_mono_us(p->clock);
    if (send < due) due = send;
    pl_wake_wait(&p->wake, due == INT64_MAX ? -1 : due > now ? due - now : 0);
}

void *plain_run(void *plain) {
    struct plain *p = plain;
    while (!atomic_load_explicit(&p->stopping, memory_order_acquire)) {
        wait(p);
        take_replies(p);
        pl_producer_poll(p->producer);
        hear_lane(p);
        expire(p);
        dismiss(p);
    }
    return NULL;
}

void plain_end_open(struct plain *p) {
    struct pl_call *open[PLAIN_BATCH];
    size_t n;
    while ((n = pl_pending_close(&p->pending, open, PLAIN_BATCH)))
        for (size_t i = 0; i < n; i++)
            plain_ended(p, open[i],
                        pl_fail(POUCH_E_CLOSED, "the gateway stopped before an answer came from %s", open[i]->topic),
                        NULL);
}
