/* Headers of any names and values: what is read of a dead letter lies within them, and is not negative but for -1. */
#include <letter/read.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void require(bool truth) {
    if (!truth) abort();
}

/* The input is a list: a byte that picks a name, a byte that is the length of a value, the value. */
static rd_kafka_headers_t *headers_of(const uint8_t *data, size_t n) {
    static const char *const names[] = {"pouch-dlq-code",
                                        "pouch-dlq-reason",
                                        "pouch-dlq-source",
                                        "pouch-dlq-group",
                                        "pouch-dlq-failed-at",
                                        "pouch-dlq-attempts",
                                        "pouch-dlq-request-id",
                                        "pouch-dlq-target",
                                        "pouch-dlq-truncated",
                                        "kafka_dlt-exception-fqcn",
                                        "kafka_dlt-original-topic",
                                        "kafka_dlt-original-partition",
                                        "kafka_dlt-original-offset",
                                        "__connect.errors.topic",
                                        "__connect.errors.partition",
                                        "__connect.errors.offset",
                                        "x-original-topic",
                                        "original_topic",
                                        "error_message",
                                        "tenant",
                                        ""};
    rd_kafka_headers_t *headers = rd_kafka_headers_new(8);
    while (n >= 2) {
        const char *name = names[data[0] % (sizeof names / sizeof names[0])];
        size_t length = data[1] < n - 2 ? data[1] : n - 2;
        rd_kafka_header_add(headers, name, -1, length ? data + 2 : NULL, (ssize_t)length);
        data += 2 + length;
        n -= 2 + length;
    }
    return headers;
}

/* Whether the span is all or the beginning of some header's value. */
static void require_within(struct pl_span span, const rd_kafka_headers_t *headers) {
    const char *name;
    const void *value;
    size_t n;
    if (!span.at) return;
    for (size_t i = 0; !rd_kafka_header_get_all(headers, i, &name, &value, &n); i++)
        if (value == span.at && span.n <= n) return;
    require(false);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    struct pl_letter_facts f;
    rd_kafka_headers_t *headers = headers_of(data, n);
    pl_letter_read(&f, headers);
    const struct pl_span spans[] = {f.code, f.reason, f.group, f.request_id, f.target, f.topic};
    const int64_t numbers[] = {f.partition, f.offset, f.failed_at_ms, f.attempts, f.whole_bytes};
    for (size_t i = 0; i < sizeof spans / sizeof spans[0]; i++) require_within(spans[i], headers);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) require(numbers[i] >= -1);
    size_t count = rd_kafka_header_cnt(headers);
    for (size_t i = 0; i < f.first; i++) require(pl_letter_original(&f, headers, i));
    require(!pl_letter_original(&f, headers, count));
    rd_kafka_headers_destroy(headers);
    return 0;
}
