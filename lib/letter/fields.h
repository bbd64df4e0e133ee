/* A record that is sent on with other headers: those that it came with, and ours behind them. Inside the room. */
#ifndef POUCH_LETTER_FIELDS_H
#define POUCH_LETTER_FIELDS_H

#include <bus/producer.h>
#include <librdkafka/rdkafka.h>
#include <stdbool.h>

/* Names and values are borrowed. */
struct pl_fields {
    struct pl_header *at;
    size_t n, cap;
};

/*
 * Those headers of the record for which keep (NULL: all) says true, in order, with room for `more`. NO_MEMORY. at is
 * freed with free().
 */
typedef bool pl_field_keep_fn(const char *name, const void *arg);
POUCH_MUST_CHECK pouch_err pl_fields_of(struct pl_fields *f, const rd_kafka_message_t *m, size_t more,
                                        pl_field_keep_fn *keep, const void *arg);

/* Behind the others, while there is room; nothing when value or text is NULL. */
void pl_fields_add(struct pl_fields *f, const char *name, const void *value, size_t n);
void pl_fields_text(struct pl_fields *f, const char *name, const char *text);

/* At most this much of a text, and whole characters only, so that it stays UTF-8. */
enum { PL_REASON_MAX = 1024 };
size_t pl_text_fit(const char *text, size_t most);

/* The record's key and value with these headers. */
struct pl_record pl_fields_record(const struct pl_fields *f, const rd_kafka_message_t *m, const char *topic, void *arg);

#endif
