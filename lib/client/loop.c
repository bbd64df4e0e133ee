/* The client's thread: a turn is a short list of phases, each of which does what there is and never waits. */
#include <base/log.h>
#include <base/why.h>
#include <client/client.h>
#include <metrics/metrics.h>
#include <stdlib.h>
#include <string.h>

static void position(pouch_client *c, const struct pl_lane_news *news) {
    pouch_err e = pl_reader_assign(c->inbox.reader, c->reply_topic, news->positions, news->n, news->from_start);
    if (e) {
        PL_LOG(PL_LOG_ERROR, "the reply topic cannot be read", "topic", c->reply_topic, "why", pouch_why());
        pl_lane_unread(&c->lane);
        return;
    }
    c->positioned = true;
    pl_metric_add(PL_M_LANE_MOVES, 1);
}

static void hear_lane(pouch_client *c) {
    struct pl_lane_news news;
    if (!pl_lane_take(&c->lane, &news)) return;
    c->connected = news.connected;
    c->lane_trouble = news.trouble;
    strcpy(c->lane_why, news.why);
    if (news.reader) c->inbox.reader = news.reader;
    if (news.positions) position(c, &news);
    free(news.positions);
    if (news.trouble && news.trouble != POUCH_E_NO_BROKER)
        PL_LOG(PL_LOG_WARN, "the reply lane is not ready, and is tried again", "topic", c->reply_topic, "why",
               news.why);
}

/* A request that has ended, by its deadline or because its client gave it up; what is only stored has no deadline. */
static bool is_unwanted(pouch_client *c, const struct pl_held *h) {
    const struct pl_call *call = h->record.arg;
    return call && !call->stored && !pl_pending_is_open(&c->pending, call);
}

/* Sends what was held, in order, until the producer is full; then the next delivery report brings us here again. */
static void let_through(pouch_client *c, struct pl_sluice *g) {
    while (!pl_sluice_is_open(g) && !pl_sluice_open_if_empty(g)) {
        struct pl_held *h = pl_sluice_first(g);
        struct pl_call *call = h->record.arg;
        bool wanted = !is_unwanted(c, h);
        pouch_err e = wanted ? pl_producer_send(c->producer, &h->record) : POUCH_OK;
        if (e == POUCH_E_OVERLOADED) return;
        pl_sluice_pop(g);
        if (e)
            pl_record_unsent(c, call, e);
        else if (!wanted)
            pl_client_let_go(c, call);
    }
}

/* What waiting does not mend is told at once; the rest has the time it was given. */
static bool is_hopeless(const pouch_client *c) {
    return c->connected && (c->lane_trouble == POUCH_E_NOT_ALLOWED || c->lane_trouble == POUCH_E_CONFIG);
}

static pouch_err why_held(pouch_client *c) {
    char health[512];
    if (c->connected && c->lane_trouble) return pl_fail(c->lane_trouble, "%s", c->lane_why);
    pl_kafka_health_text(c->health, c->settings.brokers, health, sizeof health);
    return pl_fail(POUCH_E_NO_BROKER, "%s", health);
}

/* Of what is held: lets go of what ended before it was sent. */
static bool let_go_ended(const struct pl_held *h, void *client) {
    bool ended = is_unwanted(client, h);
    if (ended) pl_client_let_go(client, h->record.arg);
    return ended;
}

/* Ends what was held too long. */
static void give_up(pouch_client *c, struct pl_sluice *g, bool at_once, int64_t now) {
    struct pl_held *h;
    while ((h = pl_sluice_first(g)) && (at_once || h->give_up_us <= now)) {
        struct pl_call *call = h->record.arg;
        pl_sluice_pop(g);
        pl_record_unsent(c, call, why_held(c));
    }
}

/* ended: some calls have since the last time. */
static void pass_sluices(pouch_client *c, int64_t now, bool ended) {
    if (c->connected)
        let_through(c, &c->sends);
    else
        give_up(c, &c->sends, false, now);
    bool hopeless = !c->positioned && is_hopeless(c);
    if (c->positioned)
        let_through(c, &c->requests);
    else if (!c->connected || hopeless)
        give_up(c, &c->requests, hopeless, now);
    else if (ended)
        pl_sluice_sift(&c->requests, let_go_ended, c);
}

