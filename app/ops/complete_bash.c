/* The completion script for bash 4 and later; it needs no bash-completion. */
#include <ops/manual.h>

static const char head[] =
    "# bash completion for pouch, made by: pouch completion bash\n"
    "\n"
    "_pouch() {\n"
    "    COMPREPLY=()\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} words='' flags='' files='' IFS=' '\n"
    "    # --flag=value comes as three words.\n"
    "    if [[ $cur == = ]]; then\n"
    "        cur=''\n"
    "        [[ $before == --* ]] || return\n"
    "    elif [[ $before == = ]]; then\n"
    "        before=${COMP_WORDS[COMP_CWORD - 2]}\n"
    "        [[ $before == --* ]] || return\n"
    "    fi\n"
    "    case \"${COMP_WORDS[*]:1:COMP_CWORD - 1} \" in\n";

static const char tail[] = "    esac\n"
                           "    [[ $words && $cur != -* ]] || words=$flags\n"
                           "    if [[ $files ]]; then\n"
                           "        compopt -o filenames 2>/dev/null\n"
                           "        mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
                           "    else\n"
                           "        mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
                           "    fi\n"
                           "}\n"
                           "complete -F _pouch pouch\n";

/* "-o | --output", as a pattern of case. */
static void put_names(FILE *out, const struct ops_shown *f, const char *between) {
    if (f->letter) fprintf(out, "-%c", f->letter);
    if (f->name) fprintf(out, "%s%s", f->letter ? between : "", f->name);
}

/* The words that may stand where the first argument, or the second word of a command, does. */
static void put_first_words(FILE *out, const struct ops_command *const commands[]) {
    fputs("    ' ')\n        words='", out);
    for (size_t i = 0; commands[i]; i++)
        if (ops_is_new_word(commands, i))
            fprintf(out, "%s%.*s", i ? " " : "", (int)ops_first_word(commands[i]), commands[i]->name);
    fputs("'\n        flags='--help --version'\n        ;;\n", out);
    for (size_t i = 0; commands[i]; i++) {
        if (!ops_second_word(commands[i]) || !ops_is_new_word(commands, i)) continue;
        fprintf(out, "    '%.*s ')\n        words='", (int)ops_first_word(commands[i]), commands[i]->name);
        ops_put_family(out, commands, i, " ");
        fputs("'\n        flags=--help\n        ;;\n", out);
    }
}

static void put_value(FILE *out, const struct ops_shown *f) {
    fputs("        ", out);
    put_names(out, f, " | ");
    if (f->words) {
        fputs(") words='", out);
        ops_put_words(out, f->words);
        fputs("' ;;\n", out);
    } else {
        fputs(f->is_file ? ") files=yes ;;\n" : ") return ;;\n", out);
    }
}

static void put_command(FILE *out, const struct ops_command *c) {
    const char *words = ops_argument_words(c);
    struct ops_shown f;
    fprintf(out, "    '%s '*)\n        flags='", c->name);
    for (size_t i = 0; ops_shown_at(c, i, &f); i++)
        if (f.name)
            fprintf(out, "%s%s", i ? " " : "", f.name);
        else
            fprintf(out, "%s-%c", i ? " " : "", f.letter);
    fputs("'\n", out);
    if (words) {
        fputs("        words='", out);
        ops_put_words(out, words);
        fputs("'\n", out);
    }
    fputs("        case $before in\n", out);
    for (size_t i = 0; ops_shown_at(c, i, &f); i++)
        if (f.arg) put_value(out, &f);
    fputs("        esac\n        ;;\n", out);
}

void ops_complete_bash(FILE *out, const struct ops_command *const commands[]) {
    fputs(head, out);
    put_first_words(out, commands);
    for (size_t i = 0; commands[i]; i++) put_command(out, commands[i]);
    fputs(tail, out);
}
