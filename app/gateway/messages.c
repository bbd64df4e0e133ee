/* POST /kafka/send/{topic} and /kafka/request/{topic}: what the first systems had. */
#include <base/why.h>
#include <gateway/later.h>
#include <metrics/metrics.h>
#include <string.h>

static void stored(pouch_err e, void *arg) {
    struct gateway_wait *w = arg;
    struct httpd_answer a;
    char now[GATEWAY_TIME_MAX];
    if (e) {
        gateway_wait_fail(w, e, gateway_why(e, NULL));
        return;
    }
    httpd_answer_init(&a);
    a.status = 201;
    json_t *all = json_pack("{s:b, s:s+, s:s}", "success", 1, "message", "Message sent to topic ",
                            httpd_call_param(w->call, "topic"), "timestamp", gateway_now(now));
    gateway_wait_end(w, &a, gateway_json(&a, all));
}

static pouch_err send_on(struct gateway *g, struct gateway_wait *w, const struct gateway_ask *ask) {
    if (plain_takes(g->plain, ask->topic))
        return plain_send(g->plain, ask->dest, ask->value.at, ask->value.n, stored, w);
    return pouch_client_send(g->client, ask->dest, ask->value.at, ask->value.n, w->id, stored, w);
}

static pouch_err send(struct httpd_call *c, struct httpd_answer *a, void *gateway) {
    struct gateway_ask ask;
    pouch_err e = gateway_ask_message(&ask, c, gateway);
    e = e ? gateway_problem(a, e, NULL) : gateway_hand_on(gateway, c, a, &ask, send_on);
    gateway_ask_free(&ask);
    return e;
}

static pouch_err request(struct httpd_call *c, struct httpd_answer *a, void *gateway) {
    struct gateway_ask ask;
    pouch_err e = gateway_ask_message(&ask, c, gateway);
    e = e ? gateway_problem(a, e, NULL) : gateway_ask_once(gateway, c, a, &ask);
    gateway_ask_free(&ask);
    return e;
}

#define TOPIC \
    { "topic", "path", GATEWAY_NAME_SCHEMA, "The worker's topic.", true }

static const struct gateway_says send_says[] = {
    {201, "Kafka has stored it.", "Sent", NULL},
    {404, "There is no such topic.", "Problem", NULL},
    {0},
};

static pouch_err start(struct gateway *g) {
    return plain_start(&g->plain, &g->conf, gateway_client_id(g));
}

static void end(struct gateway *g) {
    plain_stop(g->plain);
    g->plain = NULL;
}

static void unready(json_t *reasons, struct gateway *g) {
    if (!plain_ready(g->plain)) pl_json_say(reasons, "the topic for replies of plain workers is not read yet");
}

static const struct gateway_endpoint endpoints[] = {
    {
        .method = "POST",
        .path = "/kafka/send/{topic}",
        .id = "sendToTopic",
        .tag = "Messages",
        .about = "Send a message that nobody answers. It is answered when Kafka has stored the message.",
        .need = {AUTH_SEND, "topic"},
        .params = (const struct gateway_param[]){TOPIC, GATEWAY_TRACEPARENT, {0}},
        .body = "Message",
        .says = send_says,
        .handle = send,
    },
    {
        .method = "POST",
        .path = "/kafka/request/{topic}",
        .id = "requestFromTopic",
        .tag = "Messages",
        .about = "Ask the worker of a topic and wait for its reply.",
        .need = {AUTH_REQUEST, "topic"},
        .params =
            (const struct gateway_param[]){
                TOPIC, GATEWAY_TIMEOUT, GATEWAY_PREFER, GATEWAY_IDEMPOTENCY, GATEWAY_TRACEPARENT, {0}},
        .body = "Message",
        .says = gateway_ask_says,
        .handle = request,
    },
};

static const struct gateway_schema schemas[] = {
    {"Message", "{\"type\":\"object\",\"required\":[\"value\"],\"additionalProperties\":false,\"properties\":{"
                "\"key\":{\"type\":[\"string\",\"null\"],\"maxLength\":1024,"
                "\"description\":\"The record's key: messages of one key stay in order.\"},"
                "\"value\":{\"type\":[\"object\",\"array\"],\"description\":\"What the worker gets.\"},"
                "\"headers\":{\"$ref\":\"#/components/schemas/Headers\"}}}"},
    {"Headers",
     "{\"type\":[\"object\",\"null\"],\"description\":\"Headers of the record, in clear.\",\"maxProperties\":32,"
     "\"propertyNames\":{\"minLength\":1,\"maxLength\":256,\"pattern\":\"^(?!pouch-)\"},"
     "\"additionalProperties\":{\"oneOf\":[{\"type\":\"string\",\"maxLength\":1024},"
     "{\"type\":\"array\",\"maxItems\":8,\"items\":{\"type\":\"string\",\"maxLength\":1024}}]}}"},
    {"Sent", "{\"type\":\"object\",\"required\":[\"success\",\"message\",\"timestamp\"],\"properties\":{"
             "\"success\":{\"const\":true},\"message\":{\"type\":\"string\"},"
             "\"timestamp\":{\"type\":\"string\",\"format\":\"date-time\"}}}"},
};

const struct gateway_part gateway_messages = {
    GATEWAY_TABLES(endpoints, schemas),
    .start = start,
    .unready = unready,
    .end = end,
};
