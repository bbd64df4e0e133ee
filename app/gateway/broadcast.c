/* POST /kafka/sse/broadcast/{channel}: an event for all who listen, at whatever gateway. */
#include <base/why.h>
#include <events/events.h>
#include <gateway/reply.h>
#include <string.h>

enum { CREATED = 201, RETRY_MAX_MS = 3600 * 1000, ID_MAX = 1024, BODY_MAX = 4 * EVENTS_BYTES_MAX };

static void stored(pouch_err e, const char *why, void *arg) {
    struct gateway_wait *w = arg;
    const char *channel = httpd_call_param(w->call, "channel");
    struct gateway *g = httpd_call_route(w->call)->arg;
    struct httpd_answer a;
    char now[GATEWAY_TIME_MAX];
    if (e) {
        gateway_wait_fail(w, e, why);
        return;
    }
    httpd_answer_init(&a);
    a.status = CREATED;
    json_t *all = json_pack("{s:b, s:s+, s:s, s:I, s:s}", "success", 1, "message", "Message broadcasted to channel ",
                            channel, "channel", channel, "subscriberCount",
                            (json_int_t)events_subscribers(g->hub, channel), "timestamp", gateway_now(now));
    gateway_wait_end(w, &a, gateway_json(&a, all));
}

static pouch_err invalid(const char *why) {
    return pl_fail(POUCH_E_INVALID_PAYLOAD, "Invalid message format: %s", why);
}

static pouch_err check_names(const json_t *body) {
    static const char *const known[] = {"event", "data", "id", "retry"};
    const char *name;
    const json_t *value;
    json_object_foreach((json_t *)(uintptr_t)body, name, value) {
        size_t i = 0;
        while (i < sizeof known / sizeof known[0] && strcmp(name, known[i])) i++;
        if (i == sizeof known / sizeof known[0]) return invalid("known members are event, data, id and retry");
    }
    return POUCH_OK;
}

/* A text, or nothing at all. */
static pouch_err take_text(const json_t *body, const char *name, size_t most, const char **out) {
    const json_t *value = json_object_get(body, name);
    *out = json_string_value(value);
    if (value && !json_is_null(value) && !*out)
        return pl_fail(POUCH_E_INVALID_PAYLOAD, "Invalid message format: %s is no string", name);
    if (*out && json_string_length(value) > most)
        return pl_fail(POUCH_E_INVALID_PAYLOAD, "Invalid message format: %s is longer than %zu bytes", name, most);
    return POUCH_OK;
}

static pouch_err take_event(struct events_event *event, const json_t *body) {
    const json_t *retry = json_object_get(body, "retry");
    json_int_t ms = json_integer_value(retry);
    pouch_err e = check_names(body);
    if (!e) e = take_text(body, "event", EVENTS_CHANNEL_MAX, &event->name);
    if (!e) e = take_text(body, "id", ID_MAX, &event->id);
    if (e) return e;
    event->data = json_object_get(body, "data");
    if (!event->data) return invalid("data is missing");
    if (retry && !json_is_null(retry) && (!json_is_integer(retry) || ms < 0 || ms > RETRY_MAX_MS))
        return invalid("retry is no number of milliseconds from 0 to 3600000");
    event->retry_ms = (int)ms;
    return POUCH_OK;
}

static pouch_err hand_over(struct gateway *g, struct httpd_call *c, struct httpd_answer *a,
                           const struct events_event *event) {
    struct gateway_wait *w = gateway_wait_new(c);
    if (!w) return gateway_problem(a, POUCH_E_NO_MEMORY, "out of memory for a call");
    pouch_err e = events_publish(g->hub, event, stored, w);
    if (e) gateway_wait_fail(w, e, NULL);
    return POUCH_OK;
}

static pouch_err broadcast(struct httpd_call *c, struct httpd_answer *a, void *gateway) {
    json_t *body = NULL;
    struct events_event event = {.channel = httpd_call_param(c, "channel")};
    pouch_err e = gateway_body(c, &body);
    if (!e) e = take_event(&event, body);
    e = e ? gateway_problem(a, e, NULL) : hand_over(gateway, c, a, &event);
    json_decref(body);
    return e;
}

static const struct gateway_says says[] = {
    {CREATED, "The event is on the log, and goes to all who listen to the channel.", "Broadcasted", NULL},
    {0},
};

static const struct gateway_endpoint endpoints[] = {{
    .method = "POST",
    .path = "/kafka/sse/broadcast/{channel}",
    .id = "broadcast",
    .tag = "Events",
    .about = "Send an event to all clients of a channel. They may be at any gateway.",
    .need = {AUTH_BROADCAST, "channel"},
    .params = (const struct gateway_param[]){{"channel", "path",
                                              "{\"type\":\"string\",\"pattern\":\"^[A-Za-z0-9._:/@-]{1,128}$\"}",
                                              "The channel.", true},
                                             {0}},
    .body = "Broadcast",
    .body_max = BODY_MAX,
    .says = says,
    .handle = broadcast,
}};

static const struct gateway_schema schemas[] = {
    {"Broadcast",
     "{\"type\":\"object\",\"required\":[\"data\"],\"additionalProperties\":false,\"properties\":{"
     "\"event\":{\"type\":[\"string\",\"null\"],\"pattern\":\"^[A-Za-z0-9._:/@-]{1,128}$\",\"description\":\"Its type; "
     "message unless given.\"},"
     "\"data\":{\"description\":\"A string is sent as it is, anything else as JSON.\"},"
     "\"id\":{\"type\":[\"string\",\"null\"],\"maxLength\":1024,\"description\":\"The sender's own, which becomes the "
     "member id of data where that is an object without one. The id of the event itself is its place on the log.\"},"
     "\"retry\":{\"type\":[\"integer\",\"null\"],\"minimum\":0,\"maximum\":3600000}}}"},
    {"Broadcasted",
     "{\"type\":\"object\",\"required\":[\"success\",\"message\",\"channel\",\"subscriberCount\",\"timestamp\"],"
     "\"properties\":{\"success\":{\"const\":true},\"message\":{\"type\":\"string\"},\"channel\":{\"type\":\"string\"},"
     "\"subscriberCount\":{\"type\":\"integer\",\"description\":\"Clients of all gateways, those of others as they "
     "last "
     "told.\"},\"timestamp\":{\"type\":\"string\",\"format\":\"date-time\"}}}"},
};

const struct gateway_part gateway_broadcast = {
    GATEWAY_TABLES(endpoints, schemas),
};
