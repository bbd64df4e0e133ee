#include <base/why.h>
#include <float.h>
#include <math.h>
#include <schema/jsonschema_types.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { DEPTH_MAX = 1000, STEPS_LEAST = 1000000, STEPS_A_BYTE = 64 };
enum { MATCH_HEAP_KIB = 256 * 1024, BYTES_A_STEP = 16 };
enum { PLACE_MAX = 200, REASON_MAX = 300 };

/* ---- reasons ---- */

/* "/items/3/price"; a member that the schema does not name is "*", for its name is payload. */
static const char *place_text(const struct js_place *place, char out[static PLACE_MAX]) {
    size_t at = PLACE_MAX - 1;
    out[at] = 0;
    for (; place; place = place->above) {
        char part[PLACE_MAX];
        int n;
        if (place->name)
            n = snprintf(part, sizeof part, "/%.100s", place->name);
        else if (place->index == SIZE_MAX)
            n = snprintf(part, sizeof part, "/*");
        else
            n = snprintf(part, sizeof part, "/%zu", place->index);
        if (n < 0 || (size_t)n > at) break;
        at -= (size_t)n;
        memcpy(out + at, part, (size_t)n);
    }
    return out[at] ? out + at : "the whole payload";
}

/* false, so that `return misfit(…)` reads as one thing. Nobody asks for the reason while another way may still fit. */
__attribute__((format(printf, 2, 3))) static bool misfit(struct js_run *run, const char *format, ...) {
    if (run->quiet || run->error) return false;
    char place[PLACE_MAX], reason[REASON_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(reason, sizeof reason, format, args);
    va_end(args);
    run->error = pl_fail(POUCH_E_INVALID_PAYLOAD, "%s: %s", place_text(run->place, place), reason);
    return false;
}

bool schema_js_spend(struct js_run *run, size_t n) {
    if (n <= run->steps) {
        run->steps -= n;
        return true;
    }
    run->steps = 0;
    if (!run->error) run->error = pl_fail(POUCH_E_INVALID_PAYLOAD, "the payload takes too long to check by its schema");
    return false;
}

struct matching {
    struct js_run *run;
    size_t at; /* where in the text it was */
};

/*
 * Called before each item of a regular expression that is tried. PCRE2's own limit counts anew from each character
 * where a match may start, and one item alone may pass all of the text.
 */
static int pay(pcre2_callout_block *item, void *arg) {
    struct matching *m = arg;
    size_t passed = item->current_position > m->at ? item->current_position - m->at : 0;
    m->at = item->current_position;
    return schema_js_spend(m->run, 1 + passed / BYTES_A_STEP) ? 0 : PCRE2_ERROR_CALLOUT;
}

bool schema_js_matches(struct js_run *run, const pcre2_code *regex, const char *text, size_t n) {
    if (run->error || !schema_js_spend(run, 1 + n / BYTES_A_STEP)) return false;
    if (!run->match) run->match = pcre2_match_data_create(1, NULL);
    pcre2_match_context *limits = run->match ? pcre2_match_context_create(NULL) : NULL;
    if (!limits) {
        run->error = pl_fail(POUCH_E_NO_MEMORY, "out of memory for a regular expression");
        return false;
    }
    struct matching matching = {.run = run};
    pcre2_set_callout(limits, pay, &matching);
    pcre2_set_match_limit(limits, UINT32_MAX);
    pcre2_set_heap_limit(limits, MATCH_HEAP_KIB);
    int matched = pcre2_match(regex, (PCRE2_SPTR)text, n, 0, PCRE2_NO_UTF_CHECK, run->match, limits);
    pcre2_match_context_free(limits);
    if (matched >= 0 || matched == PCRE2_ERROR_NOMATCH) return matched >= 0;
    if (matched == PCRE2_ERROR_NOMEMORY)
        run->error = pl_fail(POUCH_E_NO_MEMORY, "out of memory for a regular expression");
    else
        schema_js_spend(run, SIZE_MAX);
    return false;
}

/* ---- subschemas ---- */

bool schema_js_check_schema(struct js_run *run, const struct js_schema *schema, const json_t *value) {
    if (run->error || !schema_js_spend(run, 1)) return false;
    if (json_is_false(schema->json)) return misfit(run, "the schema allows nothing there");
    if (run->depth == DEPTH_MAX) {
        run->error = pl_fail(POUCH_E_CONFIG, "the JSON Schema goes more than %d schemas deep", DEPTH_MAX);
        return false;
    }
    run->depth++;
    bool good = true;
    for (size_t i = 0; good && i < schema->n; i++) {
        const struct js_check *c = &schema->checks[i];
        if (c->keyword->check) good = schema_js_spend(run, 1) && c->keyword->check(run, c, value);
    }
    run->depth--;
    return good && !run->error;
}

static bool fits_quietly(struct js_run *run, const struct js_schema *schema, const json_t *value) {
    run->quiet++;
    bool good = schema_js_check_schema(run, schema, value);
    run->quiet--;
    return good;
}

/* A value inside the one under check. */
static bool check_inside(struct js_run *run, const struct js_schema *schema, const char *name, size_t index,
                         const json_t *value) {
    const struct js_place place = {run->place, name, index};
    run->place = &place;
    bool good = schema_js_check_schema(run, schema, value);
    run->place = place.above;
    return good;
}

static bool check_ref(struct js_run *run, const struct js_check *c, const json_t *value) {
    return schema_js_check_schema(run, c->schemas[0], value);
}

static bool check_all_of(struct js_run *run, const struct js_check *c, const json_t *value) {
    for (size_t i = 0; i < c->n; i++)
        if (!schema_js_check_schema(run, c->schemas[i], value)) return false;
    return true;
}

static bool check_any_of(struct js_run *run, const struct js_check *c, const json_t *value) {
    for (size_t i = 0; i < c->n && !run->error; i++)
        if (fits_quietly(run, c->schemas[i], value)) return true;
    return misfit(run, "fits none of the %zu schemas of anyOf", c->n);
}

static bool check_one_of(struct js_run *run, const struct js_check *c, const json_t *value) {
    size_t fitting = 0;
    for (size_t i = 0; i < c->n && !run->error; i++) fitting += fits_quietly(run, c->schemas[i], value);
    if (run->error || fitting == 1) return !run->error;
    return misfit(run, "fits %zu of the %zu schemas of oneOf, and not one", fitting, c->n);
}

static bool check_not(struct js_run *run, const struct js_check *c, const json_t *value) {
    return fits_quietly(run, c->schemas[0], value) ? misfit(run, "fits the schema of not") : !run->error;
}

static bool check_if(struct js_run *run, const struct js_check *c, const json_t *value) {
    const struct js_check *next = schema_js_find(c->owner, fits_quietly(run, c->schemas[0], value) ? "then" : "else");
    if (run->error) return false;
    return !next || schema_js_check_schema(run, next->schemas[0], value);
}

/* ---- any value ---- */

static bool is_integral(const json_t *value) {
    double real = json_real_value(value);
    return json_is_integer(value) || (json_is_real(value) && real == floor(real));
}

static bool is_of_type(const json_t *value, const char *type) {
    if (!strcmp(type, "object")) return json_is_object(value);
    if (!strcmp(type, "array")) return json_is_array(value);
    if (!strcmp(type, "string")) return json_is_string(value);
    if (!strcmp(type, "number")) return json_is_number(value);
    if (!strcmp(type, "integer")) return is_integral(value);
    if (!strcmp(type, "boolean")) return json_is_boolean(value);
    return !strcmp(type, "null") && json_is_null(value);
}

static bool check_type(struct js_run *run, const struct js_check *c, const json_t *value) {
    const char *single = json_string_value(c->argument);
    if (single) return is_of_type(value, single) || misfit(run, "not of type %.20s", single);
    for (size_t i = 0; i < json_array_size(c->argument); i++)
        if (is_of_type(value, json_string_value(json_array_get(c->argument, i)))) return true;
    return misfit(run, "of none of the types that it may be");
}

static bool check_enum(struct js_run *run, const struct js_check *c, const json_t *value) {
    for (size_t i = 0; i < json_array_size(c->argument); i++)
        if (schema_js_equal(run, json_array_get(c->argument, i), value)) return true;
    return misfit(run, "none of the values of enum");
}

static bool check_const(struct js_run *run, const struct js_check *c, const json_t *value) {
    return schema_js_equal(run, c->argument, value) || misfit(run, "not the value of const");
}

/* ---- strings ---- */

static size_t count_characters(const json_t *string) {
    const char *text = json_string_value(string);
    size_t n = 0;
    for (size_t i = 0; i < json_string_length(string); i++) n += (text[i] & 0xc0) != 0x80;
    return n;
}

/* Where the value is of the kind that the keyword is about, its size is under or over the argument. */
static bool check_size(struct js_run *run, const struct js_check *c, bool about, size_t size, bool most) {
    double bound = json_number_value(c->argument);
    if (!about || (most ? (double)size <= bound : (double)size >= bound)) return true;
    return misfit(run, "%zu, where %.30s is %.0f", size, c->keyword->name, bound);
}

static bool check_min_length(struct js_run *run, const struct js_check *c, const json_t *value) {
    return check_size(run, c, json_is_string(value), count_characters(value), false);
}

static bool check_max_length(struct js_run *run, const struct js_check *c, const json_t *value) {
    return check_size(run, c, json_is_string(value), count_characters(value), true);
}

static bool check_pattern(struct js_run *run, const struct js_check *c, const json_t *value) {
    if (!json_is_string(value)) return true;
    return schema_js_matches(run, c->regexes[0], json_string_value(value), json_string_length(value)) ||
           misfit(run, "does not match its pattern");
}

/* ---- arrays ---- */

static bool check_min_items(struct js_run *run, const struct js_check *c, const json_t *value) {
    return check_size(run, c, json_is_array(value), json_array_size(value), false);
}

static bool check_max_items(struct js_run *run, const struct js_check *c, const json_t *value) {
    return check_size(run, c, json_is_array(value), json_array_size(value), true);
}

static bool check_unique(struct js_run *run, const struct js_check *c, const json_t *value) {
    if (!json_is_array(value) || json_is_false(c->argument)) return true;
    return schema_js_all_differ(run, value) || misfit(run, "two of its items are equal");
}

/* One schema for all items, or the first of a list for the first item and so on. */
static bool check_items(struct js_run *run, const struct js_check *c, const json_t *value) {
    bool list = json_is_array(c->argument);
    size_t n = json_array_size(value);
    if (list && n > c->n) n = c->n;
    for (size_t i = 0; i < n; i++)
        if (!check_inside(run, c->schemas[list ? i : 0], NULL, i, json_array_get(value, i))) return false;
    return true;
}

static bool check_additional_items(struct js_run *run, const struct js_check *c, const json_t *value) {
    const struct js_check *items = schema_js_find(c->owner, "items");
    if (!items || !json_is_array(items->argument)) return true;
    for (size_t i = items->n; i < json_array_size(value); i++)
        if (!check_inside(run, c->schemas[0], NULL, i, json_array_get(value, i))) return false;
    return true;
}

static bool check_contains(struct js_run *run, const struct js_check *c, const json_t *value) {
    if (!json_is_array(value)) return true;
    for (size_t i = 0; i < json_array_size(value) && !run->error; i++)
        if (fits_quietly(run, c->schemas[0], json_array_get(value, i))) return true;
    return misfit(run, "none of its items fits the schema of contains");
}

/* ---- objects ---- */

static bool check_min_properties(struct js_run *run, const struct js_check *c, const json_t *value) {
    return check_size(run, c, json_is_object(value), json_object_size(value), false);
}

static bool check_max_properties(struct js_run *run, const struct js_check *c, const json_t *value) {
    return check_size(run, c, json_is_object(value), json_object_size(value), true);
}

static bool has_all(struct js_run *run, const json_t *names, const json_t *value) {
    for (size_t i = 0; i < json_array_size(names); i++) {
        const char *name = json_string_value(json_array_get(names, i));
        if (!json_object_get(value, name)) return misfit(run, "'%.100s' is missing", name);
    }
    return true;
}

static bool check_required(struct js_run *run, const struct js_check *c, const json_t *value) {
    return !json_is_object(value) || has_all(run, c->argument, value);
}

static bool check_properties(struct js_run *run, const struct js_check *c, const json_t *value) {
    if (!json_is_object(value) || !schema_js_spend(run, c->n)) return !run->error;
    const char *name;
    json_t *unused;
    size_t i = 0;
    json_object_foreach((json_t *)c->argument, name, unused) {
        const json_t *member = json_object_get(value, name);
        if (member && !check_inside(run, c->schemas[i], name, 0, member)) return false;
        i++;
    }
    return true;
}

static bool check_pattern_properties(struct js_run *run, const struct js_check *c, const json_t *value) {
    const char *name;
    json_t *member;
    json_object_foreach((json_t *)value, name, member) {
        for (size_t i = 0; i < c->n; i++) {
            bool matches = schema_js_matches(run, c->regexes[i], name, strlen(name));
            if (run->error) return false;
            if (matches && !check_inside(run, c->schemas[i], NULL, SIZE_MAX, member)) return false;
        }
    }
    return true;
}

static bool is_additional(struct js_run *run, const struct js_schema *owner, const char *name) {
    const struct js_check *properties = schema_js_find(owner, "properties"),
                          *patterns = schema_js_find(owner, "patternProperties");
    if (properties && json_object_get(properties->argument, name)) return false;
    for (size_t i = 0; patterns && i < patterns->n; i++)
        if (schema_js_matches(run, patterns->regexes[i], name, strlen(name))) return false;
    return true;
}

static bool check_additional_properties(struct js_run *run, const struct js_check *c, const json_t *value) {
    const char *name;
    json_t *member;
    json_object_foreach((json_t *)value, name, member) {
        if (!schema_js_spend(run, 1)) return false;
        bool additional = is_additional(run, c->owner, name);
        if (run->error) return false;
        if (additional && json_is_false(c->argument)) return misfit(run, "a member that the schema does not have");
        if (additional && !check_inside(run, c->schemas[0], NULL, SIZE_MAX, member)) return false;
    }
    return true;
}

static bool check_property_names(struct js_run *run, const struct js_check *c, const json_t *value) {
    const char *name;
    json_t *member;
    json_object_foreach((json_t *)value, name, member) {
        json_t *text = json_string_nocheck(name);
        if (!text) {
            run->error = pl_fail(POUCH_E_NO_MEMORY, "out of memory for the names of members");
            return false;
        }
        bool good = fits_quietly(run, c->schemas[0], text);
        json_decref(text);
        if (!good) return misfit(run, "the name of a member is not as propertyNames says");
    }
    return true;
}

static bool check_dependencies(struct js_run *run, const struct js_check *c, const json_t *value) {
    const char *name;
    json_t *argument;
    size_t i = 0;
    json_object_foreach((json_t *)c->argument, name, argument) {
        const struct js_schema *schema = c->schemas[i++];
        if (!json_object_get(value, name)) continue;
        if (!(schema ? schema_js_check_schema(run, schema, value) : has_all(run, argument, value))) return false;
    }
    return true;
}

/* ---- numbers ---- */

/* Below, equal or above: -1, 0, 1. Two integers are compared as such, for a double does not hold all of them. */
static int compare(const json_t *a, const json_t *b) {
    if (json_is_integer(a) && json_is_integer(b)) {
        json_int_t x = json_integer_value(a), y = json_integer_value(b);
        return (x > y) - (x < y);
    }
    double x = json_number_value(a), y = json_number_value(b);
    return (x > y) - (x < y);
}

static bool check_minimum(struct js_run *run, const struct js_check *c, const json_t *value) {
    return !json_is_number(value) || compare(value, c->argument) >= 0 || misfit(run, "below its minimum");
}

static bool check_maximum(struct js_run *run, const struct js_check *c, const json_t *value) {
    return !json_is_number(value) || compare(value, c->argument) <= 0 || misfit(run, "above its maximum");
}

static bool check_above(struct js_run *run, const struct js_check *c, const json_t *value) {
    return !json_is_number(value) || compare(value, c->argument) > 0 || misfit(run, "not above its exclusiveMinimum");
}

static bool check_below(struct js_run *run, const struct js_check *c, const json_t *value) {
    return !json_is_number(value) || compare(value, c->argument) < 0 || misfit(run, "not below its exclusiveMaximum");
}

/* As nearly as doubles can tell: 19.99 is a multiple of 0.01, though neither is what it says. */
static bool check_multiple(struct js_run *run, const struct js_check *c, const json_t *value) {
    if (!json_is_number(value)) return true;
    bool good;
    if (json_is_integer(value) && json_is_integer(c->argument)) {
        good = json_integer_value(value) % json_integer_value(c->argument) == 0;
    } else {
        double times = json_number_value(value) / json_number_value(c->argument);
        good = isfinite(times) && fabs(times - floor(times + 0.5)) <= 2 * DBL_EPSILON * fabs(times);
    }
    return good || misfit(run, "not a multiple of its multipleOf");
}

/* ---- the table ---- */

const struct js_keyword js_keywords[] = {
    {"$defs", JS_SCHEMA_MAP, NULL},
    {"$ref", JS_REFERENCE, check_ref},
    {"additionalItems", JS_SCHEMA, check_additional_items},
    {"additionalProperties", JS_SCHEMA, check_additional_properties},
    {"allOf", JS_SCHEMAS, check_all_of},
    {"anyOf", JS_SCHEMAS, check_any_of},
    {"const", JS_ANY, check_const},
    {"contains", JS_SCHEMA, check_contains},
    {"definitions", JS_SCHEMA_MAP, NULL},
    {"dependencies", JS_DEPENDENCIES, check_dependencies},
    {"else", JS_SCHEMA, NULL},
    {"enum", JS_LIST, check_enum},
    {"exclusiveMaximum", JS_NUMBER, check_below},
    {"exclusiveMinimum", JS_NUMBER, check_above},
    {"if", JS_SCHEMA, check_if},
    {"items", JS_SCHEMA_OR_LIST, check_items},
    {"maxItems", JS_COUNT, check_max_items},
    {"maxLength", JS_COUNT, check_max_length},
    {"maxProperties", JS_COUNT, check_max_properties},
    {"maximum", JS_NUMBER, check_maximum},
    {"minItems", JS_COUNT, check_min_items},
    {"minLength", JS_COUNT, check_min_length},
    {"minProperties", JS_COUNT, check_min_properties},
    {"minimum", JS_NUMBER, check_minimum},
    {"multipleOf", JS_POSITIVE, check_multiple},
    {"not", JS_SCHEMA, check_not},
    {"oneOf", JS_SCHEMAS, check_one_of},
    {"pattern", JS_REGEX, check_pattern},
    {"patternProperties", JS_REGEX_MAP, check_pattern_properties},
    {"properties", JS_SCHEMA_MAP, check_properties},
    {"propertyNames", JS_SCHEMA, check_property_names},
    {"required", JS_NAMES, check_required},
    {"then", JS_SCHEMA, NULL},
    {"type", JS_TYPE, check_type},
    {"uniqueItems", JS_FLAG, check_unique},
    {NULL, JS_ANY, NULL},
};

pouch_err schema_json_check(const struct jsonschema *schema, const json_t *value, size_t n) {
    struct js_run run = {.steps = STEPS_LEAST + STEPS_A_BYTE * n};
    schema_js_check_schema(&run, schema->root, value);
    pcre2_match_data_free(run.match);
    return run.error;
}
