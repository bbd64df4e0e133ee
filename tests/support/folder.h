/* A folder for one test, gone with all that is in it afterwards; include after support.h. */
#ifndef POUCH_TESTS_FOLDER_H
#define POUCH_TESTS_FOLDER_H

#include <dirent.h>
#include <ftw.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct test_folder {
    char path[64];
    char url[128]; /* of a store in it */
};

static inline void test_folder_make(struct test_folder *f) {
    snprintf(f->path, sizeof f->path, "%s/pouch-test-XXXXXX", access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
    assert_non_null(mkdtemp(f->path));
    snprintf(f->url, sizeof f->url, "sqlite://%s", f->path);
}

static inline int test_folder_unlink(const char *path, const struct stat *s, int kind, struct FTW *at) {
    (void)s, (void)kind, (void)at;
    return remove(path);
}

static inline void test_folder_remove(struct test_folder *f) {
    assert_int_equal(nftw(f->path, test_folder_unlink, 16, FTW_DEPTH | FTW_PHYS), 0);
}

/* The path of name in it, in a buffer that the next call writes over. */
static inline const char *test_folder_file(const struct test_folder *f, const char *name) {
    static char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", f->path, name);
    return path;
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

/* Writes a whole file. */
static inline void test_folder_write(const struct test_folder *f, const char *name, const char *text) {
    FILE *file = fopen(test_folder_file(f, name), "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

#endif
