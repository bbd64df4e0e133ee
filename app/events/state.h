/* What the files of this room share. Locks are taken in the order: events.lock, then that of a ring. */
#ifndef POUCH_EVENTS_STATE_H
#define POUCH_EVENTS_STATE_H

#include <base/clock.h>
#include <base/wake.h>
#include <bus/producer.h>
#include <bus/reader.h>
#include <events/events.h>
#include <events/maps.h>
#include <events/ring.h>
#include <events/sources.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

enum {
    EVENTS_RING = 16384, /* events, and bytes, kept by each gateway */
    EVENTS_RING_BYTES = 8 << 20,
    EVENTS_REPLAYS = 2,
    EVENTS_REPLAY_RING = 2048,
    EVENTS_REPLAY_BYTES = 2 << 20,
    EVENTS_TELLS = 64, /* what events_tell() has said of late */
    EVENTS_TELLS_BYTES = 256 * 1024,
    EVENTS_OVERLAP = 4096, /* records read before those that are wanted, to know copies that come again */
    EVENTS_BEAT_S = 30,
    EVENTS_COMMENT_S = 15,
    EVENTS_GIVE_UP_MS = 5000, /* an answer of another gateway, and a gateway that says nothing (times 4) */
    EVENTS_TAG = 8,           /* digits that begin the ids of a gateway's clients */
    EVENTS_PEERS_MAX = 64,
};

#define EVENTS_KEY "events" /* of all records on the log */

/* A stream. Its loop's, but for what is atomic, and what is said of the lock. */
struct events_client {
    TAILQ_ENTRY(events_client) link; /* in its loop's list */
    TAILQ_ENTRY(events_client) all;  /* under the lock */
    struct events_loop *loop;
    struct httpd_stream *stream;        /* NULL: it is over */
    struct events_set set;              /* changed under the lock */
    bool live;                          /* it is where its loop is; else it reads on by itself */
    bool blocked;                       /* until all that is queued for it has been taken */
    bool ending;                        /* its last words are said */
    _Atomic(struct events_ring *) ring; /* what it reads; NULL: it waits for a replay */
    _Atomic int64_t cursor;             /* the next that it may get */
    atomic_bool lost;                   /* the log does not have what it wants any more */
    char id[EVENTS_ID_MAX];
    char *user, *owner;
    int64_t since_ms;
    char *text;      /* as others are told of it (list.c); under the lock */
    bool waits;      /* for a replay; under the lock, so apart from what its loop alone looks at */
    unsigned joined; /* the tick */
    bool (*is_over)(void *arg);
    void (*ended)(void *arg);
    void *arg;
};
TAILQ_HEAD(events_clients, events_client);

/* A change of a client of this gateway, for its loop. */
struct events_order {
    STAILQ_ENTRY(events_order) link;
    char client[EVENTS_ID_MAX];
    char *owner; /* NULL: whoever's */
    bool subscribe;
    char **channels;
    size_t n;
    events_changed_fn *changed; /* NULL: another gateway asks */
    void *arg;
    char from[EVENTS_TAG + 1]; /* that one */
    int64_t ask;
};
STAILQ_HEAD(events_orders, events_order);

struct events_loop {
    struct httpd_job job; /* first, so a job is its loop */
    struct events *hub;
    int index;
    atomic_bool posted;
    struct events_orders orders; /* under the lock */

    unsigned busy; /* callers in this room: what ends meanwhile is freed by the last */
    struct events_clients live, behind, dead;
    int64_t next, told; /* positions on the log and among what was told here, of all that are live */
    unsigned epoch, ticked;
};

struct events_replay {
    struct events *hub;
    struct events_ring ring;
    pthread_t thread;
    bool started;
    struct pl_wake wake;
};

struct events_talk;
struct events_copies;

struct events {
    const struct pl_settings *given;
    const struct pl_clock *clock; /* of `tick` */
    struct pl_settings settings;  /* for this use; borrows from given, but for kafka */
    char *instance, *client_id, *talk_topic;
    char tag[EVENTS_TAG + 1];
    bool mock;

    pthread_mutex_t lock;
    struct events_clients clients;
    json_t *counts;        /* {channel: clients} of this gateway */
    size_t n_waiting;      /* for a replay */
    struct httpd *server;  /* NULL: no stream was opened yet, or it stops */
    char why[256];         /* why the log is not followed; "": it is */
    pthread_cond_t wanted; /* a client waits for a replay, or all stops */
    struct events_talk *talk;

    struct events_loop loops[HTTPD_LOOPS_MAX];
    atomic_size_t n_clients, n_storing;
    atomic_bool ready, stopping, closing;
    atomic_uint tick, epoch;
    pthread_mutex_t often_lock; /* held while it is called, so that a stop waits for it */
    void (*often)(void *arg);   /* events_often(); NULL: nothing */
    void *often_arg;

