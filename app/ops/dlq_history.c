#include <base/why.h>
#include <inttypes.h>
#include <ops/common.h>
#include <ops/dlq_history.h>
#include <ops/registry.h>
#include <stdlib.h>
#include <string.h>
#include <wire/headers.h>

/* What two hosts' clocks may differ by: the record of a letter is older than its being sent again. */
enum { SLACK_MS = 5 * 60 * 1000, CHANGES_MAX = 100000 };

pouch_err ops_letter_places_write(struct pl_buf *out, const struct pl_position *at, size_t n) {
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

static pouch_err add(struct ops_letter_history *h, struct ops_letter_span span) {
    if (h->n == h->cap) {
        size_t cap = h->cap ? 2 * h->cap : 64;
        struct ops_letter_span *spans = reallocarray(h->spans, cap, sizeof *spans);
        if (!spans) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for what was sent again");
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

pouch_err ops_letter_places_read(struct ops_letter_history *h, const char *text, int64_t at_ms) {
    int64_t partition, first, last;
    pouch_err e = POUCH_OK;
    while (!e && take_number(&text, &partition) && partition <= INT32_MAX && *text == ':') {
        do {
            text++;
            if (!take_number(&text, &first)) return e;
            last = first;
            if (*text == '-' && (text++, !take_number(&text, &last))) return e;
            e = add(h, (struct ops_letter_span){(int32_t)partition, first, last, at_ms, last});
        } while (!e && *text == ',');
        if (*text == ';') text++;
    }
    return e;
}

/* What is being read, and what stopped it. */
struct reading {
    struct ops_letter_history *history;
    pouch_err error;
};

static bool on_change(const struct pl_audit *c, void *arg) {
    struct reading *r = arg;
    json_t *after = NULL;
    if (c->after && pl_json_read(&after, "a change", c->after, strlen(c->after))) return true; /* not one of ours */
    const char *action = json_string_value(json_object_get(after, "action"));
    const char *records = json_string_value(json_object_get(after, "records"));
    if (action && records && !strcmp(action, "redrive"))
        r->error = ops_letter_places_read(r->history, records, c->at_ms);
    json_decref(after);
    return !r->error;
}

/* The store as it is; NULL: there is none yet. */
static pouch_err look(const struct ops_call *call, struct pl_store **store) {
    const char *named = pouch_options_get(call->options, "store");
    char *url = NULL;
    pouch_err e = named ? POUCH_OK : pl_store_default_url(&url);
    if (!e) e = pl_store_look(store, named ? named : url);
    free(url);
    return e == POUCH_E_NOT_FOUND ? POUCH_OK : e;
}

pouch_err ops_letter_history_read(const struct ops_call *call, const char *dlq_topic, bool to_write,
                                  struct ops_letter_history *h) {
    const struct pl_audit_query q = {.kind = OPS_AUDIT_DLQ, .name = dlq_topic, .limit = CHANGES_MAX};
    struct reading r = {.history = h};
    struct pl_store *store = NULL;
    *h = (struct ops_letter_history){0};
    pouch_err e = to_write ? ops_registry_open(call, &store) : look(call, &store);
    if (!e && store) e = pl_store_audit(store, &q, on_change, &r);
    if (!e) e = r.error;
    pl_store_close(store);
    h->known = !e;
    ops_letter_history_order(h);
    if (e) ops_say("which of them were sent again before is not known: %s", pouch_why());
    return e;
}

void ops_letter_history_free(struct ops_letter_history *h) {
    free(h->spans);
    *h = (struct ops_letter_history){0};
}

static int in_order(const void *a, const void *b) {
    const struct ops_letter_span *x = a, *y = b;
    if (x->partition != y->partition) return x->partition < y->partition ? -1 : 1;
    return (x->first > y->first) - (x->first < y->first);
}

void ops_letter_history_order(struct ops_letter_history *h) {
    if (h->n) qsort(h->spans, h->n, sizeof *h->spans, in_order);
    for (size_t i = 0; i < h->n; i++) {
        struct ops_letter_span *s = &h->spans[i];
        s->reach = s->last;
        if (i && s[-1].partition == s->partition && s[-1].reach > s->reach) s->reach = s[-1].reach;
    }
}

/* How many spans begin at or before the letter. */
static size_t up_to(const struct ops_letter_history *h, const struct ops_letter *l) {
    const struct ops_letter_span place = {.partition = l->partition, .first = l->offset};
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

bool ops_letter_was_redriven(const struct ops_letter_history *h, const struct ops_letter *l) {
    for (size_t i = up_to(h, l); i--;) {
        const struct ops_letter_span *s = &h->spans[i];
        if (s->partition != l->partition || s->reach < l->offset) return false;
        if (l->offset <= s->last && l->written_ms <= s->at_ms + SLACK_MS) return true;
    }
    return false;
}
