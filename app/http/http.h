/*
 * Calls to HTTP services, by libcurl. Each thread keeps a handle of its own, and with it the
 * connections that it has open, for its next call. No redirects, no proxies, no signals.
 */
#ifndef POUCH_HTTP_HTTP_H
#define POUCH_HTTP_HTTP_H

#include <base/buf.h>
#include <pouch/error.h>
#include <stdatomic.h>
#include <stddef.h>

struct http_header {
    const char *name, *value; /* NULL, or a value with control characters: left out */
};

struct http_post {
    const char *method; /* NULL: POST */
    const char *url;    /* without a password, for messages have it */
    const struct http_header *headers;
    size_t n_headers;
    const void *body; /* NULL: the request has none */
    size_t n;
    const char *user;        /* "NAME:PASSWORD", for basic authentication; NULL: none */
    const char *ca_file;     /* the CAs to trust, in PEM; NULL: those that the system trusts */
    int timeout_ms;          /* of the whole call */
    const atomic_bool *stop; /* set: the call ends within a second; NULL = never */
};

/*
 * POUCH_OK: an answer came, of whatever *status; its body is in *body (reset first). Otherwise,
 * with the URL and the next step in pouch_why(): NO_RESPONDERS: nobody took the connection, so
 * nothing was sent. TIMEOUT. TOO_LARGE: the answer passes the buffer's ceiling. CLOSED: broken
 * off on the way, or stopped; the service may have done its work. CONFIG: not an http or https
 * URL, or its certificate is not trusted. NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err http_post(const struct http_post *call, long *status, struct pl_buf *body);

struct http_get {
    const char *url;
    int timeout_ms;          /* of the whole call */
    const atomic_bool *stop; /* as http_post's */
};

/* The same for a page that is read. */
POUCH_MUST_CHECK pouch_err http_get(const struct http_get *call, long *status, struct pl_buf *body);

/* CONFIG: not an http or https URL with a host. */
POUCH_MUST_CHECK pouch_err http_check_url(const char *url);

#endif
