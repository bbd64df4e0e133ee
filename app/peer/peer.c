#include <base/why.h>
#include <http/http.h>
#include <peer/peer.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE_MAX = 8 * 1024 * 1024, OK = 200 };

static const char page[] = "/statusz";

static bool has_scheme(const char *name) {
    return !strncmp(name, "http://", 7) || !strncmp(name, "https://", 8);
}

static pouch_err bad_name(const char *name) {
    return pl_fail(POUCH_E_CONFIG, "'%.255s' is no address such as 127.0.0.1:9464: give what `--listen` was given",
                   name);
}

/* HOST:PORT or HOST, after a scheme. */
static const char *host_of(const char *name, size_t *n) {
    const char *host = has_scheme(name) ? strstr(name, "://") + 3 : name;
    *n = strcspn(host, "/?#");
    return host;
}

pouch_err peer_url(char **url, const char *name) {
    size_t n;
    const char *host = host_of(name, &n), *this_host = host[0] == ':' ? "127.0.0.1" : "";
    *url = NULL;
    if (!n || (!has_scheme(name) && (!memchr(host, ':', n) || strstr(name, "://")))) return bad_name(name);
    if (asprintf(url, "%.*s%s%s%.*s%s", (int)(host - name), name, has_scheme(name) ? "" : "http://", this_host, (int)n,
                 host, page) < 0) {
        *url = NULL;
        return pl_fail(POUCH_E_NO_MEMORY, "out of memory for an address");
    }
    if (!http_check_url(*url)) return POUCH_OK;
    free(*url);
    *url = NULL;
    return bad_name(name);
}

static pouch_err no_status(const char *url) {
    return pl_fail(POUCH_E_INVALID_PAYLOAD, "%s is no status page of Pouch: is this the address of `--listen`?", url);
}

static pouch_err read_page(json_t **status, const char *url, const struct pl_buf *body) {
    if (!body->len || pl_json_read(status, "status", body->at, body->len)) return no_status(url);
    if (json_is_string(json_object_get(*status, "role"))) return POUCH_OK;
    json_decref(*status);
    *status = NULL;
    return no_status(url);
}

pouch_err peer_status(json_t **status, const char *url, int timeout_ms, const atomic_bool *stop) {
    const struct http_get call = {.url = url, .timeout_ms = timeout_ms, .stop = stop};
    struct pl_buf body;
    long answered;
    *status = NULL;
    pl_buf_init(&body, PAGE_MAX);
    pouch_err e = http_get(&call, &answered, &body);
    if (!e) e = answered == OK ? read_page(status, url, &body) : no_status(url);
    pl_buf_free(&body);
    return e;
}
