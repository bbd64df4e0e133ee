/*
 * Keeps a dedupe window in a file: a thread writes what has ended, some fifty times a second, and reads what other
 * workers of the group on this host have written. So a kill forgets what ended in the last 20 ms or so, and a file that
 * cannot be written makes the window one of memory alone, which is logged and counted, and tried again.
 */
#ifndef POUCH_WORKER_DEDUPE_FILE_H
#define POUCH_WORKER_DEDUPE_FILE_H

#include <worker/dedupe.h>
#include <worker/job.h>

struct pl_dedupe_file;

/*
 * path NULL: seen-GROUP.db in the state directory. Fills the window with what is in the file. NULL: it is not kept; the
 * log says why.
 */
struct pl_dedupe_file *pl_dedupe_file_start(struct pl_dedupe *d, const char *path, const char *group,
                                            const struct pl_route routes[], size_t n_routes);

/* Writes what is left, once. NULL allowed. */
void pl_dedupe_file_stop(struct pl_dedupe_file *f);

#endif
