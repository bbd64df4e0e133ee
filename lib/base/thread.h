/* Threads of the library: they leave the process's signals to the program that owns it. */
#ifndef POUCH_BASE_THREAD_H
#define POUCH_BASE_THREAD_H

#include <pouch/error.h>
#include <pthread.h>

/* name is at most 15 characters. NO_MEMORY: the system gives no more threads. */
POUCH_MUST_CHECK pouch_err pl_thread_start(pthread_t *t, const char *name, void *(*fn)(void *), void *arg);

#endif
