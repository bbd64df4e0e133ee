/* What --help says, from the same tables as the parser. */
#include <ops/common.h>
#include <string.h>

static void flag_line(char letter, const char *name, const char *arg, const char *text, const char *fallback) {
    char left[64];
    bool has_long = name[0] == '-' && name[1] == '-';
    snprintf(left, sizeof left, "  %c%c%s%s%s%s", letter ? '-' : ' ', letter ? letter : ' ',
             letter && has_long ? ", " : "  ", has_long ? name : "", arg ? " " : "", arg ? arg : "");
    printf("%-30s %s", left, text);
    if (fallback) printf(" (default %s)", fallback);
    putchar('\n');
}

static void flags_table(const struct ops_flag *flags) {
    for (const struct ops_flag *f = flags; f && f->name; f++) flag_line(f->letter, f->name, f->arg, f->text, NULL);
}

static bool names(const char *const *list, const char *name) {
    for (; list && *list; list++)
        if (!strcmp(*list, name)) return true;
    return false;
}

static void command_help(const struct ops_command *c) {
    printf("pouch %s %s\n\n%s.\n\n%s", c->name, c->args, c->summary, c->about);
    if (c->flags || c->settings) printf("\nFlags:\n");
    flags_table(c->flags);
    for (const struct pl_option *o = pl_options; o->name; o++)
        if (o->flag && names(c->settings, o->name)) flag_line(o->letter, o->flag, o->arg, o->text, o->fallback);
    printf("\nCommon flags:\n");
    for (const struct pl_option *o = pl_options; o->name; o++)
        if (o->flag && !names(c->settings, o->name) && ops_takes_setting(c, o->name))
            flag_line(o->letter, o->flag, o->arg, o->text, o->fallback);
    flags_table(c->no_settings ? ops_basic_flags : ops_common_flags);
    if (!c->no_settings) printf("\nSettings may also come from the environment and a file: pouch config show.\n");
}

void ops_help_family(const struct ops_command *const commands[], const char *family) {
    size_t n = strlen(family);
    for (size_t i = 0; commands[i]; i++)
        if (!strncmp(commands[i]->name, family, n) && commands[i]->name[n] == ' ')
            printf("  pouch %-16s %s\n", commands[i]->name, commands[i]->summary);
}

void ops_help(const struct ops_command *const commands[], const struct ops_command *command) {
    if (command) {
        command_help(command);
        return;
    }
    printf("pouch: sealed request-reply over Apache Kafka\n\n"
           "A client seals a request, a worker in any language opens, handles and answers it;\n"
           "nobody in between can read it.\n\nCommands:\n");
    for (size_t i = 0; commands[i]; i++) printf("  %-16s %s\n", commands[i]->name, commands[i]->summary);
    printf("\nTry it without a Kafka, in two terminals:\n"
           "  pouch dev > /tmp/pouch.env &  sleep 1; . /tmp/pouch.env\n"
           "  pouch worker hello --exec 'cat' &\n"
           "  echo '{\"name\":\"Ada\"}' | pouch request hello\n\n"
           "Exit codes: 0 done, 1 a negative answer, 64 usage, 65 bad data, 69 no broker or worker,\n"
           "75 timeout or try later, 77 not permitted, 78 settings.\n\n"
           "pouch COMMAND --help tells more about each.\n");
}
