/*
 * What service 2 does with an order: a row in a database, items out of the stock, and a mail. A request
 * may be delivered more than once, so everything is done once for each request id.
 */
#ifndef SHOP_H
#define SHOP_H

#include <jansson.h>
#include <stdbool.h>

struct shop;

/* What became of an order, the same each time it is asked for. */
struct outcome {
    bool fulfilled;
    char *text; /* the answer, JSON, when it is fulfilled; else why it is not; free() it */
};

/* orders.db and outbox/ in the folder, made when missing, with something in stock. NULL: told on standard error. */
struct shop *shop_open(const char *folder);
void shop_close(struct shop *shop); /* NULL is allowed */

/*
 * Any thread. False: not now (a full disk, say), told on standard error; what was done until then
 * stays undone or is finished the next time.
 */
bool shop_fulfil(struct shop *shop, const char *request_id, const json_t *order, struct outcome *outcome);

#endif
