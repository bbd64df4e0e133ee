#include <base/why.h>
#include <inttypes.h>
#include <ops/common.h>
#include <ops/dlq_history.h>
#include <ops/registry.h>
#include <stdlib.h>
#include <string.h>
#include <wire/headers.h>

/* What two hosts' clocks may differ by: a letter is older than its being sent again. */
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
            e = add(h, (struct ops_letter_span){(int32_t)partition, first, last, at_ms});
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

pouch_err ops_letter_history_read(const struct ops_call *call, const char *dlq_topic, struct ops_letter_history *h) {
    const struct pl_audit_query q = {.kind = OPS_AUDIT_DLQ, .name = dlq_topic, .limit = CHANGES_MAX};
    struct reading r = {.history = h};
    struct pl_store *store = NULL;
    *h = (struct ops_letter_history){0};
    pouch_err e = ops_registry_open(call, &store);
    if (!e) e = pl_store_audit(store, &q, on_change, &r);
    if (!e) e = r.error;
    pl_store_close(store);
    h->known = !e;
    if (e) ops_say("which of them were sent again before is not known: %s", pouch_why());
    return e;
}

void ops_letter_history_free(struct ops_letter_history *h) {
    free(h->spans);
    *h = (struct ops_letter_history){0};
}

bool ops_letter_was_redriven(const struct ops_letter_history *h, const struct ops_letter *l) {
    for (size_t i = 0; i < h->n; i++) {
        const struct ops_letter_span *s = &h->spans[i];
        if (s->partition == l->partition && s->first <= l->offset && l->offset <= s->last &&
            l->time_ms <= s->at_ms + SLACK_MS)
            return true;
    }
    return false;
}
