/*
 * A job: one record taken from a partition, until its outcome is stored.
 *
 *   OPEN   waits for a thread, is being opened, or belongs to its handler
 *   ENDED  the handler has ended it: belongs to the ending thread, then to the poll thread
 *   SENT   as ENDED, and its outcome has been given to the producer
 *   LATE   the worker ended it over the handler's head: the outcome belongs to the poll thread,
 *          what the handler may read stays until the handler lets go
 *
 * OPEN is left by compare-and-swap, so exactly one side ends a job. All of a job that a handler can
 * see is copied out of the record, so the record can go while a late handler still reads.
 */
#ifndef POUCH_WORKER_JOB_H
#define POUCH_WORKER_JOB_H

#include <base/heap.h>
#include <bus/group.h>
#include <letter/tiers.h>
#include <metrics/metrics.h>
#include <pouch/worker.h>
#include <stdatomic.h>
#include <wire/envelope.h>
#include <worker/dedupe.h>
#include <worker/gate.h>
#include <worker/parcel.h>

enum pl_job_state { PL_JOB_OPEN, PL_JOB_ENDED, PL_JOB_SENT, PL_JOB_LATE };

/* What the ending thread asks of the poll thread. */
enum pl_job_end {
    PL_END_SEND,      /* send the parcel: the producer had no room */
    PL_END_DONE,      /* nothing needs to be stored */
    PL_END_KNOWN,     /* nor here: the same request has ended before */
    PL_END_FAIL,      /* code and text: tell the requester, or write a dead letter */
    PL_END_RETRY,     /* text: run the handler again */
    PL_END_HOLD,      /* its handler was not called: its gate is shut */
    PL_END_UNCHECKED, /* it, or its reply, cannot be checked at present: ask its validator again, in a while */
    PL_END_AGAIN      /* memory ran out before the handler ran: give it to a thread again, in a while */
};

/* What one handler serves. */
struct pl_route {
    char *topic;
    char *fallback; /* where replies go that name no topic: "<topic>.replies" */
    pouch_handler_fn *fn;
    void *arg;
    struct pl_gate gate;
    /*
     * When the validator may be asked about its requests and, second, its replies: 0 at any time; while some thread
     * asks, when its handler's time is over.
     */
    _Atomic(int64_t) ask_us[2];
    _Atomic(int64_t) doubt_us[2]; /* and when about those that it could not tell of while it can of others */
    atomic_bool paused;           /* by pouch_worker_pause(), any thread */
};

/* One of the records that a job's end consists of, on its way to the broker. */
struct pl_post {
    struct pl_heap_node timer; /* while it waits for due() to be called; first, so a node is a post */
    struct pouch_job *job;
    void (*due)(struct pl_post *p);
    int64_t backoff_ms; /* the last wait; 0: none yet */
    bool stuck;         /* its partition waits for it: a dead letter, or an answer that is to be checked */

    /* stall.c */
    bool sent;                /* with the producer: its report is to come */
    bool seen;                /* a look has found it so */
    bool given_up;            /* its job does not wait for the report */
    struct pl_target *target; /* that it counts at; NULL: at none */
    size_t bytes;             /* as counted there */
};

struct pouch_job {
    /* Its place in the dedupe window: the thread's that opens it, then the poll thread's. */
    struct pl_dedupe_waiter waiter; /* while the same request is in hand; first, so a waiter is a job */
    struct pl_dedupe_entry *entry;  /* its own; NULL: it has none */

    struct pouch_worker *worker;
    _Atomic(int) state; /* enum pl_job_state */
    /* When the handler was called; 0: not yet. Whoever reads a time here sees the opened request, too. */
    _Atomic(int64_t) started_us;

    /* The request. Written when it is opened, only read from then on. */
    struct pl_route *route;
    bool opened;
    bool readable; /* the request id is known */
    bool wants_reply;
    bool fallback; /* no reply topic was named: reply_topic is the route's */
    struct pl_uuid id;
    uint8_t tag[PL_DEDUPE_TAG]; /* of the envelope, where there is a dedupe window */
    char request_id[37];
    char source[PL_SOURCE_MAX];
    const char *publisher;
    const char *reply_topic; /* NULL: nobody can be told */
    int64_t deadline_ms;     /* 0: none */
    int attempt, hop;
    int tiers; /* retry topics that it has come through */
    size_t iv_bytes;
    struct pl_headers headers;
    struct pl_buf names;    /* holds the names and values above */
    struct pl_buf plain;    /* secret */
    struct pl_span payload; /* in plain */
    bool validated;         /* the validator has passed it: the thread's that opens it */
    bool doubted;           /* it could not tell about this one, and could about others: the asking thread's */

    /* The outcome: the ending thread's, then the poll thread's. */
    enum pl_job_end end;
    enum pl_metric counted; /* the counter of this kind of outcome */
    pouch_err code;
    struct pl_buf text;
    struct pl_parcel parcel; /* the answer, or the request passed on */
    int64_t ended_us;        /* when the handler ended it */
    struct pl_buf kept; /* secret: the handler's reply, until it can be checked; then its handler is not called again */
    bool passed_on;     /* parcel is a forwarded request */
    bool confided;      /* text is the handler's, and for the requester alone: it goes nowhere unsealed */

    /* The poll thread's. */
    struct pl_taken taken;       /* message is NULL when the job holds no record */
    int64_t taken_us;            /* when, on the monotonic clock */
    size_t bytes;                /* of the record */
    unsigned waiting;            /* posts that are not stored yet */
    bool unchecked, aside;       /* it waits for the validator; and does not hold its partition */
    bool lettered;               /* a dead letter has been written, or is being */
    size_t letter_most;          /* bytes that it may have; 0: as many as the producer takes */
    bool exhausted;              /* the handler has asked to be called again as often as it may */
    const struct pl_tier *later; /* the retry topic that it goes to, in place of a dead letter; NULL: none */
    bool dropped;                /* ends without its outcome stored: the record will come again */
    bool let_go;                 /* LATE, and the handler has noticed */
    int64_t give_up_us;          /* when a reply is no longer worth sending; 0: not yet decided */
    struct pl_post answer, letter;
    struct pl_post told;         /* the error that follows an answer which was given up */
    unsigned given_up;           /* of these */
    bool is_probe;               /* of its handler's breaker */
    struct pouch_job *next_held; /* at the gate */
    int64_t held_us;             /* since when */
    struct pouch_job *next_free, *next;
};

/*
 * Gives the job to the poll thread, from any thread. After that the caller must not touch it.
 * _let_go is the same for the one who finds it LATE.
 */
void pl_job_hand_over(struct pouch_job *j);
void pl_job_let_go(struct pouch_job *j);

#endif
