/*
 * A client in libevent's loop. Made with client.thread = off, it runs no thread of its own for
 * callbacks: they come from event_base_loop(), in the thread that runs it.
 *
 *   struct event *turns = pouch_libevent_attach(client, base);
 *   event_base_dispatch(base);
 *   event_free(turns);              (before the client goes)
 *   pouch_client_close(client, 1000);
 *
 * Only static functions: the library itself does not depend on libevent.
 */
#ifndef POUCH_ADAPTERS_LIBEVENT_H
#define POUCH_ADAPTERS_LIBEVENT_H

#include <event2/event.h>
#include <pouch/client.h>

#ifdef __cplusplus
extern "C" {
#endif

static inline void pouch_libevent_turn(evutil_socket_t fd, short what, void *client) {
    (void)fd;
    (void)what;
    pouch_client_process((pouch_client *)client);
}

/*
 * Gives c its turns in base. The event is the caller's, freed with event_free() before
 * pouch_client_close(), neither of them from a callback of c. NULL: c has a thread of its own,
 * or there is no memory.
 */
static inline struct event *pouch_libevent_attach(pouch_client *c, struct event_base *base) {
    int fd = pouch_client_fd(c);
    struct event *turns = fd < 0 ? NULL : event_new(base, fd, EV_READ | EV_PERSIST, pouch_libevent_turn, c);
    if (!turns) return NULL;
    if (!event_add(turns, NULL)) return turns;
    event_free(turns);
    return NULL;
}

#ifdef __cplusplus
}
#endif
#endif
