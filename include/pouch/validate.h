/*
 * Payloads checked by the application: a function that sees each payload in clear, before it is sealed and after it was
 * opened, and says whether it is what was agreed on, for instance by a schema.
 *
 *   client  a request: on the caller's thread, before anything is sent; the payload of a success: on the thread that
 *           runs the callbacks, before its call ends with it
 *   worker  a request: on a handler's thread, before the handler; a reply that somebody waits for: on the thread that
 *           calls pouch_job_reply(). What a handler forwards is checked by the worker that takes it.
 *
 * THREADS    It is called by several threads at once, and takes their time: replies, callers or handlers wait behind
 *            it. It must return, within seconds at most, and calls nothing of the client or worker that calls it.
 * OWNERSHIP  The payload is borrowed until it returns.
 */
#ifndef POUCH_VALIDATE_H
#define POUCH_VALIDATE_H

#include <pouch/options.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pouch_payload pouch_payload;

enum { POUCH_VALIDATE_WHY_MAX = 1024 };

/*
 * POUCH_OK         It is well.
 * INVALID_PAYLOAD  It is not, and never will be. A call of the client ends with INVALID_PAYLOAD, and a request is not
 *                  sent. A request to a worker is answered invalid_payload and becomes a dead letter; a reply is
 *                  refused to its handler, by INVALID_PAYLOAD from pouch_job_reply().
 * UNCHECKED        It cannot be told of this payload at present, and can be of others: as when it is not what the
 *                  schema at hand says, and nobody can say whether there is a newer one. A call of the client ends with
 *                  UNCHECKED, and a request is not sent. In a worker the request waits, or the reply does, while the
 *                  deadline allows, and others go on: one that waits is checked again about once a second, and it
 *                  counts as no try. Up to half of worker.max_in_flight and of worker.max_in_flight_bytes wait so; each
 *                  beyond that holds its partition.
 * anything else    It cannot be told of any payload at present, as when a registry does not answer and no schema is at
 *                  hand. As above, but in a worker the partition gives no more meanwhile, and nothing else of the topic
 *                  is asked about.
 *
 * why, empty at first, gets the reason, NUL-terminated. That of a payload that is not well goes where words of a
 * handler go: sealed to the requester, sealed into a dead letter, to the caller as pouch_why(); never into a log. It
 * should say what is wrong and where, and quote nothing. Why it cannot be told goes to the caller and into a worker's
 * log, so it must have nothing of the payload in it.
 */
typedef pouch_err pouch_validate_fn(const pouch_payload *payload, char why[POUCH_VALIDATE_WHY_MAX], void *arg);

/*
 * For every client and worker made of o from now on; NULL: payloads are not checked, as at first. arg is kept as it is.
 */
POUCH_API void pouch_options_set_validator(pouch_options *o, pouch_validate_fn *fn, void *arg);

/* JSON text, perhaps not NUL-terminated. */
POUCH_API const void *pouch_payload_text(const pouch_payload *p, size_t *n);

/* 0: a request. 1: the payload of a reply. */
POUCH_API int pouch_payload_is_reply(const pouch_payload *p);

/* The topic of the request, for its reply as well; "" in a client that asks a publisher. */
POUCH_API const char *pouch_payload_topic(const pouch_payload *p);

/* The publisher that the request is for, "" when it names none. */
POUCH_API const char *pouch_payload_publisher(const pouch_payload *p);

#ifdef __cplusplus
}
#endif
#endif
