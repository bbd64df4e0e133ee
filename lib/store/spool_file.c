#include <base/why.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <store/slot.h>
#include <store/spool_file.h>
#include <store/spool_record.h>
#include <store/sqlite_store.h>
#include <store/trace_pack.h>
#include <string.h>
#include <unistd.h>

enum { NAME_ROOM = 40, LAYOUT_AT = 32 };

/* ---- names ---- */

static void name_of(char out[NAME_ROOM], const struct pl_spool_place *p) {
    snprintf(out, NAME_ROOM, "spool-%016" PRIx64, p->store);
}

void pl_segment_path(char out[PATH_MAX], const struct pl_spool_place *p, const struct pl_segment_name *name) {
    snprintf(out, PATH_MAX, "%s/spool-%016" PRIx64 "-%03d-%010" PRIu64 ".rows", p->folder, p->store, name->slot,
             name->number);
}

static bool parse_name(struct pl_segment_name *name, const char *text, const struct pl_spool_place *p) {
    uint64_t store;
    int end = 0;
    if (sscanf(text, "spool-%16" SCNx64 "-%3d-%10" SCNu64 ".rows%n", &store, &name->slot, &name->number, &end) != 3)
        return false;
    return end && !text[end] && store == p->store && name->slot >= 0;
}

/* The layout of a segment, behind its mark. One without it is of the first; so is one whose word is damaged. */
struct layout {
    uint64_t version, check;
};

static pouch_err write_layout(int fd) {
    const struct layout l = {PL_TRACE_PACK_VERSION, ~(uint64_t)PL_TRACE_PACK_VERSION};
    return pl_segment_write(fd, &l, sizeof l, LAYOUT_AT);
}

