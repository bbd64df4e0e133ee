/* One value as text: is it allowed, and which number does it stand for? Inside the room. */
#ifndef POUCH_CONF_VALUE_H
#define POUCH_CONF_VALUE_H

#include <conf/settings.h>

/*
 * Checks text against the row. *number gets what a bool, count, size, duration or choice
 * stands for, 0 for the other kinds. place stands in front of the message: CONFIG.
 */
POUCH_MUST_CHECK pouch_err pl_value_check(const struct pl_option *row, const char *place, const char *text,
                                          int64_t *number);

/* A value that a message may quote: cut, and without control characters. */
enum { PL_VALUE_QUOTE_MAX = 72 };
const char *pl_value_quote(const char *text, char out[PL_VALUE_QUOTE_MAX]);

#endif
