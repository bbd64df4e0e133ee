#include <base/buf.h>
#include <base/why.h>
#include <conf/seed.h>
#include <stdlib.h>
#include <string.h>

enum { URL_MAX = 64 * 1024 }; /* far more than the option takes, so that it is the option that refuses it by name */

static const char *known(const char *variable, const char *otherwise) {
    const char *value = getenv(variable);
    return value && *value ? value : otherwise;
}

/* "a, b:9043": each host, with the port where it names none. An address of IPv6 stands in brackets. */
static pouch_err put_hosts(struct pl_buf *url, const char *hosts, const char *port) {
    pouch_err e = POUCH_OK;
    for (const char *rest = hosts; !e && *rest;) {
        size_t n = strcspn(rest, ", ");
        if (n) {
            const char *closed = memchr(rest, ']', n), *from = closed ? closed : rest;
            bool bare = !memchr(from, ':', n - (size_t)(from - rest));
            e = pl_buf_printf(url, "%s%.*s%s%s", url->at[url->len - 1] == '/' ? "" : ",", (int)n, rest,
                              bare && port ? ":" : "", bare && port ? port : "");
        }
        rest += n;
        rest += strspn(rest, ", ");
    }
    return e;
}

/* A name may have any character; in a URL only these stand for themselves. */
static pouch_err put_quoted(struct pl_buf *url, const char *name) {
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._";
    pouch_err e = POUCH_OK;
    for (; !e && *name; name++)
        e = strchr(plain, *name) ? pl_buf_putc(url, *name) : pl_buf_printf(url, "%%%02X", (unsigned char)*name);
    return e;
}

static pouch_err put_cassandra(struct pl_buf *url, const char *hosts) {
    const char *dc = known("CASSANDRA_LOCAL_DATACENTER", known("CASSANDRA_DATACENTER", NULL));
    pouch_err e = pl_buf_puts(url, "cassandra://");
    if (!e) e = put_hosts(url, hosts, known("CASSANDRA_PORT", NULL));
    if (!e) e = pl_buf_putc(url, '/');
    if (!e) e = put_quoted(url, known("CASSANDRA_KEYSPACE", "messaging"));
    if (!e && dc) e = pl_buf_puts(url, "?dc=");
    return e || !dc ? e : put_quoted(url, dc);
}

pouch_err pl_seed_value(const struct pl_option *row, char **value) {
    const char *said = row->seed_env ? known(row->seed_env, NULL) : NULL;
    *value = NULL;
    if (!said) return POUCH_OK;
    struct pl_buf text;
    pl_buf_init(&text, URL_MAX);
    pouch_err e = strcmp(row->name, "store") ? pl_buf_puts(&text, said) : put_cassandra(&text, said);
    if (e) {
        pl_buf_free(&text);
        return e;
    }
    size_t n;
    *value = pl_buf_take(&text, &n);
    return *value ? POUCH_OK : pl_fail(POUCH_E_NO_MEMORY, "out of memory for %s", row->seed_env);
}
