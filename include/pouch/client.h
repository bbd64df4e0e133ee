/*
 * The client: asks, and gets each answer exactly once.
 *
 * OWNERSHIP  What is passed in is sealed or copied before the call returns; what a callback
 *            gets is borrowed until the callback returns.
 * ERRORS     After an error nothing has happened: no record, no callback. pouch_why() tells more.
 * THREADS    Any call from any thread, except pouch_client_process(), which belongs to one
 *            thread; _call and _close not from a callback.
 * CALLBACKS  Exactly one for each call that returned POUCH_OK, also on close (CLOSED), never
 *            from inside that call; on the client's thread, or in pouch_client_process().
 *            They must not block: replies wait behind them.
 * DELIVERY   At least once. TIMEOUT and CLOSED mean unknown, not failed: the handler may have
 *            run, may run still, or may run twice.
 */
#ifndef POUCH_CLIENT_H
#define POUCH_CLIENT_H

#include <pouch/dest.h>
#include <pouch/key.h>
#include <pouch/options.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pouch_client pouch_client;
typedef struct pouch_reply pouch_reply;

/*
 * A call has ended. POUCH_OK: reply holds the payload. An error told by the other side, or what the client's validator
 * has against the payload (INVALID_PAYLOAD, UNCHECKED: the request was handled): reply holds its text. An error of our
 * own (TIMEOUT, CLOSED, NO_BROKER, OVERLOADED, TARGET_REFUSED for a topic that does not exist): reply is NULL and
 * pouch_why() has the text.
 */
typedef void pouch_reply_fn(pouch_err e, const pouch_reply *reply_or_null, void *arg);

/*
 * What a gather has brought. A part is one who should answer: a destination, each target of a route that has several,
 * or each of the responders that a destination is said to have. Both are borrowed: a gather in its callback, a part,
 * and its reply, until the callback returns that got it. In that of the gather, pouch_gather_part() gives each part
 * again.
 */
typedef struct pouch_gather pouch_gather;
typedef struct pouch_part pouch_part;

/* A part has ended: it has answered, it has failed, or it is not waited for any more. Once for each part. */
typedef void pouch_part_fn(const pouch_part *part, void *arg);

/* A gather has ended, after its last part. */
typedef void pouch_gather_fn(const pouch_gather *g, void *arg);

/* A sent record is stored by the broker (POUCH_OK), or never will be as far as we know; pouch_why() has the text. */
typedef void pouch_stored_fn(pouch_err e, void *arg);

/*
 * Starts a client; does not block and needs no broker yet. Requests made before the reply
 * lane is positioned are held with their clocks running; when no broker answers within
 * client.connect_timeout they end with NO_BROKER. The reply topic is made when it is missing.
 * CONFIG: a bad setting, or kafka.* property. NO_MEMORY.
 */
POUCH_API POUCH_MUST_CHECK pouch_err pouch_client_new(pouch_client **c, const pouch_options *o, pouch_keyring *ring);

/*
 * Asks; done is called with the answer, or with TIMEOUT after `timeout` ms (0: setting
 * request.timeout; at most 24 h). json is one JSON text. request_id, when not NULL, gets the id
 * before done can be called.
 * INVALID_PAYLOAD: not JSON, or what the validator refuses (pouch/validate.h). UNCHECKED: it cannot tell at present.
 * TOO_LARGE: would pass the record limit (message.max.bytes less 4 KiB for what hops add; hex doubles the payload).
 * NO_RESPONDERS (with client.no_responders = on): nobody reads the topic by now; done tells it where that is found out
 * later. OVERLOADED: client.max_pending calls are open, or the producer's queue is full. CLOSED: the client is closing.
 * TARGET_REFUSED, NOT_ALLOWED: the topic is known by now not to exist, or to refuse us (done tells it where that is not
 * known yet). CONFIG, NO_MEMORY.
 */
POUCH_API POUCH_MUST_CHECK pouch_err pouch_client_request(pouch_client *c, const pouch_dest *to, const void *json,
                                                          size_t n, int timeout, char request_id[37],
                                                          pouch_reply_fn *done, void *arg);

/*
 * Asks and waits. *reply is set, to be freed with pouch_reply_free(), whenever the other side
 * answered, with success or error; NULL otherwise. Returns the answer's error or any of
 * pouch_client_request(). Needs client.thread = on (CONFIG otherwise).
 */
POUCH_API POUCH_MUST_CHECK pouch_err pouch_client_call(pouch_client *c, const pouch_dest *to, const void *json,
                                                       size_t n, int timeout, char request_id[37], pouch_reply **reply);

