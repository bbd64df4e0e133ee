/* The command line: which command, which flags, which arguments. */
#include <base/log.h>
#include <base/why.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <ops/common.h>
#include <ops/dumps.h>
#include <ops/ops.h>
#include <ops/screen.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void say(const char *format, va_list args, const char *then, const char *more)
    __attribute__((format(printf, 1, 0)));

/*
 * One line in one piece, as threads write to the log meanwhile. Parts of it may be from others: a worker's error, a
 * name in a store. Where UTF-8 cannot be shown it does no harm.
 */
static void say(const char *format, va_list args, const char *then, const char *more) {
    static const struct ops_screen screen = {.utf8 = true};
    char *text = NULL, *line = NULL;
    size_t length;
    int n = vasprintf(&text, format, args);
    FILE *out = n < 0 ? NULL : open_memstream(&line, &length);
    if (out) {
        fputs("pouch: ", out);
        ops_screen_put(out, &screen, text, (size_t)n, SIZE_MAX);
        fprintf(out, "%s%s\n", then, more);
    }
    bool whole = out && !fclose(out);
    fputs(whole ? line : "pouch: out of memory\n", stderr);
    free(line);
    if (n >= 0) free(text);
}

void ops_say(const char *format, ...) {
    va_list args;
    va_start(args, format);
    say(format, args, "", "");
    va_end(args);
}

int ops_usage(const struct ops_call *call, const char *format, ...) {
    char more[64] = "--help";
    va_list args;
    va_start(args, format);
    if (call && call->command) snprintf(more, sizeof more, "%s --help", call->command->name);
    say(format, args, "; see pouch ", more);
    va_end(args);
    return OPS_EXIT_USAGE;
}

int ops_error(pouch_err e) {
    ops_say("%s", pouch_why());
    ops_advise(e);
    return pouch_err_exit_code(e);
}

void ops_advise(pouch_err e) {
    if (e == POUCH_E_NO_BROKER) ops_say("to try things out without Kafka, run an embedded broker: pouch dev");
}

bool ops_reader_goes_within(int ms) {
    struct pollfd out = {.fd = STDOUT_FILENO};
    return poll(&out, 1, ms) > 0 && out.revents & (POLLERR | POLLHUP);
}

int ops_done(void) {
    if ((fflush(stdout) == 0 && !ferror(stdout)) || ops_reader_goes_within(0)) return OPS_EXIT_OK;
    ops_say("writing the output failed, and it is not complete: %s; see to the place that it goes to", strerror(errno));
    return 74;
}

const char *ops_flag(const struct ops_call *call, const char *name, size_t i) {
    for (size_t g = 0; g < call->n_given; g++)
        if (!strcmp(call->given[g].flag->name, name) && i-- == 0) return call->given[g].value;
    return NULL;
}

bool ops_has(const struct ops_call *call, const char *name) {
    for (size_t g = 0; g < call->n_given; g++)
        if (!strcmp(call->given[g].flag->name, name)) return true;
    return false;
}

pouch_err ops_number(const struct ops_call *call, const char *name, int64_t fallback, int64_t least, int64_t most,
                     int64_t *out) {
    const char *text = ops_flag(call, name, 0);
    *out = fallback;
    if (!text) return POUCH_OK;
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno || *end || end == text || value < least || value > most)
        return pl_fail(POUCH_E_CONFIG, "%s: '%s' is not a number from %lld to %lld", name, text, (long long)least,
                       (long long)most);
    *out = value;
    return POUCH_OK;
}

/* Whether the first words of argv name the command; how many words it took. */
static int words_match(const struct ops_command *command, int argc, char **argv) {
    const char *space = strchr(command->name, ' ');
    size_t first = space ? (size_t)(space - command->name) : strlen(command->name);
    if (argc < 1 || strlen(argv[0]) != first || strncmp(argv[0], command->name, first)) return 0;
    if (!space) return 1;
    return argc > 1 && !strcmp(argv[1], space + 1) ? 2 : 0;
}

static bool is_family(const struct ops_command *const commands[], const char *word) {
    size_t n = strlen(word);
    for (size_t i = 0; commands[i]; i++)
        if (!strncmp(commands[i]->name, word, n) && commands[i]->name[n] == ' ') return true;
    return false;
}

