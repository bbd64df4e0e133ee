#include <admin/anytext.h>
#include <admin/letter_list.h>
#include <admin/scan.h>
#include <base/why.h>
#include <stdlib.h>

static int newest_first(const void *a, const void *b) {
    const struct admin_letter *x = a, *y = b;
    if (x->time_ms != y->time_ms) return x->time_ms < y->time_ms ? 1 : -1;
    if (x->partition != y->partition) return x->partition < y->partition ? -1 : 1;
    return (x->offset < y->offset) - (x->offset > y->offset);
}

static bool is_behind(const struct admin_letter_list *list, const struct admin_letter *l) {
    const struct admin_letter_place *p = list->behind;
    if (!p) return true;
    const struct admin_letter last = {.time_ms = p->time_ms, .partition = p->at.partition, .offset = p->at.offset};
    return newest_first(&last, l) < 0;
}

static void keep_newest(struct admin_letter_list *list) {
    qsort(list->at, list->n, sizeof *list->at, newest_first);
    while (list->n > list->limit) admin_letter_drop(&list->at[--list->n]);
}

static bool on_record(const rd_kafka_message_t *m, void *arg) {
    struct admin_letter_list *list = arg;
    struct admin_letter l;
    admin_letter_read(&l, m);
    if (!admin_letter_matches(&list->filter, &l)) return true;
    bool wanted = list->wanted.status[admin_letter_status(&list->history, &l)];
    list->matching += wanted;
    list->hidden += !wanted;
    if (!wanted || !is_behind(list, &l)) return true;
    if (list->n == 2 * list->limit) keep_newest(list);
    list->error = admin_letter_keep(&l);
    if (list->error) return false;
    list->at[list->n++] = l;
    return true;
}

/* Also after an error the newest of what was read are in their order. */
pouch_err admin_letter_list_read(struct admin_letter_list *list, const struct pl_settings *s) {
    list->at = calloc(2 * list->limit, sizeof *list->at);
    if (!list->at) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for %zu dead letters", list->limit);
    pouch_err e = admin_scan(s, s->dlq_topic, NULL, on_record, list);
    if (!e) e = list->error;
    if (list->n) keep_newest(list);
    return e;
}

void admin_letter_list_free(struct admin_letter_list *list) {
    while (list->n) admin_letter_drop(&list->at[--list->n]);
    free(list->at);
    list->at = NULL;
    admin_letter_history_free(&list->history);
}

json_t *admin_letter_list_json(const struct admin_letter_list *list, const struct admin_letter *l) {
    enum admin_letter_status status = admin_letter_status(&list->history, l);
    bool known = list->history.known;
    json_t *o = admin_letter_json(l);
    if (o) o = admin_json_with(o, "redriven", known ? json_boolean(status == ADMIN_LETTER_REDRIVEN) : json_null());
    return o ? admin_json_with(o, "status", known ? json_string(admin_letter_statuses[status]) : json_null()) : NULL;
}
