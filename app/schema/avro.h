/*
 * Avro: schemas read from their JSON, values written from JSON and read into it. No I/O, no state: a schema is never
 * changed once it is read, so any thread may use it. Inside the room, but for tests and the fuzzer.
 *
 * How values look in JSON: int, long, float and double are numbers, and a float that is none is "NaN", "Infinity" or
 * "-Infinity"; bytes and fixed are strings whose characters U+0000 to U+00FF stand for the bytes; a record is an
 * object, and a member that is missing gets its default; a logical type looks as the type below it does. A value of a
 * union stands for itself, and is of the first branch that it fits, integers before floats; or, where it fits none, it
 * is an object of one member named as its branch, as Avro's own JSON has it.
 */
#ifndef POUCH_SCHEMA_AVRO_H
#define POUCH_SCHEMA_AVRO_H

#include <base/buf.h>
#include <json/json.h>
#include <pouch/error.h>
#include <stddef.h>
#include <stdint.h>

struct avro_schema;

/*
 * INVALID_PAYLOAD: not an Avro schema, with the place in pouch_why(). TOO_LARGE: more types than a schema may have.
 * NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err schema_avro_compile(struct avro_schema **schema, const char *text, size_t n);
void schema_avro_free(struct avro_schema *schema); /* NULL is allowed */

/*
 * Appends the value in Avro's binary encoding; n: the length of the JSON text that it came from, which bounds the work.
 * INVALID_PAYLOAD: not as the schema says, with the place. TOO_LARGE, NO_MEMORY: as pl_buf_append(). After an error out
 * is as it was.
 */
POUCH_MUST_CHECK pouch_err schema_avro_write(const struct avro_schema *schema, const json_t *value, size_t n,
                                             struct pl_buf *out);

/*
 * The value that the bytes hold, all of them. room bounds what it may take, about as many bytes as its text has.
 * INVALID_PAYLOAD: not as the schema says. TOO_LARGE, NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err schema_avro_read(const struct avro_schema *schema, const void *data, size_t n, size_t room,
                                            json_t **value);

#endif
