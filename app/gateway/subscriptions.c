/* /kafka/sse: who listens to what, at all gateways, and changing it. */
#include <base/why.h>
#include <events/events.h>
#include <gateway/admit.h>
#include <gateway/reply.h>
#include <string.h>

enum { BODY_MAX = 64 * 1024 };

/* ---- changing ---- */

static void changed(pouch_err e, const char *why, const json_t *channels, void *arg) {
    struct gateway_wait *w = arg;
    struct httpd_answer a;
    char now[GATEWAY_TIME_MAX];
    if (e) {
        gateway_wait_fail(w, e == POUCH_E_TIMEOUT ? POUCH_E_NO_BROKER : e, why);
        return;
    }
    httpd_answer_init(&a);
    json_t *all = json_pack("{s:b, s:s, s:O, s:s}", "success", 1, "message", "Subscriptions updated",
                            "subscribedChannels", channels, "timestamp", gateway_now(now));
    gateway_wait_end(w, &a, gateway_json(&a, all));
}

/* The texts of an array in the body; they live as long as it. */
struct names {
    const char *at[EVENTS_CHANNELS_MAX];
    size_t n;
};

static pouch_err take_names(struct names *names, const json_t *body, bool needed) {
    const json_t *list = json_object_get(body, "channels"), *one;
    size_t i;
    if (json_object_size(body) > (list != NULL))
        return pl_fail(POUCH_E_INVALID_PAYLOAD, "Invalid message format: channels is the one member that is known");
    if (list && !json_is_array(list))
        return pl_fail(POUCH_E_INVALID_PAYLOAD, "Invalid message format: channels is no array of strings");
    if (json_array_size(list) > EVENTS_CHANNELS_MAX || (needed && !json_array_size(list)))
        return pl_fail(POUCH_E_INVALID_PAYLOAD, "Invalid message format: channels has 1 to %d names",
                       EVENTS_CHANNELS_MAX);
    json_array_foreach((json_t *)(uintptr_t)list, i, one) {
        names->at[names->n] = json_string_value(one);
        if (!names->at[names->n++])
            return pl_fail(POUCH_E_INVALID_PAYLOAD, "Invalid message format: channels is no array of strings");
    }
    return POUCH_OK;
}

/* The channels must be allowed to who asks, and the client theirs, unless they may change those of all. */
static pouch_err change(struct httpd_call *c, struct httpd_answer *a, struct gateway *g, const struct names *names,
                        bool subscribe) {
    const struct auth_who *who = gateway_who(c);
    const char *owner = auth_may(who, AUTH_WRITE_STREAMS, NULL) ? NULL : auth_who_name(who);
    pouch_err e;
    for (size_t i = 0; subscribe && i < names->n; i++)
        if (!gateway_may(c, a, AUTH_SUBSCRIBE, strcmp(names->at[i], EVENTS_ALL) ? names->at[i] : NULL, &e)) return e;
    struct gateway_wait *w = gateway_wait_new(c);
    if (!w) return gateway_problem(a, POUCH_E_NO_MEMORY, "out of memory for a call");
    e = events_change(g->hub, httpd_call_param(c, "clientId"), owner, subscribe, names->at, names->n, changed, w);
    if (e) gateway_wait_fail(w, e, NULL);
    return POUCH_OK;
}

static pouch_err read_and_change(struct httpd_call *c, struct httpd_answer *a, struct gateway *g, bool subscribe) {
    struct names names = {0};
    json_t *body = NULL;
    bool none = !subscribe && !httpd_call_body(c).n; /* of all */
    pouch_err e = none ? POUCH_OK : gateway_body(c, &body);
    if (!e && !none) e = take_names(&names, body, subscribe);
    e = e ? gateway_problem(a, e, NULL) : change(c, a, g, &names, subscribe);
    json_decref(body);
    return e;
}

static pouch_err subscribe(struct httpd_call *c, struct httpd_answer *a, void *gateway) {
    return read_and_change(c, a, gateway, true);
}

static pouch_err unsubscribe(struct httpd_call *c, struct httpd_answer *a, void *gateway) {
    return read_and_change(c, a, gateway, false);
}

/* ---- lists ---- */

static pouch_err list_clients(struct httpd_call *c, struct httpd_answer *a, void *gateway) {
    const struct gateway *g = gateway;
    char now[GATEWAY_TIME_MAX];
    (void)c;
    json_t *all = events_clients(g->hub, NULL, NULL);
    size_t n = json_array_size(json_object_get(all, "clients"));
    if (all && json_object_update_new(
                   all, json_pack("{s:I, s:s}", "totalClients", (json_int_t)n, "timestamp", gateway_now(now)))) {
        json_decref(all);
        all = NULL;
    }
    return gateway_json(a, all);
}

static pouch_err clients(struct httpd_call *c, struct httpd_answer *a, void *gateway) {
    return gateway_work(gateway, c, a, list_clients);
}

static pouch_err list_subscribers(struct httpd_call *c, struct httpd_answer *a, void *gateway) {
    const struct gateway *g = gateway;
    const char *channel = httpd_call_param(c, "channel");
    char now[GATEWAY_TIME_MAX];
    json_t *all = events_clients(g->hub, NULL, channel), *list = json_object_get(all, "clients");
    json_t *answer = list ? json_pack("{s:s, s:I, s:O, s:O, s:s}", "channel", channel, "subscriberCount",
                                      (json_int_t)json_array_size(list), "subscribers", list, "gateways",
                                      json_object_get(all, "gateways"), "timestamp", gateway_now(now))
                          : NULL;
    json_decref(all);
    return gateway_json(a, answer);
}

