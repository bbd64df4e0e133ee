/*
 * What the files of this room share. All of it is the polling thread's, but for what is marked as
 * shared.
 *
 * An item is one record of the inbox, a leg is its way to one target. A leg ends with its
 * record stored at the target; or, when it has failed, with an error to the requester and a dead letter.
 * When all legs are over the item waits for its trace rows, then its offset is done.
 */
#ifndef POUCH_CENTER_STATE_H
#define POUCH_CENTER_STATE_H

#include <base/buf.h>
#include <base/clockcheck.h>
#include <base/heap.h>
#include <base/wake.h>
#include <bus/group.h>
#include <bus/producer.h>
#include <center/center.h>
#include <center/headers.h>
#include <center/limit.h>
#include <center/status.h>
#include <center/target.h>
#include <conf/settings.h>
#include <letter/redeliver.h>
#include <registry/registry.h>
#include <store/tracer.h>
#include <wire/envelope.h>

enum { CENTER_BATCH = 500, CENTER_REASON_MAX = 640, CENTER_BYTES_MOST = 64 * 1024 * 1024 };

/* A snapshot of the routes, held while records that were judged by it are in flight. */
struct center_view {
    const struct pl_snapshot *snapshot;
    size_t users; /* items, and the center while it is the latest */
};

struct center_item {
    struct center *center;
    struct pl_taken taken; /* message: NULL once all legs are over; partition: NULL when the item is free */
    size_t bytes;          /* of the record */
    struct pl_envelope envelope;
    const rd_kafka_headers_t *came; /* the record's headers; NULL: none */
    struct center_facts facts;
    struct center_view *view;
    const struct pl_registry_route *route; /* NULL: none was found */
    struct center_publisher *publisher;    /* NULL: it has no route, or none was looked for yet */
    int64_t taken_us, at_us;               /* monotonic; wall clock */
    size_t open;                           /* legs that are not over */
    uint64_t trace;                        /* ticket of its latest row; 0: none */
    bool dropped;                          /* ends without its outcome stored: the record will come again */
    struct center_item *next;              /* free, or waiting for its trace rows */
};

/* One of the records that a leg consists of, on its way to the broker. */
struct center_post {
    struct pl_heap_node timer; /* while it waits to be sent again; first, so a node is a post */
    struct center_leg *leg;
    void (*send)(struct center_post *p); /* what is called then */
    int64_t backoff_ms;                  /* the last wait; 0: none yet */
    bool open;                           /* not stored yet, nor given up */
    bool sent;                           /* with the producer: its report is to come */
    bool stuck;                          /* a dead letter whose partition waits for it */
};

struct center_leg {
    struct center *center;
    struct center_item *item;   /* NULL: free, or over, and only a report is to come */
    struct pl_target *target;   /* NULL: the record goes nowhere */
    size_t index;               /* of center_branches(), from 0 */
    struct pl_target *asker;    /* while its answer is with the producer: the topic that it is for */
    size_t bytes, answer_bytes; /* as counted with the target, and with the asker */
    pouch_err code;             /* POUCH_OK: it has not failed */
    int attempts;
    const struct pl_tier *later; /* the retry topic that it goes to, in place of a dead letter; NULL: none */
    bool awaits;                 /* has no target yet: the record waits for its route */
    size_t letter_most;          /* bytes that its dead letter may have; 0: as many as the producer takes */
    int64_t give_up_us;          /* when an error is no longer worth telling; 0: not yet decided */
    struct center_post forward, answer, letter;
    struct center_leg *next; /* free, parked, or awaited */
    char *reason;            /* CENTER_REASON_MAX bytes, apart: only a leg that fails touches them */
};

struct center {
    struct pl_settings settings;
    const char *client_id, *group_id;
    char *own_id; /* the client id when none was set */
    const struct pl_clock *clock;

    /* Shared. */
    struct pl_wake wake;
    atomic_bool stopping;
    struct pl_status status;
    struct pl_tiers tiers;
    pthread_mutex_t report_lock;
    struct center_report report;

    struct pl_kafka_health *health;
    struct pl_producer *producer;
    struct pl_group *group;
    struct pl_registry *registry;
    struct pl_redeliverer *redeliverer; /* NULL: others do it */
    struct pl_tracer *tracer;           /* NULL: nothing is traced */
    struct pl_clockcheck clockcheck;
    struct center_view *view; /* the latest */
    struct pl_targets targets;
    struct pl_targets askers; /* topics that errors are on their way to */
    struct center_limits limits;
    bool closing;
    int64_t now_us;         /* when this turn began: exact enough for what happens to thousands of records */
    int64_t drain_until_us; /* once it is stopping */

    /* Pools. What was never used is behind the first _touched ones, so that it costs no memory. */
    struct center_item *items, *free_items;
    struct center_leg *legs, *free_legs;
    char (*reasons)[CENTER_REASON_MAX]; /* one a leg */
    size_t items_touched, items_used;
    size_t items_left; /* of those used: dropped, and kept until the group has been left */
    size_t legs_room;  /* nothing is taken while so many are used; targets and askers share them out, see target.h */
    size_t legs_most, legs_touched, legs_used;
    size_t bytes;       /* of the records whose legs are not over */
    size_t usual_bytes; /* of a record, as they have been lately */

