/* Requests behind handlers that do not come back. */
#include <support.h>

#include "fixture.h"

enum { HANDLERS = 2 };

static struct gate gate = GATE_CLOSED;

static void handle(pouch_job *job, void *arg) {
    (void)arg;
    if (payload_is(job, "\"block\"")) {
        gate_pass(&gate);
        expect(pouch_job_reply(job, "1", 1), POUCH_E_HANDLER_TIMEOUT);
    } else {
        if (payload_is(job, "\"slow\"")) poll(NULL, 0, 500);
        echo(job);
    }
}

static bool all_are_inside(void *unused) {
    (void)unused;
    return gate_inside(&gate) == HANDLERS;
}

/* For longer than handler.timeout a thread comes free now and then, so whoever has time waits. */
static void those_behind_slow_ones_wait(struct fixture *f) {
    enum { MANY = 12 * HANDLERS };
    char ids[MANY][ID_TEXT];
    for (int i = 0; i < MANY; i++) request(f, "\"slow\"", ids[i]);
    for (int i = 0; i < MANY; i++) assert_true(answer_to(f, ids[i]).success);
}

static void those_behind_handlers_that_do_not_return_end(void **state) {
    static const char *const settings[] = {
        "handler.timeout", "5s", "worker.concurrency", "2", "deadline.skew", "100ms", "drain", "60s", NULL};
    struct fixture f;
    char blocked[HANDLERS][ID_TEXT], expired[ID_TEXT], patient[ID_TEXT], lost[ID_TEXT], id[ID_TEXT], deadline[24];
    (void)state;
    fixture_start(&f, NULL);
    worker_start(&f, settings, handle, NULL);
    those_behind_slow_ones_wait(&f);
    for (int i = 0; i < HANDLERS; i++) request(&f, "\"block\"", blocked[i]);
    test_until(all_are_inside, NULL);
    snprintf(deadline, sizeof deadline, "%lld", (long long)pl_wall_ms(&pl_clock_system) + 100);
    ask(&f, WORK, (struct request){.payload = "1", .reply_topic = REPLIES, .headers = {"pouch-deadline", deadline}},
        expired);
    request(&f, "1", patient);
    ask(&f, WORK, (struct request){.payload = "1", .headers = {"pouch-reply", "none"}}, lost);
    produce(&f, WORK, "garbage", 7, NULL);
    for (int i = 0; i < HANDLERS; i++) assert_string_equal(answer_to(&f, blocked[i]).code, "handler_timeout");
    assert_string_equal(answer_to(&f, expired).code, "expired");
    assert_string_equal(answer_to(&f, patient).code, "overloaded");
    assert_string_equal(header_of(letter_of(&f, lost), PL_H_DLQ_CODE), "overloaded");
    wait_for(&f, LETTERS, 2); /* that, and the garbage */
    gate_set(&gate, true);
    request(&f, "2", id);
    assert_string_equal(answer_to(&f, id).payload, "2");
    worker_end(&f);
    assert_int_equal(committed_by(&f, WORK ".workers"), next_offset(&f));
    fixture_stop(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(those_behind_handlers_that_do_not_return_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
