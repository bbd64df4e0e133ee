/*
 * Answers from bytes. No I/O, no allocation but for a prepared statement; whatever the bytes are, it stays within them.
 */
#ifndef POUCH_CQL_ANSWER_H
#define POUCH_CQL_ANSWER_H

#include <cql/prepared.h>
#include <cql/read.h>
#include <cql/rows.h>

struct pl_cql_head {
    uint8_t flags, op;
    int16_t stream;
    uint32_t length; /* of the body */
};

/* From the first PL_CQL_HEAD bytes of a frame. False: not an answer in our version of the protocol. */
bool pl_cql_head_read(struct pl_cql_head *h, const char *at);

struct pl_cql_column_spec {
    const char *name;
    uint16_t name_n, type, element;
};

struct pl_cql_rows {
    struct pl_cql_read rest; /* rows behind the current one */
    size_t count, left;
    size_t n_columns;
    struct pl_cql_column_spec columns[PL_CQL_COLUMNS_MAX];
    struct pl_cql_cell cells[PL_CQL_COLUMNS_MAX]; /* of the current row; all null before the first */
    const char *paging;                           /* where the next page begins; NULL: this is the last */
    size_t paging_n;
};

enum pl_cql_result_kind {
    PL_CQL_RESULT_VOID = 1,
    PL_CQL_RESULT_ROWS = 2,
    PL_CQL_RESULT_KEYSPACE = 3,
    PL_CQL_RESULT_PREPARED = 4,
    PL_CQL_RESULT_SCHEMA = 5
};

/* An answer's parts, borrowed from its bytes. */
struct pl_cql_answer {
    enum pl_cql_result_kind kind; /* of a RESULT */
    struct pl_cql_read prepared;  /* kind PREPARED: for pl_cql_answer_prepared() */
    int32_t code;                 /* of an ERROR; else -1 */
    const char *message;          /* of an ERROR; not NUL-terminated */
    size_t message_n;
    const char *unprepared; /* ERROR 0x2500: the id of the statement it does not know */
    size_t unprepared_n;
    const char *authenticator; /* AUTHENTICATE: the name of the server's class */
    size_t authenticator_n;
};

/* False: not an answer as the protocol has it. rows is filled when the answer is a RESULT of kind ROWS. */
bool pl_cql_answer_read(struct pl_cql_answer *a, struct pl_cql_rows *rows, const struct pl_cql_head *h,
                        const char *body);

/*
 * The description in a PREPARED answer. STORE: not readable; TOO_LARGE: more markers than PL_CQL_COLUMNS_MAX;
 * NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err pl_cql_answer_prepared(struct pl_cql_statement **statement, const struct pl_cql_answer *a,
                                                  const char *text);

/* Whether a PREPARED answer has the id of that statement. */
bool pl_cql_answer_same(const struct pl_cql_answer *a, const struct pl_cql_statement *statement);

#endif
