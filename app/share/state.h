/* What the files of the share have in common. */
#ifndef POUCH_SHARE_STATE_H
#define POUCH_SHARE_STATE_H

#include <base/clock.h>
#include <base/wake.h>
#include <pthread.h>
#include <share/pending.h>
#include <share/share.h>
#include <share/url.h>
#include <stdatomic.h>

enum { SHARE_WHY_MAX = 256 };

/* One that has been given and not answered. */
struct share_command {
    struct share_command *next;
    share_done_fn *done; /* NULL: nobody asks */
    void *arg;
    char *bytes; /* as it goes over the wire; hiredis frees it */
    size_t n;
};

struct share_line { /* first in first out */
    struct share_command *first, **end;
};

enum share_phase { SHARE_CONNECTING, SHARE_UP, SHARE_AWAY };

struct redisContext;

struct share {
    struct share_url url;
    const struct pl_clock *clock;
    struct pl_wake wake;
    atomic_bool closing;
    pthread_t thread;

    pthread_mutex_t lock; /* for what follows */
    struct share_line given;
    size_t waiting, waiting_bytes; /* given or sent */
    enum share_phase phase;
    int64_t since_ms, back_ms;
    char why[SHARE_WHY_MAX];
    char server[SHARE_SERVER_MAX];

    struct share_pending pending; /* has a lock of its own */
    struct share_peers *peers;

    struct redisContext *redis; /* the thread's, as all below; NULL: not connected */
    struct share_line sent;
    int64_t moved_us;  /* when an answer last came, or a command went though none was under way */
    int64_t looked_us; /* at that, last */
    int64_t retry_us;  /* not to be tried before */
    int retry_ms;
};

/* share.c, on the share's thread, once a turn: Redis has been asked something and has not answered for too long. */
bool share_is_silent(struct share *s, int64_t now_us);

/* conn.c, on the share's thread: connects, and waits for that; what is asked of a server once. STORE. */
POUCH_MUST_CHECK pouch_err share_connect(struct share *s);
void share_disconnect(struct share *s);

/*
 * Writes and reads as much as goes without waiting, and tells what has been answered. STORE: the connection is of no
 * use.
 */
POUCH_MUST_CHECK pouch_err share_move(struct share *s);
/* STORE as above; takes c in any case */
POUCH_MUST_CHECK pouch_err share_send(struct share *s, struct share_command *c);

/* line.c */
void share_line_init(struct share_line *l);
void share_line_put(struct share_line *l, struct share_command *c);
struct share_command *share_line_take(struct share_line *l); /* NULL: it is empty */

/* A command's end: counts it as no longer waiting, tells, frees. */
void share_end(struct share *s, struct share_command *c, pouch_err e, const struct share_reply *reply);

#endif
