/* The client's message log. Both are called only when the client has a tracer; they never wait and never fail. */
#ifndef POUCH_CLIENT_TRACE_H
#define POUCH_CLIENT_TRACE_H

#include <client/client.h>

/* A record has been given to the producer, on the caller's thread. */
void pl_client_trace_asked(pouch_client *c, const struct pl_ask *a, const struct pl_uuid *id,
                           const struct pl_record *record);

/*
 * A call ends, or has got its nth answer (from 0) of several, on the client's thread; pouch_why() is the text of an
 * error that came without a reply.
 */
void pl_client_trace_ended(pouch_client *c, const struct pl_call *call, pouch_err e, const pouch_reply *reply_or_null,
                           size_t nth);

#endif
