#include <ops/veil.h>
#include <stdbool.h>
#include <string.h>

/* Writes "***" in place of what stands before end. */
static pouch_err hide(struct pl_buf *out, const char **at, const char *end) {
    *at = end;
    return pl_buf_append(out, "***", 3);
}

/* Where the parameters of a URL begin, or the next URL; at is behind "://". */
static const char *end_of_place(const char *at) {
    const char *query = at + strcspn(at, "?#"), *next = strstr(at, "://");
    return next && next < query ? next : query;
}

/* "user:PASSWORD@", at behind "://". */
static pouch_err put_user(struct pl_buf *out, const char **at) {
    const char *end = end_of_place(*at), *before = memrchr(*at, '@', (size_t)(end - *at));
    const char *colon = before ? memchr(*at, ':', (size_t)(before - *at)) : NULL;
    if (!colon) return POUCH_OK;
    pouch_err e = pl_buf_append(out, *at, (size_t)(colon + 1 - *at));
    return e ? e : hide(out, at, before);
}

/* "password=…", but not a file that holds one; at behind "?" or "&". */
static pouch_err put_parameter(struct pl_buf *out, const char **at) {
    static const char *const marks[] = {"pass", "pwd", "secret", "token"};
    char name[64];
    size_t n = strcspn(*at, "=&#");
    bool secret = false;
    if ((*at)[n] != '=' || n >= sizeof name) return POUCH_OK;
    memcpy(name, *at, n);
    name[n] = 0;
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) secret |= strcasestr(name, marks[i]) != NULL;
    if (!secret || strcasestr(name, "file")) return POUCH_OK;
    pouch_err e = pl_buf_append(out, *at, n + 1);
    return e ? e : hide(out, at, *at + n + 1 + strcspn(*at + n + 1, "&#"));
}

pouch_err ops_veil(struct pl_buf *out, const char *text) {
    pouch_err e = POUCH_OK;
    bool is_url = false;
    for (const char *at = text; !e && *at;) {
        bool place = !strncmp(at, "://", 3), parameter = is_url && (*at == '?' || *at == '&');
        size_t n = place ? 3 : 1;
        is_url |= place;
        e = pl_buf_append(out, at, n);
        at += n;
        if (!e && place) e = put_user(out, &at);
        if (!e && parameter) e = put_parameter(out, &at);
    }
    return e;
}
