/* Partitions that move to another member while requests of them are in flight. */
#include <support.h>

#include "fixture.h"

enum { REQUESTS = 8 };

static struct gate gate = GATE_CLOSED;
static atomic_int calls;

static void handle(pouch_job *job, void *arg) {
    (void)arg;
    atomic_fetch_add(&calls, 1);
    gate_pass(&gate);
    echo(job);
}

static bool all_are_inside(void *unused) {
    (void)unused;
    return gate_inside(&gate) == REQUESTS;
}

struct second {
    pouch_worker *worker;
    pthread_t thread;
    pouch_err ran;
};

static void *run_second(void *arg) {
    struct second *s = arg;
    s->ran = pouch_worker_run(s->worker);
    return NULL;
}

/* A second worker of the same group. */
static void second_start(struct fixture *f, struct second *s, const char *const settings[]) {
    pouch_worker *first = f->worker;
    worker_new(f, settings);
    s->worker = f->worker;
    f->worker = first;
    assert_int_equal(pouch_worker_handle(s->worker, WORK, handle, NULL), POUCH_OK);
    assert_int_equal(pthread_create(&s->thread, NULL, run_second, s), 0);
}

/* How often a handler runs is not asked afterwards: unlike a broker, the mock takes no commit during a rebalance. */
static void what_is_in_flight_is_finished_before_its_partition_moves(void **state) {
    enum { LOOKS = 600 };
    const char *const settings[] = {"worker.concurrency",          "16",  "drain", "60s", "handler.timeout", "2m",
                                    "kafka.heartbeat.interval.ms", "500", NULL};
    struct fixture f;
    struct second second;
    char ids[REQUESTS][ID_TEXT];
    (void)state;
    fixture_start(&f, NULL);
    worker_start(&f, settings, handle, NULL);
    for (int i = 0; i < REQUESTS; i++) request(&f, "1", ids[i]);
    test_until(all_are_inside, NULL);
    second_start(&f, &second, settings);
    for (int i = 0; i < LOOKS; i++) tap(&f); /* 12 s: by then another member would have them all */
    assert_int_equal(atomic_load(&calls), REQUESTS);
    gate_set(&gate, true);
    for (int i = 0; i < REQUESTS; i++) assert_true(answer_to(&f, ids[i]).success);
    for (int i = 0; i < REQUESTS; i++) request(&f, "2", ids[i]);
    for (int i = 0; i < REQUESTS; i++) assert_true(answer_to(&f, ids[i]).success);
    pouch_worker_stop(second.worker);
    pthread_join(second.thread, NULL);
    assert_int_equal(second.ran, POUCH_OK);
    pouch_worker_free(second.worker);
    fixture_end(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_in_flight_is_finished_before_its_partition_moves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
