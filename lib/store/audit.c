#include <base/why.h>
#include <inttypes.h>
#include <json/json.h>
#include <pwd.h>
#include <stdio.h>
#include <store/audit.h>
#include <store/rows.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { USER_MAX = 128, HOST_MAX = 126, ENTRY_MAX = 4096 };

void pl_author_default(char author[PL_AUTHOR_MAX + 1]) {
    char host[HOST_MAX + 1] = "", number[24], entry[ENTRY_MAX];
    struct passwd known, *user = NULL;
    if (getpwuid_r(getuid(), &known, entry, sizeof entry, &user)) user = NULL;
    snprintf(number, sizeof number, "%lu", (unsigned long)getuid());
    if (gethostname(host, HOST_MAX) || !host[0]) snprintf(host, sizeof host, "localhost");
    snprintf(author, PL_AUTHOR_MAX + 1, "%.*s@%.*s", USER_MAX, user ? user->pw_name : number, HOST_MAX, host);
}

pouch_err pl_author_check(const char *author) {
    if (pl_text_valid(author, PL_AUTHOR_MAX)) return POUCH_OK;
    return pl_fail(POUCH_E_CONFIG,
                   "who changes the store is not told by 1 to %d bytes of UTF-8 without control "
                   "characters",
                   PL_AUTHOR_MAX);
}

static pouch_err check_state(const char *state) {
    json_t *value;
    if (!state) return POUCH_OK;
    pouch_err e = pl_json_read(&value, "the state of a change", state, strlen(state));
    if (e) return e == POUCH_E_NO_MEMORY ? e : POUCH_E_CONFIG;
    bool good = json_is_object(value);
    json_decref(value);
    return good ? POUCH_OK : pl_fail(POUCH_E_CONFIG, "the state of a change is no JSON object");
}

pouch_err pl_audit_check(const struct pl_audit *change) {
    pouch_err e = pl_name_check(change->kind, "the kind of a change");
    if (!e) e = pl_name_check(change->name, "the name of what was changed");
    if (!e) e = check_state(change->before);
    return e ? e : check_state(change->after);
}

/* ": ann@host did that at 2026-01-31T09:00:00Z"; nothing when nobody knows. */
static void tell_last(char *out, size_t room, const struct pl_audit *last) {
    struct tm t;
    char when[32];
    time_t seconds = last ? (time_t)(last->at_ms / 1000) : 0;
    out[0] = '\0';
    if (last && gmtime_r(&seconds, &t) && strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &t))
        snprintf(out, room, ": %s did that at %s", last->who, when);
}

pouch_err pl_expected_check(const char *kind, const char *name, int64_t is, int64_t expected,
                            const struct pl_audit *last) {
    char did[PL_AUTHOR_MAX + 64];
    if (expected < 0 || is == expected) return POUCH_OK;
    tell_last(did, sizeof did, last);
    if (!is && last) return pl_fail(POUCH_E_NOT_FOUND, "the %s %s was removed%s", kind, name, did);
    if (!is) return pl_fail(POUCH_E_NOT_FOUND, "there is no %s %s", kind, name);
    if (!expected)
        return pl_fail(POUCH_E_EXISTS, "there is a %s %s already, of version %" PRId64 "%s", kind, name, is, did);
    return pl_fail(POUCH_E_EXISTS, "the %s %s has changed: it is of version %" PRId64 ", not %" PRId64 "%s", kind, name,
                   is, expected, did);
}
