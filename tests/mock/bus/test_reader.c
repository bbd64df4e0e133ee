/* Reading assigned partitions of the in-process cluster. */
#include <support.h>

#include <bus/reader.h>
#include <mock.h>

struct bench {
    struct test_mock mock;
    struct pl_settings settings;
    struct pl_kafka_health *health;
    struct pl_wake wake;
    struct pl_reader *reader;
    enum pl_reader_trouble trouble; /* the last one that was not NONE */
    enum pl_reader_trouble wanted;
    int64_t next[8]; /* offset expected of each partition */
    size_t taken, target;
    size_t batch;   /* how many are taken at a time */
    unsigned ended; /* a bit for each partition that was read to its end */
};

static struct bench *bench_new(int partitions) {
    struct bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    test_mock_start(&b->mock, 1);
    test_mock_topic(&b->mock, "replies", partitions);
    test_mock_settings(&b->mock, &b->settings);
    b->health = pl_kafka_health_new();
    assert_non_null(b->health);
    assert_int_equal(pl_wake_init(&b->wake), POUCH_OK);
    assert_int_equal(pl_reader_new(&b->reader, &b->settings, "test", true, b->health, &b->wake), POUCH_OK);
    b->batch = 500;
    return b;
}

static void bench_free(struct bench *b) {
    pl_reader_free(b->reader);
    pl_wake_free(&b->wake);
    pl_kafka_health_free(b->health);
    pl_settings_free(&b->settings);
    test_mock_stop(&b->mock);
    free(b);
}

static rd_kafka_t *plain_producer(struct bench *b) {
    char why[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    assert_int_equal(rd_kafka_conf_set(conf, "bootstrap.servers", b->mock.brokers, why, sizeof why), 0);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    assert_non_null(rk);
    return rk;
}

/* Stores count records with values of n bytes in a partition. */
static void fill(struct bench *b, int32_t partition, size_t count, size_t n) {
    char value[1024] = {0};
    rd_kafka_t *rk = plain_producer(b);
    for (size_t i = 0; i < count;) {
        rd_kafka_resp_err_t e =
            rd_kafka_producev(rk, RD_KAFKA_V_TOPIC("replies"), RD_KAFKA_V_PARTITION(partition),
                              RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_VALUE(value, n), RD_KAFKA_V_END);
        if (e) {
            assert_int_equal(e, RD_KAFKA_RESP_ERR__QUEUE_FULL);
            rd_kafka_poll(rk, 10);
        } else
            i++;
    }
    assert_int_equal(rd_kafka_flush(rk, TEST_UNTIL_MS), 0);
    rd_kafka_destroy(rk);
}

/* Takes once; every offset must be the one expected. */
static size_t take(struct bench *b) {
    rd_kafka_message_t *m[500];
    enum pl_reader_trouble trouble;
    size_t n = pl_reader_take(b->reader, m, b->batch, &trouble);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(m[i]->err, 0);
        assert_int_equal(m[i]->offset, b->next[m[i]->partition]);
        b->next[m[i]->partition]++;
        rd_kafka_message_destroy(m[i]);
    }
    if (trouble) b->trouble = trouble;
    b->taken += n;
    return n;
}

static bool has_taken(void *arg) {
    struct bench *b = arg;
    while (b->taken < b->target && take(b))
        ;
    return b->taken >= b->target;
}

static void take_until(struct bench *b, size_t n) {
    b->target = n;
    test_until(has_taken, b);
    assert_int_equal(b->taken, n);
}

static void assign(struct bench *b, const struct pl_position *p, size_t n, bool from_start) {
    assert_int_equal(pl_reader_assign(b->reader, "replies", p, n, from_start), POUCH_OK);
}

static void reading_starts_at_the_offsets_given(void **state) {
    (void)state;
    struct bench *b = bench_new(3);
    const struct pl_position at[] = {{0, 5}, {1, RD_KAFKA_OFFSET_BEGINNING}, {2, 10}};
    for (int32_t i = 0; i < 3; i++) fill(b, i, 10, 8);
    b->next[0] = 5;
    b->next[2] = 10;
    assign(b, at, 3, false);
    take_until(b, 15);
    fill(b, 2, 3, 8); /* what comes later is read too */
    take_until(b, 18);
    bench_free(b);
}

