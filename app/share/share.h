/*
 * What several gateways share, in Redis: an index, and never the only copy of anything. One connection, on a thread of
 * its own.
 *
 * Threads. Any thread may call anything here; nothing waits, but share_open() and share_close() for threads. Callbacks
 * run on the thread of the connection, one at a time and in the order of the commands, and must not wait.
 */
#ifndef POUCH_SHARE_SHARE_H
#define POUCH_SHARE_SHARE_H

#include <pouch/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct share;
struct share_reply; /* what Redis has answered; borrowed until the callback returns */

enum {
    SHARE_COMMANDS_MOST = 10000,         /* given and not answered yet */
    SHARE_BYTES_MOST = 64 * 1024 * 1024, /* of those */
    SHARE_ARGS_MOST = 128,
};

/*
 * Starts to connect to redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE]; Redis need not be there. url NULL: there is
 * none, and it is away for good. instance names this process among others. CONFIG: no such URL, or rediss://, which
 * hiredis 0.14 cannot speak. NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err share_open(struct share **s, const char *url, const char *instance);

/* Ends what is under way with CLOSED. NULL allowed. */
void share_close(struct share *s);

/* ---- commands ---- */

struct share_arg {
    const void *at;
    size_t n;
};
struct share_arg share_text(const char *text);
enum { SHARE_NUMBER_MAX = 24 };
struct share_arg share_number(char digits[SHARE_NUMBER_MAX], int64_t number); /* written to digits */

/*
 * A command has been answered (POUCH_OK), or has not: STORE says why in pouch_why(), an error of Redis or of the way to
 * it; whether it was carried out is not known then. CLOSED: the connection is being closed.
 */
typedef void share_done_fn(pouch_err e, const struct share_reply *reply_or_null, void *arg);

/*
 * Gives a command, copied; done, which may be NULL, is called once, unless an error is returned. STORE: Redis is away.
 * OVERLOADED: too much waits already. NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err share_command(struct share *s, const struct share_arg args[], size_t n, share_done_fn *done,
                                         void *arg);

/* What an answer is; what it is not, is false, or nothing. Whoever may write to Redis can have put anything there. */
bool share_is_nil(const struct share_reply *r);
bool share_is_ok(const struct share_reply *r); /* the status OK */
bool share_read_text(const struct share_reply *r, const char **at, size_t *n);
bool share_read_number(const struct share_reply *r, int64_t *number);
size_t share_items(const struct share_reply *r);
const struct share_reply *share_item(const struct share_reply *r, size_t i); /* NULL past the last */

/*
 * A name for the run of the server that is, or was last, connected: another one after a restart or on another host. "-"
 * where the server does not tell. Gives out.
 */
enum { SHARE_SERVER_MAX = 64 };
const char *share_server(struct share *s, char out[SHARE_SERVER_MAX]);

/* ---- how it is ---- */

struct share_state {
    bool up;
    int64_t since_ms; /* wall clock */
    int64_t back_ms;  /* when it last was up again; 0: it has not been away */
    char why[256];    /* "" when up; never the password */
    size_t waiting;   /* commands */
};
void share_look(struct share *s, struct share_state *out);
/* "redis://cache:6379/0", as given but without user and password; NULL: there is none */
const char *share_where(const struct share *s);

#endif
