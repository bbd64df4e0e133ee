/* A request as its owner sees it, from its head to the answer. */
#include <arpa/inet.h>
#include <base/clock.h>
#include <base/why.h>
#include <httpd/state.h>
#include <httpd/target.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OK = 200, NO_CONTENT = 204, BAD = 400, NOT_FOUND = 404, NOT_ALLOWED = 405, TOO_LARGE = 413 };
enum { UNKNOWN_METHOD = 501, UNAVAILABLE = 503 };
enum { FIRST_CHARGE = 4 * 1024 };

struct httpd_call *httpd_call_new(struct httpd_conn *conn, const char *at, size_t n, int *status) {
    struct httpd *h = conn->loop->server;
    *status = 0;
    struct httpd_call *c = malloc(sizeof *c + n);
    if (!c) return NULL;
    memset(c, 0, offsetof(struct httpd_call, head));
    memset(c->params, 0, offsetof(struct httpd_call, bytes) - offsetof(struct httpd_call, params));
    memcpy(c->bytes, at, n);
    *status = httpd_head_read(&c->head, c->bytes, n);
    if (*status != OK) {
        free(c);
        return NULL;
    }
    c->loop = conn->loop;
    c->conn = conn;
    c->peer = conn->peer;
    c->begun_us = pl_mono_us(&pl_clock_system);
    atomic_fetch_add(&h->refs, 1);
    return c;
}

bool httpd_call_count(struct httpd_call *c) {
    struct httpd *h = c->loop->server;
    c->counted = atomic_fetch_add(&h->n_calls, 1) < h->options.limits.calls;
    if (!c->counted) atomic_fetch_sub(&h->n_calls, 1);
    return c->counted;
}

void httpd_call_discharge(struct httpd_call *c) {
    atomic_fetch_sub(&c->loop->server->body_bytes, c->charged);
    c->charged = 0;
}

void httpd_call_free(struct httpd_call *c) {
    if (c->asking) {
        c->over = true;
        return;
    }
    struct httpd *h = c->loop->server;
    if (c->end) c->end(c->own);
    httpd_call_discharge(c);
    pl_buf_free(&c->body);
    httpd_answer_free(&c->answer);
    if (c->counted) atomic_fetch_sub(&h->n_calls, 1);
    free(c->queries);
    free(c);
    httpd_release(h);
}

static bool fits(const struct httpd_call *c, const struct httpd_route *r, struct httpd_span values[], size_t *n) {
    return httpd_path_fits(c->head.path, r->path, values, HTTPD_PARAMS_MAX, n);
}

static bool is_asked_by(const struct httpd_route *r, struct httpd_span method) {
    return httpd_span_is(method, r->method) || (httpd_span_is(method, "HEAD") && !strcmp(r->method, "GET"));
}

static size_t count_queries(struct httpd_span query) {
    struct httpd_span name, value;
    size_t n = 0;
    while (n <= HTTPD_QUERY_MAX && httpd_query_next(&query, &name, &value)) n++;
    return n;
}

/* Decodes the texts one behind another into `out`, which has room for all of them. */
static bool decode_texts(struct httpd_call *c, const struct httpd_span values[], size_t n_values, char *out) {
    struct httpd_span query = c->head.query, name, value;
    for (size_t i = 0; i < n_values; i++) {
        if (!httpd_decode_segment(values[i], out)) return false;
        c->params[i] = out;
        out += strlen(out) + 1;
    }
    for (size_t i = 0; httpd_query_next(&query, &name, &value); i++) {
        c->queries[i].name = out;
        if (!httpd_decode_query(name, out)) return false;
        out += strlen(out) + 1;
        c->queries[i].value = out;
        if (!httpd_decode_query(value, out)) return false;
        out += strlen(out) + 1;
    }
    return true;
}

static int read_target(struct httpd_call *c, const struct httpd_span values[], size_t n_values) {
    size_t n = count_queries(c->head.query);
    if (n > HTTPD_QUERY_MAX) return BAD;
    if (!n && !n_values) return OK;
    size_t texts = c->head.path.n + c->head.query.n + 2 * n + n_values;
    c->queries = malloc(n * sizeof c->queries[0] + texts);
    if (!c->queries) return 0;
    c->n_queries = n;
    return decode_texts(c, values, n_values, (char *)(c->queries + n)) ? OK : BAD;
}

