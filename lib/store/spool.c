#include <base/log.h>
#include <base/why.h>
#include <errno.h>
#include <fcntl.h>
#include <metrics/metrics.h>
#include <stdio.h>
#include <stdlib.h>
#include <store/slot.h>
#include <store/spool_record.h>
#include <store/spool_state.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { FREE_PART = 4 };

void pl_spool_path(char out[PATH_MAX], const struct pl_spool *s, uint64_t number) {
    const struct pl_segment_name name = {.slot = s->slot, .number = number};
    pl_segment_path(out, &s->place, &name);
}

void pl_spool_count(struct pl_spool *s, int64_t bytes) {
    pthread_mutex_lock(&s->lock);
    s->waiting += (size_t)bytes;
    pthread_mutex_unlock(&s->lock);
    pl_metric_add(PL_M_TRACE_SPOOL_BYTES, bytes);
}

static void close_fd(int *fd) {
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

/* ---- the files ---- */

static void link_newest(struct pl_spool *s, struct pl_segment *g) {
    pthread_mutex_lock(&s->lock);
    *s->tail = g;
    s->tail = &g->next;
    pthread_mutex_unlock(&s->lock);
}

static struct pl_segment *take_spare(struct pl_spool *s) {
    pthread_mutex_lock(&s->lock);
    struct pl_segment *g = s->spare;
    if (g) {
        s->spare = g->next;
        s->spares--;
        g->next = NULL;
    }
    pthread_mutex_unlock(&s->lock);
    return g;
}

static void add_spare(struct pl_spool *s, struct pl_segment *g) {
    *g = (struct pl_segment){.number = g->number, .size = g->size, .end = PL_SEGMENT_HEAD};
    pthread_mutex_lock(&s->lock);
    g->next = s->spare;
    s->spare = g;
    s->spares++;
    pthread_mutex_unlock(&s->lock);
}

static uint64_t next_number(struct pl_spool *s) {
    pthread_mutex_lock(&s->lock);
    uint64_t number = ++s->numbers;
    pthread_mutex_unlock(&s->lock);
    return number;
}

static pouch_err allot(struct pl_spool *s, size_t size) {
    pthread_mutex_lock(&s->lock);
    bool fits = s->allocated + size <= s->bounds.most;
    if (fits) s->allocated += size;
    pthread_mutex_unlock(&s->lock);
    if (fits) return POUCH_OK;
    return pl_fail(POUCH_E_STORE, "the spool in %s has %zu bytes, the most it may: see trace.spool_bytes",
                   s->place.folder, s->bounds.most);
}

static void give_back(struct pl_spool *s, size_t size) {
    pthread_mutex_lock(&s->lock);
    s->allocated -= size;
    pthread_mutex_unlock(&s->lock);
}

static void delete_segment(struct pl_spool *s, struct pl_segment *g) {
    char path[PATH_MAX];
    pl_spool_path(path, s, g->number);
    unlink(path);
    give_back(s, g->size);
    free(g);
}

static pouch_err make_file(struct pl_spool *s, struct pl_segment *g, int *fd) {
    char path[PATH_MAX];
    g->number = next_number(s);
    pl_spool_path(path, s, g->number);
    pouch_err e = allot(s, g->size);
    if (e) return e;
    e = pl_segment_make(fd, path, g->size);
    if (e) give_back(s, g->size);
    return e;
}

static pouch_err make_segment(struct pl_spool *s, size_t size, struct pl_segment **out, int *fd) {
    struct pl_segment *g = calloc(1, sizeof *g);
    if (!g) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a spool");
    g->size = size;
    g->end = PL_SEGMENT_HEAD;
    pouch_err e = make_file(s, g, fd);
    if (e)
        free(g);
    else
        *out = g;
    return e;
}

/* The folder may have been deleted, and the lock with it. */
static pouch_err keep_slot(struct pl_spool *s) {
    if (pl_slot_holds(s->slot_lock)) return POUCH_OK;
    int lock;
    pouch_err e = pl_spool_slot_retake(s->slot, &lock, &s->place);
    if (e) return e;
    close(s->slot_lock);
    s->slot_lock = lock;
    return POUCH_OK;
}

static struct pl_segment *open_spare(struct pl_spool *s, int *fd) {
    struct pl_segment *g;
    while ((g = take_spare(s))) {
        char path[PATH_MAX];
        pl_spool_path(path, s, g->number);
        *fd = open(path, O_RDWR | O_CLOEXEC);
        if (*fd >= 0) return g;
        delete_segment(s, g);
    }
    return NULL;
}

pouch_err pl_spool_begin(struct pl_spool *s, size_t room) {
    size_t size = PL_SEGMENT_HEAD + room, usual = s->bounds.segment;
    close_fd(&s->out);
    s->newest = NULL;
    pouch_err e = keep_slot(s);
    if (e) return e;
    struct pl_segment *g = size <= usual ? open_spare(s, &s->out) : NULL;
    if (!g) e = make_segment(s, size > usual ? size : usual, &g, &s->out);
    if (e) return e;
    s->newest = g;
    link_newest(s, g);
    return POUCH_OK;
}

/*
 * The records of the old number are none of the new one's: only the first head must go, by which an empty file is
 * known.
 */
static bool renew(struct pl_spool *s, struct pl_segment *g) {
    static const char none[PL_RECORD_HEAD];
    char before[PATH_MAX], after[PATH_MAX];
    pl_spool_path(before, s, g->number);
    g->number = next_number(s);
    pl_spool_path(after, s, g->number);
    int fd = open(before, O_RDWR | O_CLOEXEC);
    bool done = fd >= 0 && !pl_segment_write(fd, none, sizeof none, PL_SEGMENT_HEAD) &&
                !pl_segment_set_mark(fd, &(struct pl_mark){.at = PL_SEGMENT_HEAD}) && !rename(before, after);
    if (!done) unlink(before);
    close_fd(&fd);
    return done;
}

/* What is empty becomes part of the reserve, or goes. */
static void retire(struct pl_spool *s, struct pl_segment *g) {
    pthread_mutex_lock(&s->lock);
    bool wanted = g->size == s->bounds.segment && (s->spares + 1) * g->size <= s->bounds.reserve;
    pthread_mutex_unlock(&s->lock);
    if (wanted && renew(s, g))
        add_spare(s, g);
    else
        delete_segment(s, g);
}

void pl_spool_leave(struct pl_spool *s) {
    pthread_mutex_lock(&s->lock);
    struct pl_segment *g = s->oldest;
    s->oldest = g->next;
    if (!s->oldest) s->tail = &s->oldest;
    pthread_mutex_unlock(&s->lock);
    close_fd(&s->in);
    s->entered = false;
    pl_spool_count(s, -(int64_t)(g->end - s->at.at));
    retire(s, g);
}

/* ---- opening ---- */

/* A file whose first head is empty was made, or made anew, and never written to. */
static bool has_records(int fd, size_t size) {
    static const char none[PL_RECORD_HEAD];
    char head[PL_RECORD_HEAD];
    return size >= PL_SEGMENT_HEAD + sizeof head && !pl_segment_read(fd, head, sizeof head, PL_SEGMENT_HEAD) &&
           memcmp(head, none, sizeof head) != 0;
}

static pouch_err take_over(struct pl_spool *s, uint64_t number) {
    struct pl_segment *g = calloc(1, sizeof *g);
    if (!g) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a spool");
    char path[PATH_MAX];
    struct stat st;
    pl_spool_path(path, s, number);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st)) {
        pouch_err e = pl_fail(POUCH_E_STORE, "spool file %s cannot be read: %s", path, strerror(errno));
        close_fd(&fd);
        free(g);
        return e;
    }
    *g = (struct pl_segment){.number = number, .size = (size_t)st.st_size, .end = (size_t)st.st_size, .found = true};
    s->allocated += g->size;
    if (has_records(fd, g->size)) {
        link_newest(s, g);
        pl_spool_count(s, (int64_t)(g->end - PL_SEGMENT_HEAD));
    } else {
        retire(s, g);
    }
    close_fd(&fd);
    return POUCH_OK;
}

