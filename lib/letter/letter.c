#include <base/why.h>
#include <cluster/cluster.h>
#include <inttypes.h>
#include <letter/letter.h>
#include <metrics/metrics.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CUT_BYTES = 64 * 1024, REASON_BYTES = 1024, OUR_HEADERS = 9 };

/* The texts of our own headers, which must live until the record is sent. */
struct texts {
    char source[PL_SOURCE_MAX], time[24], attempts[16], length[24];
};

static size_t size_of(const struct pl_record *r) {
    size_t n = r->key_n + r->value_n;
    for (size_t i = 0; i < r->n_headers; i++) n += strlen(r->headers[i].name) + r->headers[i].n + PL_HEADER_BYTES;
    return n;
}

/* Whole characters only, so that the text stays UTF-8. */
static size_t reason_length(const char *reason) {
    size_t n = strnlen(reason, REASON_BYTES + 1);
    if (n <= REASON_BYTES) return n;
    n = REASON_BYTES;
    while (n && ((unsigned char)reason[n] & 0xc0) == 0x80) n--;
    return n;
}

static void add(struct pl_header *list, size_t *n, const char *name, const char *text, size_t length) {
    if (text) list[(*n)++] = (struct pl_header){name, text, length};
}

static void add_text(struct pl_header *list, size_t *n, const char *name, const char *text) {
    add(list, n, name, text, text ? strlen(text) : 0);
}

static size_t copy_originals(struct pl_header *list, const rd_kafka_headers_t *from, size_t n) {
    for (size_t i = 0; i < n; i++) rd_kafka_header_get_all(from, i, &list[i].name, &list[i].value, &list[i].n);
    return n;
}

/* Appends what we have to say; n headers are there already. How many there are then. */
static size_t add_ours(struct pl_header *list, size_t n, const struct pl_letter *l, struct texts *t) {
    const rd_kafka_message_t *m = l->record;
    pl_source_write(t->source, rd_kafka_topic_name(m->rkt), m->partition, m->offset);
    snprintf(t->time, sizeof t->time, "%" PRId64, l->now_ms);
    snprintf(t->attempts, sizeof t->attempts, "%d", l->attempts);
    add_text(list, &n, PL_H_DLQ_CODE, pouch_err_code(l->code));
    add(list, &n, PL_H_DLQ_REASON, l->reason, l->reason ? reason_length(l->reason) : 0);
    add_text(list, &n, PL_H_DLQ_SOURCE, t->source);
    add_text(list, &n, PL_H_DLQ_GROUP, l->group);
    add_text(list, &n, PL_H_DLQ_TIME, t->time);
    add_text(list, &n, PL_H_DLQ_ATTEMPTS, t->attempts);
    add_text(list, &n, PL_H_DLQ_REQUEST, l->request_id);
    add_text(list, &n, PL_H_DLQ_TARGET, l->target);
    return n;
}

/*
 * Makes the record fit: first the value is cut; where headers and key alone are too much, the
 * originals' go too, since why and where from are what must arrive.
 */
static void cut(struct pl_record *r, struct pl_header *list, size_t originals, size_t limit, struct texts *t) {
    size_t length = r->value_n;
    if (size_of(r) <= limit) return;
    snprintf(t->length, sizeof t->length, "%zu", length);
    add_text(list, &r->n_headers, PL_H_DLQ_TRUNCATED, t->length);
    r->value_n = 0;
    if (size_of(r) > limit) {
        r->headers += originals;
        r->n_headers -= originals;
    }
    if (size_of(r) > limit) {
        r->key = NULL;
        r->key_n = 0;
    }
    size_t used = size_of(r), room = used < limit ? limit - used : 0;
    r->value_n = room < CUT_BYTES ? room : CUT_BYTES;
    if (r->value_n > length) r->value_n = length;
}

pouch_err pl_letter_send(struct pl_producer *p, const char *dlq_topic, const struct pl_letter *l) {
    const rd_kafka_message_t *m = l->record;
    rd_kafka_headers_t *from = NULL;
    struct texts texts;
    size_t n = rd_kafka_message_headers(m, &from) ? 0 : rd_kafka_header_cnt(from);
    struct pl_header *list = calloc(n + OUR_HEADERS, sizeof *list);
    if (!list) return pl_fail(POUCH_E_NO_MEMORY, "no memory for a dead letter's headers");
    copy_originals(list, from, n);
    struct pl_record r = {
        .topic = dlq_topic,
        .key = m->key,
        .key_n = m->key_len,
        .value = m->payload,
        .value_n = m->len,
        .headers = list,
        .n_headers = add_ours(list, n, l, &texts),
        .arg = l->arg,
    };
    cut(&r, list, n, pl_producer_limit(p), &texts);
    pouch_err e = pl_producer_send(p, &r);
    free(list);
    if (!e) pl_metric_add(PL_M_DEAD_LETTERS, 1);
    return e;
}

pouch_err pl_letter_topic(rd_kafka_t *rk, const char *dlq_topic, int timeout) {
    const char *const configs[] = {"retention.ms", "2592000000", NULL}; /* 30 days */
    struct pl_topic_spec spec = {.name = dlq_topic, .partitions = 4, .replication = -1, .configs = configs};
    return pl_topic_create(rk, &spec, NULL, timeout);
}