/* The mock keeps the newest 5 MiB of a partition. */
static void a_partition_whose_first_records_are_gone_is_read_from_where_it_begins(void **state) {
    (void)state;
    enum { COUNT = 8000 };
    struct bench *b = bench_new(1);
    const struct pl_position at = {0, RD_KAFKA_OFFSET_BEGINNING};
    int64_t end;
    for (int i = 0; i < COUNT / 1000; i++) fill(b, 0, 1000, 1024);
    rd_kafka_t *rk = plain_producer(b);
    assert_int_equal(rd_kafka_query_watermark_offsets(rk, "replies", 0, &b->next[0], &end, TEST_UNTIL_MS), 0);
    rd_kafka_destroy(rk);
    assert_true(b->next[0] > 0 && end == COUNT);
    assign(b, &at, 1, false);
    take_until(b, (size_t)(end - b->next[0]));
    bench_free(b);
}

static void taking_never_waits(void **state) {
    (void)state;
    struct bench *b = bench_new(1);
    const struct pl_position at = {0, 0};
    assign(b, &at, 1, false);
    int longer = 0; /* than 1 ms, the shortest wait there is; some do on a busy machine */
    for (int i = 0; i < 10000; i++) {
        int64_t start = pl_mono_us(&pl_clock_system);
        assert_int_equal(take(b), 0);
        longer += pl_mono_us(&pl_clock_system) - start >= 1000;
    }
    assert_true(longer < 5000);
    bench_free(b);
}

static void a_full_batch_leaves_the_wake_signalled(void **state) {
    (void)state;
    struct bench *b = bench_new(1);
    const struct pl_position at = {0, 0};
    fill(b, 0, 30, 8);
    b->batch = 3;
    assign(b, &at, 1, false);
    while (b->taken < 30) {
        struct pollfd p = {b->wake.fd, POLLIN, 0};
        assert_int_equal(poll(&p, 1, TEST_UNTIL_MS), 1);
        pl_wake_clear(&b->wake);
        take(b);
    }
    bench_free(b);
}

static void a_new_assignment_goes_on_where_reading_is(void **state) {
    (void)state;
    struct bench *b = bench_new(2);
    const struct pl_position one = {0, 0}, both[] = {{0, 0}, {1, 0}};
    fill(b, 0, 100, 8);
    fill(b, 1, 100, 8);
    b->batch = 7; /* so that records of the old assignment are still queued */
    assign(b, &one, 1, false);
    b->target = 49;
    test_until(has_taken, b);
    assign(b, both, 2, false);
    take_until(b, 200);
    assert_int_equal(b->next[0], 100);
    assert_int_equal(b->next[1], 100);
    bench_free(b);
}

static void from_start_reads_again(void **state) {
    (void)state;
    struct bench *b = bench_new(1);
    const struct pl_position at = {0, 0};
    fill(b, 0, 20, 8);
    assign(b, &at, 1, false);
    take_until(b, 20);
    b->next[0] = 0;
    assign(b, &at, 1, true);
    take_until(b, 40);
    bench_free(b);
}

static void an_offset_out_of_range_means_the_earliest(void **state) {
    (void)state;
    struct bench *b = bench_new(1);
    const struct pl_position at = {0, 1000};
    fill(b, 0, 20, 8);
    assign(b, &at, 1, false);
    take_until(b, 20);
    bench_free(b);
}

static bool in_trouble(void *arg) {
    struct bench *b = arg;
    take(b);
    return b->trouble == b->wanted;
}

static void on_end(int32_t partition, void *arg) {
    struct bench *b = arg;
    b->ended |= 1u << partition;
}

static bool all_ended(void *arg) {
    struct bench *b = arg;
    take(b);
    return b->ended == 7;
}

static void the_end_of_each_partition_is_told(void **state) {
    (void)state;
    struct bench *b = bench_new(3);
    const struct pl_position at[] = {{0, 0}, {1, 0}, {2, 0}}; /* the last one is empty */
    fill(b, 0, 10, 8);
    fill(b, 1, 5, 8);
    pl_reader_free(b->reader);
    assert_int_equal(pl_reader_new_to_end(&b->reader, &b->settings, "test", true, b->health, &b->wake, on_end, b),
                     POUCH_OK);
    assign(b, at, 3, false);
    test_until(all_ended, b);
    assert_int_equal(b->taken, 15);
    bench_free(b);
}

