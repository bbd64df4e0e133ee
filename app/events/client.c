/* One stream: how it begins, what it is sent, how it ends. */
#include <base/log.h>
#include <base/why.h>
#include <events/sse.h>
#include <events/state.h>
#include <inttypes.h>
#include <metrics/metrics.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 32, RETRY_MS = 2000, AWAY_MS = 5000 };

static const struct events_event beginning = {.name = "connected", .retry_ms = RETRY_MS};

/* ---- the end ---- */

void events_client_free(struct events_client *c) {
    events_set_free(&c->set);
    free(c->user);
    free(c->owner);
    free(c->text);
    free(c);
}

static void leave(struct events_client *c) {
    struct events *e = c->loop->hub;
    pthread_mutex_lock(&e->lock);
    TAILQ_REMOVE(&e->clients, c, all);
    events_list_count(e, &c->set, -1);
    if (c->waits) e->n_waiting--;
    pthread_mutex_unlock(&e->lock);
    atomic_fetch_sub(&e->n_clients, 1);
    pl_metric_add(PL_M_EVENTS_CLIENTS, -1);
    events_talk_changed(e);
}

static void on_ended(struct httpd_stream *s, enum httpd_ended why, void *arg) {
    struct events_client *c = arg;
    struct events_loop *l = c->loop;
    (void)s;
    if (why == HTTPD_SLOW) {
        pl_metric_add(PL_M_EVENTS_SLOW, 1);
        PL_LOG(PL_LOG_WARN, "a client of events was dropped: it took nothing for too long", "client", c->id);
    }
    events_loop_enter(l);
    TAILQ_REMOVE(c->live ? &l->live : &l->behind, c, link);
    TAILQ_INSERT_TAIL(&l->dead, c, link);
    c->stream = NULL;
    leave(c);
    if (c->ended) c->ended(c->arg);
    events_loop_leave(l);
}

/* "retry: 5341" and why. Spread, so that those who are sent away together do not come back together. */
static struct httpd_block *last_words(const char *why, int retry_ms) {
    char text[300];
    int spread = (int)(pl_mono_us(&pl_clock_system) % retry_ms);
    int n = snprintf(text, sizeof text, "retry: %d\n: %.200s\n\n", retry_ms / 2 + spread, why);
    return httpd_block_new(text, (size_t)n);
}

static void end(struct events_client *c, const char *why) {
    struct httpd_block *block = last_words(why, RETRY_MS);
    c->ending = true;
    httpd_stream_end(c->stream, block);
    httpd_block_free(block);
}

static void on_stopping(struct httpd_stream *s, void *arg) {
    struct events_client *c = arg;
    struct events_loop *l = c->loop;
    (void)s;
    events_loop_enter(l);
    if (!c->ending) end(c, "Service is shutting down");
    events_loop_leave(l);
}

void events_client_drop_slow(struct events_client *c) {
    pl_metric_add(PL_M_EVENTS_SLOW, 1);
    PL_LOG(PL_LOG_WARN, "a client of events was dropped: what it has not taken is no longer kept for it", "client",
           c->id);
    c->ending = true;
    httpd_stream_drop(c->stream);
}

/* ---- sending ---- */

enum events_sent events_client_send(struct events_client *c, struct httpd_block *b) {
    if (!c->stream || c->ending) return EVENTS_OVER;
    if (c->is_over && c->is_over(c->arg)) {
        end(c, "the right to this stream has ended");
        return EVENTS_OVER;
    }
    return httpd_stream_send(c->stream, b) ? EVENTS_SENT : EVENTS_FULL;
}

static void settle(struct events_client *c, bool live) {
    struct events_loop *l = c->loop;
    if (c->live == live || !c->stream) return;
    TAILQ_REMOVE(live ? &l->behind : &l->live, c, link);
    TAILQ_INSERT_TAIL(live ? &l->live : &l->behind, c, link);
    c->live = live;
}

void events_client_fall_behind(struct events_client *c, int64_t cursor) {
    atomic_store(&c->cursor, cursor);
    c->blocked = c->stream && httpd_stream_queued(c->stream) > 0;
    settle(c, false);
}

