/*
 * The gateways that are there, and the history of all of them, as the seed keeps it: kafka:health each 30 s for 60 s,
 * and kafka:metrics:MS each minute for 3600 s, of which 60 are kept. Their names stand in sorted sets (kafka:metrics,
 * pouch:gateways), so that nothing has to walk over all keys. Without Redis it is the history of this gateway.
 */
#ifndef POUCH_SHARE_PEERS_H
#define POUCH_SHARE_PEERS_H

#include <json/json.h>
#include <share/share.h>

/*
 * What this gateway is: facts as in points.h, the caller's; NULL: not known yet. On the share's thread: must not wait.
 */
typedef json_t *share_facts_fn(void *arg);
void share_set_facts(struct share *s, share_facts_fn *fn, void *arg); /* fn NULL: no more; waits for one that runs */

/* As last seen, some seconds ago at most while Redis is there: arrays, the caller's. NULL: out of memory. */
json_t *share_gateways(struct share *s);                 /* facts of each, this one among them */
json_t *share_points(struct share *s, int64_t since_ms); /* oldest first */

/* ---- the share's own ---- */

struct share_peers;
POUCH_MUST_CHECK pouch_err share_peers_new(struct share_peers **p, const char *instance); /* NO_MEMORY */
void share_peers_free(struct share_peers *p);
int64_t share_peers_turn(struct share *s, int64_t now_us); /* when to come again */

#endif
