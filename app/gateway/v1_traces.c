/* /v1/traces: what happened to requests, never what was in them. */
#include <admin/anytext.h>
#include <admin/trace.h>
#include <base/uuid.h>
#include <base/why.h>
#include <gateway/state.h>
#include <gateway/stores.h>
#include <gateway/v1.h>
#include <stdlib.h>
#include <string.h>

enum { FORBIDDEN = 403 };

/* A page of the list. */
struct page {
    struct pl_trace_query query;
    int64_t from[3]; /* the cursor: the time of the last row, and how many of that time were shown */
    int64_t skipped;
    struct admin_rows rows;
};

/* Rows of one microsecond always come in the same order. */
static bool take(const struct pl_trace *row, void *arg) {
    struct page *p = arg;
    if (row->at_us == p->from[0] && p->skipped < p->from[1]) {
        p->skipped++;
        return true;
    }
    return admin_rows_add(row, &p->rows);
}

static pouch_err read_query(const struct httpd_call *c, struct page *p) {
    bool given;
    pouch_err e = gateway_v1_span(c, &p->query.since_us, &p->query.until_us);
    if (!e) e = gateway_v1_flag(c, "failed", &p->query.failed);
    if (!e) e = gateway_v1_limit(c, &p->rows.most);
    if (!e) e = gateway_v1_cursor(c, p->from, &given);
    if (e) return e;
    p->query.publisher = httpd_call_query(c, "publisher");
    p->query.limit = SIZE_MAX;
    if (!given) return POUCH_OK;
    if (p->from[0] < 0 || p->from[0] == INT64_MAX || p->from[1] < 0) return gateway_v1_no_cursor();
    p->query.until_us = p->from[0] + 1;
    return POUCH_OK;
}

/* Where the next page goes on; null: there is none. */
static json_t *next_of(const struct page *p) {
    char text[GATEWAY_V1_CURSOR];
    if (!p->rows.full) return json_null();
    int64_t at[3] = {p->rows.at[p->rows.n - 1].at_us, 0, 0};
    for (size_t i = p->rows.n; i-- > 0 && p->rows.at[i].at_us == at[0];) at[1]++;
    if (at[0] == p->from[0]) at[1] += p->from[1];
    return json_string(gateway_v1_cursor_text(text, at));
}

static json_t *page_json(const struct page *p, const struct admin_incomplete *incomplete) {
    json_t *rows = json_array();
    for (size_t i = 0; rows && i < p->rows.n; i++) rows = admin_array_with(rows, admin_row_json(&p->rows.at[i]));
    return admin_incomplete_json(json_pack("{s:o,s:o}", "rows", rows, "cursor", next_of(p)), incomplete);
}

static pouch_err read_page(struct gateway *g, struct page *p, struct admin_incomplete *incomplete) {
    struct pl_store *store;
    pouch_err e = gateway_stores_take(g->stores, &store);
    if (e) return e;
    admin_incomplete_look(incomplete, gateway_stores_url(g->stores), g->conf.trace_spool, p->query.since_us,
                          p->query.until_us);
    e = pl_store_by_time(store, &p->query, take, p);
    if (!e) e = p->rows.error;
    int64_t since_us = p->rows.full ? p->rows.at[p->rows.n - 1].at_us : p->query.since_us;
    if (!e) e = admin_incomplete_ask(incomplete, store, since_us, p->query.until_us);
    gateway_stores_give(g->stores, store, e);
    return e;
}

/* Whoever may not see all of them names a publisher whose they may see. */
static pouch_err list_now(struct httpd_call *c, struct httpd_answer *a, void *gateway) {
    struct page p = {0};
    struct admin_incomplete incomplete = {0};
    pouch_err told;
    if (!gateway_may(c, a, AUTH_READ_TRACES, httpd_call_query(c, "publisher"), &told)) return told;
    if (read_query(c, &p)) return gateway_v1_bad(a);
    pouch_err e = read_page(gateway, &p, &incomplete);
    if (!e) e = gateway_v1_tagged(c, a, page_json(&p, &incomplete));
    admin_rows_free(&p.rows);
    admin_incomplete_free(&incomplete);
    return e;
}

/* ---- one request ---- */

/* A request is of one publisher, which not all who noted it know. */
static bool may_see(const struct httpd_call *c, const struct admin_rows *rows) {
    for (size_t i = 0; i < rows->n; i++)
        if (rows->at[i].publisher && gateway_v1_may(c, AUTH_READ_TRACES, rows->at[i].publisher)) return true;
    return gateway_v1_may(c, AUTH_READ_TRACES, NULL);
}

