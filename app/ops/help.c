/* What --help says, from the same tables as the parser. */
#include <ops/commands.h>
#include <ops/common.h>
#include <ops/manual.h>
#include <string.h>

enum { LEFT = 36, WIDTH = 78 }; /* columns for a flag, and of a line */

/* Columns that UTF-8 text takes on a terminal, where each character takes one. */
static int columns(const char *text) {
    int n = 0;
    for (; *text; text++) n += ((unsigned char)*text & 0xC0) != 0x80;
    return n;
}

static void flag_line(FILE *out, const struct ops_shown *f) {
    char left[64];
    snprintf(left, sizeof left, "  %c%c%s%s%s%s", f->letter ? '-' : ' ', f->letter ? f->letter : ' ',
             f->letter && f->name ? ", " : "  ", f->name ? f->name : "", f->arg ? " " : "", f->arg ? f->arg : "");
    fprintf(out, "%s%*s %s", left, columns(left) < LEFT ? LEFT - columns(left) : 0, "", f->text);
    if (f->words && strcmp(f->words, f->arg)) fprintf(out, ": %s", f->words);
    if (f->fallback) fprintf(out, " (default %s)", f->fallback);
    fputc('\n', out);
}

static void flag_lines(FILE *out, const struct ops_command *c, const char *title, bool common) {
    struct ops_shown f;
    for (size_t i = 0; ops_shown_at(c, i, &f); i++) {
        if (f.is_common != common) continue;
        if (title) fprintf(out, "\n%s:\n", title);
        title = NULL;
        flag_line(out, &f);
    }
}

static void command_help(FILE *out, const struct ops_command *c) {
    fprintf(out, "pouch %s%s%s\n\n%s.\n", c->name, *c->args ? " " : "", c->args, c->summary);
    if (*c->about) fprintf(out, "\n%s", c->about);
    flag_lines(out, c, "Flags", false);
    flag_lines(out, c, "Common flags", true);
    if (!c->no_settings) fprintf(out, "\nSettings may also come from the environment and a file: pouch config show.\n");
}

void ops_help_family(FILE *out, const struct ops_command *const commands[], const char *family) {
    size_t n = strlen(family);
    for (size_t i = 0; commands[i]; i++)
        if (!strncmp(commands[i]->name, family, n) && commands[i]->name[n] == ' ')
            fprintf(out, "  pouch %-16s  %s\n", commands[i]->name, commands[i]->summary);
}

static void exit_codes(FILE *out) {
    int column = fprintf(out, "Exit codes:");
    for (const struct ops_exit *e = ops_exits; e->text; e++) {
        char one[80];
        int n = snprintf(one, sizeof one, " %d %s%s", e->code, e->text, e[1].text ? "," : ".");
        if (column + n > WIDTH) {
            fputc('\n', out);
            column = 0;
        }
        column += fprintf(out, "%s", column ? one : one + 1);
    }
    fputs("\n\n", out);
}

void ops_help(FILE *out, const struct ops_command *const commands[], const struct ops_command *command) {
    if (command) {
        command_help(out, command);
        return;
    }
    fprintf(out, "pouch: %s\n\n%s", ops_program_summary, ops_program_about);
    for (size_t i = 0; commands[i]; i++) {
        const char *title = ops_heading(commands[i]);
        if (title) fprintf(out, "\n%s:\n", title);
        fprintf(out, "  %-16s  %s\n", commands[i]->name, commands[i]->summary);
    }
    fprintf(out, "\nTry it without a Kafka:\n%s\n", ops_program_example);
    exit_codes(out);
    fprintf(out, "pouch COMMAND --help tells more about each.\n");
}
