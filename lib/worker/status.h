/* What a worker is at, for the program's status pages. */
#ifndef POUCH_WORKER_STATUS_H
#define POUCH_WORKER_STATUS_H

#include <bus/status.h>
#include <pouch/worker.h>

/* Any thread, until pouch_worker_free(). Nothing is published before pouch_worker_run() takes requests. */
struct pl_status *pl_worker_status(pouch_worker *w);

#endif
