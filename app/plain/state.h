/*
 * What the files of the room share. It stands on the parts of lib/client: the same table of open calls, found here by a
 * hash of the task's id, and the same keeper that finds and positions the topic of the replies.
 */
#ifndef POUCH_PLAIN_STATE_H
#define POUCH_PLAIN_STATE_H

#include <base/buf.h>
#include <base/clock.h>
#include <bus/producer.h>
#include <client/lane.h>
#include <client/pending.h>
#include <client/watch.h>
#include <plain/plain.h>
#include <plain/recent.h>

enum { PLAIN_BATCH = 200, PLAIN_SALT_BYTES = 16 };

struct plain {
    const struct pl_settings *settings;
    const struct pl_clock *clock;
    char client_id[PL_NAME_MAX + 1];
    uint8_t salt[PLAIN_SALT_BYTES]; /* nobody can choose ids whose hashes meet in the table */
    struct pl_wake wake;
    struct pl_kafka_health *health;
    struct pl_producer *producer;
    struct pl_pending pending;
    struct pl_lane lane;
    struct pl_watch *watch; /* NULL: tasks that nobody can answer wait */
    pthread_t thread;
    atomic_bool stopping;
    atomic_bool positioned; /* the replies are being read */
    atomic_int trouble;     /* a pouch_err: why they are not */

    struct pl_reader *reader; /* the thread's, as all below; NULL until the keeper has made it */
    bool refused;             /* we may not read the replies */
    bool is_finishing;        /* what is reported now ends with CLOSED */
    struct plain_recent recent;
    struct pl_buf text, error; /* of the reply at hand, with a NUL */
};

/* plain/ask.c: what stands for an id in the tables. NO_MEMORY. */
POUCH_MUST_CHECK pouch_err plain_hash(const struct plain *p, struct pl_uuid *hash, const char *id, size_t n);

/* plain/loop.c: the thread; and what it ends with, on whichever thread: all that is open is told CLOSED. */
void *plain_run(void *plain);
void plain_end_open(struct plain *p);

/* plain/ends.c */
void plain_delivered(const struct pl_delivery *d, void *plain);
void plain_ended(struct plain *p, struct pl_call *call, pouch_err e,
                 const pouch_reply *reply_or_null);                  /* of a claimed call */
void plain_expired(struct plain *p, struct pl_call *call);           /* likewise */
void plain_take_reply(struct plain *p, rd_kafka_message_t *message); /* does not give it back */

#endif
