#include <admin/when.h>
#include <base/clock.h>
#include <base/why.h>
#include <cluster/cluster.h>
#include <crypto/keyring.h>
#include <errno.h>
#include <ops/common.h>
#include <ops/notify.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

pouch_err ops_cluster_open(const struct ops_call *call, struct pl_cluster **c) {
    struct pl_settings s;
    pouch_err e = pl_settings_read(&s, call->options);
    if (e) return e;
    e = pl_cluster_open(c, &s, s.client_id ? s.client_id : "pouch-cli");
    pl_settings_free(&s);
    if (!e && (e = pl_cluster_reach(pl_cluster_handle(*c)))) {
        pl_cluster_close(*c);
        *c = NULL;
    }
    return e;
}

/* clang-format off */
#define CONFIG   {"--config", 0, "FILE", false, "settings from this YAML file (or $POUCH_CONFIG)"}
#define PROPERTY {"-X", 'X', "NAME=VALUE", true, "any property of librdkafka, such as security.protocol=SASL_SSL"}
#define OUTPUT   {"--output", 'o', "table|json|jsonl", false, "for people, one document, or one a line"}
#define ROWS     {"--output", 'o', "table|json|jsonl|csv", false, "for people, one document, one a line, or RFC 4180"}
#define HELP     {"--help", 'h', NULL, false, "this help"}
/* clang-format on */

static const struct ops_flag basic_flags[] = {OUTPUT, HELP, {0}};
static const struct ops_flag common_flags[] = {CONFIG, PROPERTY, OUTPUT, HELP, {0}};
static const struct ops_flag rows_flags[] = {CONFIG, PROPERTY, ROWS, HELP, {0}};

const struct ops_flag *ops_common_flags(const struct ops_command *command) {
    if (command->no_settings) return basic_flags;
    return command->csv ? rows_flags : common_flags;
}

static const char *const common_settings[] = {"brokers", "client.id", "key.file", "log.level", NULL};

bool ops_takes_setting(const struct ops_command *command, const char *setting) {
    const char *const *tables[] = {command->settings, command->no_settings ? NULL : common_settings};
    for (size_t t = 0; t < 2; t++)
        for (const char *const *s = tables[t]; s && *s; s++)
            if (!strcmp(*s, setting)) return true;
    return false;
}

int ops_read_line(FILE *in, struct pl_buf *line) {
    pl_buf_reset(line);
    bool whole = true;
    int c;
    while ((c = getc_unlocked(in)) != EOF && c != '\n')
        if (whole && pl_buf_putc(line, (char)c)) whole = false;
    if (c == EOF && line->len == 0 && whole) return 0;
    if (whole && line->len && line->at[line->len - 1] == '\r') line->at[--line->len] = 0;
    return whole ? 1 : -1;
}

pouch_err ops_read_end(FILE *in) {
    return ferror(in) ? pl_fail(POUCH_E_CONFIG, "reading the input failed: %s", strerror(errno)) : POUCH_OK;
}

pouch_err ops_read_all(FILE *in, struct pl_buf *out) {
    char block[16384];
    size_t n;
    pouch_err e = POUCH_OK;
    while (!e && (n = fread(block, 1, sizeof block, in)) > 0) e = pl_buf_append(out, block, n);
    explicit_bzero(block, sizeof block);
    return e ? e : ops_read_end(in);
}

int ops_print_json(json_t *value) {
    size_t n;
    char *text = value ? pl_json_text(value, &n) : NULL;
    json_decref(value);
    if (!text) {
        ops_say("out of memory");
        return pouch_err_exit_code(POUCH_E_NO_MEMORY);
    }
    puts(text);
    free(text);
    return OPS_EXIT_OK;
}

int ops_print_array(const struct ops_call *call, json_t *array) {
    if (call->output == OPS_JSON || !array) return ops_print_json(array);
    int exit_code = OPS_EXIT_OK;
    for (size_t i = 0; !exit_code && i < json_array_size(array); i++)
        exit_code = ops_print_json(json_incref(json_array_get(array, i)));
    json_decref(array);
    return exit_code;
}

