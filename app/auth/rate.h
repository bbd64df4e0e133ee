/*
 * Rates of keys and addresses, in a table of a fixed size: those that meet in a place share what one of them may do.
 * Where somebody lands is a matter of a secret of this process, so nobody can choose whom to meet. No locks.
 *
 * A bucket is kept as the one moment at which it will be full again (see center/limit.h): one that is full is as good
 * as one that was never used.
 */
#ifndef POUCH_AUTH_RATE_H
#define POUCH_AUTH_RATE_H

#include <pouch/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { AUTH_PLACES = 65536 };

struct auth_rates {
    uint64_t secret[2];
    _Atomic int64_t full_us[AUTH_PLACES];
};

/* `burst` at once, and one more after each interval. */
struct auth_rate {
    int64_t interval_us; /* 0: no limit */
    size_t burst;        /* at least 1 */
};

POUCH_MUST_CHECK pouch_err auth_rates_init(struct auth_rates *r); /* NO_MEMORY: no random bytes */

/* One more by that name. 0: it may be, and is counted; else in how many microseconds it could. */
int64_t auth_rate_take(struct auth_rates *r, struct auth_rate rate, const void *name, size_t n, int64_t now_us);

#endif
