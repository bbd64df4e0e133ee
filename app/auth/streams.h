/* The streams that are open here, by whose they are. Inside the room. */
#ifndef POUCH_AUTH_STREAMS_H
#define POUCH_AUTH_STREAMS_H

#include <auth/access.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

enum { AUTH_STREAM_LISTS = 256 };

struct auth_stream {
    LIST_ENTRY(auth_stream) entry;
    struct auth_streams *all;
    struct auth_who *who;
    const struct pl_clock *clock;
    atomic_bool over;
};
LIST_HEAD(auth_stream_list, auth_stream);

struct auth_streams {
    pthread_mutex_t lock;
    struct auth_stream_list lists[AUTH_STREAM_LISTS]; /* by the hash of a name */
};

void auth_streams_init(struct auth_streams *s);
void auth_streams_free(struct auth_streams *s); /* when all are ended */

/* OVERLOADED: as many as who may have. NO_MEMORY. */
POUCH_MUST_CHECK pouch_err auth_streams_add(struct auth_streams *all, struct auth_who *who,
                                            const struct pl_clock *clock, struct auth_stream **s);

/*
 * It is over if it is of a key that `access` does not have as it was, or of a token that another file has let in, and
 * which is checked again. NULL: there is no file, so nobody comes with either.
 */
void auth_stream_review(struct auth_stream *s, const struct auth_access *access);

/* The same for all that are open. */
void auth_streams_review(struct auth_streams *all, const struct auth_access *access);

#endif
