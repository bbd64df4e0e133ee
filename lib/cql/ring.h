/* Which host owns which token: a sorted ring. No I/O. */
#ifndef POUCH_CQL_RING_H
#define POUCH_CQL_RING_H

#include <pouch/error.h>
#include <stddef.h>
#include <stdint.h>

enum { PL_CQL_RING_MAX = 1 << 17 }; /* tokens of all hosts; more are left out */

struct pl_cql_ring_entry {
    int64_t token;
    uint16_t host; /* what its owner numbers it by */
};

struct pl_cql_ring {
    struct pl_cql_ring_entry *entries;
    size_t n, cap;
};

void pl_cql_ring_free(struct pl_cql_ring *r);
void pl_cql_ring_clear(struct pl_cql_ring *r);                                                   /* keeps the memory */
POUCH_MUST_CHECK pouch_err pl_cql_ring_add(struct pl_cql_ring *r, int64_t token, uint16_t host); /* NO_MEMORY */
void pl_cql_ring_sort(struct pl_cql_ring *r); /* after the last add, before the first look */

/* The place of the first entry whose token is not below this one; past the last comes the first. 0 when empty. */
size_t pl_cql_ring_find(const struct pl_cql_ring *r, int64_t token);

#endif
