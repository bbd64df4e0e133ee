#include <langinfo.h>
#include <locale.h>
#include <ops/screen.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wire/scan.h>

enum { NARROWEST = 40, USUAL = 80, WIDEST = 300 };

static size_t columns_of(FILE *out) {
    const char *told = getenv("COLUMNS");
    unsigned long n = told ? strtoul(told, NULL, 10) : 0;
    struct winsize size;
    if (!n && !ioctl(fileno(out), TIOCGWINSZ, &size)) n = size.ws_col;
    if (!n) return USUAL;
    return n < NARROWEST ? NARROWEST : n > WIDEST ? WIDEST : n;
}

struct ops_screen ops_screen_of(FILE *out) {
    const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");
    bool dumb = !term || !strcmp(term, "dumb");
    setlocale(LC_CTYPE, "");
    return (struct ops_screen){
        .columns = columns_of(out),
        .utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8"),
        .colour = isatty(fileno(out)) && !dumb && !(no_colour && *no_colour),
    };
}

/* C1 controls, and the marks that make text run the other way: three bytes each, and those that end lines. */
static bool harmful(const unsigned char *c, size_t length) {
    if (length == 2) return c[0] == 0xc2 && c[1] < 0xa0;
    if (length != 3 || c[0] != 0xe2) return false;
    return (c[1] == 0x80 && (c[2] == 0x8e || c[2] == 0x8f || (c[2] >= 0xa8 && c[2] <= 0xae))) ||
           (c[1] == 0x81 && c[2] >= 0xa6 && c[2] <= 0xa9);
}

/* Bytes of the next character that may be written as it is, 0 for a byte that may not. */
static size_t plain_length(const struct ops_screen *s, const char *at, const char *end) {
    unsigned char c = (unsigned char)*at;
    if (c < 0x80) return c >= ' ' && c != 0x7f;
    size_t length = s->utf8 ? pl_utf8_length(at, end) : 0;
    return length && !harmful((const unsigned char *)at, length) ? length : 0;
}

enum { ESCAPED = 4 }; /* columns of \xHH */

/* Bytes of text that fit into `most` columns, which *used of them take. */
static size_t fitting(const struct ops_screen *s, const char *text, size_t n, size_t most, size_t *used) {
    const char *at = text, *end = text + n;
    for (*used = 0; at < end;) {
        size_t length = plain_length(s, at, end), takes = length ? 1 : ESCAPED;
        if (*used + takes > most) break;
        *used += takes;
        at += length ? length : 1;
    }
    return (size_t)(at - text);
}

size_t ops_screen_put(FILE *out, const struct ops_screen *s, const char *text, size_t n, size_t most) {
    size_t used, shown = fitting(s, text, n, most, &used);
    bool cut = shown < n && most;
    if (cut) shown = fitting(s, text, n, most - 1, &used);
    for (const char *at = text, *end = text + shown; at < end;) {
        size_t length = plain_length(s, at, end);
        if (length)
            fwrite(at, 1, length, out);
        else
            fprintf(out, "\\x%02x", (unsigned)(unsigned char)*at);
        at += length ? length : 1;
    }
    if (cut) fputs(s->utf8 ? "…" : "~", out);
    return used + cut;
}

void ops_screen_column(FILE *out, const struct ops_screen *s, const char *text, size_t width) {
    size_t used = ops_screen_put(out, s, text, strlen(text), SIZE_MAX);
    fprintf(out, "%*s", used < width ? (int)(width - used) : 0, "");
}

void ops_screen_cell(FILE *out, const struct ops_screen *s, const char *text, size_t width) {
    size_t used = ops_screen_put(out, s, text, strlen(text), width);
    fprintf(out, "%*s", (int)(width - used), "");
}
