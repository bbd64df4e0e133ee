#include <auth/audit.h>
#include <base/log.h>
#include <base/log_line.h>
#include <base/why.h>
#include <errno.h>
#include <fcntl.h>
#include <metrics/metrics.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BATCH = 64, STATUS_MAX = 12 };

static int open_file(const char *path) {
    return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
}

pouch_err auth_audit_open(struct auth_audit *a, const char *path) {
    *a = (struct auth_audit){.fd = -1};
    if (!path) return POUCH_OK;
    a->path = strdup(path);
    if (!a->path) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for an audit log");
    pouch_err e = pl_queue_new(&a->queue, AUTH_AUDIT_WAITING);
    if (e) return e;
    a->fd = open_file(path);
    return a->fd < 0 ? pl_fail(POUCH_E_CONFIG, "cannot write the audit log %s: %s", path, strerror(errno)) : POUCH_OK;
}

void auth_audit_close(struct auth_audit *a) {
    if (a->queue) auth_audit_write(a);
    if (a->fd >= 0) close(a->fd);
    pl_queue_free(a->queue);
    free(a->path);
}

void auth_audit_put(struct auth_audit *a, const struct auth_deed *deed, int64_t now_ms) {
    if (!a->queue) return;
    char status[STATUS_MAX];
    snprintf(status, sizeof status, "%d", deed->status);
    const char *const fields[] = {"who",    deed->who ? auth_who_name(deed->who) : "nobody",
                                  "peer",   deed->peer,
                                  "method", deed->method,
                                  "route",  deed->route,
                                  "action", auth_action_name(deed->action),
                                  "status", status,
                                  "object", deed->object, /* the last, since it may be too long for a line */
                                  NULL};
    struct pl_log_line line = {.len = 0};
    pl_log_line_json(&line, &(struct pl_log_event){now_ms, PL_LOG_INFO, "call", fields});
    char *text = strndup(line.at, line.len);
    void *item = text;
    if (text && pl_queue_put(a->queue, &item, 1)) return;
    free(text);
    pl_metric_add(PL_M_AUDIT_LOST, 1);
}

static bool write_all(int fd, const char *at, size_t n) {
    while (n) {
        ssize_t done = write(fd, at, n);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) return false;
        at += done;
        n -= (size_t)done;
    }
    return true;
}

static void write_line(struct auth_audit *a, const char *text) {
    bool ok = a->fd >= 0 && write_all(a->fd, text, strlen(text));
    if (!ok) pl_metric_add(PL_M_AUDIT_LOST, 1);
    if (!ok && !a->failed)
        PL_LOG(PL_LOG_ERROR, "the audit log cannot be written: what is done now is in no log", "file", a->path, "why",
               strerrordesc_np(errno));
    a->failed = !ok;
}

void auth_audit_write(struct auth_audit *a) {
    void *lines[BATCH];
    size_t n;
    if (!a->queue) return;
    while ((n = pl_queue_take(a->queue, lines, BATCH, 0))) {
        for (size_t i = 0; i < n; i++) {
            write_line(a, lines[i]);
            free(lines[i]);
        }
    }
}

void auth_audit_reopen(struct auth_audit *a) {
    if (!a->path) return;
    int fd = open_file(a->path);
    if (fd < 0) {
        PL_LOG(PL_LOG_ERROR,
               "the audit log cannot be opened again: it goes on in the file that was open, which may have been moved "
               "away; mend that and send SIGHUP once more",
               "file", a->path, "why", strerrordesc_np(errno));
        return;
    }
    close(a->fd);
    a->fd = fd;
}
