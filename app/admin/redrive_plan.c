#include <admin/anytext.h>
#include <admin/redrive_plan.h>
#include <base/uuid.h>
#include <base/why.h>
#include <cluster/cluster.h>
#include <letter/redrive.h>
#include <letter/retry.h>
#include <stdlib.h>
#include <string.h>

enum { CALL_MS = 10000 };

pouch_err admin_redrive_plan_begin(struct admin_redrive_plan *p, const struct pl_settings *s, const char *to) {
    *p = (struct admin_redrive_plan){.to = to,
                                     .most = ADMIN_REDRIVE_LETTERS,
                                     .own = {s->dlq_topic, s->routes_topic},
                                     .inbox = s->inbox,
                                     .filter.until_ms = INT64_MAX};
    if (to && (!pl_name_valid(to, strlen(to)) || pl_topic_internal(to, p->own)))
        return pl_fail(POUCH_E_CONFIG, "to: '%.64s' is no topic that requests go to", to);
    return POUCH_OK;
}

pouch_err admin_redrive_plan_only(struct admin_redrive_plan *p, const char *which) {
    pouch_err e = admin_letter_which(which, &p->filter.request_id, &p->only);
    p->one = !p->filter.request_id;
    return e;
}

bool admin_redrive_target(const struct admin_redrive_plan *p, const struct admin_letter *l,
                          char topic[PL_NAME_MAX + 1]) {
    if (!p->to) return pl_redrive_target(&l->facts, p->own, topic);
    strcpy(topic, p->to);
    return true;
}

static const rd_kafka_headers_t *headers_of(const rd_kafka_message_t *m) {
    rd_kafka_headers_t *headers;
    return rd_kafka_message_headers(m, &headers) ? NULL : headers;
}

static enum admin_redrive_not judge(const struct admin_redrive_plan *p, const struct admin_letter *l,
                                    const rd_kafka_message_t *m, char topic[PL_NAME_MAX + 1]) {
    enum admin_letter_status status = p->again ? ADMIN_LETTER_OPEN : admin_letter_status(&p->history, l);
    if (status) return status == ADMIN_LETTER_DISMISSED ? ADMIN_REDRIVE_DISMISSED : ADMIN_REDRIVE_AGAIN;
    if (l->facts.whole_bytes >= 0) return ADMIN_REDRIVE_CUT;
    if (!admin_redrive_target(p, l, topic)) return ADMIN_REDRIVE_NOWHERE;
    if (!p->force && pl_redrive_count(&l->facts, headers_of(m)) >= ADMIN_REDRIVES_MAX) return ADMIN_REDRIVE_CIRCLES;
    return ADMIN_REDRIVE_SENT;
}

/* The place of a topic in the plan; ADMIN_REDRIVE_TOPICS: there is no room. */
static size_t place_of(struct admin_redrive_plan *p, const char *topic) {
    size_t i = 0;
    while (i < p->n_topics && strcmp(p->topics[i].topic, topic) != 0) i++;
    if (i == p->n_topics && i < ADMIN_REDRIVE_TOPICS) strcpy(p->topics[p->n_topics++].topic, topic);
    return i;
}

