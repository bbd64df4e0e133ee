/*
 * How often a log that is followed is read, and from where on. Rows can be read some time after the time that is in
 * them, as writers write in batches: nearly all within a second. So the last second is read again each time, and what
 * may have come late every ten seconds: of each row that comes, five are read, rather than twenty. No I/O.
 */
#ifndef POUCH_OPS_FOLLOW_H
#define POUCH_OPS_FOLLOW_H

#include <stdint.h>

/* How late a row may come to be seen; and for how long the whole of that is not looked through again. */
#define OPS_FOLLOW_LATE_US  INT64_C(10000000)
#define OPS_FOLLOW_EVERY_US INT64_C(10000000)

struct ops_follow {
    int64_t begin_us;         /* nothing before that is looked at */
    int64_t read_us, late_us; /* when the last reading began, and the last one of what may have come late */
};

/* now_us: what there is has just been read, from begin_us on. */
void ops_follow_begin(struct ops_follow *f, int64_t begin_us, int64_t now_us);

/* Where the reading that begins now is to begin; what was seen is to be known from *known_us on. */
int64_t ops_follow_since(struct ops_follow *f, int64_t now_us, int64_t *known_us);

/* How long to rest after a reading that took so long: three times that, within half a second and five. */
int ops_follow_rest_ms(int64_t took_us);

#endif
