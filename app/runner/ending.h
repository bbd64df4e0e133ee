/*
 * Ending a job for good: where an outcome cannot be taken, the job fails with the reason; where that cannot be told
 * either, because nothing can be sealed, it is tried again and at last becomes a dead letter. So none is left
 * to its timeout. After each of these the job is gone.
 */
#ifndef POUCH_RUNNER_ENDING_H
#define POUCH_RUNNER_ENDING_H

#include <pouch/worker.h>

/* json may be empty where nobody waits for a reply; who: "the worker command", for the messages. */
void runner_end_reply(pouch_job *job, const char *who, const void *json, size_t n);
void runner_end_forward(pouch_job *job, const char *who, const char *next, const void *json, size_t n);
void runner_end_fail(pouch_job *job, const char *text);
void runner_end_retry(pouch_job *job, const char *reason);

#endif
