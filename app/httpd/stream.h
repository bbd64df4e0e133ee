/*
 * Answers without an end. What is sent to many streams is one block in memory for all of them. A stream belongs to
 * the thread of its loop, where alone these functions are called, but for those of blocks; other threads post a job
 * (httpd_post()).
 */
#ifndef POUCH_HTTPD_STREAM_H
#define POUCH_HTTPD_STREAM_H

#include <httpd/httpd.h>

struct httpd_stream;

/* Bytes to be sent, counted by reference: any thread, any number of streams. Never changed once made. */
struct httpd_block;
struct httpd_block *httpd_block_new(const void *bytes, size_t n); /* with one reference; NULL: no memory, or n is 0 */
void httpd_block_ref(struct httpd_block *b);
void httpd_block_free(struct httpd_block *b); /* gives one reference back; NULL allowed */
size_t httpd_block_size(const struct httpd_block *b);

enum httpd_ended {
    HTTPD_ENDED,  /* by httpd_stream_end() or _drop() */
    HTTPD_CLOSED, /* by the client, or its network */
    HTTPD_SLOW,   /* what was queued was not taken within limits.answer_ms */
    HTTPD_FAILED, /* no memory */
    HTTPD_STOPPED /* the server stops */
};

/* `ended` is called exactly once, and last: the stream is gone after it. The others may be NULL. */
struct httpd_stream_events {
    void (*drained)(struct httpd_stream *s, void *arg); /* nothing is queued any more */
    void (*stopping)(struct httpd_stream *s,
                     void *arg); /* the server stops; httpd_stream_end() with last words is expected */
    void (*ended)(struct httpd_stream *s, enum httpd_ended why, void *arg);
};

/*
 * Begins the answer to a call that was taken, or whose handler is running, with status, type and fields of `a`,
 * which stays the caller's. Takes the call in any case. No callback is called before it has returned. NOT_FOUND: the
 * client is gone, or asked with HEAD and has its answer. NO_MEMORY: the connection is closed.
 */
POUCH_MUST_CHECK pouch_err httpd_stream_open(struct httpd_stream **s, struct httpd_call *c, struct httpd_answer *a,
                                             const struct httpd_stream_events *events, void *arg);

/*
 * Queues the block, which stays the caller's. False, and nothing is queued: it would pass limits.stream_bytes, the
 * stream is ending, or there is no memory.
 */
bool httpd_stream_send(struct httpd_stream *s, struct httpd_block *b);
size_t httpd_stream_queued(const struct httpd_stream *s);

/* Sends what is queued, then `last` (beyond the limit too; NULL: nothing), then ends the answer and the connection. */
void httpd_stream_end(struct httpd_stream *s, struct httpd_block *last);

/* Ends the connection at once, whatever is queued. `ended` is called before it returns. */
void httpd_stream_drop(struct httpd_stream *s);

#endif
