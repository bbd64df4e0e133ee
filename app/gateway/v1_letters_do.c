/* POST /v1/dead-letters/…: sent again, dismissed, purged; looked at first, and done when the numbers are still so. */
#include <admin/anytext.h>
#include <admin/dismiss.h>
#include <admin/purge.h>
#include <admin/redrive.h>
#include <admin/when.h>
#include <base/clock.h>
#include <base/why.h>
#include <gateway/state.h>
#include <gateway/v1.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What one call sends again: it is to be over before the call's own time is. */
enum { LETTERS_A_CALL = 10000, CONFLICT = 409, PRECONDITION_REQUIRED = 428 };

/* What the body of a call asks for. */
struct asked {
    json_t *body;
    struct admin_letter_filter filter;
    struct pl_position only;
    bool one, dry;
    int64_t expect; /* -1: not given */
    char which[64]; /* of one: "2/1041" */
};

/* ---- reading the body ---- */

#define OF_LETTERS \
    "reason", "topic", "publisher", "tenant", "request", "since", "until", "partition", "offset", "dry_run", "expect"
static const char *const of_redrive[] = {OF_LETTERS, "to", "again", "force", NULL};
static const char *const of_dismissal[] = {OF_LETTERS, NULL};
/*
 * Kafka deletes from the front of a partition alone, whatever is there: so age is the one filter, and all topics are
 * meant.
 */
static const char *const of_purge[] = {"until", "dry_run", "expect", NULL};

static pouch_err no_such(const char *name, const char *kind) {
    return pl_fail(POUCH_E_INVALID_PAYLOAD, "the member %s of the body is no %s", name, kind);
}

static pouch_err take_flag(const json_t *body, const char *name, bool fallback, bool *out) {
    const json_t *value = json_object_get(body, name);
    *out = value ? json_is_true(value) : fallback;
    return !value || json_is_boolean(value) ? POUCH_OK : no_such(name, "boolean");
}

static pouch_err take_number(const json_t *body, const char *name, int64_t *out) {
    const json_t *value = json_object_get(body, name);
    *out = value ? json_integer_value(value) : -1;
    return !value || (json_is_integer(value) && *out >= 0) ? POUCH_OK : no_such(name, "number from 0 on");
}

static pouch_err check_texts(const json_t *body) {
    static const char *const names[] = {"reason", "topic", "publisher", "tenant", "request", "since", "until", "to"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const json_t *value = json_object_get(body, names[i]);
        if (value && !json_is_string(value)) return no_such(names[i], "text");
    }
    return POUCH_OK;
}

static pouch_err take_place(struct asked *q) {
    int64_t partition, offset;
    pouch_err e = take_number(q->body, "partition", &partition);
    if (!e) e = take_number(q->body, "offset", &offset);
    if (e || (partition < 0 && offset < 0)) return e;
    if (partition < 0 || offset < 0 || partition > INT32_MAX)
        return pl_fail(POUCH_E_INVALID_PAYLOAD, "partition and offset go together: they are the place of one letter");
    q->only = (struct pl_position){(int32_t)partition, offset};
    q->one = true;
    snprintf(q->which, sizeof q->which, "%" PRId64 "/%" PRId64, partition, offset);
    return POUCH_OK;
}

static pouch_err read_asked(struct httpd_call *c, struct asked *q, const char *const known[]) {
    *q = (struct asked){0};
    pouch_err e = gateway_body(c, &q->body);
    if (!e) e = gateway_v1_known(q->body, known);
    if (!e) e = check_texts(q->body);
    if (!e) e = take_flag(q->body, "dry_run", true, &q->dry);
    if (!e) e = take_number(q->body, "expect", &q->expect);
    if (!e) e = take_place(q);
    const struct admin_asked asked = gateway_v1_members(q->body);
    if (!e) e = admin_letter_filter_read(&q->filter, &asked);
    const char *request = json_string_value(json_object_get(q->body, "request"));
    struct pl_position place;
    if (!e && request && (admin_letter_which(request, &q->filter.request_id, &place) || !q->filter.request_id))
        e = no_such("request", "request id");
    return e == POUCH_E_CONFIG ? pl_fail(POUCH_E_INVALID_PAYLOAD, "%s", pouch_why()) : e;
}

