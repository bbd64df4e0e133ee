/* One trace file as its writer has it. Any failure leaves the handle good for closing only. Inside the room. */
#ifndef POUCH_STORE_TRACE_FILE_H
#define POUCH_STORE_TRACE_FILE_H

#include <store/backend.h>

enum { PL_TRACE_FILE_ROWS = 500000 };

struct pl_trace_file;

/* Opens a file to append to, made when missing. CONFIG, STORE, NO_MEMORY. */
POUCH_MUST_CHECK pouch_err pl_trace_file_open(struct pl_trace_file **f, const char *path);
void pl_trace_file_close(struct pl_trace_file *f); /* NULL allowed */

/* One transaction: all or nothing. STORE, NO_MEMORY. */
POUCH_MUST_CHECK pouch_err pl_trace_file_append(struct pl_trace_file *f, const struct pl_trace_batch *batch,
                                                const struct pl_gap *gap);

int64_t pl_trace_file_rows(const struct pl_trace_file *f);
const char *pl_trace_file_path(const struct pl_trace_file *f);

#endif