static void a_topic_that_is_gone_is_trouble(void **state) {
    (void)state;
    struct bench *b = bench_new(1);
    const struct pl_position at = {0, 0};
    fill(b, 0, 3, 8);
    assign(b, &at, 1, false);
    take_until(b, 3);
    rd_kafka_mock_topic_set_error(b->mock.cluster, "replies", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    b->wanted = PL_READER_TOPIC_GONE;
    test_until(in_trouble, b); /* within topic.metadata.refresh.interval.ms */
    bench_free(b);
}

static void reading_goes_on_where_it_was_when_the_topic_is_known_again(void **state) {
    (void)state;
    struct bench *b = bench_new(1);
    const struct pl_position at = {0, 0};
    fill(b, 0, 3, 8);
    assign(b, &at, 1, false);
    take_until(b, 3);
    rd_kafka_mock_topic_set_error(b->mock.cluster, "replies", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    b->wanted = PL_READER_TOPIC_GONE;
    test_until(in_trouble, b);
    rd_kafka_mock_topic_set_error(b->mock.cluster, "replies", RD_KAFKA_RESP_ERR_NO_ERROR);
    fill(b, 0, 3, 8);
    take_until(b, 6);
    bench_free(b);
}

static void a_topic_that_refuses_us_is_trouble_and_skips_nothing(void **state) {
    (void)state;
    struct bench *b = bench_new(1);
    const struct pl_position at = {0, 0};
    fill(b, 0, 3, 8);
    rd_kafka_mock_push_request_errors(b->mock.cluster, TEST_API_FETCH, 1, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    b->wanted = PL_READER_REFUSED;
    assign(b, &at, 1, false);
    test_until(in_trouble, b);
    take_until(b, 3);
    bench_free(b);
}

static bool is_down(void *arg) {
    struct bench *b = arg;
    take(b);
    return pl_kafka_all_down(b->health);
}

static void reading_goes_on_after_the_broker_was_down(void **state) {
    (void)state;
    struct bench *b = bench_new(1);
    const struct pl_position at = {0, 0};
    fill(b, 0, 10, 8);
    assign(b, &at, 1, false);
    take_until(b, 10);
    rd_kafka_mock_broker_set_down(b->mock.cluster, 1);
    test_until(is_down, b);
    rd_kafka_mock_broker_set_up(b->mock.cluster, 1);
    fill(b, 0, 10, 8);
    take_until(b, 20);
    assert_false(pl_kafka_all_down(b->health));
    bench_free(b);
}

/* Batches of random size with random pauses between them; take() checks every offset. */
static bool takes_unevenly(void *arg) {
    struct bench *b = arg;
    static unsigned seed = 7;
    seed = seed * 1103515245u + 12345u;
    b->batch = 1 + (seed >> 16) % 500;
    if ((seed >> 16) % 8) take(b);
    return b->taken >= b->target;
}

static void no_record_is_skipped_under_backpressure(void **state) {
    (void)state;
    enum { PARTITIONS = 4, EACH = 50000 };
    struct bench *b = bench_new(PARTITIONS);
    struct pl_position at[PARTITIONS];
    for (int32_t i = 0; i < PARTITIONS; i++) {
        at[i] = (struct pl_position){i, 0};
        fill(b, i, EACH, 16);
    }
    assign(b, at, PARTITIONS, false);
    b->target = (size_t)PARTITIONS * EACH;
    for (int i = 0; i < 20; i++) { /* and the assignment is renewed on the way */
        b->target = (size_t)PARTITIONS * EACH * (size_t)(i + 1) / 20;
        test_until(takes_unevenly, b);
        assign(b, at, PARTITIONS, false);
    }
    for (int i = 0; i < PARTITIONS; i++) assert_int_equal(b->next[i], EACH);
    bench_free(b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reading_starts_at_the_offsets_given),
        cmocka_unit_test(a_partition_whose_first_records_are_gone_is_read_from_where_it_begins),
        cmocka_unit_test(taking_never_waits),
        cmocka_unit_test(a_full_batch_leaves_the_wake_signalled),
        cmocka_unit_test(a_new_assignment_goes_on_where_reading_is),
        cmocka_unit_test(from_start_reads_again),
        cmocka_unit_test(an_offset_out_of_range_means_the_earliest),
        cmocka_unit_test(the_end_of_each_partition_is_told),
        cmocka_unit_test(a_topic_that_is_gone_is_trouble),
        cmocka_unit_test(reading_goes_on_where_it_was_when_the_topic_is_known_again),
        cmocka_unit_test(a_topic_that_refuses_us_is_trouble_and_skips_nothing),
        cmocka_unit_test(reading_goes_on_after_the_broker_was_down),
        cmocka_unit_test(no_record_is_skipped_under_backpressure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
