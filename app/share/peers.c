#include <base/why.h>
#include <share/peers.h>
#include <share/points.h>
#include <share/state.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GATEWAYS "pouch:gateways"
#define METRICS  "kafka:metrics"

enum {
    TELL_US = 5000000,
    TOLD_S = 30, /* a gateway that has not told for so long is gone */
    HEALTH_US = 30000000,
    HEALTH_S = 60,
    POINT_S = 3600,
    MINUTE_MS = 60000,
    WAIT_US = 100000, /* for the connection, and for facts */
    GATEWAYS_MOST = 100,
    NAME_MAX_N = 200,
    KEY_MAX = 256,
};

struct share_peers {
    char instance[NAME_MAX_N + 1];

    pthread_mutex_t hook; /* held while the facts are asked for */
    share_facts_fn *facts;
    void *facts_arg;

    pthread_mutex_t lock; /* for the next two, which are never changed in place */
    json_t *gateways, *points;

    int64_t tell_us, health_us, minute; /* the thread's: when it is time again; the last minute that has a point */
};

pouch_err share_peers_new(struct share_peers **out, const char *instance) {
    struct share_peers *p = calloc(1, sizeof *p);
    if (!p) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for what gateways share");
    snprintf(p->instance, sizeof p->instance, "%s", instance);
    p->gateways = json_array();
    p->points = json_array();
    if (!p->gateways || !p->points || pthread_mutex_init(&p->hook, NULL)) goto fail_hook;
    if (pthread_mutex_init(&p->lock, NULL)) goto fail_lock;
    *out = p;
    return POUCH_OK;

fail_lock:
    pthread_mutex_destroy(&p->hook);
fail_hook:
    json_decref(p->gateways);
    json_decref(p->points);
    free(p);
    return pl_fail(POUCH_E_NO_MEMORY, "out of memory for what gateways share");
}

void share_peers_free(struct share_peers *p) {
    if (!p) return;
    json_decref(p->gateways);
    json_decref(p->points);
    pthread_mutex_destroy(&p->lock);
    pthread_mutex_destroy(&p->hook);
    free(p);
}

void share_set_facts(struct share *s, share_facts_fn *fn, void *arg) {
    pthread_mutex_lock(&s->peers->hook);
    s->peers->facts = fn;
    s->peers->facts_arg = arg;
    pthread_mutex_unlock(&s->peers->hook);
    pl_wake_signal(&s->wake);
}

static json_t *ask_facts(struct share_peers *p) {
    pthread_mutex_lock(&p->hook);
    json_t *facts = p->facts ? p->facts(p->facts_arg) : NULL;
    pthread_mutex_unlock(&p->hook);
    return facts;
}

json_t *share_gateways(struct share *s) {
    pthread_mutex_lock(&s->peers->lock);
    json_t *all = json_deep_copy(s->peers->gateways);
    pthread_mutex_unlock(&s->peers->lock);
    return all;
}

static int64_t time_of(const json_t *value) {
    return json_integer_value(json_object_get(value, "at"));
}

json_t *share_points(struct share *s, int64_t since_ms) {
    json_t *some = json_array();
    pthread_mutex_lock(&s->peers->lock);
    for (size_t i = 0; some && i < json_array_size(s->peers->points); i++) {
        const json_t *point = json_array_get(s->peers->points, i);
        if (time_of(point) < since_ms || !json_array_append_new(some, json_deep_copy(point))) continue;
        json_decref(some);
        some = NULL;
    }
    pthread_mutex_unlock(&s->peers->lock);
    return some;
}

/* Takes value; NULL: there was no memory, and what was there stays. */
static void replace(struct share_peers *p, json_t **place, json_t *value) {
    if (!value) return;
    pthread_mutex_lock(&p->lock);
    json_t *before = *place;
    *place = value;
    pthread_mutex_unlock(&p->lock);
    json_decref(before);
}

/* ---- reading back ---- */

