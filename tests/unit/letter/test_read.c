/* What the headers of a dead letter say, whoever wrote them. */
#include <support.h>

#include <letter/letter.h>
#include <letter/read.h>

static rd_kafka_headers_t *headers_new(const char *const pairs[]) {
    rd_kafka_headers_t *h = rd_kafka_headers_new(8);
    for (; *pairs; pairs += 2) assert_int_equal(rd_kafka_header_add(h, pairs[0], -1, pairs[1], -1), 0);
    return h;
}

static void assert_span(struct pl_span span, const char *text) {
    assert_int_equal(span.n, strlen(text));
    assert_memory_equal(span.at, text, span.n);
}

static const char *const ours[] = {"tenant",
                                   "one",
                                   PL_H_DLQ_CODE,
                                   "handler_error",
                                   PL_H_DLQ_REASON,
                                   "no such user",
                                   PL_H_DLQ_SOURCE,
                                   "orders/2/1041",
                                   PL_H_DLQ_GROUP,
                                   "orders.workers",
                                   PL_H_DLQ_TIME,
                                   "1700000000000",
                                   PL_H_DLQ_ATTEMPTS,
                                   "3",
                                   PL_H_DLQ_REQUEST,
                                   "0b9f3c66-5f0b-4a44-9c57-6d3b7a1f2e10",
                                   PL_H_DLQ_TARGET,
                                   "billing",
                                   PL_H_DLQ_TRUNCATED,
                                   "2000000",
                                   NULL};

static void our_headers_are_read_and_the_others_are_the_originals(void **state) {
    (void)state;
    rd_kafka_headers_t *h = headers_new(ours);
    struct pl_letter_facts f;
    pl_letter_read(&f, h);
    assert_int_equal(f.by, PL_LETTER_POUCH);
    assert_span(f.code, "handler_error");
    assert_span(f.reason, "no such user");
    assert_span(f.topic, "orders");
    assert_int_equal(f.partition, 2);
    assert_int_equal(f.offset, 1041);
    assert_span(f.group, "orders.workers");
    assert_int_equal(f.failed_at_ms, 1700000000000);
    assert_int_equal(f.attempts, 3);
    assert_span(f.request_id, "0b9f3c66-5f0b-4a44-9c57-6d3b7a1f2e10");
    assert_span(f.target, "billing");
    assert_int_equal(f.whole_bytes, 2000000);
    assert_true(pl_letter_original(&f, h, 0));
    for (size_t i = 1; i < 11; i++) assert_false(pl_letter_original(&f, h, i));
    rd_kafka_headers_destroy(h);
}

static void of_a_record_that_died_twice_the_last_death_counts(void **state) {
    (void)state;
    const char *const pairs[] = {PL_H_DLQ_CODE, "expired", PL_H_DLQ_REASON, "too late", PL_H_DLQ_GROUP, "a",
                                 "late",        "header",  PL_H_DLQ_CODE,   "no_route", PL_H_DLQ_TIME,  "7",
                                 NULL};
    rd_kafka_headers_t *h = headers_new(pairs);
    struct pl_letter_facts f;
    pl_letter_read(&f, h);
    assert_span(f.code, "no_route");
    assert_null(f.reason.at); /* that was the first death's */
    assert_null(f.group.at);
    assert_int_equal(f.failed_at_ms, 7);
    for (size_t i = 0; i < 4; i++) assert_true(pl_letter_original(&f, h, i));
    for (size_t i = 4; i < 7; i++) assert_false(pl_letter_original(&f, h, i));
    rd_kafka_headers_destroy(h);
}

static void headers_of_spring_are_read(void **state) {
    (void)state;
    const char *const pairs[] = {"kafka_dlt-exception-fqcn",
                                 "java.lang.IllegalStateException",
                                 "kafka_dlt-exception-message",
                                 "no",
                                 "kafka_dlt-original-topic",
                                 "orders",
                                 "mine",
                                 "x",
                                 NULL};
    rd_kafka_headers_t *h = headers_new(pairs);
    rd_kafka_header_add(h, "kafka_dlt-original-partition", -1, "\0\0\1\2", 4);
    rd_kafka_header_add(h, "kafka_dlt-original-offset", -1, "\0\0\0\0\0\1\0\0", 8);
    struct pl_letter_facts f;
    pl_letter_read(&f, h);
    assert_int_equal(f.by, PL_LETTER_SPRING);
    assert_span(f.code, "java.lang.IllegalStateException");
    assert_span(f.reason, "no");
    assert_span(f.topic, "orders");
    assert_int_equal(f.partition, 258);
    assert_int_equal(f.offset, 65536);
    assert_false(pl_letter_original(&f, h, 0));
    assert_true(pl_letter_original(&f, h, 3));
    rd_kafka_headers_destroy(h);
}

static void headers_of_kafka_connect_are_read(void **state) {
    (void)state;
    const char *const pairs[] = {"__connect.errors.topic",
                                 "orders",
                                 "__connect.errors.partition",
                                 "3",
                                 "__connect.errors.offset",
                                 "9",
                                 "__connect.errors.exception.message",
                                 "bad",
                                 NULL};
    rd_kafka_headers_t *h = headers_new(pairs);
    struct pl_letter_facts f;
    pl_letter_read(&f, h);
    assert_int_equal(f.by, PL_LETTER_CONNECT);
    assert_span(f.topic, "orders");
    assert_int_equal(f.partition, 3);
    assert_int_equal(f.offset, 9);
    assert_span(f.reason, "bad");
    rd_kafka_headers_destroy(h);
}

