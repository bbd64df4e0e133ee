/*
 * What keeps records together: while a batch is under way for a partition, what comes for that partition waits here
 * and goes out as the next batch; and no more batches are under way at a broker than librdkafka
 * sends produce requests at once.
 *
 * librdkafka sends one partition a produce request. While it has records of a partition that wait, because others of
 * that partition are under way, version 2.0.2 polls without a pause: 400 polls for each request were counted, which
 * took as much of two cores as all the rest of a worker. Here it seldom has: it gets what comes together at once, and
 * so makes fewer and larger requests as well. A record that finds nothing under way for its partition goes out at once,
 * so that a single request loses nothing.
 *
 * A large batch is given record by record for so long that it may be sent in two parts (less often since
 * bus/kafka_threads.c), and its second part waits like that. But
 * librdkafka looks after no partition while a request that is made already waits for a place. So some large batches
 * more than it sends at once are under way: one of them is that request. Small ones had better wait and grow.
 *
 * Records whose keys order nothing may go to any partition. They have one batch, and what is together in it goes to one
 * partition, the next batch to the next. So a topic with many partitions takes few produce requests. Where readers
 * share the partitions, they are to have their parts soon. So of such records only as many go to one as come in 4 ms,
 * the next to the next partition, and so on by turns: of fifty thousand a second two hundred. Fewer than 20 are not
 * worth it, and go by their keys, as all do after a silence. While one of those partitions takes nothing, what is for
 * any goes by its key as well, also what waits.
 *
 * A broker takes or refuses what librdkafka has put together as one, by the bytes of all. So what it refuses as too
 * large goes again in smaller batches, until it goes alone: then it is too large itself. Batches of that topic stay so
 * small for a minute.
 *
 * THREADS  Any; each call takes the lock for the time of a copy.
 */
#ifndef POUCH_BUS_BATCH_H
#define POUCH_BUS_BATCH_H

#include <base/buf.h>
#include <base/clock.h>
#include <bus/producer.h>
#include <pthread.h>
#include <stdbool.h>

/* A record that waits. Its key and value lie behind it in the buffer. */
struct pl_held_record {
    void *arg;
    rd_kafka_headers_t *headers; /* NULL: none; the batch's until librdkafka has taken the record */
    size_t key_n, value_n;
    bool has_key, has_value; /* an empty one is not an absent one */
};

struct pl_topic;

enum { PL_BATCHES_MAX = 64, PL_PLACES = 64, PL_SPARES = 8 };
enum { PL_LARGE_BYTES = 16384, PL_AHEAD = 4 /* large batches more than librdkafka sends at once */ };

/* The records of one partition, of several where a topic has more than PL_BATCHES_MAX, or those of any partition. */
struct pl_batch {
    struct pl_topic *topic;
    size_t under_way;      /* records given to librdkafka and not reported yet */
    size_t given, bytes;   /* how many went together with those, and what they take when they are held */
    struct pl_buf held;    /* struct pl_held_record, key, value, padding; one record behind the other */
    struct pl_buf first;   /* the same, which go before them */
    struct pl_buf again;   /* of those under way, what goes again, before these */
    size_t place;          /* the broker that reported last, as an index */
    unsigned epoch;        /* of that place, when the records under way went */
    int64_t went_us;       /* when they did */
    size_t run;            /* of any partition's, how many of these go to one */
    bool waits;            /* in its place's line: it holds records, and none is under way */
    struct pl_batch *next; /* behind it in that line */
};

/* What is under way at one broker. */
struct pl_place {
    size_t under_way; /* batches */
    unsigned epoch;
    int64_t moved_us;              /* when a batch last went or came back */
    struct pl_batch *first, *last; /* the line */
};

struct pl_batches {
    pthread_mutex_t lock;
    const struct pl_clock *clock;
    size_t most;                    /* batches under way at a broker; PL_AHEAD more when they are large */
    size_t waiting;                 /* batches in the places' lines */
    struct pl_topic *had_any;       /* those which had records for any partition */
    int64_t look_us;                /* when to look whether one of those takes nothing; INT64_MAX: none waits */
    struct pl_buf spare[PL_SPARES]; /* empty buffers: a batch that holds nothing keeps no memory */
    size_t spares;
    struct pl_place places[PL_PLACES];
};

