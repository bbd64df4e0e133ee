/* pouch log. */
#include <base/clock.h>
#include <base/why.h>
#include <inttypes.h>
#include <ops/commands.h>
#include <ops/common.h>
#include <ops/rows.h>
#include <ops/screen.h>
#include <ops/seen.h>
#include <ops/waterfall.h>
#include <ops/when.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum { LIMIT = 100, LIMIT_MAX = 100000, PAGE = 10000, POLL_MS = 500 };

/* How long a row may take from its time until it can be read: writers write in batches. */
#define LATE_US INT64_C(10000000)

struct log {
    const struct ops_call *call;
    struct ops_screen screen;
    struct pl_store *store;
    struct pl_trace_query query;
    size_t printed;
    int exit_code;
};

static void cell(const struct log *l, const char *text, size_t width) {
    ops_screen_cell(stdout, &l->screen, text ? text : "-", width);
    putchar(' ');
}

static void print_way(const struct log *l, const struct pl_trace *row) {
    enum { ALL = 1024 };
    bool asks = row->by == PL_TRACE_CLIENT && !row->response;
    const char *from = asks ? NULL : row->topic, *to = asks ? row->topic : row->target;
    if (from) ops_screen_put(stdout, &l->screen, from, strlen(from), ALL);
    if (from && to) putchar(' ');
    if (to) fputs(l->screen.utf8 ? "→ " : "-> ", stdout);
    if (to) ops_screen_put(stdout, &l->screen, to, strlen(to), ALL);
}

enum { TIME = 24, BY = 6, TYPE = 8, ID = 36, TOOK = 8, END = 15, PUBLISHER = 16 };

static void print_header(void) {
    printf("%-*s %-*s %-*s %-*s %*s %-*s %-*s FROM -> TO\n", TIME, "TIME", BY, "WHO", TYPE, "TYPE", ID, "REQUEST", TOOK,
           "TOOK", END, "END", PUBLISHER, "PUBLISHER");
}

static void print_line(const struct log *l, const struct pl_trace *row) {
    char when[OPS_WHEN_TEXT], took[OPS_SPAN_TEXT], id[37];
    enum { ALL = 4096 };
    pl_uuid_format(id, &row->request_id);
    printf("%-*s %-*s %-*s %s %*s ", TIME, ops_when_text(when, row->at_us / 1000), BY, ops_by_text(row->by), TYPE,
           row->response ? "response" : "request", id, TOOK, ops_span_text(took, row->took_us));
    cell(l, row->success ? "ok" : row->code ? row->code : "failed", END);
    cell(l, row->publisher, PUBLISHER);
    print_way(l, row);
    if (row->error) fputs(": ", stdout);
    if (row->error) ops_screen_put(stdout, &l->screen, row->error, strlen(row->error), ALL);
    putchar('\n');
}

static void print_row(struct log *l, const struct pl_trace *row) {
    if (l->call->output == OPS_TABLE) {
        if (!l->printed) print_header();
        print_line(l, row);
    } else {
        if (l->call->output == OPS_JSON) fputs(l->printed ? ",\n" : "\n", stdout);
        l->exit_code = ops_row_print(row);
        if (l->call->output != OPS_JSON) putchar('\n');
    }
    l->printed++;
}

/* What is missing from the time that is shown: from the first row on where the limit has cut off older ones. */
static pouch_err print_missing(struct log *l, int64_t since_us) {
    uint64_t missing;
    pouch_err e = pl_store_missing(l->store, since_us, l->query.until_us, &missing);
    if (e) return e;
    if (l->call->output == OPS_JSON)
        printf("\n],\"complete\":%s,\"missing\":%" PRIu64 "}\n", missing ? "false" : "true", missing);
    else if (missing && l->call->output == OPS_TABLE)
        printf("*incomplete*: %" PRIu64 " rows are known to be missing from this time\n", missing);
    else if (missing)
        ops_say("incomplete: %" PRIu64 " rows are known to be missing from this time", missing);
    return POUCH_OK;
}

/* The newest rows, the last one last. *from_us: where the shown time begins. */
static pouch_err print_newest(struct log *l, struct ops_seen *seen, int64_t *from_us) {
    struct ops_rows rows = {.most = l->query.limit};
    pouch_err e = pl_store_by_time(l->store, &l->query, ops_rows_add, &rows);
    if (!e) e = rows.error;
    if (!e && l->call->output == OPS_JSON) fputs("{\"rows\":[", stdout);
    for (size_t i = rows.n; !e && !l->exit_code && i-- > 0;) print_row(l, &rows.at[i]);
    *from_us = rows.n == l->query.limit ? rows.at[rows.n - 1].at_us : l->query.since_us;
    if (!e) e = print_missing(l, *from_us);
    for (size_t i = 0; !e && seen && i < rows.n; i++) e = ops_seen_add(seen, rows.at[i].id, rows.at[i].at_us, NULL);
    ops_rows_free(&rows);
    return e;
}

