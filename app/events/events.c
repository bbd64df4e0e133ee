/* The life of the room: the thread that follows the log, and the beginning and the end of all. */
#include <base/log.h>
#include <base/thread.h>
#include <base/why.h>
#include <events/state.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { SECOND_US = 1000000, OFTEN_S = 5, FLUSH_MS = 3000 };

/* An event that cannot be stored by then is told so while its sender still waits. */
static const struct pl_property own[] = {{(char *)"message.timeout.ms", (char *)"10000"}};

static pouch_err make_settings(struct events *e) {
    pouch_err err = pl_settings_insist(&e->settings, e->given, own, sizeof own / sizeof own[0]);
    e->settings.instance_id = NULL; /* that is for the group of the process */
    return err;
}

/* ---- the thread that follows ---- */

struct clock {
    int64_t second_us, connect_us; /* when the next is due */
    unsigned seconds;
};

static int64_t until_next(struct events *e, const struct clock *c) {
    int64_t now = pl_mono_us(&pl_clock_system), left = c->second_us - pl_mono_us(e->clock);
    int64_t send = pl_producer_due(e->producer) - now, talk = events_talk_due(e) - now;
    if (send < left) left = send;
    if (talk < left) left = talk;
    return left < 0 ? 0 : left;
}

static void connect_when_due(struct events *e, struct clock *c) {
    int64_t now = pl_mono_us(&pl_clock_system);
    if (e->reader || now < c->connect_us) return;
    if (events_log_connect(e)) events_log_trouble(e, pouch_why());
    c->connect_us = pl_mono_us(&pl_clock_system) + SECOND_US;
}

static void call_often(struct events *e) {
    pthread_mutex_lock(&e->often_lock);
    if (e->often) e->often(e->often_arg);
    pthread_mutex_unlock(&e->often_lock);
}

static void look_at_clock(struct events *e, struct clock *c) {
    int64_t now = pl_mono_us(e->clock);
    events_talk_tick(e);
    if (now < c->second_us) return;
    unsigned passed = (unsigned)((now - c->second_us) / SECOND_US) + 1;
    c->second_us += (int64_t)passed * SECOND_US;
    if ((c->seconds + passed) / OFTEN_S != c->seconds / OFTEN_S) call_often(e);
    c->seconds += passed;
    atomic_fetch_add(&e->tick, passed);
    events_loops_wake(e);
}

static void *follow(void *arg) {
    struct events *e = arg;
    struct clock c = {.second_us = pl_mono_us(e->clock) + SECOND_US};
    while (!atomic_load(&e->closing)) {
        connect_when_due(e, &c);
        pl_wake_wait(&e->wake, until_next(e, &c));
        pl_producer_poll(e->producer);
        if (e->reader) events_log_take(e);
        look_at_clock(e, &c);
    }
    return NULL;
}

/* ---- the beginning ---- */

static pouch_err make_names(struct events *e, const char *instance) {
    uint8_t random[EVENTS_TAG / 2];
    const char *id = e->given->client_id ? e->given->client_id : "pouch-gateway";
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        return pl_fail(POUCH_E_NO_MEMORY, "the system gives no random bytes");
    for (size_t i = 0; i < sizeof random; i++) snprintf(e->tag + 2 * i, 3, "%02x", random[i]);
    e->instance = strdup(instance);
    bool ok = e->instance && asprintf(&e->client_id, "%s.events", id) > 0;
    ok = ok && asprintf(&e->talk_topic, "%s.gateways", e->given->gateway_events_topic) > 0;
    return ok ? POUCH_OK : pl_fail(POUCH_E_NO_MEMORY, "out of memory for names");
}

static void make_loops(struct events *e) {
    for (int i = 0; i < HTTPD_LOOPS_MAX; i++) {
        struct events_loop *l = &e->loops[i];
        l->job.run = events_loop_run;
        l->hub = e;
        l->index = i;
        STAILQ_INIT(&l->orders);
        TAILQ_INIT(&l->live);
        TAILQ_INIT(&l->behind);
        TAILQ_INIT(&l->dead);
    }
}

static pouch_err make_parts(struct events *e, const char *instance) {
    pouch_err err = make_names(e, instance);
    if (!err) err = make_settings(e);
    if (!err && !(e->counts = json_object())) err = pl_fail(POUCH_E_NO_MEMORY, "out of memory for counts");
    if (!err) err = events_ring_init(&e->ring, EVENTS_RING, EVENTS_RING_BYTES);
    if (!err) err = events_ring_init(&e->tells, EVENTS_TELLS, EVENTS_TELLS_BYTES);
    if (!err) err = events_talk_new(e);
    if (!err && !(e->health = pl_kafka_health_new()))
        err = pl_fail(POUCH_E_NO_MEMORY, "out of memory for a connection");
    if (!err) err = pl_producer_new(&e->producer, &e->settings, e->client_id, e->health, &e->wake, events_delivered, e);
    return err;
}

