/* A handler that keeps failing is not called for a while, and what is for it ends all the same. */
#include <support.h>

#include "fixture.h"

#include <worker/status.h>

enum { FAILURES = 4, MAX_HELD = 3 };

enum mode { WORKS, RETRIES, FAILS, KEEPS };

static struct fixture fixture;
static _Atomic(pouch_job *) kept[FAILURES];
static atomic_int n_taken, n_kept;
static struct pl_status_facts facts; /* as last read */
static atomic_int mode, calls;

static const char *const settings[] = {"breaker.failures",
                                       "4",
                                       "breaker.recovery",
                                       "1s",
                                       "breaker.max_held",
                                       "3",
                                       "retry.attempts",
                                       "1",
                                       "retry.tiers",
                                       "off",
                                       "handler.timeout",
                                       "1m",
                                       "deadline.skew",
                                       "100ms",
                                       "worker.concurrency",
                                       "1",
                                       "drain",
                                       "60s",
                                       NULL};

static void handle(pouch_job *job, void *arg) {
    (void)arg;
    atomic_fetch_add(&calls, 1);
    switch (atomic_load(&mode)) {
    case WORKS: echo(job); break;
    case RETRIES: expect(pouch_job_retry(job, "not now"), POUCH_OK); break;
    case FAILS: expect(pouch_job_fail(job, "never"), POUCH_OK); break;
    case KEEPS:
        atomic_store(&kept[atomic_fetch_add(&n_taken, 1)], job);
        atomic_fetch_add(&n_kept, 1); /* whoever counts them finds them there */
        break;
    }
}

static int start(void **state) {
    (void)state;
    fixture_start(&fixture, NULL);
    worker_start(&fixture, settings, handle, NULL);
    return 0;
}

static int stop(void **state) {
    (void)state;
    fixture_end(&fixture);
    return 0;
}

static bool is_in_state(void *wanted) {
    pl_status_read(pl_worker_status(fixture.worker), &facts);
    return facts.n_breakers > 0 && facts.breakers[0].state == *(enum pl_breaker_state *)wanted;
}

static void wait_state(enum pl_breaker_state wanted) {
    test_until(is_in_state, &wanted);
}

static bool holds(void *wanted) {
    pl_status_read(pl_worker_status(fixture.worker), &facts);
    return facts.n_breakers > 0 && facts.breakers[0].held == *(size_t *)wanted;
}

static bool has_failures(void *wanted) {
    pl_status_read(pl_worker_status(fixture.worker), &facts);
    return facts.n_breakers > 0 && facts.breakers[0].failures == *(size_t *)wanted;
}

static void wait_held(size_t n) {
    test_until(holds, &n);
}

static void assert_code(const char *id, const char *code) {
    assert_string_equal(answer_to(&fixture, id).code, code);
}

/* Failures in a row, until the handler is not called any more. */
static void break_it(void) {
    char id[ID_TEXT];
    atomic_store(&mode, RETRIES);
    for (int i = 0; i < FAILURES; i++) {
        request(&fixture, "1", id);
        assert_code(id, "handler_error");
    }
}

static void keep_from_now(void) {
    atomic_store(&n_taken, 0);
    atomic_store(&n_kept, 0);
    atomic_store(&mode, KEEPS);
}

/* The next one is the probe, and succeeds. */
static void mend_it(void) {
    char id[ID_TEXT];
    atomic_store(&mode, WORKS);
    request(&fixture, "1", id);
    assert_true(answer_to(&fixture, id).success);
    wait_state(PL_BREAKER_CLOSED);
}

static bool has_kept(void *n) {
    return atomic_load(&n_kept) == *(int *)n;
}

/* The handler has the nth that it keeps, and has not ended it. */
static pouch_job *wait_kept(int n) {
    test_until(has_kept, &n);
    return atomic_load(&kept[n - 1]);
}

/* acceptance: A24 */
static void it_is_not_called_and_what_waits_is_handled_when_it_works(void **state) {
    char probe[ID_TEXT], held[MAX_HELD][ID_TEXT], id[ID_TEXT];
    int64_t opened = pl_metric_get(PL_M_BREAKER_OPENED), shed = pl_metric_get(PL_M_JOBS_SHED);
    (void)state;
    break_it();
    int before = atomic_load(&calls);
    keep_from_now();
    request(&fixture, "1", probe);
    pouch_job *job = wait_kept(1);
    atomic_store(&mode, WORKS);
    for (int i = 0; i < MAX_HELD; i++) request(&fixture, "1", held[i]);
    request(&fixture, "1", id);
    assert_code(id, "overloaded"); /* more than may wait */
    assert_int_equal(atomic_load(&calls), before + 1);
    echo(job);
    assert_true(answer_to(&fixture, probe).success);
    for (int i = 0; i < MAX_HELD; i++) assert_true(answer_to(&fixture, held[i]).success);
    wait_state(PL_BREAKER_CLOSED);
    assert_string_equal(facts.breakers[0].name, WORK);
    assert_false(facts.breakers[0].of_target);
    assert_int_equal(facts.breakers[0].failures, 0);
    assert_int_equal(facts.breakers[0].held, 0);
    assert_int_equal(atomic_load(&calls), before + 1 + MAX_HELD);
    assert_int_equal(pl_metric_get(PL_M_BREAKER_OPENED), opened + 1);
    wait_counted(PL_M_JOBS_SHED, shed + 1);
    assert_int_equal(pl_metric_get(PL_M_JOBS_SHED), shed + 1);
}

