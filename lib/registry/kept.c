#include <base/why.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <json/json.h>
#include <libgen.h>
#include <limits.h>
#include <registry/kept.h>
#include <stdio.h>
#include <stdlib.h>
#include <store/weights.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <wire/envelope.h>

enum { DAY_MS = 24 * 60 * 60 * 1000, LEFT_S = 600 };

/* ---- writing ---- */

static pouch_err put_line(FILE *f, json_t *value) {
    char *text = value ? pl_json_text(value, NULL) : NULL;
    json_decref(value);
    if (!text) return pl_fail(POUCH_E_NO_MEMORY, "no memory to keep the routes");
    bool failed = fputs(text, f) == EOF || fputc('\n', f) == EOF;
    free(text);
    return failed ? pl_fail(POUCH_E_STORE, "%s", strerror(errno)) : POUCH_OK;
}

/* A list with one more; NULL: out of memory, or the list was. */
static json_t *with(json_t *list, json_t *value) {
    if (list && !json_array_append_new(list, value)) return list;
    if (!list) json_decref(value);
    json_decref(list);
    return NULL;
}

/*
 * An older program takes no line with weights for a route, and the file for no good one: it never sends to all of
 * these.
 */
static json_t *route_json(const struct pl_registry_route *r) {
    json_t *targets = json_array(), *weights = r->weights ? json_array() : NULL;
    for (size_t i = 0; i < r->n_targets; i++) {
        targets = with(targets, json_string(r->targets[i]));
        if (r->weights) weights = with(weights, json_integer(r->weights[i]));
    }
    if (r->weights && !weights) {
        json_decref(targets);
        return NULL;
    }
    return json_pack("{s:s,s:s,s:o,s:b,s:I,s:o*}", "id", r->id, "publisher", r->publisher, "targets", targets,
                     "enabled", (int)r->enabled, "version", (json_int_t)r->version, "weights", weights);
}

static pouch_err put_all(FILE *f, const struct pl_snapshot *s, int64_t read_ms) {
    const struct pl_registry_route *routes = pl_snapshot_all(s);
    size_t n = pl_snapshot_routes(s);
    pouch_err e = put_line(f, json_pack("{s:I,s:I,s:I}", "version", (json_int_t)pl_snapshot_version(s), "time",
                                        (json_int_t)read_ms, "routes", (json_int_t)n));
    for (size_t i = 0; !e && i < n; i++) e = put_line(f, route_json(&routes[i]));
    if (!e && (fflush(f) || fsync(fileno(f)))) e = pl_fail(POUCH_E_STORE, "%s", strerror(errno));
    return e;
}

/* The folder of path, open; negative: errno. */
static int folder_of(const char *path) {
    char copy[PATH_MAX];
    snprintf(copy, sizeof copy, "%s", path);
    return open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* A name is on the disk only when its folder is. */
static pouch_err sync_folder(const char *path) {
    int fd = folder_of(path);
    pouch_err e = fd < 0 || fsync(fd) ? pl_fail(POUCH_E_STORE, "%s", strerror(errno)) : POUCH_OK;
    if (fd >= 0) close(fd);
    return e;
}

/* To a file of its own beside it, then renamed, so that a reader finds the old or the new one. */
static pouch_err replace(const char *path, char *beside, const struct pl_snapshot *s, int64_t read_ms) {
    int fd = mkostemp(beside, O_CLOEXEC);
    if (fd < 0) return pl_fail(POUCH_E_STORE, "%s", strerror(errno));
    FILE *f = fdopen(fd, "w");
    pouch_err e = f ? put_all(f, s, read_ms) : pl_fail(POUCH_E_NO_MEMORY, "no memory to keep the routes");
    if (f ? fclose(f) : close(fd)) e = e ? e : pl_fail(POUCH_E_STORE, "%s", strerror(errno));
    if (!e && rename(beside, path)) e = pl_fail(POUCH_E_STORE, "%s", strerror(errno));
    if (e) unlink(beside);
    return e ? e : sync_folder(path);
}

/* Whether a name in the folder is that of a file that its writer, who takes seconds, has left for good. */
static bool is_left_over(int folder, const char *name, const char *kept) {
    struct stat st;
    size_t n = strlen(kept);
    if (strncmp(name, kept, n) || strncmp(name + n, ".new-", 5)) return false;
    return !fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) && S_ISREG(st.st_mode) && st.st_mtime < time(NULL) - LEFT_S;
}

void pl_kept_tidy(const char *path) {
    const char *slash = strrchr(path, '/');
    int fd = folder_of(path);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    if (!folder && fd >= 0) close(fd);
    if (!folder) return;
    for (const struct dirent *entry; (entry = readdir(folder));)
        if (is_left_over(fd, entry->d_name, slash ? slash + 1 : path)) unlinkat(fd, entry->d_name, 0);
    closedir(folder);
}

pouch_err pl_kept_write(const char *path, const struct pl_snapshot *s, int64_t read_ms) {
    char *beside;
    if (asprintf(&beside, "%s.new-XXXXXX", path) < 0) return pl_fail(POUCH_E_NO_MEMORY, "no memory to keep the routes");
    pouch_err e = replace(path, beside, s, read_ms);
    free(beside);
    if (e != POUCH_E_STORE) return e;
    char why[256];
    snprintf(why, sizeof why, "%s", pouch_why());
    return pl_fail(POUCH_E_STORE,
                   "the routes cannot be kept in %s (%s), so a start without the store would have none; see to the "
                   "folder and its disk",
                   path, why);
}

