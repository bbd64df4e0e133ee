/*
 * Requests whose answers come later and are asked for by their id. A request is sealed like any other; its reply comes
 * on the topic <client id>.async-replies, which all gateways of that client id share.
 *
 * That topic is the log of all there is to know: before a request is sent, a note of it (who asked, until when) is
 * stored there, sealed; its reply follows. Redis is an index of the topic, read from there again whenever it may have
 * lost something; without Redis the memory of each gateway is. See docs/decisions/0038-answers-that-come-later.md.
 *
 * Threads. Any thread may call anything here, and nothing waits but async_open(), async_stop() and async_free().
 * Callbacks run on threads of this room or of the share, perhaps before the call that they are of has returned, and
 * must not wait.
 */
#ifndef POUCH_ASYNC_ASYNC_H
#define POUCH_ASYNC_ASYNC_H

#include <base/uuid.h>
#include <conf/settings.h>
#include <json/json.h>
#include <pouch/dest.h>
#include <pouch/key.h>
#include <stdbool.h>
#include <stdint.h>

struct async;
struct share;

enum {
    ASYNC_OPEN_MOST = 10000,   /* requests that are not stored yet */
    ASYNC_AWAITED_MOST = 1000, /* calls of async_await() */
};

/*
 * Needs no broker and no Redis yet. options and ring are borrowed; share may be NULL. CONFIG: a setting, or a client id
 * that makes no topic. NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err async_open(struct async **a, const pouch_options *options, pouch_keyring *ring,
                                      struct share *share);

/* Waits for what is being stored up to ms; calls that are left, and all from now on, end with CLOSED. NULL allowed. */
void async_stop(struct async *a, int ms);
void async_free(struct async *a); /* stopped, and nobody calls it any more; NULL allowed */

struct async_ask {
    const pouch_dest *to;
    const char *json; /* one JSON text */
    size_t n;
    int timeout_ms;
    const char *owner; /* who asked, and may ask for the answer */
    const char *key;   /* their idempotency key; NULL: none */
};

/*
 * The request is stored (POUCH_OK), with this id; or, by its key, has been before. Otherwise:
 *   EXISTS       the key has been used for another request
 *   STORE        with a key: whether it has been used cannot be known at present
 *   OVERLOADED   with a key: the same is being asked at this moment
 * and the errors of records: TARGET_REFUSED, NOT_ALLOWED, NO_BROKER, TIMEOUT, CLOSED. After NO_BROKER, TIMEOUT and
 * CLOSED the request may have been sent all the same.
 */
typedef void async_stored_fn(pouch_err e, const char *request_id, bool before, void *arg);

/* TOO_LARGE, INVALID_PAYLOAD, OVERLOADED, CONFIG (a timeout), CLOSED, NO_MEMORY; then there is no callback. */
POUCH_MUST_CHECK pouch_err async_request(struct async *a, const struct async_ask *ask, async_stored_fn *done,
                                         void *arg);

enum async_state { ASYNC_PENDING, ASYNC_DONE, ASYNC_FAILED, ASYNC_EXPIRED };
struct async_answer {
    enum async_state state;
    const char *payload; /* DONE, and FAILED where there is one: JSON text; else "" */
    size_t payload_n;
    pouch_err code;    /* FAILED */
    const char *error; /* FAILED: as the other side wrote it */
    bool sealed;       /* 0: an error told without the key */
    int64_t asked_ms, deadline_ms;
};

/*
 * What is known of a request; borrowed until it returns. NOT_FOUND: there is none of that id, or it is somebody else's.
 * STORE: it cannot be known at present. DECRYPT_FAILED: it was sealed with a key that is not in the ring any more.
 * CLOSED.
 */
typedef void async_found_fn(pouch_err e, const struct async_answer *answer_or_null, void *arg);
/* NOT_FOUND, STORE, OVERLOADED, CLOSED, NO_MEMORY: no callback */
POUCH_MUST_CHECK pouch_err async_find(struct async *a, const char *request_id, const char *owner, async_found_fn *done,
                                      void *arg);

/* The same when it is pending no more, or after ms. OVERLOADED: too many wait already. CLOSED, NO_MEMORY. */
POUCH_MUST_CHECK pouch_err async_await(struct async *a, const char *request_id, const char *owner, int ms,
                                       async_found_fn *done, void *arg);

/* Adds members that say how it is: {topic, ready, complete, index, trouble?}. */
void async_status(struct async *a, json_t *into);

#endif
