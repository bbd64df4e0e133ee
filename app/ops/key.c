#include <ops/commands.h>
#include <ops/common.h>
#include <string.h>

static int key_new(struct ops_call *call) {
    char hex[65];
    pouch_err e = pouch_key_generate(hex);
    if (e) return ops_error(e);
    if (call->output == OPS_TABLE)
        printf("%s\n", hex);
    else
        printf("{\"key\":\"%s\"}\n", hex);
    explicit_bzero(hex, sizeof hex);
    return ops_done();
}

const struct ops_command ops_key_new = {
    .name = "key new",
    .args = "",
    .summary = "Make a key: 64 hexadecimal characters",
    .about = "All who seal and open share one key. Keep it in a file that only its owner may read:\n\n"
             "  (umask 077; pouch key new > pouch.key)\n"
             "  export POUCH_KEY_FILE=$PWD/pouch.key\n\n"
             "or in ENCRYPTION_KEY. A file may hold several keys, one a line, each `kid:64hex` or\n"
             "bare: the first seals, all open. `pouch key add` makes one more in such a file.\n",
    .no_settings = true,
    .run = key_new,
};
