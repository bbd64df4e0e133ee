/*
 * man DIRECTORY: writes the man pages man1/pouch.1, man1/pouch-COMMAND.1 and man5/pouch.yaml.5, from
 * the tables that the program itself runs on. A command without its texts is an error.
 */
#include "man.h"

#include "roff.h"

#include <errno.h>
#include <ops/commands.h>
#include <ops/manual.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_BYTES = 128 };

/* "pouch-topic-create" */
static const char *page_name(const struct ops_command *c, char out[NAME_BYTES]) {
    snprintf(out, NAME_BYTES, "pouch-%s", c->name);
    for (char *p = out; *p; p++)
        if (*p == ' ') *p = '-';
    return out;
}

static void reference(FILE *out, const char *page, const char *section, bool more) {
    roff_bold(out, page);
    fprintf(out, "(%s)%s\n", section, more ? "," : "");
}

static void refuse(const struct ops_command *c, const char *why) {
    fprintf(stderr, "man: pouch %s %s\n", c->name, why);
    exit(EXIT_FAILURE);
}

static bool same_flag(const struct ops_shown *a, const struct ops_shown *b) {
    return (a->letter && a->letter == b->letter) || (a->name && b->name && !strcmp(a->name, b->name));
}

/* What no command may be without, and what a mistake in the tables would make unreachable. */
static void check(const struct ops_command *c) {
    struct ops_shown f, other;
    if (!c->summary || !*c->summary) refuse(c, "has no summary");
    if (!c->about || !*c->about) refuse(c, "says nothing about itself");
    for (size_t i = 0; ops_shown_at(c, i, &f); i++) {
        if (!f.text || !*f.text) refuse(c, "has a flag without text");
        for (size_t before = 0; before < i && ops_shown_at(c, before, &other); before++)
            if (same_flag(&f, &other)) refuse(c, "has two flags of one name");
    }
}

/* "(default 30s; environment POUCH_REQUEST_TIMEOUT)" */
static void flag_facts(FILE *out, const struct ops_shown *f) {
    const char *before = " (";
    char own[PL_OPTION_ENV_MAX];
    if (f->fallback) {
        fprintf(out, "%sdefault ", before);
        roff_text(out, f->fallback);
        before = "; ";
    }
    if (f->setting) {
        fprintf(out, "%senvironment ", before);
        roff_bold(out, pl_option_env(f->setting, own));
        if (f->setting->seed_env) {
            fputs(" or ", out);
            roff_bold(out, f->setting->seed_env);
        }
        before = "; ";
    }
    fputs(*before == ';' ? ")\n" : "\n", out);
}

static void flag(FILE *out, const struct ops_shown *f) {
    fputs(".TP\n", out);
    if (f->letter) roff_bold(out, (char[]){'-', f->letter, 0});
    if (f->letter && f->name) fputs(", ", out);
    if (f->name) roff_bold(out, f->name);
    if (f->arg) {
        fputc(' ', out);
        roff_italic(out, f->arg);
    }
    fputc('\n', out);
    roff_text(out, f->text);
    if (f->words && strcmp(f->words, f->arg)) {
        fputs(": ", out);
        roff_text(out, f->words);
    }
    if (f->repeats) fputs("; may be given more than once", out);
    flag_facts(out, f);
}

static void flags(FILE *out, const struct ops_command *c, const char *title, bool common) {
    struct ops_shown f;
    for (size_t i = 0; ops_shown_at(c, i, &f); i++) {
        if (f.is_common != common) continue;
        if (title) roff_section(out, title);
        title = NULL;
        flag(out, &f);
    }
}

/* The other commands of the family, and the pages that concern all. */
static void see_also(FILE *out, const struct ops_command *c) {
    char name[NAME_BYTES];
    size_t n = ops_first_word(c) + 1;
    roff_section(out, "SEE ALSO");
    for (const struct ops_command *const *other = ops_commands; ops_second_word(c) && *other; other++)
        if (*other != c && !strncmp((*other)->name, c->name, n)) reference(out, page_name(*other, name), "1", true);
    reference(out, "pouch", "1", !c->no_settings);
    if (!c->no_settings) reference(out, "pouch.yaml", "5", false);
}

