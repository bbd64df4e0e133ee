#include <letter/letter.h>
#include <letter/read.h>
#include <stddef.h>
#include <string.h>

/* How a header's value is written. */
enum form {
    TEXT,
    DECIMAL,
    BINARY, /* 4 or 8 bytes, as Spring writes numbers */
    PLACE   /* topic/partition/offset */
};

struct row {
    enum pl_letter_by by;
    const char *name;
    enum form form;
    size_t at; /* of the fact, a span or a number */
};

#define FACT(fact) offsetof(struct pl_letter_facts, fact)

static const struct row rows[] = {
    {PL_LETTER_POUCH, PL_H_DLQ_CODE, TEXT, FACT(code)},
    {PL_LETTER_POUCH, PL_H_DLQ_KIND, TEXT, FACT(kind)},
    {PL_LETTER_POUCH, PL_H_DLQ_REASON, TEXT, FACT(reason)},
    {PL_LETTER_POUCH, PL_H_DLQ_WORDS, TEXT, FACT(words)},
    {PL_LETTER_POUCH, PL_H_DLQ_SOURCE, PLACE, FACT(topic)},
    {PL_LETTER_POUCH, PL_H_DLQ_GROUP, TEXT, FACT(group)},
    {PL_LETTER_POUCH, PL_H_DLQ_TIME, DECIMAL, FACT(failed_at_ms)},
    {PL_LETTER_POUCH, PL_H_DLQ_ATTEMPTS, DECIMAL, FACT(attempts)},
    {PL_LETTER_POUCH, PL_H_DLQ_REQUEST, TEXT, FACT(request_id)},
    {PL_LETTER_POUCH, PL_H_DLQ_TARGET, TEXT, FACT(target)},
    {PL_LETTER_POUCH, PL_H_DLQ_TRUNCATED, DECIMAL, FACT(whole_bytes)},
    {PL_LETTER_SPRING, PL_H_DLT_CODE, TEXT, FACT(code)},
    {PL_LETTER_SPRING, PL_H_DLT_MESSAGE, TEXT, FACT(reason)},
    {PL_LETTER_SPRING, PL_H_DLT_GROUP, TEXT, FACT(group)},
    {PL_LETTER_SPRING, PL_H_DLT_TOPIC, TEXT, FACT(topic)},
    {PL_LETTER_SPRING, PL_H_DLT_PARTITION, BINARY, FACT(partition)},
    {PL_LETTER_SPRING, PL_H_DLT_OFFSET, BINARY, FACT(offset)},
    {PL_LETTER_CONNECT, "__connect.errors.exception.class.name", TEXT, FACT(code)},
    {PL_LETTER_CONNECT, "__connect.errors.exception.message", TEXT, FACT(reason)},
    {PL_LETTER_CONNECT, "__connect.errors.connector.name", TEXT, FACT(group)},
    {PL_LETTER_CONNECT, "__connect.errors.topic", TEXT, FACT(topic)},
    {PL_LETTER_CONNECT, "__connect.errors.partition", DECIMAL, FACT(partition)},
    {PL_LETTER_CONNECT, "__connect.errors.offset", DECIMAL, FACT(offset)},
    {PL_LETTER_CAAS, "original_topic", TEXT, FACT(topic)},
    {PL_LETTER_CAAS, "error_message", TEXT, FACT(reason)},
    {PL_LETTER_CAAS, PL_H_X_TOPIC, TEXT, FACT(topic)},
};

static const struct {
    enum pl_letter_by by;
    const char *begins;
} tools[] = {
    {PL_LETTER_POUCH, "pouch-dlq-"},    {PL_LETTER_SPRING, "kafka_dlt-"}, {PL_LETTER_CONNECT, "__connect.errors."},
    {PL_LETTER_CAAS, "original_topic"}, {PL_LETTER_CAAS, PL_H_X_TOPIC},   {PL_LETTER_CAAS, PL_H_X_COUNT},
    {PL_LETTER_CAAS, PL_H_X_LETTER},
};

