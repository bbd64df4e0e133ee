/*
 * The records that a redeliverer has in hand. One is held until it is due, then goes back to its topic. What the broker
 * may take later goes into its retry topic once more; what it never takes, and what should not be sent, becomes a dead
 * letter, and its partition waits while that cannot be stored. Inside the room; all is the redeliverer's thread's.
 */
#ifndef POUCH_LETTER_RESEND_H
#define POUCH_LETTER_RESEND_H

#include <base/clockcheck.h>
#include <base/heap.h>
#include <base/wake.h>
#include <bus/group.h>
#include <bus/producer.h>
#include <letter/retry.h>
#include <pthread.h>
#include <stdatomic.h>

enum {
    PL_RESENDS = 1024,           /* in hand at most */
    PL_RESENDS_OPEN = 64,        /* of one partition */
    PL_RESENDS_BYTES = 16 << 20, /* on their way, but for the last */
    PL_RESEND_REASON = 320
};

enum pl_resend_way { PL_RESEND_HOME, PL_RESEND_LATER, PL_RESEND_LETTER };

struct pl_resend {
    struct pl_heap_node timer; /* until it is due or sent again; first, so a node is a resend */
    struct pl_redeliverer *owner;
    struct pl_taken taken; /* message: NULL when it is free */
    const struct pl_tier *tier;
    struct pl_retry_facts facts;
    enum pl_resend_way way; /* where it goes to next */
    bool head;              /* the next of its partition, which waits for it */
    bool sent;              /* with the producer */
    bool stuck;             /* a dead letter whose partition waits for it */
    int64_t backoff_ms;     /* the last wait; 0: none yet */
    pouch_err code;         /* of the dead letter */
    size_t most;            /* bytes that it may have; 0: as many as the producer takes */
    char reason[PL_RESEND_REASON];
    struct pl_resend *next; /* free */
};

struct pl_redeliverer {
    const struct pl_settings *given; /* as the process has them */
    const struct pl_tiers *tiers;
    char *client_id;
    struct pl_settings settings; /* for this use; borrows from given, but for kafka */
    const struct pl_clock *clock;
    pthread_t thread;
    struct pl_wake wake;
    atomic_bool stopping;

    /* The thread's, while it is connected. */
    struct pl_clockcheck clockcheck;
    struct pl_kafka_health *health;
    struct pl_producer *producer;
    struct pl_group *group;
    bool closing, revoked, producer_full;
    struct pl_heap waiting;
    struct pl_resend *all, *free;
    size_t touched;            /* what is behind them was never used */
    size_t used, bytes, stuck; /* bytes: of those on their way */
};

POUCH_MUST_CHECK pouch_err pl_resends_init(struct pl_redeliverer *r); /* NO_MEMORY */
void pl_resends_free(struct pl_redeliverer *r);

bool pl_resends_room(const struct pl_redeliverer *r);
void pl_resend_take(struct pl_redeliverer *r, const struct pl_taken *t); /* there is room */
void pl_resends_due(struct pl_redeliverer *r);
void pl_resend_reported(const struct pl_delivery *d, void *redeliverer);

/* Whether the producer has records of these partitions. */
bool pl_resends_under_way(const struct pl_redeliverer *r, struct pl_partition *const parts[], size_t n);

/* Lets go of what the next owner of its partition does. */
void pl_resends_sweep(struct pl_redeliverer *r);

/* Ends: messages are given back before the group is left, partitions after that. */
void pl_resends_give_messages(struct pl_redeliverer *r);
void pl_resends_give_partitions(struct pl_redeliverer *r);

#endif
