#include <base/clock.h>
#include <base/log.h>
#include <base/why.h>
#include <stdio.h>
#include <stdlib.h>
#include <store/slot.h>
#include <store/sqlite.h>
#include <store/sqlite_store.h>
#include <store/steady.h>
#include <store/trace_file.h>
#include <store/trace_folder.h>
#include <unistd.h>

/*
 * So a row may be kept an eighth longer than its time, and each writer's file may be an eighth of what there may be of
 * all.
 */
enum { FILES_A_TTL = 8, FILES_A_BOUND = 8, LARGE_LEAST = 1 << 20, WHY_ROOM = 1024 };

struct pl_sink {
    char *folder;
    int slot, lock; /* lock: the file descriptor that holds the slot */
    int64_t ttl_us;
    size_t most_bytes; /* of all files in the folder; 0: no bound */
    struct pl_steady clock;
    struct pl_trace_file *file; /* NULL: the next write opens one */
    struct pl_trace_name name;  /* file's */
};

static void close_file(struct pl_sink *s) {
    pl_trace_file_close(s->file);
    s->file = NULL;
}

void pl_sqlite_sink_close(struct pl_sink *s) {
    close_file(s);
    if (s->lock >= 0) close(s->lock);
    free(s->folder);
    free(s);
}

pouch_err pl_sqlite_sink_open(struct pl_sink **out, const char *where, int64_t ttl_ms) {
    struct pl_sink *s = calloc(1, sizeof *s);
    if (!s) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a writer of traces");
    s->lock = -1;
    s->ttl_us = ttl_ms * 1000;
    pouch_err e = pl_folder_make(&s->folder, where);
    if (!e) e = pl_slot_take(&s->slot, &s->lock, s->folder, PL_TRACE_SLOT);
    if (!e) pl_sqlite_sweep(s->folder);
    if (e)
        pl_sqlite_sink_close(s);
    else
        *out = s;
    return e;
}

void pl_sqlite_sink_bound(struct pl_sink *s, size_t most_bytes) {
    s->most_bytes = most_bytes;
}

static bool is_large(const struct pl_sink *s) {
    size_t part = s->most_bytes / FILES_A_BOUND, large = part > LARGE_LEAST ? part : LARGE_LEAST;
    return s->most_bytes && pl_trace_bytes(pl_trace_file_path(s->file)) > large;
}

/* A file that the clock says is not made yet is as good as any: the clock was put back. */
static bool is_worn(const struct pl_sink *s) {
    int64_t age_us = pl_wall_us(&pl_clock_system) - s->name.created_us;
    return pl_trace_file_rows(s->file) >= PL_TRACE_FILE_ROWS || age_us > s->ttl_us / FILES_A_TTL || is_large(s);
}

/* A file that was deleted while open would swallow what is written to it. */
static bool is_there(const struct pl_sink *s) {
    return !access(pl_trace_file_path(s->file), F_OK);
}

static pouch_err open_file(struct pl_sink *s, const struct pl_trace_name *name) {
    char path[PATH_MAX];
    pl_trace_path(path, s->folder, name);
    pouch_err e = pl_trace_file_open(&s->file, path);
    if (!e) s->name = *name;
    return e;
}

static void unlink_file(const struct pl_sink *s, const struct pl_trace_name *name) {
    char path[PATH_MAX];
    pl_trace_path(path, s->folder, name);
    pl_sqlite_unlink(path);
}

/* Leaves no file behind that nothing can be written to. */
static pouch_err open_new(struct pl_sink *s, int64_t newest_us) {
    int64_t now = pl_wall_us(&pl_clock_system);
    struct pl_trace_name name = {.slot = s->slot, .created_us = now > newest_us ? now : newest_us + 1};
    pouch_err e = open_file(s, &name);
    if (e) unlink_file(s, &name);
    return e;
}

/* The folder may have been deleted, and the lock with it. */
static pouch_err keep_slot(struct pl_sink *s) {
    if (pl_slot_holds(s->lock)) return POUCH_OK;
    char *folder;
    int slot, lock;
    pouch_err e = pl_folder_make(&folder, s->folder);
    if (e) return e;
    free(folder);
    e = pl_slot_take(&slot, &lock, s->folder, PL_TRACE_SLOT);
    if (e) return e;
    close(s->lock);
    s->slot = slot;
    s->lock = lock;
    return POUCH_OK;
}

/* The time that the newest file of the slot was made; 0: there is none. */
static pouch_err find_newest(const struct pl_sink *s, int64_t *newest_us) {
    struct pl_trace_name *names;
    size_t n;
    *newest_us = 0;
    pouch_err e = pl_trace_list(&names, &n, s->folder);
    for (size_t i = 0; i < n && !e; i++)
        if (names[i].slot == s->slot) *newest_us = names[i].created_us;
    free(names);
    return e;
}

/* Goes on with the newest file of the slot, which may be that of a writer before us, or begins a new one. */
static pouch_err have_file(struct pl_sink *s) {
    if (s->file && !is_worn(s) && is_there(s)) return POUCH_OK;
    close_file(s);
    int64_t newest_us;
    pouch_err e = keep_slot(s);
    if (!e) e = find_newest(s, &newest_us);
    if (e) return e;
    if (newest_us && !open_file(s, &(struct pl_trace_name){s->slot, newest_us})) {
        if (!is_worn(s)) return POUCH_OK;
        close_file(s);
    }
    return open_new(s, newest_us);
}

/* One more try in a file of its own: that the last one is locked or damaged then hurts nobody. */
static pouch_err write_anew(struct pl_sink *s, const struct pl_trace_batch *batch, const struct pl_gap *gap) {
    int64_t newest_us;
    pouch_err e = find_newest(s, &newest_us);
    if (!e) e = open_new(s, newest_us);
    if (e) return e;
    e = pl_trace_file_append(s->file, batch, gap);
    if (!e) return e;
    close_file(s);
    unlink_file(s, &s->name); /* nothing is in it */
    return e;
}

/*
 * One transaction: all or nothing. The store is here, so there is nothing to time; locks are waited for a tenth of a
 * second.
 */
pouch_err pl_sqlite_sink_write(struct pl_sink *s, const struct pl_trace_batch *batch, const struct pl_gap *gap,
                               int timeout_ms) {
    (void)timeout_ms;
    pouch_err e = have_file(s);
    if (e) return e;
    e = pl_trace_file_append(s->file, batch, gap);
    if (!e) return e;
    char why[WHY_ROOM], path[PATH_MAX];
    snprintf(why, sizeof why, "%s", pouch_why());
    pl_trace_path(path, s->folder, &s->name);
    close_file(s);
    e = write_anew(s, batch, gap);
    if (!e) PL_LOG(PL_LOG_WARN, "a trace file is given up for a new one", "file", path, "why", why);
    return e;
}

void pl_sqlite_sink_tidy(struct pl_sink *s) {
    if (s->file && is_worn(s)) close_file(s);
    int own_slot = s->file ? -1 : s->slot;
    if (s->most_bytes && pl_trace_shrink(s->folder, s->most_bytes, own_slot))
        PL_LOG(PL_LOG_WARN, "traces are not kept to trace.max_bytes", "why", pouch_why());
    if (!pl_steady_look(&s->clock, &pl_clock_system)) return;
    int64_t before_us = pl_wall_us(&pl_clock_system) - s->ttl_us;
    if (pl_trace_expire(s->folder, before_us, before_us, own_slot))
        PL_LOG(PL_LOG_WARN, "old traces are not removed", "why", pouch_why());
}
