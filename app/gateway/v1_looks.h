/*
 * What many ask at once and that takes a while: it is looked at once for all of them, and what was seen last is shown
 * for a moment, so that a wall of consoles costs a cluster no more than one.
 */
#ifndef POUCH_GATEWAY_V1_LOOKS_H
#define POUCH_GATEWAY_V1_LOOKS_H

#include <cluster/cluster.h>
#include <gateway/gateway.h>

enum gateway_look { GATEWAY_LOOK_HEALTH, GATEWAY_LOOK_TOPICS, GATEWAY_LOOK_STATS, GATEWAY_LOOKS };

struct gateway_looks;
POUCH_MUST_CHECK pouch_err gateway_looks_new(struct gateway_looks **l, struct gateway *g);
void gateway_looks_stop(struct gateway_looks *l); /* what waits ends soon; NULL allowed, as of the next */
void gateway_looks_free(struct gateway_looks *l);

/*
 * What was seen last; not older than a second or two, unless somebody is looking right now. The caller's. What looking
 * says.
 */
POUCH_MUST_CHECK pouch_err gateway_look(struct gateway *g, enum gateway_look which, json_t **seen);

/* A connection to the cluster for all that is looked at; it stays open from the first time on. CONFIG, NO_MEMORY. */
POUCH_MUST_CHECK pouch_err gateway_looks_cluster(struct gateway *g, rd_kafka_t **rk);

#endif
