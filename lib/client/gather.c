/*
 * One question to several. Each part is a call of its own; the group counts how they end. Once the
 * parts are open the group belongs to the client's thread, and it is gone when the last part has ended.
 */
#include <base/log.h>
#include <base/why.h>
#include <client/client.h>
#include <crypto/random.h>
#include <stdlib.h>

enum { PARTS_MAX = 1000 };

struct pl_gather {
    pouch_gather_fn *done;
    void *arg;
    size_t n, enough;
    size_t waiting;        /* parts that have not ended */
    size_t got;            /* replies kept */
    bool is_told;          /* done has been called */
    pouch_reply **replies; /* of n, in order of arrival */
    struct pl_uuid ids[];  /* of the parts */
};

static struct pl_gather *group_new(size_t n) {
    struct pl_gather *g = calloc(1, sizeof *g + n * sizeof *g->ids);
    if (!g) return NULL;
    g->n = g->waiting = n;
    g->replies = calloc(n, sizeof(pouch_reply *));
    if (g->replies) return g;
    free(g);
    return NULL;
}

static void group_free(struct pl_gather *g) {
    for (size_t i = 0; i < g->got; i++) pouch_reply_free(g->replies[i]);
    free(g->replies);
    free(g);
}

/* Gives up the parts that are still open; those that were claimed for another reason end on their own. */
static void give_up_rest(pouch_client *c, struct pl_gather *g) {
    for (size_t i = 0; g->waiting && i < g->n; i++) {
        struct pl_call *part = pl_pending_claim(&c->pending, &g->ids[i]);
        if (!part) continue;
        g->waiting--;
        pl_client_let_go(c, part);
    }
}

static void keep(struct pl_gather *g, const pouch_reply *reply) {
    pouch_reply *copy = pl_reply_copy(reply);
    if (copy)
        g->replies[g->got++] = copy;
    else
        PL_LOG(PL_LOG_ERROR, "out of memory for a reply of a gather, which goes without it", "request_id",
               reply->request_id);
}

void pl_gather_part_ended(pouch_client *c, struct pl_gather *g, pouch_err e, const pouch_reply *reply) {
    g->waiting--;
    if (!g->is_told) {
        if (!e) keep(g, reply);
        if (g->got >= g->enough || g->waiting == 0) {
            g->is_told = true;
            give_up_rest(c, g);
            g->done((const pouch_reply *const *)g->replies, g->got, g->arg);
        }
    }
    if (g->waiting == 0) group_free(g);
}

struct gathering {
    pouch_dest *const *to;
    struct pl_ask ask; /* but for `to` */
    struct pl_call **calls;
    struct pl_gather *group;
};

static pouch_err check_all(const pouch_client *c, struct gathering *s) {
    pouch_err e = pl_ask_begin(c, &s->ask);
    for (size_t i = 0; !e && i < s->group->n; i++) {
        s->ask.to = s->to[i];
        e = pl_ask_check(c, &s->ask);
        if (!e) e = pl_random_uuid(&s->group->ids[i]);
    }
    return e;
}

/* All calls or none. */
static pouch_err open_all(pouch_client *c, struct gathering *s) {
    struct pl_gather *g = s->group;
    bool sooner;
    pouch_err e = pl_pending_reserve(&c->pending, s->calls, g->n);
    if (e) return e;
    for (size_t i = 0; i < g->n; i++) {
        s->ask.to = s->to[i];
        pl_ask_note(c, s->calls[i], &s->ask, &g->ids[i]);
        s->calls[i]->gather = g;
    }
    e = pl_pending_open(&c->pending, s->calls, g->n, pl_ask_due(c, &s->ask), &sooner);
    if (!e && sooner) pl_wake_signal(&c->wake);
    return e;
}

/* The group may be gone at any moment from here on, so ids come from the calls, whose records we hold until sent. */
static void send_all(pouch_client *c, struct gathering *s, size_t n, struct pl_ask_desk *desk) {
    for (size_t i = 0; i < n; i++) {
        s->ask.to = s->to[i];
        const struct pl_uuid id = s->calls[i]->id;
        pouch_err e = pl_ask_send(c, desk, &s->ask, &id, s->calls[i]);
        if (!e) continue;
        pl_pending_fail(&c->pending, s->calls[i], e);
        pl_wake_signal(&c->wake);
    }
}

static pouch_err gather(pouch_client *c, struct gathering *s) {
    struct pl_ask_desk *desk;
    size_t n = s->group->n;
    pouch_err e = check_all(c, s);
    if (!e) e = pl_ask_desk_take(&c->desks, &desk);
    if (e) return e;
    e = open_all(c, s);
    if (!e) send_all(c, s, n, desk);
    pl_ask_desk_give(&c->desks, desk);
    return e;
}

pouch_err pouch_client_gather(pouch_client *c, pouch_dest *const to[], size_t n_to, size_t enough, const void *json,
                              size_t n, int timeout, pouch_gather_fn *done, void *arg) {
    struct gathering s = {.to = to, .ask = {.json = json, .n = n, .wants_reply = true, .timeout_ms = timeout}};
    if (n_to < 1 || n_to > PARTS_MAX || enough > n_to)
        return pl_fail(
            POUCH_E_CONFIG,
            "a gather of %zu answers from %zu destinations: it asks 1 to %d, and for no more answers than that", enough,
            n_to, PARTS_MAX);
    pouch_err e = pl_client_enter(c);
    if (e) return e;
    s.group = group_new(n_to);
    s.calls = calloc(n_to, sizeof(struct pl_call *));
    if (!s.group || !s.calls) {
        e = pl_fail(POUCH_E_NO_MEMORY, "out of memory for a gather of %zu", n_to);
    } else {
        s.group->done = done;
        s.group->arg = arg;
        s.group->enough = enough ? enough : n_to;
        e = gather(c, &s);
    }
    if (e && s.group) group_free(s.group);
    free(s.calls);
    pl_client_leave(c);
    return e;
}
