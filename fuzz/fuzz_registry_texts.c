/* What the registry reads from others: records of the control topic, and the file of kept routes. */
#include <registry/announcement.h>
#include <registry/kept.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <wire/envelope.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { NOW = 1700000000000 };

static void require(bool truth) {
    if (!truth) abort();
}

/* A file in memory, and a path to it. */
static int file_of(const uint8_t *data, size_t n, char path[64]) {
    int fd = memfd_create("kept", MFD_CLOEXEC);
    require(fd >= 0 && write(fd, data, n) == (ssize_t)n);
    snprintf(path, 64, "/proc/self/fd/%d", fd);
    return fd;
}

/* Every route that was read is found, and has what routing needs. */
static void require_routes(const struct pl_snapshot *s) {
    const struct pl_registry_route *all = pl_snapshot_all(s);
    for (size_t i = 0; i < pl_snapshot_routes(s); i++) {
        const struct pl_registry_route *r = pl_snapshot_find(s, all[i].publisher, strlen(all[i].publisher));
        require(r && !strcmp(r->publisher, all[i].publisher));
        require(r->id && r->n_targets >= 1 && r->n_targets <= PL_TARGETS_MAX);
        for (size_t t = 0; t < r->n_targets; t++) require(r->targets[t][0]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    char path[64];
    int64_t read_ms;
    struct pl_snapshot *s;
    struct pl_announced told;
    if (pl_announcement_read(data, n, &told) == POUCH_OK)
        require(told.version > 0 && (!told.publisher[0] || pl_name_valid(told.publisher, strlen(told.publisher))));
    int fd = file_of(data, n, path);
    if (pl_kept_read(path, NOW, &s, &read_ms) == POUCH_OK) {
        require_routes(s);
        pl_snapshot_drop(s);
    }
    close(fd);
    return 0;
}
