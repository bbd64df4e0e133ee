/*
 * What happened in the last hour: how each route did, and the newest failures.
 *
 *   POUCH_STORE=sqlite:///var/lib/pouch ./traces [REQUEST_ID]
 *
 * With the id of a request: its way, row by row.
 */
#include <inttypes.h>
#include <pouch/pouch.h>
#include <stdio.h>
#include <time.h>

static int print_route(const pouch_route_stats *r, void *arg) {
    (void)arg;
    printf("%s: %" PRIu64 " sent, %" PRIu64 " failed, half within %" PRId64 " us, 99 %% within %" PRId64 " us\n",
           pouch_route_stats_publisher(r), pouch_route_stats_count(r), pouch_route_stats_failed(r),
           pouch_route_stats_p50_us(r), pouch_route_stats_p99_us(r));
    return 1;
}

static int print_row(const pouch_trace *row, void *arg) {
    (void)arg;
    printf("%s %s %s from %s to %s: %s %s\n", pouch_trace_request_id(row), pouch_trace_by(row),
           pouch_trace_is_response(row) ? "response" : "request", pouch_trace_topic(row), pouch_trace_target(row),
           pouch_trace_success(row) ? "ok" : pouch_trace_code(row), pouch_trace_error(row));
    return 1;
}

static int print_failure(const pouch_trace *row, void *arg) {
    int *left = arg;
    if (!pouch_trace_success(row)) {
        print_row(row, NULL);
        --*left;
    }
    return *left > 0; /* 0: enough */
}

static pouch_err print_hour(pouch_trace_store *s) {
    int64_t until = (int64_t)time(NULL) * 1000000, since = until - INT64_C(3600000000);
    int failures = 10;
    uint64_t missing = 0;
    pouch_err e = pouch_trace_routes(s, NULL, NULL, since, INT64_MAX, print_route, NULL);
    if (!e) e = pouch_trace_by_time(s, since, INT64_MAX, 0, print_failure, &failures);
    if (!e) e = pouch_trace_missing(s, since, INT64_MAX, &missing);
    if (missing) printf("incomplete: %" PRIu64 " rows are missing\n", missing);
    return e;
}

int main(int argc, char **argv) {
    pouch_trace_store *s = NULL;
    pouch_options *o = pouch_options_new(); /* POUCH_STORE */
    if (!o) return pouch_err_exit_code(POUCH_E_NO_MEMORY);
    pouch_err e = pouch_trace_store_open(&s, o);
    if (!e) e = argc > 1 ? pouch_trace_by_request(s, argv[1], print_row, NULL) : print_hour(s);
    if (e) fprintf(stderr, "traces: %s\n", pouch_why());
    pouch_trace_store_close(s);
    pouch_options_free(o);
    return pouch_err_exit_code(e);
}