/* Methods of RFC 9110 and PATCH: one that no path has is told which ones it has. */
static bool is_known(struct httpd_span method) {
    static const char *const known[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (httpd_span_is(method, known[i])) return true;
    return false;
}

int httpd_call_find(struct httpd_call *c) {
    const struct httpd_options *o = &c->loop->server->options;
    struct httpd_span values[HTTPD_PARAMS_MAX];
    bool known = false;
    size_t n;
    if (httpd_span_is(c->head.path, "*")) return NO_CONTENT;
    if (!httpd_path_is_sound(c->head.path)) return BAD;
    for (size_t i = 0; i < o->n_routes; i++) {
        if (!fits(c, &o->routes[i], values, &n)) continue;
        known = true;
        if (!is_asked_by(&o->routes[i], c->head.method)) continue;
        c->route = &o->routes[i];
        return read_target(c, values, n);
    }
    if (!is_known(c->head.method)) return UNKNOWN_METHOD;
    if (!known) return NOT_FOUND;
    return httpd_span_is(c->head.method, "OPTIONS") ? NO_CONTENT : NOT_ALLOWED;
}

static bool is_listed(const char *list, const char *method) {
    size_t n = strlen(method);
    for (const char *at = list; at && (at = strstr(at, method)); at += n)
        if ((at == list || at[-1] == ' ') && (!at[n] || at[n] == ',')) return true;
    return false;
}

static pouch_err add_method(struct pl_buf *list, const char *method) {
    if (is_listed(list->at, method)) return POUCH_OK;
    return pl_buf_printf(list, "%s%s", list->len ? ", " : "", method);
}

pouch_err httpd_call_allow(const struct httpd_call *c, struct httpd_answer *a) {
    const struct httpd_options *o = &c->loop->server->options;
    struct httpd_span values[HTTPD_PARAMS_MAX];
    bool any = httpd_span_is(c->head.path, "*");
    struct pl_buf list;
    pouch_err e = POUCH_OK;
    size_t n;
    pl_buf_init(&list, HTTPD_ANSWER_FIELDS_MAX);
    for (size_t i = 0; !e && i < o->n_routes; i++) {
        if (!any && !fits(c, &o->routes[i], values, &n)) continue;
        e = add_method(&list, o->routes[i].method);
        if (!e && !strcmp(o->routes[i].method, "GET")) e = add_method(&list, "HEAD");
    }
    if (!e) e = add_method(&list, "OPTIONS");
    if (!e) e = httpd_answer_field(a, "Allow", list.at);
    pl_buf_free(&list);
    return e;
}

/* What a body may grow to is doubled as it comes, so an announced length alone holds nothing. */
static bool charge(struct httpd_call *c, size_t need) {
    struct httpd *h = c->loop->server;
    if (need <= c->charged) return true;
    size_t wanted = c->charged ? c->charged * 2 : FIRST_CHARGE;
    if (wanted < need) wanted = need;
    if (wanted > c->body.max) wanted = c->body.max;
    size_t more = wanted - c->charged;
    if (atomic_fetch_add(&h->body_bytes, more) + more > h->options.limits.body_bytes) {
        atomic_fetch_sub(&h->body_bytes, more);
        return false;
    }
    c->charged = wanted;
    return true;
}

int httpd_call_append(struct httpd_call *c, const char *at, size_t n) {
    c->body.max = c->head.chunked ? c->route->body_max : (size_t)c->head.length;
    if (n > c->body.max - c->body.len) return TOO_LARGE;
    if (!charge(c, c->body.len + n)) return UNAVAILABLE;
    return pl_buf_append(&c->body, at, n) ? 0 : OK;
}

const struct httpd_route *httpd_call_route(const struct httpd_call *c) {
    return c->route;
}

struct httpd_span httpd_call_method(const struct httpd_call *c) {
    return c->head.method;
}

struct httpd_span httpd_call_path(const struct httpd_call *c) {
    return c->head.path;
}

const char *httpd_call_param(const struct httpd_call *c, const char *name) {
    for (size_t i = 0; c->route && i < HTTPD_PARAMS_MAX && c->params[i]; i++)
        if (httpd_span_is(httpd_route_name(c->route->path, i), name)) return c->params[i];
    return NULL;
}

const char *httpd_call_query(const struct httpd_call *c, const char *name) {
    for (size_t i = 0; i < c->n_queries; i++)
        if (!strcmp(c->queries[i].name, name)) return c->queries[i].value;
    return NULL;
}

size_t httpd_call_queries(const struct httpd_call *c) {
    return c->n_queries;
}

void httpd_call_query_at(const struct httpd_call *c, size_t i, const char **name, const char **value) {
    *name = c->queries[i].name;
    *value = c->queries[i].value;
}

const struct httpd_span *httpd_call_field(const struct httpd_call *c, const char *name) {
    return httpd_head_field(&c->head, name);
}

const struct httpd_head *httpd_call_head(const struct httpd_call *c) {
    return &c->head;
}

struct httpd_span httpd_call_body(const struct httpd_call *c) {
    return (struct httpd_span){c->body.at, c->body.len};
}

int64_t httpd_call_begun_us(const struct httpd_call *c) {
    return c->begun_us;
}

char *httpd_call_take_body(struct httpd_call *c, size_t *n) {
    *n = 0;
    char *at = c->body.len ? pl_buf_take(&c->body, n) : NULL;
    httpd_call_discharge(c);
    return at;
}

void httpd_call_peer(const struct httpd_call *c, char out[HTTPD_PEER_MAX]) {
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)&c->peer;
    const struct in6_addr *v6 = &c->peer.sin6_addr;
    const void *address = v6;
    int family = c->peer.sin6_family;
    if (family == AF_INET) address = &v4->sin_addr;
    if (family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(v6)) {
        family = AF_INET;
        address = &v6->s6_addr[12];
    }
    if (!inet_ntop(family, address, out, HTTPD_PEER_MAX)) snprintf(out, HTTPD_PEER_MAX, "unknown");
}

bool httpd_call_secure(const struct httpd_call *c) {
    return c->loop->server->options.tls != NULL;
}

int httpd_call_loop(const struct httpd_call *c) {
    return c->loop->number;
}

void httpd_call_set(struct httpd_call *c, void *own, void (*end)(void *own)) {
    c->own = own;
    c->end = end;
}

void *httpd_call_get(const struct httpd_call *c) {
    return c->own;
}

void httpd_later(struct httpd_call *c) {
    c->taken = true;
}

/* On the loop's thread, or when that has ended and taken the connection with it. */
static void deliver(struct httpd_job *job) {
    struct httpd_call *c = (struct httpd_call *)job;
    struct httpd_answer a = c->answer;
    httpd_answer_init(&c->answer);
    if (c->conn) {
        httpd_conn_answer(c->conn, c, &a);
        return;
    }
    httpd_answer_free(&a);
    httpd_call_free(c);
}

void httpd_reply(struct httpd_call *c, struct httpd_answer *a) {
    c->answer = *a;
    httpd_answer_init(a);
    c->job.run = deliver;
    if (httpd_post(c->loop->server, c->loop->number, &c->job)) return;
    c->conn = NULL;
    deliver(&c->job);
}
