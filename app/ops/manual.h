/*
 * What --help, the man pages and the completions are made from, beside the tables in ops.h: the same
 * text and the same flags in the same order.
 */
#ifndef POUCH_OPS_MANUAL_H
#define POUCH_OPS_MANUAL_H

#include <ops/ops.h>

/* Of the whole program, as in struct ops_command; the example is lines to type. */
extern const char ops_program_summary[];
extern const char ops_program_about[];
extern const char ops_program_example[];

/* What each exit code means, ended by a NULL text. */
struct ops_exit {
    int code;
    const char *text;
};
extern const struct ops_exit ops_exits[];

/* A flag of a command: its own, a setting's, or one of all commands. */
struct ops_shown {
    const char *name;  /* "--brokers"; NULL when there is only the letter */
    char letter;       /* 0 = none */
    const char *arg;   /* NULL = takes no value */
    const char *words; /* "on|off": all that the value may be; NULL = anything */
    bool is_file, repeats, is_common;
    const char *text, *fallback;     /* fallback NULL = unset */
    const struct pl_option *setting; /* NULL when it is none */
};

/* The i-th flag of a command, the common ones last; false past the end. */
bool ops_shown_at(const struct ops_command *command, size_t i, struct ops_shown *out);

/* All that the arguments may be, "bash|zsh", as in struct ops_shown. */
const char *ops_argument_words(const struct ops_command *command);

/* How long the first word of the name is, and the second word; NULL when there is none. */
size_t ops_first_word(const struct ops_command *command);
const char *ops_second_word(const struct ops_command *command);

/* Whether no command before the i-th has the same first word. */
bool ops_is_new_word(const struct ops_command *const commands[], size_t i);

/* Writes the second words of the family that the i-th command begins, with that between them. */
void ops_put_family(FILE *out, const struct ops_command *const commands[], size_t i, const char *between);

/* Writes "a|b" as "a b". */
void ops_put_words(FILE *out, const char *words);

/* Writes the completion script of a shell. */
void ops_complete_bash(FILE *out, const struct ops_command *const commands[]);
void ops_complete_zsh(FILE *out, const struct ops_command *const commands[]);
void ops_complete_fish(FILE *out, const struct ops_command *const commands[]);

#endif
