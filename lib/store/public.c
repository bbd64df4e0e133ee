#include <base/why.h>
#include <pouch/trace.h>
#include <stdlib.h>
#include <store/store.h>
#include <string.h>

struct pouch_trace_store {
    struct pl_store *store;
};

struct pouch_trace {
    const struct pl_trace *row;
    char request_id[37];
};

struct pouch_route_stats {
    const struct pl_route_stats *stats;
};

pouch_err pouch_trace_store_open(pouch_trace_store **out, const pouch_options *o) {
    char *fallback = NULL;
    const char *url = pouch_options_get(o, "store");
    pouch_trace_store *s = calloc(1, sizeof *s);
    pouch_err e = s ? POUCH_OK : pl_fail(POUCH_E_NO_MEMORY, "out of memory for a store");
    if (!e && !url) e = pl_store_default_url(&fallback);
    if (!e) e = pl_store_open(&s->store, url ? url : fallback);
    free(fallback);
    if (e)
        free(s);
    else
        *out = s;
    return e;
}

void pouch_trace_store_close(pouch_trace_store *s) {
    if (!s) return;
    pl_store_close(s->store);
    free(s);
}

/* ---- rows ---- */

struct walk {
    pouch_trace_fn *fn;
    void *arg;
};

static bool show(const struct pl_trace *row, void *arg) {
    const struct walk *w = arg;
    pouch_trace shown = {.row = row};
    pl_uuid_format(shown.request_id, &row->request_id);
    return w->fn(&shown, w->arg);
}

pouch_err pouch_trace_by_request(pouch_trace_store *s, const char *request_id, pouch_trace_fn *fn, void *arg) {
    struct pl_uuid id;
    if (!pl_uuid_parse(&id, request_id, strlen(request_id)))
        return pl_fail(POUCH_E_CONFIG, "'%.64s' is no request id", request_id);
    return pl_store_by_request(s->store, &id, show, &(struct walk){fn, arg});
}

pouch_err pouch_trace_by_publisher(pouch_trace_store *s, const char *publisher, int64_t since_us, int64_t until_us,
                                   size_t limit, pouch_trace_fn *fn, void *arg) {
    const struct pl_trace_query q = {
        .publisher = publisher, .since_us = since_us, .until_us = until_us, .limit = limit ? limit : SIZE_MAX};
    return pl_store_by_time(s->store, &q, show, &(struct walk){fn, arg});
}

pouch_err pouch_trace_by_time(pouch_trace_store *s, int64_t since_us, int64_t until_us, size_t limit,
                              pouch_trace_fn *fn, void *arg) {
    return pouch_trace_by_publisher(s, NULL, since_us, until_us, limit, fn, arg);
}

pouch_err pouch_trace_missing(pouch_trace_store *s, int64_t since_us, int64_t until_us, uint64_t *rows) {
    return pl_store_missing(s->store, since_us, until_us, rows);
}

static const char *text_of(const char *text) {
    return text ? text : "";
}

const char *pouch_trace_by(const pouch_trace *row) {
    static const char *const names[] = {
        [PL_TRACE_CLIENT] = "client", [PL_TRACE_CENTER] = "center", [PL_TRACE_WORKER] = "worker"};
    return names[row->row->by];
}

int pouch_trace_is_response(const pouch_trace *row) {
    return row->row->response;
}

int pouch_trace_success(const pouch_trace *row) {
    return row->row->success;
}

const char *pouch_trace_request_id(const pouch_trace *row) {
    return row->request_id;
}

int64_t pouch_trace_time_us(const pouch_trace *row) {
    return row->row->at_us;
}

int64_t pouch_trace_took_us(const pouch_trace *row) {
    return row->row->took_us;
}

const char *pouch_trace_publisher(const pouch_trace *row) {
    return text_of(row->row->publisher);
}

const char *pouch_trace_topic(const pouch_trace *row) {
    return text_of(row->row->topic);
}

const char *pouch_trace_target(const pouch_trace *row) {
    return text_of(row->row->target);
}

const char *pouch_trace_route(const pouch_trace *row) {
    return text_of(row->row->route);
}

const char *pouch_trace_code(const pouch_trace *row) {
    return text_of(row->row->code);
}

const char *pouch_trace_error(const pouch_trace *row) {
    return text_of(row->row->error);
}

const void *pouch_trace_envelope(const pouch_trace *row, size_t *n) {
    if (n) *n = row->row->payload ? row->row->payload_n : 0;
    return row->row->payload;
}

/* ---- routes ---- */

struct stats_walk {
    pouch_route_stats_fn *fn;
    void *arg;
};

static bool show_stats(const struct pl_route_stats *stats, void *arg) {
    const struct stats_walk *w = arg;
    return w->fn(&(pouch_route_stats){stats}, w->arg);
}

pouch_err pouch_trace_routes(pouch_trace_store *s, const char *publisher, const char *route, int64_t since_us,
                             int64_t until_us, pouch_route_stats_fn *fn, void *arg) {
    struct pl_stats_query q = {publisher, route, since_us, until_us};
    return pl_store_stats(s->store, &q, show_stats, &(struct stats_walk){fn, arg});
}

const char *pouch_route_stats_publisher(const pouch_route_stats *r) {
    return r->stats->publisher;
}

const char *pouch_route_stats_route(const pouch_route_stats *r) {
    return r->stats->route;
}

uint64_t pouch_route_stats_count(const pouch_route_stats *r) {
    return r->stats->count;
}

uint64_t pouch_route_stats_failed(const pouch_route_stats *r) {
    return r->stats->failed;
}

int64_t pouch_route_stats_average_us(const pouch_route_stats *r) {
    return r->stats->average_us;
}

int64_t pouch_route_stats_p50_us(const pouch_route_stats *r) {
    return r->stats->p50_us;
}

int64_t pouch_route_stats_p99_us(const pouch_route_stats *r) {
    return r->stats->p99_us;
}

int64_t pouch_route_stats_last_us(const pouch_route_stats *r) {
    return r->stats->last_us;
}
