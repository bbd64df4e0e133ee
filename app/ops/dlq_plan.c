#include <base/why.h>
#include <letter/redrive.h>
#include <letter/retry.h>
#include <ops/anytext.h>
#include <ops/common.h>
#include <ops/dlq_plan.h>
#include <ops/scan.h>
#include <stdlib.h>
#include <string.h>

pouch_err ops_redrive_plan_read(const struct ops_call *call, struct ops_redrive_plan *p) {
    *p = (struct ops_redrive_plan){
        .to = ops_flag(call, "--to", 0), .again = ops_has(call, "--again"), .force = ops_has(call, "--force")};
    if (p->to && (!pl_name_valid(p->to, strlen(p->to)) || pl_topic_internal(p->to)))
        return pl_fail(POUCH_E_CONFIG, "--to: '%.64s' is no topic that requests go to", p->to);
    pouch_err e = ops_letter_filter_read(call, &p->filter);
    if (e || !call->n_args) return e;
    e = ops_letter_which(call->args[0], &p->filter.request_id, &p->only);
    p->one = !p->filter.request_id;
    return e;
}

bool ops_redrive_target(const struct ops_redrive_plan *p, const struct ops_letter *l, char topic[PL_NAME_MAX + 1]) {
    if (!p->to) return pl_redrive_target(&l->facts, topic);
    strcpy(topic, p->to);
    return true;
}

static const rd_kafka_headers_t *headers_of(const rd_kafka_message_t *m) {
    rd_kafka_headers_t *headers;
    return rd_kafka_message_headers(m, &headers) ? NULL : headers;
}

static enum ops_redrive_not judge(const struct ops_redrive_plan *p, const struct ops_letter *l,
                                  const rd_kafka_message_t *m, char topic[PL_NAME_MAX + 1]) {
    if (!p->again && ops_letter_was_redriven(&p->history, l)) return OPS_REDRIVE_AGAIN;
    if (l->facts.whole_bytes >= 0) return OPS_REDRIVE_CUT;
    if (!ops_redrive_target(p, l, topic)) return OPS_REDRIVE_NOWHERE;
    if (!p->force && pl_redrive_count(&l->facts, headers_of(m)) >= OPS_REDRIVES_MAX) return OPS_REDRIVE_CIRCLES;
    return OPS_REDRIVE_SENT;
}

static bool note_topic(struct ops_redrive_plan *p, const char *topic) {
    size_t i = 0;
    while (i < p->n_topics && strcmp(p->topics[i].topic, topic) != 0) i++;
    if (i == OPS_REDRIVE_TOPICS) return false;
    if (i == p->n_topics) strcpy(p->topics[p->n_topics++].topic, topic);
    p->topics[i].n++;
    return true;
}

static bool has_room(struct ops_redrive_plan *p) {
    if (p->n < p->cap) return true;
    size_t cap = p->cap ? 2 * p->cap : 1024;
    struct pl_position *places = reallocarray(p->places, cap, sizeof *places);
    if (!places) return false;
    p->places = places;
    p->cap = cap;
    return true;
}

static bool on_record(const rd_kafka_message_t *m, void *arg) {
    struct ops_redrive_plan *p = arg;
    char topic[PL_NAME_MAX + 1];
    struct ops_letter l;
    ops_letter_read(&l, m);
    if (!ops_letter_matches(&p->filter, &l)) return true;
    enum ops_redrive_not why = judge(p, &l, m, topic);
    if (why == OPS_REDRIVE_SENT && (p->n == OPS_REDRIVE_LETTERS || !note_topic(p, topic))) why = OPS_REDRIVE_LATER;
    p->nots[why]++;
    if (why != OPS_REDRIVE_SENT) return true;
    if (!has_room(p)) p->error = pl_fail(POUCH_E_NO_MEMORY, "out of memory for %zu dead letters", p->n);
    if (p->error) return false;
    p->places[p->n++] = (struct pl_position){m->partition, m->offset};
    return true;
}

static int in_order(const void *a, const void *b) {
    const struct pl_position *x = a, *y = b;
    if (x->partition != y->partition) return x->partition < y->partition ? -1 : 1;
    return (x->offset > y->offset) - (x->offset < y->offset);
}

pouch_err ops_redrive_plan_make(struct ops_redrive_plan *p, const struct pl_settings *s) {
    pouch_err e = ops_scan(s, s->dlq_topic, p->one ? &p->only : NULL, on_record, p);
    if (p->n) qsort(p->places, p->n, sizeof *p->places, in_order);
    return e ? e : p->error;
}

bool ops_redrive_planned(const struct ops_redrive_plan *p, const rd_kafka_message_t *m) {
    const struct pl_position place = {m->partition, m->offset};
    return p->n && bsearch(&place, p->places, p->n, sizeof place, in_order);
}

static const struct {
    const char *name, *text;
} nots[OPS_REDRIVE_NOTS] = {
    [OPS_REDRIVE_SENT] = {"send", "are to be sent"},
    [OPS_REDRIVE_AGAIN] = {"sent_before", "were sent again before; --again sends them once more"},
    [OPS_REDRIVE_CUT] = {"truncated", "are not whole: what was cut off is gone"},
    [OPS_REDRIVE_NOWHERE] = {"nowhere", "do not say where they came from, or that is no topic for requests; --to TOPIC "
                                        "sends them there"},
    [OPS_REDRIVE_CIRCLES] = {"circling", "have come back too often; --force sends them all the same"},
    [OPS_REDRIVE_LATER] = {"later", "are left for another run"},
};

void ops_redrive_plan_print(const struct ops_redrive_plan *p) {
    for (size_t i = 0; i < p->n_topics; i++) ops_say("%zu to %s", p->topics[i].n, p->topics[i].topic);
    for (size_t i = OPS_REDRIVE_SENT + 1; i < OPS_REDRIVE_NOTS; i++)
        if (p->nots[i]) ops_say("%zu %s", p->nots[i], nots[i].text);
}

json_t *ops_redrive_plan_json(const struct ops_redrive_plan *p) {
    json_t *o = json_object(), *topics = json_object();
    for (size_t i = 0; topics && i < p->n_topics; i++)
        topics = ops_json_with(topics, p->topics[i].topic, json_integer((json_int_t)p->topics[i].n));
    for (size_t i = 0; o && i < OPS_REDRIVE_NOTS; i++)
        o = ops_json_with(o, nots[i].name, json_integer((json_int_t)p->nots[i]));
    if (o) return ops_json_with(o, "topics", topics);
    json_decref(topics);
    return NULL;
}

void ops_redrive_plan_free(struct ops_redrive_plan *p) {
    free(p->places);
    ops_letter_history_free(&p->history);
}
