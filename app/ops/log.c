/* pouch log. */
#include <admin/hops.h>
#include <admin/incomplete.h>
#include <admin/when.h>
#include <base/clock.h>
#include <base/why.h>
#include <ops/commands.h>
#include <ops/common.h>
#include <ops/follow.h>
#include <ops/incomplete.h>
#include <ops/rows.h>
#include <ops/screen.h>
#include <ops/seen.h>
#include <ops/waterfall.h>
#include <stdlib.h>
#include <string.h>

enum { LIMIT = 100, LIMIT_MAX = 1000000000 };

struct log {
    const struct ops_call *call;
    struct ops_screen screen;
    struct pl_store *store;
    struct pl_trace_query query; /* limit 0: there is none */
    struct ops_seen *seen;       /* of what was printed late enough to be read again; NULL: nothing is read again */
    int64_t seen_from_us;
    struct admin_incomplete incomplete;
    size_t skip, printed; /* skip: so many rows are read and not printed */
    int exit_code;
    pouch_err error;
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
    char when[ADMIN_WHEN_TEXT], took[OPS_SPAN_TEXT], id[37];
    enum { ALL = 4096 };
    pl_uuid_format(id, &row->request_id);
    printf("%-*s %-*s %-*s %s %*s ", TIME, admin_when_text(when, row->at_us / 1000), BY, admin_by_text(row->by), TYPE,
           row->response ? "response" : "request", id, TOOK, ops_span_text(took, row->took_us));
    cell(l, row->success ? "ok" : row->code ? row->code : "failed", END);
    cell(l, row->publisher, PUBLISHER);
    print_way(l, row);
    if (row->error) fputs(": ", stdout);
    if (row->error) ops_screen_put(stdout, &l->screen, row->error, strlen(row->error), ALL);
    putchar('\n');
}

static void print_row(struct log *l, const struct pl_trace *row) {
    switch (l->call->output) {
    case OPS_TABLE:
        if (!l->printed) print_header();
        print_line(l, row);
        break;
    case OPS_CSV: ops_row_csv(row); break;
    default:
        if (l->call->output == OPS_JSON) fputs(l->printed ? ",\n" : "\n", stdout);
        l->exit_code = ops_row_print(row);
        if (l->call->output != OPS_JSON) putchar('\n');
    }
    l->printed++;
}

/* What is missing from the time that is shown: from the first row on where the limit has cut off older ones. */
static pouch_err print_incomplete(struct log *l, int64_t since_us) {
    pouch_err e = admin_incomplete_ask(&l->incomplete, l->store, since_us, l->query.until_us);
    if (e) return e;
    if (l->call->output == OPS_JSON) {
        fputs("\n],", stdout);
        ops_incomplete_end(&l->incomplete);
    } else if (l->call->output == OPS_TABLE) {
        ops_incomplete_print(&l->incomplete, "");
    } else {
        ops_incomplete_say(&l->incomplete);
    }
    return POUCH_OK;
}

/* ---- what is there: read from its end to find where the newest begin, and from there on to print them ---- */

struct end {
    size_t limit, n;
    int64_t first_us; /* when the oldest of the newest began */
    size_t before;    /* rows that began in the same microsecond and are not among them */
};

static bool look_back(const struct pl_trace *row, void *arg) {
    struct end *end = arg;
    if (end->n < end->limit) {
        end->n++;
        end->first_us = row->at_us;
        return true;
    }
    bool same = row->at_us == end->first_us;
    end->before += same;
    return same;
}

static bool print_unseen(const struct pl_trace *row, void *arg) {
    struct log *l = arg;
    bool is_new = true;
    if (l->seen && row->at_us >= l->seen_from_us) l->error = ops_seen_add(l->seen, row->id, row->at_us, &is_new);
    if (l->skip)
        l->skip--;
    else if (is_new && !l->error)
        print_row(l, row);
    return !l->error && !l->exit_code && !ferror(stdout);
}

/* *from_us: where the shown time begins. */
static pouch_err find_begin(struct log *l, int64_t *from_us) {
    struct pl_trace_query q = l->query;
    struct end end = {.limit = q.limit};
    *from_us = q.since_us;
    if (!q.limit) return POUCH_OK;
    q.limit = SIZE_MAX;
    pouch_err e = pl_store_by_time(l->store, &q, look_back, &end);
    if (end.n < end.limit) return e;
    *from_us = end.first_us;
    l->skip = end.before;
    return e;
}

