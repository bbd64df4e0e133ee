/* POST /v1/requests: ask by topic or publisher, one answer or several. */
#include <base/why.h>
#include <gateway/admit.h>
#include <gateway/later.h>
#include <string.h>
#include <wire/envelope.h>

/* ,"name":"…" with what must be escaped. */
static pouch_err put_text(struct pl_buf *out, const char *name, const char *text) {
    pouch_err e = pl_buf_printf(out, "\"%s\":\"", name);
    size_t n = strlen(text);
    if (!e) e = pl_buf_reserve(out, 6 * n + 2);
    if (e) return e;
    out->len += pl_json_escape(out->at + out->len, text, n);
    return pl_buf_putc(out, '"');
}

static pouch_err put_part(struct pl_buf *out, const pouch_part *p) {
    pouch_err error = pouch_part_error(p);
    pouch_err e = pl_buf_putc(out, '{');
    if (!e) e = put_text(out, "name", pouch_part_name(p));
    if (!e) e = pl_buf_printf(out, ",\"success\":%s,", error ? "false" : "true");
    if (!e && error) {
        e = pl_buf_printf(out, "\"code\":\"%s\",", pouch_err_code(error));
        if (!e) e = put_text(out, "message", pouch_part_why(p));
    } else if (!e) {
        size_t n;
        const void *payload = pouch_reply_payload(pouch_part_reply(p), &n);
        e = pl_buf_puts(out, "\"response\":");
        if (!e) e = pl_buf_append(out, payload, n);
    }
    return e ? e : pl_buf_putc(out, '}');
}

static pouch_err write_gather(struct pl_buf *out, const pouch_gather *g) {
    char now[GATEWAY_TIME_MAX];
    const pouch_part *p;
    pouch_err e = pl_buf_printf(out, "{\"success\":true,\"answered\":%zu,\"parts\":[", pouch_gather_answered(g));
    for (size_t i = 0; !e && (p = pouch_gather_part(g, i)); i++) {
        if (i) e = pl_buf_putc(out, ',');
        if (!e) e = put_part(out, p);
    }
    return e ? e : pl_buf_printf(out, "],\"timestamp\":\"%s\"}\n", gateway_now(now));
}

/* Where nobody has answered it has failed as its first part did. */
static void gathered(const pouch_gather *g, void *arg) {
    struct gateway_wait *w = arg;
    struct httpd_answer a;
    const pouch_part *first = pouch_gather_part(g, 0);
    if (!pouch_gather_answered(g)) {
        pouch_err e = first ? pouch_part_error(first) : POUCH_E_TIMEOUT;
        gateway_wait_fail(w, e, first ? pouch_part_why(first) : "nobody has answered");
        return;
    }
    httpd_answer_init(&a);
    gateway_wait_end(w, &a, write_gather(&a.body, g));
}

static pouch_err gather_on(struct gateway *g, struct gateway_wait *w, const struct gateway_ask *ask) {
    return pouch_client_gather(g->client, &ask->dest, 1, ask->enough, ask->value.at, ask->value.n, ask->timeout_ms,
                               NULL, gathered, w);
}

/* What it is done to stands in the body, so that it is looked at here and not before. */
static pouch_err create(struct httpd_call *c, struct httpd_answer *a, void *gateway) {
    struct gateway_ask ask;
    pouch_err e = gateway_ask_request(&ask, c, gateway);
    if (e)
        e = gateway_problem(a, e, NULL);
    else if (gateway_may(c, a, ask.topic ? AUTH_REQUEST : AUTH_ASK, ask.name, &e))
        e = ask.gathers ? gateway_hand_on(gateway, c, a, &ask, gather_on) : gateway_ask_once(gateway, c, a, &ask);
    gateway_ask_free(&ask);
    return e;
}

static const struct gateway_endpoint endpoints[] = {
    {
        .method = "POST",
        .path = "/v1/requests",
        .id = "createRequest",
        .tag = "Messages",
        .about =
            "Ask a publisher's route, or a topic, and wait for the reply. With enough or responders several answers "
            "are gathered: parts that have not answered are named with why.",
        .need = {AUTH_KNOWN, NULL},
        .params = (const struct gateway_param[]){GATEWAY_PREFER, GATEWAY_IDEMPOTENCY, GATEWAY_TRACEPARENT, {0}},
        .body = "Request",
        .says = gateway_ask_says,
        .handle = create,
    },
};

static const struct gateway_schema schemas[] = {
    {"Request", "{\"type\":\"object\",\"required\":[\"payload\"],\"additionalProperties\":false,"
                "\"oneOf\":[{\"required\":[\"topic\"]},{\"required\":[\"publisher\"]}],\"properties\":{"
                "\"topic\":" GATEWAY_NAME_SCHEMA ",\"publisher\":" GATEWAY_NAME_SCHEMA ","
                "\"payload\":{\"description\":\"What the worker gets: any JSON.\"},"
                "\"key\":{\"type\":[\"string\",\"null\"],\"maxLength\":1024},"
                "\"headers\":{\"$ref\":\"#/components/schemas/Headers\"},"
                "\"timeout\":" GATEWAY_TIMEOUT_SCHEMA ","
                "\"enough\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":1000,"
                "\"description\":\"How many answers end the wait; 0: all.\"},"
                "\"responders\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":1000,"
                "\"description\":\"How many groups read the topic, each of which answers.\"}}}"},
    {"Reply",
     "{\"type\":\"object\",\"required\":[\"success\",\"timestamp\"],\"properties\":{\"success\":{\"const\":true},"
     "\"response\":{\"description\":\"The reply's payload: any JSON.\"},"
     "\"answered\":{\"type\":\"integer\",\"minimum\":1},"
     "\"parts\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"required\":[\"name\",\"success\"],\"properties\":{"
     "\"name\":{\"type\":\"string\"},\"success\":{\"type\":\"boolean\"},\"response\":{},\"code\":{\"type\":\"string\"},"
     "\"message\":{\"type\":\"string\"}}}},"
     "\"timestamp\":{\"type\":\"string\",\"format\":\"date-time\"}}}"},
};

const struct gateway_part gateway_requests = {
    GATEWAY_TABLES(endpoints, schemas),
};