void ops_print_item(const struct ops_call *call, size_t nth, const char *json, size_t length) {
    if (call->output == OPS_JSON) fputs(nth ? ",\n" : "[\n", stdout);
    fwrite(json, 1, length, stdout);
    if (call->output != OPS_JSON) putchar('\n');
}

void ops_print_end(const struct ops_call *call, size_t n) {
    if (call->output == OPS_JSON) puts(n ? "\n]" : "[]");
}

pouch_err ops_when_span(const struct ops_call *call, int64_t *since_us, int64_t *until_us) {
    const char *since = ops_flag(call, "--since", 0), *until = ops_flag(call, "--until", 0);
    int64_t now_ms = pl_wall_ms(&pl_clock_system), since_ms = 0, until_ms = 0;
    pouch_err e = since ? admin_when_parse("--since", since, now_ms, &since_ms) : POUCH_OK;
    if (!e && until) e = admin_when_parse("--until", until, now_ms, &until_ms);
    *since_us = since_ms * 1000;
    *until_us = until ? until_ms * 1000 : INT64_MAX;
    return e;
}

pouch_err ops_keyring(const struct ops_call *call, pouch_keyring **ring) {
    pouch_err e = pouch_keyring_load(ring, pouch_options_get(call->options, "key.file"));
    if (!e && (e = pouch_keyring_follow(*ring, pouch_options_get(call->options, "crypto.seal_counts")))) {
        pouch_keyring_free(*ring);
        *ring = NULL;
    }
    return e;
}

int ops_agreed(const struct ops_call *call, const char *question, const char *nothing) {
    if (ops_has(call, "--yes")) return OPS_EXIT_OK;
    if (!isatty(STDIN_FILENO)) {
        ops_say("%s; add --yes to do it", nothing);
        return OPS_EXIT_USAGE;
    }
    fprintf(stderr, "%s [y/N] ", question);
    int answer = getchar();
    if (answer == 'y' || answer == 'Y') return OPS_EXIT_OK;
    ops_say("%s", nothing);
    return OPS_EXIT_NEGATIVE;
}

/* Whether the next line of stdin is the word. */
static bool typed(const char *word) {
    struct pl_buf line;
    pl_buf_init(&line, 1024);
    bool same = ops_read_line(stdin, &line) == 1 && line.at && !strcmp(line.at, word);
    pl_buf_free(&line);
    return same;
}

int ops_agreed_typed(const struct ops_call *call, const char *word, const char *nothing) {
    if (ops_has(call, "--yes")) return OPS_EXIT_OK;
    if (!isatty(STDIN_FILENO)) {
        ops_say("%s; add --yes to do it", nothing);
        return OPS_EXIT_USAGE;
    }
    fprintf(stderr, "This cannot be undone. To go on, type %s: ", word);
    if (typed(word)) return OPS_EXIT_OK;
    ops_say("%s", nothing);
    return OPS_EXIT_NEGATIVE;
}

static void (*on_stop)(void *arg);
static void *on_stop_arg;

static void stop_signal(int number) {
    (void)number;
    ops_notify_tell("STOPPING=1");
    if (on_stop) on_stop(on_stop_arg);
}

void ops_no_stop(void) {
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    on_stop = NULL;
    on_stop_arg = NULL;
}

pouch_err ops_on_stop(void (*stop)(void *arg), void *arg) {
    on_stop = stop;
    on_stop_arg = arg;
    /* The second signal ends the program at once: somebody who presses Ctrl-C twice means it. */
    struct sigaction act = {.sa_handler = stop_signal, .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&act.sa_mask);
    if (sigaction(SIGINT, &act, NULL) || sigaction(SIGTERM, &act, NULL))
        return pl_fail(POUCH_E_CONFIG, "signals cannot be handled: %s", strerror(errno));
    return POUCH_OK;
}