static pouch_err print_there(struct log *l, int64_t *from_us) {
    pouch_err e = find_begin(l, from_us);
    struct pl_trace_query q = l->query;
    q.since_us = *from_us;
    q.oldest_first = true;
    q.limit = SIZE_MAX;
    if (!e && l->call->output == OPS_JSON) fputs("{\"rows\":[", stdout);
    if (!e && l->call->output == OPS_CSV) ops_row_csv_names();
    if (!e) e = pl_store_by_time(l->store, &q, print_unseen, l);
    if (!e) e = l->error;
    return e || l->exit_code ? e : print_incomplete(l, *from_us);
}

/* ---- what comes ---- */

/* All rows of a while that were not printed yet. */
static pouch_err print_new(struct log *l, struct ops_follow *f) {
    int64_t known_us;
    struct pl_trace_query q = l->query;
    q.since_us = ops_follow_since(f, pl_wall_us(&pl_clock_system), &known_us);
    q.oldest_first = true;
    q.limit = SIZE_MAX;
    ops_seen_forget(l->seen, known_us);
    pouch_err e = pl_store_by_time(l->store, &q, print_unseen, l);
    return e ? e : l->error;
}

/* What comes, from_us on: before that, rows were left out by the limit. */
static pouch_err follow(struct log *l, int64_t from_us, int64_t read_us) {
    struct ops_follow f;
    ops_follow_begin(&f, from_us > l->seen_from_us ? from_us : l->seen_from_us, read_us);
    l->seen_from_us = 0;
    pouch_err e = POUCH_OK;
    bool read = true;
    while (!e && read && !l->exit_code && !fflush(stdout)) {
        int64_t began_us = pl_mono_us(&pl_clock_system);
        e = print_new(l, &f);
        read = e || !ops_reader_goes_within(ops_follow_rest_ms(pl_mono_us(&pl_clock_system) - began_us));
    }
    return e;
}

static pouch_err read_flags(const struct ops_call *call, struct pl_trace_query *q) {
    int64_t limit;
    *q = (struct pl_trace_query){.publisher = ops_flag(call, "--publisher", 0), .failed = ops_has(call, "--failed")};
    pouch_err e = ops_when_span(call, &q->since_us, &q->until_us);
    if (!e) e = ops_number(call, "--limit", ops_has(call, "--since") ? 0 : LIMIT, 1, LIMIT_MAX, &limit);
    if (e) return e;
    q->limit = (size_t)limit;
    if (ops_has(call, "--follow") && (ops_has(call, "--until") || call->output == OPS_JSON))
        return pl_fail(POUCH_E_CONFIG, "--follow has no end, so neither --until nor -o json goes with it");
    return POUCH_OK;
}

static int log_command(struct ops_call *call) {
    bool goes_on = ops_has(call, "--follow");
    int64_t now_us = pl_wall_us(&pl_clock_system);
    struct ops_seen seen = {0};
    struct log l = {.call = call,
                    .screen = ops_screen_of(stdout),
                    .seen = goes_on ? &seen : NULL,
                    .seen_from_us = now_us - OPS_FOLLOW_LATE_US};
    char *url = NULL;
    int64_t from_us;
    if (read_flags(call, &l.query)) return ops_usage(call, "%s", pouch_why());
    pouch_err e = ops_rows_store(call, &l.store, &url);
    if (!e) ops_incomplete_look(&l.incomplete, call, url, l.query.since_us, l.query.until_us);
    if (!e) e = print_there(&l, &from_us);
    if (!e && !l.printed && !goes_on && call->output == OPS_TABLE) ops_say("no rows like that in %s", url);
    if (!e && !l.exit_code && goes_on) e = follow(&l, from_us, now_us);
    ops_seen_free(&seen);
    admin_incomplete_free(&l.incomplete);
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
             "missing, the list says incomplete. Rows are printed as they are read, however many.\n\n"
             "  pouch log --failed --since 1h\n"
             "  pouch log --publisher orders --follow\n"
             "  pouch log --since 2026-01-31T00:00:00Z --until 2026-02-01T00:00:00Z -o csv > day.csv\n",
    .flags =
        (const struct ops_flag[]){
            {"--publisher", 0, "P", false, "only requests of this publisher"},
            {"--since", 0, "T", false, "from then on: a time ago (10m, 2h) or RFC 3339"},
            {"--until", 0, "T", false, "up to then"},
            {"--failed", 0, NULL, false, "only what failed"},
            {"--limit", 0, "N", false, "the newest N (100; with --since all)"},
            {"--follow", 'f', NULL, false, "go on with what comes"},
            {0},
        },
    .settings = (const char *const[]){"store", NULL},
    .csv = true,
    .run = log_command,
};