/* What texts of the answer read as, in its order; others are left out. */
static json_t *read_all(const struct share_reply *r, json_t *read(const char *text, size_t n)) {
    json_t *all = json_array();
    const char *at;
    size_t n;
    for (size_t i = 0; all && i < share_items(r); i++) {
        json_t *value = share_read_text(share_item(r, i), &at, &n) ? read(at, n) : NULL;
        if (!value || !json_array_append_new(all, value)) continue;
        json_decref(all);
        all = NULL;
    }
    return all;
}

static void got_gateways(pouch_err e, const struct share_reply *r, void *arg) {
    struct share *s = arg;
    if (!e) replace(s->peers, &s->peers->gateways, read_all(r, share_facts_read));
}

static void got_points(pouch_err e, const struct share_reply *r, void *arg) {
    struct share *s = arg;
    if (!e) replace(s->peers, &s->peers->points, read_all(r, share_point_read));
}

/* Asks for the values whose names are the members of a sorted set. */
static void ask_values(struct share *s, const struct share_reply *names, const char *prefix, share_done_fn *done) {
    char keys[GATEWAYS_MOST][KEY_MAX];
    struct share_arg args[GATEWAYS_MOST + 1] = {share_text("MGET")};
    const char *at;
    size_t n = 1, length;
    for (size_t i = 0; i < share_items(names) && n <= GATEWAYS_MOST; i++) {
        if (!share_read_text(share_item(names, i), &at, &length) || length > NAME_MAX_N) continue;
        int key_n = snprintf(keys[n - 1], KEY_MAX, "%s:%.*s", prefix, (int)length, at);
        args[n] = (struct share_arg){keys[n - 1], (size_t)key_n};
        n++;
    }
    if (n == 1 || share_command(s, args, n, done, s)) return; /* then what was last seen stays */
}

static void got_gateway_names(pouch_err e, const struct share_reply *r, void *arg) {
    if (!e) ask_values(arg, r, GATEWAYS, got_gateways);
}

static void got_point_names(pouch_err e, const struct share_reply *r, void *arg) {
    if (!e) ask_values(arg, r, METRICS, got_points);
}

/* ---- telling ---- */

static pouch_err give(struct share *s, const struct share_arg args[], size_t n, share_done_fn *done) {
    return share_command(s, args, n, done, s);
}

/* KEY = text for so many seconds, and its name in the set by `score`. */
static pouch_err put(struct share *s, const char *set, const char *name, int64_t score, const char *text, int seconds,
                     bool first_only) {
    char key[KEY_MAX], ttl[SHARE_NUMBER_MAX], by[SHARE_NUMBER_MAX];
    snprintf(key, sizeof key, "%s:%s", set, name);
    const struct share_arg store[] = {share_text("SET"),          share_text(key), share_text(text), share_text("EX"),
                                      share_number(ttl, seconds), share_text("NX")};
    const struct share_arg add[] = {share_text("ZADD"), share_text(set), share_number(by, score), share_text(name)};
    pouch_err e = give(s, store, first_only ? 6 : 5, NULL);
    return e ? e : give(s, add, 4, NULL);
}

static json_t *only(const json_t *facts) {
    json_t *all = json_array();
    if (!all || !json_array_append_new(all, json_deep_copy(facts))) return all;
    json_decref(all);
    return NULL;
}

/* While Redis is away this gateway is the only one that is known. */
static void tell_facts(struct share *s, const json_t *facts, int64_t now_ms) {
    char now[SHARE_NUMBER_MAX];
    char *text = pl_json_text(facts, NULL);
    const struct share_arg cut[] = {share_text("ZREMRANGEBYSCORE"), share_text(GATEWAYS), share_text("-inf"),
                                    share_number(now, now_ms)};
    const struct share_arg list[] = {share_text("ZRANGE"), share_text(GATEWAYS), share_text("0"), share_text("99")};
    pouch_err e = POUCH_E_NO_MEMORY;
    if (text) e = put(s, GATEWAYS, s->peers->instance, now_ms + TOLD_S * 1000, text, TOLD_S, false);
    if (!e) e = give(s, cut, 4, NULL);
    if (!e) e = give(s, list, 4, got_gateway_names);
    if (e) replace(s->peers, &s->peers->gateways, only(facts));
    free(text);
}

