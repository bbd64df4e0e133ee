#include <base/folder.h>
#include <base/why.h>
#include <crypto/ledger.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

enum { DIGITS = 20, LINE = PL_LEDGER_NAME + 1 + DIGITS + 1, TEXT_MAX = PL_LEDGER_MAX * LINE, TRIES = 50 };

/* Whoever holds the lock gives it back at once, unless it is stopped or its disk is. */
static pouch_err lock(int fd, const char *path) {
    for (int i = 0; i < TRIES; i++) {
        if (!flock(fd, LOCK_EX | LOCK_NB)) return POUCH_OK;
        if (errno != EWOULDBLOCK && errno != EINTR)
            return pl_fail(POUCH_E_STORE, "%s cannot be locked: %s", path, strerror(errno));
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    }
    return pl_fail(POUCH_E_OVERLOADED, "%s is locked by another process", path);
}

static bool is_line(const char *line) {
    return line[LINE - 1] == '\n' && line[PL_LEDGER_NAME] == ' ' &&
           strspn(line, "0123456789abcdef") == PL_LEDGER_NAME &&
           strspn(line + PL_LEDGER_NAME + 1, "0123456789") == DIGITS;
}

/* text has room for TEXT_MAX bytes and a NUL. */
static pouch_err read_lines(int fd, const char *path, char *text, size_t *n) {
    ssize_t got = pread(fd, text, TEXT_MAX, 0);
    if (got < 0) return pl_fail(POUCH_E_STORE, "%s cannot be read: %s", path, strerror(errno));
    *n = (size_t)got;
    text[*n] = '\0';
    bool good = *n % LINE == 0;
    for (size_t at = 0; good && at < *n; at += LINE) good = is_line(text + at);
    if (good) return POUCH_OK;
    return pl_fail(POUCH_E_STORE, "%s does not hold counts of keys; move it away, and they begin anew", path);
}

static bool adds_nothing(const struct pl_ledger_line *all, size_t n) {
    while (n && !all[n - 1].add) n--;
    return n == 0;
}

static pouch_err add_one(const char *path, char *text, size_t *n, struct pl_ledger_line *t) {
    size_t at = 0;
    while (at < *n && memcmp(text + at, t->name, PL_LEDGER_NAME)) at += LINE;
    if (at == TEXT_MAX)
        return pl_fail(POUCH_E_STORE, "%s has %d keys; move it away, and counts begin anew", path, PL_LEDGER_MAX);
    t->count = t->add;
    if (at < *n)
        t->count += strtoull(text + at + PL_LEDGER_NAME + 1, NULL, 10);
    else
        *n += LINE;
    char line[LINE + 1];
    snprintf(line, sizeof line, "%s %0*" PRIu64 "\n", t->name, DIGITS, t->count);
    memcpy(text + at, line, LINE);
    return POUCH_OK;
}

static pouch_err update(int fd, const char *path, char *text, struct pl_ledger_line *all, size_t n_all) {
    size_t n = 0;
    pouch_err e = lock(fd, path);
    if (!e) e = read_lines(fd, path, text, &n);
    size_t before = n;
    for (size_t i = 0; !e && i < n_all; i++) e = add_one(path, text, &n, &all[i]);
    if (e || adds_nothing(all, n_all)) return e;
    ssize_t put = pwrite(fd, text, n, 0);
    if (put == (ssize_t)n) return POUCH_OK;
    int error = put < 0 ? errno : ENOSPC;
    if (ftruncate(fd, (off_t)before)) error = errno; /* or a torn line would stay */
    return pl_fail(POUCH_E_STORE, "%s cannot be written: %s", path, strerror(error));
}

pouch_err pl_ledger_add(const char *path, struct pl_ledger_line *all, size_t n) {
    bool looks = adds_nothing(all, n);
    pouch_err e = looks ? POUCH_OK : pl_folder_of(path);
    if (e) return e;
    int fd = open(path, (looks ? O_RDONLY : O_RDWR | O_CREAT) | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 && looks && errno == ENOENT) {
        for (size_t i = 0; i < n; i++) all[i].count = 0;
        return POUCH_OK;
    }
    if (fd < 0) return pl_fail(POUCH_E_STORE, "%s cannot be opened: %s", path, strerror(errno));
    char *text = malloc(TEXT_MAX + 1);
    e = text ? update(fd, path, text, all, n) : pl_fail(POUCH_E_NO_MEMORY, "out of memory for counts of keys");
    free(text);
    close(fd);
    return e;
}
