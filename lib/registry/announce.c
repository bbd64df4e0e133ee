/* Telling the centers of changes: a record each, and the broker's word for it. */
#include <base/clock.h>
#include <base/why.h>
#include <bus/producer.h>
#include <registry/announcement.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * How long brokers are waited for that are down, and such as only have not answered yet; how often that is looked at.
 */
enum { DOWN_MS = 3000, SILENT_MS = 10000, LOOK_MS = 50 };

enum state { TO_SEND, SENT, STORED };

/* One change on its way. */
struct notice {
    const struct pl_announcement *told;
    enum state state;
};

struct sending {
    struct pl_kafka_health *health;
    struct pl_wake wake;
    struct pl_producer *producer;
    const char *topic;
    struct notice *notices;
    size_t n, next, stored;      /* notices before `next` have been sent */
    rd_kafka_resp_err_t refused; /* what the broker will never take */
};

/* What is not stored is sent again: what is said twice does no harm. */
static void on_delivery(const struct pl_delivery *d, void *owner) {
    struct sending *s = owner;
    struct notice *notice = d->arg;
    size_t i = (size_t)(notice - s->notices);
    notice->state = d->class == PL_KAFKA_OK ? STORED : TO_SEND;
    s->stored += notice->state == STORED;
    if (d->class == PL_KAFKA_PERMANENT) s->refused = d->error;
    if (notice->state == TO_SEND && i < s->next) s->next = i;
}

static pouch_err no_word(struct sending *s, const char *brokers) {
    char text[512];
    if (!pl_kafka_all_down(s->health))
        return pl_fail(POUCH_E_TIMEOUT, "the brokers %s have not confirmed the announcement in time", brokers);
    pl_kafka_health_text(s->health, brokers, text, sizeof text);
    return pl_fail(POUCH_E_NO_BROKER, "%s", text);
}

static pouch_err nobody_there(struct sending *s, const char *brokers) {
    if (pl_kafka_all_down(s->health)) return no_word(s, brokers);
    return pl_fail(POUCH_E_NO_BROKER, "no broker of %s has answered", brokers);
}

/* A broker that is busy is given the time that it needs; where there is none, nobody is kept waiting for long. */
static pouch_err reach(struct sending *s, const char *brokers, int64_t until_us) {
    int64_t begun_us = pl_mono_us(&pl_clock_system);
    char *id;
    while (!(id = rd_kafka_clusterid(pl_producer_handle(s->producer), LOOK_MS))) {
        pl_producer_poll(s->producer);
        int64_t now_us = pl_mono_us(&pl_clock_system);
        int64_t most_us = (int64_t)(pl_kafka_all_down(s->health) ? DOWN_MS : SILENT_MS) * 1000;
        if (now_us - begun_us >= most_us || now_us >= until_us) return nobody_there(s, brokers);
    }
    rd_kafka_mem_free(NULL, id);
    return POUCH_OK;
}

static pouch_err send_one(struct sending *s, struct notice *notice) {
    char key[PL_ANNOUNCEMENT_KEY];
    size_t n;
    char *text = pl_announcement_text(notice->told, &n);
    if (!text) return pl_fail(POUCH_E_NO_MEMORY, "no memory for an announcement");
    pl_announcement_key(key, notice->told);
    const struct pl_record r = {
        .topic = s->topic, .key = key, .key_n = strlen(key), .value = text, .value_n = n, .arg = notice};
    pouch_err e = pl_producer_send(s->producer, &r);
    if (!e) notice->state = SENT;
    free(text);
    return e;
}

static pouch_err send_more(struct sending *s) {
    for (; s->next < s->n; s->next++) {
        pouch_err e = s->notices[s->next].state == TO_SEND ? send_one(s, &s->notices[s->next]) : POUCH_OK;
        if (e) return e == POUCH_E_OVERLOADED ? POUCH_OK : e;
    }
    return POUCH_OK;
}

static pouch_err deliver(struct sending *s, const char *brokers, int64_t until_us) {
    while (pl_mono_us(&pl_clock_system) < until_us) {
        pouch_err e = send_more(s);
        if (e) return e;
        pl_wake_wait(&s->wake, s->next == s->n ? (int64_t)pl_announcement_left(until_us) * 1000 : 10000);
        pl_producer_poll(s->producer);
        if (s->refused) return pl_kafka_fail(s->refused, "announcing a change on", s->topic);
        if (s->stored == s->n) return POUCH_OK;
    }
    return no_word(s, brokers);
}

static pouch_err send_all(struct sending *s, const struct pl_settings *settings, const struct pl_announcement *told,
                          int64_t until_us) {
    int partitions;
    for (size_t i = 0; i < s->n; i++) s->notices[i] = (struct notice){.told = &told[i]};
    pouch_err e = reach(s, settings->brokers, until_us);
    if (!e) e = pl_announcement_topic(pl_producer_handle(s->producer), s->topic, &partitions, until_us);
    return e ? e : deliver(s, settings->brokers, until_us);
}

pouch_err pl_registry_announce(const struct pl_settings *settings, const char *client_id,
                               const struct pl_announcement *told, size_t n, int timeout_ms) {
    struct sending s = {.health = pl_kafka_health_new(),
                        .topic = settings->routes_topic,
                        .notices = calloc(n + 1, sizeof *s.notices),
                        .n = n};
    int64_t until_us = pl_mono_us(&pl_clock_system) + (int64_t)timeout_ms * 1000;
    pouch_err e = POUCH_OK;
    if (!s.health || !s.notices) e = pl_fail(POUCH_E_NO_MEMORY, "no memory for an announcement");
    if (e) goto free_parts;
    e = pl_wake_init(&s.wake);
    if (e) goto free_parts;
    e = pl_producer_new(&s.producer, settings, client_id, s.health, &s.wake, on_delivery, &s);
    if (e) goto free_wake;
    e = send_all(&s, settings, told, until_us);
    pl_producer_free(s.producer, 0);
free_wake:
    pl_wake_free(&s.wake);
free_parts:
    pl_kafka_health_free(s.health);
    free(s.notices);
    return e;
}
