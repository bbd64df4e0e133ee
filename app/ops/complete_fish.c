/* The completion script for fish 3 and later. */
#include <ops/manual.h>

static const char head[] = "# fish completion for pouch, made by: pouch completion fish\n"
                           "\n"
                           "# Whether these words, and no others, stand between pouch and the cursor.\n"
                           "function __pouch_after\n"
                           "    set -l typed (commandline -opc)\n"
                           "    set -e typed[1]\n"
                           "    test \"$typed\" = \"$argv\"\n"
                           "end\n"
                           "\n"
                           "# Whether the command is this one.\n"
                           "function __pouch_in\n"
                           "    set -l typed (commandline -opc)\n"
                           "    set -e typed[1]\n"
                           "    string match -q -- \"$argv *\" \"$typed \"\n"
                           "end\n"
                           "\n"
                           "complete -c pouch -f\n"
                           "complete -c pouch -n __pouch_after -s h -l help -d 'list the commands'\n"
                           "complete -c pouch -n __pouch_after -l version -d 'print the version'\n";

static void put_quoted(FILE *out, const char *text) {
    fputc('\'', out);
    for (; *text; text++) {
        if (*text == '\'' || *text == '\\') fputc('\\', out);
        fputc(*text, out);
    }
    fputc('\'', out);
}

static void put_first_word(FILE *out, const struct ops_command *const commands[], size_t i) {
    const struct ops_command *c = commands[i];
    int first = (int)ops_first_word(c);
    if (ops_is_new_word(commands, i)) {
        fprintf(out, "complete -c pouch -n __pouch_after -a %.*s -d ", first, c->name);
        if (!ops_second_word(c)) {
            put_quoted(out, c->summary);
        } else {
            fputc('\'', out);
            ops_put_family(out, commands, i, ", ");
            fprintf(out, "'\ncomplete -c pouch -n '__pouch_after %.*s' -s h -l help -d 'list its commands'", first,
                    c->name);
        }
        fputc('\n', out);
    }
    if (!ops_second_word(c)) return;
    fprintf(out, "complete -c pouch -n '__pouch_after %.*s' -a %s -d ", first, c->name, ops_second_word(c));
    put_quoted(out, c->summary);
    fputc('\n', out);
}

static void put_flag(FILE *out, const struct ops_command *c, const struct ops_shown *f) {
    fprintf(out, "complete -c pouch -n '__pouch_in %s'", c->name);
    if (f->letter) fprintf(out, " -s %c", f->letter);
    if (f->name) fprintf(out, " -l %s", f->name + 2);
    if (f->arg) fputs(f->is_file ? " -r -F" : " -x", out);
    if (f->words) {
        fputs(" -a '", out);
        ops_put_words(out, f->words);
        fputc('\'', out);
    }
    fputs(" -d ", out);
    put_quoted(out, f->text);
    fputc('\n', out);
}

static void put_command(FILE *out, const struct ops_command *c) {
    const char *words = ops_argument_words(c);
    if (words) {
        fprintf(out, "complete -c pouch -n '__pouch_in %s' -a '", c->name);
        ops_put_words(out, words);
        fputs("'\n", out);
    }
    struct ops_shown f;
    for (size_t i = 0; ops_shown_at(c, i, &f); i++) put_flag(out, c, &f);
}

void ops_complete_fish(FILE *out, const struct ops_command *const commands[]) {
    fputs(head, out);
    for (size_t i = 0; commands[i]; i++) put_first_word(out, commands, i);
    for (size_t i = 0; commands[i]; i++) put_command(out, commands[i]);
}
