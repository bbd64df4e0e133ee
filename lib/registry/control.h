/*
 * Hearing the announcements: the control topic, made when missing, read from its end. Belongs to one thread.
 */
#ifndef POUCH_REGISTRY_CONTROL_H
#define POUCH_REGISTRY_CONTROL_H

#include <bus/kafka.h>

struct pl_control;

/* Settings, client id and wake outlive it. The wake is signalled when something may have been announced. NO_MEMORY. */
POUCH_MUST_CHECK pouch_err pl_control_new(struct pl_control **c, const struct pl_settings *s, const char *client_id,
                                          struct pl_wake *wake);
void pl_control_free(struct pl_control *c); /* NULL allowed */

/*
 * Whether announcements are heard. What was announced before that, nobody will hear here: when
 * pl_control_connect() has succeeded the store is to be read.
 */
bool pl_control_connected(const struct pl_control *c);

/* Takes some seconds at most. NO_BROKER, NOT_ALLOWED, TIMEOUT and others: to be tried again. */
POUCH_MUST_CHECK pouch_err pl_control_connect(struct pl_control *c);

/* The highest version announced since the last call, 0: none. Never waits. A topic that is gone leaves it unconnected. */
int64_t pl_control_take(struct pl_control *c);

#endif
