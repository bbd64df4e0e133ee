/* A record of the dead-letter topic, read and kept. */
#include <base/why.h>
#include <ops/anytext.h>
#include <ops/dlq.h>
#include <ops/when.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 1024 };

void ops_letter_read(struct ops_letter *l, const rd_kafka_message_t *m) {
    rd_kafka_headers_t *headers = NULL;
    rd_kafka_timestamp_type_t type;
    struct pl_envelope envelope;
    if (rd_kafka_message_headers(m, &headers)) headers = NULL;
    *l = (struct ops_letter){.partition = m->partition, .offset = m->offset, .bytes = m->len};
    pl_letter_read(&l->facts, headers);
    l->written_ms = rd_kafka_message_timestamp(m, &type);
    l->time_ms = l->facts.failed_at_ms >= 0 ? l->facts.failed_at_ms : l->written_ms;
    /* What is no whole envelope may still tell these two: that much was read soundly. */
    pouch_err e = pl_envelope_scan(&envelope, m->payload ? m->payload : "", m->len);
    (void)e;
    l->publisher = envelope.worker_name;
    if (!l->facts.request_id.at) l->facts.request_id = envelope.request_id;
}

pouch_err ops_letter_keep(struct ops_letter *l) {
    struct pl_letter_facts *f = &l->facts;
    struct pl_span *const spans[] = {&f->code,       &f->kind,  &f->reason, &f->group,
                                     &f->request_id, &f->topic, &f->target, &l->publisher};
    const size_t n = sizeof spans / sizeof spans[0];
    size_t bytes = 1;
    for (size_t i = 0; i < n; i++) {
        if (spans[i]->n > TEXT_MAX) spans[i]->n = TEXT_MAX;
        bytes += spans[i]->n;
    }
    char *at = l->block = malloc(bytes);
    if (!at) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a dead letter");
    for (size_t i = 0; i < n; i++) {
        if (!spans[i]->at) continue;
        memcpy(at, spans[i]->at, spans[i]->n);
        spans[i]->at = at;
        at += spans[i]->n;
    }
    return POUCH_OK;
}

void ops_letter_drop(struct ops_letter *l) {
    free(l->block);
    l->block = NULL;
}

const char *ops_letter_tool(enum pl_letter_by by) {
    static const char *const names[] = {
        [PL_LETTER_OTHER] = "unknown",         [PL_LETTER_POUCH] = "pouch", [PL_LETTER_SPRING] = "spring",
        [PL_LETTER_CONNECT] = "kafka-connect", [PL_LETTER_CAAS] = "caas",
    };
    return names[by];
}

static json_t *number(int64_t n) {
    return n < 0 ? json_null() : json_integer(n);
}

json_t *ops_letter_json(const struct ops_letter *l) {
    const struct pl_letter_facts *f = &l->facts;
    char when[OPS_WHEN_TEXT];
    json_t *source = json_pack("{s:o,s:o,s:o}", "topic", ops_anytext(f->topic), "partition", number(f->partition),
                               "offset", number(f->offset));
    json_t *o = json_pack("{s:s,s:o,s:o,s:o,s:o,s:o}", "time", ops_when_text(when, l->time_ms), "code",
                          ops_anytext(f->code), "reason", ops_anytext(f->reason), "publisher",
                          ops_anytext(l->publisher), "request_id", ops_anytext(f->request_id), "source", source);
    if (!o) return NULL;
    json_object_set_new(o, "kind", ops_anytext(f->kind));
    json_object_set_new(o, "target", ops_anytext(f->target));
    json_object_set_new(o, "group", ops_anytext(f->group));
    json_object_set_new(o, "attempts", number(f->attempts));
    json_object_set_new(o, "written_by", json_string(ops_letter_tool(f->by)));
    json_object_set_new(o, "partition", json_integer(l->partition));
    json_object_set_new(o, "offset", json_integer(l->offset));
    json_object_set_new(o, "bytes", json_integer((json_int_t)l->bytes));
    json_object_set_new(o, "truncated_from", number(f->whole_bytes));
    return o;
}
