/* Batches of packed rows for the tests of the spool, and what comes back of them. */
#ifndef POUCH_TESTS_STORE_BATCHES_H
#define POUCH_TESTS_STORE_BATCHES_H

#include "traces.h"
#include <store/gap.h>
#include <store/trace_pack.h>

struct test_batch {
    char *at;
    struct pl_trace_batch batch;
    struct pl_gap rows;
};

static inline void test_batch_free(struct test_batch *b) {
    free(b->at);
    *b = (struct test_batch){0};
}

/* Rows first to last - 1, each with so many bytes of payload. */
static inline struct test_batch test_batch_of(int64_t first, int64_t last, size_t payload) {
    struct test_batch b = {0};
    char *bytes = calloc(1, payload + 1);
    size_t used = 0;
    for (int64_t n = first; n < last; n++) {
        struct pl_trace row = test_row(n);
        if (payload) row.payload = bytes;
        row.payload_n = payload;
        struct pl_packing p;
        pl_trace_measure(&p, &row);
        b.at = realloc(b.at, used + p.bytes);
        assert_non_null(b.at);
        pl_trace_pack(b.at + used, &row, &p);
        used += p.bytes;
        pl_gap_add(&b.rows, row.at_us, row.at_us, 1);
    }
    free(bytes);
    b.batch = (struct pl_trace_batch){.at = b.at, .rows = (size_t)(last - first)};
    return b;
}

/* The numbers of a batch's rows. */
static inline void test_batch_numbers(const struct pl_trace_batch *b, void (*each)(int64_t number, void *arg),
                                      void *arg) {
    const char *at = b->at;
    for (size_t i = 0; i < b->rows; i++) {
        struct pl_trace row;
        at = pl_trace_unpack(at, &row);
        struct pl_trace same = test_row(row.offset);
        assert_int_equal(row.id, same.id);
        assert_int_equal(row.at_us, same.at_us);
        assert_string_equal(row.publisher, same.publisher);
        each(row.offset, arg);
    }
}

#endif
