/* How the parts of a gather end: each is counted once, told, and kept until the end of all. */
#include <base/hex.h>
#include <base/log.h>
#include <base/why.h>
#include <client/client.h>
#include <client/gather.h>
#include <client/trace.h>
#include <stdlib.h>
#include <string.h>

struct pouch_gather *pl_gather_new(size_t n) {
    struct pouch_gather *g = calloc(1, sizeof *g + n * sizeof *g->goals);
    if (!g) return NULL;
    g->parts = calloc(n, sizeof *g->parts);
    if (!g->parts) {
        free(g);
        return NULL;
    }
    g->n = g->cap = g->waiting = n;
    for (size_t i = 0; i < n; i++) {
        g->goals[i].place = i;
        g->goals[i].expected = 1;
    }
    return g;
}

void pl_gather_free(struct pouch_gather *g) {
    if (!g) return;
    for (size_t i = 0; i < g->n_parts; i++) pouch_reply_free(g->parts[i].reply);
    for (size_t i = 0; i < g->n; i++) free(g->goals[i].why);
    free(g->parts);
    free(g);
}

pouch_err pl_gather_expect(struct pouch_gather *g, struct pl_goal *goal, size_t parts) {
    if (parts <= goal->expected) return POUCH_OK;
    size_t cap = g->cap + parts - goal->expected;
    struct pouch_part *grown = realloc(g->parts, cap * sizeof *grown);
    if (!grown) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for %zu answers of %s", parts, goal->name);
    g->parts = grown;
    g->cap = cap;
    goal->expected = parts;
    return POUCH_OK;
}

/* ---- who has answered ---- */

struct origin {
    unsigned branch, branches; /* 0: of no fan-out */
    const char *name;          /* "": not told */
    bool has_tag;
    uint8_t tag[PL_TAG_BYTES];
};

static void read_branch(struct origin *from, const rd_kafka_message_t *m) {
    rd_kafka_headers_t *headers;
    const void *value;
    size_t n;
    if (!rd_kafka_message_headers(m, &headers) && !rd_kafka_header_get_last(headers, PL_H_FANOUT, &value, &n))
        if (!pl_header_branch(&from->branch, &from->branches, value, n)) from->branch = from->branches = 0;
}

static struct origin origin_of(const pouch_reply *reply, const struct pl_envelope *env) {
    struct origin from = {.name = pouch_reply_target(reply)};
    read_branch(&from, reply->message);
    from.has_tag = reply->sealed && pl_hex_decode(from.tag, env->tag.at, sizeof from.tag);
    return from;
}

/*
 * Headers are not sealed: who may write the reply topic can write a copy of an answer under other headers, and its tag
 * gives it away. A worker that answers twice seals twice, and tells the same branch or name.
 */
static bool same_origin(const struct pouch_part *p, const struct origin *from) {
    if (p->is_sealed && from->has_tag && !memcmp(p->tag, from->tag, sizeof p->tag)) return true;
    if (p->branch || from->branch) return p->branch == from->branch;
    return *from->name && p->reply && !strcmp(pouch_reply_target(p->reply), from->name);
}

bool pl_gather_knows(const struct pl_call *call, const pouch_reply *reply, const struct pl_envelope *env) {
    const struct pouch_gather *g = call->gather;
    const struct pl_goal *goal = &g->goals[call->part];
    if (!goal->ended) return false;
    const struct origin from = origin_of(reply, env);
    for (size_t i = 0; i < g->n_parts; i++)
        if (g->parts[i].goal == goal && same_origin(&g->parts[i], &from)) return true;
    return false;
}

/* ---- parts ---- */

/* There is room: a part ends only where one is expected. */
static void end_part(struct pouch_gather *g, struct pl_goal *goal, const struct pouch_part *part) {
    struct pouch_part *p = &g->parts[g->n_parts++];
    *p = *part;
    p->goal = goal;
    goal->ended++;
    if (p->branch) goal->seen |= UINT32_C(1) << (p->branch - 1);
    g->answered += !p->error;
    if (g->came) g->came(p, g->arg);
}

/* The first branch that has not ended; 0: there are none. */
static unsigned missing_branch(const struct pl_goal *goal) {
    unsigned i = 0;
    while (i < goal->branches && goal->seen >> i & 1) i++;
    return i < goal->branches ? i + 1 : 0;
}

/* Keeps pouch_why() for the parts that end without an answer; before any callback, which may set another. */
static void explain(struct pl_goal *goal) {
    if (!goal->why) goal->why = strdup(pouch_why());
}

static void end_missing(struct pouch_gather *g, struct pl_goal *goal, pouch_err e) {
    if (goal->ended == goal->expected) return;
    explain(goal);
    while (goal->ended < goal->expected)
        end_part(g, goal, &(struct pouch_part){.branch = missing_branch(goal), .error = e});
}

