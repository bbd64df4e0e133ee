#include <base/why.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <store/slot.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SLOTS = 1000 };

pouch_err pl_slot_try(int *fd, const char *folder, const char *name, int slot) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s-%03d.lock", folder, name, slot);
    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (*fd < 0) return pl_fail(POUCH_E_CONFIG, "store file %s cannot be made: %s", path, strerror(errno));
    if (!flock(*fd, LOCK_EX | LOCK_NB)) return POUCH_OK;
    close(*fd);
    *fd = -1;
    return POUCH_OK;
}

pouch_err pl_slot_take(int *slot, int *fd, const char *folder, const char *name) {
    for (*slot = 0; *slot < SLOTS; ++*slot) {
        pouch_err e = pl_slot_try(fd, folder, name, *slot);
        if (e || *fd >= 0) return e;
    }
    return pl_fail(POUCH_E_CONFIG, "store folder %s has %d writers, the most allowed", folder, SLOTS);
}

bool pl_slot_holds(int fd) {
    struct stat s;
    return !fstat(fd, &s) && s.st_nlink > 0;
}
