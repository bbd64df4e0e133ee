/* What the files of this room share. */
#ifndef POUCH_TOP_STATE_H
#define POUCH_TOP_STATE_H

#include <base/wake.h>
#include <stdatomic.h>
#include <top/compare.h>

struct top_reader {
    struct top *top;
    struct top_process *process;
    char *url;
};

/* Everything but what is shared is the thread's that calls top_next(). */
struct top {
    struct top_process processes[TOP_MOST];
    struct top_reader readers[TOP_MOST];
    size_t n;
    int64_t every_us, read_us;

    /* Shared. */
    atomic_bool stopping;
    struct pl_wake stopped; /* wakes who waits for the next reading */
    struct pl_wake news;    /* wakes the screen */
};

#endif
