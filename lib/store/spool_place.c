#include <base/why.h>
#include <stdio.h>
#include <stdlib.h>
#include <store/backend.h>
#include <store/spool_place.h>
#include <store/trace_hash.h>
#include <string.h>
#include <unistd.h>

static pouch_err no_memory(void) {
    return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a spool");
}

/* What tells a store from others: its URL, without a user and without settings. */
static pouch_err hash_store(uint64_t *hash, const struct pl_store_kind *kind, const char *where) {
    const char *user = strchr(where, '@'), *slash = strchr(where, '/');
    if (user && (!slash || user < slash)) where = user + 1;
    size_t n = strcspn(where, "?");
    while (n > 1 && where[n - 1] == '/') n--;
    char *name;
    if (asprintf(&name, "%s%.*s", kind->scheme, (int)n, where) < 0) return no_memory();
    *hash = pl_trace_source(name, 0);
    free(name);
    return POUCH_OK;
}

/* As a path that does not change with the working directory; NULL: out of memory. */
static char *whole_path(const char *path) {
    char *whole = NULL, *here = *path == '/' ? NULL : getcwd(NULL, 0);
    if (!here) return strdup(path);
    if (asprintf(&whole, "%s/%s", here, path) < 0) whole = NULL;
    free(here);
    return whole;
}

static pouch_err find_folder(char **folder, const struct pl_store_kind *kind, const char *where, const char *spool) {
    char *url = NULL;
    if (!spool && !kind->is_folder) {
        pouch_err e = pl_store_default_url(&url);
        if (!e) e = pl_store_kind_of(&kind, &where, url);
        if (e) return e;
    }
    *folder = spool ? whole_path(spool) : strdup(where);
    free(url);
    return *folder ? POUCH_OK : no_memory();
}

pouch_err pl_spool_place_find(struct pl_spool_place *p, const char *url, const char *spool) {
    const struct pl_store_kind *kind;
    const char *where;
    char *folder;
    pouch_err e = pl_store_kind_of(&kind, &where, url);
    if (!e) e = hash_store(&p->store, kind, where);
    if (!e) e = find_folder(&folder, kind, where, spool);
    if (!e) p->folder = folder;
    return e;
}
