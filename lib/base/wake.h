/* Something that makes a poll() return: an eventfd. Signalling is cheap when already signalled. */
#ifndef POUCH_BASE_WAKE_H
#define POUCH_BASE_WAKE_H

#include <pouch/error.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct pl_wake {
    /*
     * readable while signalled; given to poll(), epoll or rd_kafka_queue_io_event_enable() (payload: 8-byte 1); read by
     * clear and wait alone
     */
    int fd;
    atomic_bool raised;
};

POUCH_MUST_CHECK pouch_err pl_wake_init(struct pl_wake *w); /* OVERLOADED: no file descriptor left */
void pl_wake_free(struct pl_wake *w);
void pl_wake_signal(struct pl_wake *w); /* any thread; async-signal-safe */
void pl_wake_clear(struct pl_wake *w);

/* Waits until signalled or `us` microseconds have passed (negative: for ever), then clears it. */
void pl_wake_wait(struct pl_wake *w, int64_t us);

#endif
