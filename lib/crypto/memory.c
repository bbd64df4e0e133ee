#include <crypto/memory.h>
#include <string.h>
#include <sys/mman.h>

/*
 * Plain pages rather than OpenSSL's secure heap: that one is a process-wide arena of a fixed
 * size, which the program that uses the library may want to set up itself. The key schedules
 * that OpenSSL expands from a key stay on its ordinary heap either way; it wipes them when
 * their context is freed.
 */
void *pl_secret_map(size_t n) {
    void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) return NULL;
    /* Both are best effort: an unprivileged process may have no locked memory left, and works on. */
    (void)mlock(p, n);
    (void)madvise(p, n, MADV_DONTDUMP);
    return p;
}

void pl_secret_unmap(void *p, size_t n) {
    if (!p) return;
    explicit_bzero(p, n);
    munmap(p, n);
}
