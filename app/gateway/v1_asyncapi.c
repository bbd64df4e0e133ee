/*
 * /asyncapi.json: the routes that there are now, as AsyncAPI 3. What is in a message is sealed, so its schema is that
 * of an envelope.
 */
#include <admin/anytext.h>
#include <base/why.h>
#include <gateway/v1.h>
#include <gateway/v1_asyncapi.h>
#include <pouch/version.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char message[] =
    "{\"title\":\"Sealed "
    "request\",\"contentType\":\"application/json\",\"payload\":{\"$ref\":\"#/components/schemas/envelope\"},"
    "\"headers\":{\"type\":\"object\",\"properties\":{\"traceparent\":{\"type\":\"string\"},\"pouch-deadline\":{"
    "\"type\":"
    "\"string\"}}},"
    "\"correlationId\":{\"location\":\"$message.payload#/request_id\"}}";

static const char reply[] =
    "{\"title\":\"Sealed "
    "reply\",\"contentType\":\"application/json\",\"payload\":{\"$ref\":\"#/components/schemas/envelope\"},"
    "\"correlationId\":{\"location\":\"$message.payload#/request_id\"}}";

static const char envelope[] =
    "{\"type\":\"object\",\"required\":[\"request_id\"],\"properties\":{\"request_id\":{\"type\":\"string\",\"format\":"
    "\"uuid\"},\"worker_name\":{\"type\":\"string\"},\"data\":{\"type\":\"string\",\"description\":\"AES-256-GCM, in "
    "hex.\"},"
    "\"iv\":{\"type\":\"string\"},\"tag\":{\"type\":\"string\"},\"replyTopic\":{\"type\":\"string\"},\"kid\":{\"type\":"
    "\"string\"}}}";

static json_t *read_text(const char *text) {
    json_t *value = NULL;
    return pl_json_read(&value, "a part of AsyncAPI", text, strlen(text)) ? NULL : value;
}

/* A key of an object in AsyncAPI is of letters, digits, '.', '_' and '-', as names of topics and publishers are. */
static json_t *reference(const char *where, const char *name) {
    json_t *o = NULL;
    char *text = NULL;
    if (asprintf(&text, "#/%s/%s", where, name) >= 0) o = json_pack("{s:o}", "$ref", admin_anytext_of(text));
    free(text);
    return o;
}

static json_t *reference_in(const char *channel, const char *name) {
    json_t *o = NULL;
    char *text = NULL;
    if (asprintf(&text, "#/channels/%s/messages/%s", channel, name) >= 0)
        o = json_pack("{s:o}", "$ref", admin_anytext_of(text));
    free(text);
    return o;
}

static json_t *channel_of(const char *address, const char *about, const char *what) {
    return json_pack("{s:o,s:o,s:{s:o}}", "address", address ? admin_anytext_of(address) : json_null(), "description",
                     json_string(about), "messages", what, reference("components/messages", what));
}

/* Requests of a publisher: where they are sent, and that the answer goes to the topic that the message names. */
static json_t *operation_of(const char *channel, const char *publisher, bool enabled) {
    char about[400];
    snprintf(about, sizeof about, "A request of %.255s%s", publisher, enabled ? "." : "; its route is disabled.");
    return json_pack("{s:s,s:o,s:o,s:[o],s:{s:{s:s},s:o,s:[o]}}", "action", "send", "summary", admin_anytext_of(about),
                     "channel", reference("channels", channel), "messages", reference_in(channel, "request"), "reply",
                     "address", "location", "$message.payload#/replyTopic", "channel", reference("channels", "replies"),
                     "messages", reference_in("replies", "reply"));
}

/* A worker's side: it takes what the center forwards. */
static json_t *handling_of(const char *target) {
    char about[400];
    snprintf(about, sizeof about, "A worker takes requests from %.249s.", target);
    return json_pack("{s:s,s:o,s:o,s:[o],s:{s:{s:s},s:o,s:[o]}}", "action", "receive", "summary",
                     admin_anytext_of(about), "channel", reference("channels", target), "messages",
                     reference_in(target, "request"), "reply", "address", "location", "$message.payload#/replyTopic",
                     "channel", reference("channels", "replies"), "messages", reference_in("replies", "reply"));
}

