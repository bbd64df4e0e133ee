#include <admin/anytext.h>
#include <admin/dismiss.h>
#include <base/why.h>
#include <stdlib.h>

enum { LETTERS_MAX = 1000000, CHUNK = 1000 };

static bool has_room(struct admin_dismiss *d) {
    if (d->n < d->cap) return true;
    size_t cap = d->cap ? 2 * d->cap : CHUNK;
    struct pl_position *places = reallocarray(d->places, cap, sizeof *places);
    if (!places) return false;
    d->places = places;
    d->cap = cap;
    return true;
}

static bool on_record(const rd_kafka_message_t *m, void *arg) {
    struct admin_dismiss *d = arg;
    struct admin_letter l;
    admin_letter_read(&l, m);
    if (!admin_letter_matches(&d->filter, &l)) return true;
    if (admin_letter_status(&d->history, &l) == ADMIN_LETTER_DISMISSED) return true;
    if (d->n == LETTERS_MAX) {
        d->later++;
        return true;
    }
    if (!has_room(d)) d->error = pl_fail(POUCH_E_NO_MEMORY, "out of memory for %zu dead letters", d->n);
    if (d->error) return false;
    d->places[d->n++] = (struct pl_position){m->partition, m->offset};
    return true;
}

static int in_order(const void *a, const void *b) {
    const struct pl_position *x = a, *y = b;
    if (x->partition != y->partition) return x->partition < y->partition ? -1 : 1;
    return (x->offset > y->offset) - (x->offset < y->offset);
}

static pouch_err put_change(const struct admin_dismiss *d, struct pl_store *store, size_t n, const char *records) {
    json_t *o = json_pack("{s:s,s:I,s:s}", "action", "dismiss", "letters", (json_int_t)n, "records", records);
    if (o && d->asked) o = admin_json_with(o, "filter", json_deep_copy(d->asked));
    return admin_letter_change_put(store, d->settings->dlq_topic, o);
}

pouch_err admin_dismiss_find(struct admin_dismiss *d) {
    pouch_err e = admin_scan(d->settings, d->settings->dlq_topic, d->one ? &d->only : NULL, &d->until, on_record, d);
    return e ? e : d->error;
}

pouch_err admin_dismiss_do(struct admin_dismiss *d, struct pl_store *store) {
    pouch_err e = POUCH_OK;
    if (d->n) qsort(d->places, d->n, sizeof *d->places, in_order);
    while (!e && d->done < d->n) {
        size_t n = d->n - d->done < CHUNK ? d->n - d->done : CHUNK;
        struct pl_buf text;
        pl_buf_init(&text, 1 << 20);
        e = admin_letter_places_write(&text, d->places + d->done, n);
        if (!e) e = put_change(d, store, n, text.at);
        if (!e) d->done += n;
        pl_buf_free(&text);
    }
    return e;
}

void admin_dismiss_free(struct admin_dismiss *d) {
    free(d->places);
    admin_letter_history_free(&d->history);
}

json_t *admin_dismiss_json(const struct admin_dismiss *d, bool dry) {
    return json_pack("{s:I,s:I,s:I,s:b}", "matching", (json_int_t)d->n, "dismissed", (json_int_t)d->done, "later",
                     (json_int_t)d->later, "dry_run", (int)dry);
}
