/* Dead letters counted, together and by each of a few things. No I/O. */
#ifndef POUCH_ADMIN_LETTER_TALLY_H
#define POUCH_ADMIN_LETTER_TALLY_H

#include <admin/letter_history.h>

enum admin_tally_by {
    ADMIN_TALLY_REASON,
    ADMIN_TALLY_TOPIC,
    ADMIN_TALLY_PUBLISHER,
    ADMIN_TALLY_GROUP,
    ADMIN_TALLY_TENANT,
    ADMIN_TALLY_AGE, /* under 1h, 1d, 7d, 30d, or older */
    ADMIN_TALLY_BYS
};

/* oldest and newest mean nothing while there are no letters. */
struct admin_tally_count {
    uint64_t letters, bytes;
    int64_t oldest_ms, newest_ms;
};

struct admin_tally_row {
    char *value; /* not ended by a NUL; NULL: not told */
    size_t n;
    struct admin_tally_count count;
};

enum { ADMIN_TALLY_VALUES = 1000, ADMIN_TALLY_SLOTS = 2048 };

struct admin_tally_list {
    struct admin_tally_row *rows;
    size_t n;
    struct admin_tally_count others;   /* of values that came after ADMIN_TALLY_VALUES of them */
    uint16_t slots[ADMIN_TALLY_SLOTS]; /* by hash: a row's place + 1; 0: free */
};

struct admin_tally {
    int64_t now_ms;
    struct admin_tally_count all;
    uint64_t with[ADMIN_LETTER_STATUSES]; /* letters of each status */
    struct admin_tally_list by[ADMIN_TALLY_BYS];
};

/* now_ms is what ages are counted from. NO_MEMORY; _free() either way. */
POUCH_MUST_CHECK pouch_err admin_tally_init(struct admin_tally *t, int64_t now_ms);
/* NO_MEMORY */
POUCH_MUST_CHECK pouch_err admin_tally_add(struct admin_tally *t, const struct admin_letter *l,
                                           enum admin_letter_status status);

/* After the last was added: most letters first, and ages from the youngest on. */
void admin_tally_order(struct admin_tally *t);
void admin_tally_free(struct admin_tally *t);

const char *admin_tally_name(enum admin_tally_by by); /* "reason" */

#endif
