/*
 * The newest dead letters of those that are asked for. Each partition is read backwards, and of what its partitions
 * show next the newest comes first; so within a partition they come in its order, whatever their times say, and a page
 * goes on exactly where the one before has ended.
 */
#ifndef POUCH_ADMIN_LETTER_LIST_H
#define POUCH_ADMIN_LETTER_LIST_H

#include <admin/letter_filter.h>
#include <admin/scan.h>
#include <conf/settings.h>

/* Down to `until` the caller's; all else zero at first. */
struct admin_letter_list {
    struct admin_letter_filter filter;
    struct admin_letter_wanted wanted;
    struct admin_letter_history history; /* freed here */
    size_t limit;
    int64_t step;             /* records that are read at first; INT64_MAX: all at once, so that all are counted */
    const char *behind;       /* a cursor: only letters behind that place; NULL: all */
    struct admin_until until; /* what was found by then is shown */

    struct admin_letter *at; /* the newest first */
    size_t n;
    uint64_t matching, hidden; /* of what was read; hidden: their status is not asked for */
    bool incomplete;           /* the time was over before enough were found */
    char *cursor;              /* where it ends; NULL: there are no more */

    struct admin_letter_part *parts; /* inside, as all that follows */
    int32_t n_parts;
    uint64_t step_matching, step_hidden;
    pouch_err error;
};

/* Whether it is a cursor; whether it fits the topic is seen in reading. */
bool admin_letter_cursor_valid(const char *text);

/* What admin_scan() says; TARGET_REFUSED: there is no dead-letter topic. What could be read is there all the same. */
POUCH_MUST_CHECK pouch_err admin_letter_list_read(struct admin_letter_list *list, const struct pl_settings *s);
void admin_letter_list_free(struct admin_letter_list *list);

/* admin_letter_json() with redriven and status, null where the history is not known. NULL: no memory. */
json_t *admin_letter_list_json(const struct admin_letter_list *list, const struct admin_letter *l);

#endif
