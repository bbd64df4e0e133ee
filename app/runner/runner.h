/*
 * Handlers in other languages, for `pouch worker`: a command that is kept running (--pipe), a
 * command a request (--exec), or a service asked by HTTP (--url).
 */
#ifndef POUCH_RUNNER_RUNNER_H
#define POUCH_RUNNER_RUNNER_H

#include <pouch/worker.h>
#include <stddef.h>

/*
 * handle is a pouch_handler_fn whose arg is the runner. halt ends what is still running, and
 * from then on handle gives every job back for another try; it may wait up to the drain time.
 * free comes after halt, when no handler runs any more.
 */
struct runner {
    pouch_handler_fn *handle;
    void (*halt)(struct runner *r);
    void (*free)(struct runner *r);
};

struct runner_limits {
    size_t open;    /* requests that a kept command has in hand at once */
    int timeout_ms; /* of a request */
    int drain_ms;   /* for a command to end by itself once its input is closed */
};

/* The text is borrowed. OVERLOADED: no process, thread or file can be had. CONFIG: not a URL for HTTP. NO_MEMORY. */
POUCH_MUST_CHECK pouch_err runner_pipe(struct runner **r, const char *command, const struct runner_limits *limits);
POUCH_MUST_CHECK pouch_err runner_exec(struct runner **r, const char *command, const struct runner_limits *limits);
POUCH_MUST_CHECK pouch_err runner_url(struct runner **r, const char *url, const struct runner_limits *limits);

#endif
