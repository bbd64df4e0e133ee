#include <admin/anytext.h>
#include <admin/letter_list.h>
#include <base/buf.h>
#include <base/why.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/*
 * GROWTH: of what is read by a step, until STEP_MAX: enough for memory to have a bound, too much for few letters to
 * take many steps.
 */
enum { GROWTH = 4, STEP_MAX = 20000, CURSOR_MAX = 8192, DIGITS = 15 };

/* What is known of a partition and not listed yet. */
struct admin_letter_part {
    struct admin_letter *at;    /* the newest first */
    size_t n, next;             /* next: the first that is not listed */
    struct admin_letter *fresh; /* of this step, in the topic's order; room for twice `limit` */
    size_t n_fresh;
    bool full;    /* no more of it can come into the list, so what is older is let go */
    int64_t from; /* where it is known from on */
};

/* ---- what a step finds ---- */

/* Leaves the newest: no more of a partition can come into the list. */
static void keep_newest(struct admin_letter_part *p, size_t limit) {
    size_t drop = p->n_fresh > limit ? p->n_fresh - limit : 0;
    for (size_t i = 0; i < drop; i++) admin_letter_drop(&p->fresh[i]);
    if (drop) memmove(p->fresh, p->fresh + drop, limit * sizeof *p->fresh);
    p->n_fresh -= drop;
}

static pouch_err keep(struct admin_letter_list *list, struct admin_letter *l) {
    struct admin_letter_part *p = &list->parts[l->partition];
    if (!p->fresh) p->fresh = calloc(2 * list->limit, sizeof *p->fresh);
    if (!p->fresh) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for %zu dead letters", list->limit);
    if (p->n_fresh == 2 * list->limit) keep_newest(p, list->limit);
    pouch_err e = admin_letter_keep(l);
    if (!e) p->fresh[p->n_fresh++] = *l;
    return e;
}

static bool on_record(const rd_kafka_message_t *m, void *arg) {
    struct admin_letter_list *list = arg;
    struct admin_letter l;
    admin_letter_read(&l, m);
    if (!admin_letter_matches(&list->filter, &l)) return true;
    bool wanted = list->wanted.status[admin_letter_status(&list->history, &l)];
    list->step_matching += wanted;
    list->step_hidden += !wanted;
    if (wanted && !list->parts[l.partition].full) list->error = keep(list, &l);
    return !list->error;
}

/* Puts what a step has found behind what is still to be listed. */
static pouch_err take_fresh(struct admin_letter_part *p, size_t limit, int64_t from) {
    size_t n = p->n - p->next;
    if (p->full) return POUCH_OK;
    keep_newest(p, limit);
    struct admin_letter *at = calloc(n + p->n_fresh + 1, sizeof *at);
    if (!at) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for %zu dead letters", n + p->n_fresh);
    if (n) memcpy(at, p->at + p->next, n * sizeof *at);
    while (p->n_fresh) at[n++] = p->fresh[--p->n_fresh];
    free(p->at);
    p->at = at;
    p->n = n;
    p->next = 0;
    p->full = n >= limit;
    p->from = p->full ? at[n - 1].offset : from;
    return POUCH_OK;
}

static pouch_err read_step(struct admin_letter_list *list, struct admin_walk *w, int64_t records) {
    list->step_matching = list->step_hidden = 0;
    pouch_err e = admin_walk_step(w, records, on_record, list);
    if (!e) e = list->error;
    if (e == POUCH_E_EXPIRED) return e; /* the newest are not among them */
    for (int32_t i = 0; i < list->n_parts; i++) {
        pouch_err taken = take_fresh(&list->parts[i], list->limit, admin_walk_at(w, i));
        if (!e) e = taken;
    }
    list->matching += list->step_matching;
    list->hidden += list->step_hidden;
    return e;
}

/* ---- the list ---- */

static bool is_newer(const struct admin_letter *a, const struct admin_letter *b) {
    return !b || a->time_ms > b->time_ms;
}

/* What comes next, in `from`. False: what has not been read may come before it, or there is nothing. */
static bool find_next(const struct admin_letter_list *list, const struct admin_walk *w, bool all, int32_t *from) {
    const struct admin_letter *newest = NULL;
    for (int32_t i = 0; i < list->n_parts; i++) {
        const struct admin_letter_part *p = &list->parts[i];
        if (p->next == p->n) {
            if (!all && admin_walk_has_more(w, i)) return false;
        } else if (is_newer(&p->at[p->next], newest)) {
            newest = &p->at[p->next];
            *from = i;
        }
    }
    return newest;
}

