#include <ops/common.h>
#include <ops/manual.h>
#include <string.h>

const char ops_program_summary[] = "sealed request-reply over Apache Kafka";

const char ops_program_about[] = "A client seals a request, a worker in any language opens, handles and answers it;\n"
                                 "nobody in between can read it.\n";

const char ops_program_example[] = "  pouch dev --topic hello > pouch.env &\n"
                                   "  until sleep 1; test -s pouch.env; do :; done; . ./pouch.env\n"
                                   "  pouch worker hello --exec cat &\n"
                                   "  echo '{\"name\":\"Ada\"}' | pouch request hello\n";

const struct ops_exit ops_exits[] = {
    {OPS_EXIT_OK, "done"},
    {OPS_EXIT_NEGATIVE, "a negative answer"},
    {OPS_EXIT_USAGE, "usage"},
    {OPS_EXIT_DATA, "bad data"},
    {69, "no broker or worker"},
    {OPS_EXIT_SOFTWARE, "a fault of the program"},
    {74, "the output could not be written"},
    {75, "timeout or try later"},
    {77, "not permitted"},
    {78, "settings"},
    {0, NULL},
};

static struct ops_shown of_flag(const struct ops_flag *f, bool is_common) {
    return (struct ops_shown){
        .name = f->name[1] == '-' ? f->name : NULL,
        .letter = f->letter,
        .arg = f->arg,
        .words = f->arg && strchr(f->arg, '|') ? f->arg : NULL,
        .is_file = f->arg && !strcmp(f->arg, "FILE"),
        .repeats = f->repeats,
        .is_common = is_common,
        .text = f->text,
    };
}

static struct ops_shown of_setting(const struct pl_option *o, bool is_common) {
    return (struct ops_shown){
        .name = o->flag,
        .letter = o->letter,
        .arg = o->arg,
        .words = o->kind == PL_KIND_BOOL ? "on|off" : o->choices,
        .is_file = o->kind == PL_KIND_PATH,
        .is_common = is_common,
        .text = o->text,
        .fallback = o->fallback,
        .setting = o,
    };
}

static bool names(const char *const *list, const char *name) {
    for (; list && *list; list++)
        if (!strcmp(*list, name)) return true;
    return false;
}

/* These take the i-th of their kind, or reduce *i by as many as there are. */
static bool flag_at(const struct ops_flag *flags, bool is_common, size_t *i, struct ops_shown *out) {
    for (; flags && flags->name; flags++) {
        if ((*i)--) continue;
        *out = of_flag(flags, is_common);
        return true;
    }
    return false;
}

static bool setting_at(const struct ops_command *command, bool is_common, size_t *i, struct ops_shown *out) {
    for (const struct pl_option *o = pl_options; o->name; o++) {
        if (!o->flag || !ops_takes_setting(command, o->name)) continue;
        if (names(command->settings, o->name) == is_common || (*i)--) continue;
        *out = of_setting(o, is_common);
        return true;
    }
    return false;
}

bool ops_shown_at(const struct ops_command *command, size_t i, struct ops_shown *out) {
    return flag_at(command->flags, false, &i, out) || setting_at(command, false, &i, out) ||
           setting_at(command, true, &i, out) || flag_at(ops_common_flags(command), true, &i, out);
}

const char *ops_argument_words(const struct ops_command *command) {
    return strchr(command->args, '|') && !strchr(command->args, ' ') ? command->args : NULL;
}

size_t ops_first_word(const struct ops_command *command) {
    return strcspn(command->name, " ");
}

const char *ops_second_word(const struct ops_command *command) {
    const char *space = strchr(command->name, ' ');
    return space ? space + 1 : NULL;
}

static bool same_first_word(const struct ops_command *a, const struct ops_command *b) {
    size_t n = ops_first_word(a);
    return n == ops_first_word(b) && !memcmp(a->name, b->name, n);
}

bool ops_is_new_word(const struct ops_command *const commands[], size_t i) {
    for (size_t before = 0; before < i; before++)
        if (same_first_word(commands[before], commands[i])) return false;
    return true;
}

void ops_put_family(FILE *out, const struct ops_command *const commands[], size_t i, const char *between) {
    fputs(ops_second_word(commands[i]), out);
    for (size_t next = i + 1; commands[next]; next++)
        if (same_first_word(commands[next], commands[i]))
            fprintf(out, "%s%s", between, ops_second_word(commands[next]));
}

void ops_put_words(FILE *out, const char *words) {
    for (; *words; words++) fputc(*words == '|' ? ' ' : *words, out);
}
