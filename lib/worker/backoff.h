/*
 * How long a worker waits before it calls a handler again: twice as long each time, and never quite as long as others.
 */
#ifndef POUCH_WORKER_BACKOFF_H
#define POUCH_WORKER_BACKOFF_H

#include <conf/settings.h>
#include <stdint.h>

struct pl_backoff {
    int attempts; /* in all, the first included */
    int64_t first_ms, most_ms;
};

/* The setting retry.profile, and what is set beside it. */
void pl_backoff_read(struct pl_backoff *b, const struct pl_settings *s);

/*
 * The wait after so many attempts. chance, any number, moves it by a quarter to either side, so that what failed
 * together does not come back together; the longest stays the longest.
 */
int64_t pl_backoff_ms(const struct pl_backoff *b, int attempts, uint32_t chance);

#endif
