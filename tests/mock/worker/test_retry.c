/* Requests that a handler wants later: in the worker, through the retry topics and back, and where that ends. */
#include <support.h>

#include "fixture.h"

#include <letter/redeliver.h>
#include <letter/retry.h>

#define SOON        "internal.retry.300ms"
#define LATER       "internal.retry.900ms"
#define MUCH_LATER  "internal.retry.1h"
#define GONE        "gone"            /* has no leader at first */
#define UNAVAILABLE "\"unavailable\"" /* a payload that the handler never can do */

enum { BROKER_OTHERS = 1, BROKER_LETTERS = 2, BROKER_SOON = 3, BROKERS = 3 };

static struct fixture fixture;
static const char *const settings[] = {"retry.tiers", "300ms,900ms,1h", "retry.attempts", "2", "retry.delay", "10ms",
                                       NULL};

static void handle(pouch_job *job, void *arg) {
    (void)arg;
    if (payload_is(job, "\"attempt 4\"") && pouch_job_attempt(job) == 4)
        reply_text(job, "4");
    else if (payload_is(job, "\"fail\""))
        expect(pouch_job_fail(job, "never"), POUCH_OK);
    else
        expect(pouch_job_retry(job, "the registry is down"), POUCH_OK);
}

static int start(void **state) {
    static const char *const topics[] = {SOON, LATER, MUCH_LATER, GONE, NULL};
    (void)state;
    fixture_cluster(&fixture, BROKERS, topics);
    rd_kafka_mock_partition_set_leader(fixture.mock.cluster, WORK, 0, BROKER_OTHERS);
    for (size_t i = 0; i < fixture.n_topics; i++)
        rd_kafka_mock_partition_set_leader(fixture.mock.cluster, fixture.topics[i], 0, BROKER_OTHERS);
    rd_kafka_mock_partition_set_leader(fixture.mock.cluster, LETTERS, 0, BROKER_LETTERS);
    rd_kafka_mock_partition_set_leader(fixture.mock.cluster, SOON, 0, BROKER_SOON);
    fixture.topics[fixture.n_topics++] = WORK;
    fixture_connect(&fixture);
    worker_start(&fixture, settings, handle, NULL);
    return 0;
}

static int stop(void **state) {
    (void)state;
    fixture_end(&fixture);
    return 0;
}

static int64_t number_of(const rd_kafka_message_t *m, const char *name) {
    int64_t n;
    const char *text = header_of(m, name);
    if (!pl_header_number(&n, text, strlen(text))) fail_msg("%s is '%s'", name, text);
    return n;
}

/* Requests have no key here. */
static bool is_of(const rd_kafka_message_t *m, const char *id) {
    return memmem(m->payload, m->len, id, strlen(id));
}

static bool came_back(const rd_kafka_message_t *m, const char *id) {
    return is_of(m, id) && *header_of(m, PL_H_RETRY_ATTEMPT);
}

static bool came_back_twice(const rd_kafka_message_t *m, const char *id) {
    return came_back(m, id) && number_of(m, PL_H_RETRY_TIER) == 2;
}

/* The record, which came after since_ms, says when it is due as it waits, and it came back no earlier, as it was. */
static void assert_waited(int64_t since_ms, const rd_kafka_message_t *waited, const rd_kafka_message_t *back,
                          int64_t delay_ms) {
    int64_t at = number_of(waited, PL_H_RETRY_AT), put = rd_kafka_message_timestamp(waited, NULL);
    assert_in_range(at, since_ms + delay_ms, put + delay_ms);
    assert_true(rd_kafka_message_timestamp(back, NULL) >= at);
    assert_int_equal(back->len, waited->len);
    assert_memory_equal(back->payload, waited->payload, back->len);
    assert_string_equal(header_of(waited, PL_H_RETRY_TOPIC), WORK);
    assert_string_equal(header_of(waited, PL_H_RETRY_REASON), ""); /* what a handler says is not told in clear */
    assert_string_equal(header_of(waited, PL_H_RETRY_GROUP), WORK ".workers");
    static const char *const passing[] = {PL_H_RETRY_TOPIC, PL_H_RETRY_AT, PL_H_RETRY_REASON, PL_H_RETRY_GROUP};
    for (size_t i = 0; i < 4; i++) assert_string_equal(header_of(back, passing[i]), "");
}

