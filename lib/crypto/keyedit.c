#include <base/why.h>
#include <crypto/keyedit.h>
#include <crypto/keyfile.h>
#include <crypto/memory.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LOCK_TRIES = 100, LOCK_PAUSE_MS = 20 };

struct pl_keyedit {
    const char *path;    /* as it was given, for messages */
    char real[PATH_MAX]; /* without links, which stay */
    int fd;              /* the file as it was; holds the lock */
    char *text;          /* PL_KEYFILE_MAX bytes, n in use */
    size_t n;
    struct pl_keyset *keys; /* of text */
};

static bool is_still_there(int fd, const char *path) {
    struct stat held, now;
    return !fstat(fd, &held) && !stat(path, &now) && held.st_dev == now.st_dev && held.st_ino == now.st_ino;
}

/* The file may be replaced while we wait for its lock: then it is the new one's that counts. */
static pouch_err open_locked(struct pl_keyedit *k) {
    for (int i = 0; i < LOCK_TRIES; i++) {
        k->fd = pl_keyfile_open(k->path);
        if (k->fd < 0)
            return pl_fail(POUCH_E_CONFIG,
                           "cannot read key file %s: %s; (umask 077; touch FILE) makes one for keys to be added to",
                           k->path, strerror(errno));
        bool locked = !flock(k->fd, LOCK_EX | LOCK_NB);
        int why = locked ? 0 : errno;
        if (locked && is_still_there(k->fd, k->path)) return POUCH_OK;
        close(k->fd);
        k->fd = -1;
        if (why && why != EWOULDBLOCK && why != EINTR)
            return pl_fail(POUCH_E_CONFIG, "key file %s cannot be locked: %s", k->path, strerror(why));
        if (!locked) nanosleep(&(struct timespec){.tv_nsec = LOCK_PAUSE_MS * 1000000}, NULL);
    }
    return pl_fail(POUCH_E_OVERLOADED, "somebody else is changing key file %s; try again", k->path);
}

static pouch_err read_file(struct pl_keyedit *k) {
    struct pl_key_mark mark;
    pouch_err e = pl_keyset_new(&k->keys);
    if (!e) e = pl_keyfile_text(k->fd, k->path, k->text, &k->n, &mark);
    if (!e && !mark.regular) e = pl_fail(POUCH_E_CONFIG, "key file %s is no file that can be replaced", k->path);
    if (!e) e = pl_keyfile_parse_any(k->keys, k->path, k->text, k->n);
    return e;
}

pouch_err pl_keyedit_open(struct pl_keyedit **out, const char *path) {
    *out = NULL;
    struct pl_keyedit *k = calloc(1, sizeof *k);
    if (k) k->text = pl_secret_map(PL_KEYFILE_MAX);
    if (!k || !k->text) {
        free(k);
        return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a key file");
    }
    k->fd = -1;
    k->path = path;
    pouch_err e = open_locked(k);
    if (!e && !realpath(path, k->real))
        e = pl_fail(POUCH_E_CONFIG, "cannot find key file %s: %s", path, strerror(errno));
    if (!e) e = read_file(k);
    if (e) {
        pl_keyedit_close(k);
        return e;
    }
    *out = k;
    return POUCH_OK;
}

void pl_keyedit_close(struct pl_keyedit *k) {
    if (!k) return;
    pl_secret_unmap(k->text, PL_KEYFILE_MAX);
    pl_keyset_unref(k->keys);
    if (k->fd >= 0) close(k->fd);
    free(k);
}

const struct pl_keyset *pl_keyedit_keys(const struct pl_keyedit *k) {
    return k->keys;
}

const struct pl_key *pl_keyedit_find(const struct pl_keyedit *k, const char *key) {
    const struct pl_key *by_kid = *key ? pl_keyset_find(k->keys, key, strlen(key)) : NULL;
    for (size_t i = 0; !by_kid && i < k->keys->n; i++)
        if (!strcmp(k->keys->keys[i].count->fingerprint, key)) return &k->keys->keys[i];
    return by_kid;
}

