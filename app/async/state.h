/* What the files of this room have in common. */
#ifndef POUCH_ASYNC_STATE_H
#define POUCH_ASYNC_STATE_H

#include <async/async.h>
#include <async/index.h>
#include <async/note.h>
#include <base/wake.h>
#include <bus/group.h>
#include <bus/producer.h>
#include <bus/reader.h>
#include <crypto/seal.h>
#include <stdatomic.h>
#include <wire/dialect.h>

/* A header of the records on our topic that are no replies. */
#define ASYNC_HEADER "pouch-async"
#define ASYNC_NOTE   "note"

enum { ASYNC_IN_FLIGHT_MOST = 1000, ASYNC_BATCH = 100 };

/* A record on its way into the index. */
struct async_item {
    struct async_item *next;
    struct async *a;
    struct pl_taken taken; /* partition NULL: of a scan */
    bool is_reply;
    enum async_fate fate; /* of a note */
    struct async_record record;
    bool has_key, firm;
    struct pl_uuid key;
    pouch_err e;    /* what came of it */
    int64_t due_us; /* when it is to be tried again */
};

/* Reads the topic by hand from a time on, to its end and, without Redis, beyond. The thread's. */
struct async_scan {
    struct pl_reader *reader; /* NULL: none is under way */
    bool *ended;              /* of each partition, as the next */
    int64_t *next;            /* the offset after the last one taken */
    int n, left;
    size_t in_flight;
    struct async_item *retry; /* of those, what the index had no room for */
    bool failed;
};

/* How far the topic is read: all that was written before read_ms. */
struct async_level {
    bool is_wanted; /* further than that; under the lock, as the next */
    int64_t read_ms;
    rd_kafka_topic_partition_list_t *ends; /* the thread's, as the rest: of the log, at asked_ms; NULL: not asked */
    int64_t asked_ms, begun_us, due_us;
};

struct async_wait;

struct async {
    struct pl_settings settings;
    const struct pl_clock *clock;
    const struct pl_dialect *dialect;
    pouch_keyring *ring;
    char client_id[PL_NAME_MAX + 1], topic[PL_NAME_MAX + 1];
    struct async_index index;
    struct pl_wake wake;
    struct pl_kafka_health *health;
    struct pl_producer *producer;
    pthread_t thread;
    atomic_bool stopping;
    int64_t stop_us; /* set before: when to wait no longer */

    pthread_mutex_t lock;    /* for what follows */
    bool closed, ended;      /* no more requests; nothing more at all */
    size_t open;             /* requests that are not stored yet */
    size_t errands;          /* callbacks of the index that are to come */
    struct async_item *kept; /* their errand is over */
    struct async_wait *waits_new;
    size_t n_waits;
    bool is_whole;     /* as last heard */
    bool is_lost;      /* the index wants to be filled by us */
    bool is_held;      /* nobody else fills it */
    bool is_ready;     /* the topic is read */
    char trouble[512]; /* why not */

    /* The thread's. */
    bool connected, mock, found;
    char nonce[37];
    struct pl_group *group;
    struct async_scan scan;
    struct async_level level;
    struct async_item *items, *idle,
        *retry; /* all there are; those of no record; those of the group that the index did not take */
    size_t n_idle;
    size_t in_flight; /* items of the group */
    struct async_wait *waits;
    struct pl_buf plain;
    int64_t tend_us, ask_us, hold_us, expire_us;
};

/* async.c */
void async_set_trouble(struct async *a, const char *why); /* "": there is none */
/* An errand of the index begins and ends; between the two the async is not freed. */
void async_errand_begin(struct async *a);
POUCH_MUST_CHECK pouch_err async_errand_enter(struct async *a); /* for callers from outside: CLOSED */
void async_errand_end(struct async *a);
bool async_has_ended(struct async *a); /* asked within an errand: false, and the producer is there until that ends */

/* ask.c */
void async_delivered(const struct pl_delivery *d, void *async);

/* read.c: what is on the topic, into the index. On the thread. */
POUCH_MUST_CHECK pouch_err async_read_join(struct async *a);
void async_read_leave(struct async *a);
void async_read_turn(struct async *a, int64_t now_us);
/* How many more may be taken, where so many are in flight. */
size_t async_read_room(const struct async *a, size_t in_flight);
/* Takes the record, for which there was room; it goes into the index, or is skipped where it is of no use. */
void async_read_item(struct async *a, struct pl_taken taken);
void async_read_settle(struct async *a); /* what has gone in by now */
/* Items that the index did not take: it is given those again that are due; all are let go. */
void async_read_again(struct async_item **list, int64_t now_us);
void async_read_forget(struct async *a, struct async_item **list);

/* scan.c. On the thread. */
POUCH_MUST_CHECK pouch_err async_scan_start(struct async *a);
void async_scan_stop(struct async *a); /* waits until the index has answered what it was given */
void async_scan_turn(struct async *a, int64_t now_us);

/* level.c. Any thread: until when all that was written is in the index; and that somebody wants it to be later. */
int64_t async_level_ms(struct async *a);
void async_level_want(struct async *a);
/* On the thread. */
void async_level_turn(struct async *a, int64_t now_us);
void async_level_stop(struct async *a);

/*
 * find.c. Any thread: a note as it was kept, of that request. BAD_ENVELOPE, DECRYPT_FAILED, INVALID_PAYLOAD, NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err async_open_note(struct async *a, struct pl_span bytes, const struct pl_uuid *id,
                                           struct async_note *note);
/* On the thread. */
void async_wait_turn(struct async *a, int64_t now_us);
void async_wait_end(struct async *a); /* with CLOSED */

#endif