static const struct pl_option *setting_flag(const struct ops_command *command, const char *name, size_t n) {
    for (const struct pl_option *o = pl_options; o->name; o++) {
        bool match = n == 1 ? o->letter == name[0] : o->flag && strlen(o->flag) == n && !strncmp(o->flag, name, n);
        if (match && ops_takes_setting(command, o->name)) return o;
    }
    return NULL;
}

static const struct ops_flag *own_flag(const struct ops_command *command, const char *name, size_t n) {
    const struct ops_flag *tables[] = {command->flags, ops_common_flags(command)};
    for (size_t t = 0; t < 2; t++)
        for (const struct ops_flag *f = tables[t]; f && f->name; f++)
            if (n == 1 ? f->letter == name[0] : strlen(f->name) == n && !strncmp(f->name, name, n)) return f;
    return NULL;
}

/* The place of text among words such as "on|off"; -1: it is none of them. */
static int place_among(const char *words, const char *text) {
    size_t n = strlen(text);
    for (int i = 0; *words; i++) {
        size_t length = strcspn(words, "|");
        if (length == n && !memcmp(words, text, n)) return i;
        words += length + (words[length] == '|');
    }
    return -1;
}

static int no_such_flag(const struct ops_call *call, const char *word, size_t n) {
    char meant[OPS_MEANT];
    return ops_usage(call, "no such flag: %.*s%s", (int)n, word, ops_meant_flag(meant, call->command, word, n));
}

/* One flag at argv[*i]: its name, and its value when it takes one, from "=", the rest of "-xREST", or the next word. */
static int take_flag(struct ops_call *call, int argc, char **argv, int *i) {
    const char *word = argv[*i];
    bool is_long = word[1] == '-';
    const char *name = is_long ? word : word + 1;
    size_t n = is_long ? strcspn(word, "=") : 1;
    const struct ops_flag *flag = own_flag(call->command, name, n);
    const struct pl_option *setting = flag ? NULL : setting_flag(call->command, name, n);
    if (!flag && !setting) return no_such_flag(call, word, is_long ? n : 2);
    bool takes_value = setting || flag->arg;
    const char *value = NULL;
    if (is_long && word[n] == '=')
        value = word + n + 1;
    else if (!is_long && word[2])
        value = word + 2;
    if (!takes_value && value) return ops_usage(call, "%.*s takes no value", is_long ? (int)n : 2, word);
    if (takes_value && !value) {
        if (*i + 1 >= argc) return ops_usage(call, "%s wants a value", word);
        value = argv[++*i];
    }
    if (setting) {
        pouch_err e = pouch_options_set(call->options, setting->name, value);
        return e ? ops_usage(call, "%s", pouch_why()) : 0;
    }
    if (!flag->repeats && ops_has(call, flag->name)) return ops_usage(call, "%s is given twice", flag->name);
    if (takes_value && strchr(flag->arg, '|') && place_among(flag->arg, value) < 0)
        return ops_usage(call, "%s: '%s' is not one of %s", flag->name, value, flag->arg);
    call->given[call->n_given++] = (struct ops_given){flag, value};
    return 0;
}

static int take_words(struct ops_call *call, int argc, char **argv) {
    bool flags_end = false;
    for (int i = 0; i < argc; i++) {
        const char *word = argv[i];
        if (!flags_end && !strcmp(word, "--")) {
            flags_end = true;
        } else if (!flags_end && word[0] == '-' && word[1]) {
            int exit_code = take_flag(call, argc, argv, &i);
            if (exit_code) return exit_code;
        } else {
            call->args[call->n_args++] = word;
        }
    }
    return 0;
}

static int check_arguments(struct ops_call *call) {
    const struct ops_command *c = call->command;
    if (call->n_args < c->least) return ops_usage(call, "%s wants %s", c->name, c->args);
    if (call->n_args > c->most)
        return ops_usage(call, "%s: too many arguments, the first is '%s'", c->name, call->args[c->most]);
    const char *output = ops_flag(call, "--output", 0);
    call->output_given = output != NULL;
    if (output) call->output = (enum ops_output)place_among(own_flag(c, "o", 1)->arg, output);
    return 0;
}

