/* A report: rows, names and sums. No I/O. */
#include <base/why.h>
#include <cluster/lag_state.h>
#include <stdlib.h>
#include <string.h>

static pouch_err no_memory(void) {
    return pl_fail(POUCH_E_NO_MEMORY, "out of memory for the lag of groups");
}

/* ---- names ---- */

const char *pl_names_keep(struct pl_names *names, const char *text) {
    size_t low = 0, high = names->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(names->at[middle], text);
        if (!order) return names->at[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (names->n == names->cap) {
        size_t cap = names->cap ? 2 * names->cap : 64;
        char **more = realloc(names->at, cap * sizeof *more);
        if (!more) return NULL;
        names->at = more;
        names->cap = cap;
    }
    char *copy = strdup(text);
    if (!copy) return NULL;
    memmove(&names->at[low + 1], &names->at[low], (names->n - low) * sizeof *names->at);
    names->n++;
    return names->at[low] = copy;
}

void pl_names_free(struct pl_names *names) {
    for (size_t i = 0; i < names->n; i++) free(names->at[i]);
    free(names->at);
    *names = (struct pl_names){0};
}

/* ---- rows ---- */

pouch_err pl_lag_new(struct pl_lag_report **out, size_t n) {
    struct pl_lag_report *r = *out = calloc(1, sizeof *r);
    if (r) r->groups = calloc(n + 1, sizeof *r->groups);
    if (r) r->texts = calloc(1, sizeof(struct pl_names));
    if (r && r->groups && r->texts) return POUCH_OK;
    pl_lag_free(r);
    *out = NULL;
    return no_memory();
}

void pl_lag_free(struct pl_lag_report *r) {
    if (!r) return;
    for (size_t i = 0; r->groups && i < r->n; i++) free(r->groups[i].at);
    if (r->texts) pl_names_free(r->texts);
    free(r->texts);
    free(r->groups);
    free(r);
}

static int by_place(const void *a, const void *b) {
    const struct pl_lag *x = a, *y = b;
    int order = strcmp(x->topic, y->topic);
    return order ? order : (x->partition > y->partition) - (x->partition < y->partition);
}

pouch_err pl_lag_add(struct pl_lag_report *r, struct pl_group_lag *g, const rd_kafka_topic_partition_list_t *list,
                     bool commits) {
    size_t sorted = g->n;
    if (!list || !list->cnt) return POUCH_OK;
    struct pl_lag *more = realloc(g->at, (g->n + (size_t)list->cnt) * sizeof *more);
    if (!more) return no_memory();
    g->at = more;
    for (int i = 0; i < list->cnt; i++) {
        const rd_kafka_topic_partition_t *p = &list->elems[i];
        struct pl_lag row = {pl_names_keep(r->texts, p->topic), p->partition, -1, -1, -1, -1};
        if (!row.topic) return no_memory();
        struct pl_lag *there = sorted ? bsearch(&row, g->at, sorted, sizeof row, by_place) : NULL;
        if (!there) {
            there = &g->at[g->n++];
            *there = row;
        }
        if (commits && !p->err && p->offset >= 0) there->committed = p->offset;
    }
    qsort(g->at, g->n, sizeof *g->at, by_place);
    return POUCH_OK;
}

/* ---- sums ---- */

int64_t pl_lag_behind(int64_t committed, int64_t end) {
    if (committed < 0 || end < 0) return -1;
    return end > committed ? end - committed : 0;
}

void pl_lag_sum(struct pl_lag_report *r) {
    for (size_t i = 0; i < r->n; i++) {
        struct pl_group_lag *g = &r->groups[i];
        g->behind = 0;
        g->unknown = 0;
        for (size_t k = 0; k < g->n; k++) {
            int64_t behind = g->at[k].behind = pl_lag_behind(g->at[k].committed, g->at[k].end);
            if (behind < 0)
                g->unknown++;
            else
                g->behind += behind;
        }
    }
}