static void command_page(FILE *out, const struct ops_command *c) {
    char name[NAME_BYTES], title[NAME_BYTES];
    page_name(c, name);
    for (size_t i = 0; i < sizeof title; i++)
        title[i] = (char)(name[i] >= 'a' && name[i] <= 'z' ? name[i] - 32 : name[i]);
    roff_title(out, title, "1", name, c->summary);
    roff_section(out, "SYNOPSIS");
    fputs("\\fBpouch ", out);
    roff_text(out, c->name);
    fputs("\\fR [\\fIflag\\fR ...]", out);
    if (*c->args) fputc(' ', out);
    roff_text(out, c->args);
    fputc('\n', out);
    roff_section(out, "DESCRIPTION");
    roff_paragraphs(out, c->about);
    flags(out, c, "OPTIONS", false);
    flags(out, c, "COMMON OPTIONS", true);
    roff_section(out, "EXIT STATUS");
    fputs("0 when it is done;\n", out);
    reference(out, "pouch", "1", false);
    fputs("lists the others.\n", out);
    see_also(out, c);
}

static void command_list(FILE *out) {
    roff_section(out, "COMMANDS");
    fputs("Each has a page of its own.\n", out);
    for (const struct ops_command *const *c = ops_commands; *c; c++) {
        char name[NAME_BYTES];
        const char *title = ops_heading(*c);
        if (title) fprintf(out, ".SS %s\n", title);
        fputs(".TP\n", out);
        reference(out, page_name(*c, name), "1", false);
        roff_text(out, (*c)->summary);
        fputc('\n', out);
    }
}

static const struct {
    const char *code;
    int exit_code;
} errors[] = {
#define ERROR_ROW(number, name, code, retriable, exit_code) {code, exit_code},
    POUCH_ERRORS(ERROR_ROW)
#undef ERROR_ROW
};

static void exit_list(FILE *out) {
    roff_section(out, "EXIT STATUS");
    for (const struct ops_exit *e = ops_exits; e->text; e++) {
        const char *before = ": ";
        fprintf(out, ".TP\n\\fB%d\\fR\n%s", e->code, e->text);
        for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++)
            if (errors[i].exit_code == e->code) {
                fprintf(out, "%s%s", before, errors[i].code);
                before = ", ";
            }
        fputc('\n', out);
    }
}

static void program_page(FILE *out) {
    roff_title(out, "POUCH", "1", "pouch", ops_program_summary);
    roff_section(out, "SYNOPSIS");
    fputs("\\fBpouch\\fR \\fIcommand\\fR [\\fIflag\\fR ...] [\\fIargument\\fR ...]\n.br\n"
          "\\fBpouch\\fR [\\fIcommand\\fR] \\fB\\-\\-help\\fR\n.br\n"
          "\\fBpouch \\-\\-version\\fR\n",
          out);
    roff_section(out, "DESCRIPTION");
    roff_paragraphs(out, ops_program_about);
    fputs(".PP\nWhat is asked for goes to the standard output, all talk to the standard error.\n", out);
    command_list(out);
    flags(out, &ops_config_show, "COMMON OPTIONS", true);
    roff_section(out, "ENVIRONMENT");
    fputs(".TP\n\\fBPOUCH_\\fR\\fINAME\\fR\na setting, such as \\fBPOUCH_BROKERS\\fR; see\n", out);
    reference(out, "pouch.yaml", "5", false);
    fputs(".TP\n\\fBPOUCH_CONFIG\\fR\nthe file of settings, where no \\fB\\-\\-config\\fR names one\n"
          ".TP\n\\fBENCRYPTION_KEY\\fR\nthe one key, where no key file is named: 64 hexadecimal characters\n",
          out);
    exit_list(out);
    roff_section(out, "EXAMPLE");
    fputs("Without a Kafka:\n.PP\n", out);
    roff_paragraphs(out, ops_program_example);
    roff_section(out, "SEE ALSO");
    reference(out, "pouch.yaml", "5", false);
}

static FILE *page_open(const char *directory, const char *name, const char *section) {
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/man%s/%s.%s", directory, section, name, section);
    FILE *out = n > 0 && (size_t)n < sizeof path ? fopen(path, "w") : NULL;
    if (!out) {
        fprintf(stderr, "man: cannot write %s: %s\n", path, strerror(errno));
        exit(EXIT_FAILURE);
    }
    return out;
}

static void page_close(FILE *out) {
    bool failed = ferror(out);
    if (!fclose(out) && !failed) return;
    fputs("man: writing a page failed\n", stderr);
    exit(EXIT_FAILURE);
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fputs("usage: man DIRECTORY\n", stderr);
        return OPS_EXIT_USAGE;
    }
    FILE *out = page_open(argv[1], "pouch", "1");
    program_page(out);
    page_close(out);
    for (const struct ops_command *const *c = ops_commands; *c; c++) {
        char name[NAME_BYTES];
        check(*c);
        out = page_open(argv[1], page_name(*c, name), "1");
        command_page(out, *c);
        page_close(out);
    }
    out = page_open(argv[1], "pouch.yaml", "5");
    man_settings(out);
    page_close(out);
    return EXIT_SUCCESS;
}
