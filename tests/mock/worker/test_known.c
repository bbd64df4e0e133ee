/* Requests that are not to be handled, too late or too many, of which the dedupe window knows more than that. */
#include <support.h>

#include "fixture.h"
#include <folder.h>

#include <worker/status.h>

enum { COPIES = 20, FAILURES = 4, DRAIN_MS = 60000 };

/* What is handled one by one in 50 ms each takes more than a minute; once it is known how slow that is, none ends. */
enum { MANY = 1500, KNOWN = 20, URGENT_MS = 60000 };

static struct fixture fixture;
static struct gate gate = GATE_CLOSED;
static struct test_folder folder;
static struct pl_status_facts facts;
static atomic_int handled, slow;

static void handle(pouch_job *job, void *arg) {
    (void)arg;
    if (payload_is(job, "\"wait\"")) gate_pass(&gate);
    if (payload_is(job, "\"slow\"")) {
        if (atomic_fetch_add(&slow, 1) < KNOWN)
            poll(NULL, 0, 50);
        else
            gate_pass(&gate);
    }
    if (payload_is(job, "\"later\"")) {
        expect(pouch_job_retry(job, "not now"), POUCH_OK);
        return;
    }
    if (!payload_is(job, "\"slow\"")) atomic_fetch_add(&handled, 1);
    echo(job);
}

static int start(void **state) {
    char file[128];
    (void)state;
    test_folder_make(&folder);
    snprintf(file, sizeof file, "%s/seen.db", folder.path);
    const char *const settings[] = {"dedupe.window",
                                    "10m",
                                    "dedupe.file",
                                    file,
                                    "drain",
                                    "60s",
                                    "retry.attempts",
                                    "1",
                                    "breaker.failures",
                                    "4",
                                    "worker.concurrency",
                                    "1",
                                    "breaker.recovery",
                                    "1h",
                                    NULL};
    atomic_store(&handled, 0);
    gate_set(&gate, false);
    fixture_start(&fixture, NULL);
    worker_start(&fixture, settings, handle, NULL);
    return 0;
}

static int stop(void **state) {
    (void)state;
    fixture_end(&fixture);
    test_folder_remove(&folder);
    return 0;
}

/* With a deadline that is so far from now. */
static void send_within(const struct envelope *e, int64_t ms) {
    char deadline[24];
    snprintf(deadline, sizeof deadline, "%lld", (long long)(pl_wall_ms(&pl_clock_system) + ms));
    send_copies(&fixture, e, 1, (const char *const[]){"pouch-deadline", deadline, NULL});
}

static void send_late(const struct envelope *e) {
    send_within(e, -60000);
}

static size_t answers(const struct envelope *e) {
    return count_same(&fixture, REPLIES, e->id, has_key);
}

static bool has_two_answers(void *envelope) {
    tap(&fixture);
    return answers(envelope) == 2;
}

/* It is too late and was never here: what came before it has been looked at once it is answered. */
static void wait_for_one_that_expires(void) {
    char id[ID_TEXT], deadline[24];
    snprintf(deadline, sizeof deadline, "%lld", (long long)(pl_wall_ms(&pl_clock_system) - 60000));
    ask(&fixture, WORK,
        (struct request){.payload = "1", .reply_topic = REPLIES, .headers = {"pouch-deadline", deadline}}, id);
    assert_string_equal(answer_to(&fixture, id).code, "expired");
}

static struct envelope answered(const char *payload) {
    struct envelope e = seal(&fixture, payload);
    send_copies(&fixture, &e, 1, NULL);
    assert_true(answer_to(&fixture, e.id).success);
    return e;
}

static void what_was_answered_in_time_is_not_told_that_it_expired(void **state) {
    (void)state;
    struct envelope e = answered("\"once\"");
    send_late(&e);
    test_until(has_two_answers, &e);
    assert_int_equal(atomic_load(&handled), 1);
    pl_buf_free(&e.value);
}

/* No thread comes free, so those that wait are looked at unopened. */
static void a_late_copy_is_answered_as_the_one_in_hand_will_be(void **state) {
    (void)state;
    struct envelope before = answered("\"before\""), e = seal(&fixture, "\"wait\"");
    send_copies(&fixture, &e, 1, NULL);
    test_until(someone_is_inside, &gate);
    send_late(&e);
    send_late(&before);
    wait_for_one_that_expires();
    assert_int_equal(answers(&before), 2);
    assert_int_equal(answers(&e), 0);
    gate_set(&gate, true);
    test_until(has_two_answers, &e);
    assert_true(answer_to(&fixture, e.id).success);
    assert_int_equal(atomic_load(&handled), 2);
    pl_buf_free(&before.value);
    pl_buf_free(&e.value);
}

static void what_was_answered_is_answered_again_although_too_many_wait(void **state) {
    char id[ID_TEXT];
    int64_t shed = pl_metric_get(PL_M_JOBS_SHED);
    (void)state;
    struct envelope e = answered("\"once\""), urgent = seal(&fixture, "\"urgent\"");
    for (int i = 0; i < MANY; i++) request(&fixture, "\"slow\"", id);
    test_until(someone_is_inside, &gate);
    send_within(&urgent, URGENT_MS);
    send_within(&e, URGENT_MS);
    assert_string_equal(answer_to(&fixture, urgent.id).code, "overloaded");
    test_until(has_two_answers, &e);
    wait_counted(PL_M_JOBS_SHED, shed + 1);
    gate_set(&gate, true);
    wait_committed(&fixture);
    assert_int_equal(pl_metric_get(PL_M_JOBS_SHED), shed + 1);
    assert_int_equal(atomic_load(&handled), 1);
    pl_buf_free(&e.value);
    pl_buf_free(&urgent.value);
}

static bool one_is_held(void *unused) {
    (void)unused;
    pl_status_read(pl_worker_status(fixture.worker), &facts);
    return facts.n_breakers > 0 && facts.breakers[0].held == 1;
}

/* They would wait for it until drain has passed. */
static void a_stop_does_not_wait_for_copies_of_what_is_held(void **state) {
    char id[ID_TEXT];
    (void)state;
    for (int i = 0; i < FAILURES; i++) {
        request(&fixture, "\"later\"", id);
        assert_string_equal(answer_to(&fixture, id).code, "handler_error");
    }
    struct envelope e = seal(&fixture, "\"held\"");
    int64_t first = next_offset(&fixture);
    send_copies(&fixture, &e, COPIES, NULL);
    test_until(one_is_held, NULL);
    wait_for_one_that_expires();
    int64_t began = pl_mono_us(&pl_clock_system);
    worker_stop(&fixture);
    assert_true(pl_mono_us(&pl_clock_system) - began < DRAIN_MS * INT64_C(1000) / 2);
    assert_int_equal(committed_by(&fixture, WORK ".workers"), first);
    pouch_worker_free(fixture.worker);
    fixture_stop(&fixture);
    test_folder_remove(&folder);
    pl_buf_free(&e.value);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        TEST(what_was_answered_in_time_is_not_told_that_it_expired),
        TEST(a_late_copy_is_answered_as_the_one_in_hand_will_be),
        TEST(what_was_answered_is_answered_again_although_too_many_wait),
        cmocka_unit_test_setup(a_stop_does_not_wait_for_copies_of_what_is_held, start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
