/* A dead-letter topic counted. */
#ifndef POUCH_ADMIN_LETTER_STATS_H
#define POUCH_ADMIN_LETTER_STATS_H

#include <admin/letter_filter.h>
#include <admin/letter_tally.h>
#include <admin/scan.h>
#include <conf/settings.h>

/* Down to the history the caller's; all else zero at first. */
struct admin_letter_stats {
    const struct pl_settings *settings; /* borrowed */
    struct admin_letter_filter filter;
    struct admin_letter_wanted wanted;
    struct admin_until until;            /* what was counted by then is told */
    struct admin_letter_history history; /* freed here */

    struct admin_tally tally;
    bool incomplete;      /* the time was over before all were counted */
    int64_t retention_ms; /* how long the topic keeps letters: -1: for ever; -2: not known */
    pouch_err error;      /* inside */
};

/* What admin_scan() says; TARGET_REFUSED: there is no dead-letter topic, so all counts are 0. */
POUCH_MUST_CHECK pouch_err admin_letter_stats_read(struct admin_letter_stats *s);
void admin_letter_stats_free(struct admin_letter_stats *s);
json_t *admin_letter_stats_json(const struct admin_letter_stats *s); /* NULL: no memory */

#endif
