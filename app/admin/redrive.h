/*
 * Sending dead letters again, and writing down which: what the broker has is kept in the store, so that it is not sent
 * a second time by the next run. See lib/letter/redrive.h for what a record loses on the way.
 */
#ifndef POUCH_ADMIN_REDRIVE_H
#define POUCH_ADMIN_REDRIVE_H

#include <admin/redrive_plan.h>

struct admin_redrive;

/* What is to be sent is the plan; all is borrowed. */
struct admin_redrive_options {
    const struct pl_settings *settings;
    struct pl_store *store; /* is told, in the name of its author */
    const json_t *filter;   /* what was asked for, to be written down */
    int64_t rate;           /* letters a second; 0: as fast as it goes */
    int stop_ms;            /* how long what is on its way is waited for after a stop; 0: as long as it takes */
    void (*tell)(size_t stored, size_t planned, bool end, void *arg); /* now and then; NULL: nobody */
    void *arg;
};

/*
 * How many were given to the producer; of these: those the broker has, and those that another run would not store
 * either.
 */
struct admin_redrive_done {
    size_t sent, stored, refused;
    const char *trouble; /* why the last one was not stored; "" */
    bool stopped;        /* before all were sent */
};

/* Borrows the plan, which is made. NO_MEMORY, OVERLOADED. */
POUCH_MUST_CHECK pouch_err admin_redrive_new(struct admin_redrive **r, const struct admin_redrive_options *o,
                                             const struct admin_redrive_plan *plan);
void admin_redrive_free(struct admin_redrive *r); /* NULL allowed */

/* Sends. What was done is told also after an error: that of the store, NO_BROKER and what admin_scan() says. */
POUCH_MUST_CHECK pouch_err admin_redrive_send(struct admin_redrive *r);
struct admin_redrive_done admin_redrive_done(const struct admin_redrive *r);

/*
 * Any thread, also a signal handler; the plan's `until` does the same. What is on its way is waited for, what the
 * broker is known to have is written down, and nothing more is sent. What stop_ms was too short for counts as failed;
 * the broker may have it all the same, and the next run sends it again.
 */
void admin_redrive_stop(struct admin_redrive *r);

/* The plan with dry_run, sent, failed and stopped. NULL: no memory. */
json_t *admin_redrive_json(const struct admin_redrive_plan *plan, const struct admin_redrive_done *done, bool dry);

#endif
