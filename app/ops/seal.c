#include <base/why.h>
#include <ops/commands.h>
#include <ops/common.h>
#include <string.h>
#include <wire/envelope.h>

enum { LINE_MAX_BYTES = 64 * 1024 * 1024 };

/* Seals the input's lines until its end, or until nobody gets what is written; the exit code. */
static int seal_lines(const struct ops_call *call, pouch_keyring *ring, const pouch_dest *to) {
    struct pl_buf line;
    pl_buf_init(&line, LINE_MAX_BYTES);
    int exit_code = OPS_EXIT_OK, got;
    size_t sealed = 0;
    for (unsigned long number = 1; !ferror(stdout) && (got = ops_read_line(stdin, &line)) != 0; number++) {
        if (got > 0 && line.len == 0) continue;
        char *envelope = NULL;
        size_t n = 0;
        const char *reply_topic = ops_flag(call, "--reply-topic", 0);
        pouch_err bad =
            got < 0 ? POUCH_E_TOO_LARGE : pouch_seal(ring, to, reply_topic, line.at, line.len, NULL, &envelope, &n);
        if (bad) {
            ops_say("line %lu: %s", number, got < 0 ? "longer than 64 MiB" : pouch_why());
            exit_code = OPS_EXIT_DATA;
            continue;
        }
        ops_print_item(call, sealed++, envelope, n);
        pouch_free(envelope);
    }
    pouch_err e = ops_read_end(stdin);
    if (e) exit_code = ops_error(e);
    ops_print_end(call, sealed);
    pl_buf_wipe(&line);
    return exit_code;
}

/* What the envelopes are for. Without a publisher the topic is not part of an envelope, so any will do. */
static pouch_err destination(const struct ops_call *call, const struct pl_settings *s, pouch_dest **to) {
    const char *publisher = ops_flag(call, "--publisher", 0), *reply_topic = ops_flag(call, "--reply-topic", 0);
    *to = NULL;
    if (reply_topic && !pl_name_valid(reply_topic, strlen(reply_topic)))
        return pl_fail(POUCH_E_CONFIG, "--reply-topic is not 1 to %d characters of A-Z a-z 0-9 . _ -", PL_NAME_MAX);
    *to = publisher ? pouch_dest_publisher(publisher) : pouch_dest_topic("unnamed");
    return *to ? pouch_dest_set_iv_bytes(*to, s->iv_bytes) : POUCH_E_CONFIG;
}

static int seal(struct ops_call *call) {
    struct pl_settings s;
    pouch_err e = pl_settings_read(&s, call->options);
    if (e) return ops_error(e);
    pouch_dest *to;
    e = destination(call, &s, &to);
    pl_settings_free(&s);
    pouch_keyring *ring = NULL;
    int exit_code = OPS_EXIT_OK;
    if (e)
        exit_code = ops_usage(call, "%s", pouch_why());
    else if ((e = ops_keyring(call, &ring)))
        exit_code = ops_error(e);
    else
        exit_code = seal_lines(call, ring, to);
    pouch_dest_free(to);
    pouch_keyring_free(ring);
    int written = ops_done();
    return exit_code ? exit_code : written;
}

const struct ops_command ops_seal = {
    .name = "seal",
    .args = "",
    .summary = "Seal payloads: JSON lines in, envelopes out",
    .about = "Each line of the input is one JSON text; each line of the output is the envelope of a\n"
             "request with a fresh request id. A bad line is told on stderr, the rest goes on, and\n"
             "the exit code is 65 at the end.\n\n"
             "  echo '{\"a\":1}' | pouch seal --reply-topic me.replies | pouch open\n",
    .flags =
        (const struct ops_flag[]){
            {"--publisher", 0, "P", false, "the publisher that the command center routes by"},
            {"--reply-topic", 0, "T", false, "the topic that the answer goes to"},
            {0},
        },
    .settings = (const char *const[]){"crypto.iv_bytes", NULL},
    .run = seal,
};
