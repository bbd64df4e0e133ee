/*
 * Asks workers that know nothing of Pouch, in the dialect of task-executor. A task is a JSON object whose `id` is also
 * the header x-request-id; the reply repeats it: {"id","topic","status":"success" or "error","error"?,"endTime"}, on
 * one topic for all (gateway.plain_replies). Nothing is sealed, so only the topics that gateway.plain_topics lists are
 * asked this way. Whoever may write the replies' topic and knows the id of an open task can answer it.
 *
 * The replies are read from their end, without a group: each process reads all and skips what is not its own.
 * See docs/decisions/0043-plain-workers.md.
 *
 * THREADS  Any; callbacks run on plain's own thread, which serves nobody else meanwhile: they must not wait.
 */
#ifndef POUCH_PLAIN_PLAIN_H
#define POUCH_PLAIN_PLAIN_H

#include <conf/settings.h>
#include <pouch/client.h>
#include <stdbool.h>

struct plain;

enum { PLAIN_ID_MAX = 256 }; /* bytes */

/*
 * *p is NULL when gateway.plain_topics lists nothing. Borrows s until plain_stop(); no broker is needed yet. CONFIG:
 * the list lets a topic through that is not for tasks. NO_MEMORY, OVERLOADED: no file descriptor.
 */
POUCH_MUST_CHECK pouch_err plain_start(struct plain **p, const struct pl_settings *s, const char *client_id);

/* Whether the topic is asked in plain; all others are sealed. p NULL: none is. */
bool plain_takes(const struct plain *p, const char *topic);

/* Whether the replies are being read. p NULL: nothing is waited for, so true. */
bool plain_ready(const struct plain *p);

/*
 * As pouch_client_request(): done is called once unless an error is returned. json: an object. Its id, a string, is
 * that of the task; without one the header x-request-id is, or a new UUID, and is put in. id, when not NULL, gets it
 * before done can be called. The reply's payload is the whole value that the worker wrote; the error is HANDLER_ERROR,
 * with its text, when the status is not 'success'. NOT_ALLOWED: the topic is not listed. INVALID_PAYLOAD: no object, or
 * an id that cannot be. EXISTS: a task of that id is open. NO_BROKER: plain_ready() is false.
 */
POUCH_MUST_CHECK pouch_err plain_ask(struct plain *p, const pouch_dest *to, const void *json, size_t n, int timeout,
                                     char id[PLAIN_ID_MAX + 1], pouch_reply_fn *done, void *arg);

/* As pouch_client_send(): any JSON, as it is. stored may be NULL. */
POUCH_MUST_CHECK pouch_err plain_send(struct plain *p, const pouch_dest *to, const void *json, size_t n,
                                      pouch_stored_fn *stored, void *arg);

/* Ends what is open with CLOSED. No other call runs any more. NULL allowed. */
void plain_stop(struct plain *p);

#endif
