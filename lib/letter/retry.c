#include <base/why.h>
#include <letter/fields.h>
#include <letter/letter.h>
#include <letter/retry.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OUR_HEADERS = 9, NUMBER_TEXT = 24 };

static bool begins(const char *text, const char *with) {
    return !strncmp(text, with, strlen(with));
}

static bool is_foreign(const char *name, const void *arg) {
    (void)arg;
    return !begins(name, PL_H_RETRY) && strcmp(name, PL_H_X_COUNT) != 0 && strcmp(name, PL_H_X_TOPIC) != 0;
}

static bool is_not_named(const char *name, const void *arg) {
    return strcmp(name, arg) != 0;
}

/* What counts the retries stays with the record; what told of the wait does not. */
static bool is_lasting(const char *name, const void *arg) {
    static const char *const passing[] = {PL_H_RETRY_TOPIC, PL_H_RETRY_AT, PL_H_RETRY_REASON, PL_H_RETRY_GROUP};
    (void)arg;
    for (size_t i = 0; i < sizeof passing / sizeof passing[0]; i++)
        if (!strcmp(name, passing[i])) return false;
    return true;
}

static void number(struct pl_fields *f, const char *name, char out[NUMBER_TEXT], int64_t value) {
    *pl_decimal_write(out, value) = 0;
    pl_fields_text(f, name, out);
}

/* The place where it was first, which an earlier retry has told. */
static void add_source(struct pl_fields *f, const rd_kafka_message_t *m, char place[PL_SOURCE_MAX]) {
    rd_kafka_headers_t *from;
    const void *value;
    size_t n;
    if (!rd_kafka_message_headers(m, &from) && !rd_kafka_header_get_last(from, PL_H_RETRY_SOURCE, &value, &n) &&
        value && n < PL_SOURCE_MAX) {
        pl_fields_add(f, PL_H_RETRY_SOURCE, value, n);
    } else {
        pl_source_write(place, rd_kafka_topic_name(m->rkt), m->partition, m->offset);
        pl_fields_text(f, PL_H_RETRY_SOURCE, place);
    }
}

static pouch_err send_fields(struct pl_producer *p, struct pl_fields *f, const rd_kafka_message_t *m, const char *topic,
                             void *arg) {
    const struct pl_record r = pl_fields_record(f, m, topic, arg);
    pouch_err e = pl_producer_send(p, &r);
    free(f->at);
    return e;
}

pouch_err pl_retry_send(struct pl_producer *p, const struct pl_retry *r) {
    char at[NUMBER_TEXT], attempt[NUMBER_TEXT], tier[NUMBER_TEXT], source[PL_SOURCE_MAX];
    struct pl_fields f;
    pouch_err e = pl_fields_of(&f, r->record, OUR_HEADERS, is_foreign, NULL);
    if (e) return e;
    pl_fields_text(&f, PL_H_RETRY_TOPIC, r->topic);
    number(&f, PL_H_RETRY_AT, at, r->now_ms + r->tier->delay_ms);
    pl_fields_add(&f, PL_H_RETRY_REASON, r->reason, r->reason ? pl_text_fit(r->reason, PL_REASON_MAX) : 0);
    pl_fields_text(&f, PL_H_RETRY_GROUP, r->group);
    number(&f, PL_H_RETRY_ATTEMPT, attempt, r->attempt);
    number(&f, PL_H_RETRY_TIER, tier, r->tiers);
    add_source(&f, r->record, source);
    pl_fields_text(&f, PL_H_X_COUNT, attempt);
    pl_fields_text(&f, PL_H_X_TOPIC, r->topic);
    return send_fields(p, &f, r->record, r->tier->topic, r->arg);
}

static int64_t number_of(const rd_kafka_headers_t *headers, const char *name) {
    const void *value;
    size_t n;
    int64_t read;
    if (rd_kafka_header_get_last(headers, name, &value, &n) || !value || !pl_header_number(&read, value, n)) return -1;
    return read;
}

void pl_retry_read(struct pl_retry_facts *f, const rd_kafka_headers_t *headers) {
    const void *value;
    size_t n;
    *f = (struct pl_retry_facts){.at_ms = -1, .attempt = -1, .tier = -1};
    if (!headers) return;
    if (!rd_kafka_header_get_last(headers, PL_H_RETRY_TOPIC, &value, &n) && value && pl_name_valid(value, n))
        snprintf(f->topic, sizeof f->topic, "%.*s", (int)n, (const char *)value);
    f->at_ms = number_of(headers, PL_H_RETRY_AT);
    f->attempt = number_of(headers, PL_H_RETRY_ATTEMPT);
    f->tier = number_of(headers, PL_H_RETRY_TIER);
}

bool pl_topic_internal(const char *topic, const char *const but[]) {
    bool internal = begins(topic, PL_INTERNAL_TOPICS) || begins(topic, "__");
    for (; *but; but++) internal |= !strcmp(*but, topic);
    return internal;
}

pouch_err pl_retry_check(const struct pl_retry_facts *f, const char *const but[]) {
    if (!f->topic[0] || f->at_ms < 0)
        return pl_fail(POUCH_E_BAD_ENVELOPE, "the record in a retry topic does not say in %s where it comes back to",
                       f->topic[0] ? PL_H_RETRY_AT : PL_H_RETRY_TOPIC);
    if (f->attempt < 1 || f->attempt > PL_ATTEMPTS_MAX || f->tier < 1 || f->tier > PL_TIERS_MAX)
        return pl_fail(POUCH_E_BAD_ENVELOPE,
                       "the record in a retry topic does not say how often it was tried: %s is to be 1 to %d and %s 1 "
                       "to %d",
                       PL_H_RETRY_ATTEMPT, PL_ATTEMPTS_MAX, PL_H_RETRY_TIER, PL_TIERS_MAX);
    return pl_topic_internal(f->topic, but)
               ? pl_fail(POUCH_E_NOT_ALLOWED,
                         "the record in a retry topic wants to go to %s, where no request comes from; look for who "
                         "writes such records",
                         f->topic)
               : POUCH_OK;
}

pouch_err pl_retry_return(struct pl_producer *p, const rd_kafka_message_t *m, const struct pl_retry_facts *f,
                          void *arg) {
    struct pl_fields fields;
    pouch_err e = pl_fields_of(&fields, m, 0, is_lasting, NULL);
    return e ? e : send_fields(p, &fields, m, f->topic, arg);
}

pouch_err pl_retry_postpone(struct pl_producer *p, const rd_kafka_message_t *m, const struct pl_tier *tier,
                            int64_t at_ms, void *arg) {
    char at[NUMBER_TEXT];
    struct pl_fields fields;
    pouch_err e = pl_fields_of(&fields, m, 1, is_not_named, PL_H_RETRY_AT);
    if (e) return e;
    number(&fields, PL_H_RETRY_AT, at, at_ms);
    return send_fields(p, &fields, m, tier->topic, arg);
}
