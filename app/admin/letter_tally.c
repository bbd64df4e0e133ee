#include <admin/letter_tally.h>
#include <base/why.h>
#include <stdlib.h>
#include <string.h>

/* Values that are alike so far count as one. */
enum { VALUE_MAX = 256 };

static const struct {
    int64_t under_ms;
    const char *name;
} ages[] = {
    {3600000, "under 1h"},
    {86400000, "under 1d"},
    {7 * INT64_C(86400000), "under 7d"},
    {30 * INT64_C(86400000), "under 30d"},
    {INT64_MAX, "older"},
};

const char *admin_tally_name(enum admin_tally_by by) {
    static const char *const names[] = {
        [ADMIN_TALLY_REASON] = "reason", [ADMIN_TALLY_TOPIC] = "topic",   [ADMIN_TALLY_PUBLISHER] = "publisher",
        [ADMIN_TALLY_GROUP] = "group",   [ADMIN_TALLY_TENANT] = "tenant", [ADMIN_TALLY_AGE] = "age",
    };
    return names[by];
}

pouch_err admin_tally_init(struct admin_tally *t, int64_t now_ms) {
    memset(t, 0, sizeof *t);
    t->now_ms = now_ms;
    for (size_t by = 0; by < ADMIN_TALLY_BYS; by++) {
        t->by[by].rows = calloc(ADMIN_TALLY_VALUES, sizeof *t->by[by].rows);
        if (!t->by[by].rows) return pl_fail(POUCH_E_NO_MEMORY, "out of memory to count dead letters");
    }
    return POUCH_OK;
}

static void count(struct admin_tally_count *c, const struct admin_letter *l) {
    if (!c->letters || l->time_ms < c->oldest_ms) c->oldest_ms = l->time_ms;
    if (!c->letters || l->time_ms > c->newest_ms) c->newest_ms = l->time_ms;
    c->letters++;
    c->bytes += l->bytes;
}

/* FNV-1a. */
static size_t slot_of(struct pl_span value) {
    uint64_t hash = 0xcbf29ce484222325;
    for (size_t i = 0; i < value.n; i++) hash = (hash ^ (unsigned char)value.at[i]) * 0x100000001b3;
    return (size_t)(hash ^ hash >> 32) % ADMIN_TALLY_SLOTS;
}

static bool same(const struct admin_tally_row *row, struct pl_span value) {
    if (!row->value || !value.at) return !row->value && !value.at;
    return row->n == value.n && !memcmp(row->value, value.at, value.n);
}

static pouch_err new_row(struct admin_tally_list *list, struct pl_span value, size_t slot) {
    struct admin_tally_row *row = &list->rows[list->n];
    *row = (struct admin_tally_row){.n = value.n};
    if (value.at) {
        row->value = malloc(value.n + 1);
        if (!row->value) return pl_fail(POUCH_E_NO_MEMORY, "out of memory to count dead letters");
        memcpy(row->value, value.at, value.n);
    }
    list->slots[slot] = (uint16_t)++list->n;
    return POUCH_OK;
}

static pouch_err add(struct admin_tally_list *list, struct pl_span value, const struct admin_letter *l) {
    if (value.n > VALUE_MAX) value.n = VALUE_MAX;
    size_t slot = slot_of(value);
    while (list->slots[slot] && !same(&list->rows[list->slots[slot] - 1], value)) slot = (slot + 1) % ADMIN_TALLY_SLOTS;
    pouch_err e = POUCH_OK;
    if (!list->slots[slot] && list->n == ADMIN_TALLY_VALUES) {
        count(&list->others, l);
        return POUCH_OK;
    }
    if (!list->slots[slot]) e = new_row(list, value, slot);
    if (!e) count(&list->rows[list->slots[slot] - 1].count, l);
    return e;
}

static struct pl_span age_of(const struct admin_tally *t, const struct admin_letter *l) {
    size_t i = 0;
    while (t->now_ms - l->time_ms >= ages[i].under_ms) i++;
    return (struct pl_span){ages[i].name, strlen(ages[i].name)};
}

pouch_err admin_tally_add(struct admin_tally *t, const struct admin_letter *l, enum admin_letter_status status) {
    const struct pl_span values[ADMIN_TALLY_BYS] = {
        [ADMIN_TALLY_REASON] = l->facts.code,   [ADMIN_TALLY_TOPIC] = l->facts.topic,
        [ADMIN_TALLY_PUBLISHER] = l->publisher, [ADMIN_TALLY_GROUP] = l->facts.group,
        [ADMIN_TALLY_TENANT] = l->tenant,       [ADMIN_TALLY_AGE] = age_of(t, l),
    };
    pouch_err e = POUCH_OK;
    count(&t->all, l);
    t->with[status]++;
    for (size_t by = 0; by < ADMIN_TALLY_BYS && !e; by++) e = add(&t->by[by], values[by], l);
    return e;
}

static int most_first(const void *a, const void *b) {
    const struct admin_tally_row *x = a, *y = b;
    if (x->count.letters != y->count.letters) return x->count.letters < y->count.letters ? 1 : -1;
    if (!x->value || !y->value) return (x->value != NULL) - (y->value != NULL);
    int order = memcmp(x->value, y->value, x->n < y->n ? x->n : y->n);
    return order ? order : (x->n > y->n) - (x->n < y->n);
}

static int youngest_first(const void *a, const void *b) {
    const struct admin_tally_row *x = a, *y = b;
    return (x->count.newest_ms < y->count.newest_ms) - (x->count.newest_ms > y->count.newest_ms);
}

void admin_tally_order(struct admin_tally *t) {
    for (size_t by = 0; by < ADMIN_TALLY_BYS; by++)
        qsort(t->by[by].rows, t->by[by].n, sizeof *t->by[by].rows, by == ADMIN_TALLY_AGE ? youngest_first : most_first);
}

void admin_tally_free(struct admin_tally *t) {
    for (size_t by = 0; by < ADMIN_TALLY_BYS; by++) {
        for (size_t i = 0; i < t->by[by].n; i++) free(t->by[by].rows[i].value);
        free(t->by[by].rows);
        t->by[by] = (struct admin_tally_list){0};
    }
}
