/*
 * A command that is kept running and answers JSON lines.
 *
 * Handlers append lines to `filling` and wait while the command is down or has enough in hand.
 * One thread owns the command: it writes, reads, ends jobs, and starts the command again when it
 * dies. Reading and writing are in one loop, so that two full pipes cannot block each other.
 */
#include <base/buf.h>
#include <base/clock.h>
#include <base/log.h>
#include <base/wake.h>
#include <base/why.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <runner/child.h>
#include <runner/ending.h>
#include <runner/lines.h>
#include <runner/open.h>
#include <runner/runner.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    OUT_MAX = 4 * 1024 * 1024, /* bytes that wait to be written; a line begun below it may pass it */
    PAYLOAD_MAX = 64 * 1024 * 1024,
    CHUNK = 64 * 1024,
    LAST_READS = 32, /* empties the largest pipe that a user may have, 1 MiB, and then stops */
    MS = 1000,
    BACKOFF_FIRST_MS = 100,
    BACKOFF_LAST_MS = 5000,
    TERM_MS = 2000, /* between SIGTERM and SIGKILL */
    QUIET_MS = 5000,
    LATE_MS = 1000 /* the worker's own timeout comes first, so that the requester hears handler_timeout */
};

static const char who[] = "the worker command";
static const char stopping[] = "the worker is stopping";

struct pipe_runner {
    struct runner face;
    const char *command;
    char **env;
    struct runner_limits limits;
    pthread_t thread;
    struct pl_wake wake;

    pthread_mutex_t lock; /* for the next five */
    pthread_cond_t changed;
    struct pl_buf filling; /* lines that wait for `writing` to be written */
    struct runner_open open;
    bool up, halting;

    /* The thread's own, as is all below. */
    struct runner_child child;
    struct pl_buf writing;
    size_t written;
    struct runner_splitter splitter;
    char chunk[CHUNK];
    int64_t heard_us; /* last output, or the start */
    int64_t since_us; /* when the oldest open job came, as last looked */
    size_t count;     /* open jobs, as last looked */
    int64_t press_us; /* when the next signal is due; INT64_MAX = not stopping */
    int signal;       /* that signal */
    int backoff_ms;
    bool answered; /* since the last start */
    bool told_quiet;
};

static int64_t now_us(void) {
    return pl_mono_us(&pl_clock_system);
}

static void set_up(struct pipe_runner *p, bool up) {
    pthread_mutex_lock(&p->lock);
    p->up = up;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
}

static bool is_halting(struct pipe_runner *p) {
    pthread_mutex_lock(&p->lock);
    bool halting = p->halting;
    pthread_mutex_unlock(&p->lock);
    return halting;
}

/* Closes the command's input, which asks it to finish; signals follow when it does not. */
static void begin_stop(struct pipe_runner *p) {
    if (p->press_us != INT64_MAX) return;
    set_up(p, false);
    runner_child_close(&p->child.in);
    p->press_us = now_us() + (int64_t)p->limits.drain_ms * MS;
    p->signal = SIGTERM;
}

static void press(struct pipe_runner *p, int64_t now) {
    if (now < p->press_us) return;
    runner_child_signal(&p->child, p->signal);
    p->signal = SIGKILL;
    p->press_us = now + TERM_MS * MS;
}

/* What has gathered becomes what is written, once the last has been. */
static void look(struct pipe_runner *p) {
    pthread_mutex_lock(&p->lock);
    if (p->written == p->writing.len) {
        struct pl_buf empty = p->writing;
        pl_buf_reset(&empty);
        p->writing = p->filling;
        p->filling = empty;
        p->written = 0;
        pthread_cond_broadcast(&p->changed);
    }
    p->since_us = runner_open_since(&p->open);
    p->count = p->open.count;
    bool halting = p->halting;
    pthread_mutex_unlock(&p->lock);
    if (halting) begin_stop(p);
}

static int64_t quiet_due(const struct pipe_runner *p) {
    if (p->told_quiet || !p->count) return INT64_MAX;
    return (p->since_us > p->heard_us ? p->since_us : p->heard_us) + QUIET_MS * MS;
}

static int64_t late_due(const struct pipe_runner *p) {
    return p->count ? p->since_us + (int64_t)(p->limits.timeout_ms + LATE_MS) * MS : INT64_MAX;
}

static int wait_ms(const struct pipe_runner *p) {
    int64_t due = p->press_us;
    if (quiet_due(p) < due) due = quiet_due(p);
    if (late_due(p) < due) due = late_due(p);
    if (due == INT64_MAX) return -1;
    int64_t left = (due - now_us()) / MS + 1;
    return left < 0 ? 0 : left > 60 * MS ? 60 * MS : (int)left;
}

