/* The producer against the in-process cluster: what becomes of each record, whatever the broker says. */
#include <support.h>

#include "producer_bench.h"

#include <base/why.h>
#include <dirent.h>
#include <metrics/metrics.h>
#include <plain.h>
#include <pthread.h>
#include <sched.h>

/* A plain consumer of partition 0, to see what was stored. */
static rd_kafka_t *open_orders(struct bench *b) {
    char why[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    assert_int_equal(rd_kafka_conf_set(conf, "bootstrap.servers", b->on.mock.brokers, why, sizeof why), 0);
    assert_int_equal(rd_kafka_conf_set(conf, "group.id", "look", why, sizeof why), 0);
    assert_int_equal(rd_kafka_conf_set(conf, "fetch.wait.max.ms", "1", why, sizeof why), 0);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
    assert_non_null(rk);
    rd_kafka_topic_partition_list_add(list, "orders", 0)->offset = RD_KAFKA_OFFSET_BEGINNING;
    assert_int_equal(rd_kafka_assign(rk, list), 0);
    rd_kafka_topic_partition_list_destroy(list);
    return rk;
}

static rd_kafka_message_t *next(rd_kafka_t *rk) {
    rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, TEST_UNTIL_MS);
    assert_non_null(m);
    assert_int_equal(m->err, 0);
    return m;
}

static void a_record_arrives_byte_for_byte(void **state) {
    (void)state;
    struct bench *b = bench_new(NULL);
    const struct pl_header headers[] = {
        {"twice", "a", 1}, {"null", NULL, 0}, {"empty", "", 0}, {"twice", "b\0c", 3}, {"", "no name", 7}};
    struct pl_record r = {.topic = "orders",
                          .key = "k\0y",
                          .key_n = 3,
                          .value = "v\0lue",
                          .value_n = 5,
                          .headers = headers,
                          .n_headers = 5};
    r.arg = &b->record[0];
    assert_int_equal(pl_producer_send(b->on.producer, &r), POUCH_OK);
    wait_reported(b, 1);
    assert_int_equal(b->record[0].class, PL_KAFKA_OK);
    assert_true(b->record[0].at_ms > 0);

    rd_kafka_t *rk = open_orders(b);
    rd_kafka_message_t *m = next(rk);
    rd_kafka_headers_t *got;
    assert_int_equal(m->key_len, 3);
    assert_memory_equal(m->key, "k\0y", 3);
    assert_int_equal(m->len, 5);
    assert_memory_equal(m->payload, "v\0lue", 5);
    assert_int_equal(rd_kafka_message_headers(m, &got), 0);
    assert_int_equal(rd_kafka_header_cnt(got), 5);
    for (size_t i = 0; i < 5; i++) {
        const char *name;
        const void *value;
        size_t n;
        assert_int_equal(rd_kafka_header_get_all(got, i, &name, &value, &n), 0);
        assert_string_equal(name, headers[i].name);
        assert_int_equal(n, headers[i].n);
        assert_int_equal(!value, !headers[i].value);
        if (n) assert_memory_equal(value, headers[i].value, n);
    }
    rd_kafka_message_destroy(m);
    rd_kafka_destroy(rk);
    bench_free(b);
}

static void missing_and_empty_keys_and_values_stay_apart(void **state) {
    (void)state;
    static const struct { const char *key, *value; } rows[] = {{NULL, ""}, {"", NULL}, {NULL, NULL}, {"", ""}};
    struct bench *b = bench_new(NULL);
    for (size_t i = 0; i < 4; i++) {
        struct pl_record r = {.topic = "orders", .key = rows[i].key, .value = rows[i].value, .arg = &b->record[i]};
        assert_int_equal(pl_producer_send(b->on.producer, &r), POUCH_OK);
    }
    wait_reported(b, 4);
    rd_kafka_t *rk = open_orders(b);
    for (size_t i = 0; i < 4; i++) {
        rd_kafka_message_t *m = next(rk);
        assert_int_equal(!m->key, !rows[i].key);
        assert_int_equal(!m->payload, !rows[i].value);
        assert_int_equal(m->key_len + m->len, 0);
        rd_kafka_message_destroy(m);
    }
    rd_kafka_destroy(rk);
    bench_free(b);
}

