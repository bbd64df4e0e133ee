/*
 * Desks: where requests are opened and answers sealed. A desk has a sealer, which belongs to one
 * thread at a time, and buffers to work in. Whoever opens or ends a job takes one for the time of
 * the cryptography, so a few serve any number of threads; and once they are closed and all are
 * back, no other thread reads a record or uses the producer.
 */
#ifndef POUCH_WORKER_DESK_H
#define POUCH_WORKER_DESK_H

#include <crypto/seal.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <worker/parcel.h>

struct pouch_job;

struct pl_desk {
    struct pl_sealer *sealer;
    struct pl_buf plain;                       /* a reply's plaintext; wiped when the desk is given back */
    struct pl_buf text;                        /* an error's text */
    struct pl_parcel parcel;                   /* the sealed record, to be swapped into the job that it answers */
    _Atomic(const struct pouch_job *) sending; /* its record is being given to the producer by whoever has the desk */
    struct pl_desk *next;
};

enum { PL_ERROR_TEXT_MAX = 8 * 1024 };

struct pl_desks {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct pl_desk *all, *free;
    size_t n, out;
    bool closed;
};

/* n desks whose records hold at most value_max bytes. CONFIG, NO_MEMORY: then nothing is left behind. */
POUCH_MUST_CHECK pouch_err pl_desks_init(struct pl_desks *d, size_t n, pouch_keyring *ring, enum pl_over_limit over,
                                         size_t value_max);
void pl_desks_free(struct pl_desks *d);

struct pl_desk *pl_desk_take(struct pl_desks *d); /* waits while all are out; NULL once closed */
void pl_desk_give(struct pl_desks *d, struct pl_desk *desk);

/* Gives out no more and waits until all are back. */
void pl_desks_close(struct pl_desks *d);

/* Whether the job's record is just being given to the producer at one of them. Any thread. */
bool pl_desks_send(struct pl_desks *d, const struct pouch_job *j);

/* Makes a desk that is in nobody's list ready for the next use. */
void pl_desk_clear(struct pl_desk *desk);

#endif