static pouch_err find(const struct pl_keyedit *k, const char *key, size_t *nth) {
    const struct pl_key *found = pl_keyedit_find(k, key);
    if (!found)
        return pl_fail(POUCH_E_NOT_FOUND, "key file %s has no key %.64s; `pouch key list` shows those it has", k->path,
                       key);
    *nth = (size_t)(found - k->keys->keys);
    return POUCH_OK;
}

/* A line with its end, as bytes of a text. */
struct line {
    size_t at, n;
};

/* The line of the nth key; there is one. */
static struct line line_of(const struct pl_keyedit *k, size_t nth) {
    struct line line = {0, 0};
    for (;; line.at += line.n) {
        const char *at = k->text + line.at, *end = memchr(at, '\n', k->n - line.at);
        line.n = end ? (size_t)(end - at) + 1 : k->n - line.at;
        if (!end) end = k->text + k->n;
        if (pl_keyfile_has_key(&at, &end) && nth-- == 0) return line;
    }
}

/* Takes text in place of the old one, if that makes a good file. It is the callee's from here on. */
static pouch_err replace(struct pl_keyedit *k, char *text, size_t n) {
    struct pl_keyset *keys = NULL;
    pouch_err e = pl_keyset_new(&keys);
    if (!e) e = pl_keyfile_parse_any(keys, k->path, text, n);
    if (!e) {
        struct pl_keyset *old = k->keys;
        char *old_text = k->text;
        k->keys = keys;
        k->text = text;
        k->n = n;
        keys = old;
        text = old_text;
    }
    pl_keyset_unref(keys);
    pl_secret_unmap(text, PL_KEYFILE_MAX);
    return e;
}

/* A copy of the text that ends with a line's end, to be changed and handed to replace(). */
static pouch_err copy(const struct pl_keyedit *k, char **text, size_t *n, size_t more) {
    if (k->n + 1 + more >= PL_KEYFILE_MAX)
        return pl_fail(POUCH_E_CONFIG, "key file %s would have %d bytes or more", k->path, PL_KEYFILE_MAX);
    *text = pl_secret_map(PL_KEYFILE_MAX);
    if (!*text) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a key file");
    memcpy(*text, k->text, k->n);
    *n = k->n;
    if (*n && (*text)[*n - 1] != '\n') (*text)[(*n)++] = '\n';
    return POUCH_OK;
}

static pouch_err check_new(const struct pl_keyedit *k, const char *kid) {
    size_t n = strlen(kid);
    if (!pl_kid_valid(kid, n) || !n)
        return pl_fail(POUCH_E_CONFIG, "'%.64s' is no key id: 1 to %d characters of A-Z a-z 0-9 . _ -", kid,
                       PL_KID_MAX);
    if (!pl_keyset_find(k->keys, kid, n)) return POUCH_OK;
    return pl_fail(POUCH_E_EXISTS, "key file %s has a key %s already; give the new one another name", k->path, kid);
}

/* By itself, so that the message is about the key and not about a line that the file does not have yet. */
static pouch_err check_hex(const struct pl_keyedit *k, const char *kid, const char *hex, size_t n) {
    struct pl_keyset *alone;
    pouch_err e = pl_keyset_new(&alone);
    if (e) return e;
    e = pl_keyset_add(alone, "the new key", kid, strlen(kid), hex, n);
    for (size_t i = 0; !e && i < k->keys->n; i++)
        if (k->keys->keys[i].count == alone->keys[0].count)
            e = pl_fail(POUCH_E_EXISTS, "key file %s has this key already, as %s", k->path,
                        k->keys->keys[i].kid_n ? k->keys->keys[i].kid : "one without an id");
    pl_keyset_unref(alone);
    return e;
}

pouch_err pl_keyedit_add(struct pl_keyedit *k, const char *kid, const char *hex, size_t n) {
    char *text;
    size_t at;
    pouch_err e = check_new(k, kid);
    if (!e) e = check_hex(k, kid, hex, n);
    if (!e) e = copy(k, &text, &at, strlen(kid) + n + 3);
    if (e) return e;
    at += (size_t)sprintf(text + at, "%s:%.*s\n", kid, (int)n, hex);
    return replace(k, text, at);
}

