#include <string.h>
#include <wire/envelope.h>
#include <wire/scan.h>

bool pl_json_valid(const void *text, size_t n) {
    struct pl_cursor c = {text, (const char *)text + n};
    pl_scan_space(&c);
    if (!pl_scan_value(&c, PL_SCAN_DEPTH_MAX)) return false;
    pl_scan_space(&c);
    return c.at == c.end;
}

static char *write_text(char *out, const char *text, size_t n) {
    memcpy(out, text, n);
    return out + n;
}

/* The letter of a two-character escape, 0 when c has none. */
static char short_escape(unsigned char c) {
    switch (c) {
    case '"':
    case '\\': return (char)c;
    case '\b': return 'b';
    case '\f': return 'f';
    case '\n': return 'n';
    case '\r': return 'r';
    case '\t': return 't';
    default: return 0;
    }
}

static char *write_escape(char *out, unsigned char c) {
    char letter = short_escape(c);
    *out++ = '\\';
    if (letter) {
        *out++ = letter;
        return out;
    }
    out = write_text(out, "u00", 3);
    *out++ = "0123456789abcdef"[c >> 4];
    *out++ = "0123456789abcdef"[c & 15];
    return out;
}

size_t pl_json_escape(char *out, const char *in, size_t n) {
    char *at = out;
    for (const char *end = in + n; in < end;) {
        unsigned char c = (unsigned char)*in;
        size_t length = pl_utf8_length(in, end);
        if (!length)
            at = write_text(at, "\xef\xbf\xbd", 3);
        else if (c < ' ' || c == '"' || c == '\\')
            at = write_escape(at, c);
        else
            at = write_text(at, in, length);
        in += length ? length : 1;
    }
    *at = 0;
    return (size_t)(at - out);
}

static char *write_utf8(char *out, uint32_t c) {
    if (c < 0x80) {
        *out++ = (char)c;
    } else if (c < 0x800) {
        *out++ = (char)(0xc0 | c >> 6);
        *out++ = (char)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        *out++ = (char)(0xe0 | c >> 12);
        *out++ = (char)(0x80 | (c >> 6 & 0x3f));
        *out++ = (char)(0x80 | (c & 0x3f));
    } else {
        *out++ = (char)(0xf0 | c >> 18);
        *out++ = (char)(0x80 | (c >> 12 & 0x3f));
        *out++ = (char)(0x80 | (c >> 6 & 0x3f));
        *out++ = (char)(0x80 | (c & 0x3f));
    }
    return out;
}

/* Each escape is longer than what it stands for, so writing never passes reading. */
size_t pl_json_unescape(char *out, const char *in, size_t n) {
    struct pl_cursor c = {in, in + n};
    char *at = out;
    while (c.at < c.end) at = write_utf8(at, pl_scan_char(&c));
    *at = 0;
    return (size_t)(at - out);
}
