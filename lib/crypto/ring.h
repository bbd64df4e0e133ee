/* The inside of pouch_keyring, for sealers. */
#ifndef POUCH_CRYPTO_RING_H
#define POUCH_CRYPTO_RING_H

#include <crypto/keyset.h>
#include <pthread.h>

enum { PL_SPARES_MAX = 8 };

struct pl_sealer;

/* The thread that follows the file (crypto/keywatch.c). */
struct pl_keywatch {
    bool runs; /* under the ring's lock */
    pthread_t thread;
    pthread_mutex_t lock; /* for what follows */
    pthread_cond_t changed;
    bool ending;
};

struct pouch_keyring {
    _Atomic size_t refs;
    _Atomic uint64_t generation; /* moves with each swap of set; read without the lock */
    char *path;                  /* NULL: from the environment */
    pthread_mutex_t reload;      /* held over a whole reload, so that the last to read is the last to swap */
    pthread_mutex_t lock;        /* for what follows */
    struct pl_keyset *set;
    /* between two uses of pl_sealer_take(); they hold no reference of the ring */
    struct pl_sealer *spares[PL_SPARES_MAX];
    size_t n_spares;
    struct pl_keywatch watch;
};

/* The set in force, with a reference for the caller, and its generation. */
struct pl_keyset *pl_keyring_set(pouch_keyring *ring, uint64_t *generation);

/* keywatch.c: ends the thread, if there is one; nobody else uses the ring any more. */
void pl_keyring_unfollow(pouch_keyring *ring);

/* Frees a sealer that holds no reference of its ring. */
void pl_sealer_dispose(struct pl_sealer *s);

#endif
