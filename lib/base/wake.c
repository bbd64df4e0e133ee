#include <base/clock.h>
#include <base/wake.h>
#include <base/why.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

/*
 * `raised` saves the write() when a signal is already on its way: whoever turns it from false
 * to true writes, and all others return at once. No wake-up is lost:
 *
 * - A true `raised` means that the descriptor is readable, is about to become so, or is being
 *   cleared at this moment.
 * - clear empties the descriptor first and lowers `raised` after that. A signal that still saw
 *   true came before the lowering, which reads the value that signal wrote (both are
 *   read-modify-writes), so what the signaller did before is visible to the owner when clear
 *   returns, and the owner looks at its work after that. A later signal sees false and writes.
 * - A write that is late, after a clear lowered its `raised`, leaves a descriptor that is
 *   readable for nothing: one turn of the loop without work, no harm.
 *
 * Others may write to the descriptor themselves; they know nothing of `raised` and need not.
 */

pouch_err pl_wake_init(struct pl_wake *w) {
    atomic_init(&w->raised, false);
    w->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (w->fd < 0)
        return pl_fail(POUCH_E_OVERLOADED, "eventfd: %s; raise the limit of open files", strerrordesc_np(errno));
    return POUCH_OK;
}

void pl_wake_free(struct pl_wake *w) {
    if (w->fd >= 0) close(w->fd);
    w->fd = -1;
}

void pl_wake_signal(struct pl_wake *w) {
    if (atomic_exchange(&w->raised, true)) return;
    int saved = errno;
    const uint64_t one = 1;
    /* EAGAIN would mean that the counter is full, and then it is readable. */
    while (write(w->fd, &one, sizeof one) < 0 && errno == EINTR) continue;
    errno = saved;
}

void pl_wake_clear(struct pl_wake *w) {
    uint64_t count;
    while (read(w->fd, &count, sizeof count) < 0 && errno == EINTR) continue;
    atomic_exchange(&w->raised, false);
}

void pl_wake_wait(struct pl_wake *w, int64_t us) {
    struct pollfd readable = {.fd = w->fd, .events = POLLIN};
    const int64_t start = us > 0 ? pl_mono_us(&pl_clock_system) : 0;
    int64_t left = us;
    for (;;) {
        struct timespec t = {.tv_sec = left / 1000000, .tv_nsec = left % 1000000 * 1000};
        int ready = ppoll(&readable, 1, us < 0 ? NULL : &t, NULL);
        if (ready > 0) pl_wake_clear(w);
        if (ready >= 0 || errno != EINTR) return;
        int64_t passed = us > 0 ? pl_mono_us(&pl_clock_system) - start : 0;
        left = passed < us ? us - passed : 0;
    }
}
