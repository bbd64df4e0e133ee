/* Printing JSON that has text from others in it. */
#ifndef POUCH_OPS_ANYTEXT_H
#define POUCH_OPS_ANYTEXT_H

#include <admin/anytext.h>
#include <ops/ops.h>

/*
 * Prints object, which it takes, with one more member whose value is JSON text that is kept as it is, digits and
 * order of members included; on one line, without the line's end. raw.at NULL: without that member. Gives the exit
 * code.
 */
int ops_anytext_print(json_t *object, const char *name, struct pl_span raw);

/* The same as the nth item of ops_print_item(). */
int ops_anytext_item(const struct ops_call *call, size_t nth, json_t *object, const char *name, struct pl_span raw);

#endif