static void add_route(json_t *channels, json_t *operations, const char *inbox, const struct pl_route_row *r) {
    char name[300];
    snprintf(name, sizeof name, "ask-%.255s", r->publisher);
    json_object_set_new(operations, name, operation_of(inbox, r->publisher, r->enabled));
    for (size_t i = 0; i < r->n_targets; i++) {
        snprintf(name, sizeof name, "handle-%.249s", r->targets[i]);
        if (json_object_get(operations, name)) continue;
        json_object_set_new(channels, r->targets[i], channel_of(r->targets[i], "What workers read.", "request"));
        json_object_set_new(operations, name, handling_of(r->targets[i]));
    }
}

json_t *gateway_asyncapi(const struct pl_settings *s, const struct pl_route_row *routes, size_t n) {
    json_t *channels = json_object(), *operations = json_object();
    if (channels)
        json_object_set_new(channels, s->inbox, channel_of(s->inbox, "The inbox of the command center.", "request"));
    if (channels)
        json_object_set_new(channels, "replies", channel_of(NULL, "Where whoever asks reads answers.", "reply"));
    for (size_t i = 0; channels && operations && i < n; i++) add_route(channels, operations, s->inbox, &routes[i]);
    return json_pack("{s:s,s:{s:s,s:s,s:s},s:{s:{s:o,s:s}},s:s,s:o,s:o,s:{s:{s:o,s:o},s:{s:o}}}", "asyncapi", "3.0.0",
                     "info", "title", "Pouch", "version", POUCH_VERSION, "description",
                     "Requests and replies over Kafka, sealed from whoever asks to whoever answers.", "servers",
                     "kafka", "host", admin_anytext_of(s->brokers), "protocol", "kafka", "defaultContentType",
                     "application/json", "channels", channels, "operations", operations, "components", "messages",
                     "request", read_text(message), "reply", read_text(reply), "schemas", "envelope",
                     read_text(envelope));
}

/* ---- the endpoint ---- */

/* Those of publishers that whoever asks may not see are left out. */
static size_t keep_seen(const struct httpd_call *c, struct pl_route_row *routes, size_t n) {
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (!gateway_v1_may(c, AUTH_READ_ROUTES, routes[i].publisher)) continue;
        const struct pl_route_row seen = routes[i];
        routes[i] = routes[kept];
        routes[kept++] = seen;
    }
    return kept;
}

static pouch_err get_now(struct httpd_call *c, struct httpd_answer *a, void *gateway) {
    struct pl_store *store = NULL;
    struct pl_route_row *routes = NULL;
    int64_t version;
    size_t n = 0;
    pouch_err e = gateway_v1_store(gateway, c, &store);
    if (!e) e = pl_store_routes(store, &routes, &n, &version);
    size_t kept = e ? 0 : keep_seen(c, routes, n);
    if (!e) e = gateway_v1_tagged(c, a, gateway_asyncapi(gateway_conf(gateway), routes, kept));
    pl_route_free(routes, n);
    gateway_v1_store_end(gateway, store, e);
    return e;
}

static pouch_err get(struct httpd_call *c, struct httpd_answer *a, void *g) {
    return gateway_work(g, c, a, get_now);
}

static const struct gateway_endpoint endpoints[] = {
    {
        .method = "GET",
        .path = "/asyncapi.json",
        .id = "getAsyncApi",
        .tag = "Description",
        .about = "Describe the routes that there are now, as AsyncAPI 3.",
        .need = {AUTH_READ_ROUTES, AUTH_EACH},
        .says = (const struct gateway_says[]){{200, "The description.", "AsyncApi", NULL}, {0}},
        .handle = get,
    },
};

static const struct gateway_schema schemas[] = {
    {"AsyncApi",
     "{\"type\":\"object\",\"required\":[\"asyncapi\",\"info\",\"channels\",\"operations\"],\"properties\":{"
     "\"asyncapi\":{\"const\":\"3.0.0\"}}}"},
};

const struct gateway_part gateway_v1_asyncapi = {
    GATEWAY_TABLES(endpoints, schemas),
};
