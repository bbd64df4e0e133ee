/* The worker's message log. Both do nothing without a tracer; they never wait
 * and never fail. */
#ifndef POUCH_WORKER_TRACE_H
#define POUCH_WORKER_TRACE_H

#include <worker/worker.h>

/* The request has been opened and goes to its handler. On a pool thread that
 * has a desk, so that its record is there. */
void pl_worker_trace_begun(const struct pouch_job *j);

/* All records of its end are stored, its own is there still. The poll thread's.
 */
void pl_worker_trace_ended(const struct pouch_job *j);

#endif