/* ---- reading ---- */

/* A file that is being read, and the rows so far. */
struct reading {
    FILE *f;
    char *line;
    size_t cap;
    int64_t version, read_ms;
    struct pl_route_row *rows;
    size_t n;
};

static pouch_err damaged(const char *what) {
    return pl_fail(POUCH_E_STORE, "%s", what);
}

static pouch_err next_line(struct reading *r, json_t **value) {
    ssize_t n = getline(&r->line, &r->cap, r->f);
    if (n < 0) return damaged(ferror(r->f) ? strerror(errno) : "it ends too early");
    pouch_err e = pl_json_read(value, "a line", r->line, (size_t)n);
    return e == POUCH_E_INVALID_PAYLOAD ? POUCH_E_STORE : e;
}

static char *name_of(const json_t *value) {
    const char *text = json_string_value(value);
    return text && pl_name_valid(text, json_string_length(value)) ? strdup(text) : NULL;
}

static bool fill_targets(struct pl_route_row *row, const json_t *targets) {
    size_t n = json_array_size(targets);
    if (n < 1 || n > PL_TARGETS_MAX || !(row->targets = calloc(n, sizeof *row->targets))) return false;
    while (row->n_targets < n) {
        char *name = name_of(json_array_get(targets, row->n_targets));
        if (!name) return false;
        row->targets[row->n_targets++] = name;
    }
    return true;
}

static bool fill_weights(struct pl_route_row *row, const json_t *weights) {
    if (!weights) return true;
    if (json_array_size(weights) != row->n_targets || !(row->weights = calloc(row->n_targets, sizeof *row->weights)))
        return false;
    for (size_t i = 0; i < row->n_targets; i++) {
        const json_t *weight = json_array_get(weights, i);
        json_int_t value = json_integer_value(weight);
        if (!json_is_integer(weight) || value < 0 || value > PL_WEIGHT_MAX) return false;
        row->weights[i] = (uint32_t)value;
    }
    return !pl_weights_check(row);
}

static pouch_err read_route(struct reading *r) {
    json_t *line, *id, *publisher, *targets, *weights = NULL;
    json_int_t version;
    int enabled;
    pouch_err e = next_line(r, &line);
    if (e) return e;
    struct pl_route_row *row = &r->rows[r->n];
    bool good = json_unpack(line, "{s:o,s:o,s:o,s:b,s:I,s?o!}", "id", &id, "publisher", &publisher, "targets", &targets,
                            "enabled", &enabled, "version", &version, "weights", &weights) == 0;
    if (good) {
        r->n++; /* whatever is in the row now is freed with it */
        row->enabled = enabled;
        row->version = version;
        row->id = json_is_string(id) ? strdup(json_string_value(id)) : NULL;
        row->publisher = name_of(publisher);
        good = row->id && row->publisher && fill_targets(row, targets) && fill_weights(row, weights);
    }
    json_decref(line);
    return good ? POUCH_OK : damaged("a line is no route");
}

static pouch_err read_first(struct reading *r, size_t *routes) {
    json_t *line;
    json_int_t version, time, n;
    pouch_err e = next_line(r, &line);
    if (e) return e;
    bool good = json_unpack(line, "{s:I,s:I,s:I!}", "version", &version, "time", &time, "routes", &n) == 0;
    json_decref(line);
    if (!good || version < 0 || n < 0 || n > PL_ROUTES_MAX) return damaged("its first line is not one of ours");
    r->version = version;
    r->read_ms = time;
    *routes = (size_t)n;
    return POUCH_OK;
}

static pouch_err read_all(struct reading *r, int64_t now_ms) {
    size_t n;
    pouch_err e = read_first(r, &n);
    if (e) return e;
    if (r->read_ms < now_ms - DAY_MS || r->read_ms > now_ms + DAY_MS)
        return damaged("it is from another day, and routes may have changed since");
    r->rows = calloc(n + 1, sizeof *r->rows);
    if (!r->rows) return pl_fail(POUCH_E_NO_MEMORY, "no memory for %zu routes", n);
    while (!e && r->n < n) e = read_route(r);
    if (!e && getc(r->f) != EOF) e = damaged("there is more in it than it says");
    return e;
}

pouch_err pl_kept_read(const char *path, int64_t now_ms, struct pl_snapshot **s, int64_t *read_ms) {
    struct reading r = {.f = fopen(path, "re")};
    if (!r.f && errno == ENOENT) return pl_fail(POUCH_E_NOT_FOUND, "no routes are kept in %s", path);
    pouch_err e = r.f ? read_all(&r, now_ms) : damaged(strerror(errno));
    if (r.f) fclose(r.f);
    free(r.line);
    if (!e) {
        *read_ms = r.read_ms;
        return pl_snapshot_new(s, r.rows, r.n, r.version);
    }
    pl_route_free(r.rows, r.n);
    if (e != POUCH_E_STORE) return e;
    char why[256];
    snprintf(why, sizeof why, "%s", pouch_why());
    return pl_fail(POUCH_E_STORE, "the routes kept in %s cannot be used: %s", path, why);
}