static void write_some(struct pipe_runner *p) {
    ssize_t n = write(p->child.in, p->writing.at + p->written, p->writing.len - p->written);
    if (n > 0)
        p->written += (size_t)n;
    else if (n < 0 && errno != EAGAIN && errno != EINTR)
        begin_stop(p); /* It takes no more, but what it has may still be answered. */
}

static void end(pouch_job *job, const struct runner_answer *a) {
    switch (a->ending) {
    case RUNNER_REPLY: runner_end_reply(job, who, a->payload, a->payload_n); break;
    case RUNNER_FAIL: runner_end_fail(job, a->text); break;
    case RUNNER_RETRY: runner_end_retry(job, a->text); break;
    case RUNNER_FORWARD: runner_end_forward(job, who, a->text, a->payload, a->payload_n); break;
    }
}

static void take_answer(struct pipe_runner *p, const char *line, size_t n) {
    struct runner_answer a;
    pouch_job *job = NULL;
    pouch_err e = runner_answer_read(&a, line, n);
    if (a.named) {
        pthread_mutex_lock(&p->lock);
        job = runner_open_take(&p->open, &a.id);
        pthread_mutex_unlock(&p->lock);
    }
    if (job) p->answered = true;
    if (job && !e) {
        end(job, &a);
    } else if (job) {
        char text[1200];
        snprintf(text, sizeof text, "%s gave an answer that cannot be read: %s", who, pouch_why());
        runner_end_fail(job, text);
    } else if (e) {
        PL_LOG(PL_LOG_WARN, "a line of the worker command is no answer", "why", pouch_why());
    } else {
        PL_LOG(PL_LOG_WARN, "a line of the worker command answers a request that is not open: late, or answered twice");
    }
    runner_answer_free(&a);
}

static void take_lines(struct pipe_runner *p) {
    const char *line;
    size_t n;
    for (;;) switch (runner_splitter_next(&p->splitter, &line, &n)) {
        case RUNNER_LINE: take_answer(p, line, n); break;
        case RUNNER_TOO_LONG:
            PL_LOG(PL_LOG_WARN, "a line of the worker command is longer than 8 MiB and was left out");
            break;
        case RUNNER_MORE: pthread_cond_broadcast(&p->changed); return;
        }
}

/* Whether there may be more now or later. */
static bool read_some(struct pipe_runner *p) {
    ssize_t n = read(p->child.out, p->chunk, sizeof p->chunk);
    if (n < 0 && errno == EINTR) return true;
    if (n <= 0) return n < 0 && errno == EAGAIN;
    p->heard_us = now_us();
    if (runner_splitter_add(&p->splitter, p->chunk, (size_t)n)) {
        PL_LOG(PL_LOG_ERROR, "no memory for what the worker command prints");
        return false;
    }
    take_lines(p);
    return true;
}

static void end_late(struct pipe_runner *p, int64_t now) {
    for (;;) {
        pthread_mutex_lock(&p->lock);
        pouch_job *job = runner_open_take_oldest(&p->open, now - (int64_t)(p->limits.timeout_ms + LATE_MS) * MS);
        if (job) pthread_cond_broadcast(&p->changed);
        pthread_mutex_unlock(&p->lock);
        if (!job) return;
        runner_end_fail(job, "the worker command did not answer in time");
    }
}

static void tell_quiet(struct pipe_runner *p, int64_t now) {
    if (now < quiet_due(p)) return;
    char text[256];
    snprintf(text, sizeof text,
             "the worker command has had %zu request%s for 5 s and printed nothing: does it flush its output after "
             "each line? (python: print(..., flush=True); or run it under stdbuf -oL)",
             p->count, p->count == 1 ? "" : "s");
    PL_LOG(PL_LOG_WARN, text);
    p->told_quiet = true;
}

/* It has closed its output and can answer no more, so that it may as well end. */
static void stop_reading(struct pipe_runner *p) {
    runner_child_close(&p->child.out);
    begin_stop(p);
}

/* Until the command has ended. */
static void serve(struct pipe_runner *p) {
    for (;;) {
        look(p);
        struct pollfd fds[] = {
            {.fd = p->wake.fd, .events = POLLIN},
            {.fd = p->child.exited, .events = POLLIN},
            {.fd = p->child.out, .events = POLLIN},
            {.fd = p->written < p->writing.len ? p->child.in : -1, .events = POLLOUT},
        };
        if (poll(fds, sizeof fds / sizeof fds[0], wait_ms(p)) < 0) continue;
        if (fds[0].revents) pl_wake_clear(&p->wake);
        if (fds[3].revents) write_some(p);
        if (fds[1].revents) {
            for (int i = 0; i < LAST_READS && read_some(p); i++) continue;
            return;
        }
        if (fds[2].revents && !read_some(p)) stop_reading(p);
        int64_t now = now_us();
        end_late(p, now);
        tell_quiet(p, now);
        press(p, now);
    }
}

