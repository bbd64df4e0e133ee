/*
 * The reply lane's keeper: a thread that does the waiting on the cluster, so that the client's
 * thread never does. It finds a broker, makes the reply topic when it is missing, and says from
 * where each partition is to be read. Then it looks again every ten seconds, and at once when
 * told to, for new partitions and for a topic that was deleted. A topic that a broker did not know for a moment
 * is read on where it was, unless it may be another one by now: then all of it is read. It also looks whether
 * anybody reads the topics that are asked, where the client wants to know (client/watch.h).
 */
#ifndef POUCH_CLIENT_LANE_H
#define POUCH_CLIENT_LANE_H

#include <bus/producer.h>
#include <bus/reader.h>
#include <client/watch.h>
#include <pthread.h>
#include <stdbool.h>

/* What the keeper has found out. */
struct pl_lane_news {
    bool connected;                /* a broker has answered, now or before */
    struct pl_reader *reader;      /* the taker's; comes once, with the first positions or before */
    struct pl_position *positions; /* the taker's, freed with free(); NULL: as before */
    size_t n;
    bool from_start;   /* the topic is another one than before: all of it is new */
    pouch_err trouble; /* what the last look failed with */
    char why[512];     /* and its text */
};

struct pl_lane {
    const struct pl_settings *settings;
    const char *client_id, *topic;
    struct pl_kafka_health *health;
    struct pl_producer *producer; /* for its handle */
    struct pl_watch *watch;       /* NULL: nobody wants to know */
    struct pl_wake *wake;
    pthread_t thread;

    pthread_mutex_t lock; /* for the seven below */
    pthread_cond_t told;
    bool stop, gone, unread, asked, fresh;
    struct pl_lane_news news;

    bool connected, mock, has_reader; /* the keeper's own, as all below */
    int64_t *starts;                  /* the offset from which each known partition is read */
    int n_starts;
    int64_t looked_ms; /* wall clock: the last look that succeeded */
    int retry_ms;      /* after the next look that fails */
    bool doubted;      /* the topic was unknown to a broker, and may be another since */
    bool lost;         /* the reader could not be positioned */
    bool tended;       /* the reader's trouble was looked into a moment ago, or it was told to start anew */
};

/* Borrows all it is given until stopped. CONFIG, NO_MEMORY. */
POUCH_MUST_CHECK pouch_err pl_lane_start(struct pl_lane *l, const struct pl_settings *s, const char *client_id,
                                         const char *topic, struct pl_kafka_health *health,
                                         struct pl_producer *producer, struct pl_watch *watch, struct pl_wake *wake);

/* What is new since the last time; false: nothing. The wake has been signalled when there is something. */
bool pl_lane_take(struct pl_lane *l, struct pl_lane_news *news);

/*
 * The reader found the topic gone: the keeper looks at once, and has all of it read unless it is seen to be the same.
 */
void pl_lane_gone(struct pl_lane *l);

/* The reader could not be positioned: the keeper looks at once, and has all of the topic read. */
void pl_lane_unread(struct pl_lane *l);

/* As pl_watch_asked() wants: the keeper looks who reads. */
void pl_lane_watch(struct pl_lane *l);

/* Waits for the keeper, which may be in a call to the cluster for some seconds. */
void pl_lane_stop(struct pl_lane *l);

#endif
