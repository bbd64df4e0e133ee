/* Dead letters as the dlq commands see them. */
#ifndef POUCH_ADMIN_LETTER_H
#define POUCH_ADMIN_LETTER_H

#include <json/json.h>
#include <letter/read.h>

/* Spans are borrowed from the record, or after admin_letter_keep() from block. at NULL: not told. */
struct admin_letter {
    struct pl_letter_facts facts;
    struct pl_span publisher;
    struct pl_span tenant, correlation_id; /* by headers that the record came with */
    int32_t partition;                     /* in the dead-letter topic, as is the offset */
    int64_t offset;
    int64_t time_ms;    /* when it failed, or else when the record was written */
    int64_t written_ms; /* when the record was written, as the broker tells; -1: it does not */
    size_t bytes;       /* of the value as it is here */
    char *block;
};

/*
 * What a record of a dead-letter topic is; publisher and request id come from the envelope where no header tells them.
 */
void admin_letter_read(struct admin_letter *l, const rd_kafka_message_t *m);

/* Copies what it borrows, each text cut at about a KiB, so that it outlives the record. NO_MEMORY. */
POUCH_MUST_CHECK pouch_err admin_letter_keep(struct admin_letter *l);
void admin_letter_drop(struct admin_letter *l);

/* Everything but the payload and the original headers. NULL: no memory. */
json_t *admin_letter_json(const struct admin_letter *l);

/* The same with what it means, what to do next, and the headers that the record came with. NULL: no memory. */
json_t *admin_letter_explain_json(const struct admin_letter *l, const rd_kafka_headers_t *headers);

/* The name of the tool that wrote it: "pouch". */
const char *admin_letter_tool(enum pl_letter_by by);

/* What a code says about the record, and what its operator does next. Static text. */
struct admin_advice {
    pouch_err code; /* POUCH_OK: any code that is not ours */
    const char *meaning, *next;
};
const struct admin_advice *admin_advice_for(struct pl_span code);

#endif
