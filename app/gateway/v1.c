#include <admin/when.h>
#include <base/clock.h>
#include <base/why.h>
#include <errno.h>
#include <gateway/state.h>
#include <gateway/stores.h>
#include <gateway/v1.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BAD_REQUEST = 400, NOT_MODIFIED = 304, PRECONDITION_FAILED = 412, PRECONDITION_REQUIRED = 428 };
enum { TAG = 32 };

/* ---- answers ---- */

pouch_err gateway_v1_bad(struct httpd_answer *a) {
    return gateway_problem_as(a, BAD_REQUEST, pouch_err_code(POUCH_E_INVALID_PAYLOAD), pouch_why());
}

/* Whether a list of tags, as of If-None-Match, has that one; a weak one counts as well. */
static bool has_tag(const struct httpd_span *field, const char *tag) {
    size_t n = strlen(tag);
    for (size_t i = 0; field && i + n <= field->n; i++)
        if (!memcmp(field->at + i, tag, n)) return true;
    return field && field->n == 1 && *field->at == '*';
}

static bool only_looks(const struct httpd_call *c) {
    return httpd_span_is(httpd_call_method(c), "GET") || httpd_span_is(httpd_call_method(c), "HEAD");
}

static pouch_err put_tag(const struct httpd_call *c, struct httpd_answer *a, const char *tag) {
    pouch_err e = httpd_answer_field(a, "ETag", tag);
    if (!e) e = httpd_answer_field(a, "Cache-Control", "private, no-cache");
    a->cached = true;
    if (e || !only_looks(c) || !has_tag(httpd_call_field(c, "If-None-Match"), tag)) return e;
    a->status = NOT_MODIFIED;
    pl_buf_reset(&a->body);
    return POUCH_OK;
}

/* FNV-1a: two answers with one tag are a stale page for as long as nothing else changes, and no more. */
static uint64_t hash_of(const struct pl_buf *b) {
    uint64_t h = 0xcbf29ce484222325;
    for (size_t i = 0; i < b->len; i++) h = (h ^ (unsigned char)b->at[i]) * 0x100000001b3;
    return h;
}

pouch_err gateway_v1_tagged(const struct httpd_call *c, struct httpd_answer *a, json_t *value) {
    char tag[TAG];
    pouch_err e = gateway_json(a, value);
    if (e) return e;
    snprintf(tag, sizeof tag, "\"%016" PRIx64 "\"", hash_of(&a->body));
    return put_tag(c, a, tag);
}

pouch_err gateway_v1_versioned(const struct httpd_call *c, struct httpd_answer *a, json_t *value, int64_t version) {
    char tag[TAG];
    pouch_err e = gateway_json(a, value);
    snprintf(tag, sizeof tag, "\"%" PRId64 "\"", version);
    return e ? e : put_tag(c, a, tag);
}

/* "17", with its quotes. */
static bool read_version(struct httpd_span field, int64_t *version) {
    char text[TAG], *end;
    if (field.n < 3 || field.n >= sizeof text || field.at[0] != '"' || field.at[field.n - 1] != '"') return false;
    memcpy(text, field.at + 1, field.n - 2);
    text[field.n - 2] = 0;
    errno = 0;
    *version = strtoll(text, &end, 10);
    return !errno && !*end && *text >= '0' && *text <= '9' && *version > 0;
}

bool gateway_v1_expected(const struct httpd_call *c, struct httpd_answer *a, bool may_make, int64_t *expected,
                         pouch_err *e) {
    const struct httpd_span *match = httpd_call_field(c, "If-Match"), *none = httpd_call_field(c, "If-None-Match");
    *e = POUCH_OK;
    *expected = match && httpd_span_is(*match, "*") ? -1 : 0;
    if (*expected || (may_make && none && httpd_span_is(*none, "*"))) return true;
    if (match && read_version(*match, expected)) return true;
    *e = match
             ? gateway_problem_as(a, BAD_REQUEST, pouch_err_code(POUCH_E_INVALID_PAYLOAD),
                                  "If-Match is no version: give what the ETag was, with its quotes")
             : gateway_problem_as(a, PRECONDITION_REQUIRED, "precondition_required",
                                  "say with If-Match which version this change is for, as the ETag of a GET tells it");
    return false;
}

pouch_err gateway_v1_conflict(struct httpd_answer *a, pouch_err e, int64_t expected) {
    bool conflict = e == POUCH_E_EXISTS || (e == POUCH_E_NOT_FOUND && expected > 0);
    if (conflict) return gateway_problem_as(a, PRECONDITION_FAILED, pouch_err_code(e), pouch_why());
    return e == POUCH_E_CONFIG ? gateway_v1_bad(a) : e;
}