static pouch_err start(struct events *e, const char *instance) {
    pouch_err err = make_parts(e, instance);
    if (!err) err = events_copies_new(&e->copies, e);
    if (!err) err = events_replays_start(e);
    if (!err) err = pl_thread_start(&e->thread, "pouch-events", follow, e);
    e->started = !err;
    return err;
}

static pouch_err make(struct events **out) {
    struct events *e = calloc(1, sizeof *e);
    if (!e) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for live events");
    TAILQ_INIT(&e->clients);
    pouch_err err = pl_fail(POUCH_E_NO_MEMORY, "out of memory for live events");
    if (pthread_mutex_init(&e->lock, NULL)) goto fail_lock;
    if (pthread_mutex_init(&e->often_lock, NULL)) goto fail_often;
    if (pthread_cond_init(&e->wanted, NULL)) goto fail_wanted;
    err = pl_wake_init(&e->wake);
    if (err) goto fail_wake;
    make_loops(e);
    *out = e;
    return POUCH_OK;

fail_wake:
    pthread_cond_destroy(&e->wanted);
fail_wanted:
    pthread_mutex_destroy(&e->often_lock);
fail_often:
    pthread_mutex_destroy(&e->lock);
fail_lock:
    free(e);
    return err;
}

pouch_err events_new(struct events **out, const struct pl_settings *s, const char *instance,
                     const struct pl_clock *clock) {
    struct events *e;
    pouch_err err = make(&e);
    if (err) return err;
    e->given = s;
    e->clock = clock;
    snprintf(e->why, sizeof e->why, "the log of events has not been found yet");
    err = start(e, instance);
    if (!err) {
        *out = e;
        return POUCH_OK;
    }
    char why[512];
    snprintf(why, sizeof why, "%s", pouch_why());
    events_free(e);
    return pl_fail(err, "%s", why);
}

void events_often(struct events *e, void (*fn)(void *arg), void *arg) {
    pthread_mutex_lock(&e->often_lock);
    if (!atomic_load(&e->stopping)) {
        e->often_arg = arg;
        e->often = fn;
    }
    pthread_mutex_unlock(&e->often_lock);
}

bool events_ready(struct events *e, char *why, size_t n) {
    pthread_mutex_lock(&e->lock);
    snprintf(why, n, "%s", e->why);
    pthread_mutex_unlock(&e->lock);
    return atomic_load(&e->ready);
}

json_t *events_status(struct events *e) {
    char why[sizeof e->why];
    bool ready = events_ready(e, why, sizeof why);
    return json_pack("{s:s, s:b, s:s, s:I, s:I, s:I}", "topic", e->settings.gateway_events_topic, "ready", ready,
                     "trouble", why, "clients", (json_int_t)events_clients_here(e), "from",
                     (json_int_t)events_ring_first(&e->ring), "next", (json_int_t)events_ring_next(&e->ring));
}

/* ---- the end ---- */

void events_stop(struct events *e) {
    pthread_mutex_lock(&e->lock);
    atomic_store(&e->stopping, true);
    e->server = NULL;
    pthread_mutex_unlock(&e->lock);
    pthread_mutex_lock(&e->often_lock);
    e->often = NULL;
    pthread_mutex_unlock(&e->often_lock);
    events_talk_end(e);
    if (atomic_load(&e->ready)) events_talk_bye(e);
    events_replays_stop(e);
}

/* What no loop has carried out. */
static void end_orders(struct events_loop *l) {
    struct events_order *o;
    while ((o = STAILQ_FIRST(&l->orders))) {
        STAILQ_REMOVE_HEAD(&l->orders, link);
        if (o->changed) o->changed(POUCH_E_CLOSED, "Service is shutting down", NULL, o->arg);
        events_order_free(o);
    }
}

static void free_parts(struct events *e) {
    for (int i = 0; i < HTTPD_LOOPS_MAX; i++) end_orders(&e->loops[i]);
    events_talk_free(e);
    events_replays_free(e);
    events_sources_free(&e->sources);
    events_ring_free(&e->ring);
    events_ring_free(&e->tells);
    json_decref(e->counts);
    pl_kafka_health_free(e->health);
    free(e->settings.kafka);
    free(e->instance);
    free(e->client_id);
    free(e->talk_topic);
}

void events_free(struct events *e) {
    if (!e) return;
    if (!atomic_load(&e->stopping)) events_stop(e);
    atomic_store(&e->closing, true);
    pl_wake_signal(&e->wake);
    if (e->started) pthread_join(e->thread, NULL);
    events_copies_free(e->copies);
    pl_reader_free(e->reader);
    pl_producer_free(e->producer, FLUSH_MS);
    free_parts(e);
    pl_wake_free(&e->wake);
    pthread_cond_destroy(&e->wanted);
    pthread_mutex_destroy(&e->often_lock);
    pthread_mutex_destroy(&e->lock);
    free(e);
}