static pouch_err subscribers(struct httpd_call *c, struct httpd_answer *a, void *gateway) {
    return gateway_work(gateway, c, a, list_subscribers);
}

/* ---- descriptions ---- */

static const struct gateway_param client_param[] = {
    {"clientId", "path", "{\"type\":\"string\"}", "As the event connected told it.", true},
    {0},
};

static const struct gateway_param channel_param[] = {
    {"channel", "path", "{\"type\":\"string\"}", "The channel.", true},
    {0},
};

static const struct gateway_says change_says[] = {
    {200, "The client is told what it listens to now, and so is who asked.", "SubscriptionsChanged", NULL},
    {404, "No gateway has a client with that id, or it is somebody else's.", "Problem", NULL},
    {0},
};

static const struct gateway_says clients_says[] = {{200, "The clients of all gateways.", "StreamClients", NULL}, {0}};
static const struct gateway_says subscribers_says[] = {{200, "Who listens.", "StreamSubscribers", NULL}, {0}};

static const struct gateway_endpoint endpoints[] = {
    {
        .method = "POST",
        .path = "/kafka/sse/subscribe/{clientId}",
        .id = "subscribeClient",
        .tag = "Events",
        .about = "Have a client listen to more channels. It may be at any gateway.",
        .need = {AUTH_SUBSCRIBE, AUTH_EACH},
        .params = client_param,
        .body = "Channels",
        .body_max = BODY_MAX,
        .says = change_says,
        .handle = subscribe,
    },
    {
        .method = "POST",
        .path = "/kafka/sse/unsubscribe/{clientId}",
        .id = "unsubscribeClient",
        .tag = "Events",
        .about = "Have a client listen to fewer channels. Without channels in the body it is to none.",
        .need = {AUTH_SUBSCRIBE, AUTH_EACH},
        .params = client_param,
        .body = "ChannelsOrAll",
        .body_max = BODY_MAX,
        .says = change_says,
        .handle = unsubscribe,
    },
    {
        .method = "GET",
        .path = "/kafka/sse/clients",
        .id = "listClients",
        .tag = "Events",
        .about =
            "Clients of all gateways. Those of other gateways are as these last told; age says how long ago, in ms.",
        .need = {AUTH_READ_STREAMS, NULL},
        .says = clients_says,
        .handle = clients,
    },
    {
        .method = "GET",
        .path = "/kafka/sse/channels/{channel}/subscribers",
        .id = "listSubscribers",
        .tag = "Events",
        .about = "Clients of all gateways that listen to a channel.",
        .need = {AUTH_READ_STREAMS, "channel"},
        .params = channel_param,
        .says = subscribers_says,
        .handle = subscribers,
    },
};

#define NAMES(least)                                                                                            \
    "\"channels\":{\"type\":\"array\",\"minItems\":" least ",\"maxItems\":64,\"items\":{\"type\":\"string\",\"" \
    "pattern\":\"^([A-Za-z0-9._:/@-]{1,128}|[*])$\"}}"
#define TIMESTAMP "\"timestamp\":{\"type\":\"string\",\"format\":\"date-time\"}"
#define GATEWAYS                                                                                                      \
    "\"gateways\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"string\"},\"" \
    "clients\":{\"type\":\"integer\"},\"age\":{\"type\":\"integer\"}}}}"

static const struct gateway_schema schemas[] = {
    {"Channels",
     "{\"type\":\"object\",\"required\":[\"channels\"],\"additionalProperties\":false,\"properties\":{" NAMES(
         "1") "}}"},
    {"ChannelsOrAll", "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{" NAMES("0") "}}"},
    {"SubscriptionsChanged", "{\"type\":\"object\",\"required\":[\"success\",\"message\",\"timestamp\"],\"properties\":"
                             "{\"success\":{\"const\":true},"
                             "\"message\":{\"type\":\"string\"},\"subscribedChannels\":{\"type\":\"array\",\"items\":{"
                             "\"type\":\"string\"}}," TIMESTAMP "}}"},
    {"StreamClient",
     "{\"type\":\"object\",\"required\":[\"id\",\"userId\",\"subscriptions\",\"lastHeartbeat\",\"connectionDuration\"],"
     "\"properties\":{\"id\":{\"type\":\"string\"},\"userId\":{\"type\":[\"string\",\"null\"]},\"subscriptions\":{"
     "\"type\":"
     "\"array\",\"items\":{\"type\":\"string\"}},\"lastHeartbeat\":{\"type\":\"string\",\"format\":\"date-time\"},"
     "\"connectionDuration\":{\"type\":\"integer\",\"description\":\"Milliseconds.\"}}}"},
    {"StreamClients",
     "{\"type\":\"object\",\"required\":[\"totalClients\",\"clients\",\"gateways\",\"timestamp\"],\"properties\":{"
     "\"totalClients\":{\"type\":\"integer\"},\"clients\":{\"type\":\"array\",\"items\":{\"$ref\":"
     "\"#/components/schemas/StreamClient\"}}," GATEWAYS "," TIMESTAMP "}}"},
    {"StreamSubscribers",
     "{\"type\":\"object\",\"required\":[\"channel\",\"subscriberCount\",\"subscribers\",\"timestamp\"],\"properties\":"
     "{"
     "\"channel\":{\"type\":\"string\"},\"subscriberCount\":{\"type\":\"integer\"},\"subscribers\":{\"type\":\"array\","
     "\"items\":{\"$ref\":\"#/components/schemas/StreamClient\"}}," GATEWAYS "," TIMESTAMP "}}"},
};

const struct gateway_part gateway_subscriptions = {
    GATEWAY_TABLES(endpoints, schemas),
};
