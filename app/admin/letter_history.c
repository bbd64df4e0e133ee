#include <admin/letter_history.h>
#include <base/why.h>
#include <inttypes.h>
#include <json/json.h>
#include <stdlib.h>
#include <string.h>
#include <wire/headers.h>

/* What two hosts' clocks may differ by: the record of a letter is older than its being sent again. */
enum { SLACK_MS = 5 * 60 * 1000, CHANGES_MAX = 100000 };

const char *const admin_letter_statuses[ADMIN_LETTER_STATUSES] = {
    [ADMIN_LETTER_OPEN] = "open", [ADMIN_LETTER_REDRIVEN] = "redriven", [ADMIN_LETTER_DISMISSED] = "dismissed"};

/* The action of a change that gives letters a status. */
static const char *const actions[ADMIN_LETTER_STATUSES] = {
    [ADMIN_LETTER_REDRIVEN] = "redrive", [ADMIN_LETTER_DISMISSED] = "dismiss"};

pouch_err admin_letter_places_write(struct pl_buf *out, const struct pl_position *at, size_t n) {
    pouch_err e = POUCH_OK;
    for (size_t i = 0, next; !e && i < n; i = next) {
        for (next = i + 1; next < n && at[next].partition == at[i].partition &&
                           at[next].offset == at[i].offset + (int64_t)(next - i);)
            next++;
        bool same = i && at[i - 1].partition == at[i].partition;
        e = same ? pl_buf_puts(out, ",") : pl_buf_printf(out, "%s%" PRId32 ":", i ? ";" : "", at[i].partition);
        if (!e) e = pl_buf_printf(out, "%" PRId64, at[i].offset);
        if (!e && next > i + 1) e = pl_buf_printf(out, "-%" PRId64, at[next - 1].offset);
    }
    return e;
}

static pouch_err add(struct admin_letter_history *h, struct admin_letter_span span) {
    if (h->n == h->cap) {
        size_t cap = h->cap ? 2 * h->cap : 64;
        struct admin_letter_span *spans = reallocarray(h->spans, cap, sizeof *spans);
        if (!spans) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for what became of letters");
        h->spans = spans;
        h->cap = cap;
    }
    h->spans[h->n++] = span;
    return POUCH_OK;
}

/* Digits at *at, moved to behind them. */
static bool take_number(const char **at, int64_t *number) {
    size_t n = strspn(*at, "0123456789");
    bool good = pl_header_number(number, *at, n);
    *at += n;
    return good;
}

pouch_err admin_letter_places_read(struct admin_letter_history *h, const char *text, int64_t at_ms,
                                   enum admin_letter_status status) {
    int64_t partition, first, last;
    pouch_err e = POUCH_OK;
    while (!e && take_number(&text, &partition) && partition <= INT32_MAX && *text == ':') {
        do {
            text++;
            if (!take_number(&text, &first)) return e;
            last = first;
            if (*text == '-' && (text++, !take_number(&text, &last))) return e;
            e = add(h, (struct admin_letter_span){(int32_t)partition, first, last, at_ms, last, status});
        } while (!e && *text == ',');
        if (*text == ';') text++;
    }
    return e;
}

/* What is being read, and what stopped it. */
struct reading {
    struct admin_letter_history *history;
    pouch_err error;
};

static bool on_change(const struct pl_audit *c, void *arg) {
    struct reading *r = arg;
    json_t *after = NULL;
    if (c->after && pl_json_read(&after, "a change", c->after, strlen(c->after))) return true; /* not one of ours */
    const char *action = json_string_value(json_object_get(after, "action"));
    const char *records = json_string_value(json_object_get(after, "records"));
    for (enum admin_letter_status s = ADMIN_LETTER_REDRIVEN; action && records && s < ADMIN_LETTER_STATUSES; s++)
        if (!strcmp(action, actions[s])) r->error = admin_letter_places_read(r->history, records, c->at_ms, s);
    json_decref(after);
    return !r->error;
}

pouch_err admin_letter_history_read(struct admin_letter_history *h, struct pl_store *store, const char *dlq_topic) {
    const struct pl_audit_query q = {.kind = ADMIN_AUDIT_DLQ, .name = dlq_topic, .limit = CHANGES_MAX};
    struct reading r = {.history = h};
    *h = (struct admin_letter_history){0};
    pouch_err e = store ? pl_store_audit(store, &q, on_change, &r) : POUCH_OK;
    if (!e) e = r.error;
    h->known = !e;
    admin_letter_history_order(h);
    return e;
}

pouch_err admin_letter_change_put(struct pl_store *store, const char *dlq_topic, json_t *change) {
    char *text = change ? pl_json_text(change, NULL) : NULL;
    json_decref(change);
    if (!text) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for what is written down of dead letters");
    pouch_err e = pl_store_audit_put(store, ADMIN_AUDIT_DLQ, dlq_topic, NULL, text);
    free(text);
    return e;
}

void admin_letter_history_free(struct admin_letter_history *h) {
    free(h->spans);
    *h = (struct admin_letter_history){0};
}

static int in_order(const void *a, const void *b) {
    const struct admin_letter_span *x = a, *y = b;
    if (x->partition != y->partition) return x->partition < y->partition ? -1 : 1;
    return (x->first > y->first) - (x->first < y->first);
}

void admin_letter_history_order(struct admin_letter_history *h) {
    if (h->n) qsort(h->spans, h->n, sizeof *h->spans, in_order);
    for (size_t i = 0; i < h->n; i++) {
        struct admin_letter_span *s = &h->spans[i];
        s->reach = s->last;
        if (i && s[-1].partition == s->partition && s[-1].reach > s->reach) s->reach = s[-1].reach;
    }
}

/* How many spans begin at or before the letter. */
static size_t up_to(const struct admin_letter_history *h, const struct admin_letter *l) {
    const struct admin_letter_span place = {.partition = l->partition, .first = l->offset};
    size_t low = 0, high = h->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (in_order(&h->spans[middle], &place) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

enum admin_letter_status admin_letter_status(const struct admin_letter_history *h, const struct admin_letter *l) {
    enum admin_letter_status status = ADMIN_LETTER_OPEN;
    for (size_t i = up_to(h, l); i-- && status != ADMIN_LETTER_DISMISSED;) {
        const struct admin_letter_span *s = &h->spans[i];
        if (s->partition != l->partition || s->reach < l->offset) break;
        bool is_it = l->offset <= s->last && l->written_ms <= s->at_ms + SLACK_MS;
        if (is_it && s->status > status) status = s->status;
    }
    return status;
}