/* Not of one that cannot be read: that is told when its turn comes. */
static bool has_other_layout(const struct pl_spool_place *p, const struct pl_segment_name *name) {
    char path[PATH_MAX];
    struct layout l;
    pl_segment_path(path, p, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    bool other =
        !pl_segment_read(fd, &l, sizeof l, LAYOUT_AT) && l.check == ~l.version && l.version != PL_TRACE_PACK_VERSION;
    close(fd);
    return other;
}

static int by_slot_and_number(const void *left, const void *right) {
    const struct pl_segment_name *a = left, *b = right;
    if (a->slot != b->slot) return a->slot < b->slot ? -1 : 1;
    return (a->number > b->number) - (a->number < b->number);
}

static pouch_err append_name(struct pl_segment_name **names, size_t *n, const struct pl_segment_name *name) {
    if (!(*n & (*n - 1))) {
        struct pl_segment_name *wider = realloc(*names, (*n ? *n * 2 : 1) * sizeof *wider);
        if (!wider) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for the names of a spool's files");
        *names = wider;
    }
    (*names)[(*n)++] = *name;
    return POUCH_OK;
}

pouch_err pl_segment_list(struct pl_segment_name **names, size_t *n, const struct pl_spool_place *p) {
    *names = NULL;
    *n = 0;
    DIR *d = opendir(p->folder);
    if (!d && errno == ENOENT) return POUCH_OK;
    if (!d && errno == ENOMEM) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for reading a folder");
    if (!d) return pl_fail(POUCH_E_STORE, "spool folder %s cannot be read: %s", p->folder, strerror(errno));
    pouch_err e = POUCH_OK;
    for (struct dirent *entry; !e && (entry = readdir(d));) {
        struct pl_segment_name name;
        if (!parse_name(&name, entry->d_name, p)) continue;
        name.other = has_other_layout(p, &name);
        e = append_name(names, n, &name);
    }
    closedir(d);
    if (e) {
        free(*names);
        *names = NULL;
    } else if (*n) {
        qsort(*names, *n, sizeof **names, by_slot_and_number);
    }
    return e;
}

/* ---- slots ---- */

static pouch_err make_folder(const struct pl_spool_place *p) {
    char *folder;
    pouch_err e = pl_folder_make(&folder, p->folder);
    if (!e) free(folder);
    return e;
}

pouch_err pl_spool_slot_take(int *slot, int *lock, const struct pl_spool_place *p) {
    char name[NAME_ROOM];
    name_of(name, p);
    pouch_err e = make_folder(p);
    return e ? e : pl_slot_take(slot, lock, p->folder, name);
}

pouch_err pl_spool_slot_retake(int slot, int *lock, const struct pl_spool_place *p) {
    char name[NAME_ROOM];
    name_of(name, p);
    pouch_err e = make_folder(p);
    if (!e) e = pl_slot_try(lock, p->folder, name, slot);
    if (!e && *lock < 0) e = pl_fail(POUCH_E_STORE, "another process has taken %s-%03d in %s", name, slot, p->folder);
    return e;
}

pouch_err pl_spool_slot_adopt(int *slot, int *lock, const struct pl_spool_place *p, int from) {
    struct pl_segment_name *names;
    size_t n;
    char name[NAME_ROOM];
    name_of(name, p);
    *lock = -1;
    pouch_err e = pl_segment_list(&names, &n, p);
    for (size_t i = 0; i < n && *lock < 0; i++) {
        if (names[i].other || names[i].slot < from) continue;
        *slot = names[i].slot;
        from = *slot + 1;
        pouch_err failed = pl_slot_try(lock, p->folder, name, *slot);
        if (failed) e = failed;
    }
    free(names);
    return *lock < 0 ? e : POUCH_OK;
}

/* ---- bytes ---- */

pouch_err pl_segment_make(int *fd, const char *path, size_t bytes) {
    *fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (*fd < 0) return pl_fail(POUCH_E_STORE, "spool file %s cannot be made: %s", path, strerror(errno));
    int failure;
    do failure = posix_fallocate(*fd, 0, (off_t)bytes);
    while (failure == EINTR);
    if (!failure && !write_layout(*fd)) return POUCH_OK;
    close(*fd);
    *fd = -1;
    unlink(path);
    return pl_fail(POUCH_E_STORE, "no room for a spool file of %zu bytes, %s: %s", bytes, path,
                   strerror(failure ? failure : EIO));
}

pouch_err pl_segment_write(int fd, const void *from, size_t n, size_t at) {
    for (size_t done = 0; done < n;) {
        ssize_t some = pwrite(fd, (const char *)from + done, n - done, (off_t)(at + done));
        if (some < 0 && errno == EINTR) continue;
        if (some < 0) return pl_fail(POUCH_E_STORE, "a spool file cannot be written: %s", strerror(errno));
        done += (size_t)some;
    }
    return POUCH_OK;
}

pouch_err pl_segment_read(int fd, void *to, size_t n, size_t at) {
    for (size_t done = 0; done < n;) {
        ssize_t some = pread(fd, (char *)to + done, n - done, (off_t)(at + done));
        if (some < 0 && errno == EINTR) continue;
        if (some <= 0)
            return pl_fail(POUCH_E_STORE, "a spool file cannot be read: %s", some ? strerror(errno) : "it ends early");
        done += (size_t)some;
    }
    return POUCH_OK;
}

/* As it is in the file: damage shows in the check, and then all of the segment is read again. */
struct mark {
    uint64_t at, row, check;
};

struct pl_mark pl_segment_mark(int fd) {
    struct mark m;
    bool sound = !pl_segment_read(fd, &m, sizeof m, 0) && m.check == ~(m.at + m.row) && m.at >= PL_SEGMENT_HEAD &&
                 m.at % PL_RECORD_ALIGN == 0;
    return sound ? (struct pl_mark){m.at, m.row} : (struct pl_mark){.at = PL_SEGMENT_HEAD};
}

pouch_err pl_segment_set_mark(int fd, const struct pl_mark *mark) {
    const struct mark m = {mark->at, mark->row, ~(mark->at + mark->row)};
    return pl_segment_write(fd, &m, sizeof m, 0);
}
