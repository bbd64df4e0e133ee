/* What a worker does when handlers are slow or never end: time limits and bounds. */
#include <support.h>

#include "fixture.h"

static struct gate gate = GATE_CLOSED;
static _Atomic(pouch_job *) kept; /* a job whose handler has returned without ending it */

static void handle(pouch_job *job, void *arg) {
    (void)arg;
    if (payload_is(job, "\"keep\"")) {
        atomic_store(&kept, job);
    } else if (payload_is(job, "\"block\"")) {
        gate_pass(&gate);
        expect(pouch_job_reply(job, "1", 1), POUCH_E_HANDLER_TIMEOUT);
    } else if (payload_is(job, "\"quick\"")) {
        reply_text(job, "\"done\"");
    } else {
        gate_pass(&gate);
        echo(job);
    }
}

static bool has_kept(void *unused) {
    (void)unused;
    return atomic_load(&kept) != NULL;
}

static bool is_inside(void *wanted) {
    return gate_inside(&gate) == *(int *)wanted;
}

static void begin(struct fixture *f, const char *const settings[]) {
    gate.open = false;
    gate.most_inside = 0;
    atomic_store(&kept, NULL);
    fixture_start(f, NULL);
    worker_start(f, settings, handle, NULL);
}

static void assert_timed_out(struct fixture *f, const char *id) {
    struct answer a = answer_to(f, id);
    assert_true(a.sealed);
    assert_string_equal(a.code, "handler_timeout");
}

static void a_handler_past_its_time_is_answered_for_and_learns_of_it(void **state) {
    const char *const settings[] = {"handler.timeout", "5s", "worker.concurrency", "2", NULL};
    struct fixture f;
    char kept_id[ID_TEXT], blocked_id[ID_TEXT], id[ID_TEXT];
    (void)state;
    begin(&f, settings);
    request(&f, "\"keep\"", kept_id);
    request(&f, "\"block\"", blocked_id);
    assert_timed_out(&f, kept_id);
    assert_timed_out(&f, blocked_id);
    test_until(has_kept, NULL);
    pouch_job *job = atomic_load(&kept);
    size_t n;
    assert_memory_equal(pouch_job_payload(job, &n), "\"keep\"", 6); /* still there for its handler */
    assert_int_equal(pouch_job_fail(job, "late"), POUCH_E_HANDLER_TIMEOUT);
    gate_set(&gate, true);
    for (int i = 0; i < 10; i++) {
        request(&f, "\"quick\"", id);
        assert_string_equal(answer_to(&f, id).payload, "\"done\"");
    }
    fixture_end(&f);
}

static void a_record_without_a_requester_becomes_a_dead_letter_when_its_handler_takes_too_long(void **state) {
    const char *const settings[] = {"handler.timeout", "100ms", NULL};
    struct fixture f;
    char id[ID_TEXT];
    (void)state;
    begin(&f, settings);
    ask(&f, WORK, (struct request){.payload = "\"keep\"", .headers = {"pouch-reply", "none"}}, id);
    assert_string_equal(header_of(letter_of(&f, id), PL_H_DLQ_CODE), "handler_timeout");
    test_until(has_kept, NULL);
    assert_int_equal(pouch_job_retry(atomic_load(&kept), "late"), POUCH_E_HANDLER_TIMEOUT);
    fixture_end(&f);
}

/* Sends many requests to handlers that all wait: `wanted` of them come in, and no more. */
static void expect_bound(const char *const settings[], const char *payload, const char *header, int wanted) {
    enum { MANY = 40, LOOKS = 20 };
    static char ids[MANY][ID_TEXT];
    struct fixture f;
    begin(&f, settings);
    struct request r = {.payload = payload, .reply_topic = REPLIES, .headers = {"colour", header}};
    for (int i = 0; i < MANY; i++) ask(&f, WORK, r, ids[i]);
    test_until(is_inside, &wanted);
    for (int i = 0; i < LOOKS; i++) tap(&f);
    assert_int_equal(gate_inside(&gate), wanted);
    gate_set(&gate, true);
    for (int i = 0; i < MANY; i++) assert_true(answer_to(&f, ids[i]).success);
    assert_int_equal(gate.most_inside, wanted);
    fixture_end(&f);
}

static void no_more_jobs_are_taken_than_may_be_in_flight(void **state) {
    const char *const settings[] = {"worker.max_in_flight", "5", "worker.concurrency", "16", NULL};
    (void)state;
    expect_bound(settings, "1", "red", 5);
}

static void no_more_bytes_are_taken_than_may_be_in_flight(void **state) {
    const char *const settings[] = {"worker.max_in_flight_bytes", "4KiB", "worker.concurrency", "16", NULL};
    char payload[1500], header[3000];
    (void)state;
    memset(payload, 'x', sizeof payload);
    payload[0] = payload[sizeof payload - 2] = '"';
    payload[sizeof payload - 1] = 0;
    memset(header, 'x', sizeof header);
    header[sizeof header - 1] = 0;
    expect_bound(settings, payload, "red", 2); /* each a record of more than 3,000 bytes */
    expect_bound(settings, "1", header, 2);    /* wherever these are */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_handler_past_its_time_is_answered_for_and_learns_of_it),
        cmocka_unit_test(a_record_without_a_requester_becomes_a_dead_letter_when_its_handler_takes_too_long),
        cmocka_unit_test(no_more_jobs_are_taken_than_may_be_in_flight),
        cmocka_unit_test(no_more_bytes_are_taken_than_may_be_in_flight),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
