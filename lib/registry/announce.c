/* Telling the centers of a change: one record, and the broker's word for it. */
#include <base/clock.h>
#include <base/why.h>
#include <bus/producer.h>
#include <registry/announcement.h>
#include <stdlib.h>
#include <string.h>

struct sending {
    struct pl_kafka_health *health;
    struct pl_wake wake;
    struct pl_producer *producer;
    bool reported;
    struct pl_delivery report;
};

static void on_delivery(const struct pl_delivery *d, void *owner) {
    struct sending *s = owner;
    s->reported = true;
    s->report = *d;
}

static int remaining(int64_t until_us) {
    int64_t us = until_us - pl_mono_us(&pl_clock_system);
    return us > 1000 ? (int)(us / 1000) : 1;
}

static pouch_err no_word(struct sending *s, const char *brokers) {
    char text[512];
    if (!pl_kafka_all_down(s->health))
        return pl_fail(POUCH_E_TIMEOUT, "the brokers %s have not confirmed the announcement in time", brokers);
    pl_kafka_health_text(s->health, brokers, text, sizeof text);
    return pl_fail(POUCH_E_NO_BROKER, "%s", text);
}

/* Sends until the broker has it; what it says twice does no harm. */
static pouch_err deliver(struct sending *s, const struct pl_record *r, const char *brokers, int64_t until_us) {
    bool sent = false;
    while (pl_mono_us(&pl_clock_system) < until_us) {
        pouch_err e = sent ? POUCH_OK : pl_producer_send(s->producer, r);
        if (e && e != POUCH_E_OVERLOADED) return e;
        sent = !e;
        pl_wake_wait(&s->wake, sent ? (int64_t)remaining(until_us) * 1000 : 10000);
        pl_producer_poll(s->producer);
        if (!s->reported) continue;
        if (s->report.class == PL_KAFKA_OK) return POUCH_OK;
        if (s->report.class == PL_KAFKA_PERMANENT)
            return pl_kafka_fail(s->report.error, "announcing a route on", r->topic);
        s->reported = sent = false;
    }
    return no_word(s, brokers);
}

static pouch_err send_value(struct sending *s, const struct pl_settings *settings, const struct pl_announcement *a,
                            int64_t until_us) {
    int partitions;
    pouch_err e = pl_announcement_topic(pl_producer_handle(s->producer), settings->routes_topic, &partitions,
                                        remaining(until_us));
    if (e) return e;
    size_t n;
    char *text = pl_announcement_text(a, &n);
    if (!text) return pl_fail(POUCH_E_NO_MEMORY, "no memory for an announcement");
    struct pl_record r = {.topic = settings->routes_topic,
                          .key = a->publisher,
                          .key_n = strlen(a->publisher),
                          .value = text,
                          .value_n = n};
    e = deliver(s, &r, settings->brokers, until_us);
    free(text);
    return e;
}

pouch_err pl_registry_announce(const struct pl_settings *settings, const char *client_id,
                               const struct pl_announcement *a, int timeout_ms) {
    struct sending s = {.health = pl_kafka_health_new()};
    int64_t until_us = pl_mono_us(&pl_clock_system) + (int64_t)timeout_ms * 1000;
    if (!s.health) return pl_fail(POUCH_E_NO_MEMORY, "no memory for an announcement");
    pouch_err e = pl_wake_init(&s.wake);
    if (e) goto free_health;
    e = pl_producer_new(&s.producer, settings, client_id, s.health, &s.wake, on_delivery, &s);
    if (e) goto free_wake;
    e = send_value(&s, settings, a, until_us);
    pl_producer_free(s.producer, 0);
free_wake:
    pl_wake_free(&s.wake);
free_health:
    pl_kafka_health_free(s.health);
    return e;
}
