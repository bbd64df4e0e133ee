/* What the headers of retry records and dead letters let Pouch send where. */
#include <support.h>

#include <letter/letter.h>
#include <letter/redrive.h>
#include <letter/retry.h>
#include <string.h>

enum { PAIRS = 16 };

/* name, value, …, NULL */
static rd_kafka_headers_t *headers_new(const char *const pairs[]) {
    rd_kafka_headers_t *h = rd_kafka_headers_new(8);
    for (; *pairs; pairs += 2) assert_int_equal(rd_kafka_header_add(h, pairs[0], -1, pairs[1], -1), 0);
    return h;
}

/* acceptance: D24 */
static void only_a_whole_retry_record_for_a_topic_of_requests_is_sent(void **state) {
    (void)state;
    static const struct {
        const char *topic, *at, *attempt, *tier;
        pouch_err wanted;
    } rows[] = {
        {"orders", "1700000000000", "3", "1", POUCH_OK},
        {"orders", "0", "1000", "8", POUCH_OK},
        {"", "1", "3", "1", POUCH_E_BAD_ENVELOPE},
        {"a b", "1", "3", "1", POUCH_E_BAD_ENVELOPE},
        {"..", "1", "3", "1", POUCH_E_BAD_ENVELOPE},
        {"orders", "soon", "3", "1", POUCH_E_BAD_ENVELOPE},
        {"orders", "-1", "3", "1", POUCH_E_BAD_ENVELOPE},
        {"orders", "1", "0", "1", POUCH_E_BAD_ENVELOPE},
        {"orders", "1", "1001", "1", POUCH_E_BAD_ENVELOPE},
        {"orders", "1", "3", "9", POUCH_E_BAD_ENVELOPE},
        {"orders", "1", "3", "", POUCH_E_BAD_ENVELOPE},
        {"internal.dlq", "1", "3", "1", POUCH_E_NOT_ALLOWED},
        {"internal.retry.1min", "1", "3", "1", POUCH_E_NOT_ALLOWED},
        {"__consumer_offsets", "1", "3", "1", POUCH_E_NOT_ALLOWED},
        {"our.dlq", "1", "3", "1", POUCH_E_NOT_ALLOWED},
    };
    const char *const but[] = {"our.dlq", NULL};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pl_retry_facts f;
        rd_kafka_headers_t *h = headers_new((const char *const[]){PL_H_RETRY_TOPIC, rows[i].topic, PL_H_RETRY_AT,
                                                                  rows[i].at, PL_H_RETRY_ATTEMPT, rows[i].attempt,
                                                                  PL_H_RETRY_TIER, rows[i].tier, NULL});
        pl_retry_read(&f, h);
        if (pl_retry_check(&f, but) != rows[i].wanted) fail_msg("row %zu: %s", i, pouch_why());
        rd_kafka_headers_destroy(h);
    }
    struct pl_retry_facts none;
    pl_retry_read(&none, NULL);
    assert_int_equal(pl_retry_check(&none, but), POUCH_E_BAD_ENVELOPE);
}

/* acceptance: C28 */
static void a_dead_letter_goes_to_where_its_record_came_from(void **state) {
    (void)state;
    static const struct {
        const char *pairs[PAIRS];
        const char *topic; /* NULL: nowhere */
    } rows[] = {
        {{PL_H_DLQ_CODE, "handler_error", PL_H_DLQ_SOURCE, "orders/2/7", NULL}, "orders"},
        {{PL_H_DLQ_CODE, "no_route", PL_H_DLQ_SOURCE, "inbox/0/1", PL_H_DLQ_TARGET, "billing", NULL}, "inbox"},
        {{PL_H_DLQ_CODE, "target_refused", PL_H_DLQ_SOURCE, "internal.retry.1min/0/1", PL_H_DLQ_TARGET, "orders", NULL},
         "orders"},
        {{PL_H_DLQ_CODE, "target_refused", PL_H_DLQ_SOURCE, "internal.retry.1min/0/1", NULL}, NULL},
        {{PL_H_DLQ_CODE, "not_allowed", PL_H_DLQ_SOURCE, "internal.retry.1min/0/1", PL_H_DLQ_TARGET, "internal.dlq",
          NULL},
         NULL},
        {{PL_H_DLQ_CODE, "x", PL_H_DLQ_SOURCE, "internal.dlq/0/1", NULL}, NULL},
        {{PL_H_DLQ_CODE, "x", PL_H_DLQ_SOURCE, "payments.dlq/0/1", NULL}, NULL},
        {{PL_H_DLQ_CODE, "x", PL_H_DLQ_SOURCE, "__consumer_offsets/0/1", NULL}, NULL},
        {{PL_H_DLQ_CODE, "x", NULL}, NULL},
        {{"kafka_dlt-original-topic", "shop", NULL}, "shop"},
        {{"__connect.errors.topic", "sink", NULL}, "sink"},
        {{"x-original-topic", "events", NULL}, "events"},
        {{"tenant", "one", NULL}, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char topic[PL_NAME_MAX + 1];
        struct pl_letter_facts f;
        rd_kafka_headers_t *h = headers_new(rows[i].pairs);
        pl_letter_read(&f, h);
        bool goes = pl_redrive_target(&f, (const char *const[]){"payments.dlq", NULL}, topic);
        if (goes != (rows[i].topic != NULL)) fail_msg("row %zu", i);
        if (goes) assert_string_equal(topic, rows[i].topic);
        rd_kafka_headers_destroy(h);
    }
}

static void how_often_a_record_was_sent_again_is_told_by_the_record_alone(void **state) {
    (void)state;
    static const struct {
        const char *pairs[PAIRS];
        int64_t count;
    } rows[] = {
        {{"tenant", "one", PL_H_DLQ_CODE, "handler_error", NULL}, 0},
        {{PL_H_REDRIVE, "2", PL_H_DLQ_CODE, "handler_error", NULL}, 2},
        {{PL_H_REDRIVE, "many", PL_H_DLQ_CODE, "handler_error", NULL}, 0},
        {{PL_H_REDRIVE, "3", NULL}, 3},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pl_letter_facts f;
        rd_kafka_headers_t *h = headers_new(rows[i].pairs);
        pl_letter_read(&f, h);
        assert_int_equal(pl_redrive_count(&f, h), rows[i].count);
        rd_kafka_headers_destroy(h);
    }
}

/* Spring's headers that we write are the letter's; those of the record before it are the record's. */
static void springs_headers_beside_ours_belong_to_the_letter(void **state) {
    (void)state;
    const char *const pairs[] = {"kafka_dlt-original-topic",
                                 "first",
                                 PL_H_DLQ_CODE,
                                 "handler_error",
                                 "kafka_dlt-original-topic",
                                 "second",
                                 PL_H_DLQ_SOURCE,
                                 "second/0/1",
                                 NULL};
    struct pl_letter_facts f;
    rd_kafka_headers_t *h = headers_new(pairs);
    pl_letter_read(&f, h);
    assert_int_equal(f.by, PL_LETTER_POUCH);
    assert_true(pl_letter_original(&f, h, 0));
    for (size_t i = 1; i < 4; i++) assert_false(pl_letter_original(&f, h, i));
    rd_kafka_headers_destroy(h);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_a_whole_retry_record_for_a_topic_of_requests_is_sent),
        cmocka_unit_test(a_dead_letter_goes_to_where_its_record_came_from),
        cmocka_unit_test(how_often_a_record_was_sent_again_is_told_by_the_record_alone),
        cmocka_unit_test(springs_headers_beside_ours_belong_to_the_letter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
