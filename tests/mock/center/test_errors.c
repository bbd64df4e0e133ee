/* What the broker says against it: for a target, for the dead letters, for a while, for good. */
#include <support.h>

#include "fixture.h"

static const struct {
    rd_kafka_resp_err_t error;
    const char *code;
} refusals[] = {
    {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, "too_large"},
    {RD_KAFKA_RESP_ERR_INVALID_RECORD, "target_refused"},
    {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, "target_refused"}, /* the last: it is not tried again for a while */
};

/* Errors are pushed for the requests to broker 2, which leads this topic and no other. */
static void lead_alone(struct fixture *f, const char *topic) {
    for (size_t i = 0; i < N_TAPPED; i++)
        assert_int_equal(rd_kafka_mock_partition_set_leader(f->mock.cluster, tapped[i], 0, 1), 0);
    assert_int_equal(rd_kafka_mock_partition_set_leader(f->mock.cluster, INBOX, 0, 1), 0);
    assert_int_equal(rd_kafka_mock_partition_set_leader(f->mock.cluster, topic, 0, 2), 0);
    rd_kafka_mock_coordinator_set(f->mock.cluster, "group", GROUP, 1);
}

static void refuse(struct fixture *f, rd_kafka_resp_err_t error, size_t times) {
    while (times--) rd_kafka_mock_broker_push_request_error_rtts(f->mock.cluster, 2, TEST_API_PRODUCE, 1, error, 0);
}

static void a_refusal_for_good_is_told_and_becomes_a_dead_letter(void **state) {
    (void)state;
    struct fixture f;
    char id[ID_TEXT];
    fixture_start(&f, 2);
    lead_alone(&f, "one");
    add_route(&f, "p", true, TARGETS("one"));
    start_center(&f, NULL);
    ask(&f, (struct request){0}, id);
    find(&f, "one", id);
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        refuse(&f, refusals[i].error, 1);
        ask(&f, (struct request){0}, id);
        assert_told(&f, id, refusals[i].code);
        const rd_kafka_message_t *m = assert_letter(&f, id, refusals[i].code);
        assert_string_equal(header_of(m, PL_H_DLQ_TARGET), "one");
        assert_null(seen_on(&f, "one", id, 0));
    }
    stop_center(&f);
    fixture_stop(&f);
}

static void one_target_that_refuses_does_not_stop_the_others(void **state) {
    (void)state;
    struct fixture f;
    char id[ID_TEXT];
    fixture_start(&f, 2);
    lead_alone(&f, "two");
    add_route(&f, "p", true, TARGETS("one", "two", "three"));
    start_center(&f, NULL);
    ask(&f, (struct request){0}, id);
    find(&f, "two", id);
    refuse(&f, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, 1);
    ask(&f, (struct request){0}, id);
    find(&f, "one", id);
    find(&f, "three", id);
    const rd_kafka_message_t *m = assert_told(&f, id, "target_refused");
    assert_string_equal(header_of(m, "pouch-fanout"), "2/3");
    assert_string_equal(header_of(m, "pouch-target"), "two");
    assert_string_equal(header_of(assert_letter(&f, id, "target_refused"), PL_H_DLQ_TARGET), "two");
    assert_null(seen_on(&f, "two", id, 0));
    stop_center(&f);
    assert_int_equal(committed(&f), 2);
    fixture_stop(&f);
}

static const rd_kafka_resp_err_t passing[] = {
    RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,        RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
    RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR,
    RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE,
};

/* acceptance: B20 */
static void a_passing_error_loses_nothing_and_answers_nothing(void **state) {
    (void)state;
    enum { N = 50 };
    struct fixture f;
    char ids[N][ID_TEXT];
    fixture_start(&f, 1);
    add_route(&f, "p", true, TARGETS("one"));
    start_center(&f, NULL);
    for (size_t e = 0; e < sizeof passing / sizeof passing[0]; e++) {
        rd_kafka_mock_push_request_errors(f.mock.cluster, TEST_API_PRODUCE, 3, passing[e], passing[e], passing[e]);
        for (size_t i = 0; i < N; i++) ask(&f, (struct request){0}, ids[i]);
        for (size_t i = 0; i < N; i++) find(&f, "one", ids[i]);
    }
    stop_center(&f);
    assert_int_equal(count_on(&f, REPLIES) + count_on(&f, LETTERS), 0);
    assert_int_equal(committed(&f), (int64_t)(N * sizeof passing / sizeof passing[0]));
    fixture_stop(&f);
}

/* acceptance: B20 */
static void a_producer_that_ended_is_made_anew_and_sends_again(void **state) {
    (void)state;
    enum { N = 200 };
    static const rd_kafka_resp_err_t fatal[] = {RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER,
                                                RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH};
    struct fixture f;
    char ids[N][ID_TEXT];
    fixture_start(&f, 2);
    lead_alone(&f, "one");
    add_route(&f, "p", true, TARGETS("one"));
    start_center(&f, NULL);
    ask(&f, (struct request){0}, ids[0]);
    find(&f, "one", ids[0]);
    int64_t rebuilds = pl_metric_get(PL_M_PRODUCER_REBUILDS);
    for (size_t e = 0; e < 2; e++) {
        refuse(&f, fatal[e], 1);
        for (size_t i = 0; i < N; i++) ask(&f, (struct request){0}, ids[i]);
        for (size_t i = 0; i < N; i++) find(&f, "one", ids[i]);
    }
    assert_true(pl_metric_get(PL_M_PRODUCER_REBUILDS) > rebuilds);
    stop_center(&f);
    assert_int_equal(count_on(&f, REPLIES) + count_on(&f, LETTERS), 0);
    fixture_stop(&f);
}

