/*
 * Reading the protocol's notations off bytes that may be cut or garbled: after a step too far everything reads as
 * nothing.
 */
#ifndef POUCH_CQL_READ_H
#define POUCH_CQL_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pl_cql_read {
    const char *at, *end;
    bool bad; /* something was longer than what is there */
};

/* n bytes, or NULL and bad. */
static inline const char *pl_cql_read_raw(struct pl_cql_read *r, size_t n) {
    if (r->bad || (size_t)(r->end - r->at) < n) {
        r->bad = true;
        return NULL;
    }
    const char *at = r->at;
    r->at += n;
    return at;
}

static inline uint64_t pl_cql_big_endian(const char *at, size_t n) {
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++) v = v << 8 | (uint8_t)at[i];
    return v;
}

static inline uint16_t pl_cql_read_short(struct pl_cql_read *r) {
    const char *at = pl_cql_read_raw(r, 2);
    return at ? (uint16_t)pl_cql_big_endian(at, 2) : 0;
}

static inline int32_t pl_cql_read_int(struct pl_cql_read *r) {
    const char *at = pl_cql_read_raw(r, 4);
    return at ? (int32_t)(uint32_t)pl_cql_big_endian(at, 4) : 0;
}

/* A [string] or [short bytes]; "" with n 0 when it is not there. */
static inline const char *pl_cql_read_string(struct pl_cql_read *r, size_t *n) {
    *n = pl_cql_read_short(r);
    const char *at = pl_cql_read_raw(r, *n);
    if (!at) *n = 0;
    return at ? at : "";
}

/* [bytes] or a [value]: NULL and -1 for null. */
static inline const char *pl_cql_read_bytes(struct pl_cql_read *r, int32_t *n) {
    *n = pl_cql_read_int(r);
    if (*n < 0) {
        *n = -1;
        return NULL;
    }
    const char *at = pl_cql_read_raw(r, (size_t)*n);
    if (!at) *n = -1;
    return at;
}

#endif