/* What was asked for, for the history. */
static json_t *written(const struct asked *q) {
    const struct admin_asked asked = gateway_v1_members(q->body);
    json_t *o = admin_letter_filter_json(&asked);
    const char *which = q->one ? q->which : q->filter.request_id;
    return o && which ? admin_json_with(o, "which", json_string(which)) : o;
}

/* Whoever may not touch all of them names the topic that they came from. */
static bool may(const struct httpd_call *c, struct httpd_answer *a, const struct asked *q, pouch_err *told) {
    const char *to = json_string_value(json_object_get(q->body, "to"));
    if (!gateway_may(c, a, AUTH_WRITE_LETTERS, q->one ? NULL : q->filter.topic, told)) return false;
    return !to || gateway_may(c, a, AUTH_WRITE_LETTERS, to, told);
}

/* What is there by now must be what the dry run told. False: the answer is filled in. */
static bool is_as_expected(struct httpd_answer *a, const struct asked *q, size_t n, bool must, pouch_err *told) {
    char text[160];
    *told = POUCH_OK;
    if (q->expect < 0 && !must) return true;
    if (q->expect < 0) {
        *told = gateway_problem_as(a, PRECONDITION_REQUIRED, "precondition_required",
                                   "say with the member expect how many there were when they were looked at (dry_run)");
        return false;
    }
    if ((size_t)q->expect == n) return true;
    snprintf(text, sizeof text, "nothing was done: there are %zu by now, not %" PRId64 "; look at them again", n,
             q->expect);
    *told = gateway_problem_as(a, CONFLICT, "conflict", text);
    return false;
}

/*
 * What was sent, dismissed or deleted before is in the store, and what is now is written down there: without it nothing
 * is done.
 */
static pouch_err with_store(struct gateway *g, struct httpd_call *c, struct httpd_answer *a, const struct asked *q,
                            pouch_err (*fn)(const struct gateway *g, struct httpd_answer *a, const struct asked *q,
                                            struct pl_store *store)) {
    struct pl_store *store;
    pouch_err e = gateway_v1_store(g, c, &store);
    if (!e) e = fn(g, a, q, store);
    gateway_v1_store_end(g, store, e);
    return e;
}

/* ---- sending again ---- */

static pouch_err plan_of(const struct gateway *g, const struct asked *q, struct pl_store *store,
                         struct admin_redrive_plan *p) {
    const struct pl_settings *s = gateway_conf(g);
    pouch_err e = admin_redrive_plan_begin(p, s, json_string_value(json_object_get(q->body, "to")));
    if (e) return e == POUCH_E_CONFIG ? pl_fail(POUCH_E_INVALID_PAYLOAD, "%s", pouch_why()) : e;
    p->filter = q->filter;
    p->only = q->only;
    p->one = q->one;
    p->most = LETTERS_A_CALL;
    p->until.stop = &g->draining;
    e = take_flag(q->body, "again", false, &p->again);
    if (!e) e = take_flag(q->body, "force", false, &p->force);
    if (e) return e;
    e = admin_letter_history_read(&p->history, store, s->dlq_topic);
    if (e) return e;
    e = admin_redrive_plan_make(p, s);
    return e == POUCH_E_TARGET_REFUSED ? POUCH_OK : e;
}

static pouch_err send_all(const struct gateway *g, struct httpd_answer *a, const struct asked *q,
                          struct pl_store *store, const struct admin_redrive_plan *p) {
    json_t *filter = written(q);
    struct admin_redrive *r;
    const struct admin_redrive_options o = {
        .settings = &g->conf, .store = store, .filter = filter, .stop_ms = g->conf.drain_ms / 2 + 1};
    pouch_err e = admin_redrive_new(&r, &o, p);
    if (!e) {
        e = admin_redrive_send(r);
        const struct admin_redrive_done done = admin_redrive_done(r);
        if (!e) e = gateway_json(a, admin_redrive_json(p, &done, false));
        admin_redrive_free(r);
    }
    json_decref(filter);
    return e;
}

