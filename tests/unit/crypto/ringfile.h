/* Key ring files for tests. */
#ifndef POUCH_TESTS_RINGFILE_H
#define POUCH_TESTS_RINGFILE_H

#include <fcntl.h>
#include <pouch/key.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEST_KEY_A "8bc63a64d2adaecb6f3cc90d2736a84970fec1eb0db73598c5dcb7ad803f9276"
#define TEST_KEY_B "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"
#define TEST_KEY_C "c0c1c2c3c4c5c6c7c8c9cacbcccdcecfc0c1c2c3c4c5c6c7c8c9cacbcccdcecf"
#define TEST_KEY_D "d0d1d2d3d4d5d6d7d8d9dadbdcdddedfd0d1d2d3d4d5d6d7d8d9dadbdcdddedf"
#define TEST_KEY_E "e0e1e2e3e4e5e6e7e8e9eaebecedeeefe0e1e2e3e4e5e6e7e8e9eaebecedeeef"

struct test_ringfile {
    char path[64];
};

/* Puts text into the file, which is replaced whole as an operator's editor does it. */
static inline void test_ringfile_write(const struct test_ringfile *f, const char *text) {
    char next[80];
    snprintf(next, sizeof next, "%s.next", f->path);
    int fd = open(next, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(close(fd), 0);
    assert_int_equal(rename(next, f->path), 0);
}

static inline void test_ringfile_make(struct test_ringfile *f, const char *text) {
    strcpy(f->path, "/tmp/pouch-test-ring-XXXXXX");
    int fd = mkstemp(f->path);
    assert_true(fd >= 0);
    close(fd);
    test_ringfile_write(f, text);
}

/* The ring in a file of this text; f is to be removed with unlink(f->path). */
static inline pouch_keyring *test_ring(struct test_ringfile *f, const char *text) {
    pouch_keyring *ring;
    test_ringfile_make(f, text);
    assert_int_equal(pouch_keyring_load(&ring, f->path), POUCH_OK);
    return ring;
}

#endif
