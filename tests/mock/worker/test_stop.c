/* Starting, stopping, and what happens to requests that are in flight then. */
#include <support.h>

#include "fixture.h"

static struct gate gate = GATE_CLOSED;
static _Atomic(pouch_job *) kept;
static atomic_int calls;

static void handle(pouch_job *job, void *arg) {
    (void)arg;
    atomic_fetch_add(&calls, 1);
    if (payload_is(job, "\"keep\"")) {
        atomic_store(&kept, job);
    } else if (payload_is(job, "\"overrun\"")) {
        gate_pass(&gate);
        expect(pouch_job_reply(job, "1", 1), POUCH_E_HANDLER_TIMEOUT);
    } else {
        gate_pass(&gate);
        echo(job);
    }
}

static bool has_kept(void *unused) {
    (void)unused;
    return atomic_load(&kept) != NULL;
}

static int start(void **state) {
    static struct fixture fixture;
    gate.open = false;
    atomic_store(&kept, NULL);
    atomic_store(&calls, 0);
    fixture_start(&fixture, NULL);
    *state = &fixture;
    return 0;
}

static int stop(void **state) {
    fixture_stop(*state);
    return 0;
}

/* acceptance: A21 */
static void a_stop_finishes_and_commits_what_is_in_flight(void **state) {
    struct fixture *f = *state;
    char first[ID_TEXT], second[ID_TEXT];
    worker_start(f, (const char *const[]){"worker.concurrency", "1", NULL}, handle, NULL);
    request(f, "1", first);
    request(f, "2", second);
    test_until(someone_is_inside, &gate);
    pouch_worker_stop(f->worker);
    gate_set(&gate, true);
    worker_join(f);
    pouch_worker_free(f->worker);
    assert_string_equal(answer_to(f, first).payload, "1");
    assert_int_equal(committed_by(f, WORK ".workers"),
                     atomic_load(&calls)); /* what was taken is done, and what was done is committed */
}

/* acceptance: A21 */
static void a_request_not_finished_within_drain_is_handled_again_by_the_next_worker(void **state) {
    struct fixture *f = *state;
    char id[ID_TEXT], done[ID_TEXT];
    gate_set(&gate, true);
    worker_start(f, (const char *const[]){"drain", "100ms", NULL}, handle, NULL);
    request(f, "1", done);
    answer_to(f, done);
    wait_committed(f);
    request(f, "\"keep\"", id);
    test_until(has_kept, NULL);
    worker_stop(f);
    assert_int_equal(committed_by(f, WORK ".workers"), 1);
    pouch_job *job = atomic_load(&kept);
    assert_string_equal(pouch_job_request_id(job), id);
    pouch_worker_free(f->worker);
    assert_string_equal(pouch_job_request_id(job), id); /* its handler's, even now */
    assert_int_equal(pouch_job_reply(job, "1", 1), POUCH_E_HANDLER_TIMEOUT);

    atomic_store(&kept, NULL);
    worker_start(f, NULL, handle, NULL);
    test_until(has_kept, NULL);
    assert_string_equal(pouch_job_request_id(atomic_load(&kept)), id);
    reply_text(atomic_load(&kept), "\"second time\"");
    assert_string_equal(answer_to(f, id).payload, "\"second time\"");
    worker_end(f);
    assert_int_equal(committed_by(f, WORK ".workers"), 2);
}

static void a_handler_that_still_runs_is_waited_for_by_free(void **state) {
    struct fixture *f = *state;
    char id[ID_TEXT];
    worker_start(f, (const char *const[]){"drain", "0", "handler.timeout", "100ms", NULL}, handle, NULL);
    request(f, "\"overrun\"", id);
    assert_string_equal(answer_to(f, id).code, "handler_timeout");
    test_until(someone_is_inside, &gate);
    worker_stop(f);
    assert_int_equal(gate_inside(&gate), 1);
    gate_set(&gate, true);
    pouch_worker_free(f->worker);
    assert_int_equal(gate_inside(&gate), 0);
}

static void a_stop_before_the_run_is_kept(void **state) {
    struct fixture *f = *state;
    worker_new(f, NULL);
    assert_int_equal(pouch_worker_handle(f->worker, WORK, handle, NULL), POUCH_OK);
    pouch_worker_stop(f->worker);
    assert_int_equal(pouch_worker_run(f->worker), POUCH_OK);
    assert_int_equal(pouch_worker_run(f->worker), POUCH_E_CONFIG);
    pouch_worker_free(f->worker);
}

static void a_topic_is_given_once_and_by_a_valid_name(void **state) {
    struct fixture *f = *state;
    worker_new(f, NULL);
    assert_int_equal(pouch_worker_run(f->worker), POUCH_E_CONFIG);
    assert_int_equal(pouch_worker_handle(f->worker, "", handle, NULL), POUCH_E_CONFIG);
    assert_int_equal(pouch_worker_handle(f->worker, "a/b", handle, NULL), POUCH_E_CONFIG);
    assert_int_equal(pouch_worker_handle(f->worker, WORK, handle, NULL), POUCH_OK);
    assert_int_equal(pouch_worker_handle(f->worker, WORK, handle, NULL), POUCH_E_CONFIG);
    pouch_worker_free(f->worker);
}

static void a_topic_that_does_not_exist_is_named(void **state) {
    struct fixture *f = *state;
    rd_kafka_mock_topic_set_error(f->mock.cluster, "absent", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    worker_new(f, NULL);
    assert_int_equal(pouch_worker_handle(f->worker, "absent", handle, NULL), POUCH_OK);
    assert_int_equal(pouch_worker_run(f->worker), POUCH_E_TARGET_REFUSED);
    assert_non_null(strstr(pouch_why(), "pouch topic create absent"));
    pouch_worker_free(f->worker);
}

static void no_broker_is_told_within_the_connect_timeout(void **state) {
    struct fixture *f = *state;
    const char *const settings[] = {"brokers", "127.0.0.1:1", "client.connect_timeout", "600ms", NULL};
    worker_new(f, settings);
    assert_int_equal(pouch_worker_handle(f->worker, WORK, handle, NULL), POUCH_OK);
    assert_int_equal(pouch_worker_run(f->worker), POUCH_E_NO_BROKER);
    assert_non_null(strstr(pouch_why(), "127.0.0.1:1"));
    pouch_worker_free(f->worker);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_stop_finishes_and_commits_what_is_in_flight, start, stop),
        cmocka_unit_test_setup_teardown(a_request_not_finished_within_drain_is_handled_again_by_the_next_worker, start,
                                        stop),
        cmocka_unit_test_setup_teardown(a_handler_that_still_runs_is_waited_for_by_free, start, stop),
        cmocka_unit_test_setup_teardown(a_stop_before_the_run_is_kept, start, stop),
        cmocka_unit_test_setup_teardown(a_topic_is_given_once_and_by_a_valid_name, start, stop),
        cmocka_unit_test_setup_teardown(a_topic_that_does_not_exist_is_named, start, stop),
        cmocka_unit_test_setup_teardown(no_broker_is_told_within_the_connect_timeout, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
