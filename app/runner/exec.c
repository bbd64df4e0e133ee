/* A command a request: the payload on its input, the reply on its output. */
#include <base/buf.h>
#include <base/clock.h>
#include <base/wake.h>
#include <base/why.h>
#include <errno.h>
#include <poll.h>
#include <runner/child.h>
#include <runner/ending.h>
#include <runner/lines.h>
#include <runner/runner.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    EXIT_RETRY = 75, /* EX_TEMPFAIL of sysexits.h */
    ERR_MAX = 8 * 1024,
    CHUNK = 16 * 1024,
    LAST_READS = 128, /* empties the largest pipe that a user may have, 1 MiB */
    MS = 1000
};

static const char who[] = "the worker command";

struct exec_runner {
    struct runner face;
    const char *command;
    struct runner_limits limits;
    struct pl_wake halted; /* signalled for good by halt */
    atomic_bool halting;
};

enum result { ENDED, TIMED_OUT, TOO_MUCH, HALTED };

/* One run of the command. */
struct talk {
    struct runner_child child;
    const char *payload; /* what is left to write */
    size_t left;
    struct pl_buf out, err;
    bool too_much;
};

static void write_some(struct talk *t) {
    ssize_t n = write(t->child.in, t->payload, t->left);
    if (n > 0) {
        t->payload += n;
        t->left -= (size_t)n;
    }
    /* A command need not read its input. */
    if (!t->left || (n < 0 && errno != EAGAIN && errno != EINTR)) runner_child_close(&t->child.in);
}

/* Whether there may be more now. What does not fit is read all the same, so that the command does not block. */
static bool read_some(int *fd, struct pl_buf *to, bool *too_much) {
    char chunk[CHUNK];
    ssize_t n = read(*fd, chunk, sizeof chunk);
    if (n < 0 && errno == EINTR) return true;
    if (n == 0 || (n < 0 && errno != EAGAIN)) runner_child_close(fd);
    if (n <= 0) return false;
    size_t room = to->max - to->len, take = (size_t)n < room ? (size_t)n : room;
    if (take < (size_t)n || pl_buf_append(to, chunk, take)) *too_much = true;
    explicit_bzero(chunk, (size_t)n);
    return true;
}

static void read_rest(int *fd, struct pl_buf *to, bool *too_much) {
    for (int i = 0; *fd >= 0 && i < LAST_READS && read_some(fd, to, too_much); i++) continue;
}

static enum result converse(struct talk *t, struct exec_runner *x) {
    int64_t until = pl_mono_us(&pl_clock_system) + (int64_t)x->limits.timeout_ms * MS;
    bool err_cut = false; /* the rest of a long story is left out */
    for (;;) {
        int64_t left = (until - pl_mono_us(&pl_clock_system)) / MS + 1;
        if (left <= 0) return TIMED_OUT;
        if (t->too_much) return TOO_MUCH;
        struct pollfd fds[] = {
            {.fd = x->halted.fd, .events = POLLIN}, {.fd = t->child.exited, .events = POLLIN},
            {.fd = t->child.in, .events = POLLOUT}, {.fd = t->child.out, .events = POLLIN},
            {.fd = t->child.err, .events = POLLIN},
        };
        if (poll(fds, sizeof fds / sizeof fds[0], (int)left) < 0) continue;
        if (fds[0].revents) return HALTED;
        if (fds[2].revents) write_some(t);
        if (fds[3].revents) read_some(&t->child.out, &t->out, &t->too_much);
        if (fds[4].revents) read_some(&t->child.err, &t->err, &err_cut);
        if (!fds[1].revents) continue;
        read_rest(&t->child.out, &t->out, &t->too_much);
        read_rest(&t->child.err, &t->err, &err_cut);
        return t->too_much ? TOO_MUCH : ENDED;
    }
}

static void trim(struct pl_buf *b) {
    while (b->len && strchr(" \t\r\n", b->at[b->len - 1])) b->at[--b->len] = 0;
}

