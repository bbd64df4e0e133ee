/* Requests that come again, to a worker with a dedupe window. */
#include <support.h>

#include "fixture.h"
#include <folder.h>

enum { COPIES = 100 };

static struct fixture fixture;
static struct gate gate = GATE_CLOSED;
static atomic_int handled;
static struct test_folder folder;
static char file[128];

/* It may have been stopped meanwhile. */
static void reply_after_the_gate(pouch_job *job) {
    gate_pass(&gate);
    pouch_err e = pouch_job_reply(job, "\"done\"", 6);
    if (e != POUCH_E_HANDLER_TIMEOUT) expect(e, POUCH_OK);
}

static void handle(pouch_job *job, void *arg) {
    (void)arg;
    atomic_fetch_add(&handled, 1);
    if (payload_is(job, "\"wait\""))
        reply_after_the_gate(job);
    else if (payload_is(job, "\"fail\""))
        expect(pouch_job_fail(job, "no such user"), POUCH_OK);
    else if (payload_is(job, "\"third time\"") && pouch_job_attempt(job) < 3)
        expect(pouch_job_retry(job, "not yet"), POUCH_OK);
    else
        echo(job);
}

static void start_worker(void) {
    const char *const settings[] = {
        "dedupe.window",  "10m", "dedupe.file", file,   "drain", "200ms", "retry.tiers", "100ms",
        "retry.attempts", "2",   "retry.delay", "10ms", NULL};
    worker_start(&fixture, settings, handle, NULL);
}

static void stop_worker(void) {
    worker_stop(&fixture);
    gate_set(&gate, true);
    pouch_worker_free(fixture.worker);
}

static int start(void **state) {
    static const char *const topics[] = {"internal.retry.100ms", NULL};
    (void)state;
    test_folder_make(&folder);
    snprintf(file, sizeof file, "%s/seen.db", folder.path);
    fixture_start(&fixture, topics);
    start_worker();
    return 0;
}

static int stop(void **state) {
    (void)state;
    stop_worker();
    fixture_stop(&fixture);
    test_folder_remove(&folder);
    return 0;
}

static int set_up(void **state) {
    (void)state;
    gate_set(&gate, false);
    gate.most_inside = 0;
    atomic_store(&handled, 0);
    return 0;
}

static void wait_for_copies(const char *topic, const char *id,
                            bool (*is_about)(const rd_kafka_message_t *, const char *), size_t n) {
    int64_t give_up = pl_mono_us(&pl_clock_system) + 120000000;
    while (count_same(&fixture, topic, id, is_about) < n) {
        tap(&fixture);
        assert_true(pl_mono_us(&pl_clock_system) < give_up);
    }
}

static void wait_for_answers(const struct envelope *e, size_t n) {
    wait_for_copies(REPLIES, e->id, has_key, n);
}

static void a_request_that_comes_again_is_answered_and_not_handled_again(void **state) {
    (void)state;
    struct envelope e = seal(&fixture, "\"once\"");
    send_copies(&fixture, &e, COPIES, NULL);
    wait_for_answers(&e, COPIES);
    assert_string_equal(answer_to(&fixture, e.id).payload, "\"once\"");
    assert_int_equal(atomic_load(&handled), 1);
    pl_buf_free(&e.value);
}

static void copies_wait_for_the_one_in_hand(void **state) {
    struct envelope e = seal(&fixture, "\"wait\"");
    char id[ID_TEXT];
    (void)state;
    send_copies(&fixture, &e, COPIES, NULL);
    test_until(someone_is_inside, &gate);
    request(&fixture, "\"another\"", id);
    assert_true(answer_to(&fixture, id).success); /* those that wait hold no thread */
    gate_set(&gate, true);
    wait_for_answers(&e, COPIES);
    assert_int_equal(gate.most_inside, 1);
    assert_int_equal(atomic_load(&handled), 2);
    pl_buf_free(&e.value);
}

/* Twice in the worker, and then by way of a retry topic. */
static void one_that_is_tried_again_is_no_copy_of_itself(void **state) {
    struct envelope e = seal(&fixture, "\"third time\"");
    (void)state;
    send_copies(&fixture, &e, 1, NULL);
    wait_for_answers(&e, 1);
    assert_true(answer_to(&fixture, e.id).success);
    send_copies(&fixture, &e, 2, NULL);
    wait_for_answers(&e, 3);
    assert_int_equal(atomic_load(&handled), 3);
    pl_buf_free(&e.value);
}