    struct pl_heap waiting; /* posts to be sent again */
    bool producer_full;
    struct center_leg *parked, **parked_end; /* wait for room at their targets; in order */
    int64_t look_us;                         /* at the targets, next time */

    struct center_leg *awaited, **awaited_end; /* of items that wait for their routes; in order */
    size_t awaiting;
    bool awaiting_told;
    bool await_full;  /* there was no room to let all go on whose routes are known: what comes waits behind them */
    int64_t await_us; /* when they are looked at next */

    struct center_item *untraced, **untraced_end; /* over, but for their trace rows; in the order of tickets */
    uint64_t written;                             /* of the tracer, when last seen */
    int64_t written_us;                           /* when that changed, or something began to wait for it */
    bool trace_stuck;

    /* To work in. */
    struct pl_buf value;
    char source[PL_SOURCE_MAX];
    struct center_headers headers;
    struct center_spans spans;
};

/* start.c: everything that a run needs; what there is after an error is the caller's to end. */
POUCH_MUST_CHECK pouch_err center_start(struct center *c, const struct pl_group_hooks *hooks);
void center_view_release(struct center *c, struct center_view *v);

/* status.c: about once a second, whatever there is to tell; and when the end begins. */
void center_publish(struct center *c);

/* pool.c. There is room for what center_room() allows. */
size_t center_room(const struct center *c); /* how many records may be taken now */
struct center_item *center_item_new(struct center *c, const struct pl_taken *t);
struct center_leg *center_leg_new(struct center_item *item, struct pl_target *target, size_t index);
void center_leg_recycle(struct center_leg *leg);
void center_leg_let_go(struct center_leg *leg); /* its item is over; it is free once the producer holds nothing of it */
void center_item_recycle(struct center_item *item);

/* route.c */
void center_route(struct center *c, const struct pl_taken taken[], size_t n);
void center_look_up_view(struct center *c);                /* the latest there is */
pouch_err center_look_up(struct center_item *item);        /* its route; NO_ROUTE, ROUTE_DISABLED */
void center_settle(struct center_item *item, pouch_err e); /* to its targets, or it has failed, as pouch_why() says */
bool center_expired(const struct center_item *item);
size_t center_branches(const struct center_item *item); /* how many targets its route sends it to */
void center_item_source(char out[PL_SOURCE_MAX], const struct center_item *item);

/* await.c: what is not routed yet, because how it is to be routed is not known. */
bool center_awaits(const struct center_item *item);
bool center_awaits_many(const struct center *c); /* too many to take more */
void center_await(struct center_item *item);
void center_awaited(struct center_leg *leg);   /* it waits no longer, if it did */
void center_release_awaited(struct center *c); /* in order, those whose routes are known now */
void center_look_at_awaited(struct center *c); /* the same now and then, by the latest routes */

/* forward.c: the way to the target. */
void center_forward(struct center_leg *leg);
void center_forward_reported(struct center_leg *leg, const struct pl_delivery *d);
void center_unpark(struct center *c);
void center_look_at_targets(struct center *c);
void center_alive(struct center *c, int64_t now_us); /* a sign of life of the cluster */

/* answer.c: the error for a failed leg's requester, where it can be told. */
void center_answer(struct center_leg *leg);
void center_answer_reported(struct center_leg *leg, const struct pl_delivery *d);
void center_look_at_askers(struct center *c);

/* fail.c: what a failed leg ends with. reason is kept. */
void center_fail(struct center_leg *leg, pouch_err code, const char *reason);
void center_letter_reported(struct center_leg *leg, const struct pl_delivery *d);
void center_letter_let_go(struct center_post *letter); /* its partition need not wait for it any more */

/* deliver.c */
typedef void center_send_fn(struct center_post *p);
void center_delivered(const struct pl_delivery *d, void *center);
void center_post_over(struct center_post *p);    /* stored, or given up for good */
void center_post_dropped(struct center_post *p); /* the record will come again */
/* Sends it again after a longer wait than the last, unless its partition is not ours any more: then it is dropped. */
void center_post_later(struct center_post *p, center_send_fn *send);
/* as soon as there is room, here or in the producer */
void center_post_full(struct center_post *p, center_send_fn *send);
void center_posts_due(struct center *c);
void center_posts_drop(struct center *c);

/* True from the moment a stop was asked for: what nothing takes now is left to the next center. */
bool center_stops(const struct center *c);

/* over.c: a leg is over, then its item, then its offset is done. */
void center_leg_over(struct center_leg *leg);
bool center_leg_holds_inbox(const struct center_leg *leg); /* nothing is taken from its partition until it is over */

/* Its partition has been let go: whoever has it now takes its record, so that nothing more is decided about it here. */
static inline bool center_leg_is_anothers(const struct center_leg *leg) {
    return leg->item->taken.partition->revoked;
}
void center_items_traced(struct center *c);

#endif
