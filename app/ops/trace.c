/* pouch trace. */
#include <admin/hops.h>
#include <admin/incomplete.h>
#include <admin/rows.h>
#include <admin/trace.h>
#include <admin/when.h>
#include <base/clock.h>
#include <base/why.h>
#include <ops/commands.h>
#include <ops/common.h>
#include <ops/incomplete.h>
#include <ops/rows.h>
#include <ops/waterfall.h>
#include <stdlib.h>
#include <string.h>

static int say_unknown(const struct admin_trace *t, const char *url) {
    ops_say("no trace of request %s in %s", t->request_id, url);
    ops_incomplete_say(&t->incomplete);
    ops_say("check that centers, workers and clients run with that store (--store, POUCH_STORE) and as a user who may "
            "write it, and that the request is not older than their trace.ttl");
    return OPS_EXIT_NEGATIVE;
}

static const char *first_publisher(const struct admin_rows *rows) {
    for (size_t i = 0; i < rows->n; i++)
        if (rows->at[i].publisher) return rows->at[i].publisher;
    return NULL;
}

static int print_picture(const struct admin_trace *t) {
    const struct ops_screen screen = ops_screen_of(stdout);
    struct admin_hop *hops = calloc(t->rows.n, sizeof *hops);
    char when[ADMIN_WHEN_TEXT], span[OPS_SPAN_TEXT];
    if (!hops) {
        ops_say("out of memory");
        return pouch_err_exit_code(POUCH_E_NO_MEMORY);
    }
    size_t n = admin_hops_of(hops, t->rows.at, t->rows.n);
    const char *publisher = first_publisher(&t->rows);
    printf("request %s\n", t->request_id);
    if (publisher) {
        fputs("publisher ", stdout);
        ops_screen_put(stdout, &screen, publisher, strlen(publisher), screen.columns);
        fputs(", ", stdout);
    }
    printf("%s, %zu %s in %s\n\n", admin_when_text(when, hops[0].start_us / 1000), n, n == 1 ? "hop" : "hops",
           ops_span_text(span, admin_hops_span_us(hops, n)));
    ops_waterfall(stdout, &screen, hops, n);
    if (!admin_is_complete(&t->incomplete)) putchar('\n');
    ops_incomplete_print(&t->incomplete, "; hops may be among them");
    if (t->rows.full) printf("\nonly the first %d rows are shown\n", ADMIN_TRACE_ROWS);
    free(hops);
    return OPS_EXIT_OK;
}

static int print_hops(const struct admin_trace *t) {
    json_t *hops = admin_trace_hops_json(t);
    char *text = hops ? pl_json_text(hops, NULL) : NULL;
    json_decref(hops);
    if (!text) return ops_error(pl_fail(POUCH_E_NO_MEMORY, "out of memory for hops"));
    printf("\"hops\":%s,", text);
    free(text);
    return OPS_EXIT_OK;
}

/* The rows as admin_trace_json() has them, and their envelopes. */
static int print_rows(const struct admin_trace *t, bool document) {
    int exit_code = OPS_EXIT_OK;
    if (document) printf("{\"request_id\":\"%s\",\"rows\":[", t->request_id);
    for (size_t i = 0; i < t->rows.n && !exit_code; i++) {
        if (document) fputs(i ? ",\n" : "\n", stdout);
        exit_code = ops_row_print(&t->rows.at[i]);
        if (!document) putchar('\n');
    }
    if (document) {
        fputs("\n],", stdout);
        if (!exit_code) exit_code = print_hops(t);
        ops_incomplete_end(&t->incomplete);
    } else {
        ops_incomplete_say(&t->incomplete);
    }
    return exit_code;
}

static int trace(struct ops_call *call) {
    struct admin_trace t = {0};
    struct pl_store *store = NULL;
    struct pl_uuid id;
    char *url = NULL;
    if (!pl_uuid_parse(&id, call->args[0], strlen(call->args[0])))
        return ops_usage(call, "'%.64s' is no request id", call->args[0]);
    pouch_err e = ops_rows_store(call, &store, &url);
    if (!e) e = admin_trace_read(&t, &id, store, url, pouch_options_get(call->options, "trace.spool"));
    int exit_code = e                           ? ops_error(e)
                    : !t.rows.n                 ? say_unknown(&t, url)
                    : call->output == OPS_TABLE ? print_picture(&t)
                                                : print_rows(&t, call->output == OPS_JSON);
    admin_trace_free(&t);
    pl_store_close(store);
    free(url);
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
