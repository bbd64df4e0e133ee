/*
 * Which dead letters were sent again: kept in the store among the changes, as the places of the letters. A dead-letter
 * topic is only ever added to, so nothing can be marked there.
 */
#ifndef POUCH_OPS_DLQ_HISTORY_H
#define POUCH_OPS_DLQ_HISTORY_H

#include <base/buf.h>
#include <bus/reader.h>
#include <ops/dlq.h>
#include <ops/ops.h>
#include <store/store.h>

#define OPS_AUDIT_DLQ "dlq" /* the kind of change; its name is the dead-letter topic */

struct ops_letter_history {
    bool known; /* the store could be read */
    struct ops_letter_span {
        int32_t partition;
        int64_t first, last;
        int64_t at_ms; /* when they were sent again */
        int64_t reach; /* the highest last of those of the partition up to here, once they are in order */
    } * spans;
    size_t n, cap;
};

/*
 * to_write: the store is made if there is none; else it is left as it is. Where it does not tell, this says so on stderr as
 * well, and what was read of it is not all.
 */
pouch_err ops_letter_history_read(const struct ops_call *call, const char *dlq_topic, bool to_write,
                                  struct ops_letter_history *h);
void ops_letter_history_free(struct ops_letter_history *h);
/* After the last was read, and before the first is looked up. */
void ops_letter_history_order(struct ops_letter_history *h);
bool ops_letter_was_redriven(const struct ops_letter_history *h, const struct ops_letter *l);

/* Appends places, in order, as "0:5-9,12;1:3". NO_MEMORY. */
POUCH_MUST_CHECK pouch_err ops_letter_places_write(struct pl_buf *out, const struct pl_position *places, size_t n);

/* Reads that. Malformed: what is before it. NO_MEMORY. */
POUCH_MUST_CHECK pouch_err ops_letter_places_read(struct ops_letter_history *h, const char *text, int64_t at_ms);

#endif
