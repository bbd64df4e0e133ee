/* pouch trace. */
#include <base/clock.h>
#include <base/why.h>
#include <ops/commands.h>
#include <ops/common.h>
#include <ops/incomplete.h>
#include <ops/rows.h>
#include <ops/waterfall.h>
#include <ops/when.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_MAX = 10000 };

/* What was found of one request, and where. */
struct trace {
    const struct ops_call *call;
    const char *request_id, *url;
    struct ops_rows rows;
    struct ops_incomplete incomplete; /* from the request's time on, or of all times when there is no row */
};

/* What is missing from the time that the rows are from, or waits: hops of this request may be among that. */
static pouch_err find_missing(struct trace *t, struct pl_store *store) {
    int64_t since_us = INT64_MAX, until_us = 0;
    for (size_t i = 0; i < t->rows.n; i++) {
        const struct pl_trace *row = &t->rows.at[i];
        int64_t took_us = row->took_us > 0 ? row->took_us : 0;
        int64_t began_us = row->response ? row->at_us - took_us : row->at_us;
        if (began_us < since_us) since_us = began_us;
        if (began_us + took_us > until_us) until_us = began_us + took_us;
    }
    if (!t->rows.n) {
        since_us = 0;
        until_us = INT64_MAX - 1;
    }
    return ops_incomplete_ask(&t->incomplete, store, since_us, until_us + 1);
}

static pouch_err read_trace(struct trace *t, const struct pl_uuid *id) {
    struct pl_store *store = NULL;
    char *url = NULL;
    pouch_err e = ops_rows_store(t->call, &store, &url);
    if (!e) ops_incomplete_look(&t->incomplete, t->call, url, 0, INT64_MAX);
    if (!e) e = pl_store_by_request(store, id, ops_rows_add, &t->rows);
    if (!e) e = t->rows.error;
    if (!e) e = find_missing(t, store);
    pl_store_close(store);
    t->url = url;
    return e;
}

static int say_unknown(const struct trace *t) {
    ops_say("no trace of request %s in %s", t->request_id, t->url);
    ops_incomplete_say(&t->incomplete);
    ops_say("check that centers, workers and clients run with that store (--store, POUCH_STORE) and as a user who may "
            "write it, and that the request is not older than their trace.ttl");
    return OPS_EXIT_NEGATIVE;
}

static const char *first_publisher(const struct ops_rows *rows) {
    for (size_t i = 0; i < rows->n; i++)
        if (rows->at[i].publisher) return rows->at[i].publisher;
    return NULL;
}

static int print_picture(const struct trace *t) {
    const struct ops_screen screen = ops_screen_of(stdout);
    struct ops_hop *hops = calloc(t->rows.n, sizeof *hops);
    char when[OPS_WHEN_TEXT], span[OPS_SPAN_TEXT];
    if (!hops) {
        ops_say("out of memory");
        return pouch_err_exit_code(POUCH_E_NO_MEMORY);
    }
    size_t n = ops_hops_of(hops, t->rows.at, t->rows.n);
    const char *publisher = first_publisher(&t->rows);
    printf("request %s\n", t->request_id);
    if (publisher) {
        fputs("publisher ", stdout);
        ops_screen_put(stdout, &screen, publisher, strlen(publisher), screen.columns);
        fputs(", ", stdout);
    }
    printf("%s, %zu %s in %s\n\n", ops_when_text(when, hops[0].start_us / 1000), n, n == 1 ? "hop" : "hops",
           ops_span_text(span, ops_hops_span_us(hops, n)));
    ops_waterfall(stdout, &screen, hops, n);
    if (!ops_is_complete(&t->incomplete)) putchar('\n');
    ops_incomplete_print(&t->incomplete, "; hops may be among them");
    if (t->rows.full) printf("\nonly the first %d rows are shown\n", ROWS_MAX);
    free(hops);
    return OPS_EXIT_OK;
}

static int print_rows(const struct trace *t) {
    bool document = t->call->output == OPS_JSON;
    int exit_code = OPS_EXIT_OK;
    if (document) printf("{\"request_id\":\"%s\",\"rows\":[", t->request_id);
    for (size_t i = 0; i < t->rows.n && !exit_code; i++) {
        if (document) fputs(i ? ",\n" : "\n", stdout);
        exit_code = ops_row_print(&t->rows.at[i]);
        if (!document) putchar('\n');
    }
    if (document) {
        fputs("\n],", stdout);
        ops_incomplete_end(&t->incomplete);
    } else {
        ops_incomplete_say(&t->incomplete);
    }
    return exit_code;
}

static int trace(struct ops_call *call) {
    struct trace t = {.call = call, .rows = {.most = ROWS_MAX}};
    struct pl_uuid id;
    char text[37];
    if (!pl_uuid_parse(&id, call->args[0], strlen(call->args[0])))
        return ops_usage(call, "'%.64s' is no request id", call->args[0]);
    pl_uuid_format(text, &id);
    t.request_id = text;
    pouch_err e = read_trace(&t, &id);
    int exit_code = e                           ? ops_error(e)
                    : !t.rows.n                 ? say_unknown(&t)
                    : call->output == OPS_TABLE ? print_picture(&t)
                                                : print_rows(&t);
    ops_rows_free(&t.rows);
    ops_incomplete_free(&t.incomplete);
    free((char *)t.url);
    int written = ops_done();
    return exit_code ? exit_code : written;
}

const struct ops_command ops_trace = {
    .name = "trace",
    .args = "REQUEST_ID",
    .summary = "Show the way of a request: every hop, when, how long, with what end",
    .about =
        "Reads what centers, workers and clients that run with the same --store have noted about the\n"
        "request: never what was in it. A bar is the time that a program had it. Each host's own\n"
        "clock tells its times. With trace.payload = sealed the envelopes are in the JSON, for pouch\n"
        "open to open.\n\n"
        "  pouch trace 0b9f3c66-5f0b-4a44-9c57-6d3b7a1f2e10\n"
        "  pouch trace 0b9f3c66-5f0b-4a44-9c57-6d3b7a1f2e10 -o json | jq -c '.rows[].envelope // empty' | pouch open\n",
    .settings = (const char *const[]){"store", NULL},
    .least = 1,
    .most = 1,
    .run = trace,
};
