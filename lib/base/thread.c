#include <base/thread.h>
#include <base/why.h>
#include <signal.h>
#include <string.h>

pouch_err pl_thread_start(pthread_t *t, const char *name, void *(*fn)(void *), void *arg) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(t, NULL, fn, arg);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed)
        return pl_fail(POUCH_E_NO_MEMORY, "no thread %s: %s; raise the limit of threads", name,
                       strerrordesc_np(failed));
    pthread_setname_np(*t, name);
    return POUCH_OK;
}
