/* Rows for the tests of traces, and what is read of them. */
#ifndef POUCH_TESTS_STORE_TRACES_H
#define POUCH_TESTS_STORE_TRACES_H

#include <folder.h>
#include <store/store.h>
#include <store/tracer.h>

enum {
    TEST_PATIENCE_MS = 240000,
    TEST_TTL_MS = 7 * 24 * 3600 * 1000,
    TEST_QUEUE_BYTES = 8 << 20,
    TEST_SPOOL_BYTES = 64 << 20
};

/* The n-th row that a center would write: of a request of its own, a millisecond after the one before. */
static inline struct pl_trace test_row(int64_t n) {
    struct pl_trace row = {.by = PL_TRACE_CENTER,
                           .success = true,
                           .at_us = 1700000000000000 + n * 1000,
                           .took_us = 250,
                           .publisher = "publisher-a",
                           .topic = "inbox",
                           .partition = 3,
                           .offset = n,
                           .target = "target-a",
                           .route = "route-publisher-a"};
    row.request_id.b[0] = 1;
    memcpy(row.request_id.b + 8, &n, sizeof n);
    row.id = pl_trace_id(row.topic, row.partition, row.offset, row.target, row.by, row.response);
    return row;
}

static struct pl_wake test_wake; /* of all tracers of a program, which waits in one thread */

static inline struct pl_tracer *test_tracer(const struct test_folder *f) {
    if (!test_wake.fd) assert_int_equal(pl_wake_init(&test_wake), POUCH_OK);
    const struct pl_tracer_settings settings = {.url = f->url,
                                                .max_bytes = TEST_QUEUE_BYTES,
                                                .ttl_ms = TEST_TTL_MS,
                                                .wake = &test_wake,
                                                .spool_bytes = TEST_SPOOL_BYTES};
    struct pl_tracer *t;
    assert_int_equal(pl_tracer_new(&t, &settings), POUCH_OK);
    return t;
}

static inline void test_wait_written(struct pl_tracer *t, uint64_t ticket) {
    int64_t until = pl_mono_us(&pl_clock_system) + (int64_t)TEST_PATIENCE_MS * 1000;
    while (pl_tracer_written(t) < ticket) {
        assert_true(pl_mono_us(&pl_clock_system) < until);
        pl_wake_wait(&test_wake, (int64_t)TEST_PATIENCE_MS * 1000);
    }
}

/* Rows first to last - 1, waiting for the writer where it is behind, so that none is missing. */
static inline uint64_t test_put_rows(struct pl_tracer *t, int64_t first, int64_t last) {
    uint64_t ticket = 0;
    for (int64_t n = first; n < last; n++) {
        struct pl_trace row = test_row(n);
        ticket = pl_tracer_put(t, &row);
        if (n % 8192 == 0) test_wait_written(t, ticket);
    }
    if (ticket) test_wait_written(t, ticket);
    return ticket;
}

/* By a writer of their own. */
static inline void test_put_and_close(const struct test_folder *f, const struct pl_trace *rows, size_t n) {
    struct pl_tracer *t = test_tracer(f);
    for (size_t i = 0; i < n; i++) pl_tracer_put(t, &rows[i]);
    pl_tracer_free(t, TEST_PATIENCE_MS);
}

/* What a query shows: how many rows, the numbers of the first ones, the texts of the last. */
struct test_seen {
    size_t n, stop_at; /* stop_at 0: never */
    int64_t numbers[64], last_number;
    bool ordered_up, ordered_down; /* by time */
    int64_t last_at_us;
    bool success, response;
    enum pl_trace_by by;
    int64_t took_us;
    int32_t partition;
    char publisher[64], topic[64], target[64], route[64], code[64], error[2048], payload[256];
};

static inline void test_keep_text(char *out, size_t size, const char *text) {
    snprintf(out, size, "%s", text ? text : "(null)");
}

static inline bool test_see(const struct pl_trace *row, void *arg) {
    struct test_seen *s = arg;
    int64_t number;
    memcpy(&number, row->request_id.b + 8, sizeof number);
    if (s->n == 0) s->ordered_up = s->ordered_down = true;
    if (s->n && row->at_us < s->last_at_us) s->ordered_up = false;
    if (s->n && row->at_us > s->last_at_us) s->ordered_down = false;
    if (s->n < 64) s->numbers[s->n] = number;
    s->last_number = number;
    s->last_at_us = row->at_us;
    s->success = row->success;
    s->response = row->response;
    s->by = row->by;
    s->took_us = row->took_us;
    s->partition = row->partition;
    test_keep_text(s->publisher, sizeof s->publisher, row->publisher);
    test_keep_text(s->topic, sizeof s->topic, row->topic);
    test_keep_text(s->target, sizeof s->target, row->target);
    test_keep_text(s->route, sizeof s->route, row->route);
    test_keep_text(s->code, sizeof s->code, row->code);
    test_keep_text(s->error, sizeof s->error, row->error);
    snprintf(s->payload, sizeof s->payload, "%.*s", (int)row->payload_n,
             row->payload ? (const char *)row->payload : "");
    return ++s->n != s->stop_at;
}

static inline struct pl_trace_query test_all(void) {
    return (struct pl_trace_query){.since_us = 0, .until_us = INT64_MAX, .oldest_first = true, .limit = SIZE_MAX};
}

static inline struct test_seen test_query(struct pl_store *s, const struct pl_trace_query *q) {
    struct test_seen seen = {0};
    assert_int_equal(pl_store_by_time(s, q, test_see, &seen), POUCH_OK);
    return seen;
}

static inline struct test_seen test_request(struct pl_store *s, int64_t number) {
    struct test_seen seen = {0};
    struct pl_trace row = test_row(number);
    assert_int_equal(pl_store_by_request(s, &row.request_id, test_see, &seen), POUCH_OK);
    return seen;
}

static inline uint64_t test_missing(struct pl_store *s) {
    uint64_t rows;
    assert_int_equal(pl_store_missing(s, 0, INT64_MAX, &rows), POUCH_OK);
    return rows;
}

#endif