static pouch_err answer_trace(struct httpd_call *c, struct httpd_answer *a, const struct admin_trace *t) {
    if (!may_see(c, &t->rows))
        return gateway_problem_as(a, FORBIDDEN, pouch_err_code(POUCH_E_NOT_ALLOWED),
                                  "nothing may be seen of a request with that id");
    if (!t->rows.n)
        return pl_fail(POUCH_E_NOT_FOUND,
                       "there is no trace of request %s: centers, workers and clients note it in the gateway's store, "
                       "for as long as their trace.ttl says",
                       t->request_id);
    return gateway_v1_tagged(c, a, admin_trace_json(t));
}

static pouch_err get_now(struct httpd_call *c, struct httpd_answer *a, void *gateway) {
    const struct gateway *g = gateway;
    const char *text = httpd_call_param(c, "request_id");
    struct admin_trace t = {0};
    struct pl_store *store;
    struct pl_uuid id;
    if (!pl_uuid_parse(&id, text, strlen(text)))
        return pl_fail(POUCH_E_INVALID_PAYLOAD, "'%.64s' is no request id", text);
    pouch_err e = gateway_stores_take(g->stores, &store);
    if (!e) e = admin_trace_read(&t, &id, store, gateway_stores_url(g->stores), g->conf.trace_spool);
    gateway_stores_give(g->stores, store, e);
    if (!e) e = answer_trace(c, a, &t);
    admin_trace_free(&t);
    return e;
}

/* ---- endpoints ---- */

static pouch_err list(struct httpd_call *c, struct httpd_answer *a, void *g) {
    return gateway_work(g, c, a, list_now);
}

static pouch_err get(struct httpd_call *c, struct httpd_answer *a, void *g) {
    return gateway_work(g, c, a, get_now);
}

static const struct gateway_endpoint endpoints[] = {
    {
        .method = "GET",
        .path = "/v1/traces",
        .id = "listTraces",
        .tag = "Traces",
        .about = "List what happened to requests, the newest first. Whoever may not see all names a publisher.",
        .need = {AUTH_READ_TRACES, AUTH_EACH},
        .params = (const struct gateway_param[]){GATEWAY_V1_TEXT("publisher", "Only requests of this publisher."),
                                                 GATEWAY_V1_SINCE_PARAM,
                                                 GATEWAY_V1_UNTIL_PARAM,
                                                 GATEWAY_V1_FLAG("failed", "Only what failed."),
                                                 GATEWAY_V1_LIMIT_PARAM,
                                                 GATEWAY_V1_CURSOR_PARAM,
                                                 {0}},
        .says = (const struct gateway_says[]){{200, "They are.", "Traces", NULL}, {0}},
        .handle = list,
    },
    {
        .method = "GET",
        .path = "/v1/traces/{request_id}",
        .id = "getTrace",
        .tag = "Traces",
        .about = "Show the way of a request: every hop, when, how long, with what end.",
        .need = {AUTH_READ_TRACES, AUTH_EACH},
        .params =
            (const struct gateway_param[]){
                {"request_id", "path", "{\"type\":\"string\",\"format\":\"uuid\"}", "Of the request.", true}, {0}},
        .says = (const struct gateway_says[]){{200, "Its rows, and the hops that they tell of.", "Trace", NULL},
                                              {404, "Nothing is known of it.", "Problem", NULL},
                                              {0}},
        .handle = get,
    },
};

#define ROWS                                                                                                        \
    "\"rows\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"required\":[\"time\",\"by\",\"request_id\"],"    \
    "\"properties\":{\"time\":{\"type\":\"string\"},\"at_us\":{\"type\":\"integer\"},\"by\":{\"enum\":[\"client\"," \
    "\"center\",\"worker\"]},\"request_id\":{\"type\":\"string\"},\"success\":{\"type\":\"boolean\"}}}}"
#define KNOWN \
    "\"complete\":{\"type\":\"boolean\"},\"missing\":{\"type\":\"integer\"},\"waiting\":{\"type\":\"integer\"}"

static const struct gateway_schema schemas[] = {
    {"Traces", "{\"type\":\"object\",\"required\":[\"rows\",\"cursor\",\"complete\"],\"properties\":{" ROWS
               ",\"cursor\":{\"type\":[\"string\",\"null\"]}," KNOWN "}}"},
    {"Trace",
     "{\"type\":\"object\",\"required\":[\"request_id\",\"rows\",\"hops\",\"complete\"],\"properties\":{"
     "\"request_id\":{\"type\":\"string\"}," ROWS ",\"hops\":{\"type\":\"array\",\"items\":{\"type\":\"object\","
     "\"properties\":{\"by\":{\"type\":\"string\"},\"start_us\":{\"type\":\"integer\"},\"took_us\":{\"type\":["
     "\"integer\",\"null\"]},\"end\":{\"enum\":[\"ok\",\"failed\",\"open\"]}}}}," KNOWN "}}"},
};

const struct gateway_part gateway_v1_traces = {
    GATEWAY_TABLES(endpoints, schemas),
};
