/* Outcomes that the broker does not take: nothing is lost, and the partition waits where it must. */
#include <support.h>

#include "fixture.h"

#define GONE "gone.replies"

/* The worker's topic and the replies have broker 1, dead letters broker 2, GONE broker 3: each can fail by itself. */
enum { BROKER_WORK = 1, BROKER_LETTERS, BROKER_GONE, BROKERS = BROKER_GONE };

static struct fixture fixture;
static atomic_long blocked_while_handling;
static atomic_int handled;
static bool stopped;

static char large[1501]; /* a reply that is a record of more than 3,000 bytes */

static void handle(pouch_job *job, void *arg) {
    (void)arg;
    atomic_fetch_add(&handled, 1);
    if (payload_is(job, "\"after\"")) atomic_store(&blocked_while_handling, (long)pl_metric_get(PL_M_BLOCKED));
    if (payload_is(job, "\"large reply\""))
        reply_text(job, large);
    else
        echo(job);
}

static int start(void **state) {
    static const char *const topics[] = {GONE, NULL};
    static const char *const settings[] = {
        "deadline.skew", "100ms", "worker.concurrency", "1", "worker.max_in_flight_bytes", "4KiB", "drain",
        "500ms",         NULL};
    (void)state;
    memset(large, 'x', sizeof large - 1);
    large[0] = large[sizeof large - 2] = '"';
    fixture_cluster(&fixture, BROKERS, topics);
    rd_kafka_mock_cluster_t *cluster = fixture.mock.cluster;
    rd_kafka_mock_partition_set_leader(cluster, WORK, 0, BROKER_WORK);
    rd_kafka_mock_partition_set_leader(cluster, REPLIES, 0, BROKER_WORK);
    rd_kafka_mock_partition_set_leader(cluster, LETTERS, 0, BROKER_LETTERS);
    rd_kafka_mock_partition_set_leader(cluster, GONE, 0, BROKER_GONE);
    rd_kafka_mock_topic_set_error(cluster, WORK ".replies", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    fixture_connect(&fixture);
    worker_start(&fixture, settings, handle, NULL);
    return 0;
}

static int stop(void **state) {
    (void)state;
    if (!stopped) worker_stop(&fixture);
    pouch_worker_free(fixture.worker);
    fixture_stop(&fixture);
    return 0;
}

static void refuse(int broker, size_t times, rd_kafka_resp_err_t e) {
    while (times--)
        rd_kafka_mock_broker_push_request_error_rtts(fixture.mock.cluster, broker, TEST_API_PRODUCE, 1, e, 0);
}

static bool partition_waits(void *unused) {
    (void)unused;
    return pl_metric_get(PL_M_BLOCKED) == 1;
}

/* One whose dead letter is refused for a while; and another, where that was over before it was seen. */
static bool partition_waits_for_one(void *sent) {
    size_t *n = sent;
    tap(&fixture);
    if (count_on(&fixture, LETTERS) == *n) {
        refuse(BROKER_LETTERS, 4, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
        produce(&fixture, WORK, "garbage", 7, NULL);
        ++*n;
    }
    return partition_waits(NULL);
}

static void a_partition_waits_until_its_dead_letter_is_stored(void **state) {
    char id[ID_TEXT];
    size_t sent = 0;
    (void)state;
    test_until(partition_waits_for_one, &sent);
    atomic_store(&blocked_while_handling, 2);
    request(&fixture, "\"after\"", id);
    assert_string_equal(answer_to(&fixture, id).payload, "\"after\"");
    assert_int_equal(atomic_load(&blocked_while_handling), 0);
    wait_for(&fixture, LETTERS, sent);
    assert_int_equal(pl_metric_get(PL_M_BLOCKED), 0);
}

static void a_reply_that_is_refused_for_good_becomes_a_dead_letter(void **state) {
    char id[ID_TEXT];
    (void)state;
    refuse(BROKER_GONE, 1, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    ask(&fixture, WORK, (struct request){.payload = "1", .reply_topic = GONE}, id);
    const rd_kafka_message_t *m = letter_of(&fixture, id);
    assert_string_equal(header_of(m, PL_H_DLQ_CODE), "not_allowed");
    assert_non_null(strstr(header_of(m, PL_H_DLQ_REASON), "reply undeliverable to " GONE));
}

static void a_reply_waits_for_its_topic_until_the_deadline(void **state) {
    char id[ID_TEXT], deadline[24];
    (void)state;
    rd_kafka_mock_topic_set_error(fixture.mock.cluster, "absent.replies", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    snprintf(deadline, sizeof deadline, "%lld", (long long)pl_wall_ms(&pl_clock_system) + 10000);
    ask(&fixture, WORK,
        (struct request){.payload = "1", .reply_topic = "absent.replies", .headers = {"pouch-deadline", deadline}}, id);
    assert_string_equal(header_of(letter_of(&fixture, id), PL_H_DLQ_CODE), "target_refused");
    assert_true(pl_wall_ms(&pl_clock_system) > strtoll(deadline, NULL, 10) - 1000);
}

static bool has_replied(void *before) {
    return pl_metric_get(PL_M_JOBS) > *(int64_t *)before;
}

/* acceptance: A16 */
static void a_reply_that_nobody_made_a_topic_for_is_no_error(void **state) {
    char id[ID_TEXT];
    int64_t replied = pl_metric_get(PL_M_JOBS);
    size_t letters = count_on(&fixture, LETTERS);
    (void)state;
    ask(&fixture, WORK, (struct request){.payload = "1"}, id);
    test_until(has_replied, &replied);
    request(&fixture, "2", id);
    assert_true(answer_to(&fixture, id).success);
    assert_int_equal(count_on(&fixture, LETTERS), letters);
}

static bool has_handled(void *wanted) {
    return atomic_load(&handled) >= *(int *)wanted;
}

/* A topic that has refused us is not tried for a while. */
static bool is_tried_again(void *unused) {
    char id[ID_TEXT];
    size_t letters = count_on(&fixture, LETTERS), replies = count_on(&fixture, GONE);
    (void)unused;
    ask(&fixture, WORK, (struct request){.payload = "1", .reply_topic = GONE}, id);
    while (count_on(&fixture, LETTERS) == letters && count_on(&fixture, GONE) == replies) tap(&fixture);
    return count_on(&fixture, GONE) > replies;
}

/* True: it was looked at before the broker had answered. */
static bool no_further_handler_starts(void *unused) {
    enum { MANY = 10, LOOKS = 20, RTT_MS = 2000 };
    static char ids[MANY][ID_TEXT];
    int wanted = atomic_load(&handled) + 2;
    (void)unused;
    assert_int_equal(rd_kafka_mock_broker_set_rtt(fixture.mock.cluster, BROKER_GONE, RTT_MS), 0);
    int64_t from = pl_mono_us(&pl_clock_system);
    for (int i = 0; i < MANY; i++)
        ask(&fixture, WORK, (struct request){.payload = "\"large reply\"", .reply_topic = GONE}, ids[i]);
    test_until(has_handled, &wanted);
    for (int i = 0; i < LOOKS; i++) tap(&fixture);
    int called = atomic_load(&handled);
    bool in_time = pl_mono_us(&pl_clock_system) - from < RTT_MS * INT64_C(1000);
    if (in_time) assert_int_equal(called, wanted);
    assert_int_equal(rd_kafka_mock_broker_set_rtt(fixture.mock.cluster, BROKER_GONE, 0), 0);
    for (int i = 0; i < MANY; i++) assert_true(answer_on(&fixture, GONE, ids[i]).success);
    return in_time;
}

/* With more than 4 KiB of outcomes waiting for their broker. */
static void handlers_wait_while_outcomes_wait_for_their_broker(void **state) {
    (void)state;
    test_until(is_tried_again, NULL);
    test_until(no_further_handler_starts, NULL);
}

/* The last test: it stops the worker. */
static void a_dead_letter_that_was_not_stored_keeps_its_record_uncommitted(void **state) {
    char id[ID_TEXT];
    (void)state;
    request(&fixture, "1", id);
    answer_to(&fixture, id);
    wait_committed(&fixture);
    int64_t stuck_at = next_offset(&fixture);
    refuse(BROKER_LETTERS, 1000, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    produce(&fixture, WORK, "garbage", 7, NULL);
    test_until(partition_waits, NULL);
    worker_stop(&fixture);
    stopped = true;
    assert_int_equal(committed_by(&fixture, WORK ".workers"), stuck_at);
    assert_int_equal(pl_metric_get(PL_M_BLOCKED), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_partition_waits_until_its_dead_letter_is_stored),
        cmocka_unit_test(a_reply_that_is_refused_for_good_becomes_a_dead_letter),
        cmocka_unit_test(a_reply_waits_for_its_topic_until_the_deadline),
        cmocka_unit_test(a_reply_that_nobody_made_a_topic_for_is_no_error),
        cmocka_unit_test(handlers_wait_while_outcomes_wait_for_their_broker),
        cmocka_unit_test(a_dead_letter_that_was_not_stored_keeps_its_record_uncommitted),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