static struct httpd_block *block_of(const struct events_event *event, const char *id) {
    struct pl_buf text;
    size_t n = 0;
    char *data = event->data ? pl_json_text(event->data, &n) : NULL;
    const struct sse_event sse = {.id = id, .name = event->name, .retry_ms = event->retry_ms, .data = {data, n}};
    pl_buf_init(&text, EVENTS_BYTES_MAX);
    struct httpd_block *b = data && !events_write(&text, &sse) ? httpd_block_new(text.at, text.len) : NULL;
    pl_buf_free(&text);
    free(data);
    return b;
}

/* Who cannot be told of its own stream is dropped: it would go on with a wrong picture. */
void events_client_say(struct events_client *c, const struct events_event *event, const char *id) {
    struct httpd_block *b = block_of(event, id);
    enum events_sent sent = b ? events_client_send(c, b) : EVENTS_FULL;
    httpd_block_free(b);
    json_decref((json_t *)(uintptr_t)event->data);
    if (sent == EVENTS_FULL && c->stream && !c->ending) events_client_drop_slow(c);
}

/* How a stream that has seen all before that offset is to come back. */
static const char *id_before(char out[24], int64_t offset) {
    snprintf(out, 24, "%" PRId64, offset - 1);
    return offset > 0 ? out : "earliest";
}

static void wait_no_more(struct events_client *c) {
    struct events *e = c->loop->hub;
    pthread_mutex_lock(&e->lock);
    if (c->waits) e->n_waiting--;
    c->waits = false;
    pthread_mutex_unlock(&e->lock);
}

/* It may wait for a replay, which would take it for a reader of its own for as long as it lives. */
void events_client_reset(struct events_client *c, const char *why) {
    struct events *e = c->loop->hub;
    char id[24], now[EVENTS_TIME_MAX];
    struct events_event event = {.name = "reset"};
    events_time(now, pl_wall_ms(&pl_clock_system));
    event.data = json_pack("{s:s, s:s}", "reason", why, "timestamp", now);
    pl_metric_add(PL_M_EVENTS_RESETS, 1);
    wait_no_more(c);
    atomic_store(&c->lost, false);
    atomic_store(&c->ring, &e->ring);
    atomic_store(&c->cursor, c->loop->next);
    c->blocked = false;
    settle(c, true);
    events_client_say(c, &event, id_before(id, c->loop->next));
}

/* ---- catching up ---- */

/* The items after one that was not taken are looked up once more when there is room. */
static void send_items(struct events_client *c, struct events_item *items[], size_t n) {
    int64_t given = 0;
    size_t i = 0;
    for (bool go_on = true; go_on && i < n; i++) {
        enum events_sent sent = events_client_send(c, items[i]->block);
        if (sent == EVENTS_SENT) given++;
        c->blocked = sent == EVENTS_FULL && httpd_stream_queued(c->stream); /* else it never fits, and is passed over */
        if (c->blocked) atomic_store(&c->cursor, items[i]->offset);
        go_on = sent != EVENTS_OVER && !c->blocked;
    }
    for (i = 0; i < n; i++) events_item_free(items[i]);
    pl_metric_add(PL_M_EVENTS_SENT, given);
}

/* False: there is nothing more for now. */
static bool read_on(struct events_client *c, struct events_ring *ring, int64_t until) {
    struct events_item *items[BATCH];
    size_t n;
    int64_t before = atomic_load(&c->cursor), cursor = before;
    if (!events_ring_read(ring, &cursor, until, &c->set, items, BATCH, &n)) {
        events_client_drop_slow(c);
        return false;
    }
    atomic_store(&c->cursor, cursor);
    send_items(c, items, n);
    return cursor > before;
}

