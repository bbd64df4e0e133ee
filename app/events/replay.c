/*
 * Reading back what has left memory, for streams that resume from before it. One thread serves all that wait when
 * it begins, each from its own place, by a ring of its own that moves along the log no faster than the slowest of them
 * takes it, for as long as that is bearable; whoever is left behind then is dropped, as it would be by the live ring.
 */
#include <base/log.h>
#include <base/thread.h>
#include <base/why.h>
#include <cluster/cluster.h>
#include <events/state.h>
#include <string.h>

enum { CALL_MS = 2000, BATCH = 128, TURN_US = 20000, PATIENCE_US = 10000000, FAILED_US = 1000000 };

struct session {
    struct events_replay *replay;
    struct events *hub;
    struct pl_reader *reader;
    struct events_sources sources;
    int64_t from;     /* the first offset that anybody wants */
    int64_t slowest;  /* cursor of those who read here */
    int64_t waits_us; /* since when the slowest is where it is */
};

static bool stops(const struct events *e) {
    return atomic_load(&e->stopping);
}

/* ---- who takes part ---- */

/* Under the lock: from where they want it, of those that wait. */
static int64_t find_from(struct events *e, int64_t low, int64_t first) {
    int64_t from = INT64_MAX;
    struct events_client *c;
    TAILQ_FOREACH(c, &e->clients, all) {
        if (!c->waits) continue;
        int64_t cursor = atomic_load(&c->cursor);
        if (!cursor) atomic_store(&c->cursor, cursor = low); /* from the earliest */
        if (cursor >= low && cursor < first && cursor < from) from = cursor;
    }
    return from;
}

/*
 * The ends of the log decide: what is before it is lost, what is behind it cannot be, the rest takes part. A loop reads
 * a ring as soon as its client has it, so the ring begins before that.
 */
static bool adopt(struct session *s, int64_t low, int64_t high) {
    struct events_client *c;
    struct events *e = s->hub;
    pthread_mutex_lock(&e->lock);
    int64_t first = events_ring_first(&e->ring);
    s->from = find_from(e, low, first <= high ? first : high + 1);
    events_ring_restart(&s->replay->ring, s->from);
    TAILQ_FOREACH(c, &e->clients, all) {
        if (!c->waits) continue;
        int64_t cursor = atomic_load(&c->cursor);
        if (cursor < low || cursor > high)
            atomic_store(&c->lost, true);
        else
            atomic_store(&c->ring, cursor >= first ? &e->ring : &s->replay->ring);
        c->waits = false;
        e->n_waiting--;
    }
    pthread_mutex_unlock(&e->lock);
    return s->from < INT64_MAX;
}

/* Nobody: INT64_MAX. */
static int64_t find_slowest(struct session *s) {
    int64_t slowest = INT64_MAX;
    const struct events_client *c;
    pthread_mutex_lock(&s->hub->lock);
    TAILQ_FOREACH(c, &s->hub->clients, all) {
        int64_t cursor = atomic_load(&c->cursor);
        if (atomic_load(&c->ring) == &s->replay->ring && !atomic_load(&c->lost) && cursor < slowest) slowest = cursor;
    }
    pthread_mutex_unlock(&s->hub->lock);
    return slowest;
}

static void lose_all(struct session *s) {
    struct events_client *c;
    pthread_mutex_lock(&s->hub->lock);
    TAILQ_FOREACH(c, &s->hub->clients, all)
    if (atomic_load(&c->ring) == &s->replay->ring) atomic_store(&c->lost, true);
    pthread_mutex_unlock(&s->hub->lock);
    events_loops_wake(s->hub);
}

/* ---- reading ---- */

static void take_one(struct session *s, const rd_kafka_message_t *m) {
    struct events_ring *ring = &s->replay->ring;
    struct events_item *item = events_log_item(m, &s->sources);
    if (item && m->offset >= s->from)
        events_ring_append(ring, item);
    else if (item)
        events_item_free(item);
    events_ring_advance(ring, m->offset + 1);
}

/* False: the log is gone. */
static bool take(struct session *s) {
    rd_kafka_message_t *m[BATCH];
    enum pl_reader_trouble trouble = PL_READER_NONE;
    size_t n = pl_reader_take(s->reader, m, BATCH, &trouble);
    for (size_t i = 0; i < n; i++) {
        take_one(s, m[i]);
        rd_kafka_message_destroy(m[i]);
    }
    if (n) events_loops_wake(s->hub);
    return !trouble;
}