static void leave_alone(const struct pl_spool *s, uint64_t number) {
    char path[PATH_MAX];
    pl_spool_path(path, s, number);
    PL_LOG(PL_LOG_WARN, "a spool file is of another version of pouch, which alone can bring its rows to the store",
           "file", path);
}

static pouch_err take_over_all(struct pl_spool *s) {
    struct pl_segment_name *names;
    size_t n;
    pouch_err e = pl_segment_list(&names, &n, &s->place);
    for (size_t i = 0; i < n; i++)
        if (names[i].slot == s->slot && names[i].number > s->numbers) s->numbers = names[i].number;
    for (size_t i = 0; i < n && !e; i++) {
        if (names[i].slot != s->slot) continue;
        if (names[i].other)
            leave_alone(s, names[i].number);
        else
            e = take_over(s, names[i].number);
    }
    free(names);
    return e;
}

/* Whether a file more leaves the disk to others: no more than a part of what is free is taken. */
static pouch_err afford(const struct pl_spool *s) {
    struct statvfs disk;
    if (statvfs(s->place.folder, &disk))
        return pl_fail(POUCH_E_STORE, "folder %s: %s", s->place.folder, strerror(errno));
    if (disk.f_bavail * disk.f_frsize / FREE_PART >= (s->spares + 1) * s->bounds.segment) return POUCH_OK;
    return pl_fail(POUCH_E_STORE, "the disk of %s has %llu bytes free, and a reserve takes no more than one in %d",
                   s->place.folder, (unsigned long long)disk.f_bavail * disk.f_frsize, FREE_PART);
}

