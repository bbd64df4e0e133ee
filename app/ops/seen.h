/* Rows that were printed, so that reading a time again does not print them again. */
#ifndef POUCH_OPS_SEEN_H
#define POUCH_OPS_SEEN_H

#include <pouch/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A hash table of what was seen within a while; zeroed is empty. */
struct ops_seen {
    struct ops_seen_row {
        uint64_t id;
        int64_t at_us; /* 0: a free slot */
    } * slots;
    size_t n, cap; /* cap: a power of two, at least twice n */
};

/* *is_new, which may be NULL: whether it was not seen before with that time. at_us > 0. NO_MEMORY. */
POUCH_MUST_CHECK pouch_err ops_seen_add(struct ops_seen *s, uint64_t id, int64_t at_us, bool *is_new);

/* Forgets what is older. */
void ops_seen_forget(struct ops_seen *s, int64_t before_us);
void ops_seen_free(struct ops_seen *s);

#endif
