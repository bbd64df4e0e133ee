/*
 * The latest events, in the order of the log: complete from `first` to before `next`. One thread appends; loops
 * read, each at its own positions. What has no room any more leaves at the front.
 *
 *   first .. next of the log's offsets | not read yet
 */
#ifndef POUCH_EVENTS_RING_H
#define POUCH_EVENTS_RING_H

#include <events/set.h>
#include <httpd/stream.h>
#include <pthread.h>
#include <stdatomic.h>

/* An event as it is sent. Counted by reference; never changes. */
struct events_item {
    atomic_size_t refs;
    int64_t offset;
    struct httpd_block *block;
    uint64_t hash; /* of the channel */
    char channel[];
};

/* NULL: no memory; block stays the caller's then, and is the item's otherwise. */
struct events_item *events_item_new(int64_t offset, const char *channel, struct httpd_block *block);
void events_item_free(struct events_item *i); /* gives one reference back */

struct events_ring {
    pthread_mutex_t lock;
    struct events_item **items;
    size_t cap, head, n; /* cap is a power of two; the oldest at head */
    size_t bytes, max_bytes;
    int64_t first, next;
};

/* n: a power of two. NO_MEMORY. */
POUCH_MUST_CHECK pouch_err events_ring_init(struct events_ring *r, size_t n, size_t max_bytes);
void events_ring_free(struct events_ring *r);

/* Empty, and complete from there. */
void events_ring_restart(struct events_ring *r, int64_t at);

/* Takes the item, whose offset is not before `next`. */
void events_ring_append(struct events_ring *r, struct events_item *item);
/* What was before `next` and is not in the ring was no event. */
void events_ring_advance(struct events_ring *r, int64_t next);

/*
 * Up to max items from *cursor on and before `until` that are in the set (NULL: all), each with a reference for the
 * caller; *cursor moves behind what was looked at. False: the ring is not complete from *cursor on any more.
 */
bool events_ring_read(struct events_ring *r, int64_t *cursor, int64_t until, const struct events_set *set,
                      struct events_item *out[], size_t max, size_t *n);

bool events_ring_reaches(struct events_ring *r, int64_t cursor); /* events_ring_read() would not say false */
int64_t events_ring_first(struct events_ring *r);
int64_t events_ring_next(struct events_ring *r);
bool events_ring_is_full(struct events_ring *r, int64_t *oldest); /* nearly; *oldest: of its items */

#endif
