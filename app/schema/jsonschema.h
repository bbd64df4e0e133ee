/*
 * JSON Schema, draft 7 (and 6, which is a part of it). No I/O, no state, as with avro.h: nothing is fetched, so a
 * schema may refer only to what is in it. `format` and the content keywords are not asserted, as the draft allows.
 * Inside the room, but for tests and the fuzzer.
 */
#ifndef POUCH_SCHEMA_JSONSCHEMA_H
#define POUCH_SCHEMA_JSONSCHEMA_H

#include <json/json.h>
#include <pouch/error.h>
#include <stddef.h>

struct jsonschema;

/*
 * INVALID_PAYLOAD: not a schema, with the keyword in pouch_why(). CONFIG: of another draft, or with a keyword of one,
 * or it refers to what is not in it, or to itself without end. TOO_LARGE: more subschemas than one may have. NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err schema_json_read(struct jsonschema **schema, const char *text, size_t n);
void schema_json_free(struct jsonschema *schema); /* NULL is allowed */

/*
 * n: the length of the text that the value came from, which bounds the work. INVALID_PAYLOAD: not as the schema says,
 * or too much work, with place and keyword in pouch_why(); the place has only names that the schema has. CONFIG: the
 * schema goes too deep. NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err schema_json_check(const struct jsonschema *schema, const json_t *value, size_t n);

#endif
