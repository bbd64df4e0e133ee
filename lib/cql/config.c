#include <base/why.h>
#include <cql/config.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PORT = 9042, PASSWORD_MAX = 1024, NAME_MAX_BYTES = 253 };

static const char *const password_variable = "POUCH_CASSANDRA_PASSWORD";

static pouch_err out_of_memory(void) {
    return pl_fail(POUCH_E_NO_MEMORY, "out of memory for the store's settings");
}

static void set_defaults(struct pl_cql_config *c) {
    *c = (struct pl_cql_config){
        .connect_us = 5000000,
        .request_us = 5000000,
        .in_flight = 2048,
        .bytes = 32 << 20,
        .connections = 1,
        .frame_max = 16 << 20,
    };
}

static void free_secret(char *secret) {
    if (secret) explicit_bzero(secret, strlen(secret));
    free(secret);
}

void pl_cql_config_free(struct pl_cql_config *c) {
    for (size_t i = 0; i < c->n_contacts; i++) free(c->contacts[i].host);
    for (size_t i = 0; i < c->n_parameters; i++) {
        free(c->parameters[i].name);
        free(c->parameters[i].value);
    }
    char *const texts[] = {c->keyspace, c->dc, c->user, c->ca, c->cert, c->key, c->tls_name};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) free(texts[i]);
    free_secret(c->password);
    *c = (struct pl_cql_config){0};
}

/* ---- the URL's parts ---- */

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/* A copy of n bytes with %41 made A. CONFIG: a % without two digits, or a NUL. */
static pouch_err decode(char **out, const char *at, size_t n) {
    char *p = malloc(n + 1), *start = p;
    if (!p) return out_of_memory();
    for (size_t i = 0; i < n; i++) {
        int high = 0, low = 0;
        if (at[i] == '%') {
            high = i + 1 < n ? hex_digit(at[i + 1]) : -1;
            low = i + 2 < n ? hex_digit(at[i + 2]) : -1;
        }
        if (high < 0 || low < 0 || (at[i] == '%' && !high && !low)) {
            free(start);
            return pl_fail(POUCH_E_CONFIG, "cassandra URL: a %% must be followed by two hexadecimal digits");
        }
        *p++ = at[i] == '%' ? (char)(high << 4 | low) : at[i];
        if (at[i] == '%') i += 2;
    }
    *p = 0;
    *out = start;
    return POUCH_OK;
}

static pouch_err bad_host(const char *at, size_t n) {
    return pl_fail(POUCH_E_CONFIG, "cassandra URL: '%.*s' is no host; write NAME, NAME:PORT or [ADDRESS]:PORT",
                   n > 300 ? 300 : (int)n, at);
}

static bool parse_port(uint16_t *port, const char *at, size_t n) {
    unsigned long v = 0;
    if (!n || n > 5) return false;
    for (size_t i = 0; i < n; i++) {
        if (at[i] < '0' || at[i] > '9') return false;
        v = v * 10 + (unsigned long)(at[i] - '0');
    }
    *port = (uint16_t)v;
    return v >= 1 && v <= UINT16_MAX;
}

static pouch_err add_contact(struct pl_cql_config *c, const char *at, size_t n) {
    const char *host = at, *end = at + n, *colon;
    size_t host_n;
    if (n && *at == '[') {
        const char *close = memchr(at, ']', n);
        if (!close) return bad_host(at, n);
        host = at + 1;
        host_n = (size_t)(close - host);
        colon = close + 1 < end ? close + 1 : NULL;
    } else {
        colon = memchr(at, ':', n);
        host_n = colon ? (size_t)(colon - at) : n;
    }
    struct pl_cql_contact contact = {NULL, PORT};
    if (!host_n || host_n > NAME_MAX_BYTES || memchr(host, '@', host_n)) return bad_host(at, n);
    if (colon && (*colon != ':' || !parse_port(&contact.port, colon + 1, (size_t)(end - colon - 1))))
        return bad_host(at, n);
    if (c->n_contacts == PL_CQL_CONTACTS_MAX)
        return pl_fail(POUCH_E_CONFIG, "cassandra URL: more than %d hosts; the others are found by asking these",
                       PL_CQL_CONTACTS_MAX);
    contact.host = strndup(host, host_n);
    if (!contact.host) return out_of_memory();
    c->contacts[c->n_contacts++] = contact;
    return POUCH_OK;
}

static pouch_err parse_contacts(struct pl_cql_config *c, const char *at, size_t n) {
    const char *end = at + n;
    if (memchr(at, '@', n))
        return pl_fail(POUCH_E_CONFIG, "cassandra URL: no user or password goes before the host: give ?user=NAME and "
                                       "password_file=PATH");
    for (;;) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        pouch_err e = add_contact(c, at, (size_t)((comma ? comma : end) - at));
        if (e || !comma) return e;
        at = comma + 1;
    }
}

