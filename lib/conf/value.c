#include <base/why.h>
#include <conf/value.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

struct unit {
    const char *name;
    int64_t size;
};

/* From large to small, so that the first that divides a number is the one to write it in. */
static const struct unit times[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}, {NULL, 0}};
static const struct unit sizes[] = {{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}, {NULL, 0}};
static const struct unit bare[] = {{"", 1}, {NULL, 0}};

static const struct unit *units_of(enum pl_option_kind kind) {
    return kind == PL_KIND_DURATION ? times : kind == PL_KIND_BYTES ? sizes : bare;
}

/* Digits, then one of the units or none (the smallest); false when malformed or past INT64_MAX. */
static bool number_parse(int64_t *number, const char *text, const struct unit *units) {
    int64_t value = 0;
    const char *c = text;
    for (; *c >= '0' && *c <= '9'; c++)
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, *c - '0', &value)) return false;
    if (c == text) return false;
    const struct unit *unit = units;
    while (unit->name && strcmp(c, unit->name)) unit++;
    if (*c && !unit->name) return false;
    return !__builtin_mul_overflow(value, *c ? unit->size : 1, number);
}

static void number_write(char out[32], int64_t number, const struct unit *units) {
    const struct unit *unit = units;
    while (number % unit->size) unit++;
    snprintf(out, 32, "%" PRId64 "%s", number / unit->size, number ? unit->name : "");
}

static bool number_in(int64_t *number, const char *text, const struct unit *units, int64_t least, int64_t most) {
    int64_t value;
    if (!number_parse(&value, text, units) || value < least || value > most) return false;
    *number = value;
    return true;
}

static void bounds_write(char *out, size_t n, const char *what, int64_t least, int64_t most, const struct unit *units) {
    char low[32], high[32];
    number_write(low, least, units);
    number_write(high, most, units);
    snprintf(out, n, "%s (%s to %s)", what, low, high);
}

pouch_err pl_duration_parse(int64_t *ms, const char *text, int64_t least, int64_t most) {
    if (number_in(ms, text, times, least, most)) return POUCH_OK;
    char allowed[PL_OPTION_ALLOWED_MAX], quoted[PL_VALUE_QUOTE_MAX];
    bounds_write(allowed, sizeof allowed, "duration", least, most, times);
    return pl_fail(POUCH_E_CONFIG, "'%s' is not a %s", pl_value_quote(text, quoted), allowed);
}

const char *pl_option_allowed(const struct pl_option *row, char out[PL_OPTION_ALLOWED_MAX]) {
    const size_t n = PL_OPTION_ALLOWED_MAX;
    switch (row->kind) {
    case PL_KIND_TEXT: snprintf(out, n, "text (1 to %" PRId64 " bytes, no control characters)", row->most); break;
    case PL_KIND_NAME: snprintf(out, n, "name (1 to %" PRId64 " of A-Z a-z 0-9 . _ -)", row->most); break;
    case PL_KIND_PATH: snprintf(out, n, "path (1 to %" PRId64 " bytes)", row->most); break;
    case PL_KIND_BOOL: snprintf(out, n, "switch (on or off)"); break;
    case PL_KIND_COUNT: bounds_write(out, n, "count", row->least, row->most, bare); break;
    case PL_KIND_BYTES: bounds_write(out, n, "size", row->least, row->most, sizes); break;
    case PL_KIND_DURATION: bounds_write(out, n, "duration", row->least, row->most, times); break;
    case PL_KIND_CHOICE: snprintf(out, n, "one of %s", row->choices); break;
    }
    return out;
}

const char *pl_value_quote(const char *text, char out[PL_VALUE_QUOTE_MAX]) {
    static const char more[] = "…";
    size_t n = strnlen(text, PL_VALUE_QUOTE_MAX);
    bool cut = n > PL_VALUE_QUOTE_MAX - sizeof more;
    if (cut) n = PL_VALUE_QUOTE_MAX - sizeof more;
    /* Not in the middle of a character of UTF-8. */
    while (cut && n && ((unsigned char)text[n] & 0xC0) == 0x80) n--;
    for (size_t i = 0; i < n; i++) out[i] = (unsigned char)text[i] < 0x20 || text[i] == 0x7F ? '?' : text[i];
    memcpy(out + n, cut ? more : "", cut ? sizeof more : 1);
    return out;
}

static bool bool_parse(int64_t *number, const char *text) {
    static const char *const words[][2] = {{"off", "on"}, {"false", "true"}, {"no", "yes"}, {"0", "1"}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        for (int value = 0; value < 2; value++)
            if (!strcasecmp(text, words[i][value])) {
                *number = value;
                return true;
            }
    return false;
}

static bool choice_parse(int64_t *number, const char *text, const char *choices) {
    size_t n = strlen(text);
    int64_t index = 0;
    for (const char *word = choices;; index++) {
        size_t length = strcspn(word, "|");
        if (length == n && !memcmp(word, text, n)) {
            *number = index;
            return true;
        }
        if (!word[length]) return false;
        word += length + 1;
    }
}

static bool text_valid(const char *text, int64_t most) {
    if (!*text || strnlen(text, (size_t)most + 1) > (size_t)most) return false;
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7F) return false;
    return true;
}

static bool name_valid(const char *text, int64_t most) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    size_t n = strspn(text, letters);
    return n && !text[n] && n <= (size_t)most && strcmp(text, ".") && strcmp(text, "..");
}

static bool value_parse(const struct pl_option *row, const char *text, int64_t *number) {
    switch (row->kind) {
    case PL_KIND_TEXT:
    case PL_KIND_PATH: return text_valid(text, row->most);
    case PL_KIND_NAME: return name_valid(text, row->most);
    case PL_KIND_BOOL: return bool_parse(number, text);
    case PL_KIND_COUNT:
    case PL_KIND_BYTES:
    case PL_KIND_DURATION: return number_in(number, text, units_of(row->kind), row->least, row->most);
    case PL_KIND_CHOICE: return choice_parse(number, text, row->choices);
    }
    return false;
}

pouch_err pl_value_check(const struct pl_option *row, const char *place, const char *text, int64_t *number) {
    *number = 0;
    if (value_parse(row, text, number)) return POUCH_OK;
    char allowed[PL_OPTION_ALLOWED_MAX], quoted[PL_VALUE_QUOTE_MAX];
    const char *article = row->kind == PL_KIND_CHOICE ? "" : "a ";
    return pl_fail(POUCH_E_CONFIG, "%s: '%s' is not %s%s", place, pl_value_quote(text, quoted), article,
                   pl_option_allowed(row, allowed));
}
