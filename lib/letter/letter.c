#include <cluster/cluster.h>
#include <endian.h>
#include <inttypes.h>
#include <letter/fields.h>
#include <letter/letter.h>
#include <metrics/metrics.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CUT_BYTES = 64 * 1024, LEAST_BYTES = 4 * 1024, OUR_HEADERS = 21, MESSAGE_BYTES = 256 };

/* What our own headers hold, which must live until the record is sent. */
struct values {
    char source[PL_SOURCE_MAX], time[24], attempts[16], retries[16], length[24];
    uint32_t partition;
    uint64_t offset, written;
};

static size_t size_of(const struct pl_record *r) {
    size_t n = r->key_n + r->value_n;
    for (size_t i = 0; i < r->n_headers; i++) n += strlen(r->headers[i].name) + r->headers[i].n + PL_HEADER_BYTES;
    return n;
}

static void add_reason(struct pl_fields *f, const char *name, const char *reason, size_t most) {
    pl_fields_add(f, name, reason, reason ? pl_text_fit(reason, most) : 0);
}

static bool is_retriable(const struct pl_letter *l) {
    return l->retriable || pouch_err_retriable(l->code);
}

static void add_ours(struct pl_fields *f, const struct pl_letter *l, struct values *v) {
    const rd_kafka_message_t *m = l->record;
    pl_source_write(v->source, rd_kafka_topic_name(m->rkt), m->partition, m->offset);
    snprintf(v->time, sizeof v->time, "%" PRId64, l->now_ms);
    snprintf(v->attempts, sizeof v->attempts, "%d", l->attempts);
    pl_fields_text(f, PL_H_DLQ_CODE, pouch_err_code(l->code));
    pl_fields_text(f, PL_H_DLQ_KIND, is_retriable(l) ? "retriable" : "permanent");
    add_reason(f, PL_H_DLQ_REASON, l->reason, PL_REASON_MAX);
    pl_fields_text(f, PL_H_DLQ_SOURCE, v->source);
    pl_fields_text(f, PL_H_DLQ_GROUP, l->group);
    pl_fields_text(f, PL_H_DLQ_TIME, v->time);
    pl_fields_text(f, PL_H_DLQ_ATTEMPTS, v->attempts);
    pl_fields_text(f, PL_H_DLQ_REQUEST, l->request_id);
    pl_fields_text(f, PL_H_DLQ_TARGET, l->target);
    pl_fields_add(f, PL_H_DLQ_WORDS, l->words.at, l->words.n);
}

static void add_springs(struct pl_fields *f, const struct pl_letter *l, struct values *v) {
    const rd_kafka_message_t *m = l->record;
    rd_kafka_timestamp_type_t type;
    int64_t written = rd_kafka_message_timestamp(m, &type);
    v->partition = htobe32((uint32_t)m->partition);
    v->offset = htobe64((uint64_t)m->offset);
    v->written = htobe64((uint64_t)written);
    pl_fields_text(f, PL_H_DLT_CODE, pouch_err_code(l->code));
    add_reason(f, PL_H_DLT_MESSAGE, l->reason, MESSAGE_BYTES);
    pl_fields_text(f, PL_H_DLT_TOPIC, rd_kafka_topic_name(m->rkt));
    pl_fields_add(f, PL_H_DLT_PARTITION, &v->partition, sizeof v->partition);
    pl_fields_add(f, PL_H_DLT_OFFSET, &v->offset, sizeof v->offset);
    if (type != RD_KAFKA_TIMESTAMP_NOT_AVAILABLE) {
        pl_fields_add(f, PL_H_DLT_TIMESTAMP, &v->written, sizeof v->written);
        pl_fields_text(f, PL_H_DLT_TIME_TYPE,
                       type == RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME ? "LogAppendTime" : "CreateTime");
    }
    pl_fields_text(f, PL_H_DLT_GROUP, l->group);
}

static void add_caas(struct pl_fields *f, const struct pl_letter *l, struct values *v) {
    snprintf(v->retries, sizeof v->retries, "%d", l->attempts > 0 ? l->attempts - 1 : 0);
    pl_fields_text(f, PL_H_X_COUNT, v->retries);
    pl_fields_text(f, PL_H_X_TOPIC, rd_kafka_topic_name(l->record->rkt));
}

/* The last of that name. */
static void leave_out(struct pl_record *r, struct pl_header *first, const char *name) {
    for (size_t i = r->n_headers; i-- > 0;) {
        if (strcmp(first[i].name, name)) continue;
        memmove(&first[i], &first[i + 1], (--r->n_headers - i) * sizeof *first);
        return;
    }
}

/*
 * Makes the record fit: first the value is cut; where headers and key alone are too much, the
 * originals' go too, and what the handler said, since why and where from are what must arrive.
 */
static void cut(struct pl_record *r, struct pl_fields *f, size_t originals, size_t limit, struct values *v) {
    size_t length = r->value_n;
    if (size_of(r) <= limit) return;
    snprintf(v->length, sizeof v->length, "%zu", length);
    pl_fields_text(f, PL_H_DLQ_TRUNCATED, v->length);
    r->n_headers = f->n;
    r->value_n = 0;
    if (size_of(r) > limit) {
        r->headers += originals;
        r->n_headers -= originals;
    }
    if (size_of(r) > limit) {
        r->key = NULL;
        r->key_n = 0;
    }
    if (size_of(r) > limit) leave_out(r, f->at + originals, PL_H_DLQ_WORDS);
    size_t used = size_of(r), room = used < limit ? limit - used : 0;
    r->value_n = room < CUT_BYTES ? room : CUT_BYTES;
    if (r->value_n > length) r->value_n = length;
}

size_t pl_letter_less(size_t most) {
    if (!most) return CUT_BYTES;
    return most / 4 > LEAST_BYTES ? most / 4 : LEAST_BYTES;
}

pouch_err pl_letter_send(struct pl_producer *p, const char *dlq_topic, const struct pl_letter *l) {
    struct pl_fields f;
    struct values values;
    pouch_err e = pl_fields_of(&f, l->record, OUR_HEADERS, NULL, NULL);
    if (e) return e;
    size_t originals = f.n;
    add_ours(&f, l, &values);
    add_springs(&f, l, &values);
    add_caas(&f, l, &values);
    struct pl_record r = pl_fields_record(&f, l->record, dlq_topic, l->arg);
    size_t limit = pl_producer_limit(p);
    cut(&r, &f, originals, l->most && l->most < limit ? l->most : limit, &values);
    e = pl_producer_send(p, &r);
    free(f.at);
    if (!e) pl_metric_add(is_retriable(l) ? PL_M_DEAD_LETTERS_RETRIABLE : PL_M_DEAD_LETTERS, 1);
    return e;
}

pouch_err pl_letter_topic(rd_kafka_t *rk, const char *dlq_topic, int timeout) {
    const char *const configs[] = {"retention.ms", "2592000000", NULL}; /* 30 days */
    struct pl_topic_spec spec = {.name = dlq_topic, .partitions = 4, .replication = -1, .configs = configs};
    return pl_topic_create(rk, &spec, NULL, timeout);
}
