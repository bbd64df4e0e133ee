#include <doctor/look.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>

enum { MIB = 1024 * 1024, SCARCE = 64 * MIB };

static void dumps(struct doctor *d) {
    if (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0)
        doctor_good(d, "core dumps", "this host", "this program forbids its own");
    else
        doctor_bad(d, DOCTOR_WARN, "core dumps", "this host",
                   "set LimitCORE=0 (systemd) or `ulimit -c 0`, and keep core_pattern from taking dumps elsewhere",
                   "core dumps cannot be forbidden here: one would hold keys and payloads");
}

/* The folder itself may not be there yet. */
static int space_at(const char *path, struct statvfs *space) {
    char *at = strdup(path);
    int failed = at ? statvfs(at, space) : -1;
    while (failed && at && errno == ENOENT) {
        char *slash = strrchr(at, '/');
        if (!slash || slash == at) break;
        *slash = 0;
        failed = statvfs(at, space);
    }
    free(at);
    return failed;
}

static void judge_space(struct doctor *d, const char *folder, const struct statvfs *space) {
    double free_bytes = (double)space->f_bavail * (double)space->f_frsize;
    double wanted = (double)d->settings->trace_spool_bytes;
    if (free_bytes < SCARCE)
        doctor_bad(d, DOCTOR_FAIL, "disk", folder, "make room, or set trace.max_bytes and trace.ttl lower",
                   "%.0f MiB are free: traces and changes of routes cannot be written soon", free_bytes / MIB);
    else if (free_bytes < wanted)
        doctor_bad(d, DOCTOR_WARN, "disk", folder, "make room, or set trace.spool_bytes lower",
                   "%.0f MiB are free, less than the %.0f MiB that a process may spool (trace.spool_bytes)",
                   free_bytes / MIB, wanted / MIB);
    else
        doctor_good(d, "disk", folder, "%.0f MiB are free", free_bytes / MIB);
}

/* Where traces wait on this host. */
static void disk(struct doctor *d, const char *store_url) {
    struct statvfs space;
    char *beside = NULL;
    const char *folder = d->settings->trace_spool;
    if (!folder && strncmp(store_url, "sqlite://", 9) != 0) return;
    if (!folder) folder = beside = strdup(store_url + 9);
    if (!folder) {
        d->no_memory = true;
        return;
    }
    if (space_at(folder, &space))
        doctor_bad(d, DOCTOR_WARN, "disk", folder, "see that the folder can be reached by this user",
                   "its space cannot be told: %s", strerror(errno));
    else
        judge_space(d, folder, &space);
    free(beside);
}

void doctor_host(struct doctor *d, const char *store_url) {
    dumps(d);
    disk(d, store_url);
}
