#include <base/why.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <store/sqlite_store.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_ROOM = 64 }; /* of PATH_MAX, for the names of files in the folder */

static pouch_err make_folders(char *path) {
    for (char *slash = path;; *slash = '/') {
        slash = strchr(slash + 1, '/');
        if (slash) *slash = '\0';
        if (mkdir(path, 0700) && errno != EEXIST && errno != EROFS && errno != EACCES)
            return pl_fail(POUCH_E_CONFIG, "store folder %s cannot be made: %s", path, strerror(errno));
        if (!slash) return POUCH_OK;
    }
}

static pouch_err check_folder(const char *path) {
    struct stat st;
    if (stat(path, &st)) return pl_fail(POUCH_E_CONFIG, "store folder %s cannot be used: %s", path, strerror(errno));
    if (!S_ISDIR(st.st_mode)) return pl_fail(POUCH_E_CONFIG, "store folder %s cannot be used: it is a file", path);
    if (access(path, R_OK | W_OK | X_OK))
        return pl_fail(POUCH_E_CONFIG, "store folder %s cannot be written to: %s", path, strerror(errno));
    return POUCH_OK;
}

pouch_err pl_folder_make(char **folder, const char *path) {
    if (path[0] != '/' || !path[1] || strlen(path) > PATH_MAX - NAME_ROOM)
        return pl_fail(POUCH_E_CONFIG,
                       "store sqlite://%.200s: give a folder by its whole path, as in "
                       "sqlite:///var/lib/pouch",
                       path);
    char *copy = strdup(path);
    if (!copy) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a store");
    for (size_t n = strlen(copy); n > 1 && copy[n - 1] == '/'; n--) copy[n - 1] = '\0';
    pouch_err e = make_folders(copy);
    if (!e) e = check_folder(copy);
    if (e)
        free(copy);
    else
        *folder = copy;
    return e;
}

static void close_store(struct pl_store *s) {
    struct pl_sqlite_store *store = (struct pl_sqlite_store *)s;
    sqlite3_close(store->registry);
    free(store->folder);
    free(store);
}

static pouch_err open_store(struct pl_store **out, const char *path, bool as_it_is) {
    struct pl_sqlite_store *s = calloc(1, sizeof *s);
    if (!s) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a store");
    s->store.kind = &pl_store_sqlite;
    pouch_err e = as_it_is ? pl_sqlite_registry_look(&s->registry, path) : POUCH_OK;
    if (!e) e = pl_folder_make(&s->folder, path); /* which is there if the registry is */
    if (!e && !as_it_is) e = pl_sqlite_registry_open(&s->registry, s->folder);
    if (e)
        close_store(&s->store);
    else
        *out = &s->store;
    return e;
}

const struct pl_store_kind pl_store_sqlite = {
    .scheme = "sqlite://",
    .linger_us = 5000,
    .is_folder = true,
    .open = open_store,
    .close = close_store,
    .version = pl_sqlite_version,
    .routes = pl_sqlite_routes,
    .route_put = pl_sqlite_route_put,
    .route_remove = pl_sqlite_route_remove,
    .services = pl_sqlite_services,
    .service_put = pl_sqlite_service_put,
    .service_remove = pl_sqlite_service_remove,
    .audit_put = pl_sqlite_audit_put,
    .audit = pl_sqlite_audit,
    .by_request = pl_sqlite_by_request,
    .by_time = pl_sqlite_by_time,
    .missing = pl_sqlite_missing,
    .stats = pl_sqlite_stats,
    .expire = pl_sqlite_expire,
    .sink_open = pl_sqlite_sink_open,
    .sink_bound = pl_sqlite_sink_bound,
    .sink_close = pl_sqlite_sink_close,
    .sink_write = pl_sqlite_sink_write,
    .sink_tidy = pl_sqlite_sink_tidy,
};
