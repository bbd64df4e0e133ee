/* What a producer takes and keeps at most, and how long its end may last. */
#include <support.h>

#include "producer_bench.h"

#include <bus/topics.h>
#include <dirent.h>
#include <dlfcn.h>
#include <netdb.h>
#include <stdatomic.h>

static void a_full_queue_is_overloaded_and_takes_more_once_it_drains(void **state) {
    (void)state;
    struct bench *b = bench_new((const char *const[]){"kafka.queue.buffering.max.messages", "8", NULL});
    size_t sent = 0;
    rd_kafka_mock_broker_set_down(b->on.mock.cluster, 1);
    while (sent < 100 && !send_number(b, sent)) sent++;
    assert_int_equal(sent, 8);
    assert_int_equal(send_number(b, sent), POUCH_E_OVERLOADED);
    assert_int_equal(pl_producer_waiting(b->on.producer), 8);
    rd_kafka_mock_broker_set_up(b->on.mock.cluster, 1);
    wait_reported(b, 8);
    assert_int_equal(send_number(b, sent), POUCH_OK);
    wait_reported(b, 9);
    bench_free(b);
}

static pouch_err send_kilobyte(struct bench *b, size_t i) {
    static const char value[1024 - sizeof(size_t)];
    struct pl_record r = {.topic = "orders", .key = &i, .key_n = sizeof i, .value = value, .value_n = sizeof value};
    r.arg = &b->record[i];
    return pl_producer_send(b->on.producer, &r);
}

static size_t send_kilobytes_until_full(struct bench *b, size_t i) {
    pouch_err e;
    while (!(e = send_kilobyte(b, i))) i++;
    assert_int_equal(e, POUCH_E_OVERLOADED);
    return i;
}

static void what_librdkafka_has_and_what_waits_for_it_have_one_bound(void **state) {
    (void)state;
    enum { KBYTES = 100 };
    struct bench *b = bench_new((const char *const[]){"kafka.queue.buffering.max.kbytes", "100", NULL});
    assert_int_equal(send_kilobyte(b, 0), POUCH_OK);
    wait_reported(b, 1); /* so that the topic is known */
    rd_kafka_mock_broker_set_rtt(b->on.mock.cluster, 1, 300);
    size_t sent = send_kilobytes_until_full(b, 1);
    size_t full = pl_producer_waiting(b->on.producer);
    assert_true(full > KBYTES / 2 && full <= KBYTES);
    while (pl_producer_waiting(b->on.producer) == full) pl_producer_poll(b->on.producer);
    rd_kafka_mock_broker_set_rtt(b->on.mock.cluster, 1, 60000); /* librdkafka has all that waited */
    sent = send_kilobytes_until_full(b, sent);
    assert_true(pl_producer_waiting(b->on.producer) <= KBYTES);
    rd_kafka_mock_broker_set_rtt(b->on.mock.cluster, 1, 0);
    pl_producer_free(b->on.producer, 0);
    b->on.producer = NULL;
    assert_int_equal(b->reported, sent);
    bench_free(b);
}

static void fill_table(struct bench *b) {
    char name[32];
    for (size_t i = 0; i < PL_TOPICS_MAX; i++) {
        snprintf(name, sizeof name, "unknown-%zu", i);
        assert_int_equal(pl_producer_send(b->on.producer, &(struct pl_record){.topic = name}), POUCH_OK);
    }
}

/* Records of a topic that finds no place in the table go without a batch. */
static void more_topics_than_the_table_holds_are_served_over_a_rebuild(void **state) {
    (void)state;
    enum { COUNT = 200 };
    struct bench *b = bench_of(NULL, MANY);
    fill_table(b);
    b->resend = b->keyed = true;
    for (size_t i = 0; i < COUNT; i++) {
        if (i == COUNT / 2)
            rd_kafka_test_fatal_error(pl_producer_handle(b->on.producer), RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID,
                                      "a test");
        pouch_err e;
        while ((e = send_number(b, i)) == POUCH_E_OVERLOADED) pl_producer_poll(b->on.producer);
        assert_int_equal(e, POUCH_OK);
    }
    wait_reported(b, PL_TOPICS_MAX + COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(b->record[i].reports, 1);
        assert_int_equal(b->record[i].class, PL_KAFKA_OK);
    }
    bench_free(b);
}

static bool is_anew(void *arg) {
    struct bench *b = arg;
    pl_producer_poll(b->on.producer);
    return strcmp(rd_kafka_name(pl_producer_handle(b->on.producer)), b->name) != 0;
}

/* Only a new handle of librdkafka forgets topics. */
static void one_that_knows_too_many_topics_is_made_anew_when_nothing_waits(void **state) {
    (void)state;
    struct bench *b = bench_new((const char *const[]){"kafka.message.timeout.ms", "1000", NULL});
    snprintf(b->name, sizeof b->name, "%s", rd_kafka_name(pl_producer_handle(b->on.producer)));
    rd_kafka_mock_broker_set_down(b->on.mock.cluster, 1); /* or the mock makes all of these topics */
    fill_table(b);
    test_until(is_anew, b);
    assert_int_equal(b->reported, PL_TOPICS_MAX);
    assert_int_equal(send_number(b, 0), POUCH_OK);
    wait_reported(b, PL_TOPICS_MAX + 1);
    bench_free(b);
}

/* In place of the C library's: a name that is looked up for as long as the test wants. */
static const char SLOW_NAME[] = "slow.invalid";
static atomic_bool looking, found;

__attribute__((visibility("default"))) int getaddrinfo(const char *name, const char *service,
                                                       const struct addrinfo *hints, struct addrinfo **out) {
    typedef int look_up_fn(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    look_up_fn *look_up = (look_up_fn *)dlsym(RTLD_NEXT, "getaddrinfo");
    if (strcmp(name, SLOW_NAME) != 0) return look_up(name, service, hints, out);
    atomic_store(&looking, true);
    while (!atomic_load(&found)) poll(NULL, 0, 1);
    return EAI_FAIL;
}

static bool is_looking(void *arg) {
    (void)arg;
    return atomic_load(&looking);
}

static int threads(void) {
    DIR *tasks = opendir("/proc/self/task");
    assert_non_null(tasks);
    int n = 0;
    while (readdir(tasks)) n++;
    closedir(tasks);
    return n;
}

static bool are_gone(void *before) {
    return threads() <= *(int *)before;
}

static void closing_does_not_wait_for_a_thread_that_hangs(void **state) {
    (void)state;
    enum { COUNT = 10 };
    int before = threads();
    struct bench *b = bench_new((const char *const[]){"brokers", "slow.invalid:9092", NULL});
    for (size_t i = 0; i < COUNT; i++) assert_int_equal(send_number(b, i), POUCH_OK);
    test_until(is_looking, NULL);
    pl_producer_free(b->on.producer, 0);
    b->on.producer = NULL;
    assert_int_equal(b->reported, COUNT);
    for (size_t i = 0; i < COUNT; i++) assert_int_equal(b->record[i].class, PL_KAFKA_TRANSIENT);
    bench_free(b);
    atomic_store(&found, true); /* what the thread still uses goes when it does */
    test_until(are_gone, &before);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_queue_is_overloaded_and_takes_more_once_it_drains),
        cmocka_unit_test(what_librdkafka_has_and_what_waits_for_it_have_one_bound),
        cmocka_unit_test(more_topics_than_the_table_holds_are_served_over_a_rebuild),
        cmocka_unit_test(one_that_knows_too_many_topics_is_made_anew_when_nothing_waits),
        cmocka_unit_test(closing_does_not_wait_for_a_thread_that_hangs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
