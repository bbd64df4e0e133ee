/*
 * The client from inside. Four kinds of thread meet here:
 *
 *   callers            seal, note the call in `pending`, and produce; no lock is held meanwhile
 *   the client's own   takes replies and delivery reports, keeps the time, runs the callbacks
 *   the lane's keeper  waits on the cluster (client/lane.h)
 *   the closer         asks the client's thread to end, waits for it, frees
 *
 * With client.thread = off whoever calls pouch_client_process() is the client's thread.
 */
#ifndef POUCH_CLIENT_CLIENT_H
#define POUCH_CLIENT_CLIENT_H

#include <base/clock.h>
#include <bus/producer.h>
#include <client/desk.h>
#include <client/lane.h>
#include <client/pending.h>
#include <client/reply.h>
#include <client/sluice.h>
#include <client/watch.h>
#include <conf/settings.h>
#include <pouch/validate.h>
#include <store/tracer.h>
#include <wire/dest.h>
#include <wire/dialect.h>

enum { PL_CLIENT_BATCH = 500 };

/* What reading replies takes; the client's thread's. */
struct pl_inbox {
    struct pl_reader *reader; /* NULL until the lane's keeper has made it */
    struct pl_sealer *sealer;
    struct pl_buf plain; /* of the reply at hand; wiped after its callback */
    char target[PL_NAME_MAX + 1];
    char why[POUCH_VALIDATE_WHY_MAX]; /* what the validator has against a reply */
    rd_kafka_message_t *batch[PL_CLIENT_BATCH];
    struct pl_uuid ids[PL_CLIENT_BATCH];
    bool known[PL_CLIENT_BATCH];
};

struct pouch_client {
    struct pl_settings settings;
    const struct pl_clock *clock;
    const struct pl_dialect *dialect;
    char client_id[PL_NAME_MAX + 1], reply_topic[PL_NAME_MAX + 1];
    struct pl_wake wake; /* there is something for the client's thread to do */
    struct pl_kafka_health *health;
    struct pl_producer *producer;
    struct pl_pending pending;
    struct pl_ask_desks desks;
    struct pl_sluice sends;    /* opens when a broker has answered */
    struct pl_sluice requests; /* opens when the reply lane is positioned */
    struct pl_lane lane;
    struct pl_watch *watch;   /* NULL: requests that nobody can answer wait */
    struct pl_tracer *tracer; /* NULL: messages are not logged */
    atomic_bool keys_differ;  /* a request had a uuid of its own as record key, so a reply's key need not be its id */

    pthread_rwlock_t callers; /* held for reading in each call */
    atomic_bool closing;
    int64_t drain_until; /* set before closing */
    pthread_t thread;
    int poll_fd, timer_fd; /* client.thread = off; else -1 */

    struct pl_inbox inbox; /* the client's thread's, as all below */
    bool is_turning;       /* in pouch_client_process() */
    bool connected, positioned;
    pouch_err lane_trouble;
    char lane_why[512];
    bool refused;                            /* we may not read the reply topic */
    bool is_finishing;                       /* what is reported now ends with CLOSED */
    struct pl_call *let_go[PL_CLIENT_BATCH]; /* holds to drop, gathered to take the lock once */
    size_t n_let_go;
};

/* Every public call that uses the client stands between these two. CLOSED: the client is closing. */
POUCH_MUST_CHECK pouch_err pl_client_enter(pouch_client *c);
void pl_client_leave(pouch_client *c);

/* client/loop.c: the phases, run by the client's thread. */
void pl_client_turn(pouch_client *c);        /* does all there is to do, then returns */
int64_t pl_client_next_due(pouch_client *c); /* monotonic; INT64_MAX: nothing is due; INT64_MIN: at once */
bool pl_client_is_done(pouch_client *c);     /* closing, and drained or out of time */
void pl_client_finish(pouch_client *c);      /* ends what is open with CLOSED */

/* client/inbox.c: takes what has come on the reply topic and ends the calls that it answers. */
void pl_inbox_take(pouch_client *c);

/* client/end.c: the ends of calls that the client's thread has claimed. */
void pl_call_answered(pouch_client *c, struct pl_call *call, pouch_err e, const pouch_reply *reply_or_null);
void pl_call_expired(pouch_client *c, struct pl_call *call);
void pl_call_delivered(const struct pl_delivery *d, void *client);
/* a held record that cannot go out; call may be NULL */
void pl_record_unsent(pouch_client *c, struct pl_call *call, pouch_err e);
void pl_client_let_go(pouch_client *c, struct pl_call *call);
void pl_client_flush_let_go(pouch_client *c);

/* client/ask.c */
struct pl_ask {
    const pouch_dest *to;
    const char *json;
    size_t n;
    bool wants_reply;
    bool named;     /* who answers is to say who it is */
    int timeout_ms; /* 0: the setting, until pl_ask_begin() */
    int64_t now_ms; /* wall clock, by pl_ask_begin() */
    int64_t now_us; /* the same moment, finer */
};
POUCH_MUST_CHECK pouch_err pl_ask_begin(const pouch_client *c, struct pl_ask *a); /* CONFIG: the timeout */
POUCH_MUST_CHECK pouch_err pl_ask_check(const pouch_client *c,
                                        const struct pl_ask *a);   /* TOO_LARGE, INVALID_PAYLOAD, UNCHECKED */
int64_t pl_ask_due(const pouch_client *c, const struct pl_ask *a); /* monotonic: when it times out, asked now */
void pl_ask_note(const pouch_client *c, struct pl_call *call, const struct pl_ask *a, const struct pl_uuid *id);
POUCH_MUST_CHECK pouch_err pl_ask_send(pouch_client *c, struct pl_ask_desk *desk, const struct pl_ask *a,
                                       const struct pl_uuid *id,
                                       struct pl_call *call); /* seals, then produces or holds */
POUCH_MUST_CHECK pouch_err pl_ask(pouch_client *c, struct pl_ask *a, char request_id[37], pouch_reply_fn *done,
                                  void *arg);

#endif
