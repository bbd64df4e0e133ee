#include <base/why.h>
#include <crypto/keyfile.h>
#include <crypto/memory.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r';
}

bool pl_keyfile_has_key(const char **at, const char **end) {
    while (*at < *end && is_blank(**at)) ++*at;
    while (*end > *at && is_blank((*end)[-1])) --*end;
    return *at < *end && **at != '#';
}

static pouch_err parse_line(struct pl_keyset *set, const char *name, size_t number, const char *at, const char *end) {
    if (!pl_keyfile_has_key(&at, &end)) return POUCH_OK;
    char where[512];
    snprintf(where, sizeof where, "line %zu of %s", number, name);
    const char *colon = memchr(at, ':', (size_t)(end - at));
    if (colon == at) return pl_fail(POUCH_E_CONFIG, "%s: a key id is missing before the colon", where);
    const char *hex = colon ? colon + 1 : at;
    return pl_keyset_add(set, where, at, colon ? (size_t)(colon - at) : 0, hex, (size_t)(end - hex));
}

pouch_err pl_keyfile_parse_any(struct pl_keyset *set, const char *name, const char *text, size_t n) {
    const char *end = text + n;
    size_t number = 0;
    while (text < end) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        if (!stop) stop = end;
        pouch_err e = parse_line(set, name, ++number, text, stop);
        if (e) return e;
        text = stop < end ? stop + 1 : end;
    }
    return POUCH_OK;
}

pouch_err pl_keyfile_parse(struct pl_keyset *set, const char *name, const char *text, size_t n) {
    pouch_err e = pl_keyfile_parse_any(set, name, text, n);
    if (!e && !set->n) return pl_fail(POUCH_E_CONFIG, "%s holds no key; pouch key new makes one", name);
    return e;
}

static struct pl_key_mark mark_of(const struct stat *st) {
    return (struct pl_key_mark){S_ISREG(st->st_mode), st->st_dev, st->st_ino, st->st_size, st->st_mtim, st->st_ctim};
}

struct pl_key_mark pl_keyfile_look(const char *path) {
    struct stat st;
    return stat(path, &st) ? (struct pl_key_mark){0} : mark_of(&st);
}

static bool same_time(struct timespec a, struct timespec b) {
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

bool pl_key_mark_same(const struct pl_key_mark *a, const struct pl_key_mark *b) {
    return a->regular == b->regular && a->device == b->device && a->inode == b->inode && a->size == b->size &&
           same_time(a->written, b->written) && same_time(a->changed, b->changed);
}

static pouch_err check_mode(struct pl_key_mark *mark, int fd, const char *path) {
    struct stat st;
    if (fstat(fd, &st)) return pl_fail(POUCH_E_CONFIG, "cannot read key file %s: %s", path, strerror(errno));
    if (S_ISDIR(st.st_mode)) return pl_fail(POUCH_E_CONFIG, "cannot read key file %s: it is a directory", path);
    *mark = mark_of(&st);
    if (!(st.st_mode & (S_IWGRP | S_IRWXO))) return POUCH_OK;
    return pl_fail(POUCH_E_CONFIG, "key file %s is open to others (mode %03o): chmod 600 %s", path,
                   (unsigned)st.st_mode & 0777, path);
}

/* Up to the end of the file, which need not be a regular one; more than max bytes, or -1 with errno. */
static ssize_t read_all(int fd, char *out, size_t max) {
    size_t got = 0;
    while (got < max) {
        ssize_t n = read(fd, out + got, max - got);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return -1;
        if (n == 0) break;
        got += (size_t)n;
    }
    return (ssize_t)got;
}

pouch_err pl_keyfile_text(int fd, const char *path, char *text, size_t *n, struct pl_key_mark *mark) {
    pouch_err e = check_mode(mark, fd, path);
    if (e) return e;
    ssize_t got = read_all(fd, text, PL_KEYFILE_MAX);
    if (got < 0) return pl_fail(POUCH_E_CONFIG, "cannot read key file %s: %s", path, strerror(errno));
    if (got == PL_KEYFILE_MAX) return pl_fail(POUCH_E_CONFIG, "key file %s has %d bytes or more", path, PL_KEYFILE_MAX);
    *n = (size_t)got;
    return POUCH_OK;
}

int pl_keyfile_open(const char *path) {
    return open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
}

pouch_err pl_keyfile_read(struct pl_keyset *set, const char *path) {
    size_t n;
    int fd = pl_keyfile_open(path);
    if (fd < 0) return pl_fail(POUCH_E_CONFIG, "cannot read key file %s: %s", path, strerror(errno));
    char *text = pl_secret_map(PL_KEYFILE_MAX);
    pouch_err e = text ? pl_keyfile_text(fd, path, text, &n, &set->mark)
                       : pl_fail(POUCH_E_NO_MEMORY, "out of memory for a key file");
    if (!e) e = pl_keyfile_parse(set, path, text, n);
    pl_secret_unmap(text, PL_KEYFILE_MAX);
    close(fd);
    return e;
}
