#include <ops/follow.h>

enum { REST_LEAST_MS = 500, REST_MOST_MS = 5000, REST_A_READING = 3 };

#define SOON_US INT64_C(1000000)

static int64_t least(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static int64_t most(int64_t a, int64_t b) {
    return a > b ? a : b;
}

void ops_follow_begin(struct ops_follow *f, int64_t begin_us, int64_t now_us) {
    *f = (struct ops_follow){.begin_us = begin_us, .read_us = now_us, .late_us = now_us};
}

/*
 * After a clock was put back, what comes is shown from where it is now on; what was shown of that time before is not
 * shown again.
 */
int64_t ops_follow_since(struct ops_follow *f, int64_t now_us, int64_t *known_us) {
    if (now_us < f->read_us) f->begin_us = least(f->begin_us, now_us);
    int64_t late_since = least(f->late_us, now_us) - OPS_FOLLOW_LATE_US;
    int64_t since = least(f->read_us, now_us) - SOON_US;
    *known_us = late_since;
    if (now_us - f->late_us >= OPS_FOLLOW_EVERY_US || now_us < f->late_us) {
        since = least(since, late_since);
        f->late_us = now_us;
    }
    f->read_us = now_us;
    return most(since, f->begin_us);
}

int ops_follow_rest_ms(int64_t took_us) {
    return (int)most(REST_LEAST_MS, least(REST_A_READING * (took_us / 1000), REST_MOST_MS));
}
