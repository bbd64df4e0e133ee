/*
 * librdkafka uses the threads of C11, which the ThreadSanitizer of gcc 12 and clang 14 does not
 * know: a thread made by thrd_create() runs without its state and crashes. In such a build
 * these take their place and go through pthreads, so that the sanitizer also sees
 * librdkafka's locks, and with them the order in which messages pass between threads.
 * Included by mock.h; in at most one file of a program.
 */
#ifndef POUCH_TESTS_TSAN_H
#define POUCH_TESTS_TSAN_H

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TEST_TSAN 1
#endif
#elif defined(__SANITIZE_THREAD__)
#define TEST_TSAN 1
#endif

#ifdef TEST_TSAN
#include <errno.h>
#include <pouch/error.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <threads.h>

_Static_assert(sizeof(mtx_t) >= sizeof(pthread_mutex_t) && sizeof(cnd_t) >= sizeof(pthread_cond_t),
               "one lies in the other's place");

struct test_thread {
    thrd_start_t fn;
    void *arg;
};

static void *test_thread_run(void *arg) {
    struct test_thread t = *(struct test_thread *)arg;
    free(arg);
    return (void *)(intptr_t)t.fn(t.arg);
}

static int test_thread_result(int error) {
    return error == 0 ? thrd_success : error == ETIMEDOUT ? thrd_timedout : error == EBUSY ? thrd_busy : thrd_error;
}

POUCH_API int thrd_create(thrd_t *thread, thrd_start_t fn, void *arg) {
    struct test_thread *t = malloc(sizeof *t);
    if (!t) return thrd_nomem;
    *t = (struct test_thread){fn, arg};
    int error = pthread_create(thread, NULL, test_thread_run, t);
    if (error) free(t);
    return test_thread_result(error);
}

POUCH_API int thrd_join(thrd_t thread, int *result) {
    void *value;
    int error = pthread_join(thread, &value);
    if (!error && result) *result = (int)(intptr_t)value;
    return test_thread_result(error);
}

POUCH_API int mtx_init(mtx_t *m, int type) {
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    if (type & mtx_recursive) pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
    int error = pthread_mutex_init((pthread_mutex_t *)m, &attr);
    pthread_mutexattr_destroy(&attr);
    return test_thread_result(error);
}

POUCH_API int mtx_lock(mtx_t *m) {
    return test_thread_result(pthread_mutex_lock((pthread_mutex_t *)m));
}

POUCH_API int mtx_unlock(mtx_t *m) {
    return test_thread_result(pthread_mutex_unlock((pthread_mutex_t *)m));
}

POUCH_API void mtx_destroy(mtx_t *m) {
    pthread_mutex_destroy((pthread_mutex_t *)m);
}

POUCH_API int cnd_init(cnd_t *c) {
    return test_thread_result(pthread_cond_init((pthread_cond_t *)c, NULL));
}

POUCH_API int cnd_signal(cnd_t *c) {
    return test_thread_result(pthread_cond_signal((pthread_cond_t *)c));
}

POUCH_API int cnd_broadcast(cnd_t *c) {
    return test_thread_result(pthread_cond_broadcast((pthread_cond_t *)c));
}

POUCH_API int cnd_wait(cnd_t *c, mtx_t *m) {
    return test_thread_result(pthread_cond_wait((pthread_cond_t *)c, (pthread_mutex_t *)m));
}

POUCH_API int cnd_timedwait(cnd_t *c, mtx_t *m, const struct timespec *until) {
    return test_thread_result(pthread_cond_timedwait((pthread_cond_t *)c, (pthread_mutex_t *)m, until));
}

POUCH_API void cnd_destroy(cnd_t *c) {
    pthread_cond_destroy((pthread_cond_t *)c);
}
#endif
#endif