/*
 * Asks n_to destinations at once (1 to 1,000), each with a request id of its own; ends when
 * `enough` have answered with success (0: all of them), when no more can come, or at the
 * timeout, with what has come. came, which may be NULL, is called as each part ends, then done once.
 *
 * A destination is answered once, but for two kinds. A publisher's route may have several targets: how many is
 * known with the first answer, and each counts once, also when it answers twice. And a topic that several
 * groups read is answered by each: pouch_dest_set_responders() says how many are expected; workers then
 * name their group in the answer, and each group counts once. Answers of peers that tell neither target
 * nor group count as one each.
 *
 * An error (as pouch_client_request(); CONFIG also for an `enough` that cannot come) means that no request was
 * sent. After POUCH_OK a destination whose record could not be sent is a part that has failed.
 */
POUCH_API POUCH_MUST_CHECK pouch_err pouch_client_gather(pouch_client *c, pouch_dest *const to[], size_t n_to,
                                                         size_t enough, const void *json, size_t n, int timeout,
                                                         pouch_part_fn *came, pouch_gather_fn *done, void *arg);

/* How many parts have answered with success. */
POUCH_API size_t pouch_gather_answered(const pouch_gather *g);

/* The i-th part in the order in which they ended; NULL past the last. */
POUCH_API const pouch_part *pouch_gather_part(const pouch_gather *g, size_t i);

/*
 * POUCH_OK: it has answered. An error told by the other side: it has failed. An error of our own: it has not answered,
 * as those of pouch_reply_fn; TIMEOUT also when enough others had answered before.
 */
POUCH_API pouch_err pouch_part_error(const pouch_part *p);

/* The text of its error, "" for a success. */
POUCH_API const char *pouch_part_why(const pouch_part *p);

/* What came, of a success or an error; NULL: nothing did. */
POUCH_API const pouch_reply *pouch_part_reply(const pouch_part *p);

/*
 * Who it is: of a destination with several parts the target or group that answered, where that is told, else its topic
 * or publisher.
 */
POUCH_API const char *pouch_part_name(const pouch_part *p);

/* Its destination: the index in to[]. */
POUCH_API size_t pouch_part_destination(const pouch_part *p);

/*
 * Which target of a route with *of targets it is, from 1 in the route's order; 0 where there are not several. of may be
 * NULL.
 */
POUCH_API unsigned pouch_part_branch(const pouch_part *p, unsigned *of);

/*
 * Sends without asking for a reply; stored may be NULL. request_id, when not NULL, gets the id.
 * Errors as pouch_client_request().
 */
POUCH_API POUCH_MUST_CHECK pouch_err pouch_client_send(pouch_client *c, const pouch_dest *to, const void *json,
                                                       size_t n, char request_id[37], pouch_stored_fn *stored,
                                                       void *arg);

/* With client.thread = off: readable when work or a deadline is due. Poll it, never read it. -1 with a thread. */
POUCH_API int pouch_client_fd(const pouch_client *c);

/* With client.thread = off: runs the callbacks that are due. Never blocks. Does nothing when called from a callback. */
POUCH_API void pouch_client_process(pouch_client *c);

/* 1 when the reply lane is positioned, and a broker has answered; 0 before. */
POUCH_API int pouch_client_ready(const pouch_client *c);

/*
 * Takes no more calls, waits up to drain ms for open ones, ends the rest with CLOSED, frees c;
 * takes up to five seconds more when a question to the cluster is under way that nobody answers, and some seconds
 * where librdkafka does not end. Calls of other threads may be under way; none may begin once it returns. NULL is
 * allowed.
 */
POUCH_API void pouch_client_close(pouch_client *c, int drain);

/* The reply's payload: JSON text, NUL-terminated beyond *n; n may be NULL. "" and 0 for an error reply without one. */
POUCH_API const void *pouch_reply_payload(const pouch_reply *r, size_t *n);

/*
 * The error's text as the other side wrote it, or what the client's validator has against the reply; "" for a success.
 */
POUCH_API const char *pouch_reply_error(const pouch_reply *r);

/* The request this answers: 36 characters. */
POUCH_API const char *pouch_reply_request_id(const pouch_reply *r);

/*
 * Who answered, where the worker tells: of a route's targets which one, of the groups that read one topic which; ""
 * otherwise.
 */
POUCH_API const char *pouch_reply_target(const pouch_reply *r);

/* 0: an error told without the key; anyone who may write the reply topic could have made it. Else 1. */
POUCH_API int pouch_reply_sealed(const pouch_reply *r);

/* Wipes and frees a reply from pouch_client_call(). NULL is allowed. */
POUCH_API void pouch_reply_free(pouch_reply *r);

#ifdef __cplusplus
}
#endif
#endif
