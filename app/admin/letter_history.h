/*
 * What became of dead letters: which were sent again, and which somebody has dismissed. Kept in the store among the
 * changes, as the places of the letters. A dead-letter topic is only ever added to, so nothing can be marked there.
 */
#ifndef POUCH_ADMIN_LETTER_HISTORY_H
#define POUCH_ADMIN_LETTER_HISTORY_H

#include <admin/letter.h>
#include <base/buf.h>
#include <bus/reader.h>
#include <store/store.h>

#define ADMIN_AUDIT_DLQ "dlq" /* the kind of change; its name is the dead-letter topic */

enum admin_letter_status {
    ADMIN_LETTER_OPEN,
    ADMIN_LETTER_REDRIVEN,
    ADMIN_LETTER_DISMISSED, /* also one that was sent again as well */
    ADMIN_LETTER_STATUSES
};
extern const char *const admin_letter_statuses[ADMIN_LETTER_STATUSES]; /* "open" */

struct admin_letter_history {
    bool known; /* the store could be read */
    struct admin_letter_span {
        int32_t partition;
        int64_t first, last;
        int64_t at_ms; /* when that was */
        int64_t reach; /* the highest last of those of the partition up to here, once they are in order */
        enum admin_letter_status status;
    } * spans;
    size_t n, cap;
};

/*
 * Of a store; NULL: there is none yet, so nothing has become of any. The store's errors: what was read of it is not
 * all, and h->known is false. Freed even so.
 */
POUCH_MUST_CHECK pouch_err admin_letter_history_read(struct admin_letter_history *h, struct pl_store *store,
                                                     const char *dlq_topic);
/*
 * Writes down what was done with letters of that topic: {"action", …}, which is taken; NULL stands for out of memory.
 * The store's errors.
 */
POUCH_MUST_CHECK pouch_err admin_letter_change_put(struct pl_store *store, const char *dlq_topic, json_t *change);

void admin_letter_history_free(struct admin_letter_history *h);
/* After the last was read, and before the first is looked up. */
void admin_letter_history_order(struct admin_letter_history *h);
enum admin_letter_status admin_letter_status(const struct admin_letter_history *h, const struct admin_letter *l);

/* Appends places, in order, as "0:5-9,12;1:3". NO_MEMORY. */
POUCH_MUST_CHECK pouch_err admin_letter_places_write(struct pl_buf *out, const struct pl_position *places, size_t n);

/* Reads that. Malformed: what is before it. NO_MEMORY. */
POUCH_MUST_CHECK pouch_err admin_letter_places_read(struct admin_letter_history *h, const char *text, int64_t at_ms,
                                                    enum admin_letter_status status);

#endif
