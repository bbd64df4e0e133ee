/* A client's beginning and end, and the two ways in which its thread's work is run. */
#include <base/thread.h>
#include <base/why.h>
#include <client/client.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <store/message_log.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum {
    HELD_BYTES = 64 * 1024 * 1024,   /* of requests that wait for a broker */
    REPLY_BYTES = 512 * 1024 * 1024, /* more than a fetch can bring */
};

pouch_err pl_client_enter(pouch_client *c) {
    bool closing = atomic_load_explicit(&c->closing, memory_order_acquire);
    if (!closing) {
        pthread_rwlock_rdlock(&c->callers);
        closing = atomic_load_explicit(&c->closing, memory_order_acquire);
        if (!closing) return POUCH_OK;
        pthread_rwlock_unlock(&c->callers);
    }
    return pl_fail(POUCH_E_CLOSED, "the client is closing");
}

void pl_client_leave(pouch_client *c) {
    /* What this call withdrew may be what the closer waits for. */
    if (atomic_load_explicit(&c->closing, memory_order_acquire)) pl_wake_signal(&c->wake);
    pthread_rwlock_unlock(&c->callers);
}

static void *run(void *arg) {
    pouch_client *c = arg;
    while (!pl_client_is_done(c)) {
        int64_t due = pl_client_next_due(c), now = pl_mono_us(c->clock);
        pl_wake_wait(&c->wake, due == INT64_MAX ? -1 : due > now ? due - now : 0);
        pl_client_turn(c);
    }
    pl_client_finish(c);
    return NULL;
}

static pouch_err read_settings(pouch_client *c, const pouch_options *o) {
    struct pl_settings *s = &c->settings;
    pouch_err e = pl_settings_read(s, o);
    if (e) return e;
    /* Of no use after the usual deadline, so a client holds a record for less time than a worker holds an answer. */
    e = pl_settings_suggest(s, "message.timeout.ms", "30000");
    snprintf(c->client_id, sizeof c->client_id, "%s", s->client_id ? s->client_id : "pouch-client");
    int n = s->reply_topic ? snprintf(c->reply_topic, sizeof c->reply_topic, "%s", s->reply_topic)
                           : snprintf(c->reply_topic, sizeof c->reply_topic, "%s.replies", c->client_id);
    if (!e && !pl_name_valid(c->reply_topic, (size_t)n))
        e = pl_fail(POUCH_E_CONFIG, "%s cannot name the reply topic: set reply.topic, or a shorter client.id",
                    c->reply_topic);
    if (e) pl_settings_free(s);
    return e;
}

static pouch_err open_inbox(struct pl_inbox *in, pouch_keyring *ring, enum pl_over_limit over) {
    pl_buf_init(&in->plain, REPLY_BYTES);
    return pl_sealer_new(&in->sealer, ring, over);
}

static void close_inbox(struct pl_inbox *in) {
    pl_reader_free(in->reader);
    pl_sealer_free(in->sealer);
    pl_buf_wipe(&in->plain);
}

/* What has no thread and no handle yet. */
static pouch_err open_tables(pouch_client *c, pouch_keyring *ring) {
    const struct pl_settings *s = &c->settings;
    enum pl_over_limit over = s->over_limit_stop ? PL_OVER_LIMIT_STOP : PL_OVER_LIMIT_WARN;
    pouch_err e = POUCH_E_NO_MEMORY;
    if (pthread_rwlock_init(&c->callers, NULL)) goto fail_callers;
    if ((e = pl_pending_init(&c->pending, s->max_pending))) goto fail_pending;
    if ((e = pl_sluice_init(&c->sends, HELD_BYTES, s->max_pending))) goto fail_sends;
    if ((e = pl_sluice_init(&c->requests, HELD_BYTES, s->max_pending))) goto fail_requests;
    if ((e = pl_ask_desks_init(&c->desks, ring, over, REPLY_BYTES))) goto fail_desks;
    if ((e = open_inbox(&c->inbox, ring, over))) goto fail_inbox;
    if (s->no_responders && !(c->watch = pl_watch_new(&c->pending, c->clock))) {
        e = pl_fail(POUCH_E_NO_MEMORY, "out of memory for a client");
        goto fail_watch;
    }
    return POUCH_OK;

fail_watch:
    close_inbox(&c->inbox);
fail_inbox:
    pl_ask_desks_free(&c->desks);
fail_desks:
    pl_sluice_free(&c->requests);
fail_requests:
    pl_sluice_free(&c->sends);
fail_sends:
    pl_pending_free(&c->pending);
fail_pending:
    pthread_rwlock_destroy(&c->callers);
fail_callers:
    return e;
}

static void close_tables(pouch_client *c) {
    pl_watch_free(c->watch);
    close_inbox(&c->inbox);
    pl_ask_desks_free(&c->desks);
    pl_sluice_free(&c->requests);
    pl_sluice_free(&c->sends);
    pl_pending_free(&c->pending);
    pthread_rwlock_destroy(&c->callers);
}