/* all: also where what was not read might come before. */
static void list_known(struct admin_letter_list *list, const struct admin_walk *w, bool all) {
    int32_t from;
    while (list->n < list->limit && find_next(list, w, all, &from)) {
        struct admin_letter_part *p = &list->parts[from];
        list->at[list->n++] = p->at[p->next];
        p->at[p->next++].block = NULL; /* it is the list's from here on */
    }
}

/* ---- cursors: for each partition the offset that what comes next is before ---- */

static bool take_place(const char **at, int64_t *offset) {
    size_t n = strspn(*at, "0123456789abcdef");
    if (!n || n > DIGITS) return false;
    *offset = (int64_t)strtoull(*at, NULL, 16);
    *at += n;
    return true;
}

bool admin_letter_cursor_valid(const char *text) {
    int64_t offset;
    int32_t n = 0;
    while (n++ < ADMIN_WALK_PARTITIONS && take_place(&text, &offset)) {
        if (!*text) return true;
        if (*text++ != '.') return false;
    }
    return false;
}

/* Partitions that were not there yet have newer letters alone. */
static void go_behind(struct admin_walk *w, const char *text) {
    for (int32_t i = 0; i < admin_walk_partitions(w); i++) {
        int64_t offset = 0;
        if (text && take_place(&text, &offset) && *text == '.') text++;
        admin_walk_back_to(w, i, offset);
    }
}

static pouch_err write_cursor(struct admin_letter_list *list, const struct admin_walk *w) {
    struct pl_buf text;
    bool more = admin_walk_has_more(w, -1);
    pouch_err e = POUCH_OK;
    pl_buf_init(&text, CURSOR_MAX);
    for (int32_t i = 0; !e && i < list->n_parts; i++) {
        const struct admin_letter_part *p = &list->parts[i];
        int64_t offset = p->next < p->n ? p->at[p->next].offset + 1 : p->from;
        more |= p->next < p->n || p->full;
        e = pl_buf_printf(&text, "%s%" PRIx64, i ? "." : "", (uint64_t)offset);
    }
    if (!e && more && !(list->cursor = strdup(text.at))) e = pl_fail(POUCH_E_NO_MEMORY, "out of memory for a cursor");
    pl_buf_free(&text);
    return e;
}

/* ---- reading ---- */

static pouch_err set_up(struct admin_letter_list *list, struct admin_walk *w) {
    list->n_parts = admin_walk_partitions(w);
    list->parts = calloc((size_t)list->n_parts + 1, sizeof *list->parts);
    list->at = calloc(list->limit, sizeof *list->at);
    if (!list->parts || !list->at) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for %zu dead letters", list->limit);
    if (list->behind) go_behind(w, list->behind);
    for (int32_t i = 0; i < list->n_parts; i++) list->parts[i].from = admin_walk_at(w, i);
    return POUCH_OK;
}

static pouch_err read_enough(struct admin_letter_list *list, struct admin_walk *w) {
    int64_t records = list->step;
    bool first = true;
    while (list->n < list->limit && admin_walk_has_more(w, -1)) {
        pouch_err e = read_step(list, w, records);
        list->incomplete = e == POUCH_E_EXPIRED && !first;
        if (e) return list->incomplete ? POUCH_OK : e;
        list_known(list, w, false);
        if (records < STEP_MAX) records *= GROWTH;
        first = false;
    }
    return POUCH_OK;
}

pouch_err admin_letter_list_read(struct admin_letter_list *list, const struct pl_settings *s) {
    struct admin_walk *w;
    pouch_err e = admin_walk_open(&w, s, s->dlq_topic, &list->until);
    if (!e) e = set_up(list, w);
    if (!e) e = read_enough(list, w);
    if (list->parts && list->at) list_known(list, w, true);
    if (!e) e = write_cursor(list, w);
    admin_walk_close(w);
    return e;
}

void admin_letter_list_free(struct admin_letter_list *list) {
    while (list->n) admin_letter_drop(&list->at[--list->n]);
    for (int32_t i = 0; i < list->n_parts; i++) {
        struct admin_letter_part *p = &list->parts[i];
        while (p->next < p->n) admin_letter_drop(&p->at[p->next++]);
        while (p->n_fresh) admin_letter_drop(&p->fresh[--p->n_fresh]);
        free(p->at);
        free(p->fresh);
    }
    free(list->parts);
    free(list->at);
    free(list->cursor);
    admin_letter_history_free(&list->history);
}

json_t *admin_letter_list_json(const struct admin_letter_list *list, const struct admin_letter *l) {
    enum admin_letter_status status = admin_letter_status(&list->history, l);
    bool known = list->history.known;
    json_t *o = admin_letter_json(l);
    if (o) o = admin_json_with(o, "redriven", known ? json_boolean(status == ADMIN_LETTER_REDRIVEN) : json_null());
    return o ? admin_json_with(o, "status", known ? json_string(admin_letter_statuses[status]) : json_null()) : NULL;
}
