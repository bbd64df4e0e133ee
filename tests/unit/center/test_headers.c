/* A record's headers on their way through the center. */
#include <support.h>

#include <center/headers.h>
#include <stdio.h>

#define PARENT "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
#define SOURCE "inbox/2/41"

struct pair {
    const char *name, *value; /* value NULL: null on the wire */
};

/* Ended by a NULL name. */
static rd_kafka_headers_t *list_of(const struct pair *pairs) {
    rd_kafka_headers_t *list = rd_kafka_headers_new(8);
    for (; pairs->name; pairs++)
        assert_int_equal(rd_kafka_header_add(list, pairs->name, -1, pairs->value, pairs->value ? -1 : 0), 0);
    return list;
}

static void assert_header(const struct pl_header *h, const char *name, const char *value) {
    assert_string_equal(h->name, name);
    if (!value) {
        assert_null(h->value);
        return;
    }
    assert_int_equal(h->n, strlen(value));
    assert_memory_equal(h->value, value, h->n);
}

static const struct {
    struct pair came[4];
    int64_t deadline_ms;
    int hop;
    bool wants_reply;
} facts[] = {
    {{{NULL, NULL}}, 0, 0, true},
    {{{"pouch-deadline", "1700000000123"}, {"pouch-hop", "3"}, {"pouch-reply", "none"}}, 1700000000123, 3, false},
    {{{"pouch-deadline", "soon"}, {"pouch-hop", "-1"}, {"pouch-reply", "none "}}, 0, 0, true},
    {{{"pouch-deadline", NULL}, {"pouch-hop", NULL}, {"pouch-reply", NULL}}, 0, 0, true},
    {{{"pouch-hop", "16"}}, 0, 16, true},
    {{{"pouch-hop", "9000000000000000000"}}, 0, PL_HOPS_MAX, true},
    {{{"pouch-hop", "1"}, {"pouch-hop", "2"}, {"other", "none"}}, 0, 1, true},
    {{{"pouch-deadline", ""}, {"pouch-reply", ""}}, 0, 0, true},
};

static void what_headers_say_is_read(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++) {
        struct center_facts f;
        rd_kafka_headers_t *came = list_of(facts[i].came);
        center_facts_read(&f, came);
        assert_int_equal(f.deadline_ms, facts[i].deadline_ms);
        assert_int_equal(f.hop, facts[i].hop);
        assert_int_equal(f.wants_reply, facts[i].wants_reply);
        rd_kafka_headers_destroy(came);
    }
}

static void a_record_without_headers_has_the_usual_facts(void **state) {
    (void)state;
    struct center_facts f;
    center_facts_read(&f, NULL);
    assert_true(f.wants_reply && !f.hop && !f.deadline_ms);
}

/* acceptance: B3 */
static void headers_go_on_in_order_and_those_of_a_hop_are_replaced(void **state) {
    (void)state;
    static const struct pair pairs[] = {{"a", "1"},
                                        {"pouch-hop", "4"},
                                        {"a", "2"},
                                        {"pouch-source", "elsewhere/0/0"},
                                        {"empty", ""},
                                        {"null", NULL},
                                        {"traceparent", PARENT},
                                        {"tracestate", "x=y"},
                                        {"pouch-retry-attempt", "2"}, /* the service counts its own tries */
                                        {"pouch-hop", "7"},
                                        {"pouch-deadline", "5"},
                                        {"pouch-fanout", "2/3"},
                                        {"pouch-target", "far"},
                                        {NULL, NULL}};
    struct center_headers h = {0};
    struct center_spans spans = {1};
    const struct center_branch alone = {"near", 0, 1};
    rd_kafka_headers_t *came = list_of(pairs);
    assert_int_equal(center_headers_forward(&h, came, SOURCE, 5, &alone, &spans), POUCH_OK);
    static const struct pair passed[] = {{"a", "1"},
                                         {"a", "2"},
                                         {"empty", ""},
                                         {"null", NULL},
                                         {"tracestate", "x=y"},
                                         {"pouch-deadline", "5"},
                                         {"pouch-fanout", "2/3"},
                                         {"pouch-target", "far"},
                                         {"pouch-source", SOURCE},
                                         {"pouch-hop", "5"}};
    size_t n = sizeof passed / sizeof passed[0];
    assert_int_equal(h.n, n + 1);
    for (size_t i = 0; i < n; i++) assert_header(&h.at[i], passed[i].name, passed[i].value);
    assert_string_equal(h.at[n].name, "traceparent");
    assert_int_equal(h.at[n].n, strlen(PARENT));
    assert_memory_equal(h.at[n].value, PARENT, 36); /* the trace stays */
    assert_memory_not_equal((const char *)h.at[n].value + 36, &PARENT[36], 16);
    rd_kafka_headers_destroy(came);
    center_headers_free(&h);
}