static void each_broker_error_has_its_outcome(void **state) {
    (void)state;
    static const struct {
        rd_kafka_resp_err_t pushed;
        enum pl_kafka_class class; /* OK: sent again by librdkafka until it is stored */
        bool rebuilt;
    } rows[] = {
        {RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, PL_KAFKA_OK, false},
        {RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, PL_KAFKA_OK, false},
        {RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND, PL_KAFKA_OK, false},
        {RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR, PL_KAFKA_OK, false},
        {RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, PL_KAFKA_OK, false},
        {RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, PL_KAFKA_OK, false},
        {RD_KAFKA_RESP_ERR__TRANSPORT, PL_KAFKA_OK, false},
        {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, PL_KAFKA_PERMANENT, false},
        {RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE, PL_KAFKA_PERMANENT, false},
        {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, PL_KAFKA_PERMANENT, false},
        {RD_KAFKA_RESP_ERR_INVALID_RECORD, PL_KAFKA_PERMANENT, false},
        {RD_KAFKA_RESP_ERR_POLICY_VIOLATION, PL_KAFKA_PERMANENT, false},
        {RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP, PL_KAFKA_PERMANENT, false},
        {RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, PL_KAFKA_TRANSIENT, true},
        {RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, PL_KAFKA_TRANSIENT, false}, /* librdkafka takes a new epoch */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bench *b = bench_new((const char *const[]){"kafka.retry.backoff.ms", "1", NULL});
        int64_t rebuilds = pl_metric_get(PL_M_PRODUCER_REBUILDS);
        assert_int_equal(send_number(b, 0), POUCH_OK);
        wait_reported(b, 1); /* so that the error meets a producer that has its id and topic */
        rd_kafka_mock_push_request_errors(b->on.mock.cluster, TEST_API_PRODUCE, 1, rows[i].pushed);
        assert_int_equal(send_number(b, 1), POUCH_OK);
        wait_reported(b, 2);
        int64_t rebuilt = pl_metric_get(PL_M_PRODUCER_REBUILDS) - rebuilds;
        if (b->record[1].reports != 1 || b->record[1].class != rows[i].class || rebuilt != rows[i].rebuilt)
            fail_msg("%s: class %d, error %s, %d rebuilds", rd_kafka_err2name(rows[i].pushed), b->record[1].class,
                     rd_kafka_err2name(b->record[1].error), (int)rebuilt);
        bench_free(b);
    }
}

