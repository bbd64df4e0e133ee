/* Dead letters on the in-process cluster: the record as it was, and what is said about it. */
#include <support.h>

#include <bus/reader.h>
#include <bus_stage.h>
#include <endian.h>
#include <letter/letter.h>
#include <metrics/metrics.h>

static const char id[] = "0b9f3c66-5f0b-4a44-9c57-6d3b7a1f2e10";

struct bench {
    struct bus_stage on;
    struct pl_reader *reader; /* of partition 0 of "in" or "dlq" */
    int delivered;
    rd_kafka_message_t *read;
};

static void on_delivered(const struct pl_delivery *d, void *owner) {
    struct bench *b = owner;
    assert_int_equal(d->class, PL_KAFKA_OK);
    b->delivered++;
}

static struct bench *bench_new(const char *message_max_bytes) {
    struct bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    bus_stage_set_up(&b->on, (const char *const[]){"kafka.message.max.bytes", message_max_bytes, NULL}, on_delivered,
                     b);
    test_mock_topic(&b->on.mock, "in", 1);
    test_mock_topic(&b->on.mock, "dlq", 1);
    assert_int_equal(pl_reader_new(&b->reader, &b->on.settings, "test", true, b->on.health, &b->on.wake), POUCH_OK);
    return b;
}

static void bench_free(struct bench *b) {
    pl_reader_free(b->reader);
    bus_stage_tear_down(&b->on);
    free(b);
}

static bool all_delivered(void *arg) {
    struct bench *b = arg;
    pl_producer_poll(b->on.producer);
    return !pl_producer_waiting(b->on.producer);
}

static bool has_read(void *arg) {
    struct bench *b = arg;
    return pl_reader_take(b->reader, &b->read, 1, NULL);
}

/* The first record of a topic; the caller destroys it. */
static rd_kafka_message_t *first_of(struct bench *b, const char *topic) {
    const struct pl_position at = {0, 0};
    test_until(all_delivered, b);
    assert_int_equal(pl_reader_assign(b->reader, topic, &at, 1, true), POUCH_OK);
    test_until(has_read, b);
    assert_string_equal(rd_kafka_topic_name(b->read->rkt), topic);
    return b->read;
}

/* Puts r on "in" with a limit of its own and reads it back as a worker would. */
static rd_kafka_message_t *taken(struct bench *b, struct pl_record r) {
    struct bench other = *b;
    struct pl_property any_size = {(char *)"message.max.bytes", (char *)"5000000"};
    struct pl_settings s = b->on.settings;
    s.kafka = &any_size;
    s.n_kafka = 1;
    r.topic = "in";
    assert_int_equal(pl_producer_new(&other.on.producer, &s, "other", b->on.health, &b->on.wake, on_delivered, &other),
                     POUCH_OK);
    assert_int_equal(pl_producer_send(other.on.producer, &r), POUCH_OK);
    pl_producer_free(other.on.producer, TEST_UNTIL_MS);
    return first_of(b, "in");
}

static rd_kafka_message_t *letter_of(struct bench *b, const struct pl_letter *l) {
    assert_int_equal(pl_letter_send(b->on.producer, "dlq", l), POUCH_OK);
    return first_of(b, "dlq");
}

static void assert_header(const rd_kafka_message_t *m, size_t i, const char *name, const void *value, size_t n) {
    rd_kafka_headers_t *all;
    const char *its_name;
    const void *its_value;
    size_t its_n;
    assert_int_equal(rd_kafka_message_headers(m, &all), 0);
    assert_int_equal(rd_kafka_header_get_all(all, i, &its_name, &its_value, &its_n), 0);
    assert_string_equal(its_name, name);
    assert_int_equal(its_n, n);
    assert_int_equal(!its_value, !value);
    if (n) assert_memory_equal(its_value, value, n);
}

static size_t header_count(const rd_kafka_message_t *m) {
    rd_kafka_headers_t *all;
    return rd_kafka_message_headers(m, &all) ? 0 : rd_kafka_header_cnt(all);
}

/* The last value of a header as text; NULL: none. Borrowed from the record. */
static const char *last_header(const rd_kafka_message_t *m, const char *name) {
    rd_kafka_headers_t *all;
    const void *value;
    size_t n;
    if (rd_kafka_message_headers(m, &all) || rd_kafka_header_get_last(all, name, &value, &n)) return NULL;
    return value; /* librdkafka ends it with a NUL */
}