static void fill_reserve(struct pl_spool *s) {
    size_t wanted = s->bounds.reserve / s->bounds.segment;
    while (s->spares < wanted) {
        struct pl_segment *g;
        int fd;
        pouch_err e = afford(s);
        if (!e) e = make_segment(s, s->bounds.segment, &g, &fd);
        if (e) {
            PL_LOG(PL_LOG_WARN, "the spool of traces has less in reserve than trace.spool_reserve", "why", pouch_why());
            return;
        }
        close(fd);
        add_spare(s, g);
    }
}

static pouch_err open_slot(struct pl_spool **out, int slot, int lock, const struct pl_spool_place *p,
                           const struct pl_spool_bounds *b) {
    struct pl_spool *s = calloc(1, sizeof *s);
    char *folder = strdup(p->folder);
    if (!s || !folder || pthread_mutex_init(&s->lock, NULL)) {
        free(s);
        free(folder);
        close(lock);
        return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a spool");
    }
    s->place = (struct pl_spool_place){folder, p->store};
    s->bounds = *b;
    s->slot = slot;
    s->slot_lock = lock;
    s->tail = &s->oldest;
    s->out = s->in = -1;
    pl_buf_init(&s->read, SIZE_MAX / 2);
    pouch_err e = take_over_all(s);
    if (e) {
        pl_spool_close(s);
        return e;
    }
    fill_reserve(s);
    *out = s;
    return POUCH_OK;
}

pouch_err pl_spool_open(struct pl_spool **s, const struct pl_spool_place *p, const struct pl_spool_bounds *b) {
    int slot, lock;
    pouch_err e = pl_spool_slot_take(&slot, &lock, p);
    return e ? e : open_slot(s, slot, lock, p, b);
}

pouch_err pl_spool_adopt(struct pl_spool **s, const struct pl_spool_place *p) {
    static const struct pl_spool_bounds none = {.segment = 1};
    pouch_err e = POUCH_OK;
    *s = NULL;
    for (int slot = -1, lock = 0; !*s && lock >= 0;) {
        pouch_err failed = pl_spool_slot_adopt(&slot, &lock, p, slot + 1);
        if (!failed && lock >= 0) failed = open_slot(s, slot, lock, p, &none);
        if (failed) e = failed;
        if (*s && !pl_spool_has_rows(*s)) {
            pl_spool_close(*s);
            *s = NULL;
        }
    }
    return *s ? POUCH_OK : e;
}

bool pl_spool_has_rows(const struct pl_spool *s) {
    return s->oldest != NULL;
}

/* ---- closing ---- */

static void forget(struct pl_segment *g) {
    while (g) {
        struct pl_segment *next = g->next;
        free(g);
        g = next;
    }
}

static bool is_read(const struct pl_spool *s) {
    return s->oldest && !s->oldest->next && s->entered && s->at.at >= s->oldest->end;
}

/* Many short-lived processes, each with a few rows, would fill the spool with room that nobody uses. */
static void give_back_rest(const struct pl_spool *s) {
    if (s->out >= 0 && ftruncate(s->out, (off_t)s->newest->end))
        PL_LOG(PL_LOG_DEBUG, "a spool file keeps the room it does not need", "why", strerror(errno));
}

void pl_spool_close(struct pl_spool *s) {
    if (!s) return;
    s->bounds.reserve = 0;
    if (is_read(s))
        pl_spool_leave(s);
    else
        give_back_rest(s);
    for (struct pl_segment *g; (g = take_spare(s));) delete_segment(s, g);
    forget(s->oldest);
    close_fd(&s->out);
    close_fd(&s->in);
    close(s->slot_lock);
    pl_metric_add(PL_M_TRACE_SPOOL_BYTES, -(int64_t)s->waiting);
    pl_buf_free(&s->read);
    pthread_mutex_destroy(&s->lock);
    free((char *)s->place.folder);
    free(s);
}
