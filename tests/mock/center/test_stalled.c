/* One target that takes nothing does not stop the others. */
#include <support.h>

#include "fixture.h"

#include <center/status.h>

#include <letter/retry.h>

struct traffic {
    struct fixture *f;
    size_t sent;
    char last[ID_TEXT];
};

/* Keeps the good target busy, one request after the other, until the bad one has been found out. */
static bool others_until_stalled(void *arg) {
    struct traffic *t = arg;
    ask(t->f, (struct request){.publisher = "good"}, t->last);
    find(t->f, "two", t->last);
    t->sent++;
    return pl_metric_get(PL_M_CENTER_STALLED) == 1;
}

static bool others_until_taken_again(void *arg) {
    others_until_stalled(arg);
    return pl_metric_get(PL_M_CENTER_STALLED) == 0;
}

static bool is_told_open(void *fixture) {
    static struct pl_status_facts facts;
    pl_status_read(center_status(((struct fixture *)fixture)->center), &facts);
    const struct pl_status_breaker *b = &facts.breakers[0]; /* those that are not closed come first */
    return facts.n_breakers && !strcmp(b->name, "one") && b->of_target && b->state == PL_BREAKER_OPEN &&
           b->failures == 1;
}

/* acceptance: A24 */
static void its_records_are_answered_and_become_dead_letters(void **state) {
    (void)state;
    enum { N = 20 };
    struct fixture f;
    struct traffic traffic = {.f = &f};
    char ids[N][ID_TEXT], later[ID_TEXT];
    fixture_start(&f, 1);
    add_route(&f, "bad", true, TARGETS("one"));
    add_route(&f, "good", true, TARGETS("two"));
    start_center(&f, NULL);
    ask(&f, (struct request){.publisher = "bad"}, later);
    find(&f, "one", later);
    rd_kafka_mock_partition_set_leader(f.mock.cluster, "one", 0, -1);
    for (size_t i = 0; i < N; i++) ask(&f, (struct request){.publisher = "bad"}, ids[i]);
    test_until(others_until_stalled, &traffic);
    test_until(is_told_open, &f);
    for (size_t i = 0; i < N; i++) {
        assert_told(&f, ids[i], "overloaded");
        assert_string_equal(header_of(assert_letter(&f, ids[i], "overloaded"), PL_H_DLQ_TARGET), "one");
    }
    ask(&f, (struct request){.publisher = "bad"}, later); /* refused at once now */
    assert_told(&f, later, "overloaded");
    rd_kafka_mock_partition_set_leader(f.mock.cluster, "one", 0, 1);
    test_until(others_until_taken_again, &traffic);
    ask(&f, (struct request){.publisher = "bad"}, later);
    find(&f, "one", later);
    stop_center(&f);
    assert_int_equal(committed(&f), (int64_t)(N + 3 + traffic.sent));
    fixture_stop(&f);
}

static void has_no_leader(struct fixture *f) {
    rd_kafka_mock_partition_set_leader(f->mock.cluster, "one", 0, -1);
}

