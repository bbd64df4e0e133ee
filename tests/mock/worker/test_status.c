/* What a worker tells other threads of itself while it runs. */
#include <support.h>

#include "fixture.h"

#include <worker/status.h>

enum { BROKER_LETTERS = 2, BROKERS = BROKER_LETTERS };

static struct fixture fixture;
static struct gate gate = GATE_CLOSED;
static struct pl_status_facts facts; /* as last read */

static void handle(pouch_job *job, void *arg) {
    (void)arg;
    gate_pass(&gate);
    echo(job);
}

static int start(void **state) {
    (void)state;
    gate.open = false;
    fixture_cluster(&fixture, BROKERS, NULL);
    rd_kafka_mock_partition_set_leader(fixture.mock.cluster, WORK, 0, 1);
    rd_kafka_mock_partition_set_leader(fixture.mock.cluster, REPLIES, 0, 1);
    rd_kafka_mock_partition_set_leader(fixture.mock.cluster, LETTERS, 0, BROKER_LETTERS);
    fixture_connect(&fixture);
    worker_start(&fixture, (const char *const[]){"group", "gang", "worker.concurrency", "1", NULL}, handle, NULL);
    return 0;
}

static int stop(void **state) {
    (void)state;
    pouch_worker_free(fixture.worker);
    fixture_stop(&fixture);
    return 0;
}

static const struct pl_status_facts *look(void) {
    pl_status_read(pl_worker_status(fixture.worker), &facts);
    return &facts;
}

static bool is_settled(void *unused) {
    (void)unused;
    return look()->settled;
}

static bool holds(void *n) {
    return look()->work.in_flight == *(const size_t *)n;
}

/* One whose dead letter is refused for a while; and another, where that was over before it was seen. */
static bool one_is_held(void *sent) {
    size_t *n = sent;
    tap(&fixture);
    if (count_on(&fixture, LETTERS) == *n) {
        for (int i = 0; i < 6; i++)
            rd_kafka_mock_broker_push_request_error_rtts(fixture.mock.cluster, BROKER_LETTERS, TEST_API_PRODUCE, 1,
                                                         RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, 0);
        produce(&fixture, WORK, "garbage", 7, NULL);
        ++*n;
    }
    return look()->n_held == 1;
}

static bool is_free(void *unused) {
    (void)unused;
    return look()->settled && look()->n_held == 0;
}

static bool in_trouble(void *unused) {
    (void)unused;
    return look()->trouble[0] != 0;
}

static bool out_of_trouble(void *unused) {
    (void)unused;
    return look()->trouble[0] == 0;
}

static bool is_stopping(void *unused) {
    (void)unused;
    return look()->work.phase == PL_PHASE_STOPPING;
}

static void finish(void) {
    gate_set(&gate, true);
    worker_stop(&fixture);
}

static void what_is_in_flight_and_which_is_the_oldest(void **state) {
    (void)state;
    char id[ID_TEXT];
    size_t three = 3, none = 0;
    test_until(is_settled, NULL);
    assert_string_equal(facts.group, "gang");
    assert_int_equal(facts.work.phase, PL_PHASE_WORKING);
    for (int i = 0; i < 3; i++) request(&fixture, "1", id);
    test_until(holds, &three);
    assert_string_equal(facts.work.oldest, WORK "/0/0");
    assert_true(facts.work.oldest_us > 0 && facts.work.oldest_us <= facts.at_us);
    assert_true(facts.work.bytes > 0 && facts.work.bytes < facts.work.bytes_most);
    assert_int_equal(facts.n_partitions, 1);
    assert_string_equal(facts.partitions[0].topic, WORK);
    assert_int_equal(facts.partitions[0].in_flight, 3);
    assert_int_equal(facts.partitions[0].position, 3);
    gate_set(&gate, true);
    test_until(holds, &none);
    assert_int_equal(facts.work.oldest_us, 0);
    assert_string_equal(facts.work.oldest, "");
    finish();
}

static void a_partition_that_waits_for_its_dead_letter(void **state) {
    size_t sent = 0;
    (void)state;
    test_until(is_settled, NULL);
    test_until(one_is_held, &sent);
    assert_true(facts.partitions[0].held);
    test_until(is_free, NULL);
    finish();
}

/* Nobody sends anything: it finds out by itself that they are back. */
static void brokers_that_go_and_come_back(void **state) {
    (void)state;
    test_until(is_settled, NULL);
    assert_string_equal(facts.trouble, "");
    for (int b = 1; b <= BROKERS; b++) rd_kafka_mock_broker_set_down(fixture.mock.cluster, b);
    test_until(in_trouble, NULL);
    assert_non_null(strstr(facts.trouble, "no broker answers at"));
    for (int b = 1; b <= BROKERS; b++) rd_kafka_mock_broker_set_up(fixture.mock.cluster, b);
    test_until(out_of_trouble, NULL);
    finish();
}

static void a_worker_that_is_stopping(void **state) {
    (void)state;
    char id[ID_TEXT];
    size_t one = 1;
    request(&fixture, "1", id);
    test_until(holds, &one);
    pouch_worker_stop(fixture.worker);
    test_until(is_stopping, NULL);
    gate_set(&gate, true);
    worker_join(&fixture);
}

static void nothing_is_told_before_it_runs(void **state) {
    (void)state;
    struct fixture f = {.ring = fixture_ring(TEST_KEY), .mock.brokers = "127.0.0.1:1"};
    worker_new(&f, NULL);
    pl_status_read(pl_worker_status(f.worker), &facts);
    assert_int_equal(facts.at_us, 0);
    assert_int_equal(facts.work.phase, PL_PHASE_STARTING);
    assert_false(facts.settled);
    pouch_worker_free(f.worker);
    pouch_keyring_free(f.ring);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_in_flight_and_which_is_the_oldest, start, stop),
        cmocka_unit_test_setup_teardown(a_partition_that_waits_for_its_dead_letter, start, stop),
        cmocka_unit_test_setup_teardown(brokers_that_go_and_come_back, start, stop),
        cmocka_unit_test_setup_teardown(a_worker_that_is_stopping, start, stop),
        cmocka_unit_test(nothing_is_told_before_it_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
