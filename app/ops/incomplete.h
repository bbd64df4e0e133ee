/* Saying what a list of traces does not show of its time. */
#ifndef POUCH_OPS_INCOMPLETE_H
#define POUCH_OPS_INCOMPLETE_H

#include <admin/incomplete.h>
#include <ops/ops.h>

/* admin_incomplete_look() in the spool that the settings name. */
void ops_incomplete_look(struct admin_incomplete *i, const struct ops_call *call, const char *url, int64_t since_us,
                         int64_t until_us);

/* A line on stdout for each reason that there is; more: what else is to be said of missing rows, or "". */
void ops_incomplete_print(const struct admin_incomplete *i, const char *more);
void ops_incomplete_say(const struct admin_incomplete *i); /* on stderr */
void ops_incomplete_end(const struct admin_incomplete *i); /* the end of a JSON document: members and a brace */

#endif