/* What the command said on its standard error, clean, or else how it ended. */
static void explain(struct pl_buf *text, struct pl_buf *err, int status) {
    char how[RUNNER_STATUS_MAX];
    trim(err);
    pouch_err e = err->len ? runner_text_append(text, err->at, err->len)
                           : pl_buf_printf(text, "%s %s and said nothing on its standard error", who,
                                           runner_status_text(how, status));
    if (e) pl_buf_reset(text);
}

static void settle_ended(pouch_job *job, struct talk *t, int status) {
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        /* What it says while all goes well is for the operator. */
        if (t->err.len && fwrite(t->err.at, 1, t->err.len, stderr) < t->err.len) clearerr(stderr);
        trim(&t->out);
        runner_end_reply(job, who, t->out.len ? t->out.at : "", t->out.len);
        return;
    }
    struct pl_buf text;
    pl_buf_init(&text, 4 * ERR_MAX);
    explain(&text, &t->err, status);
    const char *why = text.len ? text.at : "the worker command failed";
    if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_RETRY)
        runner_end_retry(job, why);
    else
        runner_end_fail(job, why);
    pl_buf_free(&text);
}

static void settle(pouch_job *job, struct talk *t, enum result result, int status) {
    switch (result) {
    case ENDED: settle_ended(job, t, status); break;
    case TIMED_OUT: runner_end_fail(job, "the worker command did not end in time and was killed"); break;
    case TOO_MUCH: runner_end_fail(job, "the worker command printed more than 8 MiB"); break;
    case HALTED: runner_end_retry(job, "the worker is stopping"); break;
    }
}

static void talk_with(pouch_job *job, struct exec_runner *x, char *const env[]) {
    struct talk t = {0};
    t.payload = pouch_job_payload(job, &t.left);
    pl_buf_init(&t.out, RUNNER_LINE_MAX);
    pl_buf_init(&t.err, ERR_MAX);
    if (runner_child_start(&t.child, x->command, env, true)) {
        runner_end_retry(job, pouch_why());
        return;
    }
    enum result result = converse(&t, x);
    int status = runner_child_end(&t.child);
    settle(job, &t, result, status);
    pl_buf_wipe(&t.out);
    pl_buf_wipe(&t.err);
}

static void handle(pouch_job *job, void *arg) {
    struct exec_runner *x = arg;
    char id[64], topic[300], publisher[300], deadline[64];
    char *more[] = {id, topic, publisher, deadline};
    snprintf(id, sizeof id, "POUCH_REQUEST_ID=%s", pouch_job_request_id(job));
    snprintf(topic, sizeof topic, "POUCH_TOPIC=%s", pouch_job_topic(job));
    snprintf(publisher, sizeof publisher, "POUCH_PUBLISHER=%s", pouch_job_publisher(job));
    int64_t ms = pouch_job_deadline(job);
    snprintf(deadline, sizeof deadline, ms ? "POUCH_DEADLINE=%lld" : "POUCH_DEADLINE=", (long long)ms);
    if (atomic_load(&x->halting)) {
        runner_end_retry(job, "the worker is stopping");
        return;
    }
    char **env = runner_env_clean(environ, more, sizeof more / sizeof more[0]);
    if (env)
        talk_with(job, x, env);
    else
        runner_end_retry(job, "out of memory");
    free(env);
}

static void halt(struct runner *r) {
    struct exec_runner *x = (struct exec_runner *)r;
    atomic_store(&x->halting, true);
    pl_wake_signal(&x->halted);
}

static void release(struct runner *r) {
    struct exec_runner *x = (struct exec_runner *)r;
    pl_wake_free(&x->halted);
    free(x);
}

pouch_err runner_exec(struct runner **r, const char *command, const struct runner_limits *limits) {
    *r = NULL;
    struct exec_runner *x = calloc(1, sizeof *x);
    if (!x) return pl_fail(POUCH_E_NO_MEMORY, "out of memory");
    x->face = (struct runner){handle, halt, release};
    x->command = command;
    x->limits = *limits;
    pouch_err e = pl_wake_init(&x->halted);
    if (e)
        free(x);
    else
        *r = &x->face;
    return e;
}
