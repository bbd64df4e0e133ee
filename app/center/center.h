/*
 * The command center: takes envelopes from the inbox and writes each to the targets of its
 * publisher's route. It holds no key and opens nothing. Every record ends as written to its target or as a dead
 * letter, with an error for its requester where that can be told; only then its offset is stored.
 *
 * THREADS  One thread runs it, in center_run(), and owns all of it. center_stop() from any thread
 *          or signal handler.
 */
#ifndef POUCH_CENTER_CENTER_H
#define POUCH_CENTER_CENTER_H

#include <pouch/options.h>

struct center;

/* Settings are copied; nothing connects yet. CONFIG: a bad setting, named. OVERLOADED, NO_MEMORY. */
POUCH_MUST_CHECK pouch_err center_new(struct center **c, const pouch_options *o);

/*
 * Routes until center_stop(), then finishes what is in flight, up to the setting drain. Makes the inbox (3
 * partitions) and the dead-letter topic when they are missing. NO_BROKER, NOT_ALLOWED, CONFIG (also
 * what pl_group_join() refuses, and a store that cannot be used), NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err center_run(struct center *c);
void center_stop(struct center *c);
void center_free(struct center *c); /* NULL allowed */

#endif
