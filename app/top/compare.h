/* Two readings of several processes, compared: a view (top.h). No I/O. Inside the room. */
#ifndef POUCH_TOP_COMPARE_H
#define POUCH_TOP_COMPARE_H

#include <stdbool.h>
#include <stdint.h>
#include <top/top.h>

struct top_reading {
    int64_t at_us;   /* monotonic; 0: none yet */
    int64_t took_us; /* it tells of some moment within this time before */
    json_t *status;  /* NULL: error says why */
    char error[512];
};

struct top_process {
    const char *name;
    struct top_reading before, now;
};

/* Of an outcome in /statusz, such as "no_route". */
bool top_is_failure(const char *outcome);

/* NULL: no memory. */
json_t *top_compare(const struct top_process *processes, size_t n, int64_t at_ms);

#endif
