#include <base/clock.h>
#include <base/why.h>
#include <http/http.h>
#include <schema/registry_call.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { URLS_MAX = 8, URL_MAX = 4096, ANSWER_MAX = 4 << 20, SAID_MAX = 300 };
enum { PAUSE_MS = 100, PAUSE_MOST_MS = 2000, TRY_LEAST_MS = 200, STOP_CHECK_MS = 100 };

/* A URL without user and password, and these. */
struct place {
    char *url, *user;
};

struct registry {
    struct place places[URLS_MAX];
    size_t n;
    _Atomic size_t good; /* the place that answered last */
    char *ca_file;
    int timeout_ms;
    const atomic_bool *stop;
};

/* ---- URLs ---- */

static pouch_err no_memory(void) {
    return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a call to the schema registry");
}

static int hex(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* NAME:PASSWORD as a URL has it, with %41 for A; to be freed. */
static char *unquoted(const char *text, size_t n) {
    char *out = malloc(n + 1), *to = out;
    if (!out) return NULL;
    for (size_t i = 0; i < n; i++) {
        bool quoted = text[i] == '%' && i + 2 < n && hex(text[i + 1]) >= 0 && hex(text[i + 2]) >= 0;
        *to++ = quoted ? (char)(hex(text[i + 1]) << 4 | hex(text[i + 2])) : text[i];
        i += quoted ? 2 : 0;
    }
    *to = 0;
    return out;
}

static pouch_err add_place(struct registry *r, const char *url, size_t n) {
    if (r->n == URLS_MAX) return pl_fail(POUCH_E_CONFIG, "schema.registry: more than %d URLs", URLS_MAX);
    struct place *p = &r->places[r->n++];
    const char *end = url + n, *host = memmem(url, n, "://", 3);
    if (host) host += 3;
    const char *path = host ? memchr(host, '/', (size_t)(end - host)) : NULL;
    const char *at = host ? memrchr(host, '@', (size_t)((path ? path : end) - host)) : NULL;
    while (end > url && end[-1] == '/') end--;
    if (at && !(p->user = unquoted(host, (size_t)(at - host)))) return no_memory();
    int made = at ? asprintf(&p->url, "%.*s%.*s", (int)(host - url), url, (int)(end - at - 1), at + 1)
                  : asprintf(&p->url, "%.*s", (int)(end - url), url);
    if (made >= 0) return http_check_url(p->url);
    p->url = NULL;
    return no_memory();
}

static pouch_err add_places(struct registry *r, const char *urls) {
    pouch_err e = POUCH_OK;
    for (const char *rest = urls; !e && *rest;) {
        rest += strspn(rest, ", ");
        size_t n = strcspn(rest, ", ");
        if (n) e = add_place(r, rest, n);
        rest += n;
    }
    if (e == POUCH_E_CONFIG)
        return pl_fail(e, "schema.registry is not URLs such as http://schema-registry:8081, %d at most", URLS_MAX);
    return e || r->n ? e : pl_fail(POUCH_E_CONFIG, "schema.registry has no URL");
}

pouch_err schema_registry_open(struct registry **out, const struct pl_settings *s, const atomic_bool *stop) {
    *out = NULL;
    if (!s->schema_registry)
        return pl_fail(POUCH_E_CONFIG, "no schema registry is named: set schema.registry (--registry, or "
                                       "SCHEMA_REGISTRY_URL) to its URL, such as http://schema-registry:8081");
    struct registry *r = calloc(1, sizeof *r);
    if (!r) return no_memory();
    r->timeout_ms = s->schema_timeout_ms;
    r->stop = stop;
    pouch_err e = add_places(r, s->schema_registry);
    if (!e && s->schema_ca_file && !(r->ca_file = strdup(s->schema_ca_file))) e = no_memory();
    if (e)
        schema_registry_close(r);
    else
        *out = r;
    return e;
}

void schema_registry_close(struct registry *r) {
    if (!r) return;
    for (size_t i = 0; i < r->n; i++) {
        if (r->places[i].user) explicit_bzero(r->places[i].user, strlen(r->places[i].user));
        free(r->places[i].user);
        free(r->places[i].url);
    }
    free(r->ca_file);
    free(r);
}

pouch_err schema_registry_quote(struct pl_buf *path, const char *name) {
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    pouch_err e = POUCH_OK;
    for (; !e && *name; name++)
        e = strchr(plain, *name) ? pl_buf_putc(path, *name) : pl_buf_printf(path, "%%%02X", (unsigned char)*name);
    return e;
}

/* ---- what an answer means ---- */

/* What the registry says of its error; text of others, so cut, and without what a terminal takes as a command. */
static const char *said(const json_t *answer, char out[static SAID_MAX]) {
    const char *message = json_string_value(json_object_get(answer, "message"));
    snprintf(out, SAID_MAX, "%s", message ? message : "it does not say why");
    for (char *c = out; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f) *c = ' ';
    return out;
}

static pouch_err not_found(const struct place *p, const json_t *answer, const char *text) {
    if (!json_is_integer(json_object_get(answer, "error_code")))
        return pl_fail(POUCH_E_CONFIG,
                       "%s: there is no schema registry under that path; for Apicurio it ends in /apis/ccompat/v7",
                       p->url);
    return pl_fail(POUCH_E_NOT_FOUND, "schema not found at %s (%s): see pouch schema list, and register it", p->url,
                   text);
}

/* Of any status that is not 2xx. */
static pouch_err refusal(const struct place *p, long status, const json_t *answer) {
    char text[SAID_MAX];
    said(answer, text);
    switch (status) {
    case 401:
        return pl_fail(POUCH_E_NOT_ALLOWED,
                       "%s: it wants a user and a password: http://USER:PASSWORD@… in schema.registry", p->url);
    case 403: return pl_fail(POUCH_E_NOT_ALLOWED, "%s: this user may not do that (%s)", p->url, text);
    case 404: return not_found(p, answer, text);
    case 409:
        return pl_fail(POUCH_E_TARGET_REFUSED,
                       "%s: not compatible with the versions before (%s): see pouch schema check", p->url, text);
    case 422: return pl_fail(POUCH_E_INVALID_PAYLOAD, "%s: refused as not valid (%s)", p->url, text);
    default: break;
    }
    if (status >= 500 || status == 429)
        return pl_fail(POUCH_E_NO_RESPONDERS, "%s: answers %ld (%s): see its own log", p->url, status, text);
    return pl_fail(POUCH_E_CONFIG, "%s: answers %ld (%s): is it a schema registry?", p->url, status, text);
}

pouch_err schema_registry_nonsense(const struct registry *r, const char *path) {
    return pl_fail(POUCH_E_NO_RESPONDERS, "%s%s: answers what no schema registry does: does the URL lead to one?",
                   r->places[r->good].url, path);
}

/* ---- one try ---- */

struct request {
    const struct registry_call *call;
    char *body;
    size_t n;
    struct pl_buf answer;
};

static pouch_err try_place(struct registry *r, size_t at, struct request *q, int timeout_ms, json_t **answer) {
    const struct place *p = &r->places[at];
    char *url;
    if (asprintf(&url, "%s%s", p->url, q->call->path) < 0) return no_memory();
    static const char type[] = "application/vnd.schemaregistry.v1+json";
    const struct http_header headers[] = {{"Accept", "application/vnd.schemaregistry.v1+json, application/json"},
                                          {"Content-Type", q->body ? type : NULL}};
    const struct http_post post = {.method = q->call->method,
                                   .url = url,
                                   .headers = headers,
                                   .n_headers = sizeof headers / sizeof headers[0],
                                   .body = q->body,
                                   .n = q->n,
                                   .user = p->user,
                                   .ca_file = r->ca_file,
                                   .timeout_ms = timeout_ms,
                                   .stop = r->stop};
    long status = 0;
    pouch_err e = http_post(&post, &status, &q->answer);
    free(url);
    if (e == POUCH_E_TOO_LARGE)
        return pl_fail(POUCH_E_NO_RESPONDERS,
                       "%s: its answer is larger than any schema: does the URL lead to a registry?", p->url);
    if (e) return e;
    bool good = status >= 200 && status < 300;
    e = pl_json_read(answer, "schema registry", q->answer.at ? q->answer.at : "", q->answer.len);
    if (e == POUCH_E_NO_MEMORY) return e;
    if (good && !e) return POUCH_OK;
    if (good)
        return pl_fail(POUCH_E_NO_RESPONDERS, "%s: its answer is not JSON: does the URL lead to a schema registry?",
                       p->url);
    e = refusal(p, status, *answer);
    json_decref(*answer);
    *answer = NULL;
    return e;
}

/* ---- all tries ---- */

static bool stopped(const struct registry *r) {
    return r->stop && atomic_load(r->stop);
}

/* false: stopped, or there is no time left after it. */
static bool pause_before(const struct registry *r, int64_t ms, int64_t end_us) {
    for (; ms > 0 && !stopped(r); ms -= STOP_CHECK_MS) {
        const long part = (long)(ms < STOP_CHECK_MS ? ms : STOP_CHECK_MS);
        if (pl_mono_us(&pl_clock_system) + part * 1000 >= end_us) return false;
        nanosleep(&(struct timespec){part / 1000, part % 1000 * 1000000}, NULL);
    }
    return !stopped(r);
}

/* Whether another try may help; of what may be done once only, whether it was not done. */
static bool is_passing(const struct registry_call *call, pouch_err e) {
    return e == POUCH_E_NO_RESPONDERS || (!call->once && (e == POUCH_E_TIMEOUT || e == POUCH_E_CLOSED));
}

/* Every place in turn, from the one that answered last. */
static pouch_err try_all(struct registry *r, struct request *q, int64_t end_us, json_t **answer) {
    size_t first = atomic_load(&r->good);
    pouch_err e = POUCH_OK;
    for (size_t i = 0; i < r->n; i++) {
        int64_t left = (end_us - pl_mono_us(&pl_clock_system)) / 1000 / (int64_t)(r->n - i);
        size_t at = (first + i) % r->n;
        e = try_place(r, at, q, (int)(left > TRY_LEAST_MS ? left : TRY_LEAST_MS), answer);
        if (!is_passing(q->call, e)) {
            atomic_store(&r->good, at);
            return e;
        }
    }
    return e;
}

pouch_err schema_registry_call(struct registry *r, const struct registry_call *call, json_t **answer) {
    *answer = NULL;
    struct request q = {.call = call};
    pl_buf_init(&q.answer, ANSWER_MAX);
    if (call->body && !(q.body = pl_json_text(call->body, &q.n))) return no_memory();
    int timeout_ms = call->timeout_ms && call->timeout_ms < r->timeout_ms ? call->timeout_ms : r->timeout_ms;
    int64_t end_us = pl_mono_us(&pl_clock_system) + timeout_ms * INT64_C(1000), pause = PAUSE_MS;
    pouch_err e = try_all(r, &q, end_us, answer);
    while (is_passing(call, e) && pause_before(r, pause, end_us)) {
        e = try_all(r, &q, end_us, answer);
        pause = pause * 2 < PAUSE_MOST_MS ? pause * 2 : PAUSE_MOST_MS;
    }
    free(q.body);
    pl_buf_free(&q.answer);
    return e;
}
