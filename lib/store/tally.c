#include <base/why.h>
#include <stdlib.h>
#include <store/tally.h>
#include <string.h>

enum { FIRST_CAP = 64 };

#define MINUTE_US INT64_C(60000000)

struct entry {
    struct pl_minute sum;
    uint64_t hash;
    char texts[]; /* publisher and route */
};

struct pl_tally {
    struct entry **slots; /* a hash table; NULL: free */
    size_t n, cap;
    struct entry *last; /* that was asked for: often the next as well */
    bool is_sum;
};

pouch_err pl_tally_new(struct pl_tally **out) {
    *out = calloc(1, sizeof **out);
    return *out ? POUCH_OK : pl_fail(POUCH_E_NO_MEMORY, "out of memory for counting trace rows");
}

pouch_err pl_tally_new_sum(struct pl_tally **out) {
    pouch_err e = pl_tally_new(out);
    if (!e) (*out)->is_sum = true;
    return e;
}

void pl_tally_clear(struct pl_tally *t) {
    t->last = NULL;
    for (size_t i = 0; i < t->cap && t->n; i++) {
        if (!t->slots[i]) continue;
        pl_sketch_free(&t->slots[i]->sum.lengths);
        free(t->slots[i]);
        t->slots[i] = NULL;
        t->n--;
    }
}

void pl_tally_free(struct pl_tally *t) {
    if (!t) return;
    pl_tally_clear(t);
    free(t->slots);
    free(t);
}

size_t pl_tally_minutes(const struct pl_tally *t) {
    return t->n;
}

/* ---- finding an entry ---- */

static uint64_t hash_text(uint64_t h, const char *text) {
    for (; *text; text++) h = (h ^ (unsigned char)*text) * 0x100000001b3; /* FNV-1a */
    return (h ^ 0xff) * 0x100000001b3;
}

static uint64_t hash_of(const struct pl_minute *m) {
    uint64_t h = hash_text(hash_text(0xcbf29ce484222325, m->publisher), m->route) ^ (uint64_t)m->minute;
    return h * 0x9e3779b97f4a7c15;
}

static bool is_of(const struct entry *e, const struct pl_minute *m) {
    return e->sum.minute == m->minute && !strcmp(e->sum.route, m->route) && !strcmp(e->sum.publisher, m->publisher);
}

/* Half of the slots are always free. */
static struct entry **slot_of(struct entry **slots, size_t cap, const struct pl_minute *m, uint64_t hash) {
    size_t i = (size_t)(hash >> 32) & (cap - 1);
    while (slots[i] && (slots[i]->hash != hash || !is_of(slots[i], m))) i = (i + 1) & (cap - 1);
    return &slots[i];
}

static pouch_err grow(struct pl_tally *t) {
    size_t cap = t->cap ? 2 * t->cap : FIRST_CAP;
    struct entry **slots = calloc(cap, sizeof(struct entry *));
    if (!slots) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for counting %zu routes", t->n);
    for (size_t i = 0; i < t->cap; i++)
        if (t->slots[i]) *slot_of(slots, cap, &t->slots[i]->sum, t->slots[i]->hash) = t->slots[i];
    free(t->slots);
    t->slots = slots;
    t->cap = cap;
    return POUCH_OK;
}

static struct entry *new_entry(const struct pl_minute *m, uint64_t hash) {
    size_t publisher_n = strlen(m->publisher) + 1, route_n = strlen(m->route) + 1;
    struct entry *e = calloc(1, sizeof *e + publisher_n + route_n);
    if (!e) return NULL;
    memcpy(e->texts, m->publisher, publisher_n);
    memcpy(e->texts + publisher_n, m->route, route_n);
    e->hash = hash;
    e->sum.publisher = e->texts;
    e->sum.route = e->texts + publisher_n;
    e->sum.minute = m->minute;
    e->sum.last_us = INT64_MIN;
    return e;
}

/* The sum for that publisher, route and minute, made when there is none. */
static pouch_err find(struct pl_tally *t, const struct pl_minute *m, struct pl_minute **sum) {
    const struct pl_minute key = {.publisher = m->publisher, .route = m->route, .minute = t->is_sum ? 0 : m->minute};
    if (t->last && is_of(t->last, &key)) {
        *sum = &t->last->sum;
        return POUCH_OK;
    }
    pouch_err e = 2 * (t->n + 1) > t->cap ? grow(t) : POUCH_OK;
    if (e) return e;
    uint64_t hash = hash_of(&key);
    struct entry **slot = slot_of(t->slots, t->cap, &key, hash);
    if (!*slot) {
        *slot = new_entry(&key, hash);
        if (!*slot) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for counting route %s", m->route);
        t->n++;
    }
    t->last = *slot;
    *sum = &t->last->sum;
    return POUCH_OK;
}

/* ---- counting ---- */

bool pl_tally_counts(const struct pl_trace *row) {
    return row->by == PL_TRACE_CENTER && row->route && row->publisher;
}

pouch_err pl_tally_add(struct pl_tally *t, const struct pl_trace *row) {
    struct pl_minute m = {.publisher = row->publisher, .route = row->route, .minute = row->at_us / MINUTE_US}, *sum;
    pouch_err e = find(t, &m, &sum);
    if (!e && row->took_us >= 0) e = pl_sketch_add(&sum->lengths, row->took_us);
    if (e) return e;
    sum->count++;
    sum->failed += !row->success;
    if (row->took_us > 0) sum->took_us += row->took_us;
    if (row->at_us > sum->last_us) sum->last_us = row->at_us;
    sum->changed = true;
    return POUCH_OK;
}

pouch_err pl_tally_merge(struct pl_tally *t, const struct pl_minute *m, const void *lengths, size_t n) {
    struct pl_minute *sum;
    pouch_err e = find(t, m, &sum);
    if (!e) e = pl_sketch_merge(&sum->lengths, lengths, n);
    if (e) return e;
    sum->count += m->count;
    sum->failed += m->failed;
    sum->took_us += m->took_us;
    if (m->last_us > sum->last_us) sum->last_us = m->last_us;
    sum->changed = true;
    return POUCH_OK;
}

pouch_err pl_tally_each(struct pl_tally *t, pl_minute_visit *fn, void *arg) {
    for (size_t i = 0; i < t->cap; i++) {
        if (!t->slots[i] || !t->slots[i]->sum.changed) continue;
        pouch_err e = fn(&t->slots[i]->sum, arg);
        if (e) return e;
        t->slots[i]->sum.changed = false;
    }
    return POUCH_OK;
}

void pl_tally_change_all(struct pl_tally *t) {
    for (size_t i = 0; i < t->cap; i++)
        if (t->slots[i]) t->slots[i]->sum.changed = true;
}
