/* The Kafka headers that Pouch gives a meaning to. Values are text. */
#ifndef POUCH_WIRE_HEADERS_H
#define POUCH_WIRE_HEADERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <wire/envelope.h>

#define PL_H_DEADLINE    "pouch-deadline" /* ms since the epoch, decimal; what is later than PL_DEADLINE_MOST is that */
#define PL_H_HOP         "pouch-hop"      /* decimal, 0 when absent */
#define PL_H_REPLY       "pouch-reply"    /* "none": nobody replies; "named": who answers says so */
#define PL_H_SOURCE      "pouch-source"   /* topic/partition/offset */
#define PL_H_FANOUT      "pouch-fanout"   /* i/n */
#define PL_H_TARGET      "pouch-target"   /* echoed by workers */
#define PL_H_RESPONDER   "pouch-responder" /* of an answer: the group of the worker that wrote it */
#define PL_H_TRACEPARENT "traceparent"
#define PL_H_TRACESTATE  "tracestate"

/* So late that nobody waits for it, and still in range when it is added to and counted in microseconds. */
#define PL_DEADLINE_MOST (INT64_MAX / 4000)

enum { PL_HOPS_MAX = 16 };

/* A header as carried; name is NUL-terminated, value is not and may be NULL. Borrowed. */
struct pl_header {
    const char *name;
    const void *value;
    size_t n;
};

/* Decimal in [0, INT64_MAX], at most 19 digits, nothing else; false otherwise. */
bool pl_header_number(int64_t *out, const void *value, size_t n);

/* Writes a number that is not negative, up to 19 digits without a NUL; behind the last one. */
char *pl_decimal_write(char *out, int64_t value);

/* topic/partition/offset, the value of PL_H_SOURCE. topic: a Kafka name; offset: not negative. */
enum { PL_SOURCE_MAX = PL_NAME_MAX + 1 + 11 + 1 + 20 + 1 };
void pl_source_write(char out[PL_SOURCE_MAX], const char *topic, int32_t partition, int64_t offset);

/* "i/n", the i-th of n branches of one request: 1 <= i <= n <= PL_BRANCHES_MAX; false otherwise. */
enum { PL_BRANCHES_MAX = 32 };
bool pl_header_branch(unsigned *i, unsigned *n, const void *value, size_t value_n);

/* pattern: a name with at most one '*' at either end; a comma-separated list of them ("*.replies,*-reply"). */
bool pl_pattern_match(const char *patterns, const char *name, size_t n);

#endif