/* Whether the oldest that is kept is still wanted, so that nothing further is to come in. */
static bool is_held(struct session *s, int64_t now) {
    int64_t oldest, slowest = find_slowest(s);
    if (slowest != s->slowest) s->waits_us = now;
    s->slowest = slowest;
    bool full = events_ring_is_full(&s->replay->ring, &oldest);
    return full && slowest <= oldest && now - s->waits_us < PATIENCE_US;
}

/* Until all have gone over to what is in memory, or have left. */
static void serve(struct session *s) {
    for (;;) {
        bool held = is_held(s, pl_mono_us(&pl_clock_system));
        if (stops(s->hub) || s->slowest == INT64_MAX) return;
        if (!held && !take(s)) {
            lose_all(s);
            return;
        }
        pl_wake_wait(&s->replay->wake, TURN_US);
    }
}

static pouch_err open_log(struct session *s) {
    struct events *e = s->hub;
    int64_t start = s->from > EVENTS_OVERLAP ? s->from - EVENTS_OVERLAP : 0;
    const struct pl_position p = {e->partition, start};
    pouch_err err = pl_reader_new(&s->reader, &e->settings, e->client_id, e->mock, e->health, &s->replay->wake);
    if (!err) err = pl_reader_assign(s->reader, e->settings.gateway_events_topic, &p, 1, true);
    return err;
}

static pouch_err ask_ends(struct events *e, int64_t *low, int64_t *high) {
    rd_kafka_t *rk = pl_producer_take(e->producer);
    pouch_err err = pl_topic_offsets(rk, e->settings.gateway_events_topic, e->partition, low, high, CALL_MS);
    pl_producer_give(rk);
    return err;
}

static pouch_err run_session(struct events_replay *r) {
    struct session s = {.replay = r, .hub = r->hub};
    int64_t low, high;
    events_ring_restart(&r->ring, INT64_MAX);
    pouch_err err = ask_ends(r->hub, &low, &high);
    if (err) return err;
    bool any = adopt(&s, low, high);
    if (any) err = open_log(&s);
    events_loops_wake(r->hub);
    if (any && !err) serve(&s);
    if (any && err) lose_all(&s);
    pl_reader_free(s.reader);
    events_sources_free(&s.sources);
    events_ring_restart(&r->ring, INT64_MAX);
    return err;
}

/* ---- the threads ---- */

static bool wait_for_work(struct events *e) {
    pthread_mutex_lock(&e->lock);
    while (!stops(e) && !e->n_waiting) pthread_cond_wait(&e->wanted, &e->lock);
    pthread_mutex_unlock(&e->lock);
    return !stops(e);
}

static void *run(void *arg) {
    struct events_replay *r = arg;
    while (wait_for_work(r->hub)) {
        if (!run_session(r)) continue;
        PL_LOG(PL_LOG_WARN, "streams that resume wait for the log of events", "why", pouch_why());
        pl_wake_wait(&r->wake, FAILED_US);
    }
    return NULL;
}

static pouch_err start(struct events_replay *r, struct events *e) {
    r->hub = e;
    pouch_err err = pl_wake_init(&r->wake);
    if (err) return err;
    err = events_ring_init(&r->ring, EVENTS_REPLAY_RING, EVENTS_REPLAY_BYTES);
    if (!err) err = pl_thread_start(&r->thread, "pouch-replay", run, r);
    r->started = !err;
    if (!err) return POUCH_OK;
    events_ring_free(&r->ring);
    pl_wake_free(&r->wake);
    return err;
}

pouch_err events_replays_start(struct events *e) {
    pouch_err err = POUCH_OK;
    for (size_t i = 0; !err && i < EVENTS_REPLAYS; i++) err = start(&e->replays[i], e);
    return err;
}

/* stopping has been set. Loops may still look into the rings. */
void events_replays_stop(struct events *e) {
    pthread_mutex_lock(&e->lock);
    pthread_cond_broadcast(&e->wanted);
    pthread_mutex_unlock(&e->lock);
    for (size_t i = 0; i < EVENTS_REPLAYS; i++) {
        struct events_replay *r = &e->replays[i];
        if (!r->started) continue;
        pl_wake_signal(&r->wake);
        pthread_join(r->thread, NULL);
    }
}

void events_replays_free(struct events *e) {
    for (size_t i = 0; i < EVENTS_REPLAYS; i++) {
        struct events_replay *r = &e->replays[i];
        if (!r->started) continue;
        events_ring_free(&r->ring);
        pl_wake_free(&r->wake);
    }
}