/* acceptance: A24 C27 D24 */
static void a_request_comes_back_when_it_is_due_and_can_succeed(void **state) {
    char id[ID_TEXT];
    int64_t asked_ms = pl_wall_ms(&pl_clock_system);
    (void)state;
    ask(&fixture, WORK,
        (struct request){.payload = "\"attempt 4\"", .reply_topic = REPLIES, .headers = {"colour", "red"}}, id);
    assert_string_equal(answer_to(&fixture, id).payload, "4");
    const rd_kafka_message_t *soon = find(&fixture, SOON, id, is_of), *later = find(&fixture, LATER, id, is_of);
    const rd_kafka_message_t *first = find(&fixture, WORK, id, came_back);
    assert_waited(asked_ms, soon, first, 300);
    assert_waited(rd_kafka_message_timestamp(first, NULL), later, find(&fixture, WORK, id, came_back_twice), 900);
    assert_int_equal(number_of(soon, PL_H_RETRY_ATTEMPT), 2);
    assert_int_equal(number_of(later, PL_H_RETRY_ATTEMPT), 3);
    assert_string_equal(header_of(first, "colour"), "red");
    assert_string_equal(headers_of(later, PL_H_RETRY_TOPIC), WORK " ");
    assert_string_equal(header_of(later, PL_H_RETRY_SOURCE), header_of(soon, PL_H_RETRY_SOURCE));
    assert_memory_equal(header_of(soon, PL_H_RETRY_SOURCE), WORK "/0/", sizeof WORK "/0/" - 1);
}

/* acceptance: C28 D24 */
static void after_the_last_tier_that_its_requester_would_wait_for_it_hears_of_it_and_a_dead_letter_stays(void **state) {
    char id[ID_TEXT];
    (void)state;
    request(&fixture, UNAVAILABLE, id);
    struct answer a = answer_to(&fixture, id);
    assert_string_equal(a.code, "handler_error");
    assert_string_equal(a.error, "the registry is down");
    const rd_kafka_message_t *m = letter_of(&fixture, id);
    assert_string_equal(header_of(m, PL_H_DLQ_ATTEMPTS), "4");
    assert_string_equal(header_of(m, PL_H_DLQ_KIND), "retriable");
    assert_string_equal(header_of(m, PL_H_RETRY_TIER), "2");
}

/* acceptance: D24 */
static void what_nobody_waits_for_may_come_an_hour_later(void **state) {
    static const struct request rows[] = {
        {.payload = UNAVAILABLE, .reply_topic = REPLIES, .headers = {"pouch-reply", "none"}},
        {.payload = UNAVAILABLE}, /* it names no topic for the answer */
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char id[ID_TEXT];
        ask(&fixture, WORK, rows[i], id);
        const rd_kafka_message_t *m = find(&fixture, MUCH_LATER, id, is_of);
        assert_int_equal(number_of(m, PL_H_RETRY_TIER), 3);
    }
}

/* acceptance: C28 */
static void what_fails_for_good_is_not_tried_again(void **state) {
    char id[ID_TEXT];
    (void)state;
    ask(&fixture, WORK, (struct request){.payload = "\"fail\"", .headers = {"pouch-reply", "none"}}, id);
    const rd_kafka_message_t *m = letter_of(&fixture, id);
    assert_string_equal(header_of(m, PL_H_DLQ_KIND), "permanent");
    assert_string_equal(header_of(m, PL_H_DLQ_ATTEMPTS), "1");
}

static void deadline_in(char out[24], int64_t ms) {
    snprintf(out, 24, "%lld", (long long)(pl_wall_ms(&pl_clock_system) + ms));
}

/* acceptance: A24 */
static void a_tier_that_the_deadline_does_not_allow_is_not_waited_for(void **state) {
    char id[ID_TEXT], deadline[24];
    (void)state;
    deadline_in(deadline, 600000);
    ask(&fixture, WORK,
        (struct request){.payload = UNAVAILABLE, .reply_topic = REPLIES, .headers = {PL_H_DEADLINE, deadline}}, id);
    assert_string_equal(header_of(letter_of(&fixture, id), PL_H_DLQ_ATTEMPTS), "4");
    for (size_t i = 0; i < fixture.tap.n; i++)
        if (on_topic(fixture.tap.seen[i], MUCH_LATER)) assert_false(is_of(fixture.tap.seen[i], id));
}

static void forged(const char *topic, const char *at, const char *id) {
    plain_produce(fixture.producer, SOON, id, "x", 1,
                  (const char *const[]){PL_H_RETRY_TOPIC, topic, PL_H_RETRY_AT, at, PL_H_RETRY_ATTEMPT, "1",
                                        PL_H_RETRY_TIER, "1", NULL},
                  HEADERS_MAX);
}

static bool is_letter_with_key(const rd_kafka_message_t *m, const char *id) {
    return has_key(m, id);
}