/* A topic that records are sent to. */
struct pl_topic {
    char *name;
    rd_kafka_topic_t *rkt; /* opened and closed by the caller */
    size_t max_bytes;      /* a batch may hold */
    size_t small_bytes;    /* what goes together takes no more, when held, until small_until_us */
    int64_t small_until_us;
    _Atomic(int) partitions;           /* as librdkafka last saw them; 0: not yet */
    _Atomic(int64_t) refused_until_us; /* the producer's: it is not tried before; 0: nothing has been refused */
    int spread;                        /* partitions that the batches are for; 1 until more are known */
    size_t n_batches;
    struct pl_batch *batches;
    struct pl_batch any;   /* of records that may go to any partition; used once there are several */
    struct pl_topic *next; /* which had any, too */
    bool had_any;
    size_t came; /* by turns, since came_since_us */
    int64_t came_since_us;
    size_t run;           /* how many come so in 4 ms */
    int32_t turn;         /* the producer's: the partition of the next run, as it counts on */
    int64_t last_by_keys; /* the producer's: when a run last went by its keys */
};

/* Where a record went that entered. */
struct pl_entered {
    struct pl_batch *batch;
    bool held;   /* else the caller gives it to librdkafka now */
    bool sooner; /* than it was is now pl_batches_due() */
};

/* NO_MEMORY */
POUCH_MUST_CHECK pouch_err pl_batches_init(struct pl_batches *b, size_t most, const struct pl_clock *clock);
void pl_batches_free(struct pl_batches *b); /* nothing is held or under way */

POUCH_MUST_CHECK pouch_err pl_topic_init(struct pl_topic *t, const char *name, size_t max_bytes); /* NO_MEMORY */
void pl_topic_free(struct pl_topic *t); /* also when pl_topic_init() has failed */

/*
 * A record that is held is so with its headers. One that is for any partition goes by its key all the same where only
 * one is known, and while one of those that others of its kind went to takes nothing. OVERLOADED: its batch holds as
 * much as it may. NO_MEMORY. After an error nothing is held.
 */
POUCH_MUST_CHECK pouch_err pl_batches_enter(struct pl_batches *b, struct pl_topic *t, const struct pl_record *r,
                                            rd_kafka_headers_t *headers, struct pl_entered *out);

/* The batch of a record that went by that key: the same one until all of it that is under way has been reported. */
struct pl_batch *pl_batch_by_key(struct pl_batches *b, struct pl_topic *t, const void *key, size_t key_n);

/*
 * So many records of a batch were reported, by that broker (-1: by none), or not taken after all. True: there are
 * batches that wait for their turn. When nothing of the batch is under way any more, it may be gone.
 */
bool pl_batches_leave(struct pl_batches *b, struct pl_batch *batch, size_t n, int32_t broker);

/*
 * A record of a batch was reported as refused by the batch's size. POUCH_OK: it is held, with its headers, and goes
 * again before those that came after it, with fewer at once; it counts as reported, too. *told: so it has been with
 * this topic of late. TOO_LARGE: it went alone. NO_MEMORY. After an error it is not held.
 */
POUCH_MUST_CHECK pouch_err pl_batches_again(struct pl_batches *b, struct pl_batch *batch, const struct pl_record *r,
                                            rd_kafka_headers_t *headers, bool *told);

/*
 * The batch whose turn it is, or NULL. What it held, or as much as may go together, moves to out (which has no memory),
 * counts as under way, and is the caller's to give to librdkafka. The buffer is given back when that is done.
 */
struct pl_batch *pl_batches_next(struct pl_batches *b, struct pl_buf *out);
void pl_batches_give_back(struct pl_batches *b, struct pl_buf *out);

/* Whether batches wait for their turn of which nothing is under way. */
bool pl_batches_wait(struct pl_batches *b);

/* When it is some batch's turn though nothing is reported, on the monotonic clock; INT64_MAX: none waits. */
int64_t pl_batches_due(struct pl_batches *b);

/* Walks the records of a buffer that pl_batches_next() filled: the one at *at, which is moved on; NULL at the end. */
struct pl_held_record *pl_held_record_next(const struct pl_buf *records, size_t *at, const void **key,
                                           const void **value);

#endif
