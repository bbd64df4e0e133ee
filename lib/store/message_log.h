/* What the message logs of client and worker share: who asked what of whom,
 * when, how long, with what end. */
#ifndef POUCH_STORE_MESSAGE_LOG_H
#define POUCH_STORE_MESSAGE_LOG_H

#include <conf/settings.h>
#include <store/tracer.h>

/* How long a closing client or worker waits for its last rows to be written. */
enum { PL_MESSAGE_LOG_FLUSH_MS = 1000 };

/*
 * The tracer that the settings ask for. *t is NULL when no store is set, and
 * when the store cannot be opened: that is logged, and the work goes on
 * without. CONFIG: the setting is no store's URL.
 */
POUCH_MUST_CHECK pouch_err pl_message_log_open(struct pl_tracer **t, const struct pl_settings *s);

#endif
