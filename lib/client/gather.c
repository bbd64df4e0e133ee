/* One question to several: each destination is a call of its own, and all are opened or none. */
#include <base/why.h>
#include <client/client.h>
#include <client/gather.h>
#include <crypto/random.h>
#include <stdlib.h>
#include <string.h>

enum { PARTS_MAX = 1000 };

struct gathering {
    pouch_dest *const *to;
    struct pl_ask ask; /* but for `to` */
    struct pl_call **calls;
    struct pouch_gather *group;
};

/* Answers that are sure to be expected of a destination, and those that may come. */
static size_t least_of(const pouch_dest *d) {
    return d->responders ? d->responders : 1;
}

static size_t most_of(const pouch_dest *d) {
    size_t least = least_of(d);
    return d->publisher && least < PL_BRANCHES_MAX ? PL_BRANCHES_MAX : least;
}

static pouch_err check_count(pouch_dest *const to[], size_t n, size_t enough) {
    size_t least = 0, most = 0;
    for (size_t i = 0; i < n && n <= PARTS_MAX; i++) {
        least += least_of(to[i]);
        most += most_of(to[i]);
    }
    if (least >= 1 && least <= PARTS_MAX && enough <= most) return POUCH_OK;
    return pl_fail(POUCH_E_CONFIG,
                   "a gather of %zu answers from %zu destinations: it asks 1 to %d for one answer each (or for what "
                   "pouch_dest_set_responders() says, that many in all), and wants no more answers than can come",
                   enough, n, PARTS_MAX);
}

static pouch_err set_goal(struct pouch_gather *g, size_t i, const pouch_dest *to) {
    struct pl_goal *goal = &g->goals[i];
    strcpy(goal->name, to->publisher ? to->publisher : to->topic); /* a checked name, so it fits */
    pouch_err e = pl_gather_expect(g, goal, least_of(to));
    return e ? e : pl_random_uuid(&goal->id);
}

static pouch_err check_all(const pouch_client *c, struct gathering *s) {
    pouch_err e = pl_ask_begin(c, &s->ask);
    for (size_t i = 0; !e && i < s->group->n; i++) {
        s->ask.to = s->to[i];
        e = pl_ask_check(c, &s->ask);
        if (!e) e = set_goal(s->group, i, s->to[i]);
    }
    return e;
}

/* All calls or none. */
static pouch_err open_all(pouch_client *c, struct gathering *s) {
    struct pouch_gather *g = s->group;
    bool sooner;
    pouch_err e = pl_pending_reserve(&c->pending, s->calls, g->n);
    if (e) return e;
    for (size_t i = 0; i < g->n; i++) {
        s->ask.to = s->to[i];
        pl_ask_note(c, s->calls[i], &s->ask, &g->goals[i].id);
        s->calls[i]->gather = g;
        s->calls[i]->part = i;
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

static pouch_err begin(pouch_client *c, struct gathering *s, size_t n) {
    s->calls = calloc(n, sizeof(struct pl_call *));
    pouch_err e =
        s->group && s->calls ? gather(c, s) : pl_fail(POUCH_E_NO_MEMORY, "out of memory for a gather of %zu", n);
    if (e) pl_gather_free(s->group);
    free(s->calls);
    return e;
}

pouch_err pouch_client_gather(pouch_client *c, pouch_dest *const to[], size_t n_to, size_t enough, const void *json,
                              size_t n, int timeout, pouch_part_fn *came, pouch_gather_fn *done, void *arg) {
    struct gathering s = {.to = to,
                          .ask = {.json = json, .n = n, .wants_reply = true, .named = true, .timeout_ms = timeout}};
    pouch_err e = check_count(to, n_to, enough);
    if (!e) e = pl_client_enter(c);
    if (e) return e;
    s.group = pl_gather_new(n_to);
    if (s.group) {
        s.group->came = came;
        s.group->done = done;
        s.group->arg = arg;
        s.group->enough = enough;
    }
    e = begin(c, &s, n_to);
    pl_client_leave(c);
    return e;
}