static void tell_health(struct share *s, const json_t *facts, int64_t now_ms) {
    char ttl[SHARE_NUMBER_MAX], timestamp[SHARE_TIME_MAX];
    json_t *kafka = json_object_get(facts, "kafka"), *sse = json_object_get(facts, "sse");
    json_t *health =
        json_pack("{s:O, s:s, s:s, s:{s:O?, s:O?, s:O?, s:O?}}", "healthy", json_object_get(facts, "healthy"),
                  "lastCheck", share_time(timestamp, now_ms), "podId", s->peers->instance, "details", "consumer",
                  json_object_get(kafka, "consumer"), "producer", json_object_get(kafka, "producer"), "pendingRequests",
                  json_object_get(kafka, "pendingRequests"), "sseClients", json_object_get(sse, "totalClients"));
    char *text = health ? pl_json_text(health, NULL) : NULL;
    const struct share_arg set[] = {share_text("SETEX"), share_text("kafka:health"), share_number(ttl, HEALTH_S),
                                    share_text(text ? text : "")};
    pouch_err e = text ? give(s, set, 4, NULL) : POUCH_E_NO_MEMORY;
    (void)e; /* the next one comes in half a minute */
    free(text);
    json_decref(health);
}

/* Without Redis: the points of this gateway, of which the oldest goes. Takes point. */
static void keep_point(struct share_peers *p, json_t *point) {
    json_t *all = json_array();
    size_t n = json_array_size(p->points), first = n >= SHARE_POINTS_MOST ? n - SHARE_POINTS_MOST + 1 : 0;
    int failed = !all;
    for (size_t i = first; !failed && i < n; i++) failed = json_array_append(all, json_array_get(p->points, i));
    if (!failed) failed = json_array_append(all, point);
    json_decref(point);
    if (failed) {
        json_decref(all);
        all = NULL;
    }
    replace(p, &p->points, all);
}

/* The first gateway that comes to a new minute writes the point of all. */
static void tell_point(struct share *s, const json_t *facts, int64_t at_ms) {
    char name[SHARE_NUMBER_MAX];
    share_number(name, at_ms);
    json_t *gateways = json_array_size(s->peers->gateways) ? json_incref(s->peers->gateways) : only(facts);
    json_t *point = gateways ? share_point_make(gateways, at_ms) : NULL;
    char *text = point ? pl_json_text(point, NULL) : NULL;
    const struct share_arg cut[] = {share_text("ZREMRANGEBYRANK"), share_text(METRICS), share_text("0"),
                                    share_text("-61")};
    const struct share_arg list[] = {share_text("ZRANGE"), share_text(METRICS), share_text("0"), share_text("-1")};
    pouch_err e = text ? put(s, METRICS, name, at_ms, text, POINT_S, true) : POUCH_E_NO_MEMORY;
    if (!e) e = give(s, cut, 4, NULL);
    if (!e) e = give(s, list, 4, got_point_names);
    if (e && point)
        keep_point(s->peers, point);
    else
        json_decref(point);
    free(text);
    json_decref(gateways);
}

static bool is_connecting(struct share *s) {
    struct share_state state;
    share_look(s, &state);
    return !state.up && !strcmp(state.why, "connecting");
}

int64_t share_peers_turn(struct share *s, int64_t now_us) {
    struct share_peers *p = s->peers;
    int64_t now_ms = pl_wall_ms(s->clock), minute = now_ms / MINUTE_MS;
    if (now_us < p->tell_us && minute == p->minute) return p->tell_us;
    json_t *facts = is_connecting(s) ? NULL : ask_facts(p);
    if (!facts) return now_us + WAIT_US;
    tell_facts(s, facts, now_ms);
    p->tell_us = now_us + TELL_US;
    if (now_us >= p->health_us) {
        tell_health(s, facts, now_ms);
        p->health_us = now_us + HEALTH_US;
    }
    if (minute != p->minute) tell_point(s, facts, minute * MINUTE_MS);
    p->minute = minute;
    json_decref(facts);
    return p->tell_us;
}