static pouch_err redrive_as(const struct gateway *g, struct httpd_answer *a, const struct asked *q,
                            struct pl_store *store) {
    struct admin_redrive_plan *p = calloc(1, sizeof *p);
    pouch_err told, e = p ? plan_of(g, q, store, p) : pl_fail(POUCH_E_NO_MEMORY, "out of memory for a plan");
    if (!e && (q->dry || !p->n))
        e = gateway_json(a, admin_redrive_json(p, &(struct admin_redrive_done){0}, q->dry));
    else if (!e)
        e = is_as_expected(a, q, p->nots[ADMIN_REDRIVE_SENT], false, &told) ? send_all(g, a, q, store, p) : told;
    if (p) admin_redrive_plan_free(p);
    free(p);
    return e;
}

static pouch_err redrive_now(struct httpd_call *c, struct httpd_answer *a, void *gateway) {
    struct asked q;
    pouch_err told, e = read_asked(c, &q, of_redrive);
    if (!e) e = may(c, a, &q, &told) ? with_store(gateway, c, a, &q, redrive_as) : told;
    json_decref(q.body);
    return e;
}

/* ---- dismissing ---- */

static pouch_err dismiss_as(const struct gateway *g, struct httpd_answer *a, const struct asked *q,
                            struct pl_store *store) {
    const struct pl_settings *s = gateway_conf(g);
    json_t *filter = written(q);
    struct admin_dismiss d = {.settings = s,
                              .filter = q->filter,
                              .only = q->only,
                              .one = q->one,
                              .asked = filter,
                              .until = {.stop = &g->draining}};
    pouch_err told, e = admin_letter_history_read(&d.history, store, s->dlq_topic);
    if (!e) e = admin_dismiss_find(&d);
    if (e == POUCH_E_TARGET_REFUSED) e = POUCH_OK;
    bool go = !e && (q->dry || is_as_expected(a, q, d.n, true, &told));
    if (go && !q->dry) e = admin_dismiss_do(&d, store);
    if (!e) e = go ? gateway_json(a, admin_dismiss_json(&d, q->dry)) : told;
    admin_dismiss_free(&d);
    json_decref(filter);
    return e;
}

static pouch_err dismiss_now(struct httpd_call *c, struct httpd_answer *a, void *gateway) {
    struct asked q;
    pouch_err told, e = read_asked(c, &q, of_dismissal);
    if (!e) e = may(c, a, &q, &told) ? with_store(gateway, c, a, &q, dismiss_as) : told;
    json_decref(q.body);
    return e;
}

/* ---- purging ---- */

static pouch_err purge_as(const struct gateway *g, struct httpd_answer *a, const struct asked *q,
                          struct pl_store *store) {
    struct admin_purge p = {
        .settings = gateway_conf(g), .until_ms = q->filter.until_ms, .until = {.stop = &g->draining}};
    pouch_err told, e = admin_purge_find(&p);
    if (e == POUCH_E_TARGET_REFUSED) e = POUCH_OK;
    bool go = !e && (q->dry || is_as_expected(a, q, p.letters, true, &told));
    if (go && !q->dry && p.letters) e = admin_purge_do(&p, store);
    if (!e) e = go ? gateway_json(a, admin_purge_json(&p, q->dry)) : told;
    admin_purge_free(&p);
    return e;
}

static pouch_err purge_now(struct httpd_call *c, struct httpd_answer *a, void *gateway) {
    struct asked q;
    pouch_err told, e = read_asked(c, &q, of_purge);
    if (!e && !json_object_get(q.body, "until"))
        e = pl_fail(POUCH_E_INVALID_PAYLOAD, "say with until how old a letter must be; 0s deletes them all");
    if (!e) e = gateway_may(c, a, AUTH_WRITE_LETTERS, NULL, &told) ? with_store(gateway, c, a, &q, purge_as) : told;
    json_decref(q.body);
    return e;
}

/* ---- endpoints ---- */

static pouch_err redrive(struct httpd_call *c, struct httpd_answer *a, void *g) {
    return gateway_work_long(g, c, a, redrive_now);
}

static pouch_err dismiss(struct httpd_call *c, struct httpd_answer *a, void *g) {
    return gateway_work_long(g, c, a, dismiss_now);
}