/* As only the mock says it: refused, and yet with partitions. librdkafka then waits for better news. */
static void is_refused_by_half(struct fixture *f) {
    rd_kafka_mock_topic_set_error(f->mock.cluster, "one", RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
}

/* Nothing is delivered that would show that the cluster works: a broker has to be asked. */
static void the_only_target_there_is_ends_its_records_too(void **state) {
    (void)state;
    static void (*const spoil[])(struct fixture *) = {has_no_leader, is_refused_by_half};
    static const char *const patient[] = {LONG_DRAIN, NULL};
    for (size_t i = 0; i < sizeof spoil / sizeof spoil[0]; i++) {
        struct fixture f;
        char id[ID_TEXT];
        fixture_start(&f, 1);
        add_route(&f, "bad", true, TARGETS("one"));
        spoil[i](&f);
        start_center(&f, patient);
        ask(&f, (struct request){.publisher = "bad"}, id);
        assert_told(&f, id, "overloaded");
        assert_letter(&f, id, "overloaded");
        stop_center_soon(&f); /* although the producer still has its record */
        assert_int_equal(committed(&f), 1);
        fixture_stop(&f);
    }
}

/* acceptance: C28 */
static void its_records_come_later_where_nobody_gives_up_before_that(void **state) {
    (void)state;
    static const char *const tiers[] = {"retry.tiers", "1min", "retry.redeliver", "off", NULL};
    struct fixture f;
    char awaited[ID_TEXT], patient[ID_TEXT], sent[ID_TEXT], again[ID_TEXT], both[ID_TEXT], deadline[24];
    fixture_start(&f, 1);
    add_route(&f, "bad", true, TARGETS("one"));
    add_route(&f, "several", true, TARGETS("two", "one"));
    has_no_leader(&f);
    start_center(&f, tiers);
    snprintf(deadline, sizeof deadline, "%lld", (long long)pl_wall_ms(&pl_clock_system) + 3600000);
    ask(&f, (struct request){.publisher = "bad"}, awaited); /* as long as our clients wait */
    ask(&f, (struct request){.publisher = "bad", .headers = {"pouch-deadline", deadline}}, patient);
    ask(&f, (struct request){.publisher = "bad", .headers = {"pouch-reply", "none", "colour", "red"}}, sent);
    ask(&f, (struct request){.publisher = "bad", .headers = {"pouch-reply", "none", PL_H_RETRY_TIER, "1"}}, again);
    ask(&f, (struct request){.publisher = "several", .headers = {"pouch-reply", "none"}}, both);
    assert_told(&f, awaited, "overloaded");
    assert_letter(&f, awaited, "overloaded");
    assert_letter(&f, again, "overloaded"); /* it has been through all that there are */
    assert_letter(&f, both, "overloaded");  /* the other target has it already */
    find(&f, LATER, patient);
    const rd_kafka_message_t *m = find(&f, LATER, sent);
    assert_string_equal(header_of(m, PL_H_RETRY_TOPIC), INBOX);
    assert_string_equal(header_of(m, PL_H_RETRY_ATTEMPT), "1");
    assert_string_equal(header_of(m, PL_H_RETRY_TIER), "1");
    assert_string_equal(header_of(m, PL_H_RETRY_GROUP), GROUP);
    assert_string_equal(header_of(m, "colour"), "red");
    assert_int_equal(count_on(&f, LATER), 2);
    assert_null(seen_on(&f, LETTERS, sent, 0));
    stop_center_soon(&f);
    assert_int_equal(committed(&f), 5);
    fixture_stop(&f);
}

/* acceptance: A21 */
static void a_stop_leaves_its_records_to_the_next_center(void **state) {
    (void)state;
    enum { N = 20 };
    static const char *const patient[] = {LONG_DRAIN, NULL};
    struct fixture f;
    char ids[N][ID_TEXT];
    fixture_start(&f, 1);
    add_route(&f, "bad", true, TARGETS("one"));
    add_route(&f, "both", true, TARGETS("two", "one"));
    has_no_leader(&f);
    start_center(&f, patient);
    for (size_t i = 0; i < N; i++) ask(&f, (struct request){.publisher = i % 2 ? "bad" : "both"}, ids[i]);
    wait_metric(PL_M_CENTER_IN_FLIGHT, N);
    stop_center_soon(&f);
    assert_true(committed(&f) <= 0);
    rd_kafka_mock_partition_set_leader(f.mock.cluster, "one", 0, 1);
    start_center(&f, patient);
    for (size_t i = 0; i < N; i++) find(&f, "one", ids[i]);
    stop_center_soon(&f);
    assert_int_equal(committed(&f), N);
    assert_int_equal(count_on(&f, LETTERS), 0);
    fixture_stop(&f);
}

static bool told_again(void *fixture) {
    struct fixture *f = fixture;
    char id[ID_TEXT];
    ask(f, (struct request){.publisher = "nobody"}, id);
    assert_letter(f, id, "no_route");
    while (tap(f)) continue;
    return seen_on(f, REPLIES, id, 0);
}

/* More than a quarter of what may be in flight is for a target that takes nothing. */
static void a_flood_for_it_does_not_fill_the_center(void **state) {
    (void)state;
    enum { N = 400 };
    static const char *const few[] = {"center.max_in_flight", "64", NULL};
    struct fixture f;
    struct traffic traffic = {.f = &f};
    static char ids[N][ID_TEXT];
    fixture_start(&f, 1);
    add_route(&f, "bad", true, TARGETS("one"));
    add_route(&f, "good", true, TARGETS("two"));
    start_center(&f, few);
    others_until_stalled(&traffic);
    rd_kafka_mock_partition_set_leader(f.mock.cluster, "one", 0, -1);
    for (size_t i = 0; i < N; i++) {
        ask(&f, (struct request){.publisher = i % 2 ? "good" : "bad"}, ids[i]);
    }
    for (size_t i = 0; i < N; i++) {
        if (i % 2)
            find(&f, "two", ids[i]);
        else
            assert_told(&f, ids[i], "overloaded");
    }
    rd_kafka_mock_partition_set_leader(f.mock.cluster, "one", 0, 1);
    stop_center(&f);
    fixture_stop(&f);
}

/*
 * As when a broker is gone that leads most of the topics, one for replies among them. The producer keeps what it has
 * for longer than this test waits.
 */
static void many_that_take_nothing_leave_room_for_others(void **state) {
    (void)state;
    enum { N = 100, BAD = 5 };
    static const char *const bad[BAD] = {"one", "two", "three", "four", REPLIES};
    static const char *const few[] = {"center.max_in_flight", "64", "kafka.message.timeout.ms", "600000", NULL};
    static char ids[N][ID_TEXT];
    struct fixture f;
    char id[ID_TEXT];
    fixture_start(&f, 1);
    for (size_t i = 0; i < BAD; i++) add_route(&f, bad[i], true, TARGETS(bad[i]));
    add_route(&f, "good", true, TARGETS(OTHERS));
    for (size_t i = 0; i < BAD; i++) rd_kafka_mock_partition_set_leader(f.mock.cluster, bad[i], 0, -1);
    start_center(&f, few);
    for (size_t i = 0; i < N; i++) ask(&f, (struct request){.publisher = bad[i % BAD]}, ids[i]);
    for (size_t i = 0; i < N; i++) {
        ask(&f, (struct request){.publisher = "good"}, id);
        find(&f, OTHERS, id);
    }
    for (size_t i = 0; i < N; i++) assert_letter(&f, ids[i], "overloaded");
    stop_center_soon(&f);
    assert_int_equal(committed(&f), given(&f));
    fixture_stop(&f);
}

/* What requests that cannot be routed name as their topic for replies is up to whoever sends them. */
static void errors_for_a_topic_that_takes_nothing_do_not_fill_the_center(void **state) {
    (void)state;
    enum { N = 400 };
    static const char *const few[] = {"center.max_in_flight", "64", LONG_DRAIN, NULL};
    static char ids[N][ID_TEXT];
    struct fixture f;
    char id[ID_TEXT];
    int64_t untold = pl_metric_get(PL_M_CENTER_UNTOLD);
    fixture_start(&f, 1);
    add_route(&f, "good", true, TARGETS("two"));
    rd_kafka_mock_partition_set_leader(f.mock.cluster, REPLIES, 0, -1);
    start_center(&f, few);
    for (size_t i = 0; i < N; i++) ask(&f, (struct request){.publisher = i % 2 ? "good" : "nobody"}, ids[i]);
    for (size_t i = 0; i < N; i++) {
        if (i % 2)
            find(&f, "two", ids[i]);
        else
            assert_letter(&f, ids[i], "no_route");
    }
    ask(&f, (struct request){.publisher = "nobody", .reply_topic = OTHERS}, id);
    find(&f, OTHERS, id); /* which those for others do not hinder */
    wait_metric(PL_M_CENTER_UNTOLD, untold + N / 2);
    wait_metric(PL_M_CENTER_IN_FLIGHT, 0);
    rd_kafka_mock_partition_set_leader(f.mock.cluster, REPLIES, 0, 1);
    test_until(told_again, &f);
    stop_center_soon(&f);
    assert_int_equal(committed(&f), given(&f));
    fixture_stop(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_records_are_answered_and_become_dead_letters),
        cmocka_unit_test(the_only_target_there_is_ends_its_records_too),
        cmocka_unit_test(its_records_come_later_where_nobody_gives_up_before_that),
        cmocka_unit_test(a_stop_leaves_its_records_to_the_next_center),
        cmocka_unit_test(a_flood_for_it_does_not_fill_the_center),
        cmocka_unit_test(many_that_take_nothing_leave_room_for_others),
        cmocka_unit_test(errors_for_a_topic_that_takes_nothing_do_not_fill_the_center),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
