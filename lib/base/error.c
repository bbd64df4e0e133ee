#include <pouch/error.h>
#include <pouch/version.h>
#include <stddef.h>

static const struct {
    const char *code;
    int retriable, exit_code;
} errors[] = {[POUCH_OK] = {"ok", 0, 0},
#define ROW(number, name, code, retriable, exit_code) [number] = {code, retriable, exit_code},
              POUCH_ERRORS(ROW)
#undef ROW
};

static int known(pouch_err e) {
    return (size_t)e < sizeof errors / sizeof errors[0] && errors[e].code;
}

const char *pouch_err_code(pouch_err e) {
    return known(e) ? errors[e].code : "unknown";
}

int pouch_err_retriable(pouch_err e) {
    return known(e) ? errors[e].retriable : 0;
}

int pouch_err_exit_code(pouch_err e) {
    return known(e) ? errors[e].exit_code : 70;
}

const char *pouch_version(void) {
    return POUCH_VERSION;
}
