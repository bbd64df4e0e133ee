/* Routes as the store's tests write them. */
#ifndef POUCH_TESTS_STORE_ROUTES_H
#define POUCH_TESTS_STORE_ROUTES_H

#include <stdlib.h>
#include <store/store.h>
#include <string.h>

static inline char *test_copy(const char *text) {
    char *out = text ? strdup(text) : NULL;
    assert_true(out || !text);
    return out;
}

/* Enabled, without a service; freed with pl_route_free(). */
static inline struct pl_route_row *test_route(const char *publisher, const char *const *targets, size_t n) {
    struct pl_route_row *r = calloc(1, sizeof *r);
    assert_non_null(r);
    r->publisher = test_copy(publisher);
    r->targets = calloc(n, sizeof *r->targets);
    for (size_t i = 0; i < n; i++) r->targets[i] = test_copy(targets[i]);
    r->n_targets = n;
    r->enabled = true;
    return r;
}

/* The same, of which one target is taken by weight. */
static inline struct pl_route_row *test_weighted(const char *publisher, const char *const *targets,
                                                 const uint32_t *weights, size_t n) {
    struct pl_route_row *r = test_route(publisher, targets, n);
    r->weights = calloc(n, sizeof *r->weights);
    assert_non_null(r->weights);
    for (size_t i = 0; i < n; i++) r->weights[i] = weights[i];
    return r;
}

static inline pouch_err test_put_route(struct pl_store *s, const char *publisher, const char *target, int64_t expected,
                                       int64_t *version) {
    struct pl_route_row *r = test_route(publisher, &target, 1);
    pouch_err e = pl_store_route_put(s, r, expected);
    if (version) *version = r->version;
    pl_route_free(r, 1);
    return e;
}

#endif
