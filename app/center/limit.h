/*
 * The publishers whose requests are routed: how many of each, and how many a second each may send. Only publishers
 * with a route come here, so that nobody can fill the table with names that mean nothing.
 *
 * A bucket holds `burst` requests and is filled at `rate` a second. It is kept as the one moment at which it will be
 * full again: each request puts that off by 1/rate, and a request that would put it off to more than burst/rate
 * from now is refused. So a publisher whose bucket is full is as good as one that was never seen, and may be
 * forgotten.
 */
#ifndef POUCH_CENTER_LIMIT_H
#define POUCH_CENTER_LIMIT_H

#include <center/count.h>
#include <stdbool.h>
#include <stddef.h>

enum { CENTER_PUBLISHERS = 10000, CENTER_PUBLISHER_SLOTS = 4096 };

struct center_publisher {
    char *name; /* NULL: all those that the table has no room for, which share a bucket */
    struct center_count count;
    int64_t full_ns; /* when its bucket is full again; in the past: it is */
    int64_t seen_us;
    size_t users; /* records in flight that count for it */
    struct center_publisher *next;
};

struct center_limits {
    struct center_publisher *slots[CENTER_PUBLISHER_SLOTS];
    struct center_publisher others;
    size_t n;
    int64_t interval_ns;    /* between two requests at the rate; 0: no limit */
    int64_t burst_ns;       /* how far a bucket's full_ns may lie ahead before a request is refused */
    int64_t looked_us;      /* when room was last looked for */
    void *(*alloc)(size_t); /* malloc() */
};

/* rate: requests a second, 0 for no limit; burst: 0 stands for a second's. */
void center_limits_init(struct center_limits *l, size_t rate, size_t burst);
void center_limits_free(struct center_limits *l);

/*
 * The publisher of that name. A full table forgets those that nothing has come from for a minute; where there are none,
 * or no memory, it is `others`.
 */
struct center_publisher *center_publisher_of(struct center_limits *l, const char *name, int64_t now_us);

/* Whether one more request may pass now; one that may is taken from the bucket. */
bool center_limit_take(const struct center_limits *l, struct center_publisher *p, int64_t now_us);

#endif
