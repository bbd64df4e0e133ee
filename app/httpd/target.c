#include <httpd/target.h>
#include <string.h>

static int digit_of(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/* The length of a decoded text, or -1. */
static long decode(struct httpd_span s, bool plus, char *out) {
    long n = 0;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.at[i];
        if (c == '%') {
            if (s.n - i < 3 || digit_of(s.at[i + 1]) < 0 || digit_of(s.at[i + 2]) < 0) return -1;
            c = (char)(digit_of(s.at[i + 1]) * 16 + digit_of(s.at[i + 2]));
            i += 2;
        } else if (plus && c == '+') {
            c = ' ';
        }
        if (!c) return -1;
        out[n++] = c;
    }
    out[n] = 0;
    return n;
}

/* The bytes of the character at `at`, which is well formed as RFC 3629 says; 0: it is not. A NUL ends the text. */
static size_t utf8_length(const unsigned char *at) {
    unsigned char lead = at[0], low = 0x80, high = 0xbf;
    if (lead < 0x80) return 1;
    if (lead < 0xc2 || lead > 0xf4) return 0;
    size_t n = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (lead == 0xe0) low = 0xa0;  /* no longer than it need be */
    if (lead == 0xed) high = 0x9f; /* no surrogates */
    if (lead == 0xf0) low = 0x90;
    if (lead == 0xf4) high = 0x8f; /* nothing beyond U+10FFFF */
    if (at[1] < low || at[1] > high) return 0;
    for (size_t i = 2; i < n; i++)
        if (at[i] < 0x80 || at[i] > 0xbf) return 0;
    return n;
}

static bool is_utf8(const char *text) {
    const unsigned char *at = (const unsigned char *)text;
    while (*at) {
        size_t n = utf8_length(at);
        if (!n) return false;
        at += n;
    }
    return true;
}

bool httpd_decode_query(struct httpd_span s, char *out) {
    return decode(s, true, out) >= 0 && is_utf8(out);
}

static bool has_control(const char *text) {
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f) return true;
    return false;
}

bool httpd_decode_segment(struct httpd_span s, char *out) {
    return decode(s, false, out) >= 0 && is_utf8(out) && !has_control(out) && !strchr(out, '/') && strcmp(out, ".") &&
           strcmp(out, "..");
}

/* The next segment of a path that begins with "/". False: there is none left. */
static bool next_segment(struct httpd_span *path, struct httpd_span *segment) {
    if (!path->n || path->at[0] != '/') return false;
    const char *begin = path->at + 1, *end = memchr(begin, '/', path->n - 1);
    *segment = (struct httpd_span){begin, end ? (size_t)(end - begin) : path->n - 1};
    *path = (struct httpd_span){begin + segment->n, path->n - 1 - segment->n};
    return true;
}

bool httpd_path_is_sound(struct httpd_span path) {
    char decoded[HTTPD_LINE_MAX + 1];
    struct httpd_span segment;
    while (next_segment(&path, &segment))
        if (!httpd_decode_segment(segment, decoded)) return false;
    return true;
}

static bool is_braced(struct httpd_span s) {
    return s.n > 2 && s.at[0] == '{' && s.at[s.n - 1] == '}';
}

/* A literal segment, however it is escaped. */
static bool same_segment(struct httpd_span s, struct httpd_span literal) {
    if (s.n == literal.n && !memcmp(s.at, literal.at, s.n)) return true;
    if (!memchr(s.at, '%', s.n)) return false;
    char decoded[HTTPD_LINE_MAX + 1]; /* not before: the compiler zeroes it, and each route asks */
    return httpd_decode_segment(s, decoded) && httpd_span_is(literal, decoded);
}

bool httpd_path_fits(struct httpd_span path, const char *route, struct httpd_span *values, size_t max, size_t *n) {
    struct httpd_span rest = {route, strlen(route)}, wanted, segment;
    *n = 0;
    while (next_segment(&rest, &wanted)) {
        if (!next_segment(&path, &segment)) return false;
        if (is_braced(wanted)) {
            if (!segment.n || *n == max) return false;
            values[(*n)++] = segment;
        } else if (!same_segment(segment, wanted)) {
            return false;
        }
    }
    return !path.n;
}

bool httpd_route_is_sound(const char *route, size_t max) {
    struct httpd_span rest = {route, strlen(route)}, segment;
    size_t braces = 0;
    if (*route != '/') return false;
    while (next_segment(&rest, &segment)) {
        bool braced = is_braced(segment);
        if (!braced && (memchr(segment.at, '{', segment.n) || memchr(segment.at, '}', segment.n))) return false;
        braces += braced;
    }
    return braces <= max;
}

struct httpd_span httpd_route_name(const char *route, size_t i) {
    struct httpd_span rest = {route, strlen(route)}, segment;
    while (next_segment(&rest, &segment))
        if (is_braced(segment) && i-- == 0) return (struct httpd_span){segment.at + 1, segment.n - 2};
    return (struct httpd_span){0};
}

/* What stands before the first c in *rest, which then begins behind it; all of it when there is none. */
static struct httpd_span cut(struct httpd_span *rest, char c) {
    const char *found = rest->n ? memchr(rest->at, c, rest->n) : NULL;
    struct httpd_span before = {rest->at, found ? (size_t)(found - rest->at) : rest->n};
    size_t used = before.n + (found != NULL);
    *rest = (struct httpd_span){rest->at + used, rest->n - used};
    return before;
}

bool httpd_query_next(struct httpd_span *query, struct httpd_span *name, struct httpd_span *value) {
    while (query->n) {
        *value = cut(query, '&');
        if (!value->n) continue;
        *name = cut(value, '=');
        return true;
    }
    return false;
}
