#include <string.h>
#include <wire/headers.h>

bool pl_header_number(int64_t *out, const void *value, size_t n) {
    const char *digits = value;
    if (n < 1 || n > 19) return false;
    uint64_t v = 0; /* 19 digits fit */
    for (size_t i = 0; i < n; i++) {
        if (digits[i] < '0' || digits[i] > '9') return false;
        v = v * 10 + (uint64_t)(digits[i] - '0');
    }
    if (v > INT64_MAX) return false;
    *out = (int64_t)v;
    return true;
}

char *pl_decimal_write(char *out, int64_t value) {
    char digits[20];
    size_t n = 0;
    do digits[n++] = (char)('0' + value % 10);
    while (value /= 10);
    while (n) *out++ = digits[--n];
    return out;
}

void pl_source_write(char out[PL_SOURCE_MAX], const char *topic, int32_t partition, int64_t offset) {
    char *at = stpcpy(out, topic);
    *at++ = '/';
    at = pl_decimal_write(at, partition);
    *at++ = '/';
    *pl_decimal_write(at, offset) = 0;
}

bool pl_header_branch(unsigned *i, unsigned *n, const void *value, size_t value_n) {
    const char *text = value, *slash = value_n ? memchr(text, '/', value_n) : NULL;
    int64_t first, second;
    if (!slash || !pl_header_number(&first, text, (size_t)(slash - text)) ||
        !pl_header_number(&second, slash + 1, value_n - (size_t)(slash - text) - 1))
        return false;
    if (first < 1 || first > second || second > PL_BRANCHES_MAX) return false;
    *i = (unsigned)first;
    *n = (unsigned)second;
    return true;
}

static bool match_one(const char *pattern, size_t pattern_n, const char *name, size_t n) {
    if (!pattern_n) return false;
    if (pattern[0] == '*') {
        size_t tail = pattern_n - 1;
        return n >= tail && !memcmp(name + n - tail, pattern + 1, tail);
    }
    if (pattern[pattern_n - 1] == '*') return n >= pattern_n - 1 && !memcmp(name, pattern, pattern_n - 1);
    return n == pattern_n && !memcmp(name, pattern, n);
}

bool pl_pattern_match(const char *patterns, const char *name, size_t n) {
    for (const char *at = patterns; *at;) {
        at += strspn(at, ", ");
        size_t pattern_n = strcspn(at, ", ");
        if (match_one(at, pattern_n, name, n)) return true;
        at += pattern_n;
    }
    return false;
}
