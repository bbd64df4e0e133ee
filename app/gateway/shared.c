/* What the gateways of a client id share: Redis, and the answers that come later. They come first and go last. */
#include <async/async.h>
#include <gateway/state.h>
#include <share/peers.h>
#include <share/pending.h>
#include <string.h>

/* Without Redis the share has no connection, and keeps the history of this gateway. */
static pouch_err start(struct gateway *g) {
    pouch_err e = share_open(&g->history, g->conf.gateway_redis, g->instance);
    if (e) return e;
    if (g->conf.gateway_redis) g->share = g->history;
    return async_open(&g->async, g->options, g->ring, g->share);
}

static void notes(json_t *notes, struct gateway *g) {
    struct share_state state;
    json_t *status = json_object();
    if (g->share) {
        share_look(g->share, &state);
        if (!state.up) pl_json_say(notes, "Redis is away: %s", state.why);
    }
    async_status(g->async, status);
    const char *trouble = json_string_value(json_object_get(status, "trouble"));
    if (trouble) pl_json_say(notes, "replies of asynchronous requests are not read: %s", trouble);
    json_decref(status);
}

/* Nobody is less healthy for a Redis that is away: it is an index. */
static void health(json_t *details, struct gateway *g) {
    struct share_state state;
    if (!g->share) return;
    share_look(g->share, &state);
    json_object_set_new(details, "redis", json_boolean(state.up));
    if (share_pending_all(g->share) >= 0)
        json_object_set_new(details, "pendingRequestsOfAll", json_integer(share_pending_all(g->share)));
}

static void status(json_t *into, struct gateway *g) {
    struct share_state state;
    json_t *async = json_object();
    async_status(g->async, async);
    json_object_set_new(into, "async", async);
    if (!g->share) return;
    share_look(g->share, &state);
    json_object_set_new(into, "redis",
                        json_pack("{s:s, s:b, s:I, s:I, s:s}", "at", share_where(g->share), "up", state.up, "since",
                                  (json_int_t)state.since_ms, "waiting", (json_int_t)state.waiting, "why", state.why));
}

static void end(struct gateway *g) {
    async_stop(g->async, gateway_drain_left(g));
}

static void release(struct gateway *g) {
    async_free(g->async);
    share_close(g->history);
    g->async = NULL;
    g->history = g->share = NULL;
}

const struct gateway_part gateway_shared = {
    .start = start,
    .notes = notes,
    .health = health,
    .status = status,
    .end = end,
    .free = release,
};