/* ---- what is asked ---- */

pouch_err gateway_v1_known(const json_t *body, const char *const known[]) {
    const json_t *value;
    const char *name;
    json_object_foreach((json_t *)(uintptr_t)body, name, value) {
        size_t i = 0;
        while (known[i] && strcmp(name, known[i]) != 0) i++;
        if (!known[i])
            return pl_fail(POUCH_E_INVALID_PAYLOAD, "nothing was done: no member %.64s of the body is known; see /docs",
                           name);
    }
    return POUCH_OK;
}

pouch_err gateway_v1_flag(const struct httpd_call *c, const char *name, bool *out) {
    const char *text = httpd_call_query(c, name);
    *out = text && !strcmp(text, "true");
    if (!text || *out || !strcmp(text, "false")) return POUCH_OK;
    return pl_fail(POUCH_E_INVALID_PAYLOAD, "the parameter %s is neither true nor false", name);
}

pouch_err gateway_v1_limit(const struct httpd_call *c, size_t *limit) {
    int64_t n;
    pouch_err e = gateway_query_number(c, "limit", GATEWAY_V1_LIMIT, 1, GATEWAY_V1_LIMIT_MAX, &n);
    *limit = (size_t)n;
    return e;
}

pouch_err gateway_v1_span(const struct httpd_call *c, int64_t *since_us, int64_t *until_us) {
    const char *since = httpd_call_query(c, "since"), *until = httpd_call_query(c, "until");
    int64_t now_ms = pl_wall_ms(&pl_clock_system), since_ms = 0, until_ms = 0;
    pouch_err e = since ? admin_when_parse("since", since, now_ms, &since_ms) : POUCH_OK;
    if (!e && until) e = admin_when_parse("until", until, now_ms, &until_ms);
    *since_us = since_ms * 1000;
    *until_us = until ? until_ms * 1000 : INT64_MAX;
    return e;
}

static const char *parameter(void *call, const char *name) {
    return httpd_call_query(call, name);
}

struct admin_asked gateway_v1_query(const struct httpd_call *c) {
    return (struct admin_asked){"", parameter, (void *)c};
}

static const char *member(void *object, const char *name) {
    return json_string_value(json_object_get(object, name));
}

struct admin_asked gateway_v1_members(json_t *object) {
    return (struct admin_asked){"", member, object};
}

const char *gateway_v1_cursor_text(char out[GATEWAY_V1_CURSOR], const int64_t at[3]) {
    snprintf(out, GATEWAY_V1_CURSOR, "%" PRIx64 ".%" PRIx64 ".%" PRIx64, (uint64_t)at[0], (uint64_t)at[1],
             (uint64_t)at[2]);
    return out;
}

/* Only what gateway_v1_cursor_text() has written reads as the same again. */
pouch_err gateway_v1_cursor(const struct httpd_call *c, int64_t at[3], bool *given) {
    const char *text = httpd_call_query(c, "cursor");
    char same[GATEWAY_V1_CURSOR];
    uint64_t n[3];
    *given = text != NULL;
    if (!text) return POUCH_OK;
    if (strlen(text) < sizeof same && sscanf(text, "%" SCNx64 ".%" SCNx64 ".%" SCNx64, &n[0], &n[1], &n[2]) == 3) {
        for (size_t i = 0; i < 3; i++) at[i] = (int64_t)n[i];
        if (!strcmp(text, gateway_v1_cursor_text(same, at))) return POUCH_OK;
    }
    return gateway_v1_no_cursor();
}

pouch_err gateway_v1_no_cursor(void) {
    return pl_fail(POUCH_E_INVALID_PAYLOAD, "the parameter cursor is none that a page has ended with");
}

/* ---- what there is ---- */

pouch_err gateway_v1_store(struct gateway *g, const struct httpd_call *c, struct pl_store **store) {
    const struct auth_who *who = gateway_who(c);
    pouch_err e = gateway_stores_take(g->stores, store);
    return e ? e : pl_store_set_author(*store, who ? auth_who_name(who) : gateway_client_id(g));
}

void gateway_v1_store_end(struct gateway *g, struct pl_store *store, pouch_err e) {
    gateway_stores_give(g->stores, store, e);
}

bool gateway_v1_may(const struct httpd_call *c, enum auth_action action, const char *object) {
    const struct auth_who *who = gateway_who(c);
    return who && auth_may(who, action, object);
}
