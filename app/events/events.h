/*
 * Live events over any number of gateways. The log is one topic with one partition, so the offset of a record orders
 * the events of all channels, is their id on the wire, and resumes a stream at any gateway. Every gateway reads the
 * whole log and delivers to its own streams. See docs/decisions/0039-live-events.md.
 *
 * Threads. One follows the log, two read back what has left memory, one copies records of mapped topics, where there
 * are any; a stream belongs to its loop. Nothing here waits but for events_new(), events_stop() and events_free().
 */
#ifndef POUCH_EVENTS_EVENTS_H
#define POUCH_EVENTS_EVENTS_H

#include <base/clock.h>
#include <conf/settings.h>
#include <httpd/httpd.h>
#include <json/json.h>
#include <pouch/error.h>
#include <stdbool.h>

struct events;

enum {
    EVENTS_CHANNEL_MAX = 128,     /* bytes of a channel's name, and of an event's */
    EVENTS_CHANNELS_MAX = 64,     /* of one stream */
    EVENTS_USER_MAX = 128,        /* bytes of a userId */
    EVENTS_BYTES_MAX = 48 * 1024, /* of one event as it is sent; fits what is queued for a stream at the least */
    EVENTS_ID_MAX = 37,           /* a client's id: a UUID, which begins with its gateway */
    EVENTS_WAITING_MAX = 10000,   /* events that are being stored, and changes that are being asked of others */
};

/* What a stream is told of when it names none. */
extern const char *const events_defaults[];
extern const size_t events_n_defaults;

/* The channel that stands for all of them in a subscription. Nothing can be sent to it. */
#define EVENTS_ALL "*"

/* 1 to EVENTS_CHANNEL_MAX of A-Z a-z 0-9 . _ : - / @ (or EVENTS_ALL, where a subscription may have it). */
bool events_name_is_ok(const char *name);

/*
 * `instance`: this gateway among others. `clock`: what heartbeats go by; it outlives all. CONFIG: gateway.events_map.
 * NO_MEMORY. A cluster that is away is waited for.
 */
POUCH_MUST_CHECK pouch_err events_new(struct events **e, const struct pl_settings *s, const char *instance,
                                      const struct pl_clock *clock);

/* Before httpd_stop(): nothing is sent to streams by itself any more. What is being stored still is. */
void events_stop(struct events *e);

/* After httpd_stop(). Ends what waits as CLOSED. NULL allowed. */
void events_free(struct events *e);

/* Whether the log has been read up to its end once. why: what is wrong with it now; "": nothing. */
bool events_ready(struct events *e, char *why, size_t n);

json_t *events_status(struct events *e); /* for /statusz; NULL: no memory */

/* ---- sending ---- */

struct events_event {
    const char *channel;
    const char *name; /* what EventSource calls its type; NULL: message */
    const json_t *data;
    /* the sender's own, which goes into the data as "id" where that is an object without one; NULL: none */
    const char *id;
    int retry_ms; /* 0: none */
};

/*
 * Called once, on the thread that follows the log or in events_free(). OK: it is stored. Else why, which is borrowed.
 */
typedef void events_stored_fn(pouch_err e, const char *why, void *arg);

/*
 * Appends it to the log. Any thread. After an error `stored` is not called. INVALID_PAYLOAD: a name that cannot be.
 * TOO_LARGE: over EVENTS_BYTES_MAX. OVERLOADED, NO_MEMORY; NO_BROKER, NOT_ALLOWED and others also by `stored`.
 */
POUCH_MUST_CHECK pouch_err events_publish(struct events *e, const struct events_event *event, events_stored_fn *stored,
                                          void *arg);

/* To the streams of this gateway alone, without a place on the log: what is wrong here while the log may be away. */
void events_tell(struct events *e, const char *channel, const char *name, const json_t *data);

/*
 * Has fn called every 5 s, until events_stop(), on the thread that follows the log; it must not wait. Always the same
 * fn: what was said before stays.
 */
void events_often(struct events *e, void (*fn)(void *arg), void *arg);

/* ---- streams ---- */

struct events_wish {
    const char *const *channels; /* copied; none: events_defaults */
    size_t n;
    const char *user;  /* shown in lists; NULL: none */
    const char *owner; /* auth_who_name(): who may change its subscriptions */
    const char *since; /* Last-Event-ID, or "earliest"; NULL: from now on */
    /*
     * Asked on its loop before something is sent; true: it is ended. `ended` is called once when it is over, also after
     * an error of events_join(). May be NULL.
     */
    bool (*is_over)(void *arg);
    void (*ended)(void *arg);
    void *arg;
};

/*
 * From a handler, instead of an answer: opens the stream. Takes the call in any case; what cannot be served now (too
 * many clients, a stop, a log that is not there yet) is told by 200, a "retry:" and the end, because an EventSource
 * never comes back after another status. An error is for the log only.
 */
POUCH_MUST_CHECK pouch_err events_join(struct events *e, struct httpd *server, struct httpd_call *c,
                                       const struct events_wish *wish);

/* The same end for one that is not let in for now. */
POUCH_MUST_CHECK pouch_err events_turn_away(struct httpd_call *c, const char *why);

/* ---- clients of all gateways ---- */

/*
 * `channels`: what it is subscribed to now, borrowed; NULL after an error: NOT_FOUND, no such client or another's;
 * TIMEOUT; CLOSED.
 */
typedef void events_changed_fn(pouch_err e, const char *why, const json_t *channels, void *arg);

/*
 * Subscribes a client of any gateway to channels, or unsubscribes it; n 0: from all. owner NULL: whoever's it is. Any
 * thread. `changed` is called once, on any thread, maybe before it returns; after an error it is not. OVERLOADED,
 * NO_MEMORY, INVALID_PAYLOAD (channels).
 */
POUCH_MUST_CHECK pouch_err events_change(struct events *e, const char *client, const char *owner, bool subscribe,
                                         const char *const *channels, size_t n, events_changed_fn *changed, void *arg);

/*
 * Of all gateways, those of others as they last told: {"clients":[{"id","userId","subscriptions","lastHeartbeat",
 * "connectionDuration"}],"gateways":[{"id","clients","age"}]}, age in ms. owner, channel: only those; NULL: all. Takes
 * a while for 10,000 of them. NULL: no memory.
 */
json_t *events_clients(struct events *e, const char *owner, const char *channel);
/* of all gateways, those of others as they last told */
size_t events_subscribers(struct events *e, const char *channel);
size_t events_clients_here(struct events *e);

/* For metrics history: {channel: clients} of this gateway, and how long they have been there on the average. */
json_t *events_channels_here(struct events *e, int64_t *mean_ms);

#endif