pouch_err pl_keyedit_activate(struct pl_keyedit *k, const char *key) {
    char *text;
    size_t nth, n;
    pouch_err e = find(k, key, &nth);
    if (e || nth == 0) return e;
    e = copy(k, &text, &n, 0);
    if (e) return e;
    struct line first = line_of(k, 0), moved = line_of(k, nth);
    if (moved.at + moved.n == k->n) moved.n = n - moved.at; /* with the end that the copy gave it */
    memmove(text + first.at + moved.n, text + first.at, moved.at - first.at);
    memcpy(text + first.at, k->text + moved.at, moved.n);
    text[first.at + moved.n - 1] = '\n';
    return replace(k, text, n);
}

pouch_err pl_keyedit_retire(struct pl_keyedit *k, const char *key) {
    char *text;
    size_t nth, n;
    pouch_err e = find(k, key, &nth);
    if (e) return e;
    if (nth == 0)
        return pl_fail(POUCH_E_NOT_ALLOWED, "key %.64s seals: first let another one do so, with `pouch key activate`",
                       key);
    e = copy(k, &text, &n, 0);
    if (e) return e;
    struct line gone = line_of(k, nth);
    if (gone.at + gone.n >= k->n)
        n = gone.at;
    else {
        memmove(text + gone.at, text + gone.at + gone.n, n - gone.at - gone.n);
        n -= gone.n;
    }
    return replace(k, text, n);
}

/* For the errno of the call that failed. */
static pouch_err cannot_replace(const struct pl_keyedit *k, const char *what) {
    return pl_fail(POUCH_E_CONFIG, "key file %s stays as it was: %s: %s", k->path, what, strerror(errno));
}

static bool write_all(int fd, const char *text, size_t n) {
    while (n) {
        ssize_t put = write(fd, text, n);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return false;
        text += put;
        n -= (size_t)put;
    }
    return true;
}

/* Whoever could read the old file can read the new one, and nobody else. */
static bool give_to_owner(int fd, int old) {
    struct stat was, is;
    if (fstat(old, &was) || fstat(fd, &is)) return false;
    if ((was.st_uid != is.st_uid || was.st_gid != is.st_gid) && fchown(fd, was.st_uid, was.st_gid)) return false;
    return !fchmod(fd, was.st_mode & 07777);
}

static pouch_err write_beside(const struct pl_keyedit *k, int fd) {
    if (!write_all(fd, k->text, k->n)) return cannot_replace(k, "the new one cannot be written");
    if (!give_to_owner(fd, k->fd)) return cannot_replace(k, "the new one cannot have the same owner and mode");
    return fsync(fd) ? cannot_replace(k, "the new one does not reach the disk") : POUCH_OK;
}

/* The new name is on disk when the folder is. */
static pouch_err sync_folder(const struct pl_keyedit *k) {
    char folder[PATH_MAX];
    strcpy(folder, k->real);
    char *slash = strrchr(folder, '/');
    slash[slash == folder] = '\0';
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int failed = fd < 0 || fsync(fd);
    if (fd >= 0) close(fd);
    return failed ? pl_fail(POUCH_E_STORE, "key file %s is changed, but folder %s does not reach the disk: %s", k->path,
                            folder, strerror(errno))
                  : POUCH_OK;
}

pouch_err pl_keyedit_commit(struct pl_keyedit *k) {
    char beside[PATH_MAX + 8];
    snprintf(beside, sizeof beside, "%s.XXXXXX", k->real);
    int fd = mkostemp(beside, O_CLOEXEC);
    if (fd < 0) return cannot_replace(k, "no file can be made beside it");
    pouch_err e = write_beside(k, fd);
    close(fd);
    if (!e && rename(beside, k->real)) e = cannot_replace(k, "it cannot be replaced");
    if (e) {
        unlink(beside);
        return e;
    }
    return sync_folder(k);
}