/* Whether there were any. */
static bool expire(pouch_client *c, int64_t now) {
    struct pl_call *due[PL_CLIENT_BATCH];
    size_t n;
    bool any = false;
    do {
        n = pl_pending_expire(&c->pending, now, due, PL_CLIENT_BATCH);
        for (size_t i = 0; i < n; i++) pl_call_expired(c, due[i]);
        any = any || n;
    } while (n == PL_CLIENT_BATCH);
    return any;
}

/* Ends what nobody will answer; whether there was any. */
static bool dismiss(pouch_client *c) {
    struct pl_call *vain[PL_CLIENT_BATCH];
    size_t n = 0;
    bool any = false;
    while (c->watch && (n = pl_watch_claim(c->watch, vain, PL_CLIENT_BATCH))) {
        pl_metric_add(PL_M_NO_RESPONDERS, (int64_t)n);
        for (size_t i = 0; i < n; i++) pl_call_answered(c, vain[i], pl_watch_fail(vain[i]->topic), NULL);
        any = true;
    }
    return any;
}

void pl_client_turn(pouch_client *c) {
    pl_inbox_take(c);
    pl_producer_poll(c->producer);
    int64_t now = pl_mono_us(c->clock);
    hear_lane(c);
    bool ended = expire(c, now);
    ended = dismiss(c) || ended;
    pass_sluices(c, now, ended);
    pl_client_flush_let_go(c);
}

static int64_t sooner(int64_t due, struct pl_sluice *g) {
    struct pl_held *h = pl_sluice_first(g);
    return h && h->give_up_us < due ? h->give_up_us : due;
}

int64_t pl_client_next_due(pouch_client *c) {
    int64_t due = pl_pending_due(&c->pending), send = pl_producer_due(c->producer);
    if (send < due) due = send;
    if (!c->connected) due = sooner(sooner(due, &c->sends), &c->requests);
    bool closing = atomic_load_explicit(&c->closing, memory_order_acquire);
    return closing && c->drain_until < due ? c->drain_until : due;
}

bool pl_client_is_done(pouch_client *c) {
    if (!atomic_load_explicit(&c->closing, memory_order_acquire)) return false;
    if (pl_mono_us(c->clock) >= c->drain_until) return true;
    return !atomic_load_explicit(&c->pending.open, memory_order_acquire) && !pl_producer_waiting(c->producer) &&
           !pl_sluice_first(&c->sends) && !pl_sluice_first(&c->requests);
}

static void end_open(pouch_client *c) {
    struct pl_call *open[PL_CLIENT_BATCH];
    size_t n;
    while ((n = pl_pending_close(&c->pending, open, PL_CLIENT_BATCH))) {
        for (size_t i = 0; i < n; i++)
            pl_call_answered(
                c, open[i],
                pl_fail(POUCH_E_CLOSED, "the client was closed before an answer came from %s", open[i]->topic), NULL);
        pl_client_flush_let_go(c);
    }
}

static void end_held(pouch_client *c, struct pl_sluice *g) {
    struct pl_held *h;
    while ((h = pl_sluice_first(g))) {
        struct pl_call *call = h->record.arg;
        pl_sluice_pop(g);
        pl_record_unsent(c, call, pl_fail(POUCH_E_CLOSED, "the client was closed before it could send"));
    }
}

/*
 * After the first end_open() no call can become open, and callers that wait in pouch_client_call()
 * have been woken. When the lock has been had alone once, nobody is inside a call any more or can
 * come in; what they left behind is ended then.
 */
void pl_client_finish(pouch_client *c) {
    c->is_finishing = true;
    end_open(c);
    pthread_rwlock_wrlock(&c->callers);
    pthread_rwlock_unlock(&c->callers);
    end_open(c);
    end_held(c, &c->sends);
    end_held(c, &c->requests);
    pl_lane_stop(&c->lane);
    pl_producer_free(c->producer, 0);
    pl_client_flush_let_go(c);
}