static void close_poll(pouch_client *c) {
    if (c->timer_fd >= 0) close(c->timer_fd);
    if (c->poll_fd >= 0) close(c->poll_fd);
}

static bool watch(int poll_fd, int fd) {
    struct epoll_event readable = {.events = EPOLLIN};
    return fd >= 0 && !epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &readable);
}

/*
 * One descriptor for the caller's loop: readable when there is work, or when the timer for the next deadline has run
 * out.
 */
static pouch_err open_poll(pouch_client *c) {
    c->poll_fd = c->timer_fd = -1;
    if (c->settings.thread) return POUCH_OK;
    c->poll_fd = epoll_create1(EPOLL_CLOEXEC);
    c->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (c->poll_fd >= 0 && watch(c->poll_fd, c->wake.fd) && watch(c->poll_fd, c->timer_fd)) return POUCH_OK;
    int error = errno;
    close_poll(c);
    return pl_fail(POUCH_E_OVERLOADED, "no descriptor to poll: %s; raise the limit of open files",
                   strerrordesc_np(error));
}

/* What runs by itself. */
static pouch_err start(pouch_client *c) {
    const struct pl_settings *s = &c->settings;
    pouch_err e = pl_wake_init(&c->wake);
    if (e) goto fail_wake;
    if ((e = open_poll(c))) goto fail_poll;
    c->health = pl_kafka_health_new();
    if (!c->health) e = pl_fail(POUCH_E_NO_MEMORY, "out of memory for a client");
    if (e) goto fail_health;
    if ((e = pl_producer_new(&c->producer, s, c->client_id, c->health, &c->wake, pl_call_delivered, c)))
        goto fail_producer;
    if ((e = pl_lane_start(&c->lane, s, c->client_id, c->reply_topic, c->health, c->producer, c->watch, &c->wake)))
        goto fail_lane;
    if (s->thread && (e = pl_thread_start(&c->thread, "pouch-client", run, c))) goto fail_thread;
    return POUCH_OK;

fail_thread:
    pl_lane_stop(&c->lane);
fail_lane:
    pl_producer_free(c->producer, 0);
fail_producer:
    pl_kafka_health_free(c->health);
fail_health:
    close_poll(c);
fail_poll:
    pl_wake_free(&c->wake);
fail_wake:
    return e;
}

pouch_err pouch_client_new(pouch_client **out, const pouch_options *o, pouch_keyring *ring) {
    *out = NULL;
    pouch_client *c = calloc(1, sizeof *c);
    if (!c) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a client");
    c->clock = &pl_clock_system;
    c->dialect = &pl_dialect_splp;
    pouch_err e = read_settings(c, o);
    if (e) goto fail_settings;
    if ((e = pl_message_log_open(&c->tracer, &c->settings))) goto fail_log;
    if ((e = open_tables(c, ring))) goto fail_tables;
    if ((e = pouch_keyring_follow(ring, c->settings.seal_counts))) goto fail_start;
    if ((e = start(c))) goto fail_start;
    *out = c;
    return POUCH_OK;

fail_start:
    close_tables(c);
fail_tables:
    pl_tracer_free(c->tracer, 0);
fail_log:
    pl_settings_free(&c->settings);
fail_settings:
    free(c);
    return e;
}

void pouch_client_close(pouch_client *c, int drain) {
    if (!c) return;
    c->drain_until = pl_mono_us(c->clock) + (drain > 0 ? (int64_t)drain * 1000 : 0);
    atomic_store_explicit(&c->closing, true, memory_order_release);
    pl_wake_signal(&c->wake);
    if (c->settings.thread)
        pthread_join(c->thread, NULL);
    else
        run(c);
    close_poll(c);
    close_tables(c); /* the reader signals the wake, so it goes first */
    pl_kafka_health_free(c->health);
    pl_wake_free(&c->wake);
    pl_tracer_free(c->tracer, PL_MESSAGE_LOG_FLUSH_MS);
    pl_settings_free(&c->settings);
    free(c);
}

int pouch_client_ready(const pouch_client *c) {
    return pl_sluice_is_open(&c->requests);
}

int pouch_client_fd(const pouch_client *c) {
    return c->poll_fd;
}

/* The timer is set anew in any case, which makes its descriptor unreadable again. */
static void set_timer(pouch_client *c) {
    int64_t due = pl_client_next_due(c);
    struct itimerspec at = {0};
    if (due != INT64_MAX) {
        if (due < 1) due = 1; /* zero would stop the timer */
        at.it_value = (struct timespec){.tv_sec = due / 1000000, .tv_nsec = due % 1000000 * 1000};
    }
    timerfd_settime(c->timer_fd, TFD_TIMER_ABSTIME, &at, NULL);
}

void pouch_client_process(pouch_client *c) {
    bool closing = atomic_load_explicit(&c->closing, memory_order_acquire);
    if (c->settings.thread || c->is_turning || closing) return; /* from a callback: the turn under way does the rest */
    c->is_turning = true;
    pl_wake_clear(&c->wake);
    pl_client_turn(c);
    set_timer(c);
    c->is_turning = false;
}
