/* What stands behind pouch_reply. */
#ifndef POUCH_CLIENT_REPLY_H
#define POUCH_CLIENT_REPLY_H

#include <bus/reader.h>
#include <pouch/client.h>
#include <stdbool.h>
#include <wire/envelope.h>

/*
 * Either borrowed (in a callback: it points into the client's buffers, and `message` is the
 * record it came in) or a copy (made by pl_reply_copy(): everything lies in its own block).
 */
struct pouch_reply {
    char request_id[37];
    const char *payload; /* NUL-terminated */
    size_t payload_n;
    const char *error; /* NUL-terminated, "" for a success */
    bool sealed;
    rd_kafka_message_t *message; /* borrowed; NULL in a copy */
    char *target;                /* of PL_NAME_MAX + 1; read from the message when somebody asks */
    size_t block_n;              /* of a copy: what is wiped */
};

/* A copy of its own, for pouch_reply_free(). NULL: out of memory. */
pouch_reply *pl_reply_copy(const pouch_reply *r);

#endif
