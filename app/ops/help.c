/* What --help says, from the same tables as the parser. */
#include <ops/common.h>
#include <string.h>

enum { LEFT = 30 }; /* columns for a flag */

/* Columns that UTF-8 text takes on a terminal, where each character takes one. */
static int columns(const char *text) {
    int n = 0;
    for (; *text; text++) n += ((unsigned char)*text & 0xC0) != 0x80;
    return n;
}

static void flag_line(FILE *out, char letter, const char *name, const char *arg, const char *text,
                      const char *fallback) {
    char left[64];
    bool has_long = name[0] == '-' && name[1] == '-';
    snprintf(left, sizeof left, "  %c%c%s%s%s%s", letter ? '-' : ' ', letter ? letter : ' ',
             letter && has_long ? ", " : "  ", has_long ? name : "", arg ? " " : "", arg ? arg : "");
    fprintf(out, "%s%*s %s", left, columns(left) < LEFT ? LEFT - columns(left) : 0, "", text);
    if (fallback) fprintf(out, " (default %s)", fallback);
    fputc('\n', out);
}

static void flags_table(FILE *out, const struct ops_flag *flags) {
    for (const struct ops_flag *f = flags; f && f->name; f++) flag_line(out, f->letter, f->name, f->arg, f->text, NULL);
}

static bool names(const char *const *list, const char *name) {
    for (; list && *list; list++)
        if (!strcmp(*list, name)) return true;
    return false;
}

static void command_help(FILE *out, const struct ops_command *c) {
    fprintf(out, "pouch %s%s%s\n\n%s.\n", c->name, *c->args ? " " : "", c->args, c->summary);
    if (*c->about) fprintf(out, "\n%s", c->about);
    if (c->flags || c->settings) fprintf(out, "\nFlags:\n");
    flags_table(out, c->flags);
    for (const struct pl_option *o = pl_options; o->name; o++)
        if (o->flag && names(c->settings, o->name)) flag_line(out, o->letter, o->flag, o->arg, o->text, o->fallback);
    fprintf(out, "\nCommon flags:\n");
    for (const struct pl_option *o = pl_options; o->name; o++)
        if (o->flag && !names(c->settings, o->name) && ops_takes_setting(c, o->name))
            flag_line(out, o->letter, o->flag, o->arg, o->text, o->fallback);
    flags_table(out, c->no_settings ? ops_basic_flags : ops_common_flags);
    if (!c->no_settings) fprintf(out, "\nSettings may also come from the environment and a file: pouch config show.\n");
}

void ops_help_family(FILE *out, const struct ops_command *const commands[], const char *family) {
    size_t n = strlen(family);
    for (size_t i = 0; commands[i]; i++)
        if (!strncmp(commands[i]->name, family, n) && commands[i]->name[n] == ' ')
            fprintf(out, "  pouch %-16s %s\n", commands[i]->name, commands[i]->summary);
}

void ops_help(FILE *out, const struct ops_command *const commands[], const struct ops_command *command) {
    if (command) {
        command_help(out, command);
        return;
    }
    fprintf(out, "pouch: sealed request-reply over Apache Kafka\n\n"
                 "A client seals a request, a worker in any language opens, handles and answers it;\n"
                 "nobody in between can read it.\n\nCommands:\n");
    for (size_t i = 0; commands[i]; i++) fprintf(out, "  %-16s %s\n", commands[i]->name, commands[i]->summary);
    fprintf(out, "\nTry it without a Kafka:\n"
                 "  pouch dev --topic hello > pouch.env &  sleep 1; . ./pouch.env\n"
                 "  pouch worker hello --exec cat &\n"
                 "  echo '{\"name\":\"Ada\"}' | pouch request hello\n\n"
                 "Exit codes: 0 done, 1 a negative answer, 64 usage, 65 bad data, 69 no broker or worker,\n"
                 "75 timeout or try later, 77 not permitted, 78 settings.\n\n"
                 "pouch COMMAND --help tells more about each.\n");
}
