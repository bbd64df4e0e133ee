/*
 * What stands before a handler: its circuit breaker, and the requests that are held while that is not closed.
 *
 * The pool's threads look whether it is shut. What may not go they give back, opened, to the poll thread. That holds
 * it, in order, within bounds, and answers `overloaded` beyond them; meanwhile deadlines are looked at. When the
 * breaker is half open, the oldest is the probe.
 *
 * A retry is a failure, and so is a handler that takes too long; every other end is a success, also an error for the
 * requester: that is an answer.
 */
#ifndef POUCH_WORKER_GATE_H
#define POUCH_WORKER_GATE_H

#include <base/breaker.h>
#include <conf/settings.h>
#include <stdatomic.h>

struct pouch_job;
struct pouch_worker;

struct pl_gate {
    /* Shared. */
    atomic_bool shut; /* only the probe goes */
    /* the handler has ended something well since the poll thread last looked; while shut, the probe */
    atomic_bool well;

    /* The poll thread's. */
    struct pl_breaker breaker;
    struct pouch_job *probe;         /* under way, and not known to have ended; NULL: none */
    struct pouch_job *first, **last; /* held */
    size_t held;
};

void pl_gate_set_up(struct pl_gate *g, const struct pl_settings *s, int64_t now_us);

/* Any thread that has the job. */
bool pl_gate_lets(const struct pouch_job *j);       /* whether its handler may be called */
void pl_gate_ended_well(const struct pouch_job *j); /* before the poll thread can have it back */

/* The poll thread's. */
void pl_gate_hold_back(struct pouch_job *j); /* it was not let through */
void pl_gate_failed(struct pouch_job *j);
void pl_gate_over(struct pouch_job *j); /* a job is over, however */
void pl_gates_look(struct pouch_worker *w);
void pl_gates_drop(struct pouch_worker *w);         /* what is held comes again, to another member */
size_t pl_gates_hold(const struct pouch_worker *w); /* jobs that are held, and copies that wait for the end of one */
int64_t pl_gates_due(const struct pouch_worker *w); /* when to look again, on the monotonic clock */
void pl_gates_publish(struct pouch_worker *w);      /* in status and metrics */

#endif
