/*
 * The program's sub-commands. One file a command; each exports one `const struct ops_command`.
 * The same tables drive the parser, --help, man pages and completions.
 */
#ifndef POUCH_OPS_OPS_H
#define POUCH_OPS_OPS_H

#include <conf/settings.h>
#include <pouch/pouch.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { OPS_EXIT_OK = 0, OPS_EXIT_NEGATIVE = 1, OPS_EXIT_USAGE = 64, OPS_EXIT_DATA = 65, OPS_EXIT_SOFTWARE = 70 };

enum ops_output { OPS_TABLE, OPS_JSON, OPS_JSONL, OPS_CSV }; /* in the order of the words that -o takes */

/* A flag of one command that is no setting. */
struct ops_flag {
    const char *name; /* "--publisher" */
    char letter;      /* 'H' for -H; 0 = none */
    const char *arg;  /* "P"; "on|off" lists all that it takes, FILE is a file; NULL = takes none */
    bool repeats;
    const char *text;
};

struct ops_call;

struct ops_command {
    const char *name;                  /* "topic create": one or two words */
    const char *args;                  /* for the usage line: "TOPIC… [PAYLOAD|-]"; "a|b" alone lists all there is */
    const char *summary;               /* one line, no full stop */
    const char *about;                 /* what --help teaches: paragraphs and examples; ends in a newline */
    const struct ops_flag *flags;      /* ended by a NULL name; NULL = none */
    const char *const *settings;       /* names of settings whose flags it takes besides the common ones; NULL = none */
    size_t least, most;                /* arguments */
    bool no_settings;                  /* runs without brokers, keys and files: the common flags are not offered */
    bool csv;                          /* prints a list of records, so that -o csv goes too */
    int (*run)(struct ops_call *call); /* gives the exit code */
};

/* A parsed command line. Everything is borrowed from argv or owned by ops_main(). */
struct ops_call {
    const struct ops_command *command;
    const struct ops_command *const *commands; /* the whole table, ended by NULL */
    pouch_options *options;
    enum ops_output output;
    bool output_given;
    const char **args;
    size_t n_args;
    struct ops_given {
        const struct ops_flag *flag;
        const char *value; /* NULL for a flag without argument */
    } * given;
    size_t n_given;
};

/* The value of a flag's first or, with i, further occurrence; NULL when not given (again). */
const char *ops_flag(const struct ops_call *call, const char *name, size_t i);

/* Whether a flag was given. */
bool ops_has(const struct ops_call *call, const char *name);

/* A flag's value as a number in [least, most]; fallback when not given. CONFIG names the flag and the bounds. */
POUCH_MUST_CHECK pouch_err ops_number(const struct ops_call *call, const char *name, int64_t fallback, int64_t least,
                                      int64_t most, int64_t *out);

/* Parses, runs, gives the exit code. commands is ended by NULL. */
int ops_main(const struct ops_command *const commands[], int argc, char **argv);

/* Writes the help for the program (command NULL) or a command. */
void ops_help(FILE *out, const struct ops_command *const commands[], const struct ops_command *command);

/* "pouch: TEXT" on stderr; gives the exit code, so that `return ops_usage(call, …)` reads as one thing. */
int ops_usage(const struct ops_call *call, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "pouch: why" on stderr for an error of the library; gives its exit code. */
int ops_error(pouch_err e);

/* The next step on stderr, where one helps whatever the command was: a broker that is not there. */
void ops_advise(pouch_err e);

/* Talk on stderr, one line: what a terminal would take as a command is written as \xHH. */
void ops_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The key ring as the settings name it. */
POUCH_MUST_CHECK pouch_err ops_keyring(const struct ops_call *call, pouch_keyring **ring);

/*
 * Whether stdout is a pipe or a terminal whose other end is closed, or is within ms: without writing, no error would
 * tell.
 */
bool ops_reader_goes_within(int ms);

/*
 * Flushes stdout and gives OPS_EXIT_OK, or 74 (EX_IOERR) when the output could not be written. Who reads it may stop
 * reading, as head does: that is no error.
 */
int ops_done(void);

#endif
