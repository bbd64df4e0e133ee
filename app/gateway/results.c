/* GET /v1/requests/{id}: what has become of a request. */
#include <async/async.h>
#include <auth/auth.h>
#include <gateway/admit.h>
#include <gateway/later.h>
#include <string.h>
#include <wire/envelope.h>

enum { ACCEPTED = 202, GONE = 410, WAIT_MOST_S = 60, AGAIN_S = 1 };

static pouch_err put_head(struct pl_buf *out, const struct gateway_wait *w, bool success, const char *status) {
    return pl_buf_printf(out, "{\"success\":%s,\"requestId\":\"%s\",\"status\":\"%s\"", success ? "true" : "false",
                         w->id, status);
}

static pouch_err put_payload(struct pl_buf *out, const struct async_answer *answer) {
    if (!answer->payload_n) return POUCH_OK;
    pouch_err e = pl_buf_puts(out, ",\"response\":");
    return e ? e : pl_buf_append(out, answer->payload, answer->payload_n);
}

static pouch_err put_error(struct pl_buf *out, const struct async_answer *answer) {
    size_t n = strlen(answer->error);
    pouch_err e = pl_buf_printf(out, ",\"error\":{\"code\":\"%s\",\"sealed\":%s,\"message\":\"",
                                pouch_err_code(answer->code), answer->sealed ? "true" : "false");
    if (!e) e = pl_buf_reserve(out, 6 * n + 3);
    if (e) return e;
    out->len += pl_json_escape(out->at + out->len, answer->error, n);
    return pl_buf_puts(out, "\"}");
}

static pouch_err write(struct httpd_answer *a, const struct gateway_wait *w, const struct async_answer *answer) {
    static const char *const names[] = {
        [ASYNC_PENDING] = "pending", [ASYNC_DONE] = "done", [ASYNC_FAILED] = "failed", [ASYNC_EXPIRED] = "expired"};
    char now[GATEWAY_TIME_MAX];
    if (answer->state == ASYNC_EXPIRED)
        return gateway_problem_as(a, GONE, "gone",
                                  "no answer came in time, or it was kept no longer; the request may "
                                  "have been handled all the same");
    if (answer->state == ASYNC_PENDING) {
        a->status = ACCEPTED;
        a->retry_after_s = AGAIN_S;
    }
    pouch_err e = put_head(&a->body, w, answer->state != ASYNC_FAILED, names[answer->state]);
    if (!e) e = put_payload(&a->body, answer);
    if (!e && answer->state == ASYNC_FAILED) e = put_error(&a->body, answer);
    return e ? e : pl_buf_printf(&a->body, ",\"timestamp\":\"%s\"}\n", gateway_now(now));
}

static void found(pouch_err e, const struct async_answer *answer, void *arg) {
    struct gateway_wait *w = arg;
    struct httpd_answer a;
    if (e) {
        gateway_wait_fail(w, e, NULL);
        return;
    }
    httpd_answer_init(&a);
    gateway_wait_end(w, &a, write(&a, w, answer));
}

static pouch_err find(struct gateway *g, struct gateway_wait *w, const struct gateway_ask *ask) {
    const struct auth_who *who = gateway_who(w->call);
    const char *owner = who ? auth_who_name(who) : "", *id = httpd_call_param(w->call, "id");
    int seconds = gateway_prefers_wait(w->call, WAIT_MOST_S);
    struct pl_uuid uuid;
    (void)ask;
    if (pl_uuid_parse(&uuid, id, strlen(id))) pl_uuid_format(w->id, &uuid);
    if (seconds) return async_await(g->async, id, owner, seconds * 1000, found, w);
    return async_find(g->async, id, owner, found, w);
}

static pouch_err get(struct httpd_call *c, struct httpd_answer *a, void *gateway) {
    return gateway_hand_on(gateway, c, a, NULL, find);
}

static const struct gateway_endpoint endpoints[] = {{
    .method = "GET",
    .path = "/v1/requests/{id}",
    .id = "getRequest",
    .tag = "Messages",
    .about = "What has become of a request that was made with Prefer: respond-async or an Idempotency-Key, through "
             "whichever gateway. Whoever made it may ask.",
    .need = {AUTH_KNOWN, NULL},
    .params =
        (const struct gateway_param[]){
            {"id", "path", "{\"type\":\"string\",\"format\":\"uuid\"}", "The request's id.", true},
            {"Prefer", "header", "{\"type\":\"string\",\"maxLength\":255}",
             "wait=SECONDS: answer when the reply has come, or after so long (60 at most).", false},
            {0}},
    .says = (const struct gateway_says[]){{200, "The worker has replied, or has failed.", "Result", NULL},
                                          {202, "There is no reply yet.", "Result", NULL},
                                          {404, "There is no such request, or it is somebody else's.", "Problem", NULL},
                                          {410, "No reply came in time, or it was kept no longer.", "Problem", NULL},
                                          {502, "It was sealed with a key that this gateway no longer has.", "Problem",
                                           NULL},
                                          {0}},
    .handle = get,
}};

static const struct gateway_schema schemas[] = {
    {"Result", "{\"type\":\"object\",\"required\":[\"success\",\"requestId\",\"status\",\"timestamp\"],\"properties\":{"
               "\"success\":{\"type\":\"boolean\"},\"requestId\":{\"type\":\"string\",\"format\":\"uuid\"},"
               "\"status\":{\"enum\":[\"pending\",\"done\",\"failed\"]},"
               "\"response\":{\"description\":\"The reply's payload: any JSON.\"},"
               "\"error\":{\"type\":\"object\",\"required\":[\"code\",\"message\",\"sealed\"],\"properties\":{"
               "\"code\":{\"type\":\"string\"},\"message\":{\"type\":\"string\"},\"sealed\":{\"type\":\"boolean\"}}},"
               "\"location\":{\"type\":\"string\"},\"timestamp\":{\"type\":\"string\",\"format\":\"date-time\"}}}"},
};

const struct gateway_part gateway_results = {
    GATEWAY_TABLES(endpoints, schemas),
};
