/*
 * What a gateway says of itself (its facts), and the history of all gateways that is made of it: a point a minute.
 * Texts come from Redis, where anybody may have written them, so what is not as it should be is left out. No I/O.
 *
 * Facts:  {"instance","at":ms,"healthy":bool,"kafka":{"consumer":bool,"producer":bool,"pendingRequests":n},
 *          "sse":{"totalClients":n,"clientsByChannel":{CHANNEL:n},"averageConnectionDuration":ms}, …}
 * Point:  {"timestamp":"RFC 3339","at":ms,"healthy","gateways":n,"kafka":{…},"sse":{…}}
 */
#ifndef POUCH_SHARE_POINTS_H
#define POUCH_SHARE_POINTS_H

#include <json/json.h>
#include <stdint.h>

enum { SHARE_POINTS_MOST = 60, SHARE_CHANNELS_MOST = 256 };

/* NULL: not facts. The caller's. */
json_t *share_facts_read(const char *text, size_t n);

/* Of an array of facts; at_ms is its time. NULL: out of memory. */
json_t *share_point_make(const json_t *facts, int64_t at_ms);

/* NULL: not a point. */
json_t *share_point_read(const char *text, size_t n);

/*
 * {sseClients:{change,direction}, pendingRequests:{…}, systemStability:{percentage,status}} of points, oldest first.
 * NULL: out of memory.
 */
json_t *share_trends(const json_t *points);

/* "excellent" from 95 on, "good" from 85, "fair" from 70, else "poor". */
const char *share_stability(double percentage);

enum { SHARE_TIME_MAX = 32 };
const char *share_time(char out[SHARE_TIME_MAX], int64_t ms); /* "2024-01-31T12:00:00.000Z"; gives out */

#endif
