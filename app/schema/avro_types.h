/* What an Avro schema is made of, for those who read and write values by it. Inside the room. */
#ifndef POUCH_SCHEMA_AVRO_TYPES_H
#define POUCH_SCHEMA_AVRO_TYPES_H

#include <json/json.h>
#include <schema/avro.h>

enum avro_kind {
    AVRO_NULL,
    AVRO_BOOLEAN,
    AVRO_INT,
    AVRO_LONG,
    AVRO_FLOAT,
    AVRO_DOUBLE,
    AVRO_BYTES,
    AVRO_STRING,
    AVRO_PRIMITIVES, /* how many there are */
    AVRO_RECORD = AVRO_PRIMITIVES,
    AVRO_ENUM,
    AVRO_ARRAY,
    AVRO_MAP,
    AVRO_UNION,
    AVRO_FIXED,
};

/* A field's name and its default are those of the schema's JSON. */
struct avro_field {
    const char *name;
    struct avro_type *type;
    const json_t *fallback; /* NULL: the field must be there */
};

struct avro_type {
    enum avro_kind kind;
    char *name;                /* the full one of a record, enum or fixed; of others "long", "array", … */
    struct avro_field *fields; /* n of them, of a record */
    struct avro_type **types;  /* n of them: the branches of a union; one: the items of an array, the values of a map */
    const json_t *symbols;     /* an array of strings, of an enum */
    json_t *numbers;           /* an object that gives each symbol's place there */
    size_t n;
    size_t size;            /* of a fixed */
    struct avro_type *next; /* of all in the schema */
};

struct avro_schema {
    json_t *json; /* that it was read from, and borrows from */
    struct avro_type *root;
    struct avro_type *all; /* each once; types refer to each other in circles */
    size_t n;
};

/* How deep values may go: somewhat deeper than JSON that is read, for defaults have more in them. */
enum { AVRO_DEPTH_MAX = 80 };

/* A value's place, for messages: only names that the schema has, and numbers, for keys of maps are payload. */
struct avro_place {
    const struct avro_place *above;
    const char *name; /* of a field; NULL: in an array or map */
    size_t index;
};

enum { AVRO_PLACE_MAX = 200 };
/* "/items/3/price" */
const char *schema_avro_place_text(const struct avro_place *place, char out[static AVRO_PLACE_MAX]);

/* The value of a union, of its first branch: what a default is. */
POUCH_MUST_CHECK pouch_err schema_avro_write_fallback(const struct avro_type *type, const json_t *value);

#endif
