/* Routes of which one target is taken by weight. */
#include <support.h>

#include "fixture.h"

enum { IDS = 40 };

/* Gives the targets of p their weights. Before the center starts. */
static void weigh(struct fixture *f, uint32_t first, uint32_t second) {
    struct pl_store *s;
    struct pl_route_row *r = NULL;
    size_t n = 0;
    int64_t version;
    if (pl_store_open(&s, f->store) || pl_store_routes(s, &r, &n, &version)) fail_msg("%s", pouch_why());
    assert_int_equal(n, 1);
    r->weights = calloc(2, sizeof *r->weights);
    assert_non_null(r->weights);
    r->weights[0] = first;
    r->weights[1] = second;
    if (pl_store_route_put(s, r, r->version)) fail_msg("%s", pouch_why());
    pl_route_free(r, n);
    pl_store_close(s);
}

/* As a producer does that has heard nothing of the first time. */
static void send_twice(struct fixture *f, const char *id) {
    char value[1024];
    int n = snprintf(value, sizeof value,
                     "{\"request_id\":\"%s\",\"worker_name\":\"p\",\"data\":\"00\",\"iv\":\"%032d\",\"tag\":\"%032d\","
                     "\"replyTopic\":\"" REPLIES "\"}",
                     id, 1, 2);
    for (int i = 0; i < 2; i++) plain_produce(f->producer, INBOX, id, value, (size_t)n, NULL, 0);
}

/* acceptance: B29 */
static void a_request_goes_to_one_target_and_when_it_comes_again_to_the_same(void **state) {
    (void)state;
    struct fixture f;
    char ids[IDS][ID_TEXT];
    size_t on_one = 0;
    fixture_start(&f, 1);
    add_route(&f, "p", true, TARGETS("one", "two"));
    weigh(&f, 1, 1);
    start_center(&f, NULL);
    for (size_t i = 0; i < IDS; i++) {
        new_id(ids[i]);
        send_twice(&f, ids[i]);
    }
    int64_t give_up = pl_mono_us(&pl_clock_system) + PATIENCE_US;
    while (count_on(&f, "one") + count_on(&f, "two") < (size_t)2 * IDS) {
        tap(&f);
        if (pl_mono_us(&pl_clock_system) > give_up) fail_msg("not all requests were routed");
    }
    stop_center(&f);
    tap(&f);
    assert_int_equal(count_on(&f, "one") + count_on(&f, "two"), 2 * IDS);
    for (size_t i = 0; i < IDS; i++) {
        bool one = seen_on(&f, "one", ids[i], 0) != NULL;
        const char *topic = one ? "one" : "two";
        const rd_kafka_message_t *m = seen_on(&f, topic, ids[i], 1);
        assert_non_null(m);
        assert_null(seen_on(&f, one ? "two" : "one", ids[i], 0));
        assert_string_equal(header_of(m, "pouch-fanout"), ""); /* nobody is to wait for a second answer */
        assert_string_equal(header_of(m, "pouch-target"), "");
        on_one += one;
    }
    assert_true(on_one > 0 && on_one < IDS);
    fixture_stop(&f);
}

/* acceptance: B29 */
static void a_target_without_weight_gets_nothing(void **state) {
    (void)state;
    struct fixture f;
    char ids[IDS][ID_TEXT];
    fixture_start(&f, 1);
    add_route(&f, "p", true, TARGETS("one", "two"));
    weigh(&f, 0, 3);
    start_center(&f, NULL);
    for (size_t i = 0; i < IDS; i++) ask(&f, (struct request){0}, ids[i]);
    for (size_t i = 0; i < IDS; i++) find(&f, "two", ids[i]);
    stop_center(&f);
    tap(&f);
    assert_int_equal(count_on(&f, "one"), 0);
    fixture_stop(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_goes_to_one_target_and_when_it_comes_again_to_the_same),
        cmocka_unit_test(a_target_without_weight_gets_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
