/* Topics that are paused and resumed while a worker runs. */
#include <support.h>

#include "fixture.h"

#define OTHER "other-work"

static void handle(pouch_job *job, void *arg) {
    (void)arg;
    echo(job);
}

/* acceptance: C36 */
static void a_paused_topic_waits_while_others_go_on_and_is_taken_up_again(void **state) {
    (void)state;
    static struct fixture f;
    char id[ID_TEXT], paused[ID_TEXT], other[ID_TEXT];
    fixture_start(&f, (const char *const[]){OTHER, NULL});
    worker_new(&f, NULL);
    assert_int_equal(pouch_worker_pause(f.worker, WORK), POUCH_E_CONFIG);
    assert_int_equal(pouch_worker_handle(f.worker, WORK, handle, NULL), POUCH_OK);
    assert_int_equal(pouch_worker_handle(f.worker, OTHER, handle, NULL), POUCH_OK);
    assert_int_equal(pouch_worker_resume(f.worker, "no-topic"), POUCH_E_CONFIG);
    assert_int_equal(pthread_create(&f.thread, NULL, worker_thread, &f), 0);
    request(&f, "1", id);
    assert_string_equal(answer_to(&f, id).payload, "1");

    assert_int_equal(pouch_worker_pause(f.worker, WORK), POUCH_OK);
    for (int i = 0; i < 20; i++) {
        ask(&f, OTHER, (struct request){.payload = "3", .reply_topic = REPLIES}, other);
        assert_string_equal(answer_to(&f, other).payload, "3");
        if (i == 1) request(&f, "2", paused); /* the worker has begun to take at least once since the pause */
    }
    assert_int_equal(count_on(&f, REPLIES), 21);
    assert_int_equal(pouch_worker_resume(f.worker, WORK), POUCH_OK);
    assert_string_equal(answer_to(&f, paused).payload, "2");
    worker_end(&f);
    assert_int_equal(committed_by(&f, WORK ".workers"), 2);
    fixture_stop(&f);
}

/* acceptance: C36 */
static void a_topic_may_be_paused_before_the_worker_runs(void **state) {
    (void)state;
    static struct fixture f;
    char paused[ID_TEXT], other[ID_TEXT];
    fixture_start(&f, (const char *const[]){OTHER, NULL});
    worker_new(&f, NULL);
    assert_int_equal(pouch_worker_handle(f.worker, WORK, handle, NULL), POUCH_OK);
    assert_int_equal(pouch_worker_handle(f.worker, OTHER, handle, NULL), POUCH_OK);
    assert_int_equal(pouch_worker_pause(f.worker, WORK), POUCH_OK);
    request(&f, "2", paused);
    ask(&f, OTHER, (struct request){.payload = "3", .reply_topic = REPLIES}, other);
    assert_int_equal(pthread_create(&f.thread, NULL, worker_thread, &f), 0);
    assert_string_equal(answer_to(&f, other).payload, "3");
    assert_int_equal(count_on(&f, REPLIES), 1);
    assert_int_equal(pouch_worker_resume(f.worker, WORK), POUCH_OK);
    assert_string_equal(answer_to(&f, paused).payload, "2");
    worker_end(&f);
    fixture_stop(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_paused_topic_waits_while_others_go_on_and_is_taken_up_again),
        cmocka_unit_test(a_topic_may_be_paused_before_the_worker_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
