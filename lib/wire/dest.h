/*
 * What stands behind pouch_dest, for the rooms that build records from it. Read-only to them.
 */
#ifndef POUCH_WIRE_DEST_H
#define POUCH_WIRE_DEST_H

#include <pouch/dest.h>
#include <wire/headers.h>

enum {
    PL_DEST_KEY_MAX = 1024,
    PL_DEST_HEADERS_MAX = 32,
    PL_DEST_HEADER_BYTES_MAX = 4096,
    PL_DEST_RESPONDERS_MAX = 1000
};

struct pouch_dest {
    const char *topic;     /* the record's topic; NULL with a publisher: the center's inbox then */
    const char *publisher; /* NULL with a topic */
    const char *key;       /* the record key; NULL: the request id */
    size_t key_n;
    struct pl_header *headers; /* in the order they were added; names may repeat */
    size_t n_headers;
    size_t responders; /* who answers; 0: not said */
    int iv_bytes;      /* 12 or 16; 0: the setting crypto.iv_bytes */
};

#endif
