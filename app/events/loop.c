/* What a loop does when there is something new: it hands out events, and keeps its streams alive. */
#include <base/log.h>
#include <events/sse.h>
#include <events/state.h>
#include <inttypes.h>
#include <metrics/metrics.h>
#include <stdio.h>
#include <time.h>

enum { BATCH = 64, BATCHES = 16 };

/* ---- any thread ---- */

/* The lock keeps the server there while it is posted to. */
void events_loop_wake(struct events_loop *l) {
    struct events *e = l->hub;
    if (atomic_exchange(&l->posted, true)) return;
    pthread_mutex_lock(&e->lock);
    if (!e->server || !httpd_post(e->server, l->index, &l->job)) atomic_store(&l->posted, false);
    pthread_mutex_unlock(&e->lock);
}

void events_loops_wake(struct events *e) {
    pthread_mutex_lock(&e->lock);
    int n = e->server ? httpd_loops(e->server) : 0;
    pthread_mutex_unlock(&e->lock);
    for (int i = 0; i < n; i++) events_loop_wake(&e->loops[i]);
}

const char *events_time(char out[EVENTS_TIME_MAX], int64_t ms) {
    time_t s = ms / 1000;
    struct tm t;
    gmtime_r(&s, &t);
    size_t n = strftime(out, EVENTS_TIME_MAX, "%Y-%m-%dT%H:%M:%S", &t);
    snprintf(out + n, EVENTS_TIME_MAX - n, ".%03dZ", (int)(ms % 1000));
    return out;
}

/* ---- its own ---- */

void events_loop_enter(struct events_loop *l) {
    l->busy++;
}

void events_loop_leave(struct events_loop *l) {
    struct events_client *c;
    if (--l->busy) return;
    while ((c = TAILQ_FIRST(&l->dead))) {
        TAILQ_REMOVE(&l->dead, c, link);
        events_client_free(c);
    }
}

typedef void each_fn(struct events_client *c, void *arg);

/* A client may leave the list while it is called for; others do not. */
static void each(struct events_clients *list, each_fn *fn, void *arg) {
    struct events_client *c, *next;
    for (c = TAILQ_FIRST(list); c; c = next) {
        next = TAILQ_NEXT(c, link);
        fn(c, arg);
    }
}

struct gift {
    const struct events_item *item;
    int64_t given;
};

static void give(struct events_client *c, void *arg) {
    struct gift *g = arg;
    const struct events_item *item = g->item;
    if (!events_set_has(&c->set, item->channel, item->hash)) return;
    enum events_sent sent = events_client_send(c, item->block);
    if (sent == EVENTS_SENT) g->given++;
    if (sent == EVENTS_FULL) events_client_fall_behind(c, item->offset);
}

static void lag(struct events_client *c, void *arg) {
    const struct events_loop *l = arg;
    events_client_fall_behind(c, l->next);
}

/* True: there may be more. */
static bool hand_out_batch(struct events_loop *l) {
    struct events_item *items[BATCH];
    size_t n;
    int64_t next = l->next;
    if (!events_ring_read(&l->hub->ring, &next, INT64_MAX, NULL, items, BATCH, &n)) {
        each(&l->live, lag, l); /* the loop stood still for so long: they are too late */
        l->next = events_ring_next(&l->hub->ring);
        return false;
    }
    l->next = next;
    struct gift g = {0};
    for (size_t i = 0; i < n; i++) {
        g.item = items[i];
        each(&l->live, give, &g);
        events_item_free(items[i]);
    }
    pl_metric_add(PL_M_EVENTS_SENT, g.given);
    return n == BATCH;
}

static void hand_out(struct events_loop *l) {
    int batches = 0;
    while (batches < BATCHES && hand_out_batch(l)) batches++;
    if (batches == BATCHES) events_loop_wake(l); /* others of the loop first */
}

/* What was told here has no place on the log; who is full does without. */
static void tell(struct events_client *c, void *arg) {
    const struct events_item *item = arg;
    if (events_set_has(&c->set, item->channel, item->hash)) (void)events_client_send(c, item->block);
}

static void tell_all(struct events_loop *l) {
    struct events_item *items[BATCH];
    size_t n;
    struct events_ring *tells = &l->hub->tells;
    if (!events_ring_read(tells, &l->told, INT64_MAX, NULL, items, BATCH, &n)) l->told = events_ring_first(tells);
    for (size_t i = 0; i < n; i++) {
        each(&l->live, tell, items[i]);
        each(&l->behind, tell, items[i]);
        events_item_free(items[i]);
    }
}

