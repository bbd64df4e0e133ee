#include "roff.h"

#include <pouch/version.h>
#include <stdbool.h>
#include <string.h>

/* The code point at *text, which moves past it. The tables hold valid UTF-8. */
static unsigned code_point(const char **text) {
    unsigned char first = (unsigned char)*(*text)++;
    if (first < 0x80) return first;
    int more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : 1;
    unsigned code = first & (0x3Fu >> more);
    while (more-- && **text) code = code << 6 | ((unsigned char)*(*text)++ & 0x3Fu);
    return code;
}

/*
 * Quotes, dashes and accents would otherwise become those of print, which no shell takes. Behind a bar a line may
 * break: all that a flag may be can be longer than one.
 */
static void put_char(FILE *out, unsigned code) {
    static const struct {
        char from;
        const char *to;
    } special[] = {{'\\', "\\e"},  {'-', "\\-"},   {'\'', "\\(aq"}, {'`', "\\(ga"},
                   {'^', "\\(ha"}, {'~', "\\(ti"}, {'"', "\\(dq"},  {'|', "|\\:"}};
    for (size_t i = 0; i < sizeof special / sizeof special[0]; i++)
        if (code == (unsigned char)special[i].from) {
            fputs(special[i].to, out);
            return;
        }
    if (code >= 0x80)
        fprintf(out, "\\[u%04X]", code);
    else
        fputc((int)code, out);
}

static void put(FILE *out, const char *text, const char *end) {
    /* A dot that begins a line would make it a request. */
    if (text < end && *text == '.') fputs("\\&", out);
    while (text < end) put_char(out, code_point(&text));
}

void roff_text(FILE *out, const char *text) {
    put(out, text, text + strlen(text));
}

static void put_font(FILE *out, char font, const char *text, const char *end) {
    fprintf(out, "\\f%c", font);
    put(out, text, end);
    fputs("\\fR", out);
}

void roff_bold(FILE *out, const char *text) {
    put_font(out, 'B', text, text + strlen(text));
}

void roff_italic(FILE *out, const char *text) {
    put_font(out, 'I', text, text + strlen(text));
}

/* A line of a paragraph. */
static void put_line(FILE *out, const char *text, const char *end) {
    bool bold = false;
    for (const char *next; text < end; text = next + 1, bold = !bold) {
        next = memchr(text, '`', (size_t)(end - text));
        if (!next) next = end;
        if (bold)
            put_font(out, 'B', text, next);
        else
            put(out, text, next);
    }
    fputc('\n', out);
}

/* Names of flags and variables must not be broken at the end of a line: no hyphenation, hence a ragged margin. */
void roff_title(FILE *out, const char *title, const char *section, const char *name, const char *summary) {
    fprintf(out, ".\\\" Made from the tables of the program.\n.TH ");
    roff_text(out, title);
    fprintf(out, " %s \"%s\" \"pouch %s\" \"Pouch\"\n.nh\n.ad l\n.SH NAME\n", section, POUCH_DATE, pouch_version());
    roff_text(out, name);
    fputs(" \\- ", out);
    roff_text(out, summary);
    fputc('\n', out);
}

void roff_section(FILE *out, const char *title) {
    fprintf(out, ".SH %s\n", title);
}

static const char example_begin[] = ".RS 2\n.nf\n", example_end[] = ".fi\n.RE\n";

void roff_example(FILE *out, const char *text) {
    fputs(example_begin, out);
    for (const char *end; *text; text = *end ? end + 1 : end) {
        end = text + strcspn(text, "\n");
        put(out, text, end);
        fputc('\n', out);
    }
    fputs(example_end, out);
}

void roff_paragraphs(FILE *out, const char *text) {
    bool in_example = false, apart = false;
    for (const char *end, *line = text; *line; line = *end ? end + 1 : end) {
        end = line + strcspn(line, "\n");
        bool is_example = !strncmp(line, "  ", 2);
        if (line == end) {
            apart = true;
            continue;
        }
        if (in_example && !is_example) fputs(example_end, out);
        if (in_example && is_example && apart)
            fputc('\n', out);
        else if (line != text && (apart || is_example != in_example))
            fputs(".PP\n", out);
        if (is_example && !in_example) fputs(example_begin, out);
        if (is_example) {
            put(out, line + 2, end);
            fputc('\n', out);
        } else {
            put_line(out, line, end);
        }
        in_example = is_example;
        apart = false;
    }
    if (in_example) fputs(example_end, out);
}
