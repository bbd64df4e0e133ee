#include <base/why.h>
#include <cql/ring.h>
#include <stdlib.h>

void pl_cql_ring_free(struct pl_cql_ring *r) {
    free(r->entries);
    *r = (struct pl_cql_ring){0};
}

void pl_cql_ring_clear(struct pl_cql_ring *r) {
    r->n = 0;
}

pouch_err pl_cql_ring_add(struct pl_cql_ring *r, int64_t token, uint16_t host) {
    if (r->n == PL_CQL_RING_MAX) return POUCH_OK;
    if (r->n == r->cap) {
        size_t cap = r->cap ? 2 * r->cap : 64;
        struct pl_cql_ring_entry *more = realloc(r->entries, cap * sizeof *more);
        if (!more) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for %zu tokens of a cluster", cap);
        r->entries = more;
        r->cap = cap;
    }
    r->entries[r->n++] = (struct pl_cql_ring_entry){token, host};
    return POUCH_OK;
}

static int compare(const void *a, const void *b) {
    const struct pl_cql_ring_entry *x = a, *y = b;
    if (x->token != y->token) return x->token < y->token ? -1 : 1;
    return (x->host > y->host) - (x->host < y->host);
}

void pl_cql_ring_sort(struct pl_cql_ring *r) {
    if (r->n) qsort(r->entries, r->n, sizeof *r->entries, compare);
}

size_t pl_cql_ring_find(const struct pl_cql_ring *r, int64_t token) {
    size_t low = 0, high = r->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (r->entries[middle].token < token)
            low = middle + 1;
        else
            high = middle;
    }
    return low == r->n ? 0 : low;
}
