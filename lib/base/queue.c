#include <base/queue.h>
#include <base/why.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct pl_queue {
    pthread_mutex_t lock; /* holds all below */
    pthread_cond_t filled;
    size_t waiting; /* consumers in pthread_cond_wait(), those just woken included */
    bool closed;
    size_t first, count, max; /* the items are ring[first], ... count of them, wrapping at max */
    void *ring[];
};

static int init_condition(pthread_cond_t *c) {
    pthread_condattr_t attr;
    int failed = pthread_condattr_init(&attr);
    if (failed) return failed;
    failed = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    if (!failed) failed = pthread_cond_init(c, &attr);
    pthread_condattr_destroy(&attr);
    return failed;
}

pouch_err pl_queue_new(struct pl_queue **out, size_t max) {
    struct pl_queue *q = NULL;
    if (max <= (SIZE_MAX - sizeof *q) / sizeof q->ring[0]) q = calloc(1, sizeof *q + max * sizeof q->ring[0]);
    if (!q) goto no_memory;
    q->max = max;
    if (pthread_mutex_init(&q->lock, NULL)) goto no_lock;
    if (init_condition(&q->filled)) goto no_condition;
    *out = q;
    return POUCH_OK;

no_condition:
    pthread_mutex_destroy(&q->lock);
no_lock:
    free(q);
no_memory:
    return pl_fail(POUCH_E_NO_MEMORY, "out of memory: a queue of %zu could not be had", max);
}

void pl_queue_free(struct pl_queue *q) {
    if (!q) return;
    pthread_cond_destroy(&q->filled);
    pthread_mutex_destroy(&q->lock);
    free(q);
}

size_t pl_queue_put(struct pl_queue *q, void *const items[], size_t n) {
    pthread_mutex_lock(&q->lock);
    size_t room = q->closed ? 0 : q->max - q->count;
    if (n > room) n = room;
    for (size_t i = 0, at = q->first + q->count; i < n; i++, at++) q->ring[at < q->max ? at : at - q->max] = items[i];
    q->count += n;
    size_t wake = n < q->waiting ? n : q->waiting;
    pthread_mutex_unlock(&q->lock);

    /* Each of the n items wakes one consumer. One that leaves items behind is followed by one still waking. */
    while (wake--) pthread_cond_signal(&q->filled);
    return n;
}

static struct timespec after(int64_t us) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += us / 1000000;
    t.tv_nsec += us % 1000000 * 1000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_nsec -= 1000000000;
        t.tv_sec++;
    }
    return t;
}

/* With the lock held: until there is an item, the queue is closed or wait_us have passed. */
static void wait_filled(struct pl_queue *q, int64_t wait_us) {
    if (q->count || q->closed || wait_us == 0) return;
    struct timespec until = wait_us > 0 ? after(wait_us) : (struct timespec){0};
    int timed_out = 0;
    q->waiting++;
    while (!q->count && !q->closed && !timed_out) {
        timed_out = wait_us > 0 ? pthread_cond_timedwait(&q->filled, &q->lock, &until)
                                : pthread_cond_wait(&q->filled, &q->lock);
    }
    q->waiting--;
}

size_t pl_queue_take(struct pl_queue *q, void *items[], size_t n, int64_t wait_us) {
    pthread_mutex_lock(&q->lock);
    wait_filled(q, wait_us);
    size_t share = q->count / (1 + q->waiting) + (q->count % (1 + q->waiting) != 0);
    if (n > share) n = share;
    for (size_t i = 0; i < n; i++) {
        items[i] = q->ring[q->first];
        q->first = q->first + 1 < q->max ? q->first + 1 : 0;
    }
    q->count -= n;
    pthread_mutex_unlock(&q->lock);
    return n;
}

size_t pl_queue_length(struct pl_queue *q) {
    pthread_mutex_lock(&q->lock);
    size_t count = q->count;
    pthread_mutex_unlock(&q->lock);
    return count;
}

void pl_queue_close(struct pl_queue *q) {
    pthread_mutex_lock(&q->lock);
    q->closed = true;
    pthread_mutex_unlock(&q->lock);
    pthread_cond_broadcast(&q->filled);
}
