/*
 * The live view of other processes, made of nothing but their /statusz: what they count is read again and again, and
 * rates and quantiles are those of the time between two readings.
 *
 * A view is JSON, as `-o json` prints it:
 *
 *   {"at_ms","seconds","processes":[…],"publishers":[…],"targets":[…],"breakers":[…]}
 *
 *   process    {"process","error"} or {"process","role","version","phase","ready","uptime_ms","reasons","notes",
 *              "seconds","rate","failed_rate","outcomes":{name:{"total","rate"}},"times":{"count","p50_us","p99_us"},
 *              "in_flight","in_flight_most","oldest_ms","paused","partitions","lag"}
 *   publisher  {"publisher","rate","failed_rate","limited_rate","routed","failed","limited"}, over all processes
 *   target     {"target","rate","failed_rate","routed","failed","in_flight","stalled"}, over all processes
 *   breaker    {"process", and what the process says of it}
 *
 * Rates are a second's; "seconds" is how long lies between the two readings, of a view the longest of its processes.
 * Of a process what is not known yet, or not any more since it was started again, is null.
 */
#ifndef POUCH_TOP_TOP_H
#define POUCH_TOP_TOP_H

#include <base/buf.h>
#include <json/json.h>

struct top;

enum { TOP_MOST = 64 };
enum top_order { TOP_BY_RATE, TOP_BY_FAILED, TOP_BY_NAME, TOP_ORDERS };

/*
 * Of the processes named as peer_url() takes them, at most TOP_MOST, looked at every so often. CONFIG, OVERLOADED,
 * NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err top_new(struct top **t, const char *const names[], size_t n, int every_ms);
void top_free(struct top *t); /* NULL allowed */

/* Any thread, also a signal handler. */
void top_stop(struct top *t);

/*
 * The next view, in its time; the first takes two readings. A process that cannot be read is in it with the reason.
 * CLOSED: stopped; NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err top_next(struct top *t, json_t **view);

/* On the terminal until q is pressed or it is stopped. CONFIG: it is no terminal that can be drawn on. */
POUCH_MUST_CHECK pouch_err top_watch(struct top *t);

/* The publishers and targets of a view in another order than by rate. */
void top_sort(json_t *view, enum top_order order);

/*
 * A view as lines for people, ASCII only. Each begins with a letter for how it is shown, which is no part of it: see
 * enum top_style. Errors as pl_buf_append().
 */
enum top_style { TOP_PLAIN = ' ', TOP_HEADING = 'h', TOP_BAD = 'b' };
POUCH_MUST_CHECK pouch_err top_page(struct pl_buf *out, const json_t *view);

#endif
