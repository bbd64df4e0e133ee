/* Calls that wait for an answer of Kafka's side, and how it becomes one of HTTP. */
#ifndef POUCH_GATEWAY_REPLY_H
#define POUCH_GATEWAY_REPLY_H

#include <gateway/state.h>
#include <plain/plain.h>

/* A call that was taken, until it is answered. */
struct gateway_wait {
    struct httpd_call *call;
    char id[PLAIN_ID_MAX + 1]; /* of the request; "" until it is known */
    struct share *share;       /* where it is noted as under way; NULL: nowhere */
    atomic_int holders;        /* the call, and whoever passes it on */
    atomic_bool ended;
};

/* Takes the call. NULL: no memory, and the call is not taken. */
struct gateway_wait *gateway_wait_new(struct httpd_call *c);
/* Answers with what `a` holds, or, where that could not be made, says so. Takes both. */
void gateway_wait_end(struct gateway_wait *w, struct httpd_answer *a, pouch_err failed);
/* The same with the problem that e is; why NULL: pouch_why(). */
void gateway_wait_fail(struct gateway_wait *w, pouch_err e, const char *why);

/* A pouch_reply_fn whose arg is the wait: {"success":true,"response":…,"timestamp"}, or a problem. */
void gateway_wait_answered(pouch_err e, const pouch_reply *reply, void *wait);

/*
 * From a handler: takes the call and has `hand_on` pass the request on, whose callback ends the wait, perhaps before it
 * has returned. The problem that an error of it is, or that of no memory, is the answer.
 */
typedef pouch_err gateway_hand_on_fn(struct gateway *g, struct gateway_wait *w, const struct gateway_ask *ask);
POUCH_MUST_CHECK pouch_err gateway_hand_on(struct gateway *g, struct httpd_call *c, struct httpd_answer *a,
                                           const struct gateway_ask *ask, gateway_hand_on_fn *hand_on);

/* Asks, sealed or in plain. */
POUCH_MUST_CHECK pouch_err gateway_ask_on(struct gateway *g, struct gateway_wait *w, const struct gateway_ask *ask);

/* What describes such an endpoint. */
extern const struct gateway_says gateway_ask_says[];
#define GATEWAY_NAME_SCHEMA                                                                               \
    "{\"type\":\"string\",\"pattern\":\"^[A-Za-z0-9._-]*[A-Za-z0-9_-][A-Za-z0-9._-]*$\",\"minLength\":1," \
    "\"maxLength\":249}"
#define GATEWAY_TIMEOUT_SCHEMA "{\"type\":\"integer\",\"minimum\":1,\"maximum\":300000}"
#define GATEWAY_TIMEOUT \
    { "timeout", "query", GATEWAY_TIMEOUT_SCHEMA, "How long to wait for the reply, in milliseconds.", false }
#define GATEWAY_TRACEPARENT                                                                                          \
    {                                                                                                                \
        "traceparent", "header", "{\"type\":\"string\",\"pattern\":\"^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$\"}", \
            "The trace that the request belongs to (W3C Trace Context); it goes on with the record.", false          \
    }

/* The text of an error that has come for a request. */
const char *gateway_why(pouch_err e, const pouch_reply *reply);

#endif
