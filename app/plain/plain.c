/* Its beginning and end. */
#include <base/thread.h>
#include <base/why.h>
#include <crypto/random.h>
#include <plain/state.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REPLY_BYTES = 512 * 1024 * 1024 }; /* more than a fetch can bring */

/* What a list that is too wide would lay open: no pattern may let these through. */
static pouch_err check_topics(const struct pl_settings *s) {
    const char *const sealed[] = {s->inbox, s->dlq_topic, s->routes_topic, s->reply_topic, s->plain_replies};
    for (size_t i = 0; i < sizeof sealed / sizeof sealed[0]; i++)
        if (sealed[i] && pl_pattern_match(s->plain_topics, sealed[i], strlen(sealed[i])))
            return pl_fail(
                POUCH_E_CONFIG,
                "gateway.plain_topics lets %s through, which is no topic of plain workers: list theirs alone",
                sealed[i]);
    return POUCH_OK;
}

static pouch_err open_tables(struct plain *p) {
    pouch_err e = pl_random(p->salt, sizeof p->salt);
    if (e) return e;
    pl_buf_init(&p->text, REPLY_BYTES);
    pl_buf_init(&p->error, REPLY_BYTES);
    if ((e = pl_pending_init(&p->pending, p->settings->max_pending))) goto fail_pending;
    if ((e = plain_recent_init(&p->recent))) goto fail_recent;
    if (p->settings->no_responders && !(p->watch = pl_watch_new(&p->pending, p->clock))) {
        e = pl_fail(POUCH_E_NO_MEMORY, "out of memory for plain workers");
        goto fail_watch;
    }
    return POUCH_OK;

fail_watch:
    plain_recent_free(&p->recent);
fail_recent:
    pl_pending_free(&p->pending);
fail_pending:
    return e;
}

static void close_tables(struct plain *p) {
    pl_watch_free(p->watch);
    plain_recent_free(&p->recent);
    pl_pending_free(&p->pending);
    pl_buf_free(&p->text);
    pl_buf_free(&p->error);
}

/* What runs by itself. */
static pouch_err run(struct plain *p) {
    const struct pl_settings *s = p->settings;
    pouch_err e = pl_wake_init(&p->wake);
    if (e) goto fail_wake;
    p->health = pl_kafka_health_new();
    if (!p->health) e = pl_fail(POUCH_E_NO_MEMORY, "out of memory for plain workers");
    if (e) goto fail_health;
    e = pl_producer_new(&p->producer, s, p->client_id, p->health, &p->wake, plain_delivered, p);
    if (e) goto fail_producer;
    e = pl_lane_start(&p->lane, s, p->client_id, s->plain_replies, p->health, p->producer, p->watch, &p->wake);
    if (e) goto fail_lane;
    if ((e = pl_thread_start(&p->thread, "pouch-plain", plain_run, p))) goto fail_thread;
    return POUCH_OK;

fail_thread:
    pl_lane_stop(&p->lane);
fail_lane:
    pl_producer_free(p->producer, 0);
fail_producer:
    pl_kafka_health_free(p->health);
fail_health:
    pl_wake_free(&p->wake);
fail_wake:
    return e;
}

pouch_err plain_start(struct plain **out, const struct pl_settings *s, const char *client_id) {
    *out = NULL;
    if (!s->plain_topics) return POUCH_OK;
    pouch_err e = check_topics(s);
    if (e) return e;
    struct plain *p = calloc(1, sizeof *p);
    if (!p) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for plain workers");
    p->settings = s;
    p->clock = &pl_clock_system;
    snprintf(p->client_id, sizeof p->client_id, "%s", client_id);
    if ((e = open_tables(p))) goto fail_tables;
    if ((e = run(p))) goto fail_run;
    *out = p;
    return POUCH_OK;

fail_run:
    close_tables(p);
fail_tables:
    free(p);
    return e;
}

bool plain_takes(const struct plain *p, const char *topic) {
    return p && pl_pattern_match(p->settings->plain_topics, topic, strlen(topic));
}

bool plain_ready(const struct plain *p) {
    return !p || atomic_load_explicit(&p->positioned, memory_order_acquire);
}

void plain_stop(struct plain *p) {
    if (!p) return;
    atomic_store_explicit(&p->stopping, true, memory_order_release);
    pl_wake_signal(&p->wake);
    pthread_join(p->thread, NULL);
    p->is_finishing = true;
    plain_end_open(p);
    pl_lane_stop(&p->lane);
    pl_producer_free(p->producer, 0);
    pl_reader_free(p->reader); /* signals the wake until then */
    close_tables(p);
    pl_kafka_health_free(p->health);
    pl_wake_free(&p->wake);
    free(p);
}
