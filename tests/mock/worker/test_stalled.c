/* A topic that takes nothing does not stop what is for others. */
#include <support.h>

#include "fixture.h"

#define BAD  "bad.replies"
#define NEXT "next" /* that requests are passed on to */

/* So that somebody waits soon. */
static const char *const few[] = {"worker.max_in_flight", "32", "drain", "60s", NULL};
static const char *const fewer[] = {"worker.max_in_flight", "4", "drain", "60s", NULL};

static struct fixture fixture;

static void handle(pouch_job *job, void *arg) {
    (void)arg;
    if (!payload_is(job, "\"forward\"")) {
        echo(job);
        return;
    }
    pouch_dest *next = pouch_dest_topic(NEXT);
    expect(pouch_job_forward(job, next, "1", 1), POUCH_OK);
    pouch_dest_free(next);
}

static void begin(const char *const settings[]) {
    static const char *const topics[] = {BAD, NEXT, NULL};
    fixture_start(&fixture, topics);
    worker_start(&fixture, settings, handle, NULL);
}

/* Without waiting for what the producer still has of the bad topic; and all is done. */
static void finish(void) {
    worker_end(&fixture);
    assert_int_equal(committed_by(&fixture, WORK ".workers"), next_offset(&fixture));
    fixture_stop(&fixture);
}

static void spoil(const char *topic) {
    rd_kafka_mock_partition_set_leader(fixture.mock.cluster, topic, 0, -1);
}

static void mend(const char *topic) {
    rd_kafka_mock_partition_set_leader(fixture.mock.cluster, topic, 0, 1);
}

static void ask_bad(const char *payload, char id[ID_TEXT]) {
    ask(&fixture, WORK, (struct request){.payload = payload, .reply_topic = BAD}, id);
}

static void ask_good(void) {
    char id[ID_TEXT];
    request(&fixture, "1", id);
    assert_true(answer_to(&fixture, id).success);
}

static bool is_refused(void *wanted) {
    ask_good();
    return pl_metric_get(PL_M_TARGETS_OPEN) == *(int64_t *)wanted;
}

/* acceptance: A24 */
static void its_replies_become_dead_letters_and_it_is_used_again_when_it_works(void **state) {
    enum { N = 32 };
    char ids[N][ID_TEXT], id[ID_TEXT];
    int64_t one = 1, none = 0;
    (void)state;
    begin(few);
    ask_bad("1", id);
    assert_true(answer_on(&fixture, BAD, id).success);
    spoil(BAD);
    for (int i = 0; i < N; i++) ask_bad("1", ids[i]);
    test_until(is_refused, &one);
    for (int i = 0; i < N; i++) {
        const rd_kafka_message_t *m = letter_of(&fixture, ids[i]);
        assert_string_equal(header_of(m, PL_H_DLQ_CODE), "overloaded");
        assert_non_null(strstr(header_of(m, PL_H_DLQ_REASON), "reply undeliverable to " BAD ": it takes nothing"));
    }
    ask_bad("1", id); /* at once, now */
    assert_string_equal(header_of(letter_of(&fixture, id), PL_H_DLQ_CODE), "overloaded");
    mend(BAD);
    test_until(is_refused, &none);
    ask_bad("2", id);
    assert_string_equal(answer_on(&fixture, BAD, id).payload, "2");
    finish();
}

/*
 * The worker may have few requests in flight: those for the bad topic are as many, and the rest is answered all the
 * same.
 */
static void a_flood_for_it_does_not_fill_the_worker(void **state) {
    enum { N = 400 };
    static char ids[N][ID_TEXT];
    int64_t started = pl_mono_us(&pl_clock_system);
    (void)state;
    begin(few);
    ask_good();
    spoil(BAD);
    for (int i = 0; i < N; i++)
        ask(&fixture, WORK, (struct request){.payload = "1", .reply_topic = i % 2 ? REPLIES : BAD}, ids[i]);
    for (int i = 1; i < N; i += 2) assert_true(answer_to(&fixture, ids[i]).success);
    for (int i = 0; i < N; i += 2)
        assert_string_equal(header_of(letter_of(&fixture, ids[i]), PL_H_DLQ_CODE), "overloaded");
    finish();
    assert_true(pl_mono_us(&pl_clock_system) - started <
                110 * (int64_t)1000000); /* it would give records up after 120 s */
}

/* acceptance: A24 */
static void a_request_that_cannot_be_passed_on_is_answered(void **state) {
    char id[ID_TEXT], both[ID_TEXT];
    int64_t one = 1, two = 2;
    (void)state;
    begin(fewer);
    ask_good();
    spoil(NEXT);
    request(&fixture, "\"forward\"", id);
    test_until(is_refused, &one);
    assert_string_equal(answer_to(&fixture, id).code, "overloaded");
    assert_string_equal(header_of(letter_of(&fixture, id), PL_H_DLQ_CODE), "overloaded");
    request(&fixture, "\"forward\"", id);
    assert_string_equal(answer_to(&fixture, id).code, "overloaded");
    spoil(BAD); /* nor can its requester be told */
    ask_bad("\"forward\"", both);
    assert_string_equal(header_of(letter_of(&fixture, both), PL_H_DLQ_CODE), "overloaded");
    test_until(is_refused, &two);
    finish();
    assert_int_equal(pl_metric_get(PL_M_BLOCKED), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_replies_become_dead_letters_and_it_is_used_again_when_it_works),
        cmocka_unit_test(a_flood_for_it_does_not_fill_the_worker),
        cmocka_unit_test(a_request_that_cannot_be_passed_on_is_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
