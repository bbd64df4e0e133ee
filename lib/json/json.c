#include <base/why.h>
#include <json/json.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { TEXT_MAX = 8 << 20, PAYLOAD_MAX = 64 << 20, DEPTH_MAX = 64 };

/* What a text would become. Of a malformed one it may be anything. */
struct shape {
    size_t depth, memory;
};

/* About what jansson takes for a character outside of strings; a quote stands for half a string. */
static size_t cost(char c) {
    switch (c) {
    case '[': return PL_JSON_ARRAY_BYTES;
    case '{': return PL_JSON_OBJECT_BYTES;
    case ',':
    case ':': return PL_JSON_VALUE_BYTES;
    case '"': return PL_JSON_VALUE_BYTES / 2;
    default: return 0;
    }
}

/* Before anything is made of it: jansson knows no bound, and a text of 64 MiB may become 5 GiB. */
static struct shape shape_of(const char *text, size_t n) {
    struct shape s = {.memory = n};
    size_t depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < n; i++) {
        char c = text[i];
        if (c == '"') in_string = !in_string;
        if (!in_string || c == '"') s.memory += cost(c);
        if (in_string)
            i += c == '\\';
        else if (c == '[' || c == '{')
            s.depth = ++depth > s.depth ? depth : s.depth;
        else if ((c == ']' || c == '}') && depth)
            depth--;
    }
    return s;
}

static pouch_err check_text(const char *what, const char *text, size_t n, size_t max) {
    if (n > max) return pl_fail(POUCH_E_INVALID_PAYLOAD, "%s: larger than %zu bytes", what, max);
    /* Jansson takes a NUL behind the value for the end of the text. */
    if (memchr(text, 0, n)) return pl_fail(POUCH_E_INVALID_PAYLOAD, "%s: a NUL character", what);
    struct shape shape = shape_of(text, n);
    if (shape.depth > DEPTH_MAX)
        return pl_fail(POUCH_E_INVALID_PAYLOAD, "%s: nested deeper than %d levels", what, DEPTH_MAX);
    if (shape.memory > PL_JSON_TREE_MAX)
        return pl_fail(POUCH_E_INVALID_PAYLOAD, "%s: so many values would take more than %d MiB of memory", what,
                       PL_JSON_TREE_MAX >> 20);
    return POUCH_OK;
}

static pouch_err explain(const char *what, const json_error_t *error) {
    if (json_error_code(error) == json_error_out_of_memory)
        return pl_fail(POUCH_E_NO_MEMORY, "%s: out of memory", what);
    /* Jansson quotes the text near the error, which may be a payload. */
    const char *near = strstr(error->text, " near ");
    int length = near ? (int)(near - error->text) : (int)strlen(error->text);
    return pl_fail(POUCH_E_INVALID_PAYLOAD, "%s: line %d, column %d: %.*s", what, error->line, error->column, length,
                   error->text);
}

pouch_err pl_json_read(json_t **value, const char *what, const char *text, size_t n) {
    *value = NULL;
    pouch_err e = check_text(what, text, n, TEXT_MAX);
    if (e) return e;
    json_error_t error;
    *value = json_loadb(text, n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    return *value ? POUCH_OK : explain(what, &error);
}

pouch_err pl_json_read_payload(json_t **value, const char *what, const void *text, size_t n) {
    static const size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL;
    *value = NULL;
    if (!n) return pl_fail(POUCH_E_INVALID_PAYLOAD, "%s: empty", what);
    pouch_err e = check_text(what, text, n, PAYLOAD_MAX);
    if (e) return e;
    json_error_t error;
    *value = json_loadb(text, n, flags, &error);
    if (!*value && json_error_code(&error) == json_error_numeric_overflow)
        *value = json_loadb(text, n, flags | JSON_DECODE_INT_AS_REAL, &error);
    return *value ? POUCH_OK : explain(what, &error);
}

char *pl_json_text(const json_t *value, size_t *n) {
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    if (n) *n = text ? strlen(text) : 0;
    return text;
}

void pl_json_say(json_t *texts, const char *format, ...) {
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (json_array_append_new(texts, json_string(text))) json_array_append_new(texts, json_null());
}
