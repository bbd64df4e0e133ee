#include <base/uuid.h>
#include <event/fields.h>
#include <wire/headers.h>
#include <wire/scan.h>

enum { JSON_DEPTH = PL_DEPTH_MAX - 1 }; /* the event around it is one more */

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_small(char c) {
    return (c >= 'a' && c <= 'z') || is_digit(c) || c == '-';
}

static bool is_id(const char *text, size_t n) {
    struct pl_uuid id;
    return pl_uuid_parse(&id, text, n) && id.b[6] >> 4 == 7 && id.b[8] >> 6 == 2;
}

/* Words joined by dots, none of them empty. */
static bool is_type(const char *text, size_t n) {
    size_t word = 0;
    for (size_t i = 0; i < n; i++) {
        bool dot = text[i] == '.';
        if (dot ? !word : !(is_small(text[i]) || (text[i] >= 'A' && text[i] <= 'Z') || text[i] == '_')) return false;
        word = dot ? 0 : word + 1;
    }
    return word;
}

/* Three numbers joined by dots. */
static bool is_version(const char *text, size_t n) {
    size_t dots = 0, digits = 0;
    for (size_t i = 0; i < n; i++) {
        if (text[i] == '.' ? !digits : !is_digit(text[i])) return false;
        dots += text[i] == '.';
        digits = text[i] == '.' ? 0 : digits + 1;
    }
    return dots == 2 && digits;
}

static bool is_timestamp(const char *text, size_t n) {
    int64_t ms;
    return pl_header_number(&ms, text, n) && (n == 1 || *text != '0');
}

static bool is_tenant(const char *text, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!is_small(text[i])) return false;
    return n;
}

static bool is_text(const char *text, size_t n) {
    for (size_t i = 0, more; i < n; i += more) {
        more = pl_utf8_length(text + i, text + n);
        if (!more || (unsigned char)text[i] < 0x20 || text[i] == 0x7f) return false;
    }
    return n;
}

static bool is_object(const char *text, size_t n) {
    struct pl_cursor c = {text, text + n};
    if (!n || *text != '{') return false;
    return pl_scan_value(&c, JSON_DEPTH) && c.at == c.end;
}

/* clang-format off */
#define ROW(name, most, kind, optional, check, rule) {name, sizeof name - 1, most, PL_EVENT_##kind, optional, check, rule}
const struct pl_event_row pl_event_rows[] = {
    [POUCH_EVENT_ID]             = ROW("id", 36, STRING, false, is_id, "a UUID of version 7"),
    [POUCH_EVENT_TYPE]           = ROW("type", PL_EVENT_TEXT_MAX, STRING, false, is_type, "1 to 100 of A-Z a-z 0-9 _ - in words joined by dots"),
    [POUCH_EVENT_VERSION]        = ROW("version", 32, STRING, false, is_version, "three numbers joined by dots, as 1.0.0"),
    [POUCH_EVENT_TIMESTAMP]      = ROW("timestamp", 19, NUMBER, false, is_timestamp, "a whole number of milliseconds since 1970"),
    [POUCH_EVENT_TENANT_ID]      = ROW("tenant_id", 64, STRING, false, is_tenant, "1 to 64 of a-z 0-9 -"),
    [POUCH_EVENT_SOURCE]         = ROW("source", PL_EVENT_TEXT_MAX, STRING, false, is_text, "1 to 100 bytes of text"),
    [POUCH_EVENT_CORRELATION_ID] = ROW("correlation_id", PL_EVENT_TEXT_MAX, STRING, true, is_text, "1 to 100 bytes of text"),
    [POUCH_EVENT_TRACE_ID]       = ROW("trace_id", PL_EVENT_TEXT_MAX, STRING, true, is_text, "1 to 100 bytes of text"),
    [POUCH_EVENT_PAYLOAD]        = ROW("payload", PL_EVENT_JSON_MAX, OBJECT, false, is_object, "a JSON object"),
    [POUCH_EVENT_METADATA]       = ROW("metadata", PL_EVENT_JSON_MAX, OBJECT, false, is_object, "a JSON object"),
};
#undef ROW
/* clang-format on */
