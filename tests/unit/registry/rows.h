/* Route rows as a store gives them; include after support.h. */
#ifndef POUCH_TESTS_ROWS_H
#define POUCH_TESTS_ROWS_H

#include <registry/snapshot.h>
#include <stdio.h>
#include <stdlib.h>

/* Row i: publisher p<i>, targets t<i>.0 and so on, enabled unless i is odd. NULL members where memory is out. */
static inline struct pl_route_row test_row(size_t i, size_t targets) {
    struct pl_route_row r = {.enabled = i % 2 == 0, .version = (int64_t)i + 1};
    char text[64];
    snprintf(text, sizeof text, "route-p%zu", i);
    r.id = strdup(text);
    snprintf(text, sizeof text, "p%zu", i);
    r.publisher = strdup(text);
    r.targets = calloc(targets, sizeof *r.targets);
    for (; r.targets && r.n_targets < targets; r.n_targets++) {
        snprintf(text, sizeof text, "t%zu.%zu", i, r.n_targets);
        r.targets[r.n_targets] = strdup(text);
    }
    return r;
}

/* Every fifth route takes one of its targets by weight: 0, 1, 2, … */
static inline void test_weigh(struct pl_route_row *r, size_t i) {
    if (i % 5 || r->n_targets < 2) return;
    r->weights = calloc(r->n_targets, sizeof *r->weights);
    for (size_t t = 0; r->weights && t < r->n_targets; t++) r->weights[t] = (uint32_t)t;
}

/* n routes; row i has 1 + i % PL_TARGETS_MAX targets. */
static inline struct pl_route_row *test_rows(size_t n) {
    struct pl_route_row *rows = calloc(n + 1, sizeof *rows);
    assert_non_null(rows);
    for (size_t i = 0; i < n; i++) {
        rows[i] = test_row(i, 1 + i % PL_TARGETS_MAX);
        test_weigh(&rows[i], i);
    }
    return rows;
}

static inline struct pl_snapshot *test_snapshot(size_t n, int64_t version) {
    struct pl_snapshot *s;
    assert_int_equal(pl_snapshot_new(&s, test_rows(n), n, version), POUCH_OK);
    return s;
}

/* Every one of n rows is found, as it was made, and nothing else. */
static inline void test_snapshot_holds(const struct pl_snapshot *s, size_t n) {
    assert_int_equal(pl_snapshot_routes(s), n);
    for (size_t i = 0; i < n; i++) {
        struct pl_route_row want = test_row(i, 1 + i % PL_TARGETS_MAX);
        test_weigh(&want, i);
        const struct pl_registry_route *r = pl_snapshot_find(s, want.publisher, strlen(want.publisher));
        assert_non_null(r);
        assert_string_equal(r->id, want.id);
        assert_string_equal(r->publisher, want.publisher);
        assert_int_equal(r->enabled, want.enabled);
        assert_int_equal(r->version, want.version);
        assert_int_equal(r->n_targets, want.n_targets);
        for (size_t t = 0; t < r->n_targets; t++) assert_string_equal(r->targets[t], want.targets[t]);
        assert_true(!r->weights == !want.weights);
        if (r->weights) assert_memory_equal(r->weights, want.weights, r->n_targets * sizeof *r->weights);
        if (r->weights) assert_int_equal(r->weight, r->n_targets * (r->n_targets - 1) / 2);
        struct pl_route_row *gone = malloc(sizeof *gone);
        assert_non_null(gone);
        *gone = want;
        pl_route_free(gone, 1);
    }
    assert_null(pl_snapshot_find(s, "nobody", 6));
}

#endif
