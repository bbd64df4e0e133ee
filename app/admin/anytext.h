/* Text from others, which may hold any bytes, as JSON; and JSON that is put together piece by piece. */
#ifndef POUCH_ADMIN_ANYTEXT_H
#define POUCH_ADMIN_ANYTEXT_H

#include <json/json.h>
#include <wire/envelope.h>

/* A JSON string, bytes that are no UTF-8 replaced by U+FFFD; null when at is NULL. NULL: no memory. */
json_t *admin_anytext(struct pl_span text);

/* The same of a whole text, and of a list of them as an array. */
json_t *admin_anytext_of(const char *text);
json_t *admin_texts_json(char *const *texts, size_t n);

/*
 * An array with one more item, or an object with one more member; both are taken. NULL, of either too: out of memory.
 */
json_t *admin_array_with(json_t *array, json_t *item);
json_t *admin_json_with(json_t *object, const char *name, json_t *value);

#endif
