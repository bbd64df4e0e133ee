/* The newest dead letters of those that are asked for. */
#ifndef POUCH_ADMIN_LETTER_LIST_H
#define POUCH_ADMIN_LETTER_LIST_H

#include <admin/letter_filter.h>
#include <conf/settings.h>

/* Down to `behind` the caller's; all else zero at first. */
struct admin_letter_list {
    struct admin_letter_filter filter;
    struct admin_letter_wanted wanted;
    struct admin_letter_history history; /* freed here */
    size_t limit;
    const struct admin_letter_place { /* only letters behind that one, in the order of the list; NULL: all */
        int64_t time_ms;
        struct pl_position at;
    } * behind;

    struct admin_letter *at; /* the newest first; room for twice as many as `limit`, so that sorting is seldom */
    size_t n;
    uint64_t matching, hidden; /* hidden: their status is not asked for */
    pouch_err error;           /* inside */
};

/* What admin_scan() says; TARGET_REFUSED: there is no dead-letter topic. What could be read is there all the same. */
POUCH_MUST_CHECK pouch_err admin_letter_list_read(struct admin_letter_list *list, const struct pl_settings *s);
void admin_letter_list_free(struct admin_letter_list *list);

/* admin_letter_json() with redriven and status, null where the history is not known. NULL: no memory. */
json_t *admin_letter_list_json(const struct admin_letter_list *list, const struct admin_letter *l);

#endif