/* The first of them goes alone, the others together once that has been reported. */
static void what_is_refused_for_the_size_of_its_batch_is_stored_with_all_it_has(void **state) {
    (void)state;
    enum { N = 20 };
    struct bench *b = bench_new(NULL);
    bool seen[N] = {false};
    assert_int_equal(send_number(b, N), POUCH_OK);
    wait_reported(b, 1);
    rd_kafka_mock_push_request_errors(b->on.mock.cluster, TEST_API_PRODUCE, 2, RD_KAFKA_RESP_ERR_NO_ERROR,
                                      RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
    for (size_t i = 0; i < N; i++) {
        char text[24];
        size_t n = (size_t)snprintf(text, sizeof text, "%zu", i);
        const struct pl_header header = {"number", text, n};
        const struct pl_record r = {.topic = "orders",
                                    .key = "k",
                                    .key_n = 1,
                                    .value = text,
                                    .value_n = n,
                                    .headers = &header,
                                    .n_headers = 1,
                                    .arg = &b->record[i]};
        assert_int_equal(pl_producer_send(b->on.producer, &r), POUCH_OK);
    }
    wait_reported(b, 1 + N);
    rd_kafka_t *rk = open_orders(b);
    rd_kafka_message_destroy(next(rk));
    for (size_t i = 0; i < N; i++) {
        rd_kafka_message_t *m = next(rk);
        const char *number = header_of(m, "number");
        size_t at = strtoul(number, NULL, 10);
        assert_int_equal(m->len, strlen(number));
        assert_memory_equal(m->payload, number, m->len);
        assert_memory_equal(m->key, "k", m->key_len);
        assert_true(at < N && !seen[at]);
        seen[at] = true;
        assert_int_equal(b->record[at].reports, 1);
        assert_int_equal(b->record[at].class, PL_KAFKA_OK);
        rd_kafka_message_destroy(m);
    }
    rd_kafka_destroy(rk);
    bench_free(b);
}

static void a_topic_that_does_not_exist_is_told_by_the_report_and_then_at_once(void **state) {
    (void)state;
    struct bench *b = bench_new(NULL);
    rd_kafka_mock_topic_set_error(b->on.mock.cluster, "orders", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    assert_int_equal(send_number(b, 0), POUCH_OK);
    wait_reported(b, 1);
    assert_int_equal(b->record[0].class, PL_KAFKA_PERMANENT);
    assert_int_equal(send_number(b, 1), POUCH_E_TARGET_REFUSED);
    assert_non_null(strstr(pouch_why(), "orders"));
    assert_int_equal(pl_producer_waiting(b->on.producer), 0);
    bench_free(b);
}

static bool is_taken_again(void *arg) {
    struct bench *b = arg;
    return send_number(b, 2) == POUCH_OK;
}

/* Each refusal costs all topics that are written to. */
static void a_topic_that_refuses_us_is_not_tried_again_for_a_while(void **state) {
    (void)state;
    enum { WHILE_US = 5000000 };
    struct bench *b = bench_new(NULL);
    const struct rd_kafka_metadata *m;
    assert_int_equal(send_number(b, 0), POUCH_OK);
    wait_reported(b, 1);
    int64_t before = pl_mono_us(&pl_clock_system);
    rd_kafka_mock_push_request_errors(b->on.mock.cluster, TEST_API_PRODUCE, 1,
                                      RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    assert_int_equal(send_number(b, 1), POUCH_OK);
    wait_reported(b, 2);
    assert_int_equal(b->record[1].class, PL_KAFKA_PERMANENT);
    assert_int_equal(rd_kafka_metadata(pl_producer_handle(b->on.producer), 1, NULL, &m, TEST_UNTIL_MS),
                     0); /* it is there */
    rd_kafka_metadata_destroy(m);
    pouch_err e = send_number(b, 2);
    if (e) {
        assert_int_equal(e, POUCH_E_NOT_ALLOWED);
        test_until(is_taken_again, b);
    } else { /* this thread stood still for that while */
        assert_true(pl_mono_us(&pl_clock_system) - before >= WHILE_US);
    }
    wait_reported(b, 3);
    assert_int_equal(b->record[2].class, PL_KAFKA_OK);
    bench_free(b);
}

static void a_record_of_the_limit_is_taken_and_one_byte_more_is_not(void **state) {
    (void)state;
    struct bench *b = bench_new((const char *const[]){"kafka.message.max.bytes", "20000", NULL});
    const struct pl_header headers[] = {{"name", "value", 5}, {"", NULL, 0}};
    const size_t of_headers = (4 + 5 + PL_HEADER_BYTES) + PL_HEADER_BYTES;
    size_t limit = pl_producer_limit(b->on.producer);
    char *value = calloc(1, limit);
    assert_non_null(value);
    struct pl_record r = {.topic = "orders", .key = "key", .key_n = 3, .value = value, .arg = &b->record[0]};
    r.value_n = limit - 3 + 1;
    assert_int_equal(pl_producer_send(b->on.producer, &r), POUCH_E_TOO_LARGE);
    r.value_n = limit - 3;
    assert_int_equal(pl_producer_send(b->on.producer, &r), POUCH_OK);
    r.headers = headers;
    r.n_headers = 2;
    r.value_n = limit - 3 - of_headers;
    r.arg = &b->record[1];
    assert_int_equal(pl_producer_send(b->on.producer, &r), POUCH_OK);
    wait_reported(b, 2);
    assert_int_equal(b->record[0].class, PL_KAFKA_OK);
    assert_int_equal(b->record[1].class, PL_KAFKA_OK);
    free(value);
    bench_free(b);
}

static void a_record_for_which_there_can_be_no_room_is_too_large(void **state) {
    (void)state;
    struct bench *b = bench_new((const char *const[]){"kafka.queue.buffering.max.kbytes", "16", NULL});
    char value[16 * 1024 + 1] = {0};
    struct pl_record r = {.topic = "orders", .value = value, .value_n = sizeof value, .arg = &b->record[0]};
    assert_int_equal(pl_producer_send(b->on.producer, &r), POUCH_E_TOO_LARGE);
    r.value_n--;
    assert_int_equal(pl_producer_send(b->on.producer, &r), POUCH_OK);
    wait_reported(b, 1);
    assert_int_equal(b->record[0].class, PL_KAFKA_OK);
    bench_free(b);
}

static void a_delivery_signals_the_wake(void **state) {
    (void)state;
    struct bench *b = bench_new(NULL);
    assert_int_equal(send_number(b, 0), POUCH_OK);
    while (!b->reported) { /* other events may signal too */
        struct pollfd p = {b->on.wake.fd, POLLIN, 0};
        assert_int_equal(poll(&p, 1, TEST_UNTIL_MS), 1);
        pl_wake_clear(&b->on.wake);
        pl_producer_poll(b->on.producer);
    }
    bench_free(b);
}

static void after_a_fatal_error_every_record_ends_once_and_is_stored(void **state) {
    (void)state;
    enum { COUNT = 2000 };
    struct bench *b = bench_new((const char *const[]){"kafka.retry.backoff.ms", "1", NULL});
    int64_t rebuilds = pl_metric_get(PL_M_PRODUCER_REBUILDS);
    static bool stored[COUNT];
    memset(stored, 0, sizeof stored);
    b->resend = true;
    for (size_t i = 0; i < COUNT; i++) {
        if (i == 500)
            rd_kafka_mock_push_request_errors(b->on.mock.cluster, TEST_API_PRODUCE, 1,
                                              RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
        if (i == 1500)
            rd_kafka_test_fatal_error(pl_producer_handle(b->on.producer), RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID,
                                      "a test");
        pouch_err e;
        while ((e = send_number(b, i)) == POUCH_E_OVERLOADED) pl_producer_poll(b->on.producer);
        assert_int_equal(e, POUCH_OK);
    }
    wait_reported(b, COUNT);
    assert_true(pl_metric_get(PL_M_PRODUCER_REBUILDS) > rebuilds);

    size_t left = COUNT;
    rd_kafka_t *rk = open_orders(b);
    while (left) {
        rd_kafka_message_t *m = next(rk);
        char text[24];
        snprintf(text, sizeof text, "%.*s", (int)m->len, (const char *)m->payload);
        size_t i = strtoul(text, NULL, 10);
        assert_true(i < COUNT);
        left -= !stored[i];
        stored[i] = true;
        rd_kafka_message_destroy(m);
    }
    rd_kafka_destroy(rk);
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(b->record[i].reports, 1);
        assert_int_equal(b->record[i].class, PL_KAFKA_OK);
    }
    bench_free(b);
}

static void a_taken_handle_outlives_a_rebuild(void **state) {
    (void)state;
    struct bench *b = bench_new(NULL);
    rd_kafka_t *taken = pl_producer_take(b->on.producer);
    const struct rd_kafka_metadata *m;
    assert_ptr_equal(taken, pl_producer_handle(b->on.producer));
    rd_kafka_test_fatal_error(taken, RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, "a test");
    pl_producer_poll(b->on.producer);
    assert_ptr_not_equal(taken, pl_producer_handle(b->on.producer));
    assert_int_equal(rd_kafka_metadata(taken, 1, NULL, &m, TEST_UNTIL_MS), 0);
    rd_kafka_metadata_destroy(m);
    pl_producer_give(taken);
    assert_int_equal(send_number(b, 0), POUCH_OK);
    wait_reported(b, 1);
    assert_int_equal(b->record[0].class, PL_KAFKA_OK);
    bench_free(b);
}

static void closing_reports_what_is_left_as_transient(void **state) {
    (void)state;
    struct bench *b = bench_new(NULL);
    rd_kafka_mock_broker_set_down(b->on.mock.cluster, 1);
    for (size_t i = 0; i < 10; i++) assert_int_equal(send_number(b, i), POUCH_OK);
    pl_producer_free(b->on.producer, 0);
    b->on.producer = NULL;
    assert_int_equal(b->reported, 10);
    for (size_t i = 0; i < 10; i++) {
        assert_int_equal(b->record[i].reports, 1);
        assert_int_equal(b->record[i].class, PL_KAFKA_TRANSIENT);
    }
    bench_free(b);
}

static void closing_with_time_lets_records_arrive(void **state) {
    (void)state;
    struct bench *b = bench_new(NULL);
    for (size_t i = 0; i < 10; i++) assert_int_equal(send_number(b, i), POUCH_OK);
    pl_producer_free(b->on.producer, TEST_UNTIL_MS);
    b->on.producer = NULL;
    assert_int_equal(b->reported, 10);
    for (size_t i = 0; i < 10; i++) assert_int_equal(b->record[i].class, PL_KAFKA_OK);
    bench_free(b);
}

/* One record, so that the producer has its id and knows how many partitions there are. */
static struct bench *bench_of_many_partitions(void) {
    struct bench *b = bench_of((const char *const[]){"kafka.retry.backoff.ms", "1", NULL}, MANY);
    b->keyed = true;
    assert_int_equal(send_number(b, MOST - 1), POUCH_OK);
    wait_reported(b, 1);
    return b;
}

static void closing_reports_once_each_what_waits_for(enum pl_goes goes) {
    enum { COUNT = 500 };
    struct bench *b = bench_of_many_partitions();
    b->goes = goes;
    rd_kafka_mock_broker_set_rtt(b->on.mock.cluster, 1, 60000);
    for (size_t i = 0; i < COUNT; i++) assert_int_equal(send_number(b, i), POUCH_OK);
    pl_producer_free(b->on.producer, 50);
    b->on.producer = NULL;
    assert_int_equal(b->reported, 1 + COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(b->record[i].reports, 1);
        assert_int_equal(b->record[i].class, PL_KAFKA_TRANSIENT);
    }
    bench_free(b);
}

static void closing_reports_once_each_what_waits_for_many_partitions(void **state) {
    (void)state;
    closing_reports_once_each_what_waits_for(PL_BY_KEY);
    closing_reports_once_each_what_waits_for(PL_ANYWHERE);
}

static int64_t stored_in(rd_kafka_t *rk, int32_t partition) {
    int64_t low, high;
    assert_int_equal(rd_kafka_query_watermark_offsets(rk, "orders", partition, &low, &high, TEST_UNTIL_MS), 0);
    return high - low;
}

/* One key for all, which would put them in one partition. */
struct fill {
    struct bench *b;
    rd_kafka_t *rk;
    enum pl_goes goes;
    size_t sent;
};

static bool each_partition_has_some(void *arg) {
    struct fill *f = arg;
    const struct pl_record r = {.topic = "orders", .key = "k", .key_n = 1, .goes = f->goes};
    for (size_t i = 0; i < 1000; i++, f->sent++) {
        assert_int_equal(pl_producer_send(f->b->on.producer, &r), POUCH_OK);
        pl_producer_poll(f->b->on.producer);
    }
    for (int32_t i = 0; i < MANY; i++)
        if (stored_in(f->rk, i) < 10) return false;
    return true;
}

static void all_partitions_get_what_goes(enum pl_goes goes) {
    enum { COUNT = 3000 };
    struct bench *b = bench_of_many_partitions();
    struct fill f = {b, open_orders(b), goes, 0};
    int64_t all = 0;
    test_until(each_partition_has_some, &f);
    b->goes = goes;
    for (size_t i = 0; i < COUNT; i++) assert_int_equal(send_number(b, i), POUCH_OK);
    wait_reported(b, 1 + f.sent + COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(b->record[i].reports, 1);
        assert_int_equal(b->record[i].class, PL_KAFKA_OK);
    }
    for (int32_t i = 0; i < MANY; i++) all += stored_in(f.rk, i);
    assert_true(all == (int64_t)(1 + f.sent + COUNT));
    rd_kafka_destroy(f.rk);
    bench_free(b);
}

static void records_whose_keys_order_nothing_go_to_all_partitions(void **state) {
    (void)state;
    all_partitions_get_what_goes(PL_BY_TURNS);
    all_partitions_get_what_goes(PL_ANYWHERE);
}

static void send_anywhere(struct bench *b, size_t i, const char *key) {
    const struct pl_record r = {
        .topic = "orders", .key = key, .key_n = strlen(key), .arg = &b->record[i], .goes = PL_ANYWHERE};
    assert_int_equal(pl_producer_send(b->on.producer, &r), POUCH_OK);
}

/* Polls as an owner does: when the wake is signalled, or it is due. */
static void wait_woken(struct bench *b, size_t i) {
    int64_t give_up = pl_mono_us(&pl_clock_system) + TEST_UNTIL_MS * INT64_C(1000);
    while (!b->record[i].reports) {
        int64_t now = pl_mono_us(&pl_clock_system), due = pl_producer_due(b->on.producer);
        if (now >= give_up) fail_msg("record %zu was not reported", i);
        if (due > give_up) due = give_up;
        pl_wake_wait(&b->on.wake, due > now ? due - now : 0);
        pl_producer_poll(b->on.producer);
    }
}

static void what_waits_for_a_partition_without_a_leader_goes_elsewhere(void **state) {
    (void)state;
    struct bench *b = bench_of_many_partitions();
    int32_t stuck = rd_kafka_msg_partitioner_murmur2(NULL, "stuck", 5, MANY, NULL, NULL);
    rd_kafka_mock_partition_set_leader(b->on.mock.cluster, "orders", stuck, -1);
    send_anywhere(b, 0, "stuck");
    send_anywhere(b, 1, "free");
    wait_woken(b, 1);
    assert_int_equal(b->record[1].class, PL_KAFKA_OK);
    assert_int_equal(b->record[0].reports, 0);
    rd_kafka_mock_partition_set_leader(b->on.mock.cluster, "orders", stuck, 1);
    wait_reported(b, 3);
    assert_int_equal(b->record[0].class, PL_KAFKA_OK);
    bench_free(b);
}

/* librdkafka's threads of this process which talk to a broker, the mock's own client among them. */
static int broker_threads_of(int policy) {
    DIR *tasks = opendir("/proc/self/task");
    assert_non_null(tasks);
    int n = 0;
    for (struct dirent *d; (d = readdir(tasks));) {
        char path[300], name[32] = "";
        snprintf(path, sizeof path, "/proc/self/task/%s/comm", d->d_name);
        FILE *comm = fopen(path, "r");
        bool broker = comm && fgets(name, sizeof name, comm) && !strncmp(name, "rdk:broker", 10);
        if (comm) fclose(comm);
        if (broker && sched_getscheduler((pid_t)atoi(d->d_name)) == policy) n++;
    }
    closedir(tasks);
    return n;
}

static void threads_that_send_do_not_take_the_processor_from_those_that_give(void **state) {
    (void)state;
    int before = broker_threads_of(SCHED_BATCH);
    struct bench *b = bench_new(NULL);
    assert_int_equal(send_number(b, 0), POUCH_OK);
    wait_reported(b, 1);
    assert_true(broker_threads_of(SCHED_BATCH) > before);
    assert_int_equal(sched_getscheduler(0), SCHED_OTHER);
    bench_free(b);
}

static void nothing_can_be_sent_from_the_last_reports(void **state) {
    (void)state;
    enum { COUNT = 100 };
    struct bench *b = bench_of_many_partitions();
    b->resend = b->closing = true;
    rd_kafka_mock_broker_set_rtt(b->on.mock.cluster, 1, 60000);
    for (size_t i = 0; i < COUNT; i++) assert_int_equal(send_number(b, i), POUCH_OK);
    pl_producer_free(b->on.producer, 0);
    b->on.producer = NULL;
    assert_int_equal(b->reported, 1 + COUNT);
    for (size_t i = 0; i < COUNT; i++) assert_int_equal(b->record[i].reports, 1);
    bench_free(b);
}

static void brokers_count_as_down_until_a_record_arrives(void **state) {
    (void)state;
    struct bench *b = bench_new(NULL);
    char text[512];
    rd_kafka_mock_broker_set_down(b->on.mock.cluster, 1);
    assert_int_equal(send_number(b, 0), POUCH_OK);
    while (!pl_kafka_all_down(b->on.health)) {
        struct pollfd p = {b->on.wake.fd, POLLIN, 0};
        assert_int_equal(poll(&p, 1, TEST_UNTIL_MS), 1);
        pl_wake_clear(&b->on.wake);
        pl_producer_poll(b->on.producer);
    }
    pl_kafka_health_text(b->on.health, b->on.mock.brokers, text, sizeof text);
    assert_non_null(strstr(text, "no broker answers at 127.0.0.1:"));
    rd_kafka_mock_broker_set_up(b->on.mock.cluster, 1);
    wait_reported(b, 1);
    assert_false(pl_kafka_all_down(b->on.health));
    bench_free(b);
}

enum { SENDERS = 4, EACH = 1000 };

struct sender {
    struct bench *bench;
    size_t first;
    pthread_t thread;
};

static void *send_each(void *arg) {
    struct sender *s = arg;
    for (size_t i = s->first; i < s->first + EACH; i++)
        while (send_number(s->bench, i) == POUCH_E_OVERLOADED) sched_yield();
    return NULL;
}

static void send_from_many_threads_over_a_rebuild(struct bench *b) {
    struct sender senders[SENDERS];
    b->resend = true;
    for (size_t i = 0; i < SENDERS; i++) {
        senders[i] = (struct sender){.bench = b, .first = i * EACH};
        assert_int_equal(pthread_create(&senders[i].thread, NULL, send_each, &senders[i]), 0);
    }
    b->target = SENDERS * EACH / 4;
    test_until(all_reported, b);
    rd_kafka_test_fatal_error(pl_producer_handle(b->on.producer), RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, "a test");
    b->target = SENDERS * EACH;
    test_until(all_reported, b);
    for (size_t i = 0; i < SENDERS; i++) pthread_join(senders[i].thread, NULL);
    wait_reported(b, SENDERS * EACH);
    for (size_t i = 0; i < SENDERS * EACH; i++) assert_int_equal(b->record[i].reports, 1);
    bench_free(b);
}

static void many_threads_send_while_the_producer_is_rebuilt(void **state) {
    (void)state;
    send_from_many_threads_over_a_rebuild(bench_new(NULL));
}

static void many_threads_send_to_many_partitions_while_the_producer_is_rebuilt(void **state) {
    (void)state;
    struct bench *b = bench_of(NULL, MANY);
    b->keyed = true;
    send_from_many_threads_over_a_rebuild(b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_arrives_byte_for_byte),
        cmocka_unit_test(missing_and_empty_keys_and_values_stay_apart),
        cmocka_unit_test(each_broker_error_has_its_outcome),
        cmocka_unit_test(what_is_refused_for_the_size_of_its_batch_is_stored_with_all_it_has),
        cmocka_unit_test(a_topic_that_does_not_exist_is_told_by_the_report_and_then_at_once),
        cmocka_unit_test(a_topic_that_refuses_us_is_not_tried_again_for_a_while),
        cmocka_unit_test(a_record_of_the_limit_is_taken_and_one_byte_more_is_not),
        cmocka_unit_test(a_record_for_which_there_can_be_no_room_is_too_large),
        cmocka_unit_test(a_delivery_signals_the_wake),
        cmocka_unit_test(after_a_fatal_error_every_record_ends_once_and_is_stored),
        cmocka_unit_test(a_taken_handle_outlives_a_rebuild),
        cmocka_unit_test(closing_reports_what_is_left_as_transient),
        cmocka_unit_test(closing_with_time_lets_records_arrive),
        cmocka_unit_test(closing_reports_once_each_what_waits_for_many_partitions),
        cmocka_unit_test(records_whose_keys_order_nothing_go_to_all_partitions),
        cmocka_unit_test(what_waits_for_a_partition_without_a_leader_goes_elsewhere),
        cmocka_unit_test(nothing_can_be_sent_from_the_last_reports),
        cmocka_unit_test(threads_that_send_do_not_take_the_processor_from_those_that_give),
        cmocka_unit_test(brokers_count_as_down_until_a_record_arrives),
        cmocka_unit_test(many_threads_send_while_the_producer_is_rebuilt),
        cmocka_unit_test(many_threads_send_to_many_partitions_while_the_producer_is_rebuilt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