    struct events_ring ring, tells;
    int64_t n_tells; /* under the lock */
    struct events_replay replays[EVENTS_REPLAYS];
    struct events_copies *copies; /* NULL: no topic is mapped */

    /* Of the thread that follows. */
    pthread_t thread;
    bool started;
    struct pl_wake wake;
    struct pl_kafka_health *health;
    struct pl_producer *producer;
    struct pl_reader *reader; /* NULL: not connected */
    struct events_sources sources;
    int32_t partition; /* of the log */
    int talk_partitions;
    bool found, at_end, talking; /* the log has been followed before; to its end; the others are heard too */
};

/* log.c, on the thread that follows */
pouch_err events_log_connect(struct events *e);
void events_log_take(struct events *e);
/* What is wrong with reading the log, told on channel system once; NULL: nothing any more. */
void events_log_trouble(struct events *e, const char *why);
/* An item of a record; NULL: it is no event, or has come before, or there is no memory. */
struct events_item *events_log_item(const rd_kafka_message_t *m, struct events_sources *sources);

/* loop.c, any thread */
void events_loops_wake(struct events *e);
void events_loop_wake(struct events_loop *l);
void events_loop_run(struct httpd_job *job); /* on the loop, as the next two */
void events_loop_enter(struct events_loop *l);
void events_loop_leave(struct events_loop *l);
void events_client_free(struct events_client *c);
enum { EVENTS_TIME_MAX = 32 };
const char *events_time(char out[EVENTS_TIME_MAX], int64_t ms); /* "2024-01-31T12:00:00.000Z"; gives out */

/* client.c, on the loop, between events_loop_enter() and _leave(): a client stays there although its stream ends */
enum events_sent { EVENTS_SENT, EVENTS_FULL, EVENTS_OVER };
enum events_sent events_client_send(struct events_client *c, struct httpd_block *b);
void events_client_pump(struct events_client *c); /* sends on what it has not got */
void events_client_fall_behind(struct events_client *c, int64_t cursor);
void events_client_reset(struct events_client *c, const char *why);
void events_client_say(struct events_client *c, const struct events_event *event, const char *id); /* takes its data */
void events_client_drop_slow(struct events_client *c);
bool events_client_name(char id[EVENTS_ID_MAX], const char *tag); /* a new one; false: there is no randomness */
json_t *events_set_list(const struct events_set *s);              /* NULL: no memory */

/* replay.c */
pouch_err events_replays_start(struct events *e);
void events_replays_stop(struct events *e);
void events_replays_free(struct events *e); /* they have stopped, and so have the loops */

/* change.c, on the loop */
void events_order_carry_out(struct events_loop *l, struct events_order *o);
void events_order_free(struct events_order *o);
struct events_order *events_order_new(const char *client, const char *owner, bool subscribe,
                                      const char *const *channels, size_t n);
/* Gives it to the loop of the client. False: there is none of that id here, and the order stays the caller's. */
bool events_order_place(struct events *e, struct events_order *o);

/* talk.c: gateways among themselves */
pouch_err events_talk_new(struct events *e);
void events_talk_free(struct events *e);
void events_talk_end(struct events *e); /* what is being asked of others ends */
void events_talk_take(struct events *e, const rd_kafka_message_t *m);
void events_talk_hello(struct events *e); /* the others are to tell their clients */
void events_talk_bye(struct events *e);
void events_talk_tick(struct events *e);
int64_t events_talk_due(struct events *e);  /* when to tick, on the monotonic clock */
void events_talk_changed(struct events *e); /* there are other clients, or channels; any thread */
void events_talk_done(struct events *e, const struct events_order *o, pouch_err outcome, const json_t *channels);
/* Under the lock: */
size_t events_talk_subscribers(const struct events *e, const char *channel);
typedef bool events_peer_fn(const char *gateway, json_t *clients, int64_t age_ms, void *arg);
bool events_talk_each(const struct events *e, events_peer_fn *fn, void *arg);

/* list.c */
bool events_list_note(struct events_client *c);                               /* its text, anew; on its loop */
void events_list_count(struct events *e, const struct events_set *s, int by); /* under the lock */
pouch_err events_list_write(const struct events *e, struct pl_buf *out); /* under the lock: texts, joined by commas */

/* publish.c */
pouch_err events_send(struct events *e, const char *topic, const char *value, size_t n, events_stored_fn *stored,
                      void *arg);
void events_delivered(const struct pl_delivery *d, void *events);

/* copies.c */
pouch_err events_copies_new(struct events_copies **c, struct events *e);
void events_copies_free(struct events_copies *c);

#endif
