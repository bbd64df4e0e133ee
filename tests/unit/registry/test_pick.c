/*
 * Which target of a route with weights gets a request. All ids come from a fixed seed, so nothing here is left to
 * chance.
 */
#include <support.h>

#include <base/uuid.h>
#include <registry/registry.h>
#include <string.h>

enum { IDS = 100000 };
#define SEED UINT64_C(20260131)

static uint64_t next(uint64_t *state) { /* splitmix64 */
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* How ids may look: random ones, ones that begin with the time, and ones that only count. */
enum kind { RANDOM, TIMED, COUNTED, KINDS };

static struct pl_uuid id_of(enum kind kind, uint64_t *state, size_t i) {
    struct pl_uuid id = {{0}};
    uint64_t halves[2] = {next(state), next(state)};
    if (kind != COUNTED) memcpy(id.b, halves, sizeof id.b);
    if (kind == RANDOM) pl_uuid_v4(&id);
    if (kind == TIMED) pl_uuid_v7(&id, 1700000000000 + (int64_t)(i / 1000));
    if (kind == COUNTED)
        for (size_t byte = 0; byte < 4; byte++) id.b[15 - byte] = (uint8_t)(i >> 8 * byte);
    return id;
}

static struct pl_registry_route route(const char *publisher, const uint32_t *weights, size_t n) {
    struct pl_registry_route r = {.publisher = publisher, .n_targets = n, .weights = weights};
    for (size_t i = 0; i < n; i++) r.weight += weights[i];
    return r;
}

/* Further than five standard deviations from what is expected. */
static bool is_far(double got, double expected, double variance) {
    return (got - expected) * (got - expected) > 25 * variance;
}

static const struct shares {
    size_t n;
    uint32_t weights[16];
} shares[] = {
    {1, {7}},
    {2, {90, 10}},
    {2, {10, 90}},
    {2, {50, 50}},
    {2, {99, 1}},
    {2, {1, 0}},
    {2, {0, 1}},
    {3, {0, 5, 0}},
    {3, {1000000, 1, 1000000}},
    {5, {1, 2, 3, 4, 5}},
    {16, {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}},
    {16,
     {1000000, 1000000, 1000000, 1000000, 1000000, 1000000, 1000000, 1000000, 1000000, 1000000, 1000000, 1000000,
      1000000, 1000000, 1000000, 1000000}},
};
enum { SHARES = sizeof shares / sizeof shares[0] };

/* acceptance: B29 */
static void each_target_gets_its_share_of_ids_of_any_kind(void **state) {
    (void)state;
    for (size_t s = 0; s < SHARES; s++)
        for (enum kind kind = 0; kind < KINDS; kind++) {
            struct pl_registry_route r = route("orders", shares[s].weights, shares[s].n);
            size_t got[16] = {0};
            uint64_t seed = SEED;
            for (size_t i = 0; i < IDS; i++) {
                struct pl_uuid id = id_of(kind, &seed, i);
                size_t at = pl_registry_pick(&r, &id);
                assert_true(at < r.n_targets);
                got[at]++;
            }
            for (size_t i = 0; i < r.n_targets; i++) {
                double share = (double)r.weights[i] / r.weight;
                if (!r.weights[i]) assert_int_equal(got[i], 0);
                if (is_far((double)got[i], IDS * share, IDS * share * (1 - share)))
                    fail_msg("shares %zu, kind %d: target %zu got %zu of %.0f", s, (int)kind, i, got[i], IDS * share);
            }
        }
}

/* acceptance: B29 */
static void a_request_that_comes_again_takes_the_same_target(void **state) {
    (void)state;
    static const uint32_t weights[] = {3, 1, 4, 1, 5};
    struct pl_registry_route r = route("orders", weights, 5);
    uint64_t seed = SEED;
    for (size_t i = 0; i < IDS; i++) {
        struct pl_uuid id = id_of(RANDOM, &seed, i), again = id;
        assert_int_equal(pl_registry_pick(&r, &id), pl_registry_pick(&r, &again));
    }
}

/* The place of an id is part of how centers work together: one that is updated later has to choose as the others do. */
static void the_choice_is_the_same_in_every_release(void **state) {
    (void)state;
    static const uint32_t weights[] = {90, 10};
    struct pl_registry_route r = route("orders", weights, 2);
    size_t canary[8], n = 0;
    for (size_t i = 0; n < 8; i++) {
        uint64_t none = 0;
        struct pl_uuid id = id_of(COUNTED, &none, i);
        if (pl_registry_pick(&r, &id)) canary[n++] = i;
    }
    static const size_t known[8] = {7, 12, 20, 22, 49, 56, 95, 152};
    for (size_t i = 0; i < 8; i++) assert_int_equal(canary[i], known[i]);
}

/* acceptance: B29 */
static void a_change_of_two_weights_moves_only_what_has_to_move(void **state) {
    (void)state;
    static const uint32_t steps[][2] = {{100, 0}, {99, 1}, {90, 10}, {50, 50}, {10, 90}, {0, 100}};
    uint64_t seed = SEED;
    for (size_t i = 0; i < IDS; i++) {
        struct pl_uuid id = id_of(RANDOM, &seed, i);
        size_t before = 0;
        for (size_t s = 0; s < sizeof steps / sizeof steps[0]; s++) {
            struct pl_registry_route r = route("orders", steps[s], 2);
            size_t at = pl_registry_pick(&r, &id);
            assert_true(at >= before); /* once with the canary, it stays there while its share grows */
            before = at;
        }
    }
}

/* acceptance: B29 */
static void routes_choose_independently_of_each_other(void **state) {
    (void)state;
    static const uint32_t weights[] = {90, 10};
    struct pl_registry_route first = route("orders", weights, 2), second = route("payments", weights, 2);
    uint64_t seed = SEED;
    size_t both = 0;
    for (size_t i = 0; i < IDS; i++) {
        struct pl_uuid id = id_of(RANDOM, &seed, i);
        both += pl_registry_pick(&first, &id) && pl_registry_pick(&second, &id);
    }
    assert_false(is_far((double)both, IDS * 0.01, IDS * 0.01));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_target_gets_its_share_of_ids_of_any_kind),
        cmocka_unit_test(a_request_that_comes_again_takes_the_same_target),
        cmocka_unit_test(the_choice_is_the_same_in_every_release),
        cmocka_unit_test(a_change_of_two_weights_moves_only_what_has_to_move),
        cmocka_unit_test(routes_choose_independently_of_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
