/*
 * Control-plane JSON by jansson: strict (duplicates refused, UTF-8, bounded depth and size). Never on the message path.
 */
#ifndef POUCH_JSON_JSON_H
#define POUCH_JSON_JSON_H

#include <jansson.h>
#include <pouch/error.h>
#include <stddef.h>

/*
 * What jansson takes, measured, with what its allocator adds: an empty array, an empty object, and another value's
 * place in one of them with a number or the frame of a string; and how much all values of one text may take.
 */
enum { PL_JSON_ARRAY_BYTES = 128, PL_JSON_OBJECT_BYTES = 224, PL_JSON_VALUE_BYTES = 48, PL_JSON_TREE_MAX = 256 << 20 };

/*
 * One value of any kind from n bytes (at most 8 MiB). INVALID_PAYLOAD with line and column in pouch_why(); what: named
 * in the message.
 */
POUCH_MUST_CHECK pouch_err pl_json_read(json_t **value, const char *what, const char *text, size_t n);

/*
 * A payload, of at most 64 MiB and as strict as above, but that strings may have U+0000 in them, and an integer that no
 * 64 bits hold makes all numbers of the payload reals.
 */
POUCH_MUST_CHECK pouch_err pl_json_read_payload(json_t **value, const char *what, const void *text, size_t n);

/* Compact text, to be freed with free(); NULL: out of memory. Member order as inserted. n may be NULL. */
char *pl_json_text(const json_t *value, size_t *n);

/* Adds a text of at most 1023 bytes to an array of them, such as reasons; one that cannot be added counts as a null. */
void pl_json_say(json_t *texts, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
