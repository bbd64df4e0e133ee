/* Values as they go into statements. */
#ifndef POUCH_CQL_VALUE_H
#define POUCH_CQL_VALUE_H

#include <base/uuid.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The types of columns, numbered as the protocol does. */
enum pl_cql_type {
    PL_CQL_CUSTOM = 0x00,
    PL_CQL_ASCII = 0x01,
    PL_CQL_BIGINT = 0x02,
    PL_CQL_BLOB = 0x03,
    PL_CQL_BOOLEAN = 0x04,
    PL_CQL_COUNTER = 0x05,
    PL_CQL_DECIMAL = 0x06,
    PL_CQL_DOUBLE = 0x07,
    PL_CQL_FLOAT = 0x08,
    PL_CQL_INT = 0x09,
    PL_CQL_TIMESTAMP = 0x0b, /* milliseconds since the epoch */
    PL_CQL_UUID = 0x0c,
    PL_CQL_VARCHAR = 0x0d,
    PL_CQL_VARINT = 0x0e,
    PL_CQL_TIMEUUID = 0x0f,
    PL_CQL_INET = 0x10,
    PL_CQL_DATE = 0x11,
    PL_CQL_TIME = 0x12,
    PL_CQL_SMALLINT = 0x13,
    PL_CQL_TINYINT = 0x14,
    PL_CQL_LIST = 0x20,
    PL_CQL_MAP = 0x21,
    PL_CQL_SET = 0x22,
    PL_CQL_UDT = 0x30,
    PL_CQL_TUPLE = 0x31
};

/* What a value was made as; checked against its column when a statement is executed. */
enum pl_cql_kind {
    PL_CQL_KIND_UNSET, /* leaves the column as it is, writes no tombstone */
    PL_CQL_KIND_NULL,
    PL_CQL_KIND_BYTES,  /* ascii, varchar, blob, and every type without a kind of its own */
    PL_CQL_KIND_NUMBER, /* bigint, timestamp, time, counter, int, smallint, tinyint: written in the column's width */
    PL_CQL_KIND_BOOLEAN,
    PL_CQL_KIND_DOUBLE, /* double, float */
    PL_CQL_KIND_UUID,
    PL_CQL_KIND_TEXTS /* list or set of ascii or varchar */
};

/* Bytes and texts are borrowed until the call that was given the value returns. */
struct pl_cql_value {
    enum pl_cql_kind kind;
    union {
        struct {
            const void *at;
            size_t n;
        } bytes;
        struct {
            const char *const *at;
            size_t n;
        } texts;
        int64_t number;
        double real;
        struct pl_uuid uuid;
    };
};

static inline struct pl_cql_value pl_cql_unset(void) {
    return (struct pl_cql_value){.kind = PL_CQL_KIND_UNSET};
}

static inline struct pl_cql_value pl_cql_null(void) {
    return (struct pl_cql_value){.kind = PL_CQL_KIND_NULL};
}

static inline struct pl_cql_value pl_cql_bytes(const void *at, size_t n) {
    return (struct pl_cql_value){.kind = PL_CQL_KIND_BYTES, .bytes = {at, n}};
}

/* NUL-terminated; NULL becomes UNSET. */
struct pl_cql_value pl_cql_text(const char *text);

static inline struct pl_cql_value pl_cql_number(int64_t number) {
    return (struct pl_cql_value){.kind = PL_CQL_KIND_NUMBER, .number = number};
}

static inline struct pl_cql_value pl_cql_boolean(bool truth) {
    return (struct pl_cql_value){.kind = PL_CQL_KIND_BOOLEAN, .number = truth};
}

static inline struct pl_cql_value pl_cql_double(double real) {
    return (struct pl_cql_value){.kind = PL_CQL_KIND_DOUBLE, .real = real};
}

static inline struct pl_cql_value pl_cql_uuid(const struct pl_uuid *id) {
    return (struct pl_cql_value){.kind = PL_CQL_KIND_UUID, .uuid = *id};
}

/* n NUL-terminated texts; none: an empty collection, which Cassandra keeps as null. */
static inline struct pl_cql_value pl_cql_texts(const char *const texts[], size_t n) {
    return (struct pl_cql_value){.kind = PL_CQL_KIND_TEXTS, .texts = {texts, n}};
}

#endif