static enum pl_letter_by tool_of(const char *name) {
    for (size_t i = 0; i < sizeof tools / sizeof tools[0]; i++)
        if (!strncmp(name, tools[i].begins, strlen(tools[i].begins))) return tools[i].by;
    return PL_LETTER_OTHER;
}

static int64_t big_endian(const uint8_t *value, size_t n) {
    uint64_t number = 0;
    if (n != 4 && n != 8) return -1;
    if (value[0] & 0x80) return -1;
    for (size_t i = 0; i < n; i++) number = number << 8 | value[i];
    return (int64_t)number;
}

static int64_t decimal(const void *value, size_t n) {
    int64_t number;
    return pl_header_number(&number, value, n) ? number : -1;
}

/* The three parts are taken together or not at all. */
static void read_source(struct pl_letter_facts *f, const char *value, size_t n) {
    const char *second = memrchr(value, '/', n);
    const char *first = second ? memrchr(value, '/', (size_t)(second - value)) : NULL;
    if (!first) return;
    int64_t partition = decimal(first + 1, (size_t)(second - first - 1));
    int64_t offset = decimal(second + 1, (size_t)(value + n - second - 1));
    if (partition < 0 || offset < 0) return;
    f->topic = (struct pl_span){value, (size_t)(first - value)};
    f->partition = partition;
    f->offset = offset;
}

static void take(struct pl_letter_facts *f, const struct row *row, const void *value, size_t n) {
    char *fact = (char *)f + row->at;
    switch (row->form) {
    case TEXT: memcpy(fact, &(struct pl_span){value, n}, sizeof(struct pl_span)); break;
    case DECIMAL: memcpy(fact, &(int64_t){decimal(value, n)}, sizeof(int64_t)); break;
    case BINARY: memcpy(fact, &(int64_t){big_endian(value, n)}, sizeof(int64_t)); break;
    case PLACE: read_source(f, value, n); break;
    }
}

/* CAAS's are also on records that were only tried again, whoever wrote the letter then. */
static bool outranks(enum pl_letter_by by, enum pl_letter_by than) {
    return than == PL_LETTER_OTHER || (than == PL_LETTER_CAAS && by != PL_LETTER_OTHER);
}

/*
 * Who wrote it. A record that was dead-lettered twice has our headers twice: those of the last time begin
 * with the last code. Another tool's count only without ours, since a record may bring them along.
 */
static void find_tool(struct pl_letter_facts *f, const rd_kafka_headers_t *headers) {
    const char *name;
    const void *value;
    size_t n;
    for (size_t i = 0; !rd_kafka_header_get_all(headers, i, &name, &value, &n); i++) {
        bool ours = !strcmp(name, PL_H_DLQ_CODE);
        if (ours) f->first = i;
        if (ours || outranks(tool_of(name), f->by)) f->by = tool_of(name);
    }
}

void pl_letter_read(struct pl_letter_facts *f, const rd_kafka_headers_t *headers) {
    const char *name;
    const void *value;
    size_t n;
    *f = (struct pl_letter_facts){.partition = -1, .offset = -1, .failed_at_ms = -1, .attempts = -1, .whole_bytes = -1};
    if (!headers) return;
    find_tool(f, headers);
    for (size_t i = f->first; !rd_kafka_header_get_all(headers, i, &name, &value, &n); i++)
        for (const struct row *row = rows; value && row < rows + sizeof rows / sizeof rows[0]; row++)
            if (row->by == f->by && !strcmp(row->name, name)) take(f, row, value, n);
}

bool pl_letter_original(const struct pl_letter_facts *f, const rd_kafka_headers_t *headers, size_t i) {
    const char *name;
    const void *value;
    size_t n;
    if (!headers || rd_kafka_header_get_all(headers, i, &name, &value, &n)) return false;
    enum pl_letter_by by = tool_of(name);
    if (i < f->first || f->by == PL_LETTER_OTHER) return true;
    return by != f->by &&
           !(f->by == PL_LETTER_POUCH && (by == PL_LETTER_SPRING || by == PL_LETTER_CAAS)); /* ours have all */
}
