#include <ops/commands.h>
#include <ops/common.h>

enum { LINE_MAX_BYTES = 128 * 1024 * 1024 };

static int open_lines(pouch_keyring *ring) {
    struct pl_buf line;
    pl_buf_init(&line, LINE_MAX_BYTES);
    int exit_code = OPS_EXIT_OK, got;
    for (unsigned long number = 1; (got = ops_read_line(stdin, &line)) != 0; number++) {
        if (got > 0 && line.len == 0) continue;
        char *plain = NULL;
        size_t n = 0;
        pouch_err e = got < 0 ? POUCH_E_TOO_LARGE : pouch_open(ring, line.at, line.len, NULL, &plain, &n);
        if (e) {
            ops_say("line %lu: %s", number, got < 0 ? "longer than 128 MiB" : pouch_why());
            exit_code = OPS_EXIT_DATA;
            continue;
        }
        fwrite(plain, 1, n, stdout);
        putchar('\n');
        pouch_free(plain);
    }
    pl_buf_free(&line);
    return exit_code;
}

static int open_command(struct ops_call *call) {
    pouch_keyring *ring;
    pouch_err e = ops_keyring(call, &ring);
    if (e) return ops_error(e);
    int exit_code = open_lines(ring);
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
