/*
 * Hearing the announcements: the control topic, made when missing. Belongs to one thread.
 */
#ifndef POUCH_REGISTRY_CONTROL_H
#define POUCH_REGISTRY_CONTROL_H

#include <bus/kafka.h>
#include <registry/announcement.h>

struct pl_control;

/* Settings, client id and wake outlive it. The wake is signalled when something may have been announced. NO_MEMORY. */
POUCH_MUST_CHECK pouch_err pl_control_new(struct pl_control **c, const struct pl_settings *s, const char *client_id,
                                          struct pl_wake *wake);
void pl_control_free(struct pl_control *c); /* NULL allowed */

/* Whether announcements are heard. */
bool pl_control_connected(const struct pl_control *c);

/*
 * Hears what is announced from now on, so the store is to be read once more after it; or, from_start, all that the
 * topic still has. Takes some seconds at most. NO_BROKER, NOT_ALLOWED, TIMEOUT and others: to be tried again, by the
 * same connection.
 */
POUCH_MUST_CHECK pouch_err pl_control_connect(struct pl_control *c, bool from_start);

/* Whether all has been heard that was there when it connected. */
bool pl_control_caught_up(const struct pl_control *c);

/* Hands over what was announced since the last call. Never waits. A topic that is gone leaves it unconnected. */
typedef void pl_control_heard(const struct pl_announced *a, void *arg);
void pl_control_take(struct pl_control *c, pl_control_heard *heard, void *arg);

#endif