struct held {
    struct fixture *f;
    char id[ID_TEXT];
    size_t asked;
};

static bool is_blocked(void) {
    return pl_metric_get(PL_M_CENTER_BLOCKED) == 1;
}

/* One whose dead letter is refused for a while holds its partition; another, where that was over before it was seen. */
static bool one_holds_its_partition(void *arg) {
    struct held *h = arg;
    tap(h->f);
    if (!h->asked || seen_on(h->f, LETTERS, h->id, 0)) {
        refuse(h->f, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, 4);
        ask(h->f, (struct request){.publisher = "nobody"}, h->id);
        h->asked++;
    }
    if (!is_blocked()) return false;
    int64_t done = committed(h->f);
    if (!is_blocked()) return false;
    assert_true(done <= (int64_t)h->asked);
    return true;
}

/* acceptance: B20 */
static void a_dead_letter_that_cannot_be_stored_holds_its_partition(void **state) {
    (void)state;
    struct fixture f;
    struct held held = {.f = &f};
    char next[ID_TEXT];
    fixture_start(&f, 2);
    lead_alone(&f, LETTERS);
    add_route(&f, "p", true, TARGETS("one"));
    start_center(&f, NULL);
    ask(&f, (struct request){0}, next);
    find(&f, "one", next);
    test_until(one_holds_its_partition, &held);
    ask(&f, (struct request){0}, next);
    assert_told(&f, held.id, "no_route");
    const rd_kafka_message_t *letter = assert_letter(&f, held.id, "no_route");
    const rd_kafka_message_t *after = find(&f, "one", next);
    assert_true(rd_kafka_message_timestamp(after, NULL) >= rd_kafka_message_timestamp(letter, NULL));
    wait_metric(PL_M_CENTER_BLOCKED, 0);
    stop_center(&f);
    assert_int_equal(committed(&f), (int64_t)held.asked + 2);
    fixture_stop(&f);
}

static void a_stop_leaves_what_has_no_dead_letter_to_the_next_center(void **state) {
    (void)state;
    static const char *const patient[] = {LONG_DRAIN, NULL};
    struct fixture f;
    char id[ID_TEXT];
    fixture_start(&f, 2);
    lead_alone(&f, LETTERS);
    add_route(&f, "p", true, TARGETS("one"));
    refuse(&f, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, 50);
    start_center(&f, patient);
    ask(&f, (struct request){.publisher = "nobody"}, id);
    wait_metric(PL_M_CENTER_BLOCKED, 1);
    stop_center_soon(&f);
    assert_int_equal(pl_metric_get(PL_M_CENTER_BLOCKED), 0);
    assert_true(committed(&f) <= 0);
    assert_int_equal(rd_kafka_mock_partition_set_leader(f.mock.cluster, LETTERS, 0, 1), 0);
    start_center(&f, patient);
    assert_letter(&f, id, "no_route");
    stop_center_soon(&f);
    assert_int_equal(committed(&f), 1);
    fixture_stop(&f);
}

/* acceptance: B20 */
static void a_broker_that_is_away_leaves_records_in_the_inbox(void **state) {
    (void)state;
    enum { N = 100 };
    struct fixture f;
    char ids[N][ID_TEXT], first[ID_TEXT];
    fixture_start(&f, 2);
    lead_alone(&f, "one");
    add_route(&f, "p", true, TARGETS("one"));
    start_center(&f, NULL);
    ask(&f, (struct request){0}, first);
    find(&f, "one", first);
    rd_kafka_mock_broker_set_down(f.mock.cluster, 2);
    for (size_t i = 0; i < N; i++) ask(&f, (struct request){0}, ids[i]);
    wait_metric(PL_M_CENTER_IN_FLIGHT, N);
    assert_true(committed(&f) <= 1);
    rd_kafka_mock_broker_set_up(f.mock.cluster, 2);
    for (size_t i = 0; i < N; i++) find(&f, "one", ids[i]);
    stop_center(&f);
    assert_int_equal(count_on(&f, REPLIES) + count_on(&f, LETTERS), 0);
    assert_int_equal(committed(&f), N + 1);
    fixture_stop(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refusal_for_good_is_told_and_becomes_a_dead_letter),
        cmocka_unit_test(one_target_that_refuses_does_not_stop_the_others),
        cmocka_unit_test(a_passing_error_loses_nothing_and_answers_nothing),
        cmocka_unit_test(a_producer_that_ended_is_made_anew_and_sends_again),
        cmocka_unit_test(a_dead_letter_that_cannot_be_stored_holds_its_partition),
        cmocka_unit_test(a_stop_leaves_what_has_no_dead_letter_to_the_next_center),
        cmocka_unit_test(a_broker_that_is_away_leaves_records_in_the_inbox),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
