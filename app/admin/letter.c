/* A record of the dead-letter topic, read and kept. */
#include <admin/anytext.h>
#include <admin/letter.h>
#include <admin/when.h>
#include <base/why.h>
#include <pouch/event.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 1024 };

/* Of several the last, as with all headers of events. */
static struct pl_span header(const rd_kafka_headers_t *headers, const char *name) {
    struct pl_span value = {0};
    const void *at;
    if (headers && !rd_kafka_header_get_last(headers, name, &at, &value.n)) value.at = at;
    return value;
}

void admin_letter_read(struct admin_letter *l, const rd_kafka_message_t *m) {
    rd_kafka_headers_t *headers = NULL;
    rd_kafka_timestamp_type_t type;
    struct pl_envelope envelope;
    if (rd_kafka_message_headers(m, &headers)) headers = NULL;
    *l = (struct admin_letter){.partition = m->partition, .offset = m->offset, .bytes = m->len};
    pl_letter_read(&l->facts, headers);
    l->tenant = header(headers, POUCH_HEADER_TENANT_ID);
    l->correlation_id = header(headers, POUCH_HEADER_CORRELATION_ID);
    l->written_ms = rd_kafka_message_timestamp(m, &type);
    l->time_ms = l->facts.failed_at_ms >= 0 ? l->facts.failed_at_ms : l->written_ms;
    /* What is no whole envelope may still tell these two: that much was read soundly. */
    pouch_err e = pl_envelope_scan(&envelope, m->payload ? m->payload : "", m->len);
    (void)e;
    l->publisher = envelope.worker_name;
    if (!l->facts.request_id.at) l->facts.request_id = envelope.request_id;
}

pouch_err admin_letter_keep(struct admin_letter *l) {
    struct pl_letter_facts *f = &l->facts;
    struct pl_span *const spans[] = {&f->code,  &f->kind,   &f->reason,    &f->group,  &f->request_id,
                                     &f->topic, &f->target, &l->publisher, &l->tenant, &l->correlation_id};
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

void admin_letter_drop(struct admin_letter *l) {
    free(l->block);
    l->block = NULL;
}

const char *admin_letter_tool(enum pl_letter_by by) {
    static const char *const names[] = {
        [PL_LETTER_OTHER] = "unknown",         [PL_LETTER_POUCH] = "pouch", [PL_LETTER_SPRING] = "spring",
        [PL_LETTER_CONNECT] = "kafka-connect", [PL_LETTER_CAAS] = "caas",
    };
    return names[by];
}

static json_t *number(int64_t n) {
    return n < 0 ? json_null() : json_integer(n);
}

json_t *admin_letter_json(const struct admin_letter *l) {
    const struct pl_letter_facts *f = &l->facts;
    char when[ADMIN_WHEN_TEXT];
    json_t *source = json_pack("{s:o,s:o,s:o}", "topic", admin_anytext(f->topic), "partition", number(f->partition),
                               "offset", number(f->offset));
    json_t *o = json_pack("{s:s,s:o,s:o,s:o,s:o,s:o}", "time", admin_when_text(when, l->time_ms), "code",
                          admin_anytext(f->code), "reason", admin_anytext(f->reason), "publisher",
                          admin_anytext(l->publisher), "request_id", admin_anytext(f->request_id), "source", source);
    if (!o) return NULL;
    json_object_set_new(o, "failed_at", f->failed_at_ms < 0 ? json_null() : json_string(when));
    json_object_set_new(o, "tenant", admin_anytext(l->tenant));
    json_object_set_new(o, "correlation_id", admin_anytext(l->correlation_id));
    json_object_set_new(o, "kind", admin_anytext(f->kind));
    json_object_set_new(o, "target", admin_anytext(f->target));
    json_object_set_new(o, "group", admin_anytext(f->group));
    json_object_set_new(o, "attempts", number(f->attempts));
    json_object_set_new(o, "written_by", json_string(admin_letter_tool(f->by)));
    json_object_set_new(o, "partition", json_integer(l->partition));
    json_object_set_new(o, "offset", json_integer(l->offset));
    json_object_set_new(o, "bytes", json_integer((json_int_t)l->bytes));
    json_object_set_new(o, "truncated_from", number(f->whole_bytes));
    return o;
}

static json_t *headers_json(const struct pl_letter_facts *f, const rd_kafka_headers_t *headers) {
    const char *name;
    const void *value;
    size_t n;
    json_t *all = json_array();
    for (size_t i = 0; headers && !rd_kafka_header_get_all(headers, i, &name, &value, &n); i++)
        if (pl_letter_original(f, headers, i))
            json_array_append_new(all, json_pack("[o,o]", admin_anytext((struct pl_span){name, strlen(name)}),
                                                 admin_anytext((struct pl_span){value, n})));
    return all;
}

json_t *admin_letter_explain_json(const struct admin_letter *l, const rd_kafka_headers_t *headers) {
    const struct admin_advice *advice = admin_advice_for(l->facts.code);
    json_t *o = admin_letter_json(l);
    if (o) o = admin_json_with(o, "meaning", json_string(advice->meaning));
    if (o) o = admin_json_with(o, "next_step", json_string(advice->next));
    return o ? admin_json_with(o, "headers", headers_json(&l->facts, headers)) : NULL;
}