static pouch_err add_parameter(struct pl_cql_config *c, const char *at, size_t n) {
    const char *equals = memchr(at, '=', n);
    if (!equals || equals == at)
        return pl_fail(POUCH_E_CONFIG, "cassandra URL: parameters after the ? are name=value, joined by &");
    if (c->n_parameters == PL_CQL_PARAMETERS_MAX)
        return pl_fail(POUCH_E_CONFIG, "cassandra URL: more than %d parameters", PL_CQL_PARAMETERS_MAX);
    struct pl_cql_parameter *p = &c->parameters[c->n_parameters];
    *p = (struct pl_cql_parameter){0};
    pouch_err e = decode(&p->name, at, (size_t)(equals - at));
    if (e) return e;
    c->n_parameters++;
    for (size_t i = 0; i + 1 < c->n_parameters; i++)
        if (!strcmp(c->parameters[i].name, p->name))
            return pl_fail(POUCH_E_CONFIG, "cassandra URL: %s is given twice", p->name);
    return decode(&p->value, equals + 1, (size_t)(at + n - equals - 1));
}

static pouch_err parse_parameters(struct pl_cql_config *c, const char *at) {
    while (*at) {
        size_t n = strcspn(at, "&");
        pouch_err e = add_parameter(c, at, n);
        if (e) return e;
        at += n + (at[n] == '&');
    }
    return POUCH_OK;
}

/* ---- what the parameters mean ---- */

const char *pl_cql_config_take(struct pl_cql_config *c, const char *name) {
    for (size_t i = 0; i < c->n_parameters; i++) {
        if (strcmp(c->parameters[i].name, name)) continue;
        c->parameters[i].taken = true;
        return c->parameters[i].value;
    }
    return NULL;
}

pouch_err pl_cql_config_check(const struct pl_cql_config *c) {
    for (size_t i = 0; i < c->n_parameters; i++)
        if (!c->parameters[i].taken)
            return pl_fail(POUCH_E_CONFIG, "cassandra URL: there is no parameter %s", c->parameters[i].name);
    return POUCH_OK;
}

static pouch_err take_text(struct pl_cql_config *c, const char *name, char **out) {
    const char *value = pl_cql_config_take(c, name);
    if (!value) return POUCH_OK;
    if (!*value) return pl_fail(POUCH_E_CONFIG, "cassandra URL: %s is empty", name);
    *out = strdup(value);
    return *out ? POUCH_OK : out_of_memory();
}

static pouch_err take_number(struct pl_cql_config *c, const char *name, size_t least, size_t most, size_t *out) {
    const char *value = pl_cql_config_take(c, name);
    if (!value) return POUCH_OK;
    char *end;
    errno = 0;
    unsigned long long v = strtoull(value, &end, 10);
    if (*value < '0' || *value > '9' || *end || errno || v < least || v > most)
        return pl_fail(POUCH_E_CONFIG, "cassandra URL: %s=%s: a number from %zu to %zu goes there", name, value, least,
                       most);
    *out = (size_t)v;
    return POUCH_OK;
}

/* "5s" or "500ms", up to an hour. */
static pouch_err take_time(struct pl_cql_config *c, const char *name, int64_t *us) {
    const char *value = pl_cql_config_take(c, name);
    if (!value) return POUCH_OK;
    char *end;
    unsigned long v = *value >= '0' && *value <= '9' ? strtoul(value, &end, 10) : 0;
    if (v >= 1 && v <= 3600 && !strcmp(end, "s"))
        *us = (int64_t)v * 1000000;
    else if (v >= 1 && v <= 3600000 && !strcmp(end, "ms"))
        *us = (int64_t)v * 1000;
    else
        return pl_fail(POUCH_E_CONFIG, "cassandra URL: %s=%s: a time like 5s or 500ms goes there", name, value);
    return POUCH_OK;
}

static pouch_err take_tls(struct pl_cql_config *c) {
    const char *value = pl_cql_config_take(c, "tls");
    bool off = value && !strcasecmp(value, "off");
    if (value && !off && strcasecmp(value, "on"))
        return pl_fail(POUCH_E_CONFIG, "cassandra URL: tls=%s: on or off goes there", value);
    bool files = c->ca || c->cert || c->key || c->tls_name;
    if (off && files) return pl_fail(POUCH_E_CONFIG, "cassandra URL: tls=off, yet ca, cert, key or tls_name is given");
    if (!c->cert != !c->key) return pl_fail(POUCH_E_CONFIG, "cassandra URL: cert and key come together");
    c->tls = files || (value && !off);
    return POUCH_OK;
}

