#include <base/why.h>
#include <gateway/reply.h>
#include <metrics/metrics.h>
#include <share/pending.h>
#include <stdlib.h>

enum { INTERNAL = 500 };

struct gateway_wait *gateway_wait_new(struct httpd_call *c) {
    struct gateway_wait *w = calloc(1, sizeof *w);
    if (!w) return NULL;
    w->call = c;
    atomic_store(&w->holders, 1);
    httpd_later(c);
    pl_metric_add(PL_M_GATEWAY_OPEN, 1);
    return w;
}

static void let_go(struct gateway_wait *w) {
    if (atomic_fetch_sub(&w->holders, 1) == 1) free(w);
}

void gateway_wait_end(struct gateway_wait *w, struct httpd_answer *a, pouch_err failed) {
    if (failed) failed = gateway_problem_unwritten(a, failed);
    if (!failed && w->id[0]) failed = httpd_answer_field(a, "X-Request-Id", w->id);
    if (failed) {
        httpd_answer_free(a);
        httpd_answer_init(a);
        a->status = INTERNAL;
    }
    pl_metric_add(PL_M_GATEWAY_OPEN, -1);
    httpd_reply(w->call, a);
    atomic_store(&w->ended, true);
    share_pending_end(w->share, w->id);
    let_go(w);
}

void gateway_wait_fail(struct gateway_wait *w, pouch_err e, const char *why) {
    struct httpd_answer a;
    httpd_answer_init(&a);
    gateway_wait_end(w, &a, gateway_problem(&a, e, why));
}

const char *gateway_why(pouch_err e, const pouch_reply *reply) {
    if (reply && *pouch_reply_error(reply)) return pouch_reply_error(reply);
    return e == POUCH_E_CLOSED ? "Service is shutting down" : pouch_why();
}

/* The payload is one JSON text, and goes in as it came. */
static pouch_err write_reply(struct httpd_answer *a, const pouch_reply *reply) {
    char now[GATEWAY_TIME_MAX];
    size_t n;
    const void *payload = pouch_reply_payload(reply, &n);
    pouch_err e = pl_buf_reserve(&a->body, n + 96);
    if (!e) e = pl_buf_puts(&a->body, "{\"success\":true,\"response\":");
    if (!e) e = pl_buf_append(&a->body, payload, n);
    return e ? e : pl_buf_printf(&a->body, ",\"timestamp\":\"%s\"}\n", gateway_now(now));
}

void gateway_wait_answered(pouch_err e, const pouch_reply *reply, void *wait) {
    struct httpd_answer a;
    if (e) {
        gateway_wait_fail(wait, e, gateway_why(e, reply));
        return;
    }
    httpd_answer_init(&a);
    gateway_wait_end(wait, &a, write_reply(&a, reply));
}

pouch_err gateway_hand_on(struct gateway *g, struct httpd_call *c, struct httpd_answer *a,
                          const struct gateway_ask *ask, gateway_hand_on_fn *hand_on) {
    struct gateway_wait *w = gateway_wait_new(c);
    if (!w) return gateway_problem(a, POUCH_E_NO_MEMORY, "out of memory for a call");
    pouch_err e = hand_on(g, w, ask);
    if (e) gateway_wait_fail(w, e, NULL);
    return POUCH_OK;
}

/* Its end may come before it has been noted as under way: whoever is second takes it out. */
static pouch_err ask_sealed(struct gateway *g, struct gateway_wait *w, const struct gateway_ask *ask) {
    w->share = g->share;
    atomic_fetch_add(&w->holders, 1);
    pouch_err e = pouch_client_request(g->client, ask->dest, ask->value.at, ask->value.n, ask->timeout_ms, w->id,
                                       gateway_wait_answered, w);
    if (!e) share_pending_begin(w->share, w->id);
    if (!e && atomic_load(&w->ended)) share_pending_end(w->share, w->id);
    let_go(w);
    return e;
}

pouch_err gateway_ask_on(struct gateway *g, struct gateway_wait *w, const struct gateway_ask *ask) {
    if (ask->topic && plain_takes(g->plain, ask->topic))
        return plain_ask(g->plain, ask->dest, ask->value.at, ask->value.n, ask->timeout_ms, w->id,
                         gateway_wait_answered, w);
    return ask_sealed(g, w, ask);
}

const struct gateway_says gateway_ask_says[] = {
    {200, "The worker's reply.", "Reply", NULL},
    {202, "With Prefer: respond-async: the request is stored.", "Result", NULL},
    {404, "There is no such topic, or no route of that publisher.", "Problem", NULL},
    {408, "Nobody has answered in time. The request may have been handled all the same.", "Problem", NULL},
    {409, "The route is disabled.", "Problem", NULL},
    {422, "The Idempotency-Key has been used for another request.", "Problem", NULL},
    {502, "The worker has failed, or answered what cannot be read.", "Problem", NULL},
    {504, "The worker's handler took too long.", "Problem", NULL},
    {0},
};
