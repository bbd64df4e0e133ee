/* Route stats from what a back end has added up. */
#include <base/why.h>
#include <stdlib.h>
#include <store/backend.h>
#include <string.h>

#define MINUTE_US INT64_C(60000000)

struct list {
    const struct pl_minute **at;
    size_t n;
};

static void widen(struct pl_stats_query *q) {
    if (q->since_us < 0) q->since_us = 0;
    q->since_us -= q->since_us % MINUTE_US;
    int64_t beyond = q->until_us % MINUTE_US;
    if (beyond > 0 && q->until_us <= INT64_MAX - MINUTE_US) q->until_us += MINUTE_US - beyond;
}

static pouch_err keep(const struct pl_minute *sum, void *arg) {
    struct list *l = arg;
    l->at[l->n++] = sum;
    return POUCH_OK;
}

static int by_name(const void *left, const void *right) {
    const struct pl_minute *a = *(const struct pl_minute *const *)left, *b = *(const struct pl_minute *const *)right;
    int order = strcmp(a->publisher, b->publisher);
    return order ? order : strcmp(a->route, b->route);
}

static struct pl_route_stats stats_of(const struct pl_minute *sum) {
    const struct pl_sketch *l = &sum->lengths;
    return (struct pl_route_stats){
        .publisher = sum->publisher,
        .route = sum->route,
        .count = sum->count,
        .failed = sum->failed,
        .average_us = l->count ? sum->took_us / (int64_t)l->count : -1,
        .p50_us = l->count ? pl_sketch_quantile(l, 0.5) : -1,
        .p99_us = l->count ? pl_sketch_quantile(l, 0.99) : -1,
        .last_us = sum->last_us,
    };
}

static pouch_err show(struct pl_tally *sums, pl_stats_visit *fn, void *arg) {
    struct list l = {.at = calloc(pl_tally_minutes(sums) + 1, sizeof *l.at)};
    if (!l.at) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for %zu routes", pl_tally_minutes(sums));
    pouch_err e = pl_tally_each(sums, keep, &l);
    qsort(l.at, l.n, sizeof *l.at, by_name);
    bool goes_on = true;
    for (size_t i = 0; i < l.n && goes_on && !e; i++) {
        struct pl_route_stats stats = stats_of(l.at[i]);
        goes_on = fn(&stats, arg);
    }
    free(l.at);
    return e;
}

pouch_err pl_store_stats(struct pl_store *s, struct pl_stats_query *q, pl_stats_visit *fn, void *arg) {
    struct pl_tally *sums;
    widen(q);
    pouch_err e = pl_tally_new_sum(&sums);
    if (e) return e;
    e = s->kind->stats(s, q, sums);
    if (!e) e = show(sums, fn, arg);
    pl_tally_free(sums);
    return e;
}
