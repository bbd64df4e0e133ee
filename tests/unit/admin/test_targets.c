/* What becomes of a route's weights when its targets are given anew. */
#include <support.h>

#include <admin/targets.h>
#include <oom.h>
#include <stdio.h>
#include <stdlib.h>
#include <store/rows.h>
#include <string.h>

static void a_weight_is_read_from_a_target_and_a_number(void **state) {
    (void)state;
    struct admin_weight w;
    assert_int_equal(admin_weight_read(&w, "stock.next-2=90"), POUCH_OK);
    assert_string_equal(w.target, "stock.next-2");
    assert_int_equal(w.weight, 90);
    assert_int_equal(admin_weight_read(&w, "s=0"), POUCH_OK);
    assert_int_equal(admin_weight_read(&w, "s=1000000"), POUCH_OK);
    static const char *const bad[] = {"",    "stock", "=1",    "stock=",    "stock=-1",      "stock=1.5",
                                      "s=x", "s= 1",  "a b=1", "s=1000001", "s=99999999999", "s=1="};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(admin_weight_read(&w, bad[i]), POUCH_E_CONFIG);
        assert_non_null(strstr(pouch_why(), "as in stock=90"));
    }
    char name[PL_NAME_MAX + 8];
    memset(name, 'a', sizeof name);
    memcpy(name + PL_NAME_MAX, "=1", 3);
    assert_int_equal(admin_weight_read(&w, name), POUCH_OK);
    memcpy(name + PL_NAME_MAX, "a=1", 4);
    assert_int_equal(admin_weight_read(&w, name), POUCH_E_CONFIG);
}

/*
 * What a route has, what it is given, and what it has then: weights as "stock=90 next=10", targets without as "stock
 * next".
 */
static const struct {
    const char *before, *given, *weights;
    bool fan_out;
    const char *after; /* NULL: refused, and as before */
} cases[] = {
    {"", "stock", "", false, "stock"},
    {"", "stock next", "", false, "stock next"},
    {"", "stock next", "stock=90 next=10", false, "stock=90 next=10"},
    {"", "next stock", "stock=90 next=10", false, "next=10 stock=90"},
    {"", "stock next", "stock=90", false, NULL},
    {"", "stock next", "stock=90 next=10 third=1", false, NULL},
    {"", "stock", "stock=90", false, "stock"},
    {"", "stock next", "stock=1 stock=2 next=0", false, "stock=2 next=0"},
    {"stock=90 next=10", "stock next", "", false, "stock=90 next=10"},
    {"stock=90 next=10", "next stock", "", false, "next=10 stock=90"},
    {"stock=90 next=10", "stock next", "next=50", false, "stock=90 next=50"},
    {"stock=90 next=10", "stock third", "", false, NULL},
    {"stock=90 next=10", "stock third", "third=5", false, "stock=90 third=5"},
    {"stock=90 next=10", "stock", "", false, "stock"},
    {"stock=90 next=10", "one two", "", false, "one two"},
    {"stock=90 next=10", "stock next", "", true, "stock next"},
    {"stock=90 next=10", "stock next", "next=1", true, NULL},
    {"stock=90 next=10", "stock next", "stock=2 next=1", true, "stock=2 next=1"},
    {"stock next", "stock next", "next=1", false, NULL},
    {"stock next", "stock next", "stock=3 next=1", false, "stock=3 next=1"},
};
enum { CASES = sizeof cases / sizeof cases[0], MOST = 8 };

/* The words of a text; those with a number into weights too. */
struct words {
    char text[128];
    const char *topics[MOST];
    struct admin_weight weights[MOST];
    size_t n, n_weights;
};

static void split(struct words *w, const char *text) {
    *w = (struct words){.n = 0};
    snprintf(w->text, sizeof w->text, "%s", text);
    char *rest = w->text;
    for (char *one; (one = strsep(&rest, " "));) {
        if (!*one) continue;
        if (strchr(one, '=')) assert_int_equal(admin_weight_read(&w->weights[w->n_weights++], one), POUCH_OK);
        *strchrnul(one, '=') = 0;
        w->topics[w->n++] = one;
    }
}

static void tell(char out[128], const struct pl_route_row *r) {
    size_t at = 0;
    out[0] = 0;
    for (size_t i = 0; i < r->n_targets; i++) {
        at += (size_t)snprintf(out + at, 128 - at, "%s%s", i ? " " : "", r->targets[i]);
        if (r->weights) at += (size_t)snprintf(out + at, 128 - at, "=%u", (unsigned)r->weights[i]);
    }
}

static struct pl_route_row *route_of(const char *text) {
    struct words w;
    struct pl_route_row *r = calloc(1, sizeof *r);
    assert_non_null(r);
    split(&w, text);
    const struct admin_targets to = {.topics = w.topics, .n = w.n, .weights = w.weights, .n_weights = w.n_weights};
    assert_int_equal(admin_targets_set(r, &to), POUCH_OK);
    return r;
}

/* acceptance: B29 */
static void targets_that_stay_keep_their_weights(void **state) {
    (void)state;
    for (size_t i = 0; i < CASES; i++) {
        struct words given, weights;
        char told[128];
        struct pl_route_row *r = route_of(cases[i].before);
        split(&given, cases[i].given);
        split(&weights, cases[i].weights);
        const struct admin_targets to = {.topics = given.topics,
                                         .n = given.n,
                                         .weights = weights.weights,
                                         .n_weights = weights.n_weights,
                                         .fan_out = cases[i].fan_out};
        pouch_err e = admin_targets_set(r, &to);
        tell(told, r);
        assert_int_equal(e, cases[i].after ? POUCH_OK : POUCH_E_CONFIG);
        assert_string_equal(told, cases[i].after ? cases[i].after : cases[i].before);
        pl_route_free(r, 1);
    }
}

static void a_route_may_be_given_its_own_targets(void **state) {
    (void)state;
    char told[128];
    struct pl_route_row *r = route_of("stock=90 next=10");
    const struct admin_targets to = {.topics = (const char *const *)r->targets, .n = 2, .fan_out = true};
    assert_int_equal(admin_targets_set(r, &to), POUCH_OK);
    tell(told, r);
    assert_string_equal(told, "stock next");
    pl_route_free(r, 1);
}

static bool set_one(void) {
    static const char *const topics[] = {"stock", "next"};
    static const struct admin_weight weights[] = {{"stock", 90}, {"next", 10}};
    struct pl_route_row r = {0};
    const struct admin_targets to = {.topics = topics, .n = 2, .weights = weights, .n_weights = 2};
    pouch_err e = admin_targets_set(&r, &to);
    if (e) assert_int_equal(e, POUCH_E_NO_MEMORY);
    pl_route_clear(&r);
    return !e;
}

static void running_out_of_memory_leaves_the_route_as_it_was(void **state) {
    (void)state;
    if (!test_oom_works()) skip();
    assert_true(test_oom_each(set_one) > 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_weight_is_read_from_a_target_and_a_number),
        cmocka_unit_test(targets_that_stay_keep_their_weights),
        cmocka_unit_test(a_route_may_be_given_its_own_targets),
        cmocka_unit_test(running_out_of_memory_leaves_the_route_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
