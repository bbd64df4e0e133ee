/* pouch route stats. */
#include <base/clock.h>
#include <base/why.h>
#include <inttypes.h>
#include <ops/anytext.h>
#include <ops/commands.h>
#include <ops/common.h>
#include <ops/csv.h>
#include <ops/incomplete.h>
#include <ops/rows.h>
#include <ops/screen.h>
#include <ops/waterfall.h>
#include <ops/when.h>
#include <stdlib.h>
#include <string.h>

struct route {
    char *publisher, *id;
    struct pl_route_stats stats; /* its texts are not used */
};

struct routes {
    const struct ops_call *call;
    struct pl_stats_query query;
    struct route *at;
    size_t n, cap;
    struct ops_incomplete incomplete;
    pouch_err error;
};

/* ---- what is there: routes with rows, and those without that are registered ---- */

static pouch_err add(struct routes *r, const struct pl_route_stats *stats) {
    if (r->n == r->cap) {
        size_t cap = r->cap ? 2 * r->cap : 64;
        struct route *wider = reallocarray(r->at, cap, sizeof *wider);
        if (!wider) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for %zu routes", cap);
        r->at = wider;
        r->cap = cap;
    }
    struct route *route = &r->at[r->n++];
    *route = (struct route){.publisher = strdup(stats->publisher), .id = strdup(stats->route), .stats = *stats};
    if (route->publisher && route->id) return POUCH_OK;
    return pl_fail(POUCH_E_NO_MEMORY, "out of memory for %zu routes", r->n);
}

static bool keep(const struct pl_route_stats *stats, void *arg) {
    struct routes *r = arg;
    r->error = add(r, stats);
    return !r->error;
}

static int compare(const void *left, const void *right) {
    const struct route *a = left, *b = right;
    int order = strcmp(a->publisher, b->publisher);
    return order ? order : strcmp(a->id, b->id);
}

static bool is_asked(const struct routes *r, const struct pl_route_row *row) {
    const struct pl_stats_query *q = &r->query;
    return (!q->publisher || !strcmp(q->publisher, row->publisher)) && (!q->route || !strcmp(q->route, row->id));
}

/* The first n are those that have rows, in order. */
static pouch_err add_idle(struct routes *r, struct pl_store *store) {
    struct pl_route_row *rows = NULL;
    size_t n = 0, with_rows = r->n;
    int64_t version;
    pouch_err e = pl_store_routes(store, &rows, &n, &version);
    for (size_t i = 0; i < n && !e; i++) {
        const struct route key = {.publisher = rows[i].publisher, .id = rows[i].id};
        if (!is_asked(r, &rows[i]) || (with_rows && bsearch(&key, r->at, with_rows, sizeof key, compare))) continue;
        e = add(r, &(struct pl_route_stats){key.publisher, key.id, .average_us = -1, .p50_us = -1, .p99_us = -1,
                                            .last_us = -1});
    }
    pl_route_free(rows, n);
    if (!e && r->n) qsort(r->at, r->n, sizeof *r->at, compare);
    return e;
}

static pouch_err read_stats(struct routes *r) {
    struct pl_store *store = NULL;
    char *url = NULL;
    pouch_err e = ops_rows_store(r->call, &store, &url);
    if (!e) ops_incomplete_look(&r->incomplete, r->call, url, r->query.since_us, r->query.until_us);
    if (!e) e = pl_store_stats(store, &r->query, keep, r);
    if (!e) e = r->error;
    if (!e) e = add_idle(r, store);
    if (!e) e = ops_incomplete_ask(&r->incomplete, store, r->query.since_us, r->query.until_us);
    pl_store_close(store);
    free(url);
    return e;
}

/* ---- showing it ---- */

enum { PUBLISHER = 24, ID = 30, NUMBER = 10, SPAN = 9 };

static void print_table(const struct routes *r) {
    const struct ops_screen screen = ops_screen_of(stdout);
    char average[OPS_SPAN_TEXT], p50[OPS_SPAN_TEXT], p99[OPS_SPAN_TEXT], when[OPS_WHEN_TEXT];
    if (r->n)
        printf("%-*s %-*s %*s %*s %*s %*s %*s %*s  LAST SEEN\n", PUBLISHER, "PUBLISHER", ID, "ROUTE", NUMBER, "COUNT",
               NUMBER, "SUCCESS", NUMBER, "FAILURE", SPAN, "AVERAGE", SPAN, "P50", SPAN, "P99");
    for (size_t i = 0; i < r->n; i++) {
        const struct pl_route_stats *s = &r->at[i].stats;
        ops_screen_column(stdout, &screen, r->at[i].publisher, PUBLISHER);
        putchar(' ');
        ops_screen_column(stdout, &screen, r->at[i].id, ID);
        printf(" %*" PRIu64 " %*" PRIu64 " %*" PRIu64 " %*s %*s %*s  %s\n", NUMBER, s->count, NUMBER,
               s->count - s->failed, NUMBER, s->failed, SPAN, ops_span_text(average, s->average_us), SPAN,
               ops_span_text(p50, s->p50_us), SPAN, ops_span_text(p99, s->p99_us),
               s->count ? ops_when_text(when, s->last_us / 1000) : "-");
    }
    ops_incomplete_print(&r->incomplete, "");
}

static json_t *length_json(int64_t us) {
    return us < 0 ? json_null() : json_integer(us);
}

