/* Which values are the same, and whether an array has one twice. */
#include <base/why.h>
#include <schema/jsonschema_types.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static bool equal_numbers(const json_t *a, const json_t *b) {
    if (json_is_integer(a) && json_is_integer(b)) return json_integer_value(a) == json_integer_value(b);
    return json_number_value(a) == json_number_value(b);
}

static bool equal_arrays(struct js_run *run, const json_t *a, const json_t *b) {
    size_t n = json_array_size(a);
    if (n != json_array_size(b)) return false;
    for (size_t i = 0; i < n; i++)
        if (!schema_js_equal(run, json_array_get(a, i), json_array_get(b, i))) return false;
    return true;
}

static bool equal_objects(struct js_run *run, const json_t *a, const json_t *b) {
    if (json_object_size(a) != json_object_size(b)) return false;
    const char *name;
    json_t *member;
    json_object_foreach((json_t *)a, name, member) {
        const json_t *other = json_object_get(b, name);
        if (!other || !schema_js_equal(run, member, other)) return false;
    }
    return true;
}

bool schema_js_equal(struct js_run *run, const json_t *a, const json_t *b) {
    if (run->error || !schema_js_spend(run, 1)) return false;
    if (json_is_number(a) && json_is_number(b)) return equal_numbers(a, b);
    if (json_typeof(a) != json_typeof(b)) return false;
    switch (json_typeof(a)) {
    case JSON_ARRAY: return equal_arrays(run, a, b);
    case JSON_OBJECT: return equal_objects(run, a, b);
    case JSON_STRING:
        return json_string_length(a) == json_string_length(b) &&
               !memcmp(json_string_value(a), json_string_value(b), json_string_length(a));
    default: return true;
    }
}

/* ---- items that are all different ---- */

static uint64_t mix(uint64_t hash, const void *bytes, size_t n) {
    for (const unsigned char *p = bytes, *end = p + n; p < end; p++) hash = (hash ^ *p) * 0x100000001b3;
    return hash;
}

/* Equal values have equal hashes; members of an object count in any order. */
static uint64_t hash_of(const json_t *value) {
    uint64_t hash = 0xcbf29ce484222325;
    const char *name;
    json_t *member;
    double number = json_number_value(value);
    switch (json_typeof(value)) {
    case JSON_INTEGER:
    case JSON_REAL:
        number += 0.0; /* of -0, 0 */
        return mix(hash, &number, sizeof number);
    case JSON_STRING: return mix(hash + 1, json_string_value(value), json_string_length(value));
    case JSON_ARRAY:
        for (size_t i = 0; i < json_array_size(value); i++) {
            uint64_t item = hash_of(json_array_get(value, i));
            hash = mix(hash, &item, sizeof item);
        }
        return hash + 2;
    case JSON_OBJECT:
        json_object_foreach((json_t *)value, name, member) hash +=
            mix(hash_of(member), name, strlen(name)) * 0x9e3779b97f4a7c15;
        return hash + 3;
    default: return hash + 4 + (uint64_t)json_typeof(value);
    }
}

struct hashed {
    uint64_t hash;
    const json_t *value;
};

static int by_hash(const void *a, const void *b) {
    uint64_t x = ((const struct hashed *)a)->hash, y = ((const struct hashed *)b)->hash;
    return (x > y) - (x < y);
}

/* Only items of one hash are compared; who makes many of them runs out of steps. */
bool schema_js_all_differ(struct js_run *run, const json_t *array) {
    size_t n = json_array_size(array);
    if (n < 2 || !schema_js_spend(run, n)) return !run->error;
    struct hashed *items = malloc(n * sizeof *items);
    if (!items) {
        run->error = pl_fail(POUCH_E_NO_MEMORY, "out of memory to look for items that are equal");
        return false;
    }
    for (size_t i = 0; i < n; i++)
        items[i] = (struct hashed){hash_of(json_array_get(array, i)), json_array_get(array, i)};
    qsort(items, n, sizeof *items, by_hash);
    bool differ = true;
    for (size_t i = 0; differ && i < n; i++)
        for (size_t k = i + 1; differ && k < n && items[k].hash == items[i].hash; k++)
            differ = !schema_js_equal(run, items[i].value, items[k].value) && !run->error;
    free(items);
    return differ;
}
