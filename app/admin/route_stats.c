#include <admin/anytext.h>
#include <admin/route_stats.h>
#include <admin/when.h>
#include <base/why.h>
#include <stdlib.h>
#include <string.h>

/* ---- what is there: routes with rows, and those without that are registered ---- */

static pouch_err add(struct admin_route_stats *r, const struct pl_route_stats *stats) {
    if (r->n == r->cap) {
        size_t cap = r->cap ? 2 * r->cap : 64;
        struct admin_route_stat *wider = reallocarray(r->at, cap, sizeof *wider);
        if (!wider) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for %zu routes", cap);
        r->at = wider;
        r->cap = cap;
    }
    struct admin_route_stat *route = &r->at[r->n++];
    *route =
        (struct admin_route_stat){.publisher = strdup(stats->publisher), .id = strdup(stats->route), .stats = *stats};
    if (route->publisher && route->id) return POUCH_OK;
    return pl_fail(POUCH_E_NO_MEMORY, "out of memory for %zu routes", r->n);
}

static bool keep(const struct pl_route_stats *stats, void *arg) {
    struct admin_route_stats *r = arg;
    r->error = add(r, stats);
    return !r->error;
}

static int compare(const void *left, const void *right) {
    const struct admin_route_stat *a = left, *b = right;
    int order = strcmp(a->publisher, b->publisher);
    return order ? order : strcmp(a->id, b->id);
}

static bool is_asked(const struct admin_route_stats *r, const struct pl_route_row *row) {
    const struct pl_stats_query *q = &r->query;
    return (!q->publisher || !strcmp(q->publisher, row->publisher)) && (!q->route || !strcmp(q->route, row->id));
}

/* The first n are those that have rows, in order. */
static pouch_err add_idle(struct admin_route_stats *r, struct pl_store *store) {
    struct pl_route_row *rows = NULL;
    size_t n = 0, with_rows = r->n;
    int64_t version;
    pouch_err e = pl_store_routes(store, &rows, &n, &version);
    for (size_t i = 0; i < n && !e; i++) {
        const struct admin_route_stat key = {.publisher = rows[i].publisher, .id = rows[i].id};
        if (!is_asked(r, &rows[i]) || (with_rows && bsearch(&key, r->at, with_rows, sizeof key, compare))) continue;
        e = add(r, &(struct pl_route_stats){key.publisher, key.id, .average_us = -1, .p50_us = -1, .p99_us = -1,
                                            .last_us = -1});
    }
    pl_route_free(rows, n);
    if (!e && r->n) qsort(r->at, r->n, sizeof *r->at, compare);
    return e;
}

pouch_err admin_route_stats_read(struct admin_route_stats *r, struct pl_store *store, const char *url,
                                 const char *spool) {
    admin_incomplete_look(&r->incomplete, url, spool, r->query.since_us, r->query.until_us);
    pouch_err e = pl_store_stats(store, &r->query, keep, r);
    if (!e) e = r->error;
    if (!e) e = add_idle(r, store);
    return e ? e : admin_incomplete_ask(&r->incomplete, store, r->query.since_us, r->query.until_us);
}

void admin_route_stats_free(struct admin_route_stats *r) {
    for (size_t i = 0; i < r->n; i++) {
        free(r->at[i].publisher);
        free(r->at[i].id);
    }
    free(r->at);
    admin_incomplete_free(&r->incomplete);
}

/* ---- as JSON ---- */

static json_t *length_json(int64_t us) {
    return us < 0 ? json_null() : json_integer(us);
}

json_t *admin_route_stat_json(const struct admin_route_stat *route) {
    const struct pl_route_stats *s = &route->stats;
    char when[ADMIN_WHEN_TEXT];
    return json_pack("{s:o,s:o,s:I,s:I,s:I,s:o,s:o,s:o,s:o}", "publisher", admin_anytext_of(route->publisher), "route",
                     admin_anytext_of(route->id), "count", (json_int_t)s->count, "success",
                     (json_int_t)(s->count - s->failed), "failure", (json_int_t)s->failed, "average_us",
                     length_json(s->average_us), "p50_us", length_json(s->p50_us), "p99_us", length_json(s->p99_us),
                     "last_seen", s->count ? json_string(admin_when_text(when, s->last_us / 1000)) : json_null());
}

static json_t *time_json(int64_t us) {
    char when[ADMIN_WHEN_TEXT];
    return us > 0 && us < INT64_MAX ? json_string(admin_when_text(when, us / 1000)) : json_null();
}

json_t *admin_route_stats_json(const struct admin_route_stats *r) {
    json_t *routes = json_array();
    for (size_t i = 0; routes && i < r->n; i++) routes = admin_array_with(routes, admin_route_stat_json(&r->at[i]));
    if (!routes) return NULL;
    return admin_incomplete_json(json_pack("{s:o,s:o,s:o}", "since", time_json(r->query.since_us), "until",
                                           time_json(r->query.until_us), "routes", routes),
                                 &r->incomplete);
}
