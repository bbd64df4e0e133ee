/* Lines about who did what, on their way to a file. Inside the room. */
#ifndef POUCH_AUTH_AUDIT_H
#define POUCH_AUTH_AUDIT_H

#include <auth/auth.h>
#include <base/queue.h>
#include <pthread.h>

enum { AUTH_AUDIT_WAITING = 8192 /* lines */ };

struct auth_audit {
    char *path; /* NULL: none is kept */
    struct pl_queue *queue;
    int fd;
    bool failed; /* the last write: told of once */
};

POUCH_MUST_CHECK pouch_err auth_audit_open(struct auth_audit *a, const char *path); /* CONFIG, NO_MEMORY */
void auth_audit_close(struct auth_audit *a);

/* Any thread. */
void auth_audit_put(struct auth_audit *a, const struct auth_deed *deed, int64_t now_ms);

/* One thread at a time: writes what waits; opens the file anew, as when it was moved away. */
void auth_audit_write(struct auth_audit *a);
void auth_audit_reopen(struct auth_audit *a);

#endif