static void go_on(struct events_client *c, void *arg) {
    (void)arg;
    struct events_ring *ring = atomic_load(&c->ring);
    if (atomic_load(&c->lost))
        events_client_reset(c, "the log does not have the events after that id any more");
    else if (!c->blocked)
        events_client_pump(c);
    else if (ring && !events_ring_reaches(ring, atomic_load(&c->cursor)))
        events_client_drop_slow(c);
}

static void start_anew(struct events_client *c, void *arg) {
    (void)arg;
    events_client_reset(c, "the log of events was made anew");
}

/* ---- heartbeats ---- */

/* Made when the first stream wants them, then shared by all. */
struct beats {
    struct httpd_block *comment, *live, *behind;
    unsigned tick, passed; /* seconds, and those since the last look */
    int64_t now_ms, next;
};

static struct httpd_block *make_comment(void) {
    static const char text[] = ": keep-alive\n\n";
    return httpd_block_new(text, sizeof text - 1);
}

/* With the position, so that a stream whose channels are silent does not resume from long ago. */
static struct httpd_block *make_beat(const struct beats *b, bool with_id) {
    char text[160], now[EVENTS_TIME_MAX], id[40] = "";
    if (with_id && b->next) snprintf(id, sizeof id, "id: %" PRId64 "\n", b->next - 1);
    int n = snprintf(text, sizeof text, "%sevent: heartbeat\ndata: {\"timestamp\":\"%s\"}\n\n", id,
                     events_time(now, b->now_ms));
    return httpd_block_new(text, (size_t)n);
}

static struct httpd_block *beat_for(struct beats *b, const struct events_client *c, bool whole) {
    if (!whole) return b->comment ? b->comment : (b->comment = make_comment());
    if (c->live) return b->live ? b->live : (b->live = make_beat(b, true));
    return b->behind ? b->behind : (b->behind = make_beat(b, false));
}

static void beat(struct events_client *c, void *arg) {
    struct beats *b = arg;
    unsigned age = b->tick - c->joined, before = age > b->passed ? age - b->passed : 0;
    if (age / EVENTS_COMMENT_S == before / EVENTS_COMMENT_S) return;
    bool whole = age / EVENTS_BEAT_S != before / EVENTS_BEAT_S;
    struct httpd_block *block = beat_for(b, c, whole);
    if (block) (void)events_client_send(c, block);
}

static void beat_all(struct events_loop *l, unsigned passed) {
    struct beats b = {.tick = l->ticked, .passed = passed, .now_ms = pl_wall_ms(&pl_clock_system), .next = l->next};
    each(&l->live, beat, &b);
    each(&l->behind, beat, &b);
    httpd_block_free(b.comment);
    httpd_block_free(b.live);
    httpd_block_free(b.behind);
}

static void look_at_clock(struct events_loop *l) {
    unsigned tick = atomic_load(&l->hub->tick), passed = tick - l->ticked;
    if (!passed) return;
    l->ticked = tick;
    beat_all(l, passed);
}

static void look_at_log(struct events_loop *l) {
    unsigned epoch = atomic_load(&l->hub->epoch);
    if (l->epoch == epoch) return;
    l->epoch = epoch;
    l->next = events_ring_next(&l->hub->ring);
    each(&l->live, start_anew, NULL);
    each(&l->behind, start_anew, NULL);
}

static void carry_out_orders(struct events_loop *l) {
    struct events_orders orders = STAILQ_HEAD_INITIALIZER(orders);
    struct events_order *o;
    pthread_mutex_lock(&l->hub->lock);
    STAILQ_CONCAT(&orders, &l->orders);
    pthread_mutex_unlock(&l->hub->lock);
    while ((o = STAILQ_FIRST(&orders))) {
        STAILQ_REMOVE_HEAD(&orders, link);
        events_order_carry_out(l, o);
    }
}

void events_loop_run(struct httpd_job *job) {
    struct events_loop *l = (struct events_loop *)job;
    atomic_store(&l->posted, false);
    events_loop_enter(l);
    carry_out_orders(l);
    look_at_log(l);
    hand_out(l);
    tell_all(l);
    look_at_clock(l);
    each(&l->behind, go_on, NULL);
    events_loop_leave(l);
}
