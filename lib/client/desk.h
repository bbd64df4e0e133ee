/*
 * Where a caller seals: a sealer and buffers that are used again. A desk belongs to one thread
 * from take to give; the client keeps the buffers of those that nobody sits at, and the key ring
 * the sealers, which it drops with their keys when these change.
 */
#ifndef POUCH_CLIENT_DESK_H
#define POUCH_CLIENT_DESK_H

#include <base/buf.h>
#include <crypto/seal.h>
#include <pthread.h>

struct pl_ask_desk {
    struct pl_sealer *sealer; /* of a desk that is taken */
    struct pl_buf plain, envelope;
    struct pl_ask_desk *next;
};

struct pl_ask_desks {
    pthread_mutex_t lock;
    struct pl_ask_desk *idle;
    pouch_keyring *ring;
    enum pl_over_limit over;
    size_t max; /* bytes of an envelope */
};

/* Takes a reference of ring. NO_MEMORY. */
POUCH_MUST_CHECK pouch_err pl_ask_desks_init(struct pl_ask_desks *d, pouch_keyring *ring, enum pl_over_limit over,
                                             size_t max);
void pl_ask_desks_free(struct pl_ask_desks *d); /* all desks have been given back */

POUCH_MUST_CHECK pouch_err pl_ask_desk_take(struct pl_ask_desks *d, struct pl_ask_desk **desk); /* NO_MEMORY */
void pl_ask_desk_give(struct pl_ask_desks *d, struct pl_ask_desk *desk); /* wipes the plaintext */

#endif