static void each_of_several_targets_is_told_which_it_is(void **state) {
    (void)state;
    static const struct pair pairs[] = {
        {"pouch-target", "old"}, {"x", "1"}, {"pouch-fanout", "9/9"}, {"pouch-fanout", "8/9"}, {NULL, NULL}};
    struct center_headers h = {0};
    struct center_spans spans = {1};
    rd_kafka_headers_t *came = list_of(pairs);
    for (size_t i = 0; i < PL_HOPS_MAX; i++) {
        const struct center_branch branch = {"near", i, PL_HOPS_MAX};
        char fanout[16];
        snprintf(fanout, sizeof fanout, "%zu/16", i + 1);
        assert_int_equal(center_headers_forward(&h, came, SOURCE, 16, &branch, &spans), POUCH_OK);
        assert_int_equal(h.n, 6);
        assert_header(&h.at[0], "x", "1");
        assert_header(&h.at[2], "pouch-hop", "16");
        assert_header(&h.at[3], "pouch-fanout", fanout);
        assert_header(&h.at[4], "pouch-target", "near");
    }
    rd_kafka_headers_destroy(came);
    center_headers_free(&h);
}

static void an_error_echoes_branch_and_trace(void **state) {
    (void)state;
    static const struct pair pairs[] = {{"a", "1"},
                                        {"pouch-fanout", "2/3"},
                                        {"pouch-target", "far"},
                                        {"traceparent", PARENT},
                                        {"tracestate", "x=y"},
                                        {"pouch-hop", "2"},
                                        {NULL, NULL}};
    static const struct center_branch alone = {"near", 0, 1}, third = {"near", 2, 4};
    struct center_headers h = {0};
    rd_kafka_headers_t *came = list_of(pairs);
    assert_int_equal(center_headers_answer(&h, came, &alone), POUCH_OK);
    assert_int_equal(h.n, 4);
    for (size_t i = 0; i < h.n; i++) assert_header(&h.at[i], pairs[i + 1].name, pairs[i + 1].value);
    assert_int_equal(center_headers_answer(&h, came, &third), POUCH_OK);
    assert_int_equal(h.n, 4);
    assert_header(&h.at[0], "traceparent", PARENT);
    assert_header(&h.at[1], "tracestate", "x=y");
    assert_header(&h.at[2], "pouch-fanout", "3/4");
    assert_header(&h.at[3], "pouch-target", "near");
    assert_int_equal(center_headers_answer(&h, NULL, &alone), POUCH_OK);
    assert_int_equal(h.n, 0);
    rd_kafka_headers_destroy(came);
    center_headers_free(&h);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_headers_say_is_read),
        cmocka_unit_test(a_record_without_headers_has_the_usual_facts),
        cmocka_unit_test(headers_go_on_in_order_and_those_of_a_hop_are_replaced),
        cmocka_unit_test(each_of_several_targets_is_told_which_it_is),
        cmocka_unit_test(an_error_echoes_branch_and_trace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