static bool start(struct pipe_runner *p) {
    p->answered = false;
    if (runner_child_start(&p->child, p->command, p->env, false)) {
        PL_LOG(PL_LOG_ERROR, pouch_why());
        return false;
    }
    p->heard_us = now_us();
    p->press_us = INT64_MAX;
    set_up(p, true);
    return true;
}

/* Everything that the dead command had in hand is tried again; nothing of it may reach the next one. */
static void bury(struct pipe_runner *p) {
    int status = runner_child_end(&p->child);
    char how[RUNNER_STATUS_MAX], text[RUNNER_STATUS_MAX + sizeof who];
    snprintf(text, sizeof text, "%s %s", who, runner_status_text(how, status));
    runner_splitter_free(&p->splitter);
    pl_buf_reset(&p->writing);
    p->written = 0;
    set_up(p, false);
    bool halting = is_halting(p);
    if (!halting) PL_LOG(PL_LOG_ERROR, text, "next", "it is started again");
    for (;;) {
        pthread_mutex_lock(&p->lock);
        pl_buf_reset(&p->filling);
        pouch_job *job = runner_open_take_oldest(&p->open, INT64_MAX);
        pthread_mutex_unlock(&p->lock);
        if (!job) return;
        runner_end_retry(job, halting ? stopping : text);
    }
}

static void back_off(struct pipe_runner *p) {
    p->backoff_ms = p->answered || !p->backoff_ms ? BACKOFF_FIRST_MS : 2 * p->backoff_ms;
    if (p->backoff_ms > BACKOFF_LAST_MS) p->backoff_ms = BACKOFF_LAST_MS;
    pl_wake_clear(&p->wake);
    if (!is_halting(p)) pl_wake_wait(&p->wake, (int64_t)p->backoff_ms * MS);
}

static void *run(void *arg) {
    struct pipe_runner *p = arg;
    while (!is_halting(p)) {
        if (start(p)) {
            serve(p);
            bury(p);
        }
        back_off(p);
    }
    return NULL;
}

static bool has_room(const struct pipe_runner *p) {
    return p->up && p->open.count < p->open.max && p->filling.len < OUT_MAX;
}

static void handle(pouch_job *job, void *arg) {
    struct pipe_runner *p = arg;
    struct pl_uuid id;
    const char *text = pouch_job_request_id(job);
    if (!pl_uuid_parse(&id, text, 36)) {
        runner_end_fail(job, "the request id is no uuid");
        return;
    }
    pthread_mutex_lock(&p->lock);
    while (!p->halting && !has_room(p)) pthread_cond_wait(&p->changed, &p->lock);
    bool halting = p->halting;
    pouch_err e = halting ? POUCH_OK : runner_line_write(&p->filling, job);
    if (!halting && !e) runner_open_add(&p->open, &id, job, now_us());
    pthread_mutex_unlock(&p->lock);
    if (halting)
        runner_end_retry(job, stopping);
    else if (e)
        runner_end_retry(job, pouch_why());
    else
        pl_wake_signal(&p->wake);
}

static void halt(struct runner *r) {
    struct pipe_runner *p = (struct pipe_runner *)r;
    pthread_mutex_lock(&p->lock);
    p->halting = true;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
    pl_wake_signal(&p->wake);
    pthread_join(p->thread, NULL);
}

static void release(struct runner *r) {
    struct pipe_runner *p = (struct pipe_runner *)r;
    pl_buf_wipe(&p->filling);
    pl_buf_wipe(&p->writing);
    runner_splitter_free(&p->splitter);
    runner_open_free(&p->open);
    pthread_cond_destroy(&p->changed);
    pthread_mutex_destroy(&p->lock);
    pl_wake_free(&p->wake);
    free(p->env);
    explicit_bzero(p->chunk, sizeof p->chunk);
    free(p);
}

pouch_err runner_pipe(struct runner **r, const char *command, const struct runner_limits *limits) {
    *r = NULL;
    struct pipe_runner *p = calloc(1, sizeof *p);
    if (!p) return pl_fail(POUCH_E_NO_MEMORY, "out of memory");
    p->face = (struct runner){handle, halt, release};
    p->command = command;
    p->limits = *limits;
    pl_buf_init(&p->filling, OUT_MAX + PAYLOAD_MAX);
    pl_buf_init(&p->writing, OUT_MAX + PAYLOAD_MAX);
    runner_splitter_init(&p->splitter);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->changed, NULL);
    p->wake.fd = -1;
    p->env = runner_env_clean(environ, NULL, 0);
    pouch_err e = p->env ? pl_wake_init(&p->wake) : pl_fail(POUCH_E_NO_MEMORY, "out of memory");
    if (!e) e = runner_open_init(&p->open, limits->open);
    if (!e && pthread_create(&p->thread, NULL, run, p)) e = pl_fail(POUCH_E_OVERLOADED, "no thread can be had");
    if (e)
        release(&p->face);
    else
        *r = &p->face;
    return e;
}