static void a_forged_retry_record_becomes_a_dead_letter(void **state) {
    static const struct {
        const char *topic, *at, *id, *code;
    } rows[] = {
        {LETTERS, "1", "11111111-1111-4111-8111-111111111111", "not_allowed"},
        {"__consumer_offsets", "1", "22222222-2222-4222-8222-222222222222", "not_allowed"},
        {WORK, "soon", "33333333-3333-4333-8333-333333333333", "bad_envelope"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        forged(rows[i].topic, rows[i].at, rows[i].id);
        const rd_kafka_message_t *m = find(&fixture, LETTERS, rows[i].id, is_letter_with_key);
        assert_string_equal(header_of(m, PL_H_DLQ_CODE), rows[i].code);
        assert_string_equal(header_of(m, PL_H_DLQ_GROUP), PL_REDELIVER_GROUP);
    }
}

static void refuse(int broker, int times) {
    while (times--)
        rd_kafka_mock_broker_push_request_error_rtts(fixture.mock.cluster, broker, TEST_API_PRODUCE, 1,
                                                     RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, 0);
}

/* One whose dead letter is refused for a while; and another, where that was over before it was seen. */
static bool one_is_blocked(void *id) {
    tap(&fixture);
    if (!*(char *)id || count_same(&fixture, LETTERS, id, has_key)) {
        struct pl_uuid next;
        assert_int_equal(pl_random_uuid(&next), POUCH_OK);
        pl_uuid_format(id, &next);
        refuse(BROKER_LETTERS, 2);
        forged(LETTERS, "1", id);
    }
    return pl_metric_get(PL_M_RETRY_BLOCKED) == 1;
}

/* acceptance: C28 */
static void while_a_dead_letter_cannot_be_stored_its_partition_waits(void **state) {
    char id[ID_TEXT] = "", work[ID_TEXT];
    (void)state;
    test_until(one_is_blocked, id);
    request(&fixture, "\"attempt 4\"", work); /* comes behind it in its retry topic */
    assert_string_equal(answer_to(&fixture, work).payload, "4");
    find(&fixture, LETTERS, id, is_letter_with_key);
    assert_true(rd_kafka_message_timestamp(find(&fixture, WORK, work, came_back), NULL) >=
                rd_kafka_message_timestamp(find(&fixture, LETTERS, id, is_letter_with_key), NULL));
    assert_int_equal(pl_metric_get(PL_M_RETRY_BLOCKED), 0);
}

static bool was_postponed(const rd_kafka_message_t *m, const char *id) {
    return has_key(m, id) && number_of(m, PL_H_RETRY_AT) > 1;
}

/* So it leaves its place to others, and comes when there is a leader. */
static void what_its_topic_does_not_take_waits_once_more(void **state) {
    static const char id[] = "66666666-6666-4666-8666-666666666666";
    int64_t before = pl_metric_get(PL_M_POSTPONED);
    (void)state;
    rd_kafka_mock_partition_set_leader(fixture.mock.cluster, GONE, 0, -1);
    forged(GONE, "1", id);
    const rd_kafka_message_t *again = find(&fixture, SOON, id, was_postponed);
    assert_string_equal(header_of(again, PL_H_RETRY_TOPIC), GONE);
    assert_string_equal(header_of(again, PL_H_RETRY_TIER), "1");
    rd_kafka_mock_partition_set_leader(fixture.mock.cluster, GONE, 0, BROKER_OTHERS);
    find(&fixture, GONE, id, has_key);
    assert_true(pl_metric_get(PL_M_POSTPONED) > before);
}

static void a_retry_topic_that_refuses_ends_the_request(void **state) {
    char id[ID_TEXT];
    (void)state;
    refuse(BROKER_SOON, 1);
    request(&fixture, UNAVAILABLE, id);
    assert_string_equal(answer_to(&fixture, id).code, "handler_error");
    assert_string_equal(header_of(letter_of(&fixture, id), PL_H_DLQ_ATTEMPTS), "2");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_comes_back_when_it_is_due_and_can_succeed),
        cmocka_unit_test(after_the_last_tier_that_its_requester_would_wait_for_it_hears_of_it_and_a_dead_letter_stays),
        cmocka_unit_test(what_nobody_waits_for_may_come_an_hour_later),
        cmocka_unit_test(what_fails_for_good_is_not_tried_again),
        cmocka_unit_test(a_tier_that_the_deadline_does_not_allow_is_not_waited_for),
        cmocka_unit_test(a_forged_retry_record_becomes_a_dead_letter),
        cmocka_unit_test(while_a_dead_letter_cannot_be_stored_its_partition_waits),
        cmocka_unit_test(what_its_topic_does_not_take_waits_once_more),
        cmocka_unit_test(a_retry_topic_that_refuses_ends_the_request),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
