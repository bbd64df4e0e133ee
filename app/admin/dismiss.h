/* Taking dead letters off the list: the store keeps that they were dismissed. */
#ifndef POUCH_ADMIN_DISMISS_H
#define POUCH_ADMIN_DISMISS_H

#include <admin/letter_filter.h>
#include <admin/scan.h>
#include <conf/settings.h>

/* Down to `until` the caller's, borrowed; all else zero at first. */
struct admin_dismiss {
    const struct pl_settings *settings;
    struct admin_letter_filter filter;
    struct pl_position only; /* that place alone, when one */
    bool one;
    struct admin_letter_history history; /* of letters that are dismissed already; freed here */
    const json_t *asked;                 /* what was asked for, to be written down; NULL: nothing */
    struct admin_until until;

    struct pl_position *places; /* of those to be dismissed */
    size_t n, cap;
    size_t later; /* beyond a million */
    size_t done;
    pouch_err error; /* inside */
};

/* Which there are: n. TARGET_REFUSED: there is no dead-letter topic. What admin_scan() says. */
POUCH_MUST_CHECK pouch_err admin_dismiss_find(struct admin_dismiss *d);

/* Dismisses them in the name of the store's author; `done` tells how many also after an error: the store's. */
POUCH_MUST_CHECK pouch_err admin_dismiss_do(struct admin_dismiss *d, struct pl_store *store);
void admin_dismiss_free(struct admin_dismiss *d);

/* {"matching","dismissed","later","dry_run"}. NULL: no memory. */
json_t *admin_dismiss_json(const struct admin_dismiss *d, bool dry);

#endif