static bool has_room(struct admin_redrive_plan *p) {
    if (p->n < p->cap) return true;
    size_t cap = p->cap ? 2 * p->cap : 1024;
    struct admin_redrive_letter *letters = reallocarray(p->letters, cap, sizeof *letters);
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

static struct admin_redrive_source source_of(const struct admin_letter *l) {
    const struct pl_letter_facts *f = &l->facts;
    struct admin_redrive_source s = {.partition = f->partition, .offset = f->offset};
    s.told = f->topic.at && f->partition >= 0 && f->offset >= 0 && f->request_id.at &&
             pl_uuid_parse(&s.request, f->request_id.at, f->request_id.n);
    if (s.told) s.topic = hash(f->topic);
    return s;
}

static bool on_record(const rd_kafka_message_t *m, void *arg) {
    struct admin_redrive_plan *p = arg;
    char topic[PL_NAME_MAX + 1];
    struct admin_letter l;
    size_t to = ADMIN_REDRIVE_TOPICS;
    admin_letter_read(&l, m);
    if (!admin_letter_matches(&p->filter, &l)) return true;
    enum admin_redrive_not why = judge(p, &l, m, topic);
    if (why == ADMIN_REDRIVE_SENT && p->n < p->most) to = place_of(p, topic);
    if (to == ADMIN_REDRIVE_TOPICS) {
        p->nots[why == ADMIN_REDRIVE_SENT ? ADMIN_REDRIVE_LATER : why]++;
        return true;
    }
    if (!has_room(p)) p->error = pl_fail(POUCH_E_NO_MEMORY, "out of memory for %zu dead letters", p->n);
    if (p->error) return false;
    const struct pl_position at = {m->partition, m->offset};
    p->letters[p->n++] = (struct admin_redrive_letter){.at = at, .with = at, .source = source_of(&l), .topic = to};
    return true;
}

static int by_number(int64_t x, int64_t y) {
    return (x > y) - (x < y);
}

static int by_place(const struct pl_position *x, const struct pl_position *y) {
    int order = by_number(x->partition, y->partition);
    return order ? order : by_number(x->offset, y->offset);
}

static int by_source(const struct admin_redrive_letter *x, const struct admin_redrive_letter *y) {
    const struct admin_redrive_source *a = &x->source, *b = &y->source;
    int order = by_number(a->told, b->told);
    if (!order) order = (a->topic > b->topic) - (a->topic < b->topic);
    if (!order) order = by_number(a->partition, b->partition);
    if (!order) order = by_number(a->offset, b->offset);
    if (!order) order = memcmp(&a->request, &b->request, sizeof a->request);
    return order ? order : (x->topic > y->topic) - (x->topic < y->topic);
}

static int by_source_then_place(const void *a, const void *b) {
    const struct admin_redrive_letter *x = a, *y = b;
    int order = by_source(x, y);
    return order ? order : by_place(&x->at, &y->at);
}

static int in_order(const void *a, const void *b) {
    const struct admin_redrive_letter *x = a, *y = b;
    int order = by_place(&x->with, &y->with);
    return order ? order : by_place(&x->at, &y->at);
}

/* Leaves one of each record to be sent, the first, and none whose topic is missing. */
static void settle(struct admin_redrive_plan *p) {
    const size_t n = p->n;
    p->n = 0;
    if (n) qsort(p->letters, n, sizeof *p->letters, by_source_then_place);
    for (size_t i = 0; i < n; i++) {
        struct admin_redrive_letter l = p->letters[i];
        const struct admin_redrive_letter *last = p->n ? &p->letters[p->n - 1] : NULL;
        if (p->topics[l.topic].missing) {
            p->nots[ADMIN_REDRIVE_NOWHERE]++;
            continue;
        }
        bool same = last && l.source.told && !by_source(last, &l);
        if (same) l.with = last->with;
        p->nots[same ? ADMIN_REDRIVE_WITH : ADMIN_REDRIVE_SENT]++;
        p->topics[l.topic].n += !same;
        p->letters[p->n++] = l;
    }
    if (p->n) qsort(p->letters, p->n, sizeof *p->letters, in_order);
}

static pouch_err look_up(struct admin_redrive_plan *p, const struct pl_settings *s) {
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

pouch_err admin_redrive_plan_make(struct admin_redrive_plan *p, const struct pl_settings *s) {
    pouch_err e = admin_scan(s, s->dlq_topic, p->one ? &p->only : NULL, &p->until, on_record, p);
    if (!e) e = p->error;
    if (!e) e = look_up(p, s);
    if (!e) settle(p);
    return e;
}

const struct admin_redrive_letter *admin_redrive_letters(const struct admin_redrive_plan *p, struct pl_position at,
                                                         size_t *n) {
    const struct admin_redrive_letter key = {.at = at, .with = at};
    const struct admin_redrive_letter *first = p->n ? bsearch(&key, p->letters, p->n, sizeof key, in_order) : NULL;
    const struct admin_redrive_letter *end = p->letters + p->n, *l = first;
    while (l && l < end && !by_place(&l->with, &at)) l++;
    *n = first ? (size_t)(l - first) : 0;
    return first;
}

bool admin_redrive_planned(const struct admin_redrive_plan *p, const rd_kafka_message_t *m) {
    size_t n;
    return admin_redrive_letters(p, (struct pl_position){m->partition, m->offset}, &n) != NULL;
}

static const struct {
    const char *name, *text;
} nots[ADMIN_REDRIVE_NOTS] = {
    [ADMIN_REDRIVE_SENT] = {"send", "are to be sent"},
    [ADMIN_REDRIVE_WITH] = {"with_others", "are of the same records, which go once: they count as sent with those"},
    [ADMIN_REDRIVE_AGAIN] = {"sent_before", "were sent again before; --again sends them once more"},
    [ADMIN_REDRIVE_DISMISSED] = {"dismissed", "were dismissed; --again sends them all the same"},
    [ADMIN_REDRIVE_CUT] = {"truncated", "are not whole: what was cut off is gone"},
    [ADMIN_REDRIVE_NOWHERE] =
        {"nowhere", "do not say where they came from, or that is no topic for requests, or not there; --to TOPIC "
                    "sends them there"},
    [ADMIN_REDRIVE_CIRCLES] = {"circling", "have come back too often; --force sends them all the same"},
    [ADMIN_REDRIVE_LATER] = {"later", "are left for another run"},
};

const char *admin_redrive_not_text(enum admin_redrive_not why) {
    return nots[why].text;
}

json_t *admin_redrive_plan_json(const struct admin_redrive_plan *p) {
    json_t *o = json_object(), *topics = json_object();
    for (size_t i = 0; topics && i < p->n_topics; i++)
        if (!p->topics[i].missing)
            topics = admin_json_with(topics, p->topics[i].topic, json_integer((json_int_t)p->topics[i].n));
    for (size_t i = 0; o && i < ADMIN_REDRIVE_NOTS; i++)
        o = admin_json_with(o, nots[i].name, json_integer((json_int_t)p->nots[i]));
    if (o) return admin_json_with(o, "topics", topics);
    json_decref(topics);
    return NULL;
}

void admin_redrive_plan_free(struct admin_redrive_plan *p) {
    free(p->letters);
    admin_letter_history_free(&p->history);
}
