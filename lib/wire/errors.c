#include <string.h>
#include <wire/envelope.h>

/*
 * What a party without the key can know. Not what only the handler can: a forger must not be
 * able to make a requester believe that its handler answered.
 */
bool pl_error_may_be_plain(pouch_err code) {
    switch (code) {
    case POUCH_E_NO_ROUTE:
    case POUCH_E_ROUTE_DISABLED:
    case POUCH_E_TARGET_REFUSED:
    case POUCH_E_HOP_LIMIT:
    case POUCH_E_EXPIRED:
    case POUCH_E_TOO_LARGE:
    case POUCH_E_BAD_ENVELOPE:
    case POUCH_E_DECRYPT_FAILED:
    case POUCH_E_OVERLOADED:
    case POUCH_E_NO_RESPONDERS: return true;
    default: return false;
    }
}

pouch_err pl_error_from_code(const char *code, size_t n) {
    static const pouch_err errors[] = {
#define ROW(number, name, code, retriable, exit_code) POUCH_E_##name,
        POUCH_ERRORS(ROW)
#undef ROW
    };
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        const char *known = pouch_err_code(errors[i]);
        if (strlen(known) == n && !memcmp(known, code, n)) return errors[i];
    }
    return POUCH_OK;
}
