#include <letter/fields.h>
#include <letter/letter.h>
#include <letter/redrive.h>
#include <letter/retry.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OUR_HEADERS = 6 };

static bool is_of_then(const char *name) {
    static const char *const names[] = {PL_H_DEADLINE,       PL_H_REPLY,   PL_H_HOP,     PL_H_REDRIVE,
                                        PL_H_REDRIVE_SOURCE, PL_H_X_COUNT, PL_H_X_TOPIC, PL_H_X_LETTER};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (!strcmp(name, names[i])) return true;
    return !strncmp(name, PL_H_RETRY, sizeof PL_H_RETRY - 1);
}

int64_t pl_redrive_count(const struct pl_letter_facts *f, const rd_kafka_headers_t *headers) {
    const char *name;
    const void *value;
    size_t n;
    int64_t count = 0;
    for (size_t i = 0; headers && !rd_kafka_header_get_all(headers, i, &name, &value, &n); i++)
        if (pl_letter_original(f, headers, i) && !strcmp(name, PL_H_REDRIVE) && value &&
            !pl_header_number(&count, value, n))
            count = 0;
    return count;
}

static bool take_name(char topic[PL_NAME_MAX + 1], struct pl_span name) {
    if (!name.at || !pl_name_valid(name.at, name.n)) return false;
    snprintf(topic, PL_NAME_MAX + 1, "%.*s", (int)name.n, name.at);
    return true;
}

bool pl_redrive_target(const struct pl_letter_facts *f, const char *const but[], char topic[PL_NAME_MAX + 1]) {
    if (!take_name(topic, f->topic)) return false;
    if (!strncmp(topic, PL_TIER_TOPICS, sizeof PL_TIER_TOPICS - 1) && !take_name(topic, f->target)) return false;
    return !pl_topic_internal(topic, but);
}

/* The letter's headers in order, but for those that the letter itself added and those of then. */
static pouch_err originals(struct pl_fields *out, const rd_kafka_message_t *m, const struct pl_letter_facts *f) {
    rd_kafka_headers_t *headers;
    pouch_err e = pl_fields_of(out, m, OUR_HEADERS, NULL, NULL);
    if (e || rd_kafka_message_headers(m, &headers)) return e;
    size_t n = out->n;
    out->n = 0;
    for (size_t i = 0; i < n; i++)
        if (pl_letter_original(f, headers, i) && !is_of_then(out->at[i].name)) out->at[out->n++] = out->at[i];
    return POUCH_OK;
}

pouch_err pl_redrive_send(struct pl_producer *p, const rd_kafka_message_t *m, const struct pl_letter_facts *f,
                          const char *topic, void *arg) {
    char count[24], source[PL_SOURCE_MAX];
    struct pl_fields fields;
    rd_kafka_headers_t *headers;
    if (rd_kafka_message_headers(m, &headers)) headers = NULL;
    pouch_err e = originals(&fields, m, f);
    if (e) return e;
    int64_t before = pl_redrive_count(f, headers); /* anybody may have written it */
    *pl_decimal_write(count, before < INT64_MAX ? before + 1 : before) = 0;
    pl_source_write(source, rd_kafka_topic_name(m->rkt), m->partition, m->offset);
    pl_fields_text(&fields, PL_H_REPLY, "none");
    pl_fields_text(&fields, PL_H_REDRIVE, count);
    pl_fields_text(&fields, PL_H_REDRIVE_SOURCE, source);
    pl_fields_text(&fields, PL_H_X_COUNT, count);
    pl_fields_text(&fields, PL_H_X_TOPIC, topic);
    pl_fields_text(&fields, PL_H_X_LETTER, source);
    const struct pl_record r = pl_fields_record(&fields, m, topic, arg);
    e = pl_producer_send(p, &r);
    free(fields.at);
    return e;
}