/* acceptance: C28 */
static void what_may_be_sent_again_is_told_apart(void **state) {
    (void)state;
    static const struct {
        pouch_err code;
        bool exhausted, retriable;
    } rows[] = {{POUCH_E_HANDLER_ERROR, false, false},
                {POUCH_E_HANDLER_ERROR, true, true},
                {POUCH_E_OVERLOADED, false, true},
                {POUCH_E_DECRYPT_FAILED, false, false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bench *b = bench_new("1000000");
        enum pl_metric counter = rows[i].retriable ? PL_M_DEAD_LETTERS_RETRIABLE : PL_M_DEAD_LETTERS;
        int64_t counted = pl_metric_get(counter);
        rd_kafka_message_t *in = taken(b, (struct pl_record){.value = "v", .value_n = 1});
        const struct pl_letter l = {.record = in, .code = rows[i].code, .retriable = rows[i].exhausted};
        rd_kafka_message_t *m = letter_of(b, &l);
        assert_string_equal(last_header(m, PL_H_DLQ_KIND), rows[i].retriable ? "retriable" : "permanent");
        assert_int_equal(pl_metric_get(counter), counted + 1);
        rd_kafka_message_destroy(m);
        rd_kafka_message_destroy(in);
        bench_free(b);
    }
}

/* acceptance: C28 D21 D22 */
static void a_letter_is_the_record_with_our_headers_behind_its_own(void **state) {
    (void)state;
    static const struct pl_header own[] = {{"a", "1", 1}, {"null", NULL, 0}, {"a", "\0\xff", 2}, {"empty", "", 0}};
    struct bench *b = bench_new("1000000");
    int64_t counted = pl_metric_get(PL_M_DEAD_LETTERS);
    rd_kafka_message_t *in = taken(
        b,
        (struct pl_record){.key = "k\0", .key_n = 2, .value = "\0v\xff", .value_n = 3, .headers = own, .n_headers = 4});
    struct pl_letter l = {.record = in,
                          .request_id = id,
                          .code = POUCH_E_HANDLER_ERROR,
                          .reason = "it broke",
                          .group = "orders.workers",
                          .attempts = 3,
                          .now_ms = 1700000000123};
    rd_kafka_message_t *m = letter_of(b, &l);
    assert_int_equal(m->key_len, 2);
    assert_memory_equal(m->key, "k\0", 2);
    assert_int_equal(m->len, 3);
    assert_memory_equal(m->payload, "\0v\xff", 3);
    for (size_t i = 0; i < 4; i++) assert_header(m, i, own[i].name, own[i].value, own[i].n);
    static const char *const ours[][2] = {
        {PL_H_DLQ_CODE, "handler_error"},   {PL_H_DLQ_KIND, "permanent"},
        {PL_H_DLQ_REASON, "it broke"},      {PL_H_DLQ_SOURCE, "in/0/0"},
        {PL_H_DLQ_GROUP, "orders.workers"}, {PL_H_DLQ_TIME, "1700000000123"},
        {PL_H_DLQ_ATTEMPTS, "3"},           {PL_H_DLQ_REQUEST, id},
    };
    for (size_t i = 0; i < 8; i++) assert_header(m, 4 + i, ours[i][0], ours[i][1], strlen(ours[i][1]));
    assert_int_equal(pl_metric_get(PL_M_DEAD_LETTERS), counted + 1);

    /* As Spring writes them. */
    assert_header(m, 12, "kafka_dlt-exception-fqcn", "handler_error", 13);
    assert_header(m, 13, "kafka_dlt-exception-message", "it broke", 8);
    assert_header(m, 14, "kafka_dlt-original-topic", "in", 2);
    assert_header(m, 15, "kafka_dlt-original-partition", "\0\0\0\0", 4);
    assert_header(m, 16, "kafka_dlt-original-offset", "\0\0\0\0\0\0\0\0", 8);
    const int64_t written = (int64_t)htobe64((uint64_t)rd_kafka_message_timestamp(in, NULL));
    assert_header(m, 17, "kafka_dlt-original-timestamp", &written, 8);
    assert_header(m, 18, "kafka_dlt-original-timestamp-type", "CreateTime", 10);
    assert_header(m, 19, "kafka_dlt-original-consumer-group", "orders.workers", 14);

    /* As CAAS does. */
    assert_header(m, 20, "x-retry-count", "2", 1);
    assert_header(m, 21, "x-original-topic", "in", 2);
    assert_int_equal(header_count(m), 22);
    rd_kafka_message_destroy(m);
    rd_kafka_message_destroy(in);
    bench_free(b);
}

static void what_is_not_known_has_no_header(void **state) {
    (void)state;
    struct bench *b = bench_new("1000000");
    rd_kafka_message_t *in = taken(b, (struct pl_record){.value = NULL});
    struct pl_letter l = {.record = in, .code = POUCH_E_BAD_ENVELOPE};
    rd_kafka_message_t *m = letter_of(b, &l);
    assert_null(m->key);
    assert_null(m->payload);
    assert_null(last_header(m, PL_H_DLQ_REQUEST));
    assert_null(last_header(m, PL_H_DLQ_REASON));
    assert_null(last_header(m, PL_H_DLQ_GROUP));
    assert_null(last_header(m, PL_H_DLQ_TRUNCATED));
    assert_string_equal(last_header(m, PL_H_DLQ_CODE), "bad_envelope");
    rd_kafka_message_destroy(m);
    rd_kafka_message_destroy(in);
    bench_free(b);
}

static void a_long_reason_is_cut_between_characters(void **state) {
    (void)state;
    char reason[2000];
    struct bench *b = bench_new("1000000");
    rd_kafka_message_t *in = taken(b, (struct pl_record){.value = "v", .value_n = 1});
    memset(reason, 'x', sizeof reason);
    memcpy(reason + 1023, "\xc3\xa9", 2); /* would be cut in half at 1,024 */
    reason[sizeof reason - 1] = 0;
    struct pl_letter l = {.record = in, .code = POUCH_E_HANDLER_ERROR, .reason = reason};
    rd_kafka_message_t *m = letter_of(b, &l);
    assert_int_equal(strlen(last_header(m, PL_H_DLQ_REASON)), 1023);
    rd_kafka_message_destroy(m);
    rd_kafka_message_destroy(in);
    bench_free(b);
}

static void a_record_that_no_longer_fits_keeps_its_first_64_kib(void **state) {
    (void)state;
    enum { SIZE = 300000 };
    struct bench *b = bench_new("200000");
    char *value = malloc(SIZE);
    assert_non_null(value);
    for (size_t i = 0; i < SIZE; i++) value[i] = (char)(i * 7);
    const struct pl_header own = {"a", "1", 1};
    rd_kafka_message_t *in = taken(
        b,
        (struct pl_record){.key = "k", .key_n = 1, .value = value, .value_n = SIZE, .headers = &own, .n_headers = 1});
    struct pl_letter l = {.record = in, .code = POUCH_E_TOO_LARGE, .reason = "too large"};
    rd_kafka_message_t *m = letter_of(b, &l);
    assert_int_equal(m->len, 65536);
    assert_memory_equal(m->payload, value, 65536);
    assert_memory_equal(m->key, "k", 1);
    assert_header(m, 0, "a", "1", 1);
    assert_string_equal(last_header(m, PL_H_DLQ_TRUNCATED), "300000");
    rd_kafka_message_destroy(m);
    rd_kafka_message_destroy(in);
    free(value);
    bench_free(b);
}

/* Where even the key and headers are too much, why and where from still arrive. */
static void headers_and_key_give_way_to_the_reason(void **state) {
    (void)state;
    static char big[100000];
    struct bench *b = bench_new("50000");
    const struct pl_header own = {"big", big, sizeof big};
    struct pl_record rows[] = {{.key = "k", .key_n = 1, .value = "v", .value_n = 1, .headers = &own, .n_headers = 1},
                               {.key = big, .key_n = sizeof big, .value = "v", .value_n = 1}};
    rd_kafka_message_t *in = taken(b, rows[0]);
    struct pl_letter l = {.record = in, .code = POUCH_E_TOO_LARGE, .reason = "too large"};
    rd_kafka_message_t *m = letter_of(b, &l);
    assert_int_equal(m->len, 1);
    assert_int_equal(m->key_len, 1);
    assert_null(last_header(m, "big"));
    assert_string_equal(last_header(m, PL_H_DLQ_SOURCE), "in/0/0");
    assert_string_equal(last_header(m, PL_H_DLQ_TRUNCATED), "1");
    rd_kafka_message_destroy(m);
    rd_kafka_message_destroy(in);
    bench_free(b);

    b = bench_new("50000");
    in = taken(b, rows[1]);
    l.record = in;
    m = letter_of(b, &l);
    assert_int_equal(m->key_len, 0);
    assert_memory_equal(m->payload, "v", 1);
    assert_string_equal(last_header(m, PL_H_DLQ_SOURCE), "in/0/0");
    rd_kafka_message_destroy(m);
    rd_kafka_message_destroy(in);
    bench_free(b);
}

static void the_dead_letter_topic_is_made_when_it_is_missing(void **state) {
    (void)state;
    struct bench *b = bench_new("1000000");
    const struct rd_kafka_metadata *found;
    assert_int_equal(pl_letter_topic(pl_producer_handle(b->on.producer), "internal.dlq", TEST_UNTIL_MS), POUCH_OK);
    assert_int_equal(pl_letter_topic(pl_producer_handle(b->on.producer), "internal.dlq", TEST_UNTIL_MS),
                     POUCH_OK); /* there already */
    assert_int_equal(rd_kafka_metadata(pl_producer_handle(b->on.producer), 1, NULL, &found, TEST_UNTIL_MS), 0);
    int partitions = 0;
    for (int i = 0; i < found->topic_cnt; i++)
        if (!strcmp(found->topics[i].topic, "internal.dlq")) partitions = found->topics[i].partition_cnt;
    assert_int_equal(partitions, 4);
    rd_kafka_metadata_destroy(found);
    bench_free(b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_letter_is_the_record_with_our_headers_behind_its_own),
        cmocka_unit_test(what_may_be_sent_again_is_told_apart),
        cmocka_unit_test(what_is_not_known_has_no_header),
        cmocka_unit_test(a_long_reason_is_cut_between_characters),
        cmocka_unit_test(a_record_that_no_longer_fits_keeps_its_first_64_kib),
        cmocka_unit_test(headers_and_key_give_way_to_the_reason),
        cmocka_unit_test(the_dead_letter_topic_is_made_when_it_is_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