struct page {
    struct log *log;
    struct ops_seen *seen;
    size_t n;
    int64_t last_us;
    pouch_err error;
};

static bool print_unseen(const struct pl_trace *row, void *arg) {
    struct page *page = arg;
    bool is_new;
    page->error = ops_seen_add(page->seen, row->id, row->at_us, &is_new);
    if (page->error) return false;
    if (is_new) print_row(page->log, row);
    page->n++;
    page->last_us = row->at_us;
    return !page->log->exit_code;
}

/* All rows since a while ago that were not printed yet; a while, because a row comes some time after its own time. */
static pouch_err print_new(struct log *l, struct ops_seen *seen, int64_t begin_us) {
    int64_t now_us = pl_wall_ms(&pl_clock_system) * 1000;
    struct pl_trace_query q = l->query;
    q.since_us = now_us - LATE_US > begin_us ? now_us - LATE_US : begin_us;
    q.oldest_first = true;
    q.limit = PAGE;
    ops_seen_forget(seen, q.since_us);
    for (;;) {
        struct page page = {.log = l, .seen = seen};
        pouch_err e = pl_store_by_time(l->store, &q, print_unseen, &page);
        if (!e) e = page.error;
        if (e || page.n < PAGE || l->exit_code) return e;
        q.since_us = page.last_us > q.since_us ? page.last_us : q.since_us + 1;
    }
}

/* What comes, from_us on: before that, rows were left out by the limit. */
static pouch_err follow(struct log *l, struct ops_seen *seen, int64_t from_us) {
    int64_t begin_us = pl_wall_ms(&pl_clock_system) * 1000 - LATE_US;
    if (from_us > begin_us) begin_us = from_us;
    pouch_err e = POUCH_OK;
    while (!e && !l->exit_code && !fflush(stdout)) {
        e = print_new(l, seen, begin_us);
        poll(NULL, 0, POLL_MS);
    }
    return e;
}

static pouch_err read_flags(const struct ops_call *call, struct pl_trace_query *q) {
    const char *since = ops_flag(call, "--since", 0), *until = ops_flag(call, "--until", 0);
    int64_t now_ms = pl_wall_ms(&pl_clock_system), since_ms = 0, until_ms = 0, limit;
    pouch_err e = ops_number(call, "--limit", LIMIT, 1, LIMIT_MAX, &limit);
    if (!e && since) e = ops_when_parse("--since", since, now_ms, &since_ms);
    if (!e && until) e = ops_when_parse("--until", until, now_ms, &until_ms);
    if (!e && ops_has(call, "--follow") && (until || call->output == OPS_JSON))
        e = pl_fail(POUCH_E_CONFIG, "--follow has no end, so neither --until nor -o json goes with it");
    *q = (struct pl_trace_query){
        .publisher = ops_flag(call, "--publisher", 0),
        .since_us = since_ms * 1000,
        .until_us = until ? until_ms * 1000 : INT64_MAX,
        .failed = ops_has(call, "--failed"),
        .limit = (size_t)limit,
    };
    return e;
}

static int log_command(struct ops_call *call) {
    struct log l = {.call = call, .screen = ops_screen_of(stdout)};
    struct ops_seen seen = {0};
    char *url = NULL;
    int64_t from_us;
    bool goes_on = ops_has(call, "--follow");
    if (read_flags(call, &l.query)) return ops_usage(call, "%s", pouch_why());
    pouch_err e = ops_rows_store(call, &l.store, &url);
    if (!e) e = print_newest(&l, goes_on ? &seen : NULL, &from_us);
    if (!e && !l.printed && !goes_on && call->output == OPS_TABLE) ops_say("no rows like that in %s", url);
    if (!e && goes_on) e = follow(&l, &seen, from_us);
    ops_seen_free(&seen);
    pl_store_close(l.store);
    free(url);
    int told = e ? ops_error(e) : l.exit_code, written = ops_done();
    return told ? told : written;
}

const struct ops_command ops_log = {
    .name = "log",
    .args = "",
    .summary = "List what happened to requests by time, the newest last",
    .about = "Reads what centers, workers and clients that run with the same --store have noted: who, from\n"
             "where, to where, how long, with what end; never what was in it. Where rows are known to be\n"
             "missing, the list says incomplete.\n\n"
             "  pouch log --failed --since 1h\n"
             "  pouch log --publisher orders --follow\n",
    .flags =
        (const struct ops_flag[]){
            {"--publisher", 0, "P", false, "only requests of this publisher"},
            {"--since", 0, "T", false, "from then on: a time ago (10m, 2h) or RFC 3339"},
            {"--until", 0, "T", false, "up to then"},
            {"--failed", 0, NULL, false, "only what failed"},
            {"--limit", 0, "N", false, "the newest N (100)"},
            {"--follow", 'f', NULL, false, "go on with what comes"},
            {0},
        },
    .settings = (const char *const[]){"store", NULL},
    .run = log_command,
};
