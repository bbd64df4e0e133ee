#include <string.h>
#include <wire/scan.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* Well-formed sequences by Unicode's table 3-7: no overlong forms, no surrogates, nothing over U+10FFFF. */
size_t pl_utf8_length(const char *text, const char *end) {
    const unsigned char *at = (const unsigned char *)text;
    size_t left = (size_t)(end - text);
    if (at[0] < 0x80) return 1;
    unsigned char low = 0x80, high = 0xbf;
    size_t n;
    if (at[0] >= 0xc2 && at[0] <= 0xdf)
        n = 2;
    else if ((at[0] & 0xf0) == 0xe0)
        n = 3;
    else if (at[0] >= 0xf0 && at[0] <= 0xf4)
        n = 4;
    else
        return 0;
    if (at[0] == 0xe0) low = 0xa0;
    if (at[0] == 0xed) high = 0x9f;
    if (at[0] == 0xf0) low = 0x90;
    if (at[0] == 0xf4) high = 0x8f;
    if (left < n || at[1] < low || at[1] > high) return 0;
    for (size_t i = 2; i < n; i++)
        if ((at[i] & 0xc0) != 0x80) return 0;
    return n;
}

/* To the first byte that is not plain ASCII text: a quote, a backslash, a control character, or 0x80 and above. */
static const char *skip_plain(const char *at, const char *end) {
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\'), space = _mm_set1_epi8(' ');
    for (; end - at >= 16; at += 16) {
        __m128i b = _mm_loadu_si128((const __m128i *)(const void *)at);
        /* Signed, so 0x80 and above are less than a space too. */
        __m128i special = _mm_or_si128(_mm_cmplt_epi8(b, space),
                                       _mm_or_si128(_mm_cmpeq_epi8(b, quote), _mm_cmpeq_epi8(b, backslash)));
        unsigned mask = (unsigned)_mm_movemask_epi8(special);
        if (mask) return at + __builtin_ctz(mask);
    }
#endif
    while (at < end && *at >= ' ' && *at != '"' && *at != '\\' && !(*at & 0x80)) at++;
    return at;
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Four hex digits; -1 when they are not. */
static int32_t hex4(const char *at, const char *end) {
    if (end - at < 4) return -1;
    int32_t v = 0;
    for (int i = 0; i < 4; i++) {
        int d = hex_digit(at[i]);
        if (d < 0) return -1;
        v = v << 4 | d;
    }
    return v;
}

/* Bytes of the escape at `at`, a backslash; 0 when there is no such escape. */
static size_t escape_length(const char *at, const char *end) {
    if (end - at < 2) return 0;
    if (at[1] == 'u') return hex4(at + 2, end) < 0 ? 0 : 6;
    return at[1] && strchr("\"\\/bfnrt", at[1]) ? 2 : 0;
}

bool pl_scan_string(struct pl_cursor *c, bool *escaped) {
    *escaped = false;
    if (c->at == c->end || *c->at != '"') return false;
    for (c->at++;;) {
        c->at = skip_plain(c->at, c->end);
        if (c->at == c->end) return false;
        if (*c->at == '"') {
            c->at++;
            return true;
        }
        size_t n;
        if (*c->at == '\\') {
            *escaped = true;
            n = escape_length(c->at, c->end);
        } else {
            n = *c->at & 0x80 ? pl_utf8_length(c->at, c->end) : 0;
        }
        if (!n) return false;
        c->at += n;
    }
}

static bool scan_digits(struct pl_cursor *c) {
    const char *start = c->at;
    while (c->at < c->end && *c->at >= '0' && *c->at <= '9') c->at++;
    return c->at > start;
}

static bool scan_number(struct pl_cursor *c) {
    if (*c->at == '-') c->at++;
    if (c->at < c->end && *c->at == '0')
        c->at++;
    else if (!scan_digits(c))
        return false;
    if (c->at < c->end && *c->at == '.') {
        c->at++;
        if (!scan_digits(c)) return false;
    }
    if (c->at < c->end && (*c->at == 'e' || *c->at == 'E')) {
        c->at++;
        if (c->at < c->end && (*c->at == '+' || *c->at == '-')) c->at++;
        if (!scan_digits(c)) return false;
    }
    return true;
}

static bool scan_literal(struct pl_cursor *c, const char *word, size_t n) {
    if ((size_t)(c->end - c->at) < n || memcmp(c->at, word, n)) return false;
    c->at += n;
    return true;
}

static bool scan_scalar(struct pl_cursor *c) {
    bool escaped;
    switch (*c->at) {
    case '"': return pl_scan_string(c, &escaped);
    case 't': return scan_literal(c, "true", 4);
    case 'f': return scan_literal(c, "false", 5);
    case 'n': return scan_literal(c, "null", 4);
    default: return scan_number(c);
    }
}

static bool scan_name(struct pl_cursor *c) {
    bool escaped;
    pl_scan_space(c);
    if (!pl_scan_string(c, &escaped)) return false;
    pl_scan_space(c);
    return scan_literal(c, ":", 1);
}

/* Which of the open arrays and objects are objects: a bit each, the innermost at depth - 1. */
struct nest {
    unsigned depth, most;
    uint64_t objects[PL_SCAN_DEPTH_MAX / 64];
};

static bool nest_in_object(const struct nest *n) {
    return n->objects[(n->depth - 1) / 64] >> (n->depth - 1) % 64 & 1;
}

static bool nest_enter(struct nest *n, bool object) {
    if (n->depth == n->most) return false;
    uint64_t *word = &n->objects[n->depth / 64], bit = UINT64_C(1) << n->depth % 64;
    *word = object ? *word | bit : *word & ~bit;
    n->depth++;
    return true;
}

/* Enters an array or object up to where its first value begins; *empty: it had none, and has been left again. */
static bool scan_open(struct pl_cursor *c, struct nest *nest, bool *empty) {
    bool object = *c->at == '{';
    if (!nest_enter(nest, object)) return false;
    c->at++;
    pl_scan_space(c);
    *empty = scan_literal(c, object ? "}" : "]", 1);
    if (*empty) nest->depth--;
    return *empty || !object || scan_name(c);
}

/* After a value: closes what ends here and stops where the next value begins, or outside of all. */
static bool scan_close(struct pl_cursor *c, struct nest *nest) {
    while (nest->depth) {
        pl_scan_space(c);
        bool object = nest_in_object(nest);
        if (scan_literal(c, ",", 1)) return !object || scan_name(c);
        if (!scan_literal(c, object ? "}" : "]", 1)) return false;
        nest->depth--;
    }
    return true;
}

bool pl_scan_value(struct pl_cursor *c, unsigned depth) {
    struct nest nest;
    nest.depth = 0;
    nest.most = depth;
    do {
        pl_scan_space(c);
        if (c->at == c->end) return false;
        bool whole = true;
        bool sound = *c->at == '{' || *c->at == '[' ? scan_open(c, &nest, &whole) : scan_scalar(c);
        if (!sound || (whole && !scan_close(c, &nest))) return false;
    } while (nest.depth);
    return true;
}

/* A high and a low surrogate as one character, anything else of the range as U+FFFD. */
static uint32_t read_surrogate(struct pl_cursor *c, uint32_t high) {
    if (high >= 0xdc00 || c->end - c->at < 6 || c->at[0] != '\\' || c->at[1] != 'u') return 0xfffd;
    uint32_t low = (uint32_t)hex4(c->at + 2, c->end);
    if (low < 0xdc00 || low > 0xdfff) return 0xfffd;
    c->at += 6;
    return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

static uint32_t read_escape(struct pl_cursor *c) {
    char kind = c->at[1];
    if (kind == 'u') {
        uint32_t v = (uint32_t)hex4(c->at + 2, c->end);
        c->at += 6;
        return v >= 0xd800 && v <= 0xdfff ? read_surrogate(c, v) : v;
    }
    c->at += 2;
    switch (kind) {
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    default: return (unsigned char)kind;
    }
}

uint32_t pl_scan_char(struct pl_cursor *c) {
    if (*c->at == '\\') return read_escape(c);
    size_t n = pl_utf8_length(c->at, c->end);
    uint32_t v = (unsigned char)*c->at++;
    if (n < 2) return v;
    v &= 0x7fu >> n;
    while (--n) v = v << 6 | (*c->at++ & 0x3f);
    return v;
}
