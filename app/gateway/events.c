/* GET /kafka/events, and what live events have to do with the gateway as a whole. */
#include <base/why.h>
#include <events/events.h>
#include <gateway/admit.h>
#include <gateway/state.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { QUERY_MAX = EVENTS_CHANNELS_MAX * (EVENTS_CHANNEL_MAX + 1), SINCE_MAX = 64 };

/* ---- who wants what ---- */

/* A stream's channels, while it is being opened. */
struct wanted {
    char text[QUERY_MAX + 1]; /* cut at the commas */
    const char *channels[EVENTS_CHANNELS_MAX];
    size_t n;
};

static pouch_err too_many(void) {
    return pl_fail(POUCH_E_INVALID_PAYLOAD, "the parameter channels names more than %d channels", EVENTS_CHANNELS_MAX);
}

static pouch_err add_channel(struct wanted *w, const char *channel) {
    if (!events_name_is_ok(channel) && strcmp(channel, EVENTS_ALL))
        return pl_fail(POUCH_E_INVALID_PAYLOAD,
                       "the parameter channels has a name that cannot be: each has 1 to %d of A-Z a-z 0-9 . _ : - / @",
                       EVENTS_CHANNEL_MAX);
    if (w->n == EVENTS_CHANNELS_MAX) return too_many();
    w->channels[w->n++] = channel;
    return POUCH_OK;
}

static pouch_err read_channels(struct wanted *w, const char *text) {
    pouch_err e = POUCH_OK;
    char *rest;
    if (strlen(text) > QUERY_MAX) return too_many();
    strcpy(w->text, text);
    for (char *one = strtok_r(w->text, ",", &rest); !e && one; one = strtok_r(NULL, ",", &rest))
        e = add_channel(w, one);
    return e;
}

/* Those of the defaults that they may have. */
static void add_defaults(struct wanted *w, const struct auth_who *who) {
    for (size_t i = 0; i < events_n_defaults; i++)
        if (auth_may(who, AUTH_SUBSCRIBE, events_defaults[i])) w->channels[w->n++] = events_defaults[i];
}

/* False: the answer is filled in, or *e says why there is none. */
static bool find_channels(struct wanted *w, const struct httpd_call *c, struct httpd_answer *a, pouch_err *e) {
    const char *text = httpd_call_query(c, "channels");
    *e = text ? read_channels(w, text) : POUCH_OK;
    if (*e) {
        *e = gateway_problem(a, *e, NULL);
        return false;
    }
    for (size_t i = 0; i < w->n; i++)
        if (!gateway_may(c, a, AUTH_SUBSCRIBE, strcmp(w->channels[i], EVENTS_ALL) ? w->channels[i] : NULL, e))
            return false;
    if (!w->n) add_defaults(w, gateway_who(c));
    return w->n || gateway_may(c, a, AUTH_SUBSCRIBE, events_defaults[0], e);
}

/* ---- opening a stream ---- */

static bool is_over(void *stream) {
    return auth_stream_is_over(stream);
}

static void ended(void *stream) {
    auth_stream_end(stream);
}

/* The header wins: a browser that comes back sends it with the address that it began with. */
static const char *since_of(const struct httpd_call *c, char out[SINCE_MAX]) {
    const struct httpd_span *last = httpd_call_field(c, "Last-Event-ID");
    if (!last || !last->n) return httpd_call_query(c, "last_event_id");
    snprintf(out, SINCE_MAX, "%.*s", (int)(last->n < SINCE_MAX ? last->n : SINCE_MAX - 1), last->at);
    return out;
}

static pouch_err join(struct gateway *g, struct httpd_call *c, const struct wanted *w) {
    char since[SINCE_MAX];
    struct auth_stream *stream;
    if (gateway_draining(g)) return events_turn_away(c, "Service is shutting down");
    if (auth_stream_begin(&stream, g->auth, gateway_who(c)))
        return events_turn_away(c, "this key has as many streams as it may");
    const struct events_wish wish = {.channels = w->channels,
                                     .n = w->n,
                                     .user = httpd_call_query(c, "userId"),
                                     .owner = auth_who_name(gateway_who(c)),
                                     .since = since_of(c, since),
                                     .is_over = is_over,
                                     .ended = ended,
                                     .arg = stream};
    return events_join(g->hub, g->server, c, &wish);
}

