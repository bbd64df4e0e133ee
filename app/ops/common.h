/* What the parser, the help and the commands of this room share. */
#ifndef POUCH_OPS_COMMON_H
#define POUCH_OPS_COMMON_H

#include <base/buf.h>
#include <json/json.h>
#include <ops/ops.h>

struct pl_cluster;

/*
 * A cluster as the settings say, of which a broker has answered. Errors of the settings, NO_BROKER; closed by the
 * caller with pl_cluster_close().
 */
POUCH_MUST_CHECK pouch_err ops_cluster_open(const struct ops_call *call, struct pl_cluster **c);

/* --help and -o; with settings, --config and -X as well. */
const struct ops_flag *ops_common_flags(const struct ops_command *command);

/* Whether the setting's flag belongs to the command: the common ones, or named in its table. */
bool ops_takes_setting(const struct ops_command *command, const char *setting);

/*
 * For a flag, or a command (second: of the family word), that there is none of: " (did you mean NAME?)", written to
 * out, which is returned; nothing where no name is near.
 */
enum { OPS_MEANT = 96 };
const char *ops_meant_flag(char out[OPS_MEANT], const struct ops_command *command, const char *word, size_t n);
const char *ops_meant_command(char out[OPS_MEANT], const struct ops_command *const commands[], const char *word,
                              const char *second);

/* The help for the commands of a family, such as topic. */
void ops_help_family(FILE *out, const struct ops_command *const commands[], const char *family);

/*
 * The next line of in, without its newline, into line (reset first). 1: a line; 0: the end;
 * -1: longer than the buffer's ceiling (the rest of it is skipped), or no memory.
 */
int ops_read_line(FILE *in, struct pl_buf *line);

/* After the last line. CONFIG: there is more that cannot be read. */
POUCH_MUST_CHECK pouch_err ops_read_end(FILE *in);

/* All of in. TOO_LARGE past the buffer's ceiling; CONFIG as above. */
POUCH_MUST_CHECK pouch_err ops_read_all(FILE *in, struct pl_buf *out);

/* One line of JSON on stdout. Takes value; NULL stands for out of memory. Gives the exit code. */
int ops_print_json(json_t *value);

/*
 * Prints the items of an array as -o json or jsonl says. Takes it; NULL stands for out of memory. Gives the exit code.
 */
int ops_print_array(const struct ops_call *call, json_t *array);

/*
 * Prints the nth (from 0) JSON text of a stream: each on a line, or with -o json as the items
 * of one array, which ops_print_end() closes after n of them.
 */
void ops_print_item(const struct ops_call *call, size_t nth, const char *json, size_t length);
void ops_print_end(const struct ops_call *call, size_t n);

/*
 * --since and --until in microseconds, [since, until); 0 and INT64_MAX where they are not given. CONFIG names the flag.
 */
POUCH_MUST_CHECK pouch_err ops_when_span(const struct ops_call *call, int64_t *since_us, int64_t *until_us);

/*
 * Before what cannot be undone: a person is asked, and a script says --yes. OPS_EXIT_OK: go on; else the exit code, and
 * `nothing` has been said ("nothing deleted").
 */
int ops_agreed(const struct ops_call *call, const char *question, const char *nothing);

/* The same, of a person by typing a word that says what goes: a tenant's name. */
int ops_agreed_typed(const struct ops_call *call, const char *word, const char *nothing);

/*
 * A stop was asked for by SIGINT or SIGTERM; then calls `stop(arg)` once, from the signal handler: it must be
 * async-signal-safe.
 */
POUCH_MUST_CHECK pouch_err ops_on_stop(void (*stop)(void *arg), void *arg);

/* Before arg is freed: a signal from here on ends the program. */
void ops_no_stop(void);

#endif
