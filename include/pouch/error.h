/*
 * Errors. One list gives the enum, the names, the codes on the wire, whether trying
 * again may help, and the exit code of the program.
 */
#ifndef POUCH_ERROR_H
#define POUCH_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

/* Everything declared with POUCH_API, and nothing else, is exported by the shared library. */
#define POUCH_API        __attribute__((visibility("default")))
#define POUCH_MUST_CHECK __attribute__((warn_unused_result))

/*
 * X(number, NAME, "code on the wire", retriable, exit code)
 *
 * Numbers are never reused. retriable: 0 = asking again gives the same answer, 1 = asking
 * again may help, 2 = the outcome is unknown, so ask again only where the handler is
 * idempotent. Exit codes follow sysexits.h; 1 is a negative answer.
 */
#define POUCH_ERRORS(X)                             \
    X(1, TIMEOUT, "timeout", 2, 75)                 \
    X(2, CLOSED, "closed", 2, 75)                   \
    X(3, NO_RESPONDERS, "no_responders", 1, 69)     \
    X(4, OVERLOADED, "overloaded", 1, 75)           \
    X(5, NO_ROUTE, "no_route", 0, 1)                \
    X(6, ROUTE_DISABLED, "route_disabled", 0, 1)    \
    X(7, TARGET_REFUSED, "target_refused", 0, 1)    \
    X(8, HOP_LIMIT, "hop_limit", 0, 1)              \
    X(9, EXPIRED, "expired", 0, 1)                  \
    X(10, TOO_LARGE, "too_large", 0, 1)             \
    X(11, BAD_ENVELOPE, "bad_envelope", 0, 1)       \
    X(12, DECRYPT_FAILED, "decrypt_failed", 0, 1)   \
    X(13, INVALID_PAYLOAD, "invalid_payload", 0, 1) \
    X(14, HANDLER_ERROR, "handler_error", 0, 1)     \
    X(15, HANDLER_TIMEOUT, "handler_timeout", 2, 1) \
    X(16, CONFIG, "config", 0, 78)                  \
    X(17, NO_BROKER, "no_broker", 1, 69)            \
    X(18, NOT_ALLOWED, "not_allowed", 0, 77)        \
    X(19, NO_MEMORY, "no_memory", 1, 75)            \
    X(20, STORE, "store", 1, 75)                    \
    X(21, EXISTS, "exists", 0, 1)                   \
    X(22, NOT_FOUND, "not_found", 0, 1)             \
    X(23, UNCHECKED, "unchecked", 2, 69)

typedef enum pouch_err {
    POUCH_OK = 0,
#define POUCH_ERROR_ENUM(number, name, code, retriable, exit_code) POUCH_E_##name = number,
    POUCH_ERRORS(POUCH_ERROR_ENUM)
#undef POUCH_ERROR_ENUM
} pouch_err;

/* The code on the wire ("timeout"), "ok" for POUCH_OK, "unknown" for a number not in the list. Static text. */
POUCH_API const char *pouch_err_code(pouch_err e);

/* 0, 1 or 2 as in the list above; 0 for POUCH_OK and for a number not in the list. */
POUCH_API int pouch_err_retriable(pouch_err e);

/* The program's exit code for e: 0 for POUCH_OK, 70 (EX_SOFTWARE) for a number not in the list. */
POUCH_API int pouch_err_exit_code(pouch_err e);

/*
 * What went wrong in this thread's last failed call: what, where, and what to do. Never holds
 * a payload or a key. Never NULL; "" before the first failure. Valid until this thread's next
 * call into the library. In a callback that reports an error it is the text for that error.
 */
POUCH_API const char *pouch_why(void);

#ifdef __cplusplus
}
#endif
#endif
