#include <base/clock.h>
#include <base/thread.h>
#include <base/wake.h>
#include <base/why.h>
#include <errno.h>
#include <ops/notify.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { LOOK_US = 1000000, TEXT_MAX = 512 };

/* Where to; no length: nowhere. Set before there are threads, since signal handlers read it. */
static struct sockaddr_un place;
static socklen_t place_n;

struct ops_notify {
    const struct httpd_owner *owner;
    int64_t alive_us, alive_next_us; /* how often that is to be told, 0: never; monotonic */
    bool ready_told;
    char told[TEXT_MAX]; /* the last reason; "": none */
    struct pl_wake wake;
    atomic_bool end;
    pthread_t thread;
};

bool ops_notify_tell(const char *lines) {
    int before = errno; /* of what a signal interrupts */
    int fd = place_n ? socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1;
    ssize_t sent = -1;
    if (fd >= 0) {
        sent = sendto(fd, lines, strlen(lines), MSG_NOSIGNAL | MSG_DONTWAIT, (const struct sockaddr *)&place, place_n);
        close(fd);
    }
    errno = before;
    return sent >= 0;
}

/* A path, or after an @ a name in the abstract space, which has no NUL at its end. */
static pouch_err read_place(const char *address) {
    size_t n = strlen(address);
    if ((address[0] != '/' && address[0] != '@') || n < 2 || n >= sizeof place.sun_path)
        return pl_fail(POUCH_E_CONFIG,
                       "NOTIFY_SOCKET is no path and no abstract socket: unset it, or start from systemd");
    place.sun_family = AF_UNIX;
    memcpy(place.sun_path, address, n + 1);
    if (address[0] == '@') place.sun_path[0] = 0;
    place_n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + (address[0] == '/'));
    return POUCH_OK;
}

/* Twice in the time after which we would be taken for dead. 0: nobody waits, or for another process. */
static int64_t read_alive_us(void) {
    const char *us = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    if (!us || (pid && strtol(pid, NULL, 10) != getpid())) return 0;
    int64_t most = strtoll(us, NULL, 10);
    return most > 1 ? most / 2 : 0;
}

/* The first reason that a function adds; "" for none. */
static void first_reason(char out[TEXT_MAX], void (*add)(json_t *reasons, void *arg), void *arg) {
    json_t *reasons = json_array();
    out[0] = 0;
    if (add && reasons) add(reasons, arg);
    const char *text = json_string_value(json_array_get(reasons, 0));
    if (text) snprintf(out, TEXT_MAX, "%s", text);
    for (char *at = out; (at = strpbrk(at, "\r\n"));) *at = ' '; /* each line tells something of its own */
    if (!text && json_array_size(reasons)) snprintf(out, TEXT_MAX, "out of memory");
    json_decref(reasons);
}

/* Each is told until its message was taken: nobody waits longer for us than a full socket lasts. */
static void tell_ready(struct ops_notify *n) {
    if (!n->ready_told) n->ready_told = ops_notify_tell("READY=1");
}

static void tell_state(struct ops_notify *n) {
    char why[TEXT_MAX], line[TEXT_MAX + 32];
    first_reason(why, n->owner->unready, n->owner->arg);
    if (!strcmp(why, n->told)) return;
    snprintf(line, sizeof line, "STATUS=%s%s", why[0] ? "not ready: " : "ready", why);
    if (ops_notify_tell(line)) snprintf(n->told, sizeof n->told, "%s", why);
}

static void tell_alive(struct ops_notify *n, int64_t now_us) {
    char why[TEXT_MAX];
    if (!n->alive_us || now_us < n->alive_next_us) return;
    first_reason(why, n->owner->dead, n->owner->arg);
    if (why[0]) return; /* it is restarted when this has lasted too long */
    if (ops_notify_tell("WATCHDOG=1")) n->alive_next_us = now_us + n->alive_us;
}

static void *follow(void *arg) {
    struct ops_notify *n = arg;
    int64_t pause_us = n->alive_us && n->alive_us < LOOK_US ? n->alive_us : LOOK_US;
    while (!n->end) {
        tell_ready(n);
        if (n->ready_told) tell_state(n);
        tell_alive(n, pl_mono_us(&pl_clock_system));
        pl_wake_wait(&n->wake, pause_us);
    }
    return NULL;
}

static pouch_err start(struct ops_notify *n, const struct httpd_owner *owner) {
    n->owner = owner;
    n->alive_us = read_alive_us();
    snprintf(n->told, sizeof n->told, "nothing was told yet");
    pouch_err e = pl_wake_init(&n->wake);
    if (e) return e;
    tell_ready(n);
    e = pl_thread_start(&n->thread, "pouch-notify", follow, n);
    if (e) pl_wake_free(&n->wake);
    return e;
}

pouch_err ops_notify_start(struct ops_notify **out, const struct httpd_owner *owner) {
    const char *address = getenv("NOTIFY_SOCKET");
    *out = NULL;
    if (!address || !address[0]) return POUCH_OK;
    pouch_err e = read_place(address);
    if (e) return e;
    struct ops_notify *n = calloc(1, sizeof *n);
    e = n ? start(n, owner) : pl_fail(POUCH_E_NO_MEMORY, "out of memory for the service manager");
    if (e)
        free(n);
    else
        *out = n;
    return e;
}

void ops_notify_stop(struct ops_notify *n) {
    if (!n) return;
    n->end = true;
    pl_wake_signal(&n->wake);
    pthread_join(n->thread, NULL);
    pl_wake_free(&n->wake);
    free(n);
}
