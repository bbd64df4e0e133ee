/* More requests than handlers can do. */
#include <support.h>

#include "fixture.h"

/* What is handled one by one in 50 ms each takes more than a minute; once it is known how slow that is, none ends. */
enum { MANY = 1500, KNOWN = 20, URGENT_MS = 60000, PATIENT_MS = 24 * 3600 * 1000 };

static struct gate gate = GATE_CLOSED;

static void handle_slowly(pouch_job *job, void *arg) {
    static int called; /* by the one thread there is */
    (void)arg;
    if (called++ < KNOWN)
        poll(NULL, 0, 50);
    else
        gate_pass(&gate);
    echo(job);
}

static void ask_within(struct fixture *f, int64_t ms, char id[ID_TEXT]) {
    char deadline[24];
    snprintf(deadline, sizeof deadline, "%lld", (long long)(pl_wall_ms(&pl_clock_system) + ms));
    ask(f, WORK, (struct request){.payload = "1", .reply_topic = REPLIES, .headers = {"pouch-deadline", deadline}}, id);
}

static void who_would_wait_for_too_long_learns_it_at_once(void **state) {
    static const char *const settings[] = {"worker.concurrency", "1", NULL};
    struct fixture f;
    char id[ID_TEXT], urgent[ID_TEXT], patient[ID_TEXT];
    (void)state;
    fixture_start(&f, NULL);
    worker_start(&f, settings, handle_slowly, NULL);
    for (int i = 0; i < MANY; i++) request(&f, "2", id);
    test_until(someone_is_inside, &gate);
    ask_within(&f, URGENT_MS, urgent);
    ask_within(&f, PATIENT_MS, patient);
    assert_string_equal(answer_to(&f, urgent).code, "overloaded");
    gate_set(&gate, true);
    assert_true(answer_to(&f, patient).success);
    assert_int_equal(count_on(&f, REPLIES), MANY + 2);
    worker_end(&f);
    assert_int_equal(pl_metric_get(PL_M_JOBS_SHED), 1);
    assert_int_equal(committed_by(&f, WORK ".workers"), next_offset(&f));
    fixture_stop(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_would_wait_for_too_long_learns_it_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
