#include <ops/commands.h>
#include <ops/common.h>

enum { LINE_MAX_BYTES = 64 * 1024 * 1024 };

/* Reads payload lines until the end; the exit code. */
static int seal_lines(pouch_keyring *ring, const pouch_dest *to, const char *reply_topic) {
    struct pl_buf line;
    pl_buf_init(&line, LINE_MAX_BYTES);
    int exit_code = OPS_EXIT_OK, got;
    for (unsigned long number = 1; (got = ops_read_line(stdin, &line)) != 0; number++) {
        if (got > 0 && line.len == 0) continue;
        char *envelope = NULL;
        size_t n = 0;
        pouch_err e =
            got < 0 ? POUCH_E_TOO_LARGE : pouch_seal(ring, to, reply_topic, line.at, line.len, NULL, &envelope, &n);
        if (e) {
            ops_say("line %lu: %s", number, got < 0 ? "longer than 64 MiB" : pouch_why());
            exit_code = OPS_EXIT_DATA;
            continue;
        }
        fwrite(envelope, 1, n, stdout);
        putchar('\n');
        pouch_free(envelope);
    }
    pl_buf_wipe(&line);
    return exit_code;
}

static int seal(struct ops_call *call) {
    pouch_keyring *ring;
    pouch_err e = ops_keyring(call, &ring);
    if (e) return ops_error(e);
    const char *publisher = ops_flag(call, "--publisher", 0);
    /* Without a publisher the destination's topic is nobody's business: it is not part of an envelope. */
    pouch_dest *to = publisher ? pouch_dest_publisher(publisher) : pouch_dest_topic("unnamed");
    int exit_code = OPS_EXIT_USAGE;
    if (!to || pouch_dest_set_iv_bytes(to, pouch_options_get(call->options, "crypto.iv_bytes")[1] == '2' ? 12 : 16))
        ops_say("%s", pouch_why());
    else
        exit_code = seal_lines(ring, to, ops_flag(call, "--reply-topic", 0));
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
