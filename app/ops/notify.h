/*
 * What a service manager is told that wants to know (systemd's Type=notify, WatchdogSec): by the variable
 * NOTIFY_SOCKET. Where nobody asks, nothing happens.
 */
#ifndef POUCH_OPS_NOTIFY_H
#define POUCH_OPS_NOTIFY_H

#include <httpd/health.h>

struct ops_notify;

/*
 * Tells that the program is ready, and from then on what keeps it from working; and, as often as it was asked to, that
 * it lives: not while the owner names a reason why only a restart helps. *n NULL: nobody asks. The owner is borrowed
 * until _stop. CONFIG: an address that is none. NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err ops_notify_start(struct ops_notify **n, const struct httpd_owner *owner);
void ops_notify_stop(struct ops_notify *n); /* NULL allowed */

/*
 * "STOPPING=1", say; lines of the protocol. Safe in a signal handler. False: they were not taken, or nobody asks. Never
 * waits.
 */
bool ops_notify_tell(const char *lines);

#endif