/* acceptance: A24 */
static void one_probe_at_a_time_tries_it(void **state) {
    char held[2][ID_TEXT];
    (void)state;
    break_it();
    int before = atomic_load(&calls);
    keep_from_now();
    for (int i = 0; i < 2; i++) request(&fixture, "1", held[i]);
    for (int i = 0; i < 2; i++) {
        pouch_job *probe = wait_kept(i + 1);
        wait_held((size_t)1 - (size_t)i);
        assert_int_equal(atomic_load(&calls), before + i + 1);
        expect(pouch_job_retry(probe, "not now"), POUCH_OK);
        assert_code(held[i], "handler_error");
    }
    test_until(has_failures, &(size_t){FAILURES + 2});
    mend_it();
}

/* With a cluster of its own: the member that was there may be slow to leave its group. */
static void start_again(const char *const with[]) {
    fixture_end(&fixture);
    fixture_start(&fixture, NULL);
    worker_start(&fixture, with, handle, NULL);
}

/* One whose handler, once it has failed, is called again in an hour. */
static void start_patient(const char *handler_timeout) {
    const char *const patient[] = {"breaker.failures",
                                   "4",
                                   "breaker.recovery",
                                   "1h",
                                   "retry.attempts",
                                   "1",
                                   "retry.tiers",
                                   "off",
                                   "deadline.skew",
                                   "100ms",
                                   "drain",
                                   "60s",
                                   "handler.timeout",
                                   handler_timeout,
                                   NULL};
    start_again(patient);
}

/* acceptance: A24 */
static void what_waits_for_longer_than_it_may_has_expired(void **state) {
    char id[ID_TEXT], deadline[24];
    (void)state;
    start_patient("1m");
    break_it();
    int before = atomic_load(&calls);
    snprintf(deadline, sizeof deadline, "%lld", (long long)pl_wall_ms(&pl_clock_system) + 100);
    ask(&fixture, WORK,
        (struct request){.payload = "1", .reply_topic = REPLIES, .headers = {"pouch-deadline", deadline}}, id);
    assert_code(id, "expired");
    assert_int_equal(atomic_load(&calls), before);
    start_again(settings);
}

/* acceptance: A24 */
static void errors_are_answers_and_no_failures(void **state) {
    char id[ID_TEXT];
    (void)state;
    atomic_store(&mode, FAILS);
    for (int i = 0; i < 3 * FAILURES; i++) {
        request(&fixture, "1", id);
        assert_code(id, "handler_error");
    }
    atomic_store(&mode, RETRIES);
    for (int i = 0; i < 3 * FAILURES; i++) { /* each row ended by an answer */
        request(&fixture, "1", id);
        assert_code(id, "handler_error");
        if (i % (FAILURES - 1) != FAILURES - 2) continue;
        atomic_store(&mode, i % 2 ? FAILS : WORKS);
        request(&fixture, "1", id);
        answer_to(&fixture, id);
        atomic_store(&mode, RETRIES);
    }
    mend_it();
}

/* acceptance: A24 */
static void a_handler_that_takes_too_long_has_failed(void **state) {
    char ids[FAILURES][ID_TEXT];
    (void)state;
    start_patient("5s");
    keep_from_now();
    for (int i = 0; i < FAILURES; i++) request(&fixture, "1", ids[i]);
    for (int i = 0; i < FAILURES; i++) assert_code(ids[i], "handler_timeout");
    test_until(has_failures, &(size_t){FAILURES});
    wait_kept(FAILURES);
    for (int i = 0; i < FAILURES; i++)
        assert_int_equal(pouch_job_reply(atomic_load(&kept[i]), "1", 1), POUCH_E_HANDLER_TIMEOUT);
}

static void what_waits_is_left_to_the_next_worker(void **state) {
    char held[MAX_HELD][ID_TEXT];
    (void)state;
    start_patient("1m");
    break_it();
    int64_t first = next_offset(&fixture);
    for (int i = 0; i < MAX_HELD; i++) request(&fixture, "\"held\"", held[i]);
    wait_held(MAX_HELD);
    worker_stop(&fixture); /* long before drain has passed */
    assert_int_equal(committed_by(&fixture, WORK ".workers"), first);
    pouch_worker_free(fixture.worker);
    atomic_store(&mode, WORKS);
    int before = atomic_load(&calls);
    worker_start(&fixture, settings, handle, NULL);
    for (int i = 0; i < MAX_HELD; i++) assert_true(answer_to(&fixture, held[i]).success);
    assert_int_equal(atomic_load(&calls), before + MAX_HELD);
}

static void what_has_no_deadline_does_not_wait_for_ever(void **state) {
    char id[ID_TEXT];
    (void)state;
    start_patient("5s");
    break_it();
    request(&fixture, "1", id);
    assert_code(id, "overloaded");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_not_called_and_what_waits_is_handled_when_it_works),
        cmocka_unit_test(one_probe_at_a_time_tries_it),
        cmocka_unit_test(what_waits_for_longer_than_it_may_has_expired),
        cmocka_unit_test(errors_are_answers_and_no_failures),
        cmocka_unit_test(a_handler_that_takes_too_long_has_failed),
        cmocka_unit_test(what_waits_is_left_to_the_next_worker),
        cmocka_unit_test(what_has_no_deadline_does_not_wait_for_ever),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
