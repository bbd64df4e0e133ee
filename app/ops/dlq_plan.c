#include <base/uuid.h>
#include <base/why.h>
#include <cluster/cluster.h>
#include <letter/redrive.h>
#include <letter/retry.h>
#include <ops/anytext.h>
#include <ops/common.h>
#include <ops/dlq_plan.h>
#include <ops/scan.h>
#include <stdlib.h>
#include <string.h>

enum { CALL_MS = 10000 };

pouch_err ops_redrive_plan_read(const struct ops_call *call, const struct pl_settings *s, struct ops_redrive_plan *p) {
    *p = (struct ops_redrive_plan){.to = ops_flag(call, "--to", 0),
                                   .again = ops_has(call, "--again"),
                                   .force = ops_has(call, "--force"),
                                   .own = {s->dlq_topic, s->routes_topic},
                                   .inbox = s->inbox};
    if (p->to && (!pl_name_valid(p->to, strlen(p->to)) || pl_topic_internal(p->to, p->own)))
        return pl_fail(POUCH_E_CONFIG, "--to: '%.64s' is no topic that requests go to", p->to);
    pouch_err e = ops_letter_filter_read(call, &p->filter);
    if (e || !call->n_args) return e;
    e = ops_letter_which(call->args[0], &p->filter.request_id, &p->only);
    p->one = !p->filter.request_id;
    return e;
}

