/* What the commands on a catalogue's topics share: what is to be, what there is, and the changes between. */
#ifndef POUCH_OPS_TOPICS_H
#define POUCH_OPS_TOPICS_H

#include <admin/topics.h>
#include <ops/ops.h>

enum { OPS_EXIT_DRIFT = 2 };

/* The flag that all of them take besides --catalog, which is a setting. */
#define OPS_REPLICATION_FLAG                                                                            \
    {                                                                                                   \
        "--replication", 'r', "N", false,                                                               \
            "at most N copies of each topic, for a cluster with fewer brokers than the catalogue wants" \
    }

struct ops_topics;
typedef int ops_topics_print_fn(const struct ops_call *call, const struct ops_topics *t); /* gives the exit code */

struct ops_topics { /* all zero: nothing is open */
    struct pl_settings settings;
    struct admin_topics all;
    ops_topics_print_fn *print; /* instead of the plan, once it was carried out, for programs; NULL: the plan */
};

/*
 * Reads settings and catalogue and what topics the cluster has, without their configs. Errors of all of them; closed
 * even so.
 */
POUCH_MUST_CHECK pouch_err ops_topics_open(struct ops_topics *t, const struct ops_call *call);
void ops_topics_close(struct ops_topics *t);

/* The same without a cluster. */
POUCH_MUST_CHECK pouch_err ops_topics_catalog(struct ops_topics *t, const struct ops_call *call);

/*
 * Shows the plan as -o says: a table of its changes, or a document. applied: after it was carried out, each with what
 * came of it. Gives the exit code.
 */
int ops_topics_print(const struct ops_call *call, const struct ops_topics *t, bool applied);

/* On stderr: how many changes of which kind, and what to know before they are made. */
void ops_topics_say(const struct ops_topics *t);

/* Shows the plan of a command that changes nothing, and says so where apply would refuse it. Gives the exit code. */
int ops_topics_show(const struct ops_call *call, const struct ops_topics *t);

/*
 * Carries t->plan out: refuses what cannot be, asks before anything is removed (the word is to be typed; --yes in a
 * script), writes down who does it, makes the changes with progress on a terminal, prints as ops_topics_print() and
 * says what came of it. `nothing` is what is said when the answer was no. Gives the exit code.
 */
int ops_topics_apply(const struct ops_call *call, struct ops_topics *t, const char *word, const char *nothing);

#endif
