/*
 * The trace files of a folder as one reader has them during one query. A record that was handled again has a
 * row in another file, or a later one in the same: the older is not shown. Inside the room.
 */
#ifndef POUCH_STORE_TRACE_READER_H
#define POUCH_STORE_TRACE_READER_H

#include <sqlite3.h>
#include <store/store.h>

struct pl_trace_reader;

POUCH_MUST_CHECK pouch_err pl_trace_reader_open(struct pl_trace_reader **r, const char *folder);
void pl_trace_reader_close(struct pl_trace_reader *r);
size_t pl_trace_reader_files(const struct pl_trace_reader *r);

struct pl_row_at { /* a row: the file's number, and its own there */
    size_t file;
    int64_t row;
};

/*
 * The file's handle, opened when it is not; valid until the next call that names another file. NULL: the file is gone
 * or cannot be read, which was logged, and has no rows. STORE, NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err pl_trace_reader_file(struct pl_trace_reader *r, size_t file, sqlite3 **db);

/* Whether a file turned out to be there and unreadable. */
bool pl_trace_reader_unread(const struct pl_trace_reader *r, size_t file);

/* How many rows the query sees of a file, numbered from 1. */
POUCH_MUST_CHECK pouch_err pl_trace_reader_rows(struct pl_trace_reader *r, size_t file, int64_t *rows);

/* Calls fn for every row of that key, of whatever request. */
typedef pouch_err pl_row_found(struct pl_trace_reader *r, struct pl_row_at at, void *arg);
POUCH_MUST_CHECK pouch_err pl_trace_reader_find(struct pl_trace_reader *r, size_t file, uint64_t key, pl_row_found *fn,
                                                void *arg);

/* The rows of one request, found with as little reading as one search allows. */
struct pl_row_found_of {
    struct pl_row_at at;
    uint64_t id;
    int64_t at_us;
};
typedef pouch_err pl_row_of_request(const struct pl_row_found_of *row, void *arg);
POUCH_MUST_CHECK pouch_err pl_trace_reader_request(struct pl_trace_reader *r, size_t file, const struct pl_uuid *id,
                                                   pl_row_of_request *fn, void *arg);

/* Whether b was written after a. In one file rows are in order; between files the clock decides. */
POUCH_MUST_CHECK pouch_err pl_trace_reader_later(struct pl_trace_reader *r, struct pl_row_at a, struct pl_row_at b,
                                                 bool *later);

/* Shows a row to fn, unless a later row has its id. */
struct pl_showing {
    pl_trace_visit *fn;
    void *arg;
    bool is_newest; /* the caller knows that no later row has the id of this one */
    size_t shown;
    bool ended; /* fn has said so */
};
POUCH_MUST_CHECK pouch_err pl_trace_reader_show(struct pl_trace_reader *r, struct pl_row_at at, struct pl_showing *s);

#endif