/* ---- health ---- */

/* What has been told of late; the events' thread's. */
static void tell_health(void *gateway) {
    struct gateway *g = gateway;
    char now[GATEWAY_TIME_MAX];
    json_t *reasons = gateway_reasons(g);
    bool well = reasons && !json_array_size(reasons);
    if (!reasons || well == g->told_well) {
        json_decref(reasons);
        return;
    }
    g->told_well = well;
    json_t *data = json_pack("{s:s, s:b, s:o, s:s, s:s}", "status", well ? "healthy" : "unhealthy", "healthy", well,
                             "reasons", reasons, "gateway", gateway_instance(g), "timestamp", gateway_now(now));
    if (data) events_tell(g->hub, "system", "health_alert", data);
    json_decref(data);
}

static pouch_err open_stream(struct httpd_call *c, struct httpd_answer *a, void *gateway) {
    struct gateway *g = gateway;
    pouch_err e;
    const char *user = httpd_call_query(c, "userId");
    if (user && strlen(user) > EVENTS_USER_MAX)
        return gateway_problem_as(a, 400, "invalid_payload",
                                  "the parameter userId is too long: it has 128 bytes at most");
    struct wanted *w = calloc(1, sizeof *w);
    if (!w) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a stream");
    events_often(g->hub, tell_health, g);
    if (find_channels(w, c, a, &e)) e = join(g, c, w);
    free(w);
    return e;
}

static pouch_err start(struct gateway *g) {
    g->told_well = true;
    return events_new(&g->hub, &g->conf, gateway_instance(g), &pl_clock_system);
}

static void end(struct gateway *g) {
    if (g->hub) events_stop(g->hub);
}

static void release(struct gateway *g) {
    events_free(g->hub);
    g->hub = NULL;
}

static void unready(json_t *reasons, struct gateway *g) {
    char why[256];
    if (!events_ready(g->hub, why, sizeof why)) pl_json_say(reasons, "live events: %s", why);
}

static void notes(json_t *notes, struct gateway *g) {
    char why[256];
    if (events_ready(g->hub, why, sizeof why) && *why) pl_json_say(notes, "live events: %s", why);
}

static void health(json_t *details, struct gateway *g) {
    json_object_set_new(details, "sseClients", json_integer((json_int_t)events_clients_here(g->hub)));
}

static void status(json_t *into, struct gateway *g) {
    json_object_set_new(into, "events", events_status(g->hub));
}

/* ---- descriptions ---- */

#define CHANNELS_ABOUT                                                                                            \
    "Channels, joined by commas; \"*\" is all of them. Without it those of auth, payments, messages, alerts and " \
    "general that the caller may have."

static const struct gateway_param params[] = {
    {"channels", "query", "{\"type\":\"string\",\"maxLength\":8256}", CHANNELS_ABOUT, false},
    {"userId", "query", "{\"type\":\"string\",\"maxLength\":128}", "Shown in the lists of clients.", false},
    {"Last-Event-ID", "header", "{\"type\":\"string\"}",
     "The id of the last event that was seen, at whatever gateway, or \"earliest\". What came after it is sent first.",
     false},
    {"last_event_id", "query", "{\"type\":\"string\"}", "The same for who cannot send the header, which wins.", false},
    {"ticket", "query", "{\"type\":\"string\"}", "Of POST /v1/tickets, for who cannot send a key.", false},
    {0},
};

static const struct gateway_says says[] = {
    {200,
     "Events as they come. One that is called connected tells the client's id, one that is called reset that events "
     "after the last one seen are no longer there. A stream that ends at once with \"retry:\" is to be opened again "
     "later.",
     NULL, "text/event-stream"},
    {0},
};

static const struct gateway_endpoint endpoints[] = {{
    .method = "GET",
    .path = "/kafka/events",
    .id = "streamEvents",
    .tag = "Events",
    .about = "Live events of channels, for EventSource.",
    .need = {AUTH_SUBSCRIBE, AUTH_EACH},
    .params = params,
    .says = says,
    .handle = open_stream,
    .when_draining = true,
}};

const struct gateway_part gateway_events = {
    .endpoints = endpoints,
    .n = sizeof endpoints / sizeof endpoints[0],
    .start = start,
    .unready = unready,
    .notes = notes,
    .health = health,
    .status = status,
    .end = end,
    .free = release,
};
