/* How a runner ends a job when its outcome cannot be taken. */
#include "fake_job.h"

#include <runner/ending.h>

static struct pouch_job job(void) {
    return fake_job("00000000-0000-4000-8000-00000000000a", "1");
}

static void a_reply_that_cannot_be_sent_is_an_error(void **state) {
    (void)state;
    struct pouch_job j = job();
    j.refuse = POUCH_E_TOO_LARGE;
    runner_end_reply(&j, "the test", "1", 1);
    assert_int_equal(fake_wait(&j), FAKE_FAIL);
    assert_string_equal(j.said, "the test gave a reply that cannot be sent: refused by the test");
    fake_free(&j);
}

/* As with crypto.over_limit = stop and a key that has sealed all it may. */
static void where_no_error_can_be_sealed_the_request_is_tried_again(void **state) {
    (void)state;
    struct pouch_job j = job();
    j.refuse = j.refuse_fail = POUCH_E_CONFIG;
    runner_end_reply(&j, "the test", "1", 1);
    assert_int_equal(fake_wait(&j), FAKE_RETRY);
    assert_string_equal(j.said, "nothing can be sealed");
    fake_free(&j);
}

static void a_reason_that_finds_no_memory_is_left_out(void **state) {
    (void)state;
    struct pouch_job j = job();
    j.refuse_retries = 1;
    runner_end_retry(&j, "why");
    assert_int_equal(fake_wait(&j), FAKE_RETRY);
    assert_string_equal(j.said, "");
    fake_free(&j);
}

/* The worker has told the requester already: the job is gone. */
static void a_request_that_the_worker_has_ended_is_left_alone(void **state) {
    (void)state;
    struct pouch_job j = job();
    j.refuse = POUCH_E_HANDLER_TIMEOUT;
    runner_end_reply(&j, "the test", "1", 1);
    assert_int_equal(j.ended, 0);
    j.refuse_fail = POUCH_E_HANDLER_TIMEOUT;
    runner_end_fail(&j, "no");
    assert_int_equal(j.ended, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reply_that_cannot_be_sent_is_an_error),
        cmocka_unit_test(where_no_error_can_be_sealed_the_request_is_tried_again),
        cmocka_unit_test(a_reason_that_finds_no_memory_is_left_out),
        cmocka_unit_test(a_request_that_the_worker_has_ended_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
