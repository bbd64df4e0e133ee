/* Requests whose answers are asked for later, and what several gateways share. */
#ifndef POUCH_GATEWAY_LATER_H
#define POUCH_GATEWAY_LATER_H

#include <gateway/reply.h>

/*
 * From a handler: asks for one answer. It is waited for, unless the call says Prefer: respond-async; with an
 * Idempotency-Key it is that of the request that first had the key.
 */
POUCH_MUST_CHECK pouch_err gateway_ask_once(struct gateway *g, struct httpd_call *c, struct httpd_answer *a,
                                            const struct gateway_ask *ask);

/* `Prefer: wait=SECONDS`, at most so many; 0: it is not there. */
int gateway_prefers_wait(const struct httpd_call *c, int most_s);

#define GATEWAY_PREFER                                                                                                \
    {                                                                                                                 \
        "Prefer", "header", "{\"type\":\"string\",\"maxLength\":255}",                                                \
            "respond-async: answer 202 as soon as the request is stored; its reply is then had from Location.", false \
    }
#define GATEWAY_IDEMPOTENCY                                                                                       \
    {                                                                                                             \
        "Idempotency-Key", "header",                                                                              \
            "{\"type\":\"string\",\"minLength\":1,\"maxLength\":255,\"pattern\":\"^[!-~]+$\"}",                   \
            "A name for this request that its sender has made up: sent again with the same body, it is the same " \
            "request and gets the same answer.",                                                                  \
            false                                                                                                 \
    }

#endif
