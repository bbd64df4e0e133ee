#include <base/log.h>
#include <base/why.h>
#include <dirent.h>
#include <errno.h>
#include <metrics/metrics.h>
#include <stdio.h>
#include <stdlib.h>
#include <store/slot.h>
#include <store/sqlite.h>
#include <store/sqlite_schema.h>
#include <store/trace_folder.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUSY_MS = 100 };

void pl_trace_path(char out[PATH_MAX], const char *folder, const struct pl_trace_name *name) {
    snprintf(out, PATH_MAX, "%s/trace-%03d-%016lld.db", folder, name->slot, (long long)name->created_us);
}

static bool parse_name(struct pl_trace_name *name, const char *text) {
    int end = 0;
    long long created;
    if (sscanf(text, "trace-%3d-%16lld.db%n", &name->slot, &created, &end) != 2 || !end || text[end]) return false;
    name->created_us = created;
    return true;
}

static int by_slot_and_age(const void *left, const void *right) {
    const struct pl_trace_name *a = left, *b = right;
    if (a->slot != b->slot) return a->slot < b->slot ? -1 : 1;
    return (a->created_us > b->created_us) - (a->created_us < b->created_us);
}

static pouch_err append_name(struct pl_trace_name **names, size_t *n, size_t *max, const struct pl_trace_name *name) {
    if (*n == *max) {
        size_t more = *max ? *max * 2 : 16;
        struct pl_trace_name *wider = realloc(*names, more * sizeof *wider);
        if (!wider) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for the names of %zu trace files", more);
        *names = wider;
        *max = more;
    }
    (*names)[(*n)++] = *name;
    return POUCH_OK;
}

pouch_err pl_trace_list(struct pl_trace_name **names, size_t *n, const char *folder) {
    *names = NULL;
    *n = 0;
    DIR *d = opendir(folder);
    if (!d && errno == ENOMEM) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for reading a folder");
    if (!d) return pl_fail(POUCH_E_STORE, "store folder %s cannot be read: %s", folder, strerror(errno));
    size_t max = 0;
    pouch_err e = POUCH_OK;
    for (struct dirent *entry; !e && (entry = readdir(d));) {
        struct pl_trace_name name;
        if (parse_name(&name, entry->d_name)) e = append_name(names, n, &max, &name);
    }
    closedir(d);
    if (e) {
        free(*names);
        *names = NULL;
    } else if (*n) {
        qsort(*names, *n, sizeof **names, by_slot_and_age);
    }
    return e;
}

/* Whether all rows and gaps began before that time. A file that cannot be read now is looked at another time. */
static bool is_older(const char *path, int64_t before_us) {
    sqlite3 *db;
    if (pl_sqlite_open(&db, path, &pl_trace_schema, BUSY_MS)) return false;
    sqlite3_stmt *q = NULL;
    bool older = !sqlite3_prepare_v2(db,
                                     "SELECT max((SELECT coalesce(max(to_us), 0) FROM batch),"
                                     " (SELECT coalesce(max(to_us), 0) FROM gap))",
                                     -1, &q, NULL) &&
                 sqlite3_step(q) == SQLITE_ROW && sqlite3_column_int64(q, 0) < before_us;
    sqlite3_finalize(q);
    sqlite3_close(db);
    return older;
}

static void remove_if_older(const char *path, int64_t before_us) {
    if (!is_older(path, before_us)) return;
    pl_sqlite_unlink(path);
    pl_metric_add(PL_M_TRACE_EXPIRED, 1);
}

/*
 * Whether nobody is writing to a file, as may be to the newest of a slot; *lock, unless negative, is to be closed when
 * it has been looked at.
 */
static pouch_err hold(const char *folder, const struct pl_trace_name *name, bool newest, int own_slot, int *lock,
                      bool *is_free) {
    *lock = -1;
    *is_free = !newest || name->slot == own_slot;
    pouch_err e = *is_free ? POUCH_OK : pl_slot_try(lock, folder, PL_TRACE_SLOT, name->slot);
    if (*lock >= 0) *is_free = true;
    return e;
}

static bool is_newest(const struct pl_trace_name *names, size_t n, size_t i) {
    return i + 1 == n || names[i + 1].slot != names[i].slot;
}

pouch_err pl_trace_expire(const char *folder, int64_t before_us, int64_t created_before_us, int own_slot) {
    struct pl_trace_name *names;
    size_t n;
    pouch_err e = pl_trace_list(&names, &n, folder);
    for (size_t i = 0; i < n && !e; i++) {
        if (names[i].created_us >= created_before_us) continue;
        char path[PATH_MAX];
        pl_trace_path(path, folder, &names[i]);
        int lock;
        bool is_free;
        e = hold(folder, &names[i], is_newest(names, n, i), own_slot, &lock, &is_free);
        if (is_free) remove_if_older(path, before_us);
        if (lock >= 0) close(lock);
    }
    free(names);
    return e;
}

/* ---- by size ---- */

size_t pl_trace_bytes(const char *path) {
    char log[PATH_MAX + 8];
    struct stat st;
    size_t bytes = stat(path, &st) ? 0 : (size_t)st.st_blocks * 512;
    snprintf(log, sizeof log, "%s-wal", path);
    return bytes + (stat(log, &st) ? 0 : (size_t)st.st_blocks * 512);
}

struct kept {
    struct pl_trace_name name;
    size_t bytes;
    bool newest; /* of its slot */
};

static int by_age(const void *left, const void *right) {
    const struct kept *a = left, *b = right;
    return (a->name.created_us > b->name.created_us) - (a->name.created_us < b->name.created_us);
}

/* All files by age; how many bytes they have. */
static size_t measure(struct kept *files, const struct pl_trace_name *names, size_t n, const char *folder) {
    size_t bytes = 0;
    for (size_t i = 0; i < n; i++) {
        char path[PATH_MAX];
        pl_trace_path(path, folder, &names[i]);
        files[i] = (struct kept){names[i], pl_trace_bytes(path), is_newest(names, n, i)};
        bytes += files[i].bytes;
    }
    qsort(files, n, sizeof *files, by_age);
    return bytes;
}

static pouch_err remove_for_room(const char *folder, const struct kept *file, int own_slot, size_t *bytes) {
    char path[PATH_MAX];
    int lock;
    bool is_free;
    pl_trace_path(path, folder, &file->name);
    pouch_err e = hold(folder, &file->name, file->newest, own_slot, &lock, &is_free);
    if (is_free) {
        PL_LOG(PL_LOG_INFO, "the oldest traces go before their time, for trace.max_bytes", "file", path);
        pl_sqlite_unlink(path);
        pl_metric_add(PL_M_TRACE_EXPIRED, 1);
        *bytes -= file->bytes;
    }
    if (lock >= 0) close(lock);
    return e;
}

pouch_err pl_trace_shrink(const char *folder, size_t most_bytes, int own_slot) {
    struct pl_trace_name *names;
    size_t n;
    pouch_err e = pl_trace_list(&names, &n, folder);
    if (e) return e;
    struct kept *files = calloc(n + 1, sizeof *files);
    size_t bytes = files ? measure(files, names, n, folder) : 0;
    if (!files) e = pl_fail(POUCH_E_NO_MEMORY, "out of memory for %zu trace files", n);
    for (size_t i = 0; i < n && bytes > most_bytes && !e; i++) e = remove_for_room(folder, &files[i], own_slot, &bytes);
    free(files);
    free(names);
    return e;
}
