/*
 * What a gather has brought so far. Each destination is a call of its own (client/pending.h), and a goal here; a goal
 * has parts, which come one by one. How many there are is known from the start, or from the first answer of a fan-out.
 *
 * Once its calls are open a gather belongs to the client's thread. It is gone when it has been told and its last call
 * has ended.
 */
#ifndef POUCH_CLIENT_GATHER_H
#define POUCH_CLIENT_GATHER_H

#include <client/pending.h>
#include <crypto/seal.h>
#include <wire/headers.h>

/* A destination. */
struct pl_goal {
    struct pl_uuid id;
    size_t place;    /* in the gather */
    size_t expected; /* parts, as far as is known */
    size_t ended;
    unsigned branches;          /* of a fan-out; 0: none that we know of */
    uint32_t seen;              /* a bit for each branch that has ended */
    char *why;                  /* it failed as a whole; may be NULL then, for want of memory */
    char name[PL_NAME_MAX + 1]; /* its topic or publisher */
};

struct pouch_part {
    const struct pl_goal *goal;
    unsigned branch; /* 0: of no fan-out */
    pouch_err error;
    pouch_reply *reply; /* a copy; NULL: nothing came */
    bool is_sealed;
    uint8_t tag[PL_TAG_BYTES]; /* of a sealed answer: a copy of it is the same answer, whatever its headers say */
};

struct pouch_gather {
    pouch_part_fn *came; /* may be NULL */
    pouch_gather_fn *done;
    void *arg;
    size_t enough;
    size_t waiting;  /* goals whose call has not ended */
    size_t answered; /* parts that ended with success */
    bool is_told;    /* done has been called */
    struct pouch_part *parts;
    size_t n_parts, cap; /* there is always room for all parts that are expected */
    size_t n;
    struct pl_goal goals[]; /* n */
};

/* With one part expected of each goal. NULL: out of memory. */
struct pouch_gather *pl_gather_new(size_t n);
void pl_gather_free(struct pouch_gather *g);

/* The goal expects so many parts. NO_MEMORY: as before. */
POUCH_MUST_CHECK pouch_err pl_gather_expect(struct pouch_gather *g, struct pl_goal *goal, size_t parts);

struct pl_envelope;

/* Whether this answer to an open call has been counted before. */
bool pl_gather_knows(const struct pl_call *call, const pouch_reply *reply, const struct pl_envelope *env);

/* An answer to an open call: its part ends, and with the last one the call. */
void pl_gather_answered(pouch_client *c, struct pl_call *call, pouch_err e, const pouch_reply *reply,
                        const struct pl_envelope *env);

/* A call that was claimed has ended otherwise; pouch_why() says with what. */
void pl_gather_call_ended(pouch_client *c, struct pl_call *call, pouch_err e);

#endif