/* From a replay to what is in memory, as soon as that reaches back far enough. */
static struct events_ring *ring_of(struct events_client *c) {
    struct events *e = c->loop->hub;
    struct events_ring *ring = atomic_load(&c->ring);
    if (ring && ring != &e->ring && events_ring_reaches(&e->ring, atomic_load(&c->cursor))) {
        atomic_store(&c->ring, &e->ring);
        ring = &e->ring;
    }
    return ring;
}

void events_client_pump(struct events_client *c) {
    struct events_loop *l = c->loop;
    struct events_ring *ring;
    bool more = true;
    while (more && c->stream && !c->ending && !c->blocked && (ring = ring_of(c))) {
        bool last = ring == &l->hub->ring;
        if (last && atomic_load(&c->cursor) == l->next) {
            settle(c, true);
            return;
        }
        more = atomic_load(&c->cursor) < l->next || !last ? read_on(c, ring, last ? l->next : INT64_MAX) : false;
    }
}

static void on_drained(struct httpd_stream *s, void *arg) {
    struct events_client *c = arg;
    struct events_loop *l = c->loop;
    (void)s;
    c->blocked = false;
    if (c->live || c->ending) return;
    events_loop_enter(l);
    events_client_pump(c);
    events_loop_leave(l);
}

static const struct httpd_stream_events stream_events = {on_drained, on_stopping, on_ended};

/* ---- the beginning ---- */

/* The offset after the one that it has seen; -1: that is no id. */
static int64_t cursor_of(const char *since) {
    if (!strcmp(since, "earliest")) return 0;
    size_t n = strlen(since);
    if (!n || n > 18 || strspn(since, "0123456789") != n) return -1;
    return strtoll(since, NULL, 10) + 1;
}

static void wait_for_replay(struct events_client *c) {
    struct events *e = c->loop->hub;
    pthread_mutex_lock(&e->lock);
    c->waits = true;
    e->n_waiting++;
    pthread_cond_signal(&e->wanted);
    pthread_mutex_unlock(&e->lock);
}

/* A loop without streams has not followed. */
static void catch_up(struct events_loop *l) {
    struct events *e = l->hub;
    if (!TAILQ_EMPTY(&l->live) || !TAILQ_EMPTY(&l->behind)) return;
    l->next = events_ring_next(&e->ring);
    l->told = events_ring_next(&e->tells);
    l->ticked = atomic_load(&e->tick);
    l->epoch = atomic_load(&e->epoch);
}

static void say_beginning(struct events_client *c) {
    char id[24], now[EVENTS_TIME_MAX];
    struct events_event event = beginning, subscribed = {.name = "subscription_updated"};
    events_time(now, c->since_ms);
    event.data = json_pack("{s:s, s:s, s:s}", "message", "Connected to the stream of events", "clientId", c->id,
                           "timestamp", now);
    events_client_say(c, &event, id_before(id, atomic_load(&c->cursor)));
    if (c->ending) return;
    subscribed.data = json_pack("{s:o}", "subscribedChannels", events_set_list(&c->set));
    events_client_say(c, &subscribed, NULL);
}

/* On from `since`: out of memory, or the log itself where it is from before that, or ahead of it. */
static void begin(struct events_client *c, const char *since) {
    struct events *e = c->loop->hub;
    int64_t cursor = since ? cursor_of(since) : c->loop->next;
    atomic_store(&c->cursor, cursor < 0 ? c->loop->next : cursor);
    say_beginning(c);
    if (c->ending) return;
    if (cursor < 0) {
        events_client_reset(c, "the id to go on from is none of ours");
    } else if (events_ring_reaches(&e->ring, cursor) && cursor <= events_ring_next(&e->ring)) {
        atomic_store(&c->ring, &e->ring);
        events_client_pump(c);
    } else {
        wait_for_replay(c);
    }
}