static json_t *route_json(const struct route *route) {
    const struct pl_route_stats *s = &route->stats;
    char when[OPS_WHEN_TEXT];
    return json_pack("{s:o,s:o,s:I,s:I,s:I,s:o,s:o,s:o,s:o}", "publisher", ops_anytext_of(route->publisher), "route",
                     ops_anytext_of(route->id), "count", (json_int_t)s->count, "success",
                     (json_int_t)(s->count - s->failed), "failure", (json_int_t)s->failed, "average_us",
                     length_json(s->average_us), "p50_us", length_json(s->p50_us), "p99_us", length_json(s->p99_us),
                     "last_seen", s->count ? json_string(ops_when_text(when, s->last_us / 1000)) : json_null());
}

static int print_jsonl(const struct routes *r) {
    int exit_code = OPS_EXIT_OK;
    for (size_t i = 0; i < r->n && !exit_code; i++) exit_code = ops_print_json(route_json(&r->at[i]));
    return exit_code;
}

static json_t *time_json(int64_t us) {
    char when[OPS_WHEN_TEXT];
    return us > 0 && us < INT64_MAX ? json_string(ops_when_text(when, us / 1000)) : json_null();
}

static int print_document(const struct routes *r) {
    json_t *routes = json_array();
    for (size_t i = 0; routes && i < r->n; i++)
        if (json_array_append_new(routes, route_json(&r->at[i]))) {
            json_decref(routes);
            routes = NULL;
        }
    if (!routes) return ops_print_json(NULL);
    return ops_print_json(json_pack("{s:o,s:o,s:o,s:b,s:I,s:I}", "since", time_json(r->query.since_us), "until",
                                    time_json(r->query.until_us), "routes", routes, "complete",
                                    ops_is_complete(&r->incomplete), "missing", (json_int_t)r->incomplete.missing,
                                    "waiting", (json_int_t)r->incomplete.waiting.rows));
}

static void csv_length(size_t nth, int64_t us) {
    us < 0 ? ops_csv_text(stdout, nth, NULL) : ops_csv_number(stdout, nth, us);
}

static void print_csv(const struct routes *r) {
    static const char *const names[] = {"publisher",  "route",  "count",  "success",  "failure",
                                        "average_us", "p50_us", "p99_us", "last_seen"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) ops_csv_text(stdout, i, names[i]);
    ops_csv_end(stdout);
    for (size_t i = 0; i < r->n; i++) {
        const struct pl_route_stats *s = &r->at[i].stats;
        char when[OPS_WHEN_TEXT];
        ops_csv_text(stdout, 0, r->at[i].publisher);
        ops_csv_text(stdout, 1, r->at[i].id);
        ops_csv_number(stdout, 2, (int64_t)s->count);
        ops_csv_number(stdout, 3, (int64_t)(s->count - s->failed));
        ops_csv_number(stdout, 4, (int64_t)s->failed);
        csv_length(5, s->average_us);
        csv_length(6, s->p50_us);
        csv_length(7, s->p99_us);
        ops_csv_text(stdout, 8, s->count ? ops_when_text(when, s->last_us / 1000) : NULL);
        ops_csv_end(stdout);
    }
}

static int say_unknown(const struct pl_stats_query *q) {
    const char *name = q->publisher ? q->publisher : q->route;
    ops_say("there is no route %s%s, and nothing was routed by it in that time; `pouch route stats` shows all",
            q->publisher ? "for " : "", name);
    return OPS_EXIT_NEGATIVE;
}

static int print_stats(const struct routes *r) {
    if (!r->n && (r->query.publisher || r->query.route)) return say_unknown(&r->query);
    int exit_code = OPS_EXIT_OK;
    switch (r->call->output) {
    case OPS_TABLE: print_table(r); return OPS_EXIT_OK;
    case OPS_JSON: return print_document(r);
    case OPS_JSONL: exit_code = print_jsonl(r); break;
    case OPS_CSV: print_csv(r); break;
    }
    ops_incomplete_say(&r->incomplete);
    return exit_code;
}

static int route_stats(struct ops_call *call) {
    struct routes r = {.call = call,
                       .query = {.publisher = call->n_args ? call->args[0] : NULL, .route = ops_flag(call, "--id", 0)}};
    if (ops_when_span(call, &r.query.since_us, &r.query.until_us)) return ops_usage(call, "%s", pouch_why());
    pouch_err e = read_stats(&r);
    int exit_code = e ? ops_error(e) : print_stats(&r);
    if (!e && !r.n && !exit_code && call->output == OPS_TABLE) ops_say("there are no routes yet");
    for (size_t i = 0; i < r.n; i++) {
        free(r.at[i].publisher);
        free(r.at[i].id);
    }
    free(r.at);
    ops_incomplete_free(&r.incomplete);
    int written = ops_done();
    return exit_code ? exit_code : written;
}

const struct ops_command ops_route_stats = {
    .name = "route stats",
    .args = "[PUBLISHER]",
    .summary = "Show how routes do: how many, how long, how many failed",
    .about = "Adds up what centers with the same --store have routed: one for each target, whatever became of\n"
             "it there. Lengths are how long a center had a request; percentiles are right to three digits.\n"
             "Times are taken in whole minutes. Where rows are known to be missing, it says incomplete.\n\n"
             "  pouch route stats --since 1h\n"
             "  pouch route stats order-service -o json | jq '.routes[0].p99_us'\n",
    .flags =
        (const struct ops_flag[]){
            {"--id", 0, "ID", false, "the route of that id"},
            {"--since", 0, "T", false, "from then on: a time ago (10m, 2h) or RFC 3339"},
            {"--until", 0, "T", false, "up to then"},
            {0},
        },
    .settings = (const char *const[]){"store", NULL},
    .most = 1,
    .csv = true,
    .run = route_stats,
};
