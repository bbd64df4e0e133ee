/* A folder for one test, gone with all that is in it afterwards; include after support.h. */
#ifndef POUCH_TESTS_FOLDER_H
#define POUCH_TESTS_FOLDER_H

#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct test_folder {
    char path[64];
};

static inline void test_folder_make(struct test_folder *f) {
    strcpy(f->path, "/tmp/pouch-test-XXXXXX");
    assert_non_null(mkdtemp(f->path));
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

/* Writes a whole file. */
static inline void test_folder_write(const struct test_folder *f, const char *name, const char *text) {
    FILE *file = fopen(test_folder_file(f, name), "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

#endif
