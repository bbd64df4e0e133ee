/* A trace row: who handled which request, where, when, how long, with what end. Never what was in it, unless sealed. */
#ifndef POUCH_STORE_TRACE_H
#define POUCH_STORE_TRACE_H

#include <base/uuid.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum pl_trace_by { PL_TRACE_CLIENT, PL_TRACE_CENTER, PL_TRACE_WORKER };

struct pl_trace {
    /*
     * By pl_trace_id() where the row comes from a record: a record that is handled again after a kill
     * overwrites its row. Rows of a client have random ids.
     */
    uint64_t id;
    enum pl_trace_by by;
    bool response; /* message_type: request or response */
    bool success;
    struct pl_uuid request_id; /* all zero: it could not be read */
    int64_t at_us;             /* wall clock: when it began; of a response, when it ended */
    int64_t took_us;           /* -1: has no length */
    const char *publisher;     /* worker_name; NULL: none */
    const char *topic;         /* where it came from; for a client's request where it goes */
    int32_t partition;         /* -1 with offset -1: not from a record */
    int64_t offset;
    const char *target;  /* topic it went to; NULL: none */
    const char *route;   /* id of the route; NULL: none */
    const char *code;    /* wire code of the error; NULL: none */
    const char *error;   /* text, at most 1 KiB; NULL: none */
    const void *payload; /* the envelope, sealed, where the settings say so; NULL: none */
    size_t payload_n;
};

/* 64 bits of a hash of its arguments. target NULL: "". */
uint64_t pl_trace_id(const char *topic, int32_t partition, int64_t offset, const char *target, enum pl_trace_by by,
                     bool response);

#endif
