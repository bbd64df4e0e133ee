/* A job is ended by exactly one side, whatever the order of events. No broker: these endings send nothing. */
#include <support.h>

#include <stdlib.h>
#include <worker/worker.h>

#define KEY "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

enum { ROUNDS = 20000 };

static struct pouch_worker worker;
static struct pouch_job job;
static pouch_keyring *ring;
static pthread_barrier_t round_starts, round_ends;
static pouch_err handlers_say;

static int set_up(void **state) {
    (void)state;
    setenv("ENCRYPTION_KEY", KEY, 1);
    assert_int_equal(pouch_keyring_load(&ring, NULL), POUCH_OK);
    assert_int_equal(pl_wake_init(&worker.wake), POUCH_OK);
    assert_int_equal(pl_queue_new(&worker.ended, 1), POUCH_OK);
    assert_int_equal(pl_desks_init(&worker.desks, 2, ring, PL_OVER_LIMIT_WARN, 1000), POUCH_OK);
    atomic_init(&worker.holds, 1);
    worker.clock = &pl_clock_system;
    job.worker = &worker;
    pl_buf_init(&job.text, PL_ERROR_TEXT_MAX);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    pl_buf_free(&job.text);
    pl_desks_free(&worker.desks);
    pl_queue_free(worker.ended);
    pl_wake_free(&worker.wake);
    pouch_keyring_free(ring);
    return 0;
}

static void open_job(void) {
    job.end = PL_END_SEND;
    atomic_store(&job.state, PL_JOB_OPEN);
}

static struct pouch_job *come_back(void) {
    void *back;
    return pl_queue_take(worker.ended, &back, 1, 0) ? back : NULL;
}

static void a_job_ended_by_its_handler_comes_back_with_what_it_asked_for(void **state) {
    (void)state;
    open_job();
    assert_int_equal(pouch_job_retry(&job, "not yet"), POUCH_OK);
    assert_false(pl_job_take_over(&job));
    assert_ptr_equal(come_back(), &job);
    assert_int_equal(job.end, PL_END_RETRY);
    assert_string_equal(job.text.at, "not yet");
    assert_int_equal(atomic_load(&worker.holds), 1);
}

static void a_handler_that_is_late_is_told_and_gives_its_hold_back(void **state) {
    (void)state;
    open_job();
    assert_true(pl_job_take_over(&job));
    assert_int_equal(atomic_load(&worker.holds), 2);
    assert_int_equal(pouch_job_fail(&job, "late"), POUCH_E_HANDLER_TIMEOUT);
    assert_ptr_equal(come_back(), &job);
    assert_int_equal(atomic_load(&worker.holds), 1);
}

static void *race(void *unused) {
    (void)unused;
    for (int i = 0; i < ROUNDS; i++) {
        pthread_barrier_wait(&round_starts);
        handlers_say = pouch_job_retry(&job, "again");
        pthread_barrier_wait(&round_ends);
    }
    return NULL;
}

static void of_handler_and_worker_exactly_one_wins(void **state) {
    pthread_t t;
    (void)state;
    pthread_barrier_init(&round_starts, NULL, 2);
    pthread_barrier_init(&round_ends, NULL, 2);
    assert_int_equal(pthread_create(&t, NULL, race, NULL), 0);
    for (int i = 0; i < ROUNDS; i++) {
        open_job();
        pthread_barrier_wait(&round_starts);
        bool taken = pl_job_take_over(&job);
        pthread_barrier_wait(&round_ends);
        assert_int_equal(handlers_say, taken ? POUCH_E_HANDLER_TIMEOUT : POUCH_OK);
        assert_ptr_equal(come_back(), &job);
        assert_null(come_back());
        assert_int_equal(atomic_load(&worker.holds), 1);
    }
    pthread_join(t, NULL);
    pthread_barrier_destroy(&round_starts);
    pthread_barrier_destroy(&round_ends);
}

static void after_the_desks_are_closed_no_ending_can_win(void **state) {
    (void)state;
    open_job();
    assert_true(pl_job_take_over(&job));
    pl_desks_close(&worker.desks);
    assert_int_equal(pouch_job_retry(&job, "late"), POUCH_E_HANDLER_TIMEOUT);
    assert_ptr_equal(come_back(), &job);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_ended_by_its_handler_comes_back_with_what_it_asked_for),
        cmocka_unit_test(a_handler_that_is_late_is_told_and_gives_its_hold_back),
        cmocka_unit_test(of_handler_and_worker_exactly_one_wins),
        cmocka_unit_test(after_the_desks_are_closed_no_ending_can_win),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