/* -X name=value, and the settings file. */
static int take_settings(struct ops_call *call) {
    const char *file = ops_flag(call, "--config", 0);
    if (!file) file = getenv("POUCH_CONFIG");
    pouch_err e = file && *file ? pouch_options_load(call->options, file) : POUCH_OK;
    if (e) return ops_error(e);
    const char *property;
    for (size_t i = 0; (property = ops_flag(call, "-X", i)); i++) {
        const char *equals = strchr(property, '=');
        char name[256];
        if (!equals || equals == property || (size_t)(equals - property) > sizeof name - sizeof "kafka.")
            return ops_usage(call, "-X wants name=value");
        snprintf(name, sizeof name, "kafka.%.*s", (int)(equals - property), property);
        if ((e = pouch_options_set(call->options, name, equals + 1))) return ops_error(e);
    }
    const char *level = pouch_options_get(call->options, "log.level");
    static const char *const levels[] = {
        [PL_LOG_ERROR] = "error", [PL_LOG_WARN] = "warn", [PL_LOG_INFO] = "info", [PL_LOG_DEBUG] = "debug"};
    for (size_t i = 0; level && i < sizeof levels / sizeof levels[0]; i++)
        if (!strcmp(level, levels[i])) pl_log_set_level((enum pl_log_level)i);
    return 0;
}

static int run(struct ops_call *call, int argc, char **argv) {
    int exit_code = take_words(call, argc, argv);
    if (exit_code) return exit_code;
    if (ops_has(call, "--help")) {
        ops_help(stdout, call->commands, call->command);
        return ops_done();
    }
    exit_code = check_arguments(call);
    if (!exit_code && !call->command->no_settings) exit_code = take_settings(call);
    return exit_code ? exit_code : call->command->run(call);
}

/* second: of a family. */
static int no_such_command(const struct ops_command *const commands[], const char *word, const char *second) {
    const struct ops_call none = {0};
    char meant[OPS_MEANT];
    return ops_usage(&none, "no such command: %s%s%s%s", word, second ? " " : "", second ? second : "",
                     ops_meant_command(meant, commands, word, second));
}

static int unknown(const struct ops_command *const commands[], int argc, char **argv) {
    struct ops_call none = {0};
    const char *word = argv[0];
    if (!strcmp(word, "--version")) {
        puts(pouch_version());
        return ops_done();
    }
    if (!strcmp(word, "--help") || !strcmp(word, "-h") || !strcmp(word, "help")) {
        ops_help(stdout, commands, NULL);
        return ops_done();
    }
    if (is_family(commands, word)) {
        bool help = argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"));
        if (argc > 1 && !help) return no_such_command(commands, word, argv[1]);
        ops_help_family(help ? stdout : stderr, commands, word);
        return help ? ops_done() : OPS_EXIT_USAGE;
    }
    if (word[0] == '-') return ops_usage(&none, "the command comes first: pouch COMMAND %s …", word);
    return no_such_command(commands, word, NULL);
}

/*
 * The number of a standard stream that is closed would go to the next connection, and what is meant for people with it.
 * Opened the wrong way round, a stream fails as it would have.
 */
static bool hold_standard_streams(void) {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd) return false;
    return true;
}

int ops_main(const struct ops_command *const commands[], int argc, char **argv) {
    if (!hold_standard_streams() || !ops_forbid_dumps()) return OPS_EXIT_SOFTWARE;
    signal(SIGPIPE, SIG_IGN);
    pl_log_set_name("pouch");
    if (argc < 2) {
        ops_help(stderr, commands, NULL);
        return OPS_EXIT_USAGE;
    }
    argc--;
    argv++;
    struct ops_call call = {.commands = commands};
    int words = 0;
    for (size_t i = 0; commands[i] && !words; i++)
        if ((words = words_match(commands[i], argc, argv))) call.command = commands[i];
    if (!words) return unknown(commands, argc, argv);

    call.options = pouch_options_new();
    call.args = calloc((size_t)argc + 1, sizeof *call.args);
    call.given = calloc((size_t)argc + 1, sizeof *call.given);
    int exit_code = OPS_EXIT_SOFTWARE;
    if (call.options && call.args && call.given)
        exit_code = run(&call, argc - words, argv + words);
    else
        ops_say("out of memory");
    free(call.args);
    free(call.given);
    pouch_options_free(call.options);
    return exit_code;
}
