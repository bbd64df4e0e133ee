/* pouch route stats. */
#include <admin/route_stats.h>
#include <admin/when.h>
#include <base/clock.h>
#include <base/why.h>
#include <inttypes.h>
#include <ops/commands.h>
#include <ops/common.h>
#include <ops/csv.h>
#include <ops/incomplete.h>
#include <ops/rows.h>
#include <ops/screen.h>
#include <ops/waterfall.h>
#include <stdlib.h>
#include <string.h>

/* What was asked for on the command line, and what was found. */
struct shown {
    const struct ops_call *call;
    struct admin_route_stats stats;
};

enum { PUBLISHER = 24, ID = 30, NUMBER = 10, SPAN = 9 };

static void print_table(const struct admin_route_stats *r) {
    const struct ops_screen screen = ops_screen_of(stdout);
    char average[OPS_SPAN_TEXT], p50[OPS_SPAN_TEXT], p99[OPS_SPAN_TEXT], when[ADMIN_WHEN_TEXT];
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
               s->count ? admin_when_text(when, s->last_us / 1000) : "-");
    }
    ops_incomplete_print(&r->incomplete, "");
}

static int print_jsonl(const struct admin_route_stats *r) {
    int exit_code = OPS_EXIT_OK;
    for (size_t i = 0; i < r->n && !exit_code; i++) exit_code = ops_print_json(admin_route_stat_json(&r->at[i]));
    return exit_code;
}

static void csv_length(size_t nth, int64_t us) {
    us < 0 ? ops_csv_text(stdout, nth, NULL) : ops_csv_number(stdout, nth, us);
}

static void print_csv(const struct admin_route_stats *r) {
    static const char *const names[] = {"publisher",  "route",  "count",  "success",  "failure",
                                        "average_us", "p50_us", "p99_us", "last_seen"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) ops_csv_text(stdout, i, names[i]);
    ops_csv_end(stdout);
    for (size_t i = 0; i < r->n; i++) {
        const struct pl_route_stats *s = &r->at[i].stats;
        char when[ADMIN_WHEN_TEXT];
        ops_csv_text(stdout, 0, r->at[i].publisher);
        ops_csv_text(stdout, 1, r->at[i].id);
        ops_csv_number(stdout, 2, (int64_t)s->count);
        ops_csv_number(stdout, 3, (int64_t)(s->count - s->failed));
        ops_csv_number(stdout, 4, (int64_t)s->failed);
        csv_length(5, s->average_us);
        csv_length(6, s->p50_us);
        csv_length(7, s->p99_us);
        ops_csv_text(stdout, 8, s->count ? admin_when_text(when, s->last_us / 1000) : NULL);
        ops_csv_end(stdout);
    }
}

static int say_unknown(const struct pl_stats_query *q) {
    const char *name = q->publisher ? q->publisher : q->route;
    ops_say("there is no route %s%s, and nothing was routed by it in that time; `pouch route stats` shows all",
            q->publisher ? "for " : "", name);
    return OPS_EXIT_NEGATIVE;
}

static int print_stats(const struct shown *shown) {
    const struct admin_route_stats *r = &shown->stats;
    if (!r->n && (r->query.publisher || r->query.route)) return say_unknown(&r->query);
    int exit_code = OPS_EXIT_OK;
    switch (shown->call->output) {
    case OPS_TABLE: print_table(r); return OPS_EXIT_OK;
    case OPS_JSON: return ops_print_json(admin_route_stats_json(r));
    case OPS_JSONL: exit_code = print_jsonl(r); break;
    case OPS_CSV: print_csv(r); break;
    }
    ops_incomplete_say(&r->incomplete);
    return exit_code;
}

static int route_stats(struct ops_call *call) {
    struct shown s = {
        .call = call,
        .stats.query = {.publisher = call->n_args ? call->args[0] : NULL, .route = ops_flag(call, "--id", 0)}};
    struct pl_stats_query *q = &s.stats.query;
    if (ops_when_span(call, &q->since_us, &q->until_us)) return ops_usage(call, "%s", pouch_why());
    struct pl_store *store = NULL;
    char *url = NULL;
    pouch_err e = ops_rows_store(call, &store, &url);
    if (!e) e = admin_route_stats_read(&s.stats, store, url, pouch_options_get(call->options, "trace.spool"));
    int exit_code = e ? ops_error(e) : print_stats(&s);
    if (!e && !s.stats.n && !exit_code && call->output == OPS_TABLE) ops_say("there are no routes yet");
    admin_route_stats_free(&s.stats);
    pl_store_close(store);
    free(url);
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