/* The first line of an open file, as a password. */
static pouch_err read_password(struct pl_cql_config *c, int fd, const char *path) {
    struct stat st;
    char text[PASSWORD_MAX + 1];
    if (fstat(fd, &st) || !S_ISREG(st.st_mode)) return pl_fail(POUCH_E_CONFIG, "password file %s is not a file", path);
    if (st.st_mode & (S_IWGRP | S_IRWXO))
        return pl_fail(POUCH_E_CONFIG, "password file %s is open to others (mode %03o): chmod 600 %s", path,
                       (unsigned)st.st_mode & 0777, path);
    ssize_t n = read(fd, text, PASSWORD_MAX);
    if (n < 0) return pl_fail(POUCH_E_CONFIG, "cannot read password file %s: %s", path, strerror(errno));
    text[n] = 0;
    size_t length = strcspn(text, "\r\n");
    text[length] = 0;
    pouch_err e = POUCH_OK;
    if (!length || length == PASSWORD_MAX)
        e = pl_fail(POUCH_E_CONFIG, "password file %s: its first line must have 1 to %d characters", path,
                    PASSWORD_MAX - 1);
    else if (!(c->password = strdup(text)))
        e = out_of_memory();
    explicit_bzero(text, sizeof text);
    return e;
}

static pouch_err take_password(struct pl_cql_config *c) {
    const char *path = pl_cql_config_take(c, "password_file"), *given = getenv(password_variable);
    if (pl_cql_config_take(c, "password"))
        return pl_fail(POUCH_E_CONFIG,
                       "cassandra URL: a password in a URL shows in lists of processes: give "
                       "password_file=PATH, or set %s",
                       password_variable);
    if (!c->user) return path ? pl_fail(POUCH_E_CONFIG, "cassandra URL: password_file without user") : POUCH_OK;
    if (path) {
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (fd < 0) return pl_fail(POUCH_E_CONFIG, "cannot read password file %s: %s", path, strerror(errno));
        pouch_err e = read_password(c, fd, path);
        close(fd);
        return e;
    }
    if (!given || !*given)
        return pl_fail(POUCH_E_CONFIG, "cassandra URL: user=%s has no password: give password_file=PATH, or set %s",
                       c->user, password_variable);
    c->password = strdup(given);
    return c->password ? POUCH_OK : out_of_memory();
}

static pouch_err take_all(struct pl_cql_config *c) {
    pouch_err e = take_text(c, "dc", &c->dc);
    if (!e) e = take_text(c, "user", &c->user);
    if (!e) e = take_text(c, "ca", &c->ca);
    if (!e) e = take_text(c, "cert", &c->cert);
    if (!e) e = take_text(c, "key", &c->key);
    if (!e) e = take_text(c, "tls_name", &c->tls_name);
    if (!e) e = take_tls(c);
    if (!e) e = take_time(c, "connect_timeout", &c->connect_us);
    if (!e) e = take_time(c, "request_timeout", &c->request_us);
    if (!e) e = take_number(c, "in_flight", 1, 32767, &c->in_flight);
    if (!e) e = take_number(c, "connections", 1, 8, &c->connections);
    if (!e) e = take_password(c);
    return e;
}

static pouch_err parse_keyspace(struct pl_cql_config *c, const char *at, size_t n) {
    if (!n) return POUCH_OK;
    bool letter = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z');
    if (!letter || n > 48 || strspn(at, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") < n)
        return pl_fail(POUCH_E_CONFIG,
                       "cassandra URL: '%.*s' is no keyspace: 1 to 48 letters, digits and _, a letter "
                       "first",
                       n > 100 ? 100 : (int)n, at);
    c->keyspace = strndup(at, n);
    return c->keyspace ? POUCH_OK : out_of_memory();
}

static pouch_err parse_url(struct pl_cql_config *c, const char *url) {
    static const char scheme[] = "cassandra://";
    if (!strncmp(url, scheme, sizeof scheme - 1)) url += sizeof scheme - 1;
    size_t hosts = strcspn(url, "/?");
    pouch_err e = parse_contacts(c, url, hosts);
    url += hosts;
    if (!e && *url == '/') {
        size_t n = strcspn(++url, "?");
        e = parse_keyspace(c, url, n);
        url += n;
    }
    if (!e && *url == '?') e = parse_parameters(c, url + 1);
    return e ? e : take_all(c);
}

pouch_err pl_cql_config_parse(struct pl_cql_config *c, const char *url) {
    set_defaults(c);
    pouch_err e = parse_url(c, url);
    if (e) pl_cql_config_free(c);
    return e;
}
