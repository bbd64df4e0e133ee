/*
 * The handlers' threads. Each takes one job at a time: with more, a slow handler would hold up jobs
 * that other threads are free to do.
 *
 * Outcomes wait for the broker in memory, so while those that wait are over the bound, no handler
 * is started to add to them.
 */
#ifndef POUCH_WORKER_POOL_H
#define POUCH_WORKER_POOL_H

#include <pouch/error.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct pouch_worker;

struct pl_pool {
    pthread_t *threads;
    size_t n;
    pthread_mutex_t lock;
    pthread_cond_t room;
    atomic_size_t held; /* bytes of outcomes that wait for their delivery reports */
    size_t most;
    bool closed;
};

/* NO_MEMORY: also no threads */
POUCH_MUST_CHECK pouch_err pl_pool_start(struct pouch_worker *w, size_t threads, size_t most_held);
bool pl_pool_is_full(const struct pl_pool *p);         /* any thread: handlers wait for deliveries */
void pl_pool_hold(struct pl_pool *p, size_t bytes);    /* any thread */
void pl_pool_release(struct pl_pool *p, size_t bytes); /* the poll thread */

/* Lets the threads end after what they are doing; their queue must be closed. */
void pl_pool_close(struct pl_pool *p);
void pl_pool_join(struct pl_pool *p); /* closed, or never started */

#endif
