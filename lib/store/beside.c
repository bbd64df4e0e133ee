#include <base/log.h>
#include <base/why.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <store/sqlite_store.h>
#include <string.h>

static const char SQLITE[] = "sqlite://", LAST_RESORT[] = "/var/lib/pouch";

/* The folder of a store on this host, or that of the default store, which is made. */
static pouch_err folder_of(char **folder, const char *url, bool *is_own) {
    size_t scheme = sizeof SQLITE - 1;
    char *other = NULL;
    *is_own = !strncmp(url, SQLITE, scheme);
    *folder = NULL;
    if (!*is_own && (pl_store_default_url(&other) || pl_folder_make(folder, other + scheme)))
        PL_LOG(PL_LOG_WARN, "there is no folder for what this host keeps of its store", "why", pouch_why());
    free(other);
    if (!*folder) *folder = strdup(*is_own ? url + scheme : LAST_RESORT);
    return *folder ? POUCH_OK : pl_fail(POUCH_E_NO_MEMORY, "out of memory for a store's name");
}

/* Hosts and keyspace as a part of a file's name. */
static char *name_of(const char *url) {
    const char *colon = strstr(url, "://"), *where = colon ? colon + 3 : url;
    char *name = strndup(where, strcspn(where, "?"));
    for (char *at = name; at && *at; at++)
        if (!isalnum((unsigned char)*at) && *at != '.' && *at != '-') *at = '_';
    return name;
}

pouch_err pl_store_beside(char **path, const char *url, const char *file) {
    bool is_own;
    char *folder;
    pouch_err e = folder_of(&folder, url, &is_own);
    if (e) return e;
    char *name = is_own ? strdup("") : name_of(url);
    int n = name ? asprintf(path, "%s/%s%s%s", folder, name, *name ? "-" : "", file) : -1;
    free(name);
    free(folder);
    return n < 0 ? pl_fail(POUCH_E_NO_MEMORY, "out of memory for a store's name") : POUCH_OK;
}