static struct events_client *client_new(struct events_loop *l, const struct events_wish *w) {
    struct events_client *c = calloc(1, sizeof *c);
    if (!c) return NULL;
    *c = (struct events_client){.loop = l, .is_over = w->is_over, .ended = w->ended, .arg = w->arg};
    c->since_ms = pl_wall_ms(&pl_clock_system);
    c->user = w->user ? strdup(w->user) : NULL;
    c->owner = strdup(w->owner ? w->owner : "");
    pouch_err e =
        w->n ? events_set_add(&c->set, w->channels, w->n) : events_set_add(&c->set, events_defaults, events_n_defaults);
    bool ok = !e && c->owner && (c->user || !w->user) && events_client_name(c->id, l->hub->tag);
    if (ok && events_list_note(c)) return c;
    events_client_free(c);
    return NULL;
}

static void headers(struct httpd_answer *a) {
    httpd_answer_init(a);
    a->type = "text/event-stream";
    if (httpd_answer_field(a, "X-Accel-Buffering", "no"))
        PL_LOG(PL_LOG_WARN, "a stream has no field that tells proxies not to buffer", "reason", pouch_why());
}

static void enter(struct events_client *c) {
    struct events *e = c->loop->hub;
    pthread_mutex_lock(&e->lock);
    TAILQ_INSERT_TAIL(&e->clients, c, all);
    events_list_count(e, &c->set, 1);
    pthread_mutex_unlock(&e->lock);
    pl_metric_add(PL_M_EVENTS_CLIENTS, 1);
    catch_up(c->loop);
    c->joined = c->loop->ticked;
    TAILQ_INSERT_TAIL(&c->loop->behind, c, link);
    events_talk_changed(e);
}

/* The client's `ended` is called whatever happens from here on. */
static pouch_err open_stream(struct events_client *c, struct httpd_call *call, const char *since) {
    struct events_loop *l = c->loop;
    struct httpd_answer a;
    headers(&a);
    pouch_err e = httpd_stream_open(&c->stream, call, &a, &stream_events, c);
    httpd_answer_free(&a);
    if (e) {
        atomic_fetch_sub(&l->hub->n_clients, 1);
        if (c->ended) c->ended(c->arg);
        events_client_free(c);
        return e == POUCH_E_NOT_FOUND ? POUCH_OK : e;
    }
    events_loop_enter(l);
    enter(c);
    begin(c, since);
    events_loop_leave(l);
    return POUCH_OK;
}

/* NULL: nothing is in the way, and the client counts. */
static const char *why_not(struct events *e, struct httpd *server) {
    pthread_mutex_lock(&e->lock);
    bool stopping = atomic_load(&e->stopping);
    if (!stopping) e->server = server;
    pthread_mutex_unlock(&e->lock);
    if (stopping) return "Service is shutting down";
    if (!atomic_load(&e->ready)) return "the log of events is not there yet";
    if (atomic_fetch_add(&e->n_clients, 1) >= e->given->gateway_streams) {
        atomic_fetch_sub(&e->n_clients, 1);
        return "there are as many clients as there may be";
    }
    return NULL;
}

pouch_err events_join(struct events *e, struct httpd *server, struct httpd_call *call, const struct events_wish *w) {
    const char *why = why_not(e, server);
    struct events_client *c = why ? NULL : client_new(&e->loops[httpd_call_loop(call)], w);
    if (c) return open_stream(c, call, w->since);
    if (!why) atomic_fetch_sub(&e->n_clients, 1);
    if (w->ended) w->ended(w->arg);
    return events_turn_away(call, why ? why : "there is no memory");
}

static void on_turned(struct httpd_stream *s, enum httpd_ended why, void *arg) {
    (void)s, (void)why, (void)arg;
}

pouch_err events_turn_away(struct httpd_call *call, const char *why) {
    static const struct httpd_stream_events events = {.ended = on_turned};
    struct httpd_stream *s;
    struct httpd_answer a;
    headers(&a);
    pl_metric_add(PL_M_EVENTS_TURNED_AWAY, 1);
    pouch_err e = httpd_stream_open(&s, call, &a, &events, NULL);
    httpd_answer_free(&a);
    if (e) return e == POUCH_E_NOT_FOUND ? POUCH_OK : e;
    struct httpd_block *block = last_words(why, AWAY_MS);
    httpd_stream_end(s, block);
    httpd_block_free(block);
    return POUCH_OK;
}
