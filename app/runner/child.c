#include <base/why.h>
#include <errno.h>
#include <fcntl.h>
#include <runner/child.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* The ends of the pipes, ours and the child's; -1 = not open. */
struct pipes {
    int in[2], out[2], err[2];
};

void runner_child_close(int *fd) {
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

static void close_pipes(struct pipes *p) {
    int *all[] = {&p->in[0], &p->in[1], &p->out[0], &p->out[1], &p->err[0], &p->err[1]};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) runner_child_close(all[i]);
}

static bool set_nonblocking(int fd) {
    int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0;
}

static bool open_pipes(struct pipes *p, bool take_err) {
    *p = (struct pipes){{-1, -1}, {-1, -1}, {-1, -1}};
    return !pipe2(p->in, O_CLOEXEC) && !pipe2(p->out, O_CLOEXEC) && (!take_err || !pipe2(p->err, O_CLOEXEC)) &&
           set_nonblocking(p->in[1]) && set_nonblocking(p->out[0]) && (!take_err || set_nonblocking(p->err[0]));
}

/* 0 or an errno. */
static int set_attributes(posix_spawnattr_t *attr) {
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int bad = posix_spawnattr_setflags(attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    if (!bad) bad = posix_spawnattr_setpgroup(attr, 0);
    if (!bad) bad = posix_spawnattr_setsigmask(attr, &none);
    return bad ? bad : posix_spawnattr_setsigdefault(attr, &all);
}

/* Closing all from 3 on keeps from the child what a library may have opened without close-on-exec. 0 or an errno. */
static int set_files(posix_spawn_file_actions_t *files, const struct pipes *p) {
    int bad = posix_spawn_file_actions_adddup2(files, p->in[0], STDIN_FILENO);
    if (!bad) bad = posix_spawn_file_actions_adddup2(files, p->out[1], STDOUT_FILENO);
    if (!bad && p->err[1] >= 0) bad = posix_spawn_file_actions_adddup2(files, p->err[1], STDERR_FILENO);
    return bad ? bad : posix_spawn_file_actions_addclosefrom_np(files, STDERR_FILENO + 1);
}

/* 0 or an errno. */
static int spawn(pid_t *pid, const char *command, char *const env[], const struct pipes *p) {
    posix_spawnattr_t attr;
    posix_spawn_file_actions_t files;
    int bad = posix_spawnattr_init(&attr);
    if (bad) return bad;
    bad = posix_spawn_file_actions_init(&files);
    if (bad) goto no_files;
    bad = set_attributes(&attr);
    if (!bad) bad = set_files(&files, p);
    char *const argv[] = {"sh", "-c", (char *)command, NULL};
    if (!bad) bad = posix_spawn(pid, "/bin/sh", &files, &attr, argv, env);
    posix_spawn_file_actions_destroy(&files);
no_files:
    posix_spawnattr_destroy(&attr);
    return bad;
}

pouch_err runner_child_start(struct runner_child *c, const char *command, char *const env[], bool take_err) {
    *c = (struct runner_child){.exited = -1, .in = -1, .out = -1, .err = -1};
    struct pipes p;
    int bad = open_pipes(&p, take_err) ? spawn(&c->pid, command, env, &p) : errno;
    if (!bad && (c->exited = pidfd_open(c->pid, 0)) < 0) {
        bad = errno;
        runner_child_end(c);
    }
    if (bad) {
        close_pipes(&p);
        return pl_fail(POUCH_E_OVERLOADED, "the worker command cannot be started: %s", strerror(bad));
    }
    c->in = p.in[1];
    c->out = p.out[0];
    c->err = p.err[0];
    p.in[1] = p.out[0] = p.err[0] = -1;
    close_pipes(&p);
    return POUCH_OK;
}

void runner_child_signal(const struct runner_child *c, int number) {
    kill(-c->pid, number);
}

int runner_child_end(struct runner_child *c) {
    /* Until the shell is reaped its id, and so that of the group, cannot become another's. */
    runner_child_signal(c, SIGKILL);
    int status = 0;
    while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR) continue;
    runner_child_close(&c->exited);
    runner_child_close(&c->in);
    runner_child_close(&c->out);
    runner_child_close(&c->err);
    return status;
}

const char *runner_status_text(char out[RUNNER_STATUS_MAX], int status) {
    if (WIFSIGNALED(status)) {
        snprintf(out, RUNNER_STATUS_MAX, "was killed by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
        return out;
    }
    int code = WEXITSTATUS(status);
    const char *hint = code == 127 ? " (command not found)" : code == 126 ? " (command cannot be run)" : "";
    snprintf(out, RUNNER_STATUS_MAX, "ended with status %d%s", code, hint);
    return out;
}

static bool may_hold_a_key(const char *variable) {
    static const char *const names[] = {
        "ENCRYPTION_KEY=", "SPLP_ENCRYPTION_KEY=", "KAFKA_SASL_PASSWORD=", "KAFKA_SSL_KEY_PASSWORD="};
    if (!strncmp(variable, "POUCH_", 6)) return true;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (!strncmp(variable, names[i], strlen(names[i]))) return true;
    return false;
}

char **runner_env_clean(char *const env[], char *const more[], size_t n) {
    size_t count = 0;
    while (env[count]) count++;
    char **clean = calloc(n + count + 1, sizeof *clean);
    if (!clean) return NULL;
    size_t at = 0;
    while (at < n) {
        clean[at] = more[at];
        at++;
    }
    for (size_t i = 0; i < count; i++)
        if (!may_hold_a_key(env[i])) clean[at++] = env[i];
    return clean;
}
