/* The completion script for zsh 5: a function for fpath, which can be sourced as well. */
#include <ops/manual.h>
#include <string.h>

static const char head[] = "#compdef pouch\n"
                           "# zsh completion for pouch, made by: pouch completion zsh\n"
                           "\n"
                           "_pouch() {\n"
                           "    local -a commands\n"
                           "    case \"${words[2,CURRENT - 1]} \" in\n";

static const char tail[] = "    esac\n"
                           "}\n"
                           "\n"
                           "if [[ $funcstack[1] == _pouch ]]; then\n"
                           "    _pouch \"$@\"\n"
                           "else\n"
                           "    compdef _pouch pouch\n"
                           "fi\n";

/* Text inside single quotes, with a backslash before each character of special. */
static void put_text(FILE *out, const char *text, const char *special) {
    for (; *text; text++) {
        if (strchr(special, *text)) fputc('\\', out);
        fputs(*text == '\'' ? "'\\''" : (char[]){*text, 0}, out);
    }
}

/* What _arguments would take for syntax. */
static void put_spec(FILE *out, const char *text) {
    put_text(out, text, "[]:\\");
}

/* The words that may come next, already begun as a list, and the flags that may stand in their place. */
static void end_words(FILE *out, const char *flags) {
    fprintf(out,
            "        )\n"
            "        _describe -t commands command commands\n"
            "        [[ $PREFIX != -* ]] || compadd -- %s\n"
            "        ;;\n",
            flags);
}

static void put_first_words(FILE *out, const struct ops_command *const commands[]) {
    fputs("    ' ')\n        commands=(\n", out);
    for (size_t i = 0; commands[i]; i++) {
        if (!ops_is_new_word(commands, i)) continue;
        fprintf(out, "            '%.*s:", (int)ops_first_word(commands[i]), commands[i]->name);
        if (ops_second_word(commands[i]))
            ops_put_family(out, commands, i, ", ");
        else
            put_text(out, commands[i]->summary, "");
        fputs("'\n", out);
    }
    end_words(out, "--help --version");
}

static void put_second_words(FILE *out, const struct ops_command *const commands[], size_t i) {
    const struct ops_command *c = commands[i];
    size_t n = ops_first_word(c) + 1;
    fprintf(out, "    '%.*s')\n        commands=(\n", (int)n, c->name);
    for (; commands[i]; i++) {
        if (strncmp(commands[i]->name, c->name, n)) continue;
        fprintf(out, "            '%s:", ops_second_word(commands[i]));
        put_text(out, commands[i]->summary, "");
        fputs("'\n", out);
    }
    end_words(out, "--help");
}

static void put_value(FILE *out, const char *what, const char *words, bool is_file) {
    fputc(':', out);
    put_spec(out, what);
    fputc(':', out);
    if (words) {
        fputc('(', out);
        ops_put_words(out, words);
        fputc(')', out);
    } else {
        fputs(is_file ? "_files" : " ", out);
    }
}

/* A flag under one of its names, which excludes the other. */
static void put_flag(FILE *out, const struct ops_shown *f, bool as_letter) {
    fputs(" \\\n            '", out);
    if (f->repeats)
        fputc('*', out);
    else if (f->letter && f->name)
        fprintf(out, "(-%c %s)", f->letter, f->name);
    if (as_letter)
        fprintf(out, "-%c%s[", f->letter, f->arg ? "+" : "");
    else
        fprintf(out, "%s%s[", f->name, f->arg ? "=" : "");
    put_spec(out, f->text);
    fputc(']', out);
    if (f->arg) put_value(out, f->arg, f->words, f->is_file);
    fputc('\'', out);
}

static void put_command(FILE *out, const struct ops_command *c) {
    struct ops_shown f;
    int words = ops_second_word(c) ? 2 : 1;
    fprintf(out, "    '%s '*)\n        shift %d words\n        ((CURRENT -= %d))\n        _arguments -s -S", c->name,
            words, words);
    for (size_t i = 0; ops_shown_at(c, i, &f); i++) {
        if (f.letter) put_flag(out, &f, true);
        if (f.name) put_flag(out, &f, false);
    }
    if (c->most) {
        fputs(" \\\n            '*", out);
        put_value(out, c->args, ops_argument_words(c), false);
        fputc('\'', out);
    }
    fputs("\n        ;;\n", out);
}

void ops_complete_zsh(FILE *out, const struct ops_command *const commands[]) {
    fputs(head, out);
    put_first_words(out, commands);
    for (size_t i = 0; commands[i]; i++)
        if (ops_second_word(commands[i]) && ops_is_new_word(commands, i)) put_second_words(out, commands, i);
    for (size_t i = 0; commands[i]; i++) put_command(out, commands[i]);
    fputs(tail, out);
}