static void an_error_is_an_answer(void **state) {
    struct envelope e = seal(&fixture, "\"fail\"");
    (void)state;
    send_copies(&fixture, &e, 3, NULL);
    wait_for_answers(&e, 3);
    assert_string_equal(answer_to(&fixture, e.id).code, "handler_error");
    assert_int_equal(atomic_load(&handled), 1);
    pl_buf_free(&e.value);
}

static const char *const no_reply[] = {"pouch-reply", "none", NULL};

/* So that redriving it handles it. */
static void what_became_a_dead_letter_is_handled_when_it_comes_again(void **state) {
    struct envelope e = seal(&fixture, "\"fail\"");
    (void)state;
    for (size_t n = 1; n <= 2; n++) {
        send_copies(&fixture, &e, 1, no_reply);
        wait_for_copies(LETTERS, e.id, is_letter_of, n);
    }
    assert_int_equal(atomic_load(&handled), 2);
    pl_buf_free(&e.value);
}

static void one_that_wants_no_reply_gets_none_and_is_done(void **state) {
    struct envelope e = seal(&fixture, "\"once\"");
    int64_t before = pl_metric_get(PL_M_JOBS_REPEATED);
    (void)state;
    send_copies(&fixture, &e, 2, no_reply);
    send_copies(&fixture, &e, 1, NULL); /* it has no answer to be sent again */
    wait_counted(PL_M_JOBS_REPEATED, before + 2);
    while (tap(&fixture)) continue;
    assert_int_equal(count_same(&fixture, REPLIES, e.id, has_key), 0);
    assert_int_equal(atomic_load(&handled), 1);
    pl_buf_free(&e.value);
}

static void a_relabelled_envelope_is_refused(void **state) {
    struct envelope e = seal(&fixture, "\"once\"");
    char forged[ID_TEXT] = "11111111-2222-4333-8444-555555555555";
    (void)state;
    send_copies(&fixture, &e, 1, NULL);
    assert_true(answer_to(&fixture, e.id).success);
    char *id = strstr(e.value.at, e.id);
    assert_non_null(id);
    memcpy(id, forged, sizeof forged - 1);
    send_copies(&fixture, &e, 1, NULL);
    assert_string_equal(answer_to(&fixture, forged).code, "not_allowed");
    assert_string_equal(header_of(letter_of(&fixture, forged), PL_H_DLQ_CODE), "not_allowed");
    assert_int_equal(atomic_load(&handled), 1);
    pl_buf_free(&e.value);
}

static void a_stop_leaves_those_that_wait_to_the_next_worker_which_knows_the_others(void **state) {
    struct envelope done = seal(&fixture, "\"once\""), waits = seal(&fixture, "\"wait\"");
    (void)state;
    send_copies(&fixture, &done, 1, NULL);
    wait_for_answers(&done, 1);
    wait_committed(&fixture); /* what drain is too short for would be handled again */
    send_copies(&fixture, &waits, COPIES, NULL);
    test_until(someone_is_inside, &gate);
    stop_worker();
    assert_int_equal(count_same(&fixture, REPLIES, waits.id, has_key), 0);
    start_worker();
    send_copies(&fixture, &done, 1, NULL);
    wait_for_answers(&waits, COPIES);
    wait_for_answers(&done, 2);
    assert_int_equal(atomic_load(&handled), 3);
    pl_buf_free(&done.value);
    pl_buf_free(&waits.value);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup(name, set_up)
    const struct CMUnitTest tests[] = {
        TEST(a_request_that_comes_again_is_answered_and_not_handled_again),
        TEST(copies_wait_for_the_one_in_hand),
        TEST(one_that_is_tried_again_is_no_copy_of_itself),
        TEST(an_error_is_an_answer),
        TEST(what_became_a_dead_letter_is_handled_when_it_comes_again),
        TEST(one_that_wants_no_reply_gets_none_and_is_done),
        TEST(a_relabelled_envelope_is_refused),
        TEST(a_stop_leaves_those_that_wait_to_the_next_worker_which_knows_the_others),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
