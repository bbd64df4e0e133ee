/* Times and outcomes as /statusz tells them. */
#ifndef POUCH_OPS_TIMES_H
#define POUCH_OPS_TIMES_H

#include <json/json.h>
#include <metrics/timing.h>

/*
 * {"count","sum_us","p50_us","p99_us","buckets":[[highest,count]…]}: the quantiles are of the last 10 to 20 s, the rest
 * is since the start, so that who reads twice can tell those of the time between. NULL: no memory.
 */
json_t *ops_times(enum pl_timing t);

/* {"routed":5,…}: the metric of that name, by its label. NULL: no memory. */
json_t *ops_outcomes(const char *metric);

#endif