/* ---- the whole ---- */

/* Ends what is not waited for any more. A call that was claimed for another reason ends on its own. */
static void give_up(pouch_client *c, struct pouch_gather *g, struct pl_goal *goal) {
    struct pl_call *call = pl_pending_claim(&c->pending, &goal->id);
    if (call) {
        g->waiting--;
        pl_client_let_go(c, call);
    }
    end_missing(g, goal, pl_fail(POUCH_E_TIMEOUT, "enough others had answered before %s", goal->name));
}

static bool is_over(const struct pouch_gather *g) {
    return g->waiting == 0 || (g->enough && g->answered >= g->enough);
}

/* Tells the end when it has come. */
static void settle(pouch_client *c, struct pouch_gather *g) {
    if (!g->is_told && is_over(g)) {
        g->is_told = true;
        for (size_t i = 0; i < g->n; i++) give_up(c, g, &g->goals[i]);
        g->done(g, g->arg);
    }
    if (g->waiting == 0) pl_gather_free(g);
}

void pl_gather_call_ended(pouch_client *c, struct pl_call *call, pouch_err e) {
    struct pouch_gather *g = call->gather;
    struct pl_goal *goal = &g->goals[call->part];
    if (c->tracer) pl_client_trace_ended(c, call, e, NULL, goal->ended);
    g->waiting--;
    if (!g->is_told) end_missing(g, goal, e);
    settle(c, g);
}

/* An error of nobody in particular, told by one without the key, is a router's word on the whole request. */
static bool is_about_all(pouch_err e, const pouch_reply *reply, const struct origin *from) {
    return e && !reply->sealed && !from->branch && !*from->name;
}

/* A part of its own. False: there is no memory, so it goes without being counted and ends at the timeout. */
static bool keep(struct pouch_part *part, struct pouch_gather *g, struct pl_goal *goal, pouch_err e,
                 const pouch_reply *reply, const struct origin *from) {
    *part = (struct pouch_part){.branch = from->branch, .error = e, .reply = pl_reply_copy(reply)};
    if (!part->reply || pl_gather_expect(g, goal, from->branches)) {
        PL_LOG(PL_LOG_ERROR, "out of memory for a reply of a gather, which goes without it", "request_id",
               reply->request_id);
        pouch_reply_free(part->reply);
        return false;
    }
    if (from->branches > goal->branches) goal->branches = from->branches;
    part->is_sealed = from->has_tag;
    memcpy(part->tag, from->tag, sizeof part->tag);
    return true;
}

void pl_gather_answered(pouch_client *c, struct pl_call *call, pouch_err e, const pouch_reply *reply,
                        const struct pl_envelope *env) {
    struct pouch_gather *g = call->gather;
    struct pl_goal *goal = &g->goals[call->part];
    const struct origin from = origin_of(reply, env);
    if (c->tracer) pl_client_trace_ended(c, call, e, reply, goal->ended);
    struct pouch_part part;
    if (!keep(&part, g, goal, e, reply, &from)) return;
    const bool about_all = is_about_all(e, reply, &from);
    if (about_all) explain(goal);
    end_part(g, goal, &part);
    if (about_all) end_missing(g, goal, e);
    if (goal->ended < goal->expected && !is_over(g)) return;
    if (goal->ended == goal->expected && pl_pending_claim(&c->pending, &goal->id)) {
        g->waiting--;
        pl_client_let_go(c, call);
    }
    settle(c, g);
}

/* ---- what its owner may ask ---- */

size_t pouch_gather_answered(const pouch_gather *g) {
    return g->answered;
}

const pouch_part *pouch_gather_part(const pouch_gather *g, size_t i) {
    return i < g->n_parts ? &g->parts[i] : NULL;
}

pouch_err pouch_part_error(const pouch_part *p) {
    return p->error;
}

const char *pouch_part_why(const pouch_part *p) {
    if (!p->error) return "";
    if (p->reply) return pouch_reply_error(p->reply);
    return p->goal->why ? p->goal->why : "";
}

const pouch_reply *pouch_part_reply(const pouch_part *p) {
    return p->reply;
}

const char *pouch_part_name(const pouch_part *p) {
    const char *target = p->reply && p->goal->expected > 1 ? pouch_reply_target(p->reply) : "";
    return *target ? target : p->goal->name;
}

size_t pouch_part_destination(const pouch_part *p) {
    return p->goal->place;
}

unsigned pouch_part_branch(const pouch_part *p, unsigned *of) {
    if (of) *of = p->branch ? p->goal->branches : 0;
    return p->branch;
}
