/* A folder of its own for each test, with its URL; removed with all that is in it. */
#ifndef POUCH_TESTS_STORE_FOLDER_H
#define POUCH_TESTS_STORE_FOLDER_H

#include <dirent.h>
#include <ftw.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct test_folder {
    char path[64];
    char url[128];
};

static inline void test_folder_make(struct test_folder *f) {
    snprintf(f->path, sizeof f->path, "%s/pouch-store-XXXXXX", access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
    assert_non_null(mkdtemp(f->path));
    snprintf(f->url, sizeof f->url, "sqlite://%s", f->path);
}

/* The i-th file whose name begins and ends so, in no certain order; false when there are no more. */
static inline bool test_folder_find(const struct test_folder *f, const char *begin, const char *end, size_t i,
                                    char out[PATH_MAX]) {
    DIR *d = opendir(f->path);
    assert_non_null(d);
    bool found = false;
    for (struct dirent *entry; !found && (entry = readdir(d));) {
        size_t n = strlen(entry->d_name);
        if (strncmp(entry->d_name, begin, strlen(begin)) || n < strlen(end)) continue;
        if (strcmp(entry->d_name + n - strlen(end), end) || i-- > 0) continue;
        snprintf(out, PATH_MAX, "%s/%s", f->path, entry->d_name);
        found = true;
    }
    closedir(d);
    return found;
}

static inline size_t test_folder_count(const struct test_folder *f, const char *begin, const char *end) {
    char path[PATH_MAX];
    size_t n = 0;
    while (test_folder_find(f, begin, end, n, path)) n++;
    return n;
}

static inline int test_folder_remove_one(const char *path, const struct stat *st, int kind, struct FTW *at) {
    (void)st, (void)kind, (void)at;
    return remove(path);
}

static inline void test_folder_remove(struct test_folder *f) {
    nftw(f->path, test_folder_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
