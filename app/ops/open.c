#include <base/why.h>
#include <ops/commands.h>
#include <ops/common.h>
#include <wire/envelope.h>

enum { LINE_MAX_BYTES = 128 * 1024 * 1024 };

/* One envelope is one line: between the tokens of a JSON text a line's end is as good as a space. */
static void join_lines(char *json, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (json[i] == '\n' || json[i] == '\r') json[i] = ' ';
}

/* Opens one line and prints what was in it. */
static pouch_err open_line(const struct ops_call *call, pouch_keyring *ring, const struct pl_buf *line, size_t nth) {
    char *plain = NULL;
    size_t n = 0;
    pouch_err e = pouch_open(ring, line->at, line->len, NULL, &plain, &n);
    if (e) return e;
    bool json = pl_json_valid(plain, n);
    if (json) join_lines(plain, n);
    if (json || call->output == OPS_TABLE)
        ops_print_item(call, nth, plain, n);
    else
        e = pl_fail(POUCH_E_INVALID_PAYLOAD, "what was sealed is no JSON text; -o table prints it as it is");
    pouch_free(plain);
    return e;
}

/* Opens the input's lines until its end, or until nobody gets what is written; the exit code. */
static int open_lines(const struct ops_call *call, pouch_keyring *ring) {
    struct pl_buf line;
    pl_buf_init(&line, LINE_MAX_BYTES);
    int exit_code = OPS_EXIT_OK, got;
    size_t opened = 0;
    for (unsigned long number = 1; !ferror(stdout) && (got = ops_read_line(stdin, &line)) != 0; number++) {
        if (got > 0 && line.len == 0) continue;
        if (got > 0 && open_line(call, ring, &line, opened) == POUCH_OK) {
            opened++;
            continue;
        }
        ops_say("line %lu: %s", number, got < 0 ? "longer than 128 MiB" : pouch_why());
        exit_code = OPS_EXIT_DATA;
    }
    pouch_err e = ops_read_end(stdin);
    if (e) exit_code = ops_error(e);
    ops_print_end(call, opened);
    pl_buf_free(&line);
    return exit_code;
}

static int open_command(struct ops_call *call) {
    pouch_keyring *ring;
    pouch_err e = ops_keyring(call, &ring);
    if (e) return ops_error(e);
    int exit_code = open_lines(call, ring);
    pouch_keyring_free(ring);
    int written = ops_done();
    return exit_code ? exit_code : written;
}

const struct ops_command ops_open = {
    .name = "open",
    .args = "",
    .summary = "Open envelopes: envelopes in, plaintext lines out",
    .about = "Opens requests and replies alike. A line that does not open is told on stderr, the rest\n"
             "goes on, and the exit code is 65 at the end.\n\n"
             "  kcat -C -b $POUCH_BROKERS -t hello -e -q | pouch open\n",
    .run = open_command,
};