bool ops_redrive_target(const struct ops_redrive_plan *p, const struct ops_letter *l, char topic[PL_NAME_MAX + 1]) {
    if (!p->to) return pl_redrive_target(&l->facts, p->own, topic);
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

/* The place of a topic in the plan; OPS_REDRIVE_TOPICS: there is no room. */
static size_t place_of(struct ops_redrive_plan *p, const char *topic) {
    size_t i = 0;
    while (i < p->n_topics && strcmp(p->topics[i].topic, topic) != 0) i++;
    if (i == p->n_topics && i < OPS_REDRIVE_TOPICS) strcpy(p->topics[p->n_topics++].topic, topic);
    return i;
}

static bool has_room(struct ops_redrive_plan *p) {
    if (p->n < p->cap) return true;
    size_t cap = p->cap ? 2 * p->cap : 1024;
    struct ops_redrive_letter *letters = reallocarray(p->letters, cap, sizeof *letters);
    if (!letters) return false;
    p->letters = letters;
    p->cap = cap;
    return true;
}

/* FNV-1a: the same request at the same place of two topics whose names collide is not what happens. */
static uint64_t hash(struct pl_span text) {
    uint64_t h = 0xcbf29ce484222325;
    for (size_t i = 0; i < text.n; i++) h = (h ^ (unsigned char)text.at[i]) * 0x100000001b3;
    return h;
}

static struct ops_redrive_source source_of(const struct ops_letter *l) {
    const struct pl_letter_facts *f = &l->facts;
    struct ops_redrive_source s = {.partition = f->partition, .offset = f->offset};
    s.told = f->topic.at && f->partition >= 0 && f->offset >= 0 && f->request_id.at &&
             pl_uuid_parse(&s.request, f->request_id.at, f->request_id.n);
    if (s.told) s.topic = hash(f->topic);
    return s;
}

static bool on_record(const rd_kafka_message_t *m, void *arg) {
    struct ops_redrive_plan *p = arg;
    char topic[PL_NAME_MAX + 1];
    struct ops_letter l;
    size_t to = OPS_REDRIVE_TOPICS;
    ops_letter_read(&l, m);
    if (!ops_letter_matches(&p->filter, &l)) return true;
    enum ops_redrive_not why = judge(p, &l, m, topic);
    if (why == OPS_REDRIVE_SENT && p->n < OPS_REDRIVE_LETTERS) to = place_of(p, topic);
    if (to == OPS_REDRIVE_TOPICS) {
        p->nots[why == OPS_REDRIVE_SENT ? OPS_REDRIVE_LATER : why]++;
        return true;
    }
    if (!has_room(p)) p->error = pl_fail(POUCH_E_NO_MEMORY, "out of memory for %zu dead letters", p->n);
    if (p->error) return false;
    const struct pl_position at = {m->partition, m->offset};
    p->letters[p->n++] = (struct ops_redrive_letter){.at = at, .with = at, .source = source_of(&l), .topic = to};
    return true;
}

static int by_number(int64_t x, int64_t y) {
    return (x > y) - (x < y);
}

static int by_place(const struct pl_position *x, const struct pl_position *y) {
    int order = by_number(x->partition, y->partition);
    return order ? order : by_number(x->offset, y->offset);
}

static int by_source(const struct ops_redrive_letter *x, const struct ops_redrive_letter *y) {
    const struct ops_redrive_source *a = &x->source, *b = &y->source;
    int order = by_number(a->told, b->told);
    if (!order) order = (a->topic > b->topic) - (a->topic < b->topic);
    if (!order) order = by_number(a->partition, b->partition);
    if (!order) order = by_number(a->offset, b->offset);
    if (!order) order = memcmp(&a->request, &b->request, sizeof a->request);
    return order ? order : (x->topic > y->topic) - (x->topic < y->topic);
}

static int by_source_then_place(const void *a, const void *b) {
    const struct ops_redrive_letter *x = a, *y = b;
    int order = by_source(x, y);
    return order ? order : by_place(&x->at, &y->at);
}

static int in_order(const void *a, const void *b) {
    const struct ops_redrive_letter *x = a, *y = b;
    int order = by_place(&x->with, &y->with);
    return order ? order : by_place(&x->at, &y->at);
}

/* Leaves one of each record to be sent, the first, and none whose topic is missing. */
static void settle(struct ops_redrive_plan *p) {
    const size_t n = p->n;
    p->n = 0;
    if (n) qsort(p->letters, n, sizeof *p->letters, by_source_then_place);
    for (size_t i = 0; i < n; i++) {
        struct ops_redrive_letter l = p->letters[i];
        const struct ops_redrive_letter *last = p->n ? &p->letters[p->n - 1] : NULL;
        if (p->topics[l.topic].missing) {
            p->nots[OPS_REDRIVE_NOWHERE]++;
            continue;
        }
        bool same = last && l.source.told && !by_source(last, &l);
        if (same) l.with = last->with;
        p->nots[same ? OPS_REDRIVE_WITH : OPS_REDRIVE_SENT]++;
        p->topics[l.topic].n += !same;
        p->letters[p->n++] = l;
    }
    if (p->n) qsort(p->letters, p->n, sizeof *p->letters, in_order);
}

static pouch_err look_up(struct ops_redrive_plan *p, const struct pl_settings *s) {
    struct pl_cluster *c = NULL;
    pouch_err e = p->n ? pl_cluster_open(&c, s, s->client_id ? s->client_id : "pouch-cli") : POUCH_OK;
    for (size_t i = 0; !e && i < p->n_topics; i++) {
        e = pl_topic_find(pl_cluster_handle(c), p->topics[i].topic, CALL_MS);
        p->topics[i].missing = e == POUCH_E_TARGET_REFUSED;
        if (p->topics[i].missing) e = POUCH_OK;
    }
    pl_cluster_close(c);
    return e;
}

pouch_err ops_redrive_plan_make(struct ops_redrive_plan *p, const struct pl_settings *s) {
    pouch_err e = ops_scan(s, s->dlq_topic, p->one ? &p->only : NULL, on_record, p);
    if (!e) e = p->error;
    if (!e) e = look_up(p, s);
    if (!e) settle(p);
    return e;
}

const struct ops_redrive_letter *ops_redrive_letters(const struct ops_redrive_plan *p, struct pl_position at,
                                                     size_t *n) {
    const struct ops_redrive_letter key = {.at = at, .with = at};
    const struct ops_redrive_letter *first = p->n ? bsearch(&key, p->letters, p->n, sizeof key, in_order) : NULL;
    const struct ops_redrive_letter *end = p->letters + p->n, *l = first;
    while (l && l < end && !by_place(&l->with, &at)) l++;
    *n = first ? (size_t)(l - first) : 0;
    return first;
}

bool ops_redrive_planned(const struct ops_redrive_plan *p, const rd_kafka_message_t *m) {
    size_t n;
    return ops_redrive_letters(p, (struct pl_position){m->partition, m->offset}, &n) != NULL;
}

static const struct {
    const char *name, *text;
} nots[OPS_REDRIVE_NOTS] = {
    [OPS_REDRIVE_SENT] = {"send", "are to be sent"},
    [OPS_REDRIVE_WITH] = {"with_others", "are of the same records, which go once: they count as sent with those"},
    [OPS_REDRIVE_AGAIN] = {"sent_before", "were sent again before; --again sends them once more"},
    [OPS_REDRIVE_CUT] = {"truncated", "are not whole: what was cut off is gone"},
    [OPS_REDRIVE_NOWHERE] =
        {"nowhere", "do not say where they came from, or that is no topic for requests, or not there; --to TOPIC "
                    "sends them there"},
    [OPS_REDRIVE_CIRCLES] = {"circling", "have come back too often; --force sends them all the same"},
    [OPS_REDRIVE_LATER] = {"later", "are left for another run"},
};

void ops_redrive_plan_print(const struct ops_redrive_plan *p) {
    for (size_t i = 0; i < p->n_topics; i++) {
        bool inbox = !strcmp(p->topics[i].topic, p->inbox);
        if (p->topics[i].missing)
            ops_say("there is no topic %s; `pouch topic list` shows those there are", p->topics[i].topic);
        else
            ops_say("%zu to %s%s", p->topics[i].n, p->topics[i].topic,
                    inbox ? ", where a center sends each to all targets of its route" : "");
    }
    for (size_t i = OPS_REDRIVE_SENT + 1; i < OPS_REDRIVE_NOTS; i++)
        if (p->nots[i]) ops_say("%zu %s", p->nots[i], nots[i].text);
}

json_t *ops_redrive_plan_json(const struct ops_redrive_plan *p) {
    json_t *o = json_object(), *topics = json_object();
    for (size_t i = 0; topics && i < p->n_topics; i++)
        if (!p->topics[i].missing)
            topics = ops_json_with(topics, p->topics[i].topic, json_integer((json_int_t)p->topics[i].n));
    for (size_t i = 0; o && i < OPS_REDRIVE_NOTS; i++)
        o = ops_json_with(o, nots[i].name, json_integer((json_int_t)p->nots[i]));
    if (o) return ops_json_with(o, "topics", topics);
    json_decref(topics);
    return NULL;
}

void ops_redrive_plan_free(struct ops_redrive_plan *p) {
    free(p->letters);
    ops_letter_history_free(&p->history);
}
