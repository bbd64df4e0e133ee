/*
 * Makes allocations fail, one after another; include after support.h, in at most one file of
 * a program. It replaces malloc and its kin, so it does nothing under a sanitizer, which
 * replaces them too: there test_oom_works() is false and such a test says skip().
 */
#ifndef POUCH_TESTS_OOM_H
#define POUCH_TESTS_OOM_H

#include <errno.h>
#include <pouch/error.h>
#include <sanitized.h>
#include <stdbool.h>
#include <stdlib.h>

static long test_oom_left = -1;          /* allocations until all fail; negative: none fails */
static _Thread_local long test_oom_live; /* blocks of this thread that are not freed */

static inline bool test_oom_works(void) {
#ifdef TEST_SANITIZED
    return false;
#else
    return true;
#endif
}

/* The n-th allocation from now fails, and so does each one after it; negative: back to normal. */
static inline void test_oom_after(long n) {
    test_oom_left = n;
}

#ifndef TEST_SANITIZED
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void __libc_free(void *p);

static bool test_oom_due(void) {
    if (test_oom_left < 0) return false;
    if (test_oom_left > 0) {
        test_oom_left--;
        return false;
    }
    errno = ENOMEM;
    return true;
}

static void *test_oom_counted(void *p) {
    test_oom_live += p != NULL;
    return p;
}

/* Exported, so that the C library and the others call these as well. */
POUCH_API void *malloc(size_t n) {
    return test_oom_due() ? NULL : test_oom_counted(__libc_malloc(n));
}

POUCH_API void *calloc(size_t n, size_t size) {
    return test_oom_due() ? NULL : test_oom_counted(__libc_calloc(n, size));
}

POUCH_API void *realloc(void *p, size_t n) {
    if (!p) return malloc(n);
    return test_oom_due() ? NULL : __libc_realloc(p, n);
}

POUCH_API void *reallocarray(void *p, size_t n, size_t size) {
    size_t bytes;
    if (!__builtin_mul_overflow(n, size, &bytes)) return realloc(p, bytes);
    errno = ENOMEM;
    return NULL;
}

POUCH_API void free(void *p) {
    test_oom_live -= p != NULL;
    __libc_free(p);
}
#endif

/*
 * Calls `step` with no memory after 0, 1, 2, … allocations until it says true: done. A step that
 * ran out of memory says false. No call may leave a block behind; how many calls it took.
 */
static inline long test_oom_each(bool (*step)(void)) {
    for (long n = 0; n < 100000; n++) {
        long live = test_oom_live;
        test_oom_after(n);
        bool done = step();
        test_oom_after(-1);
        assert_int_equal(test_oom_live, live);
        if (done) return n;
    }
    fail_msg("still out of memory after 100,000 allocations");
    return 0;
}

#endif
