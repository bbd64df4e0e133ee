/* Dead letters as the dlq commands see them. */
#ifndef POUCH_OPS_DLQ_H
#define POUCH_OPS_DLQ_H

#include <json/json.h>
#include <letter/read.h>

/* Spans are borrowed from the record, or after ops_letter_keep() from block. at NULL: not told. */
struct ops_letter {
    struct pl_letter_facts facts;
    struct pl_span publisher;
    int32_t partition; /* in the dead-letter topic, as is the offset */
    int64_t offset;
    int64_t time_ms;    /* when it failed, or else when the record was written */
    int64_t written_ms; /* when the record was written, as the broker tells; -1: it does not */
    size_t bytes;       /* of the value as it is here */
    char *block;
};

/* What a record of a dead-letter topic is; publisher and request id come from the envelope where no header tells them. */
void ops_letter_read(struct ops_letter *l, const rd_kafka_message_t *m);

/* Copies what it borrows, each text cut at about a KiB, so that it outlives the record. NO_MEMORY. */
POUCH_MUST_CHECK pouch_err ops_letter_keep(struct ops_letter *l);
void ops_letter_drop(struct ops_letter *l);

/* Everything but the payload and the original headers. NULL: no memory. */
json_t *ops_letter_json(const struct ops_letter *l);

/* The name of the tool that wrote it: "pouch". */
const char *ops_letter_tool(enum pl_letter_by by);

/* What a code says about the record, and what its operator does next. Static text. */
struct ops_advice {
    pouch_err code; /* POUCH_OK: any code that is not ours */
    const char *meaning, *next;
};
const struct ops_advice *ops_advice_for(struct pl_span code);

#endif