/* acceptance: D21 */
static void headers_of_caas_are_read(void **state) {
    (void)state;
    static const struct {
        const char *pairs[8];
        const char *reason; /* NULL: none */
    } rows[] = {{{"x-retry-count", "2", "x-original-topic", "orders", "x-dlq-id", "7", NULL}, NULL},
                {{"retry_count", "2", "original_topic", "orders", "error_message", "no", NULL}, "no"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        rd_kafka_headers_t *h = headers_new(rows[i].pairs);
        struct pl_letter_facts f;
        pl_letter_read(&f, h);
        assert_int_equal(f.by, PL_LETTER_CAAS);
        assert_span(f.topic, "orders");
        if (rows[i].reason)
            assert_span(f.reason, rows[i].reason);
        else
            assert_null(f.reason.at);
        rd_kafka_headers_destroy(h);
    }
}

/* A record that was tried again brings those of CAAS along. */
static void who_writes_the_letter_counts_for_more_than_who_tried_again(void **state) {
    (void)state;
    const char *const pairs[] = {"x-retry-count", "2", "x-original-topic", "orders", "kafka_dlt-original-topic",
                                 "shop",          NULL};
    rd_kafka_headers_t *h = headers_new(pairs);
    struct pl_letter_facts f;
    pl_letter_read(&f, h);
    assert_int_equal(f.by, PL_LETTER_SPRING);
    assert_span(f.topic, "shop");
    rd_kafka_headers_destroy(h);
}

/* acceptance: D21 */
static void what_a_letter_of_ours_adds_is_not_the_records(void **state) {
    (void)state;
    const char *const pairs[] = {
        "x-retry-count",    "1", PL_H_DLQ_CODE, "expired", "kafka_dlt-original-topic", "t", "x-retry-count", "2",
        "x-original-topic", "t", NULL};
    rd_kafka_headers_t *h = headers_new(pairs);
    struct pl_letter_facts f;
    pl_letter_read(&f, h);
    assert_int_equal(f.by, PL_LETTER_POUCH);
    assert_true(pl_letter_original(&f, h, 0));
    for (size_t i = 1; i < 5; i++) assert_false(pl_letter_original(&f, h, i));
    rd_kafka_headers_destroy(h);
}

static void what_is_malformed_is_not_told(void **state) {
    (void)state;
    static const char *const sources[] = {"",
                                          "/",
                                          "orders",
                                          "orders/2",
                                          "orders//1",
                                          "t/1/",
                                          "t/-1/2",
                                          "t/1/-2",
                                          "t/1/2x",
                                          "t/ 1/2",
                                          "t/1/99999999999999999999",
                                          NULL};
    for (size_t i = 0; sources[i]; i++) {
        const char *const pairs[] = {PL_H_DLQ_CODE, "x", PL_H_DLQ_SOURCE, sources[i], PL_H_DLQ_TIME, "-5", NULL};
        rd_kafka_headers_t *h = headers_new(pairs);
        struct pl_letter_facts f;
        pl_letter_read(&f, h);
        assert_null(f.topic.at);
        assert_int_equal(f.partition, -1);
        assert_int_equal(f.offset, -1);
        assert_int_equal(f.failed_at_ms, -1);
        rd_kafka_headers_destroy(h);
    }
}

static void numbers_of_other_lengths_or_below_zero_are_not_told(void **state) {
    (void)state;
    static const struct {
        const char *value;
        size_t n;
    } rows[] = {{"", 0}, {"\1", 1}, {"\0\0\1", 3}, {"\xff\xff\xff\xff", 4}, {"\0\0\0\0\0\0\0\0\1", 9}, {NULL, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        rd_kafka_headers_t *h = rd_kafka_headers_new(1);
        rd_kafka_header_add(h, "kafka_dlt-original-offset", -1, rows[i].value, (ssize_t)rows[i].n);
        struct pl_letter_facts f;
        pl_letter_read(&f, h);
        assert_int_equal(f.offset, -1);
        rd_kafka_headers_destroy(h);
    }
}

static void a_record_without_headers_tells_nothing(void **state) {
    (void)state;
    struct pl_letter_facts f;
    pl_letter_read(&f, NULL);
    assert_int_equal(f.by, PL_LETTER_OTHER);
    assert_null(f.code.at);
    assert_false(pl_letter_original(&f, NULL, 0));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(our_headers_are_read_and_the_others_are_the_originals),
        cmocka_unit_test(of_a_record_that_died_twice_the_last_death_counts),
        cmocka_unit_test(headers_of_spring_are_read),
        cmocka_unit_test(headers_of_kafka_connect_are_read),
        cmocka_unit_test(headers_of_caas_are_read),
        cmocka_unit_test(who_writes_the_letter_counts_for_more_than_who_tried_again),
        cmocka_unit_test(what_a_letter_of_ours_adds_is_not_the_records),
        cmocka_unit_test(what_is_malformed_is_not_told),
        cmocka_unit_test(numbers_of_other_lengths_or_below_zero_are_not_told),
        cmocka_unit_test(a_record_without_headers_tells_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
