/*
 * What `pouch worker --pipe` speaks with its command: one JSON object a line, each way.
 *
 *   to the command    {"request_id","topic","publisher"?,"deadline"?,"headers":[[name,value]…],"payload"}
 *   from the command  {"request_id"} with "payload", or "error", or "retry", or "forward" and "payload"
 *
 * Payloads are spliced through as they are, so numbers and member order stay what the peer wrote.
 * No I/O here.
 */
#ifndef POUCH_RUNNER_LINES_H
#define POUCH_RUNNER_LINES_H

#include <base/buf.h>
#include <base/uuid.h>
#include <pouch/worker.h>
#include <stdbool.h>

enum { RUNNER_LINE_MAX = 8 * 1024 * 1024 };

/* Appends the job's line, the newline included. NO_MEMORY, TOO_LARGE: out is as it was. */
POUCH_MUST_CHECK pouch_err runner_line_write(struct pl_buf *out, const pouch_job *job);

enum runner_ending { RUNNER_REPLY, RUNNER_FAIL, RUNNER_RETRY, RUNNER_FORWARD };

struct runner_answer {
    bool named;        /* the line names a request; true even where the rest cannot be read */
    struct pl_uuid id; /* of that request */
    enum runner_ending ending;
    const char *payload; /* of a reply or forward: JSON text, borrowed from the line */
    size_t payload_n;
    char *text; /* of a failure or retry: why; of a forward: where to; owned */
};

/*
 * Reads a line. INVALID_PAYLOAD: not what a command may answer; pouch_why() names the place and
 * the cause and quotes nothing. NO_MEMORY. Free in any case.
 */
POUCH_MUST_CHECK pouch_err runner_answer_read(struct runner_answer *a, const char *line, size_t n);
void runner_answer_free(struct runner_answer *a);

/* Cuts what is read into lines. One that is longer than RUNNER_LINE_MAX is skipped whole. */
struct runner_splitter {
    struct pl_buf held;
    size_t taken;  /* held: 0 .. taken -- given out / taken .. len -- to come */
    size_t looked; /* no newline from taken to here */
    bool skipping;
};

void runner_splitter_init(struct runner_splitter *s);
void runner_splitter_free(struct runner_splitter *s); /* ready for use again; wipes */

/* Takes n bytes that were read; what runner_splitter_next() gave before is gone. NO_MEMORY. */
POUCH_MUST_CHECK pouch_err runner_splitter_add(struct runner_splitter *s, const char *bytes, size_t n);

enum runner_step { RUNNER_LINE, RUNNER_TOO_LONG, RUNNER_MORE };

/* The next whole line without its newline; TOO_LONG once for each that was skipped; MORE: add bytes first. */
enum runner_step runner_splitter_next(struct runner_splitter *s, const char **line, size_t *n);

/* n bytes as clean UTF-8, what is malformed replaced by U+FFFD. TOO_LARGE, NO_MEMORY: out is as it was. */
POUCH_MUST_CHECK pouch_err runner_text_append(struct pl_buf *out, const char *text, size_t n);

#endif
