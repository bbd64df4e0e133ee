#include <base/why.h>
#include <ctype.h>
#include <share/url.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PORT_DEFAULT = 6379, PORT_MOST = 65535, DATABASE_MOST = 999999, TEXT_MAX = 1024 };

static pouch_err bad(const char *what) {
    return pl_fail(POUCH_E_CONFIG, "the address of Redis %s: it is redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE]",
                   what);
}

static int digit(char c) {
    return isdigit((unsigned char)c) ? c - '0' : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10 : -1;
}

/* In place; false: a % without two digits, or a NUL. */
static bool decode(char *text) {
    char *out = text;
    for (const char *in = text; *in; in++) {
        int byte = (unsigned char)*in;
        if (*in == '%') {
            if (digit(in[1]) < 0 || digit(in[2]) < 0) return false;
            byte = digit(in[1]) * 16 + digit(in[2]);
            in += 2;
        }
        if (!byte) return false;
        *out++ = (char)byte;
    }
    *out = '\0';
    return true;
}

/* All of text in decimal digits. */
static bool number(const char *text, int least, int most, int *out) {
    char *end;
    if (!isdigit((unsigned char)*text)) return false;
    long value = strtol(text, &end, 10);
    if (*end || end - text > 6 || value < least || value > most) return false;
    *out = (int)value;
    return true;
}

/* Both are empty without an "@". */
static pouch_err read_user(struct share_url *u, const char *at, size_t n) {
    const char *colon = memchr(at, ':', n);
    if (!colon) return bad("has a user and no password");
    size_t user_n = (size_t)(colon - at);
    if (user_n && !(u->user = strndup(at, user_n))) return pl_fail(POUCH_E_NO_MEMORY, "out of memory");
    u->password = strndup(colon + 1, n - user_n - 1);
    if (!u->password) return pl_fail(POUCH_E_NO_MEMORY, "out of memory");
    if ((u->user && !decode(u->user)) || !decode(u->password)) return bad("has a user or password that cannot be");
    return POUCH_OK;
}

/* HOST[:PORT], the host of an IPv6 address in brackets; at is NUL-terminated. */
static pouch_err read_host(struct share_url *u, char *at) {
    char *port = NULL;
    if (*at == '[') {
        char *end = strchr(++at, ']');
        if (!end || (end[1] && end[1] != ':')) return bad("has no whole [ADDRESS]");
        if (end[1]) port = end + 2;
        *end = '\0';
    } else if ((port = strchr(at, ':'))) {
        *port++ = '\0';
    }
    if (!*at) return bad("has no host");
    if (port && !number(port, 1, PORT_MOST, &u->port)) return bad("has a port that cannot be");
    u->host = strdup(at);
    return u->host ? POUCH_OK : pl_fail(POUCH_E_NO_MEMORY, "out of memory");
}

static pouch_err show(struct share_url *u) {
    bool v6 = strchr(u->host, ':') != NULL;
    if (asprintf(&u->shown, "redis://%s%s%s:%d/%d", v6 ? "[" : "", u->host, v6 ? "]" : "", u->port, u->database) >= 0)
        return POUCH_OK;
    u->shown = NULL;
    return pl_fail(POUCH_E_NO_MEMORY, "out of memory");
}

static pouch_err read_rest(struct share_url *u, char *at) {
    char *user_end = strrchr(at, '@');
    pouch_err e = user_end ? read_user(u, at, (size_t)(user_end - at)) : POUCH_OK;
    if (e) return e;
    if (user_end) at = user_end + 1;
    char *database = strchr(at, '/');
    if (database) {
        *database++ = '\0';
        if (*database && !number(database, 0, DATABASE_MOST, &u->database))
            return bad("has a database that is no number");
    }
    e = read_host(u, at);
    return e ? e : show(u);
}

pouch_err share_url_read(struct share_url *u, const char *text) {
    *u = (struct share_url){.port = PORT_DEFAULT};
    if (!strncmp(text, "rediss://", 9))
        return pl_fail(POUCH_E_CONFIG, "the address of Redis asks for TLS, which Debian's hiredis 0.14 does not speak: "
                                       "put a tunnel beside the gateway and name its end with redis://");
    if (strncmp(text, "redis://", 8)) return bad("does not begin with redis://");
    size_t n = strlen(text + 8);
    if (n > TEXT_MAX || strpbrk(text, "?# ")) return bad("is too long, or has a blank, \"?\" or \"#\"");
    char *copy = strdup(text + 8);
    if (!copy) return pl_fail(POUCH_E_NO_MEMORY, "out of memory");
    pouch_err e = read_rest(u, copy);
    explicit_bzero(copy, n);
    free(copy);
    if (e) share_url_free(u);
    return e;
}

void share_url_free(struct share_url *u) {
    if (u->password) explicit_bzero(u->password, strlen(u->password));
    free(u->password);
    free(u->host);
    free(u->user);
    free(u->shown);
    *u = (struct share_url){.port = 0};
}
