#include <base/log_line.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINES_A_SECOND = 10 };

static _Atomic(enum pl_log_level) most = PL_LOG_INFO;
static _Atomic(const char *) program;
static _Atomic(const struct pl_clock *) clock_used = &pl_clock_system;
static atomic_uint_fast64_t left_out;

void pl_log_set_level(enum pl_log_level level) {
    most = level;
}

void pl_log_set_name(const char *name) {
    program = name;
}

void pl_log_set_clock(const struct pl_clock *c) {
    clock_used = c;
}

uint64_t pl_log_left_out(void) {
    return left_out;
}

/*
 * Whether this line may go out; *missing is how many of the site's earlier ones did not and
 * were not told of yet. One lock for all sites: it is held for a few instructions.
 */
static bool admit(struct pl_log_site *site, unsigned *missing) {
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    int64_t second = pl_mono_us(clock_used) / 1000000;
    *missing = 0;
    pthread_mutex_lock(&lock);
    if (second != site->second) {
        *missing = site->left_out;
        *site = (struct pl_log_site){.second = second};
    }
    bool admitted = site->in_second < LINES_A_SECOND;
    if (admitted) {
        site->in_second++;
    } else {
        site->left_out++;
    }
    pthread_mutex_unlock(&lock);
    if (!admitted) left_out++;
    return admitted;
}

static bool wants_colour(void) {
    const char *no_colour = getenv("NO_COLOR"), *terminal = getenv("TERM");
    return !(no_colour && *no_colour) && terminal && strcmp(terminal, "dumb") != 0;
}

static struct {
    pthread_mutex_t lock;
    struct pl_log_line lines[PL_LOG_KEPT];
    size_t written; /* since the start */
} kept = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void keep(const struct pl_log_line *json) {
    pthread_mutex_lock(&kept.lock);
    kept.lines[kept.written++ % PL_LOG_KEPT] = *json;
    pthread_mutex_unlock(&kept.lock);
}

void pl_log_kept(void (*each)(const char *json, size_t n, void *arg), void *arg) {
    pthread_mutex_lock(&kept.lock);
    for (size_t i = kept.written < PL_LOG_KEPT ? 0 : kept.written - PL_LOG_KEPT; i < kept.written; i++) {
        const struct pl_log_line *line = &kept.lines[i % PL_LOG_KEPT];
        each(line->at, line->len - 1, arg);
    }
    pthread_mutex_unlock(&kept.lock);
}

/* A pipe that takes anything takes a whole line; one that nobody reads any more would end the process by a signal. */
static bool stderr_takes(void) {
    struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};
    return poll(&p, 1, 0) == 1 && p.revents == POLLOUT;
}

/* What stderr does not take is lost: a log must never hold up or end the process. */
static void print(const struct pl_log_event *event) {
    struct pl_log_line line;
    bool terminal = isatty(STDERR_FILENO), trouble = event->level <= PL_LOG_WARN;
    if (!terminal || trouble) pl_log_line_json(&line, event);
    if (trouble) keep(&line);
    if (terminal) pl_log_line_text(&line, event, program, wants_colour());
    while (stderr_takes() && write(STDERR_FILENO, line.at, line.len) < 0 && errno == EINTR) continue;
}

void pl_log_write(struct pl_log_site *site, enum pl_log_level level, const char *msg, const char *const fields[]) {
    unsigned missing;
    if (level > most || !admit(site, &missing)) return;

    int saved = errno;
    struct pl_log_event event = {pl_wall_ms(clock_used), level, msg, fields};
    if (missing) {
        char count[16];
        snprintf(count, sizeof count, "%u", missing);
        struct pl_log_event told = {event.wall_ms, level, "lines were left out",
                                    (const char *const[]){"like", msg, "count", count, NULL}};
        print(&told);
    }
    print(&event);
    errno = saved;
}
