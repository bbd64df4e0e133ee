/*
 * The gateway's store, open between calls. A store belongs to one thread at a time, so there are as many as are in use
 * at once, and each is lent: opening one costs connections, a look at the tables and statements that are prepared.
 */
#ifndef POUCH_GATEWAY_STORES_H
#define POUCH_GATEWAY_STORES_H

#include <pouch/error.h>
#include <store/store.h>

struct gateway_stores;

/* named: the setting store; NULL: the default one. Opens nothing. CONFIG: no default can be told. NO_MEMORY. */
POUCH_MUST_CHECK pouch_err gateway_stores_new(struct gateway_stores **s, const char *named);
void gateway_stores_free(struct gateway_stores *s); /* all are back; NULL allowed */

/*
 * One that nobody else has, opened where none is idle. While it cannot be opened one caller tries and the others are
 * told at once what the last try has said, as is who comes within a second after it. STORE: with what to do, whatever
 * is wrong: it is never the caller's fault.
 */
POUCH_MUST_CHECK pouch_err gateway_stores_take(struct gateway_stores *s, struct pl_store **store);

/* e: how its use has ended: what has failed is closed, and the next is opened afresh. store NULL allowed. */
void gateway_stores_give(struct gateway_stores *s, struct pl_store *store, pouch_err e);

const char *gateway_stores_url(const struct gateway_stores *s);

#endif
