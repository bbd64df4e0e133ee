/*
 * Preloaded, it makes threads of our programs stand still for a moment at random places, as they do on a machine that
 * has too much to do: around the calls that another thread or process may be waiting for. What a test takes for granted
 * about who comes first, and what a program tells before it is so, shows then.
 *
 *     LD_PRELOAD=build/release/libpauses.so POUCH_PAUSES=400:300 ctest --test-dir build/release
 *
 * POUCH_PAUSES=ODDS:MS[:SEED]: one call in ODDS (1 to 4294967295) takes up to MS milliseconds longer (1 to 60000; most
 * take a twentieth of that). Without it, or in programs of others, nothing happens.
 */
#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static unsigned odds, most_ms; /* odds 0: never */
static uint64_t seed;

static struct {
    ssize_t (*write)(int, const void *, size_t);
    ssize_t (*writev)(int, const struct iovec *, int);
    ssize_t (*send)(int, const void *, size_t, int);
    ssize_t (*sendmsg)(int, const struct msghdr *, int);
    ssize_t (*recv)(int, void *, size_t, int);
    ssize_t (*recvmsg)(int, struct msghdr *, int);
    int (*poll)(struct pollfd *, nfds_t, int);
    int (*epoll_wait)(int, struct epoll_event *, int, int);
    int (*unlock)(pthread_mutex_t *);
} real;

/* A pointer to a function from one to an object, as POSIX has it (dlsym). */
static void find(void *to, const char *name) {
    void *at = dlsym(RTLD_NEXT, name);
    if (!at) abort();
    memcpy(to, &at, sizeof at);
}

/* Other libraries begin before this one, and call these too. */
static void find_all(void) {
    if (real.unlock) return;
    find(&real.write, "write");
    find(&real.writev, "writev");
    find(&real.send, "send");
    find(&real.sendmsg, "sendmsg");
    find(&real.recv, "recv");
    find(&real.recvmsg, "recvmsg");
    find(&real.poll, "poll");
    find(&real.epoll_wait, "epoll_wait");
    find(&real.unlock, "pthread_mutex_unlock");
}

static bool is_ours(const char *program) {
    static const char *const beginnings[] = {"pouch", "unit_", "mock_", "e2e_", "faults_"};
    for (size_t i = 0; i < sizeof beginnings / sizeof beginnings[0]; i++)
        if (!strncmp(program, beginnings[i], strlen(beginnings[i]))) return true;
    return false;
}

__attribute__((constructor)) static void begin(void) {
    const char *text = getenv("POUCH_PAUSES");
    unsigned long long given = 0;
    if (!text || !is_ours(program_invocation_short_name)) return;
    unsigned one_in = 0;
    int n = sscanf(text, "%u:%u:%llu", &one_in, &most_ms, &given);
    if (n < 2 || !one_in || !most_ms || most_ms > 60000) {
        fprintf(stderr, "POUCH_PAUSES=%s: it is ODDS:MS[:SEED], as 400:300\n", text);
        exit(64);
    }
    seed = n > 2 ? (uint64_t)given : (uint64_t)time(NULL) * 1000003 + (uint64_t)getpid();
    odds = one_in;
}

/* Marsaglia's xorshift64, one row of numbers a thread. */
static uint64_t draw(void) {
    static _Thread_local uint64_t state;
    if (!state) state = (seed ^ (uint64_t)syscall(SYS_gettid) << 20) | 1;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static void maybe_pause(unsigned one_in) {
    if (!one_in || draw() % one_in) return;
    int was = errno;
    uint64_t us = draw() % (most_ms * UINT64_C(1000)) + 1;
    if (draw() % 4) us /= 20;
    const struct timespec span = {(time_t)(us / 1000000), (long)(us % 1000000) * 1000};
    syscall(SYS_nanosleep, &span, NULL);
    errno = was;
}

/* ---- what others see of us is late ---- */

ssize_t write(int fd, const void *bytes, size_t n) {
    find_all();
    maybe_pause(odds);
    return real.write(fd, bytes, n);
}

ssize_t writev(int fd, const struct iovec *parts, int n) {
    find_all();
    maybe_pause(odds);
    return real.writev(fd, parts, n);
}

ssize_t send(int fd, const void *bytes, size_t n, int flags) {
    find_all();
    maybe_pause(odds);
    return real.send(fd, bytes, n, flags);
}

ssize_t sendmsg(int fd, const struct msghdr *m, int flags) {
    find_all();
    maybe_pause(odds);
    return real.sendmsg(fd, m, flags);
}

/* ---- what we see of others is late ---- */

ssize_t recv(int fd, void *bytes, size_t n, int flags) {
    find_all();
    ssize_t got = real.recv(fd, bytes, n, flags);
    maybe_pause(odds);
    return got;
}

ssize_t recvmsg(int fd, struct msghdr *m, int flags) {
    find_all();
    ssize_t got = real.recvmsg(fd, m, flags);
    maybe_pause(odds);
    return got;
}

int poll(struct pollfd *fds, nfds_t n, int ms) {
    find_all();
    int ready = real.poll(fds, n, ms);
    maybe_pause(odds);
    return ready;
}

int epoll_wait(int fd, struct epoll_event *events, int n, int ms) {
    find_all();
    int ready = real.epoll_wait(fd, events, n, ms);
    maybe_pause(odds);
    return ready;
}

/* ---- other threads go first ---- */

int pthread_mutex_unlock(pthread_mutex_t *lock) {
    find_all();
    int e = real.unlock(lock);
    if (odds && odds <= UINT32_MAX / 8) maybe_pause(odds * 8); /* there are many more of these */
    return e;
}