static pouch_err purge(struct httpd_call *c, struct httpd_answer *a, void *g) {
    return gateway_work_long(g, c, a, purge_now);
}

#define OTHER_NUMBER \
    { 409, "There are more or fewer than expected; nothing was done.", "Problem", NULL }
#define NO_NUMBER \
    { 428, "The call does not say how many it expects; nothing was done.", "Problem", NULL }

static const struct gateway_endpoint endpoints[] = {
    {
        .method = "POST",
        .path = "/v1/dead-letters/redrive",
        .id = "redriveDeadLetters",
        .tag = "Dead letters",
        .about = "Send dead letters again to where they came from, at most 10,000 a call. "
                 "Unless dry_run is false it tells what would be sent, and sends nothing.",
        .need = {AUTH_WRITE_LETTERS, AUTH_EACH},
        .body = "Redrive",
        .body_max = GATEWAY_V1_BODY,
        .says =
            (const struct gateway_says[]){{200, "What was sent, or would be.", "Redriven", NULL}, OTHER_NUMBER, {0}},
        .handle = redrive,
    },
    {
        .method = "POST",
        .path = "/v1/dead-letters/dismiss",
        .id = "dismissDeadLetters",
        .tag = "Dead letters",
        .about = "Take dead letters off the lists. Unless dry_run is false it only counts them.",
        .need = {AUTH_WRITE_LETTERS, AUTH_EACH},
        .body = "Dismissal",
        .body_max = GATEWAY_V1_BODY,
        .says = (const struct gateway_says[]){{200, "How many.", "Dismissed", NULL}, OTHER_NUMBER, NO_NUMBER, {0}},
        .handle = dismiss,
    },
    {
        .method = "POST",
        .path = "/v1/dead-letters/purge",
        .id = "purgeDeadLetters",
        .tag = "Dead letters",
        .about = "Delete old dead letters for good. Unless dry_run is false it only counts them.",
        .need = {AUTH_WRITE_LETTERS, NULL},
        .body = "Purge",
        .body_max = GATEWAY_V1_BODY,
        .says = (const struct gateway_says[]){{200, "How many.", "Purged", NULL}, OTHER_NUMBER, NO_NUMBER, {0}},
        .handle = purge,
    },
};

#define STRING "{\"type\":\"string\"}"
#define COUNT  "{\"type\":\"integer\",\"minimum\":0}"
#define FILTER                                                                                                         \
    "\"reason\":" STRING ",\"topic\":" STRING ",\"publisher\":" STRING ",\"tenant\":" STRING ",\"request\":{\"type\":" \
    "\"string\",\"format\":\"uuid\"},\"since\":" GATEWAY_V1_TIME ",\"until\":" GATEWAY_V1_TIME ",\"partition\":" COUNT \
    ",\"offset\":" COUNT ",\"dry_run\":{\"type\":\"boolean\",\"default\":true},\"expect\":" COUNT

static const struct gateway_schema schemas[] = {
    {"Redrive", "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{" FILTER ",\"to\":" STRING
                ",\"again\":{\"type\":\"boolean\"},"
                "\"force\":{\"type\":\"boolean\"}}}"},
    {"Dismissal", "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{" FILTER "}}"},
    {"Purge",
     "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"until\"],\"properties\":{"
     "\"until\":" GATEWAY_V1_TIME ",\"dry_run\":{\"type\":\"boolean\",\"default\":true},\"expect\":" COUNT "}}"},
    {"Redriven",
     "{\"type\":\"object\",\"required\":[\"send\",\"topics\",\"dry_run\",\"sent\",\"failed\"],\"properties\":{"
     "\"send\":" COUNT ",\"topics\":{\"type\":\"object\"},\"dry_run\":{\"type\":\"boolean\"},\"sent\":" COUNT
     ",\"failed\":" COUNT "}}"},
    {"Dismissed", "{\"type\":\"object\",\"required\":[\"matching\",\"dismissed\",\"later\",\"dry_run\"]}"},
    {"Purged", "{\"type\":\"object\",\"required\":[\"matching\",\"behind_newer\",\"deleted\",\"dry_run\"]}"},
};

const struct gateway_part gateway_v1_letters_do = {
    GATEWAY_TABLES(endpoints, schemas),
};
