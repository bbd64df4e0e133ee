#include <base/why.h>
#include <crypto/memory.h>
#include <crypto/random.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

enum { BLOCK_BYTES = 4096 };

/*
 * A thread's unused random bytes are bytes[sizeof bytes - left ..]. A page of zeros is an empty
 * block, so what the kernel leaves of it in a forked child is drawn afresh.
 */
struct block {
    uint64_t fork; /* value of forks when it was filled */
    size_t left;
    uint8_t bytes[BLOCK_BYTES - 2 * sizeof(size_t)];
};
_Static_assert(sizeof(struct block) == BLOCK_BYTES, "a block is one page");

static _Thread_local struct block *block;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t at_exit;

/* Children since the program began, along this line of descent: serves where the kernel does not wipe on fork. */
static _Atomic uint64_t forks;

static void child_begins(void) {
    atomic_fetch_add(&forks, 1);
}

static void block_free(void *b) {
    pl_secret_unmap(b, BLOCK_BYTES);
    block = NULL;
}

static bool ready;

static void set_up(void) {
    ready = pthread_atfork(NULL, NULL, child_begins) == 0 && pthread_key_create(&at_exit, block_free) == 0;
}

/* This thread's block; NULL when there is no memory for one. */
static struct block *block_get(void) {
    if (block) return block;
    pthread_once(&once, set_up);
    if (!ready) return NULL;
    struct block *b = pl_secret_map(BLOCK_BYTES);
    if (!b) return NULL;
    (void)madvise(b, BLOCK_BYTES, MADV_WIPEONFORK); /* kernels before 4.14 refuse; forks serves there */
    if (pthread_setspecific(at_exit, b)) {
        block_free(b);
        return NULL;
    }
    return block = b;
}

static pouch_err draw(void *out, size_t n) {
    if (RAND_bytes(out, (int)n) == 1) return POUCH_OK;
    return pl_fail(POUCH_E_NO_MEMORY, "the system gives no random bytes");
}

pouch_err pl_random(void *out, size_t n) {
    struct block *b = block_get();
    if (!b) return draw(out, n);
    uint64_t fork = atomic_load_explicit(&forks, memory_order_relaxed);
    if (b->left < n || b->fork != fork) {
        b->left = 0;
        pouch_err e = draw(b->bytes, sizeof b->bytes);
        if (e) return e;
        b->fork = fork;
        b->left = sizeof b->bytes;
    }
    uint8_t *from = b->bytes + sizeof b->bytes - b->left;
    memcpy(out, from, n);
    explicit_bzero(from, n);
    b->left -= n;
    return POUCH_OK;
}

pouch_err pl_random_uuid(struct pl_uuid *u) {
    pouch_err e = pl_random(u->b, sizeof u->b);
    if (!e) pl_uuid_v4(u);
    return e;
}
