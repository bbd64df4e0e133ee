/* Text from others, which may hold any bytes, as JSON. */
#ifndef POUCH_OPS_ANYTEXT_H
#define POUCH_OPS_ANYTEXT_H

#include <base/buf.h>
#include <json/json.h>
#include <ops/ops.h>
#include <wire/envelope.h>

/* A JSON string, bytes that are no UTF-8 replaced by U+FFFD; null when at is NULL. NULL: no memory. */
json_t *ops_anytext(struct pl_span text);

/*
 * Prints object, which it takes, as ops_print_item() does, with one more member whose value is JSON text that is
 * kept as it is, digits and order of members included. raw.at NULL: without it. Gives the exit code.
 */
int ops_anytext_item(const struct ops_call *call, size_t nth, json_t *object, const char *name, struct pl_span raw);

#endif
