/* A JSON Schema as it is checked: for each subschema the list of its checks. Inside the room. */
#ifndef POUCH_SCHEMA_JSONSCHEMA_TYPES_H
#define POUCH_SCHEMA_JSONSCHEMA_TYPES_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <json/json.h>
#include <pcre2.h>
#include <schema/jsonschema.h>
#include <stdbool.h>

struct js_check;
struct js_run;

/* Whether the value is as the check says. false also when the run has ended in an error. */
typedef bool schema_js_check_fn(struct js_run *run, const struct js_check *check, const json_t *value);

/* How a keyword's argument is read. */
enum js_takes {
    JS_NUMBER,         /* above: any */
    JS_POSITIVE,       /* a number above 0 */
    JS_COUNT,          /* an integer from 0 */
    JS_FLAG,           /* a boolean */
    JS_ANY,            /* anything */
    JS_LIST,           /* an array */
    JS_NAMES,          /* an array of strings */
    JS_TYPE,           /* the name of a type, or an array of such */
    JS_REGEX,          /* a string */
    JS_SCHEMA,         /* a subschema */
    JS_SCHEMAS,        /* an array of them, not empty */
    JS_SCHEMA_OR_LIST, /* one, or an array of them */
    JS_SCHEMA_MAP,     /* an object of them */
    JS_REGEX_MAP,      /* the same, its names being regular expressions */
    JS_DEPENDENCIES,   /* an object of them, or of arrays of strings */
    JS_REFERENCE,      /* a string: where the subschema is */
};

struct js_keyword {
    const char *name;
    enum js_takes takes;
    schema_js_check_fn *check; /* NULL: what it says is asserted by a neighbour of it, or nowhere */
};

extern const struct js_keyword js_keywords[]; /* ended by a NULL name */

/* A keyword in a subschema. */
struct js_check {
    const struct js_keyword *keyword;
    const json_t *argument;
    const struct js_schema *owner;
    struct js_schema **schemas; /* n of them, in the order of the argument; NULL in it: a list of names */
    pcre2_code **regexes;       /* n of them */
    size_t n;
};

struct js_schema {
    const json_t *json; /* an object, or a boolean */
    struct js_check *checks;
    size_t n;
    struct js_schema *next;           /* of all */
    const struct js_schema *resource; /* the schema around it, or itself, that its references start from */
    char *uri;                        /* of a resource, without a fragment; NULL: it is none */
    const char *anchor;               /* a name of its own in the resource; NULL: it has none */
    enum { JS_UNSEEN, JS_ON_THE_WAY, JS_SEEN } mark; /* by schema_js_check_loops() */
};

struct jsonschema {
    json_t *json;
    bool draft_named; /* by $schema; else the text may be meant for a newer draft */
    struct js_schema *root, *all;
    size_t n;
};

/*
 * Reading: the subschema at json, inside that resource (NULL: it is the root), made once; and what a reference in
 * `from` stands for. Errors as schema_json_read().
 */
POUCH_MUST_CHECK pouch_err schema_js_schema_at(struct jsonschema *all, const json_t *json,
                                               const struct js_schema *resource, struct js_schema **schema);
POUCH_MUST_CHECK pouch_err schema_js_resolve(struct jsonschema *all, const struct js_schema *from,
                                             const char *reference, struct js_schema **target);

/*
 * CONFIG: a subschema stands for itself, by way of references alone and of keywords that look at the same value, so
 * that no check would end. Once all references are read.
 */
POUCH_MUST_CHECK pouch_err schema_js_check_loops(struct jsonschema *all);

/* A URI that a reference gives from a base, both with or without a fragment; to be freed, NULL: out of memory. */
char *schema_js_uri(const char *base, const char *reference);

/* The check of that keyword in the subschema, NULL: there is none. */
const struct js_check *schema_js_find(const struct js_schema *schema, const char *keyword);

/* Where the value under check is. */
struct js_place {
    const struct js_place *above;
    const char *name; /* NULL: in an array, or a member whose name the schema does not have */
    size_t index;     /* SIZE_MAX: such a member */
};

/* One check of one payload. */
struct js_run {
    const struct js_place *place;
    size_t steps; /* what may still be done */
    int depth;    /* of subschemas that are being checked */
    int quiet;    /* above 0: it may fail without the payload being invalid, so that nobody asks why */
    pcre2_match_data *match;
    pouch_err error;
};

/* Whether the value is as the subschema says; the first check that fails gives the reason. */
bool schema_js_check_schema(struct js_run *run, const struct js_schema *schema, const json_t *value);

/* Takes n steps; false: there are no more. */
bool schema_js_spend(struct js_run *run, size_t n);

/* Whether the text matches; false also after an error. */
bool schema_js_matches(struct js_run *run, const pcre2_code *regex, const char *text, size_t n);

/* Numbers by value, whatever they look like: 1 and 1.0 are equal. */
bool schema_js_equal(struct js_run *run, const json_t *a, const json_t *b);

/* Whether an array has no two items that are equal. */
bool schema_js_all_differ(struct js_run *run, const json_t *array);

#endif
